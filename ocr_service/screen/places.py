"""Edges, areas and columns of a template in pixels of one page: pure geometry.

Knows the template's edges and where its anchors stand; must not know readers or values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.layout import Pixels, Run
from ocr_service.templates.schema import Area, Edge, TableLayout

Boxes = Mapping[str, Box]
Columns = Mapping[Quantity, tuple[int, int]]


def page_box(pixels: Pixels) -> Box:
    """The whole page, which edges may hang on like on an anchor: `page.bottom`."""
    rows, columns = pixels.shape
    return Box(0, 0, columns, rows)


def edge(place: Edge, boxes: Boxes) -> int | None:
    """The edge in pixels of this page; None where its anchor was not found."""
    if not place.anchor:
        return place.offset
    box = boxes.get(place.anchor)
    return None if box is None else int(getattr(box, place.side)) + place.offset


def area(place: Area, found: Boxes) -> Box | None:
    """The area in pixels of this page; None where one of its anchors was not found or it is turned inside out."""
    left, top = edge(place.left, found), edge(place.top, found)
    right, bottom = edge(place.right, found), edge(place.bottom, found)
    if left is None or top is None or right is None or bottom is None or right <= left or bottom <= top:
        return None
    return Box(left, top, right, bottom)


def columns_of(table: TableLayout, found: Boxes) -> Columns:
    """Left and right edge of each column on this page; columns whose anchors are missing are left out."""
    places: dict[Quantity, tuple[int, int]] = {}
    for quantity, column in table.columns.items():
        left, right = edge(column.left, found), edge(column.right, found)
        if left is not None and right is not None and left < right:
            places[quantity] = (left, right)
    return places


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
