"""Edges, areas and columns of a template in pixels of one page: pure geometry.

Knows the template's edges and where its anchors stand; must not know readers or values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.layout import Pixels, Run
from ocr_service.templates.edges import NEXT, Area, Edge
from ocr_service.templates.schema import ColumnLayout, TableLayout

Boxes = Mapping[str, Box]
Columns = Mapping[Quantity, tuple[int, int]]
Stack = tuple[Columns, ...]  # the columns of each line of the heading

SAME_LINE = 6  # px: headings of one line stand no further apart


def page_box(pixels: Pixels) -> Box:
    """The whole page, which edges may hang on like on an anchor: `page.bottom`."""
    rows, columns = pixels.shape
    return Box(0, 0, columns, rows)


def edge(place: Edge, boxes: Boxes) -> int | None:
    """The edge in pixels of this page; None where its anchor was not found."""
    if not place.anchor:
        return place.offset
    box = boxes.get(place.anchor)
    if box is None:
        return None
    side = (box.left + box.right) // 2 if place.side == "center" else int(getattr(box, place.side))
    return side + place.offset


def area(place: Area, found: Boxes) -> Box | None:
    """The area in pixels of this page; None where one of its anchors was not found or it is turned inside out."""
    left, top = edge(place.left, found), edge(place.top, found)
    right, bottom = edge(place.right, found), edge(place.bottom, found)
    if left is None or top is None or right is None or bottom is None or right <= left or bottom <= top:
        return None
    return Box(left, top, right, bottom)


def stack_of(table: TableLayout, found: Boxes) -> Stack:
    """Left and right edge of each column on this page, one mapping a line of the heading, at least one.

    Columns whose anchors are missing are left out. Without `stacked` all columns are of one line.
    """
    count, lines = _lines(table, found)
    return tuple(_columns(table, found, [q for q, own in lines.items() if own == number]) for number in range(count))


def _lines(table: TableLayout, found: Boxes) -> tuple[int, Mapping[Quantity, int]]:
    """How many lines an event takes, and each column's, from 0: as the columns say, else by their headings."""
    if any(column.line for column in table.columns.values()):
        lines = {q: (column.line or 1) - 1 for q, column in table.columns.items()}
        return max(lines.values()) + 1, lines
    tops = _line_tops(table, found)
    return len(tops), {q: _line_of(column, found, tops) for q, column in table.columns.items()}


def _line_tops(table: TableLayout, found: Boxes) -> list[int]:
    """The top of each heading line; a single one where headings are not stacked."""
    names = {name for column in table.columns.values() for name in column.heading if name in found}
    tops: list[int] = []
    for top in sorted(found[name].top for name in names) if table.stacked else ():
        if not tops or top - tops[-1] > SAME_LINE:
            tops.append(top)
    return tops or [0]


def _columns(table: TableLayout, found: Boxes, quantities: Sequence[Quantity]) -> Columns:
    own = {q: table.columns[q] for q in quantities}
    lefts = {q: left for q, c in own.items() if (left := edge(c.left, found)) is not None}
    end = edge(table.area.right, found)
    places: dict[Quantity, tuple[int, int]] = {}
    for quantity, left in lefts.items():
        right = edge(own[quantity].right, found)
        if own[quantity].right.side == NEXT:
            right = min((other for other in lefts.values() if other > left), default=end)
        if right is not None and left < right:
            places[quantity] = (left, right)
    return places


def _line_of(column: ColumnLayout, found: Boxes, tops: Sequence[int]) -> int:
    known = [found[name].top for name in column.heading if name in found]
    return max(number for number, top in enumerate(tops) if top <= known[0]) if known and len(tops) > 1 else 0


def owners(word: Run, columns: Columns) -> list[Quantity]:
    """The columns that the middle of the word stands in."""
    middle = (word.box.left + word.box.right) / 2
    return [quantity for quantity, (left, right) in columns.items() if left <= middle < right]


def by_column(line: Sequence[Box], columns: Columns) -> tuple[dict[Quantity, list[Box]], list[Run]]:
    """The line's shapes by the column that the middle of their word stands in, and the words of no single column."""
    members: dict[Quantity, list[Box]] = {}
    strays: list[Run] = []
    for word in layout.words(line):
        owner = owners(word, columns)
        if len(owner) == 1:
            members.setdefault(owner[0], []).extend(word.shapes)
        else:
            strays.append(word)
    return members, strays
