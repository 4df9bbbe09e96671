"""Taking stock of files: what belongs together, what is context, what cannot be read.

Knows headers and files; must not know how a screen is read. Paths are kept, not data sets, so that ten years of
archive fit into memory.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from ocr_service.errors import BrokenObject, NotDicom, UsageError
from ocr_service.study.acquisition import scanner_of
from ocr_service.templates.library import Library

MOST_BYTES = 512 * 2**20  # a file: larger ones are no dose screens and are not opened
_DOSE_WORDS = ("DOSE", "SUMMARY", "PROTOCOL", "SCREEN SAVE")
_SC = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame kinds below it
_CT = {CTImageStorage, EnhancedCTImageStorage}
_SR = "1.2.840.10008.5.1.4.1.1.88."
# What pydicom raises over damaged bytes; its BytesLengthException is no ValueError.
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError, BytesLengthException,
)  # fmt: skip

UnitKey = tuple[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """The dose screens of one study from one scanner, oldest first, and what else of the study lies in the input.

    Without screens the unit stands on its images alone.
    """

    study_instance_uid: str
    screens: tuple[Path, ...]
    images: tuple[Path, ...] = ()
    dose_reports: tuple[Path, ...] = ()


@dataclass(slots=True)
class Inventory:
    """What was found: units, files that cannot be read, companions by name, other objects, files of other kinds."""

    units: list[UnitFiles] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    companions: int = 0
    context: int = 0
    not_dicom: int = 0


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


@dataclass(slots=True)
class _Sorted:
    screens: dict[UnitKey, list[tuple[tuple[str, ...], Path]]] = field(default_factory=dict)
    images: dict[UnitKey, list[Path]] = field(default_factory=dict)
    reports: dict[str, list[Path]] = field(default_factory=dict)


def take_stock(files: Iterable[Path], library: Library) -> Inventory:
    """Sort the files: dose screens into units, images and dose reports beside them, the rest into counts."""
    stock, found = Inventory(), _Sorted()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote header values, and those may name a patient
        for path in files:
            try:
                _sort(read_object(path, pixels=False), path, library, stock, found)
            except NotDicom:
                stock.not_dicom += 1
            except BrokenObject:
                stock.broken.append(path)
    for key in sorted({*found.screens, *found.images}):
        screens = tuple(path for _, path in sorted(found.screens.get(key, ())))
        reports = tuple(found.reports.get(key[0], ()))
        stock.units.append(UnitFiles(key[0], screens, tuple(found.images.get(key, ())), reports))
    return stock


def _sort(ds: Dataset, path: Path, library: Library, stock: Inventory, found: _Sorted) -> None:
    study, kind = str(ds.get("StudyInstanceUID", "") or ""), str(ds.get("SOPClassUID", "") or "")
    key = (study, scanner_of(ds).identity)
    if library.companion(ds) is not None:
        stock.companions += 1
    elif is_dose_screen(ds, library):
        found.screens.setdefault(key, []).append((_age(ds), path))
    elif kind in _CT and states_ctdivol(ds):
        found.images.setdefault(key, []).append(path)
        stock.context += 1
    else:
        if kind.startswith(_SR):
            found.reports.setdefault(study, []).append(path)
        stock.context += 1


def is_dose_screen(ds: Dataset, library: Library) -> bool:
    """What a template matches, or an SC object that speaks of dose in its header."""
    kind = str(ds.get("SOPClassUID", ""))
    if kind != _SC and not kind.startswith(f"{_SC}."):
        return False
    if library.candidates(ds) or Tag(0x0040, 0x030E) in ds or Tag(0x0040, 0x0310) in ds:
        return True
    told = " ".join(str(ds.get(key, "")) for key in ("SeriesDescription", "ImageType", "ImageComments")).upper()
    return any(word in told for word in _DOSE_WORDS)


def states_ctdivol(ds: Dataset) -> bool:
    """Does the image state a dose, of its own or in its functional groups (Enhanced CT)?"""
    return "CTDIvol" in ds or "SharedFunctionalGroupsSequence" in ds


def _age(ds: Dataset) -> tuple[str, ...]:
    moment = (str(ds.get("ContentDate", "") or ""), str(ds.get("ContentTime", "") or ""))
    number = str(ds.get("InstanceNumber", "") or "")
    return (*moment, number.zfill(12), str(ds.SOPInstanceUID))
