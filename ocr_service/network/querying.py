"""C-FIND at one level: keys out, answers in, whatever an archive makes of them (PS3.4 C.4.1).

Knows statuses, and archives that ignore keys, refuse them, repeat answers or end early; must not know which studies
or series are of use. An answer is believed only as far as it fits the question: all of them are filtered again here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from ocr_service.errors import PeerRefused, PeerUnavailable
from ocr_service.network.asking import FIND, Line, NoService, is_accepted, status_of
from ocr_service.study import attributes

Level = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]

MOST_ANSWERS: Final = 20_000  # to one question: who gives more ignores what was asked
_UNIQUE: Final = {
    "PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID",
}  # fmt: skip
_SUCCESS, _CANCELLED, _OUT_OF_RESOURCES = 0x0000, 0xFE00, 0xA700
_PENDING = (0xFF00, 0xFF01)
_WARNINGS = range(0xB000, 0xC000)
# What every archive must know (PS3.4 C.6.1.1 and C.6.2.1), asked where more is refused.
_REQUIRED: Final[Mapping[Level, tuple[str, ...]]] = {
    "PATIENT": ("PatientID",),
    "STUDY": ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "PatientID"),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesNumber"),
    "IMAGE": ("SOPInstanceUID", "InstanceNumber"),
}
_STUDY: Final = {"StudyInstanceUID": "", "StudyDate": "", "StudyTime": "", "PatientID": ""}
_STUDY_OPTIONAL = ("ModalitiesInStudy", "NumberOfStudyRelatedInstances")
_SERIES_OPTIONAL = (
    "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "Manufacturer",
    "ManufacturerModelName", "StationName", "NumberOfSeriesRelatedInstances",
)  # fmt: skip
# Keys by which answers are filtered again: an archive may ignore each of them.
_COMPARED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "PatientID", "AccessionNumber")
_WHOLE_DAY = (0, 24 * 3600 - 1)
_SHORTEST = 600  # seconds of a day that are still halved


@dataclass(frozen=True, slots=True)
class Answers:
    """What an archive answered, each identifier once. cut: it may know more than it told. junk: no usable UID."""

    found: tuple[Dataset, ...]
    cut: bool = False
    junk: int = 0


@dataclass(frozen=True, slots=True)
class Study:
    """A study that an archive has. patient_id: needed to ask on in Patient Root, never shown."""

    study_instance_uid: str
    patient_id: str = field(default="", repr=False)
    modalities: tuple[str, ...] = ()
    instances: int | None = None
    day: date | None = None


def ask(line: Line, level: Level, keys: Mapping[str, str], optional: Iterable[str] = ()) -> Answers:
    """One question; keys without a value are asked for. PeerUnavailable, PeerRefused.

    `optional` are more keys to ask for, which are left out at once and from then on where the archive refuses them.
    """
    if level not in line.manners.plain:
        try:
            return _asked(line, level, {_UNIQUE[level]: "", **dict.fromkeys(optional, ""), **keys})
        except PeerRefused:
            if not set(optional) - set(_REQUIRED[level]):
                raise
    told = {key: value for key, value in keys.items() if value or key in _REQUIRED[level]}
    answers = _asked(line, level, {**dict.fromkeys(_REQUIRED[level], ""), **told})
    line.manners.plain.add(level)
    return answers


def _asked(line: Line, level: Level, keys: Mapping[str, str]) -> Answers:
    assoc = line.ready()
    model = UID(FIND[line.pacs.root])
    if not is_accepted(assoc, model):
        raise NoService(f"{line.pacs.name} does not take C-FIND in {line.pacs.root.capitalize()} Root")
    found: dict[str, Dataset] = {}
    told = junk = 0
    try:
        for answer, identifier in assoc.send_c_find(identifier_of(level, keys), model):
            status = status_of(answer)
            if status is None:
                raise line.broke(f"what it has at {level} level")
            if status not in _PENDING:
                return _ended(line, level, status, Answers(tuple(found.values()), junk=junk))
            told += 1
            unique = "" if identifier is None else _unique(identifier, level)
            if identifier is None or not unique:
                junk += 1
            elif _fits(identifier, keys):
                found.setdefault(unique, identifier)
            if told >= MOST_ANSWERS:
                line.abort()
                return Answers(tuple(found.values()), cut=True, junk=junk)
            if line.left() <= 0:
                raise line.broke(f"what it has at {level} level")
    except RuntimeError:  # it went away between two requests
        raise line.broke(f"what it has at {level} level") from None
    raise line.broke(f"what it has at {level} level")


def _ended(line: Line, level: Level, status: int, answers: Answers) -> Answers:
    """What the last status says of all the answers. PeerRefused."""
    if status == _SUCCESS:
        return answers
    if status in (_OUT_OF_RESOURCES, _CANCELLED) or status in _WARNINGS:
        return replace(answers, cut=True)
    raise PeerRefused(f"{line.pacs.name} refuses a question at {level} level (C-FIND status 0x{status:04X})")


def identifier_of(level: Level, keys: Mapping[str, str]) -> Dataset:
    """The identifier of a request, its values as they are: ranges and lists are no values of their kind."""
    ds = Dataset()
    for keyword, value in {"QueryRetrieveLevel": level, **keys}.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        vr = dictionary_VR(tag).split()[0]
        told: object = None if not value else value.split("\\") if vr == "UI" and "\\" in value else value
        ds.add(DataElement(tag, vr, [] if vr == "SQ" else told, validation_mode=IGNORE))
    return ds


def _unique(identifier: Dataset, level: Level) -> str:
    if level == "PATIENT":
        return attributes.text(identifier, "PatientID")
    return attributes.uid(identifier, _UNIQUE[level]) or ""


def _fits(identifier: Dataset, keys: Mapping[str, str]) -> bool:
    """Is the answer one to this question? What it does not say of itself speaks not against it."""
    for keyword in _COMPARED:
        wanted, told = keys.get(keyword, ""), attributes.text(identifier, keyword)
        if wanted and told and told not in wanted.split("\\"):
            return False
    return True


def studies_of_day(line: Line, day: date, modalities: tuple[str, ...] = ("CT",)) -> tuple[Study, ...]:
    """The studies of one day that may hold objects of these modalities. PeerUnavailable, PeerRefused.

    An archive that cannot match Modalities in Study (0008,0061) ignores it, refuses it, or finds nothing: where it
    was never seen to find something by it, it is asked again without.
    """
    found: dict[str, Study] = {}
    if line.manners.matches_modality is not False:
        try:
            for modality in modalities:
                for study in _of_times(line, day, {"ModalitiesInStudy": modality}, _WHOLE_DAY):
                    found.setdefault(study.study_instance_uid, study)
        except PeerRefused:
            line.manners.matches_modality = False
        if any(set(study.modalities) & set(modalities) for study in found.values()):
            line.manners.matches_modality = True
    if not line.manners.matches_modality:
        everything = _of_times(line, day, {"ModalitiesInStudy": ""}, _WHOLE_DAY)
        for study in everything:
            found.setdefault(study.study_instance_uid, study)
        if any(set(study.modalities) & set(modalities) for study in everything):
            line.manners.matches_modality = False  # it has some, and did not find them by this key
    return tuple(one for one in found.values() if not one.modalities or set(one.modalities) & set(modalities))


def studies_by(line: Line, keyword: Literal["AccessionNumber", "StudyInstanceUID"], value: str) -> tuple[Study, ...]:
    """The studies with this accession number or UID. PeerUnavailable, PeerRefused."""
    answers = ask(line, "STUDY", {**_STUDY, keyword: value}, _STUDY_OPTIONAL)
    return tuple(map(_study, answers.found))


def knows_any(line: Line, first: date, last: date) -> bool:
    """Does the archive find studies of a period without being told whose? PeerUnavailable."""
    try:
        return bool(ask(line, "STUDY", {**_STUDY, "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}"}).found)
    except NoService:
        raise
    except PeerRefused:
        return False


def studies_by_patient(line: Line, first: date, last: date) -> tuple[Study, ...]:
    """All studies of a period, asked patient by patient: the only way into a strict Patient Root archive.

    PeerUnavailable, PeerRefused. It costs one question a patient of the whole archive.
    """
    patients = ask(line, "PATIENT", {"PatientID": ""})
    if patients.cut:
        raise PeerRefused(f"{line.pacs.name} does not name all its patients: use Study Root, or name the studies")
    found: dict[str, Study] = {}
    for patient in patients.found:
        patient_id = attributes.text(patient, "PatientID")
        keys = {**_STUDY, "PatientID": patient_id, "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}"}
        for answer in ask(line, "STUDY", keys, _STUDY_OPTIONAL).found:
            study = _study(answer, patient_id)
            if study.day is None or first <= study.day <= last:
                found.setdefault(study.study_instance_uid, study)
    return tuple(found.values())


def series_of(line: Line, study: Study) -> Answers:
    """The series of a study. PeerUnavailable, PeerRefused."""
    return ask(line, "SERIES", _above(line, study), _SERIES_OPTIONAL)


def images_of(line: Line, study: Study, series: str, optional: Iterable[str], classes: Iterable[str] = ()) -> Answers:
    """The objects of a series; with `classes` only those of these SOP classes. PeerUnavailable, PeerRefused."""
    keys = {**_above(line, study), "SeriesInstanceUID": series}
    if wanted := "\\".join(sorted(classes)):
        keys["SOPClassUID"] = wanted
    return ask(line, "IMAGE", keys, optional)


def _above(line: Line, study: Study) -> dict[str, str]:
    """The unique keys of the levels above (PS3.4 C.4.1.2.1)."""
    keys = {"StudyInstanceUID": study.study_instance_uid}
    return {"PatientID": study.patient_id, **keys} if line.pacs.root == "patient" else keys


def _of_times(line: Line, day: date, keys: Mapping[str, str], times: tuple[int, int]) -> tuple[Study, ...]:
    """The studies of a part of the day (in seconds); by halves where the archive does not tell all at once."""
    first, last = times
    told = {**_STUDY, **keys, "StudyDate": f"{day:%Y%m%d}"}
    if times != _WHOLE_DAY:
        told["StudyTime"] = f"{_clock(first)}-{_clock(last)}"
    answers = ask(line, "STUDY", told, _STUDY_OPTIONAL)
    read = [_study(answer) for answer in answers.found]
    found = {one.study_instance_uid: one for one in read if one.day in (day, None)}
    if answers.cut and len(found) < len(read) // 2:
        raise PeerRefused(f"{line.pacs.name} ignores the study date that it is asked for")
    if (answers.cut or _looks_cut(len(answers.found))) and last - first > _SHORTEST:
        middle = (first + last) // 2
        for half in ((first, middle), (middle + 1, last)):
            for study in _of_times(line, day, keys, half):
                found.setdefault(study.study_instance_uid, study)
    elif answers.cut:
        raise PeerUnavailable(f"{line.pacs.name} does not tell all its studies, however short the time asked for")
    return tuple(found.values())


def _looks_cut(answers: int) -> bool:
    """So round a number may be a limit that the archive keeps quiet about."""
    return answers >= 100 and answers % 50 == 0


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def _study(answer: Dataset, patient_id: str = "") -> Study:
    return Study(
        attributes.uid(answer, "StudyInstanceUID") or "",
        patient_id or attributes.text(answer, "PatientID"),
        tuple(word for word in attributes.words(answer, "ModalitiesInStudy") if word),
        count(answer, "NumberOfStudyRelatedInstances"),
        _day(attributes.text(answer, "StudyDate")),
    )


def count(answer: Dataset, keyword: str) -> int | None:
    """A number of objects; None where the archive does not say."""
    told = attributes.decimal(answer, keyword)
    return int(told) if told is not None and told >= 0 else None


def _day(told: str) -> date | None:
    """A DA, also as ACR-NEMA wrote it; None where it is none."""
    try:
        return date.fromisoformat(told.replace(".", ""))
    except ValueError:
        return None
