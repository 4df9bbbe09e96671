"""Batch conversion of files: each unit read, proven, and written.

Knows folders and outcomes; must not know how a screen is read. Whatever is found ends in a line of the report or
in a count: nothing is lost, and one bad file never stops the rest.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from pydicom import Dataset

from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.errors import InputError, OutputError
from ocr_service.pipeline import Context, Ending, FromHeader, Outcome, Skipped, read_headers, read_unit
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.native import AlreadyOurs, Predecessor
from ocr_service.rdsr.sop import XRayRadiationDoseSR
from ocr_service.rdsr.source import SourceStudy
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.work.inventory import Inventory, UnitFiles, discover, read_object, take_stock

_EMITTED_AS = {Verified: "verified", FromHeader: "header", NeedsReview: "review"}


@dataclass(frozen=True, slots=True)
class Converted:
    """One unit's ending: its objects, what was read, the RDSR's path relative to the output folder."""

    study_instance_uid: str | None
    series_instance_uids: tuple[str, ...]
    sop_instance_uids: tuple[str, ...]
    outcome: Outcome
    rdsr: str | None
    milliseconds: int


def convert(
    paths: Sequence[Path], library: Library, readers: Readers, out: Path, emit: frozenset[str]
) -> tuple[Inventory, Iterator[Converted]]:
    """Everything below the paths: what was found, and each unit's ending as it comes."""
    stock = take_stock(discover(paths), library)

    def endings() -> Iterator[Converted]:
        for _ in stock.broken:
            yield broken_line(None, "a DICOM file that cannot be read")
        for unit in stock.units:
            yield convert_unit(unit, library, readers, out, emit, perf_counter)

    return stock, endings()


def convert_unit(
    unit: UnitFiles, library: Library, readers: Readers, out: Path, emit: frozenset[str], clock: Callable[[], float]
) -> Converted:
    """Read one unit and write its RDSR where its outcome is to be emitted. OutputError where that fails."""
    began = clock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote header values, and those may name a patient
        objects, broken = _objects(unit.screens or unit.images, pixels=bool(unit.screens))
        if broken or not objects:
            return broken_line(unit.study_instance_uid, broken or "the unit holds no object that can be read")
        images = _objects(unit.images, pixels=False)[0] if unit.screens else objects
        reports = [*_objects(unit.dose_reports, pixels=False)[0], *earlier(unit.study_instance_uid, out)]
        context = Context(tuple(images), tuple(reports))
        ending = read_unit(objects, library, readers, context) if unit.screens else read_headers(objects, context)
        outcome = ending.outcome
        try:
            written = _emitted(ending, objects, out, emit)
        except InputError as error:  # the header cannot be cited, for example by its UIDs
            outcome, written = Unreadable(str(error)), None
    series = tuple(dict.fromkeys(str(ds.get("SeriesInstanceUID", "")) for ds in objects))
    instances = tuple(str(ds.SOPInstanceUID) for ds in objects)
    spent = round((clock() - began) * 1000)
    return Converted(unit.study_instance_uid, series, instances, outcome, written, spent)


def broken_line(study: str | None, why: str) -> Converted:
    """The line of an object that cannot be read."""
    return Converted(study, (), (), Unreadable(why), None, 0)


def _objects(paths: Iterable[Path], *, pixels: bool) -> tuple[list[Dataset], str]:
    """The objects that can be read, and why one cannot ("" where all can)."""
    objects, why = [], ""
    for path in paths:
        try:
            objects.append(read_object(path, pixels=pixels))
        except InputError as error:
            why = str(error)
    return objects, why


def folder_of(study_instance_uid: str) -> str:
    """The folder of a study's RDSRs: a digest, since a UID from the network is never a path."""
    return sha256(study_instance_uid.encode()).hexdigest()[:16]


def earlier(study_instance_uid: str, out: Path) -> list[Dataset]:
    """The RDSRs of the study that lie in the output folder already."""
    return _objects(sorted((out / folder_of(study_instance_uid)).glob("*.dcm")), pixels=False)[0]


def _emitted(ending: Ending, objects: Sequence[Dataset], out: Path, emit: frozenset[str]) -> str | None:
    """Write what is to be emitted; one of ours that says the same stands, another one becomes the predecessor."""
    outcome = ending.outcome
    if isinstance(outcome, Unreadable | Skipped) or _EMITTED_AS[type(outcome)] not in emit or not outcome.report.events:
        return None
    predecessor = None
    match ending.native:
        case AlreadyOurs(parsed):
            standing = f"{folder_of(outcome.report.study_instance_uid)}/{parsed.sop_instance_uid}.dcm"
            return standing if (out / standing).is_file() else None
        case Predecessor(parsed):
            predecessor = parsed.prior
        case _:
            pass
    headers = tuple(_without_pixels(ds) for ds in objects)
    document = rdsr(
        outcome.report,
        SourceStudy(headers),
        verified=isinstance(outcome, Verified),
        findings=outcome.findings,
        predecessor=predecessor,
    )
    return _write(document, outcome.report.study_instance_uid, out)


def _without_pixels(ds: Dataset) -> Dataset:
    header = Dataset()
    header.update({element.tag: element for element in ds if element.keyword != "PixelData"})
    return header


def _write(document: XRayRadiationDoseSR, study_instance_uid: str, out: Path) -> str:
    """Write the document below `out` in one step; returns its path relative to `out`. OutputError."""
    name = f"{folder_of(study_instance_uid)}/{document.SOPInstanceUID}.dcm"
    place = out / name
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_suffix(".part")
            half.write_bytes(document.encoded)
            half.replace(place)
    except OSError as error:
        raise OutputError(f"the RDSR could not be written below {out}: {error.strerror}") from error
    return name
