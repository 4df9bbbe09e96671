"""What a line of the table is: an event, a repeated heading, the name of a group, an explained text.

Knows the template's lines; must not know values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, Columns, Found, by_column, owners, same_word
from ocr_service.screen.layout import Pixels
from ocr_service.screen.readers import Question, Readers
from ocr_service.templates.schema import PageLayout, TableLayout, ValueType

_NUMBERS = (ValueType.INTEGER, ValueType.DECIMAL)


class LineKind(Enum):
    """A line without a protocol to carry on."""

    EVENT = "event"
    EXPLAINED = "explained"
    UNKNOWN = "unknown"


def kind_of_line(
    spec: PageLayout,
    table: TableLayout,
    line: Sequence[Box],
    found: Found,
    columns: Columns,
    pixels: Pixels,
    readers: Readers,
) -> LineKind | str:
    """The kind of the line, or the protocol that a group line names."""
    box = layout.around(line)
    if any(layout.inside(box, anchor.box) for anchor in found.values()):
        return LineKind.EXPLAINED  # the total line, or the first heading of a repeating table
    members, strays = by_column(line, columns)
    if table.repeats_heading and not strays and _is_heading(spec, table, members, pixels, readers):
        return LineKind.EXPLAINED
    has_number = any(table.columns[q].type in _NUMBERS for word in layout.words(line) for q in owners(word, columns))
    if len(layout.phrases(line, 1.5)) == 1 or not has_number:
        return _text_line(table, line, pixels, readers)
    return LineKind.EVENT


def _text_line(table: TableLayout, line: Sequence[Box], pixels: Pixels, readers: Readers) -> LineKind | str:
    box = layout.around(line)
    patterns = [
        re.compile(pattern, re.IGNORECASE) for pattern in (*table.lines, *([table.group] if table.group else []))
    ]

    def fits(text: str) -> str | None:
        plain = " ".join(text.split())
        return plain if any(pattern.fullmatch(plain) for pattern in patterns) else None

    answer = readers.ask([Question(layout.crop(pixels, box, MARGIN), fits, vote=False)])[0]
    for witness in answer.witnesses:
        group = re.fullmatch(table.group, witness.text, re.IGNORECASE) if table.group else None
        if group is not None:
            return group["protocol"]
        return LineKind.EXPLAINED
    return LineKind.UNKNOWN


def _is_heading(
    spec: PageLayout,
    table: TableLayout,
    members: Mapping[Quantity, Sequence[Box]],
    pixels: Pixels,
    readers: Readers,
) -> bool:
    """Does the line say in each column what the column's heading says, and nothing else?"""
    questions = []
    for quantity, shapes in members.items():
        heading = table.columns[quantity].heading
        if not heading:
            return False
        said = tuple(text for name in heading for text in spec.anchors[name].text)
        box = layout.around(shapes)
        questions.append(Question(layout.crop(pixels, box, MARGIN), same_word(said), vote=False))
    return len(questions) > 1 and all(answer.witnesses for answer in readers.ask(questions))
