"""What was found on a page as frames, edges and a foot for its picture.

Knows readings and templates; must not know how a frame is drawn, nor files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocr_service.author.reading import FoundPage, PageView, best_page
from ocr_service.screen.overlay import Edge, Frame, Mark, Picture, drawn
from ocr_service.screen.pixels import DoseScreen
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import CellReading
from ocr_service.templates.schema import Template


def picture_of(view: PageView, foot: Sequence[str]) -> Picture:
    """The page with its anchors, fields and cells, as far as any were found. uint8 (rows, columns, 3)."""
    if view.page is None or view.reading is None:
        return drawn(view.screen.pixels, (), (), foot)
    frames = [*_table(view.page), *_anchors(view.page)]
    frames += [frame for cell in view.reading.fields.values() for frame in _cell(cell)]
    frames += [frame for row in view.reading.rows for cell in row.cells.values() for frame in _cell(cell)]
    return drawn(view.page.shown, frames, _edges(view.page), foot)


def picture_of_template(page: FoundPage, foot: Sequence[str]) -> Picture:
    """The page with the template's areas and columns, nothing read but the anchors. uint8 (rows, columns, 3)."""
    spec = page.sheet.spec
    frames = [*_table(page), *_anchors(page)]
    for name in spec.anchors:
        place = page.place(spec.anchors[name].area)
        if place is not None and name not in page.found:
            frames.append(Frame(place, Mark.UNREAD, f"{name} is looked for here"))
    for quantity, field in spec.fields.items():
        place = page.place(field.area)
        if place is not None:
            frames.append(Frame(place, Mark.AREA, quantity.value))
    return drawn(page.shown, frames, _edges(page), foot)


def best_of(templates: Sequence[Template], screen: DoseScreen, readers: Readers) -> FoundPage:
    """The page of these templates that the screen shows most of; the earlier template where two show as much."""
    return min(
        (best_page(template, screen, readers) for template in templates),
        key=lambda page: len(page.missing) / len(page.sheet.spec.anchors),
    )


def template_foot(page: FoundPage) -> tuple[str, ...]:
    """Which page it is, and which of its required anchors do not stand there."""
    template = page.template
    told = f"{template.name} r{template.revision}, page {page.sheet.kind}: {len(page.found)} anchors found"
    missing = f"not found: {', '.join(page.missing)}" if page.missing else ""
    return (told, missing) if missing else (told,)


def _cell(cell: CellReading) -> Iterator[Frame]:
    box = cell.evidence.box
    if box is None:
        return
    if cell.evidence.drawn:
        yield Frame(box, Mark.BLANK)
    elif cell.proven:
        yield Frame(box, Mark.PROVEN, cell.text)
    elif cell.text:
        yield Frame(box, Mark.UNPROVEN, f"{cell.text} ?")
    else:
        yield Frame(box, Mark.UNREAD, "?")


def _anchors(page: FoundPage) -> Iterator[Frame]:
    for name, anchor in page.found.items():
        yield Frame(anchor.box, Mark.ANCHOR if anchor.proven else Mark.UNPROVEN_ANCHOR, name)


def _table(page: FoundPage) -> Iterator[Frame]:
    table = page.sheet.spec.table
    place = page.place(table.area) if table is not None else None
    if place is not None:
        yield Frame(place, Mark.AREA)


def _edges(page: FoundPage) -> list[Edge]:
    table = page.sheet.spec.table
    place = page.place(table.area) if table is not None else None
    if place is None:
        return []
    return [
        Edge(left, place.top, place.bottom, quantity.value)
        for columns in page.sheet.stack()
        for quantity, (left, _) in columns.items()
    ]
