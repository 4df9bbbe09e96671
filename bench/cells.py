"""The cells of a page as pictures, by the boxes of a reading.

Knows reports and pixels; must not know how they are timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydicom import dcmread

from ocr_service.dose.report import CTDoseReport, IrradiationEvent, Reading
from ocr_service.screen import layout
from ocr_service.screen.layout import Pixels
from ocr_service.screen.pixels import dose_screens
from ocr_service.screen.preprocess import to_size
from ocr_service.templates.library import Library

MARGIN = 8  # pixels around the ink


def cells_of(report: CTDoseReport, screens: Sequence[Path], library: Library) -> list[Pixels]:
    """One picture for each value that was read from a page."""
    template = next(t for t in library.templates if report.template.startswith(f"{t.name} r"))
    pages = {}
    for path in screens:
        for screen in dose_screens(dcmread(path)):
            pixels = to_size(screen.pixels, template.screen.rows, template.screen.columns)
            pages[(screen.sop_instance_uid, screen.frame)] = pixels
    found = []
    for reading in _readings(report):
        evidence = reading.evidence
        if evidence.page is not None and evidence.box is not None:
            page = pages.get((evidence.page.sop_instance_uid, evidence.page.frame))
            if page is not None:
                found.append(layout.crop(page, evidence.box, MARGIN))
    return found


def _readings(report: CTDoseReport) -> Iterator[Reading[Any]]:
    if report.dlp_total is not None:
        yield report.dlp_total
    for _, total in report.phantom_totals:
        yield total
    for event in report.events:
        yield from _of_event(event)


def _of_event(event: IrradiationEvent) -> Iterator[Reading[Any]]:
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Reading):
            yield value
    for _, reading in event.others:
        yield reading
