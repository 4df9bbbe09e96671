"""Batch conversion of files: discover, gather into units, convert, write.

Knows files and folders; must not know how a screen is read. Whatever is found ends in a line of the report or in a
count: nothing is lost, and one bad file never stops the rest.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag

from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import Scanner
from ocr_service.errors import BrokenObject, InputError, NotDicom, OutputError, UsageError
from ocr_service.pipeline import Outcome, read_unit, scanner_of
from ocr_service.rdsr.document import encode, rdsr
from ocr_service.rdsr.source import SourceStudy
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library

MOST_BYTES = 512 * 2**20  # a file: larger ones are no dose screens and are not opened
_DOSE_WORDS = ("DOSE", "SUMMARY", "PROTOCOL", "SCREEN SAVE")
_SC = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """The dose screens of one study from one scanner, oldest first."""

    study_instance_uid: str
    scanner: Scanner
    paths: tuple[Path, ...]


@dataclass(slots=True)
class Inventory:
    """What was found: units, files that cannot be read, companions by name, other objects, files of other kinds."""

    units: list[UnitFiles] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    companions: int = 0
    context: int = 0
    not_dicom: int = 0


@dataclass(frozen=True, slots=True)
class Converted:
    """One unit's ending: its objects, what was read, the RDSR's path relative to the output folder."""

    study_instance_uid: str | None
    series_instance_uids: tuple[str, ...]
    sop_instance_uids: tuple[str, ...]
    outcome: Outcome
    rdsr: str | None
    milliseconds: int


def discover(paths: Iterable[Path]) -> Iterator[Path]:
    """All files below the paths in a stable order; a DICOMDIR stands for its folder. UsageError."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        root = path.parent if path.name.upper() == "DICOMDIR" else path
        if root.is_file():
            yield root
            continue
        for folder, folders, names in os.walk(root):
            folders.sort()
            yield from (Path(folder) / name for name in sorted(names))


def read_object(path: Path, *, pixels: bool) -> Dataset:
    """One DICOM object. NotDicom where it is none, BrokenObject where it cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise BrokenObject("the file is no ordinary file, or is larger than any dose screen")
        ds = dcmread(path, stop_before_pixels=not pixels)
        # pydicom converts an element when it is first touched: a broken one must show here, not later.
        for _ in ds:
            pass
    except InvalidDicomError as error:
        raise NotDicom("the file is no DICOM file") from error
    except _UNREADABLE as error:
        raise BrokenObject(f"the object cannot be read: {type(error).__name__}") from error
    if "SOPInstanceUID" not in ds:
        raise BrokenObject("the object has no SOP Instance UID")
    return ds


# What pydicom raises over damaged bytes; its BytesLengthException is no ValueError.
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError, BytesLengthException,
)  # fmt: skip


def take_stock(files: Iterable[Path], library: Library) -> Inventory:
    """Sort the files: dose screens into units, the rest into counts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `convert_unit`
        return _take_stock(files, library)


def _take_stock(files: Iterable[Path], library: Library) -> Inventory:
    stock = Inventory()
    members: dict[tuple[str, tuple[str, str, str]], list[tuple[tuple[str, ...], Path, Scanner]]] = {}
    for path in files:
        try:
            ds = read_object(path, pixels=False)
        except NotDicom:
            stock.not_dicom += 1
            continue
        except BrokenObject:
            stock.broken.append(path)
            continue
        if library.companion(ds) is not None:
            stock.companions += 1
        elif is_dose_screen(ds, library):
            scanner = scanner_of(ds)
            key = (str(ds.get("StudyInstanceUID", "")), scanner.identity)
            members.setdefault(key, []).append((_age(ds), path, scanner))
        else:
            stock.context += 1
    for (study, _), found in sorted(members.items()):
        found.sort(key=lambda member: member[:2])
        stock.units.append(UnitFiles(study, found[0][2], tuple(path for _, path, _ in found)))
    return stock


def is_dose_screen(ds: Dataset, library: Library) -> bool:
    """What a template matches, or an SC object that speaks of dose in its header."""
    if not str(ds.get("SOPClassUID", "")).startswith(_SC):
        return False
    if library.candidates(ds) or Tag(0x0040, 0x030E) in ds or Tag(0x0040, 0x0310) in ds:
        return True
    told = " ".join(str(ds.get(key, "")) for key in ("SeriesDescription", "ImageType", "ImageComments")).upper()
    return any(word in told for word in _DOSE_WORDS)


def _age(ds: Dataset) -> tuple[str, ...]:
    moment = (str(ds.get("ContentDate", "") or ""), str(ds.get("ContentTime", "") or ""))
    number = str(ds.get("InstanceNumber", "") or "")
    return (*moment, number.zfill(12), str(ds.SOPInstanceUID))


def convert_unit(
    unit: UnitFiles, library: Library, readers: Readers, out: Path, emit: frozenset[str], clock: Callable[[], float]
) -> Converted:
    """Read one unit and write its RDSR where its outcome is to be emitted. OutputError where that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote header values, and those may name a patient
        return _convert_unit(unit, library, readers, out, emit, clock)


def _convert_unit(
    unit: UnitFiles, library: Library, readers: Readers, out: Path, emit: frozenset[str], clock: Callable[[], float]
) -> Converted:
    began = clock()
    objects = []
    for path in unit.paths:
        try:
            objects.append(read_object(path, pixels=True))
        except BrokenObject as error:
            return broken_line(unit.study_instance_uid, str(error))
    outcome = read_unit(objects, library, readers)
    wanted = "verified" if isinstance(outcome, Verified) else "review"
    try:
        written = None if isinstance(outcome, Unreadable) or wanted not in emit else write(outcome, objects, out)
    except InputError as error:  # the header cannot be cited, for example by its UIDs
        outcome, written = Unreadable(str(error)), None
    series = tuple(dict.fromkeys(str(ds.get("SeriesInstanceUID", "")) for ds in objects))
    instances = tuple(str(ds.SOPInstanceUID) for ds in objects)
    spent = round((clock() - began) * 1000)
    return Converted(unit.study_instance_uid, series, instances, outcome, written, spent)


def broken_line(study: str | None, why: str) -> Converted:
    """The line of an object that cannot be read."""
    return Converted(study, (), (), Unreadable(why), None, 0)


def write(outcome: Verified | NeedsReview, objects: Sequence[Dataset], out: Path) -> str:
    """Write the RDSR below `out`; the path is made of digests and our own UID. Returns it relative to `out`."""
    headers = []
    for ds in objects:
        header = Dataset()
        header.update({element.tag: element for element in ds if element.keyword != "PixelData"})
        headers.append(header)
    verified = isinstance(outcome, Verified)
    document = rdsr(outcome.report, SourceStudy(tuple(headers)), verified=verified, findings=outcome.findings)
    folder = sha256(outcome.report.study_instance_uid.encode()).hexdigest()[:16]
    name = f"{folder}/{document.SOPInstanceUID}.dcm"
    place = out / name
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_suffix(".part")
            half.write_bytes(encode(document))
            half.replace(place)
    except OSError as error:
        raise OutputError(f"the RDSR could not be written below {out}: {error.strerror}") from error
    return name


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
