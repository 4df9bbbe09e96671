"""Taking stock of files: what belongs together, what is context, what cannot be read.

Knows headers and files; must not know how a screen is read. Paths are kept, not data sets, so that ten years of
archive fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from filecmp import cmp
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from ocr_service.dose.report import Scanner
from ocr_service.errors import BrokenObject, NotDicom
from ocr_service.study import attributes
from ocr_service.study.acquisition import scanner_of
from ocr_service.study.dose_words import speaks_of_dose
from ocr_service.templates.library import Library
from ocr_service.work.discovery import Found
from ocr_service.work.objects import Identity, identity_of, quiet, read_object, salvaged

__all__ = ["Broken", "Inventory", "UnitFiles", "is_dose_screen", "read_object", "states_ctdivol", "take_stock"]

_SC = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame kinds below it
CT_STORAGE = {CTImageStorage, EnhancedCTImageStorage}
SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88."

ScannerIdentity = tuple[str, str, str]
UnitKey = tuple[str, ScannerIdentity]


@dataclass(frozen=True, slots=True)
class Broken:
    """An object that cannot be read: what is known of it, and why."""

    identity: Identity
    why: str
    file: Path | None = None

    @property
    def may_be_a_page(self) -> bool:
        """Could it be a dose screen? Only a header that was read says no."""
        kind = self.identity.sop_class_uid
        return kind is None or is_secondary_capture(kind)

    @property
    def may_be_an_image(self) -> bool:
        """Could it be an image that states a dose?"""
        return self.identity.sop_class_uid is None or self.identity.sop_class_uid in CT_STORAGE


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """The dose screens of one study from one scanner, oldest first, and what else of the study lies in the input.

    Without screens the unit stands on its images alone. moments: when each screen was made, "" where its header
    does not say. broken: the objects of the study that could not be read when the stock was taken. steps: the requests
    of its procedure steps (MPPS, N-CREATE and N-SET), each a file, in the order they came. named: the scanner as the
    screens name it; images that lie beside them may name it better.
    """

    study_instance_uid: str
    screens: tuple[Path, ...]
    images: tuple[Path, ...] = ()
    dose_reports: tuple[Path, ...] = ()
    scanner: ScannerIdentity = ("", "", "")
    moments: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    steps: tuple[Path, ...] = ()
    named: frozenset[ScannerIdentity] = frozenset()


@dataclass(slots=True)
class Inventory:
    """What was found: units, objects that cannot be read, companions by name, other objects, files of other kinds.

    copies: files that repeat another one byte for byte under the same SOP Instance UID. looked_at: objects whose
    headers tell nothing, which are opened to see whether they are dose screens.
    """

    units: list[UnitFiles] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    companions: int = 0
    context: int = 0
    not_dicom: int = 0
    copies: int = 0
    looked_at: int = 0
    found: Found = field(default_factory=Found)


@dataclass(slots=True)
class _Sorted:
    screens: dict[UnitKey, list[tuple[tuple[str, ...], Path, str, ScannerIdentity]]] = field(default_factory=dict)
    images: dict[UnitKey, list[Path]] = field(default_factory=dict)
    reports: dict[str, list[Path]] = field(default_factory=dict)
    places: dict[str, list[Path]] = field(default_factory=dict)
    scanners: dict[UnitKey, Scanner] = field(default_factory=dict)


def _header(path: Path) -> Dataset:
    return read_object(path, pixels=False)


def take_stock(
    files: Iterable[Path],
    library: Library,
    broken: Sequence[Broken] = (),
    read: Callable[[Path], Dataset] = _header,
) -> Inventory:
    """Sort the files: dose screens into units, images and dose reports beside them, the rest into counts.

    broken: objects that are known to be, and are not opened. read: one object without its pixels.
    """
    stock, found = Inventory(broken=list(broken)), _Sorted()
    with quiet():
        for path in files:
            try:
                _sort(read(path), path, library, stock, found)
            except NotDicom:
                stock.not_dicom += 1
            except BrokenObject as error:
                stock.broken.append(Broken(salvaged(path), str(error), path))
    _unite(found)
    of_study: dict[str | None, list[Broken]] = {}
    for one in stock.broken:
        of_study.setdefault(one.identity.study_instance_uid, []).append(one)
    for key in sorted({*found.screens, *found.images}):
        study, scanner = key
        screens = sorted(found.screens.get(key, ()))
        stock.units.append(
            UnitFiles(
                study,
                tuple(path for _, path, _, _ in screens),
                tuple(found.images.get(key, ())),
                tuple(found.reports.get(study, ())),
                scanner,
                tuple(moment for _, _, moment, _ in screens),
                tuple(of_study.get(study, ())),
                named=frozenset(named for _, _, _, named in screens),
            )
        )
    return stock


def _unite(found: _Sorted) -> None:
    """Let objects of one study be one unit unless their headers name two scanners.

    Pages often lack the serial number that the images have, or spell the model otherwise: as units of their own they
    would report one irradiation twice.
    """
    units: list[UnitKey] = []
    # Those that say most of their scanner go first; screens before images, for a unit is named by its screens.
    for key in sorted(found.scanners, key=lambda k: (k[0], -_told(found.scanners[k]), k not in found.screens, k)):
        scanner = found.scanners[key]
        into = next((u for u in units if u[0] == key[0] and found.scanners[u].may_be(scanner)), None)
        if into is None:
            units.append(key)
            continue
        if key in found.screens:
            found.screens.setdefault(into, []).extend(found.screens.pop(key))
        if key in found.images:
            found.images.setdefault(into, []).extend(found.images.pop(key))


def _told(scanner: Scanner) -> int:
    return sum(map(bool, (scanner.manufacturer, scanner.model_name, scanner.serial_number, scanner.station_name)))


def _sort(ds: Dataset, path: Path, library: Library, stock: Inventory, found: _Sorted) -> None:
    """Put the object where it belongs. BrokenObject where it belongs to a unit and does not say to which."""
    role = role_of(ds, library)
    if role is Role.COMPANION:
        stock.companions += 1
    elif role in (Role.SCREEN, Role.UNNAMED_SCREEN, Role.IMAGE):
        study = identity_of(ds).study_instance_uid
        if study is None:
            raise BrokenObject("the object has no valid StudyInstanceUID (0020,000D)")
        if _is_copy(ds, path, found):
            stock.copies += 1
            return
        scanner = scanner_of(ds)
        key = (study, scanner.identity)
        found.scanners.setdefault(key, scanner)
        if role is not Role.IMAGE:
            stock.looked_at += role is Role.UNNAMED_SCREEN
            found.screens.setdefault(key, []).append((_age(ds), path, _moment(ds), scanner.identity))
        else:
            found.images.setdefault(key, []).append(path)
            stock.context += 1
    elif role is Role.REPORT:
        if _is_copy(ds, path, found):
            stock.copies += 1
            return
        found.reports.setdefault(identity_of(ds).study_instance_uid or "", []).append(path)
        stock.context += 1
    else:
        stock.context += 1


def _is_copy(ds: Dataset, path: Path, found: _Sorted) -> bool:
    """Is the file, byte for byte, one that was found elsewhere? Another content is for the unit to compare."""
    places = found.places.setdefault(str(ds.SOPInstanceUID), [])
    for other in places:
        try:
            if cmp(path, other, shallow=False):
                return True
        except OSError:  # one of them went away: it will show where it is read
            continue
    places.append(path)
    return False


class Role(Enum):
    """What an object is to us, by its header."""

    SCREEN = "screen"
    UNNAMED_SCREEN = "unnamed"  # its header lacks what templates match on: only its page can tell
    IMAGE = "image"  # states a dose
    REPORT = "report"  # a structured report
    COMPANION = "companion"
    OTHER = "other"


def role_of(ds: Dataset, library: Library) -> Role:
    """What the object is."""
    kind = str(ds.get("SOPClassUID", "") or "")
    if library.companion(ds) is not None:
        return Role.COMPANION
    if is_dose_screen(ds, library):
        return Role.SCREEN
    if may_be_dose_screen(ds, library):
        return Role.UNNAMED_SCREEN
    if kind in CT_STORAGE and states_ctdivol(ds):
        return Role.IMAGE
    return Role.REPORT if kind.startswith(SR_STORAGE) else Role.OTHER


def is_secondary_capture(kind: str) -> bool:
    """Is the SOP class one of secondary capture?"""
    return kind == _SC or kind.startswith(f"{_SC}.")


def is_dose_screen(ds: Dataset, library: Library) -> bool:
    """What a template matches, or an SC object that speaks of dose in its header."""
    return is_secondary_capture(str(ds.get("SOPClassUID", ""))) and (bool(library.candidates(ds)) or speaks_of_dose(ds))


def may_be_dose_screen(ds: Dataset, library: Library) -> bool:
    """An SC object whose header lacks what templates match on: only its page can tell."""
    return is_secondary_capture(str(ds.get("SOPClassUID", ""))) and bool(library.by_appearance(ds))


def states_ctdivol(ds: Dataset) -> bool:
    """Does the image state a dose, of its own or in its functional groups (Enhanced CT)?"""
    return "CTDIvol" in ds or "SharedFunctionalGroupsSequence" in ds


def _age(ds: Dataset) -> tuple[str, ...]:
    moment = (str(ds.get("ContentDate", "") or ""), str(ds.get("ContentTime", "") or ""))
    number = str(ds.get("InstanceNumber", "") or "")
    return (*moment, number.zfill(12), str(ds.SOPInstanceUID))


def _moment(ds: Dataset) -> str:
    """When the screen was made: its acquisition, else its content; "" where the header states no time."""
    for date, time in (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime")):
        told = attributes.text(ds, date), attributes.text(ds, time)
        if all(told):
            return " ".join(told)
    return ""
