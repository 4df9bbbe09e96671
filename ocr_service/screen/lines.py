"""What a line of the table is: an event, a repeated heading, the name of a group, an explained text.

Knows the template's lines; must not know values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from ocr_service.dose.report import Box
from ocr_service.screen import anchors as anchoring
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, Found
from ocr_service.screen.layout import Pixels
from ocr_service.screen.readers import Question, Readers
from ocr_service.templates.schema import PageLayout, TableLayout, ValueType


class LineKind(Enum):
    """A line without a protocol to carry on."""

    EVENT = "event"
    EXPLAINED = "explained"
    UNKNOWN = "unknown"


def kind_of_line(
    spec: PageLayout, table: TableLayout, line: Sequence[Box], found: Found, pixels: Pixels, readers: Readers
) -> LineKind | str:
    """The kind of the line, or the protocol that a group line names."""
    box = layout.around(line)
    if any(layout.inside(box, anchor.box) for anchor in found.values()):
        return LineKind.EXPLAINED  # the total line, or the first heading of a repeating table
    if table.repeats_heading and _is_heading(spec, table, line, found, pixels, readers):
        return LineKind.EXPLAINED
    if len(layout.phrases(line, 1.5)) == 1 or not _has_number(table, line, found):
        return _text_line(table, line, pixels, readers)
    return LineKind.EVENT


def _has_number(table: TableLayout, line: Sequence[Box], found: Found) -> bool:
    """Does ink stand in any column of numbers?"""
    for column in table.columns.values():
        left, right = anchoring.edge(column.left, found), anchoring.edge(column.right, found)
        if left is None or right is None or column.type not in (ValueType.INTEGER, ValueType.DECIMAL):
            continue
        if any(left <= (word.box.left + word.box.right) / 2 < right for word in layout.words(line)):
            return True
    return False


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
    spec: PageLayout, table: TableLayout, line: Sequence[Box], found: Found, pixels: Pixels, readers: Readers
) -> bool:
    """Does the line say in each column what the column's heading says, and nothing else?"""
    questions = []
    left_over = set(line)
    for column in table.columns.values():
        left, right = anchoring.edge(column.left, found), anchoring.edge(column.right, found)
        if left is None or right is None or not column.heading:
            continue
        words = [w for w in layout.words(line) if left <= (w.box.left + w.box.right) / 2 < right]
        if not words:
            continue
        shapes = [shape for word in words for shape in word.shapes]
        left_over -= set(shapes)
        said = tuple(text for name in column.heading for text in spec.anchors[name].text)
        box = layout.around(shapes)
        questions.append(Question(layout.crop(pixels, box, MARGIN), anchoring.same_word(said), vote=False))
    return len(questions) > 1 and not left_over and all(answer.witnesses for answer in readers.ask(questions))
