"""What was found on a page as frames, edges and a foot for its picture.

Knows readings and templates; must not know how a frame is drawn, nor files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocr_service.author.reading import FoundPage, ObjectView, PageView, best_page
from ocr_service.author.telling import foot
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.overlay import Edge, Frame, Mark, Picture, drawn
from ocr_service.screen.pixels import DoseScreen
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import CellReading, PageReading
from ocr_service.templates.schema import Template

_PLACE = re.compile(r"\bat (?:x (?P<x>\d+), )?y (?P<y>\d+)")  # as doubts of unexplained ink and lines say it


def pictures_of(view: ObjectView, templates: Sequence[Template], readers: Readers) -> list[Picture]:
    """A picture a page. templates: those that fit the header; where none reads the page, what one looks for."""
    pictures = []
    for page in view.pages:
        if page.page is None and templates:
            best = best_of(templates, page.screen, readers)
            pictures.append(picture_of_template(best, (*foot(page, view), *template_foot(best))))
        else:
            pictures.append(picture_of(page, foot(page, view)))
    return pictures


def picture_of(view: PageView, told: Sequence[str]) -> Picture:
    """The page with its anchors, fields and cells, as far as any were found. uint8 (rows, columns, 3)."""
    if view.page is None or view.reading is None:
        return drawn(view.screen.pixels, (), (), told)
    frames = [*_table(view.page), *_anchors(view.page)]
    frames += [frame for cell in view.reading.fields.values() for frame in _cell(cell)]
    frames += [frame for row in view.reading.rows for cell in row.cells.values() for frame in _cell(cell)]
    frames += [Frame(box, Mark.STRANGE, "?") for box in _strange(view.page, view.reading)]
    return drawn(view.page.shown, frames, _edges(view.page), told)


def _strange(page: FoundPage, reading: PageReading) -> Iterator[Box]:
    """The phrases that a doubt speaks of by their place: ink that the template does not explain."""
    runs = layout.phrases(page.sheet.ink.shapes)
    for finding in reading.findings:
        place = _PLACE.search(finding.sentence)
        if place is None:
            continue
        left, top = place["x"], int(place["y"])
        for run in runs:
            on_line = run.box.top <= top < run.box.bottom
            if on_line and (left is None or run.box.left <= int(left) < run.box.right):
                yield run.box


def picture_of_template(page: FoundPage, told: Sequence[str]) -> Picture:
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
    return drawn(page.shown, frames, _edges(page), told)


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
        seen = next((text for _, text in cell.evidence.seen if text), "")
        yield Frame(box, Mark.UNREAD, f"{seen}?")


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
