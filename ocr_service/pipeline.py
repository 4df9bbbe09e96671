"""The story: the dose screens of one unit in, a proven report or the reason why not out.

A unit is all dose screens of one study from one scanner. Knows the order of the steps; must not know files,
networks or command lines, and asks neither the clock nor the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pydicom import Dataset

from ocr_service.dose.checks import Rounding, findings_of
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified, prove
from ocr_service.dose.report import Finding, PageRef, Scanner, doubt, note
from ocr_service.errors import InputError
from ocr_service.screen import layout
from ocr_service.screen.assemble import assemble
from ocr_service.screen.extract import PageReading, find_page, read_page
from ocr_service.screen.pixels import DoseScreen, dose_screens
from ocr_service.screen.preprocess import to_size
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Sums, Template

Outcome = Verified | NeedsReview | Unreadable


@dataclass(frozen=True, slots=True)
class _Read:
    template: Template
    page: PageReading


def read_unit(objects: Sequence[Dataset], library: Library, readers: Readers) -> Outcome:
    """Read, merge and prove the dose screens of one unit: objects with pixels, oldest first."""
    pages: list[_Read] = []
    findings: list[Finding] = []
    for ds in objects:
        try:
            screens = dose_screens(ds)
        except InputError as error:
            findings.append(doubt("pixels", f"an object of the unit has no readable picture: {error}"))
            continue
        for screen in screens:
            read, more = _read_screen(ds, screen, library, readers)
            findings += more
            if read is not None:
                pages.append(read)
    findings += [note("engines", fault) for fault in dict.fromkeys(readers.faults)]
    if not pages:
        why = findings[0].sentence if findings else "no dose screen"
        return Unreadable(why, tuple(findings))
    template = pages[-1].template
    if any(read.template.name != template.name for read in pages):
        findings.append(doubt("template", "the pages of the unit are of different templates"))
    study = str(objects[0].get("StudyInstanceUID", ""))
    whole = assemble(template, [read.page for read in pages], study, scanner_of(objects[-1]))
    found = (*findings, *whole.findings, *findings_of(whole.report, rounding_of(template)))
    return prove(whole.report, found)


def _read_screen(
    ds: Dataset, screen: DoseScreen, library: Library, readers: Readers
) -> tuple[_Read | None, list[Finding]]:
    """Choose the template by header, then by its anchors on the page; the more specific one goes first."""
    candidates = library.candidates(ds)
    if not candidates:
        return None, [doubt("template", "no template matches this object; `template explain FILE` tells why")]
    fitting: list[tuple[Template, _Read]] = []
    for template in candidates:
        pixels = to_size(screen.pixels, template.screen.rows, template.screen.columns)
        ink = layout.find_ink(pixels)
        page = find_page(template, ink, pixels, readers)
        if page is None:
            continue
        reading = read_page(template, *page, ink, pixels, PageRef(screen.sop_instance_uid, screen.frame), readers)
        fitting.append((template, _Read(template, reading)))
        if not any(other.extends == template.name or template.extends == other.name for other in candidates):
            continue
        break  # a template that extends another is tried before it, and is enough
    if not fitting:
        names = ", ".join(template.name for template in candidates)
        return None, [doubt("template", f"the page does not show the words of the templates that match: {names}")]
    template, read = fitting[0]
    notes = tuple(note("pixels", sentence) for sentence in screen.notes)
    rivals = [
        other.name for other, _ in fitting[1:] if other.extends != template.name and template.extends != other.name
    ]
    if rivals:
        both = f"two templates fit and neither extends the other: {template.name}, {', '.join(rivals)}"
        notes = (*notes, doubt("template", both))
    return replace(read, page=replace(read.page, findings=(*read.page.findings, *notes))), []


def rounding_of(template: Template) -> Rounding:
    """How far the template lets the rows' sum miss the total; exact where it says nothing."""
    sums = [Decimal(check.within) for check in template.checks if isinstance(check, Sums)]
    return Rounding(max(sums, default=Decimal(0)))


def scanner_of(ds: Dataset) -> Scanner:
    """The scanner as the object's header names it (PS3.3 C.7.5.1)."""

    def text(keyword: str) -> str:
        value = ds.get(keyword, "")
        return "" if value is None else str(value)

    return Scanner(
        manufacturer=text("Manufacturer"),
        model_name=text("ManufacturerModelName"),
        serial_number=text("DeviceSerialNumber"),
        station_name=text("StationName"),
        software_versions=text("SoftwareVersions"),
        device_uid=text("DeviceUID"),
    )
