"""One object, read cell by cell as the service reads it, with what vouches for each cell in the end.

Knows the story and the rooms below it; must not know files, terminals or pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydicom import Dataset

from ocr_service.dose.proof import Verified
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import (
    Box,
    CTDoseReport,
    Evidence,
    IrradiationEvent,
    PageRef,
    Phantom,
    Reading,
    Witness,
    WitnessKind,
)
from ocr_service.errors import InputError
from ocr_service.pipeline import Ending, console_of, read_unit
from ocr_service.screen import layout, places
from ocr_service.screen.anchors import MORE_GAPS, Phrases, place_anchors
from ocr_service.screen.asking import Words, read_words
from ocr_service.screen.extract import read_page
from ocr_service.screen.fitting import fitting_pages
from ocr_service.screen.layout import Pixels
from ocr_service.screen.pixels import DoseScreen, dose_screens
from ocr_service.screen.preprocess import to_size
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import CellReading, Found, PageReading, RowReading, judge
from ocr_service.screen.sheet import Sheet
from ocr_service.templates.edges import Area
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Template

_TOTALS = {Quantity.DLP_TOTAL_HEAD: Phantom.HEAD, Quantity.DLP_TOTAL_BODY: Phantom.BODY}


@dataclass(frozen=True, slots=True, eq=False)
class FoundPage:
    """A page of a template on a screen, and which of its anchors stand there with what vouches for them."""

    sheet: Sheet
    found: Found
    shown: Pixels  # the screen in the template's size, bars and grey ground and all

    @property
    def template(self) -> Template:
        """The template it is a page of."""
        return self.sheet.template

    @property
    def missing(self) -> tuple[str, ...]:
        """The required anchors that were not found."""
        return tuple(n for n, anchor in self.sheet.spec.anchors.items() if anchor.required and n not in self.found)

    def place(self, area: Area) -> Box | None:
        """The part of an area that lies on this page, in its pixels; None where one of its anchors is missing."""
        box = places.area(area, self.sheet.boxes)
        if box is None:
            return None
        rows, columns = self.sheet.pixels.shape
        left, top = min(max(box.left, 0), columns), min(max(box.top, 0), rows)
        return Box(left, top, max(left, min(box.right, columns)), max(top, min(box.bottom, rows)))


@dataclass(frozen=True, slots=True, eq=False)
class PageView:
    """One screen, the page that it was read as, and what was read; both None where no template's words stand on it."""

    screen: DoseScreen
    page: FoundPage | None
    reading: PageReading | None


@dataclass(frozen=True, slots=True, eq=False)
class ObjectView:
    """All pages of one object, and the ending of a unit that holds nothing else."""

    pages: tuple[PageView, ...]
    ending: Ending


def look(ds: Dataset, library: Library, readers: Readers) -> ObjectView:
    """Read one object with pixels, as if its study held nothing else.

    PixelError where the object has no picture. A page that no template fits is a view without a reading.
    """
    ending = read_unit([ds], library, readers)
    views = [_view(ds, screen, library, readers) for screen in dose_screens(ds)]
    return ObjectView(tuple(_in_the_end(view, ending) for view in views), ending)


def screens_of(ds: Dataset) -> tuple[DoseScreen, ...]:
    """The pages of an object; none where it has no picture."""
    try:
        return dose_screens(ds)
    except InputError:
        return ()


def pages_of(template: Template, screen: DoseScreen, readers: Readers) -> Iterator[FoundPage]:
    """Each kind of page of the template, with the anchors of it that stand on the screen."""
    pixels = layout.flat(_in_size(template, screen))
    ink = layout.find_ink(pixels)
    for kind, spec in template.pages.items():
        placed = place_anchors(spec, Phrases(ink, pixels, readers))
        if any(anchor.required and name not in placed for name, anchor in spec.anchors.items()):
            placed = place_anchors(spec, Phrases(ink, pixels, readers, MORE_GAPS), thoroughly=True)
        yield _proven(Sheet(template, kind, placed, ink, pixels, readers), screen)


def _proven(sheet: Sheet, screen: DoseScreen) -> FoundPage:
    anchors = sheet.spec.anchors
    words = [Words(place.run, anchors[name].text, dose=True) for name, place in sheet.places.items()]
    found = dict(zip(sheet.places, read_words(sheet, words), strict=True))
    return FoundPage(sheet, found, _in_size(sheet.template, screen))


def _in_size(template: Template, screen: DoseScreen) -> Pixels:
    rows, columns = screen.pixels.shape
    return to_size(screen.pixels, *template.screen.of((rows, columns)))


def best_page(template: Template, screen: DoseScreen, readers: Readers) -> FoundPage:
    """The kind of page that the screen shows most of: the fewest required anchors missing, the most found."""
    return min(pages_of(template, screen, readers), key=lambda page: (len(page.missing), -len(page.found)))


def _view(ds: Dataset, screen: DoseScreen, library: Library, readers: Readers) -> PageView:
    sheets = fitting_pages(library.candidates(ds), screen, readers, console_of(ds))
    if not sheets:
        return PageView(screen, None, None)
    reading = read_page(sheets[0], PageRef(screen.sop_instance_uid, screen.frame))
    return PageView(screen, FoundPage(sheets[0], reading.anchors, _in_size(sheets[0].template, screen)), reading)


def _in_the_end(view: PageView, ending: Ending) -> PageView:
    """Let each cell carry what vouches for it after arithmetic, console's text and images have spoken."""
    report = getattr(ending.outcome, "report", None)
    if view.reading is None or not isinstance(report, CTDoseReport):
        return view
    final = {(quantity, _place(reading.evidence)): reading for quantity, reading in _readings(report)}
    verified = isinstance(ending.outcome, Verified)
    fields = {q: _final(q, cell, final, verified) for q, cell in view.reading.fields.items()}
    rows = tuple(
        RowReading({q: _final(q, cell, final, verified) for q, cell in row.cells.items()}, row.group)
        for row in view.reading.rows
    )
    return replace(view, reading=replace(view.reading, fields=fields, rows=rows))


def _place(evidence: Evidence) -> tuple[object, object]:
    return evidence.page, evidence.box


def _final(
    quantity: Quantity,
    cell: CellReading,
    final: Mapping[tuple[Quantity, tuple[object, object]], Reading[Any]],
    verified: bool,
) -> CellReading:
    if quantity is Quantity.PAGE_MARKER and verified and not cell.proven:
        # In a verified report the marker is proven; where readers did not do it, the closed sum did.
        return judge(replace(cell, evidence=cell.evidence.and_witness(Witness(WitnessKind.ARITHMETIC, cell.text))))
    reading = final.get((quantity, _place(cell.evidence)))
    if reading is None or cell.evidence.box is None:
        return cell
    return replace(judge(replace(cell, evidence=reading.evidence)), proven=reading.proven)


def _readings(report: CTDoseReport) -> Iterator[tuple[Quantity, Reading[Any]]]:
    for event in report.events:
        yield from _of_event(event)
    totals = [(Quantity.DLP_TOTAL, report.dlp_total)]
    totals += [(q, total) for q, who in _TOTALS.items() for phantom, total in report.phantom_totals if phantom is who]
    yield from ((quantity, total) for quantity, total in totals if total is not None)


def _of_event(event: IrradiationEvent) -> Iterator[tuple[Quantity, Reading[Any]]]:
    told: tuple[tuple[Quantity, Reading[Any] | None], ...] = (
        (Quantity.ACQUISITION_TYPE, event.acquisition_type),
        (Quantity.MEAN_CTDIVOL, event.mean_ctdivol),
        (Quantity.DLP, event.dlp),
        (Quantity.PHANTOM, event.phantom),
    )
    yield from ((quantity, reading) for quantity, reading in told if reading is not None)
