"""What an object that arrived is, by its header: a dose screen, an image that states dose, a dose report, or neither.

Knows headers and templates, in a process of its own: a header that breaks the decoder costs that process. Must not
know databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from ocr_service import equipment
from ocr_service.errors import BrokenObject, NotDicom
from ocr_service.study.mpps import merged, performed_step
from ocr_service.templates.library import Library
from ocr_service.work.inventory import Role, is_secondary_capture, role_of
from ocr_service.work.objects import identity_of, quiet, read_object, read_request, salvaged
from ocr_service.work.spool import Spool

PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double, integer
BROKEN = "broken"  # a role too: the object cannot be read
MOST_STUDIES = 50  # of a step: linked orders have a few


@dataclass(frozen=True, slots=True)
class Sorted:
    """What one file is. role: "" where nobody could tell yet.

    tells_whole: does its template say by itself that the examination is whole (a page marker, a total)?
    context: is it worth keeping beside dose screens? why: what is wrong with a broken one.
    """

    number: int
    role: str
    study: str = ""
    sop_instance_uid: str = ""
    sop_class_uid: str = ""
    tells_whole: bool = False
    context: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class SortedStep:
    """The studies that one request of a procedure step names; an N-SET mostly names none."""

    number: int
    studies: tuple[str, ...]
    broken: bool = False


_NAMES = {role: role.value for role in Role} | {Role.UNNAMED_SCREEN: Role.SCREEN.value}
_templates: Path | None = None  # of a sorting process
_library: Library | None = None


def begin(templates: Path | None) -> None:
    """What a sorting process does first: nothing that can fail, for a process that cannot begin cannot say why."""
    global _templates  # noqa: PLW0603 (what a process is told once has no other place to stay)
    _templates = templates


def sort_files(files: Sequence[tuple[int, Path]]) -> list[Sorted]:
    """What each file is, by number. TemplateError."""
    global _library  # noqa: PLW0603 (as above)
    if _library is None:
        _library = equipment.library(_templates)
    with quiet():
        return [_sorted(number, path, _library) for number, path in files]


def sort_steps(files: Sequence[tuple[int, Path]]) -> list[SortedStep]:
    """Which studies each request of a procedure step names, by number."""
    with quiet():
        return [_sorted_step(number, path) for number, path in files]


def _sorted_step(number: int, path: Path) -> SortedStep:
    try:
        told = performed_step(merged([read_request(path)]))
    except (BrokenObject, NotDicom):
        return SortedStep(number, (), broken=True)
    return SortedStep(number, tuple(sorted(told.study_instance_uids)[:MOST_STUDIES]))


def _sorted(number: int, path: Path, library: Library) -> Sorted:
    try:
        ds = read_object(path, pixels=False)
    except (BrokenObject, NotDicom) as error:
        told = salvaged(path)
        return Sorted(
            number,
            BROKEN,
            told.study_instance_uid or "",
            told.sop_instance_uid or "",
            told.sop_class_uid or "",
            why=str(error),
        )
    told = identity_of(ds)
    role = role_of(ds, library)
    kind, study, why = told.sop_class_uid or "", told.study_instance_uid or "", ""
    if role in (Role.SCREEN, Role.UNNAMED_SCREEN, Role.IMAGE) and not study:
        why = "the object has no valid StudyInstanceUID (0020,000D)"
    whole = role is Role.SCREEN and any(template.complete_by != "quiet" for template in library.candidates(ds))
    return Sorted(
        number,
        BROKEN if why else _NAMES[role],
        study,
        told.sop_instance_uid or "",
        kind,
        whole,
        role is not Role.OTHER or is_secondary_capture(kind),
        why,
    )


def strip(path: Path) -> None:
    """Write the object anew without its pixels; one that cannot be read stays as it is. OutputError."""
    try:
        ds = read_object(path, pixels=False)
    except (BrokenObject, NotDicom):
        return
    with quiet():
        for tag in [tag for tag in PIXEL_DATA if tag in ds]:
            del ds[tag]
        buffer = BytesIO()
        try:
            ds.save_as(buffer, enforce_file_format=True)
        except (AttributeError, NotImplementedError, TypeError, ValueError):
            return  # a header that pydicom reads and cannot write stays whole
    Spool(path.parent).replace(path.name, buffer.getvalue())
