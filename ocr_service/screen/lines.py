"""What a line of the table is: an event, a repeated heading, the name of a group, an explained text.

Knows the template's lines; must not know values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import same_word
from ocr_service.screen.layout import Run
from ocr_service.screen.places import Columns, Stack, by_column, owners
from ocr_service.screen.sheet import Sheet
from ocr_service.screen.words import concept_of
from ocr_service.templates.schema import TableLayout, ValueType

_NUMBERS = (ValueType.INTEGER, ValueType.DECIMAL)


class LineKind(Enum):
    """A line without a protocol to carry on."""

    EVENT = "event"
    CONTINUED = "continued"  # a further line of the event above
    EXPLAINED = "explained"
    MIXED = "mixed"  # an anchor stands on it: each phrase is explained on its own
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A line that names the protocol of the rows below it."""

    protocol: str


def kind_of_line(sheet: Sheet, table: TableLayout, line: Sequence[Box], stack: Stack) -> LineKind | GroupLine:
    """The kind of the line."""
    box = layout.around(line)
    if any(layout.inside(box, place.run.box) for place in sheet.places.values()):
        return LineKind.MIXED  # the total line, or the first heading of a repeating table
    if table.repeats_heading and any(_is_heading(sheet, table, line, columns) for columns in stack):
        return LineKind.EXPLAINED
    columns = stack[0]
    _, first = columns.get(next(iter(table.columns)), (0, 0))
    if table.stacked and box.left >= first:
        return LineKind.CONTINUED
    has_number = any(table.columns[q].type in _NUMBERS for word in layout.words(line) for q in owners(word, columns))
    if len(layout.phrases(line, 1.5)) == 1 or not has_number:
        return _text_line(sheet, table, box, _only_choice(sheet, table, *by_column(line, columns)))
    return LineKind.EVENT


def _only_choice(
    sheet: Sheet, table: TableLayout, members: Mapping[Quantity, Sequence[Box]], strays: Sequence[Run]
) -> Mapping[str, tuple[str, ...]]:
    """The words that a line of one column can say: a row without any number prints its type alone."""
    columns = [table.columns[quantity] for quantity in members]
    if strays or len(columns) != 1 or columns[0].type is not ValueType.CHOICE or not columns[0].choices:
        return {}
    return sheet.template.choices[columns[0].choices]


def _text_line(
    sheet: Sheet, table: TableLayout, box: Box, choices: Mapping[str, tuple[str, ...]]
) -> LineKind | GroupLine:
    """By the known letters, then PP-OCR; Tesseract is asked only where their texts are explained by nothing."""
    for read in sheet.looks:
        text = " ".join(read([box])[0].split())
        if concept_of(choices, text) is not None:
            return LineKind.EVENT
        group = re.fullmatch(table.group, text, re.IGNORECASE) if table.group else None
        if group is not None:
            return GroupLine(group["protocol"])
        if not _may_be_a_row(text) and any(re.fullmatch(pattern, text, re.IGNORECASE) for pattern in table.lines):
            return LineKind.EXPLAINED
    return LineKind.UNKNOWN


def _may_be_a_row(text: str) -> bool:
    """A decimal number, or two numbers: a row printed with narrow gaps is no text that a pattern may explain away."""
    return re.search(r"\d[.,]\d", text) is not None or len(re.findall(r"\d+", text)) > 1


def _is_heading(sheet: Sheet, table: TableLayout, line: Sequence[Box], columns: Columns) -> bool:
    """Does the line say in each column what the column's heading says, and nothing else?"""
    members, strays = by_column(line, columns)
    if strays or len(members) < (1 if table.stacked else 2):
        return False
    if not all(table.columns[quantity].heading for quantity in members):
        return False
    boxes = [layout.around(shapes) for shapes in members.values()]
    words = [
        same_word(tuple(text for name in table.columns[quantity].heading for text in sheet.spec.anchors[name].text))
        for quantity in members
    ]
    for read in sheet.looks:
        if all(known(text) is not None for known, text in zip(words, read(boxes), strict=True)):
            return True
    return False
