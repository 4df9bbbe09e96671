"""What the document copies from its source data sets: who the patient is, which study, which request.

Knows the header modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2, C.17.2) and character sets; must not know dose.

Copied is what identifies, and nothing that describes pixels or an acquisition. A value that its own value
representation forbids is not copied: importers refuse whole documents for one malformed age.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import TEXT_VR_DELIMS

from ocr_service.errors import BrokenObject

# Type 2 of Patient and General Study: present, if need be empty.
_ALWAYS: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
_IF_PRESENT: Final = (
    "IssuerOfPatientID", "PatientBirthTime", "OtherPatientIDs", "OtherPatientNames", "EthnicGroup",
    "PatientIdentityRemoved", "DeidentificationMethod", "QualityControlSubject", "PatientAge", "PatientSize",
    "PatientWeight", "AdmissionID", "StudyDescription", "InstitutionName", "TimezoneOffsetFromUTC",
)  # fmt: skip
_SYNCHRONIZATION: Final = (
    "SynchronizationFrameOfReferenceUID", "SynchronizationTrigger", "AcquisitionTimeSynchronized",
)  # fmt: skip
_REQUEST_TEXTS: Final = (
    "PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID", "RequestedProcedureDescription",
)  # fmt: skip
_DATES: Final = (
    ("ContentDate", "ContentTime"), ("AcquisitionDate", "AcquisitionTime"), ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"), ("InstanceCreationDate", "InstanceCreationTime"),
)  # fmt: skip
# Kept as it is, even where it is longer than its kind allows: without it nobody finds the patient.
_IDENTITY: Final = {"PatientName", "PatientID", "AccessionNumber", "StudyID"}
_FORMS: Final = {
    "AS": re.compile(r"\d{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9 _]{0,16}"),
    "DA": re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d+)? *"),
    "SH": re.compile(r".{0,16}"),
    "TM": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "UI": re.compile(r"[0-9]+(\.[0-9]+)*"),
}
_TERMS: Final = {
    "PatientSex": {"M", "F", "O"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "QualityControlSubject": {"YES", "NO"},
    "SynchronizationTrigger": {"SOURCE", "EXTERNAL", "PASSTHRU", "NO TRIGGER"},
    "AcquisitionTimeSynchronized": {"Y", "N"},
}
_TEXT: Final = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
_COMPONENTS = re.compile(r"[=^]")
_OFFSET = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
_DEFAULT_TERMS: Final = {"", "ISO_IR 6", "ISO 2022 IR 6"}
_UTF8: Final = "ISO_IR 192"
_LATIN_1: Final = "ISO_IR 100"


@dataclass(frozen=True, slots=True)
class SourceStudy:
    """The data sets that a document is made from: the dose screens, or the images where there is none.

    headers: without pixels, at least one, in any order; they are put oldest first, so that the order in which files
    were found changes no document. The newest gives patient, study, date and time.
    """

    headers: tuple[Dataset, ...]

    def __post_init__(self) -> None:
        if not self.headers:
            raise ValueError("a document is made from at least one data set")
        object.__setattr__(self, "headers", tuple(sorted(self.headers, key=_age)))

    @property
    def newest(self) -> Dataset:
        """The header that the document copies."""
        return self.headers[-1]


def identification(source: SourceStudy) -> Dataset:
    """Patient, Patient Study, General Study and Synchronization modules, time zone and request."""
    header = source.newest
    copied = Dataset()
    for keyword in _ALWAYS:
        element = _valid(header, keyword)
        setattr(copied, keyword, "") if element is None else copied.add(element)
    for keyword in _IF_PRESENT:
        element = _valid(header, keyword)
        if element is not None and not element.is_empty:
            copied.add(element)
    synchronization = [_valid(header, keyword) for keyword in _SYNCHRONIZATION]
    for element in synchronization:
        if element is not None and all(other is not None for other in synchronization):
            copied.add(element)
    requests = _requests(header, copied)
    if requests:
        copied.ReferencedRequestSequence = requests
    return copied


def content_moment(source: SourceStudy) -> tuple[str, str]:
    """The newest source's date (DA) and time (TM); midnight where it states a date alone.

    Raises BrokenObject where it states no date at all.
    """
    day, hour = _moment(source.newest)
    if not day:
        raise BrokenObject("the source states no date: an RDSR must have one (Content Date, 0008,0023)")
    return day, hour or "000000"


def _moment(header: Dataset) -> tuple[str, str]:
    """The first date that has a time, else the first date, else nothing."""
    first = ""
    for date, time in _DATES:
        day = _text(header, date)
        hour = _text(header, time) if day else ""
        if hour:
            return day, hour
        first = first or day
    return first, ""


def _age(header: Dataset) -> tuple[str, str, str, str]:
    """By date and time, then by what tells apart the pages of one moment."""
    return (*_moment(header), _text(header, "InstanceNumber").zfill(12), _text(header, "SOPInstanceUID"))


def study_day(source: SourceStudy) -> str:
    """The study's date, else the date of the source, at the precision of a day (DT)."""
    return _text(source.newest, "StudyDate") or content_moment(source)[0]


def evidence(source: SourceStudy, study_instance_uid: str) -> tuple[list[Dataset], list[Dataset]]:
    """References to the sources (PS3.3 C.17.2.1): those of this study, then those of others.

    Raises BrokenObject where a source has no UID to name it by.
    """
    studies: dict[str, dict[str, dict[str, str]]] = {}
    for header in source.headers:
        study, series, instance, sop_class = (
            _uid(header, keyword)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
        )
        studies.setdefault(study, {}).setdefault(series, {})[instance] = sop_class
    own = [_study_reference(uid, series) for uid, series in studies.items() if uid == study_instance_uid]
    other = [_study_reference(uid, series) for uid, series in studies.items() if uid != study_instance_uid]
    return own, other


def study_reference(study: str, series: str, instance: str, sop_class: str) -> Dataset:
    """A reference to one object (PS3.3, table C.17-3)."""
    return _study_reference(study, {series: {instance: sop_class}})


def character_set(header: Dataset, copied: Dataset, ours: Iterable[str]) -> str | list[str] | None:
    """The Specific Character Set (0008,0005) in which all text of the document can be written.

    The source's, so that names stay byte for byte as they are; UTF-8 where it is unknown or cannot write a
    text of ours; Latin 1 where the source declares none and yet has other letters than ASCII.
    """
    declared = header.get("SpecificCharacterSet")
    terms = [declared] if isinstance(declared, str) else list(declared or ())
    if any(term not in python_encoding for term in terms):
        return _UTF8
    copied_texts = list(_texts(copied))
    if all(term in _DEFAULT_TERMS for term in terms):
        if not all(text.isascii() for text in ours):
            return _UTF8
        return None if all(text.isascii() for text in copied_texts) else _LATIN_1
    encodings = convert_encodings(terms)
    if all(_survives(text, encodings) for text in {*ours, *copied_texts}):
        return terms[0] if len(terms) == 1 else terms
    return _UTF8


def _texts(ds: Dataset) -> Iterable[str]:
    """The texts of a data set as they are encoded: value by value, a name component by component."""
    for element in ds.iterall():
        if element.VR in _TEXT and element.value is not None:
            values = element.value if isinstance(element.value, MultiValue) else [element.value]
            for text in map(str, values):
                yield from _COMPONENTS.split(text) if element.VR == "PN" else [text]


def _survives(text: str, encodings: Sequence[str]) -> bool:
    """Is the text what it was when pydicom has written and read it? It puts "?" for letters that it cannot write.

    It cannot, for one, where half-width katakana and Latin letters stand in one text of ISO_IR 13.
    """
    if text.isascii():
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is lost is seen below
        return decode_bytes(encode_string(text, encodings), encodings, TEXT_VR_DELIMS) == text


def _valid(header: Dataset, keyword: str) -> DataElement | None:
    """A copy of the element, decoded; None where it is absent or its value is none of its kind."""
    element = _element(header, keyword)
    return None if element is None else deepcopy(element)


def _element(header: Dataset, keyword: str) -> DataElement | None:
    if keyword not in header:
        return None
    try:
        element = header[keyword]
    except (ValueError, TypeError, OverflowError, NotImplementedError):  # bytes that pydicom cannot convert
        return None
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    if not all(_allowed(keyword, element.VR, value) for value in values):
        return None
    return element


def _allowed(keyword: str, vr: str, value: Any) -> bool:
    text = "" if value is None else str(value)
    if not text or keyword in _IDENTITY:
        return True
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        return False
    if keyword == "TimezoneOffsetFromUTC":
        return _OFFSET.fullmatch(text) is not None
    if keyword in _TERMS:
        return text in _TERMS[keyword]
    # An element may state another kind than its own: a date is a date whatever it claims to be.
    form = _FORMS.get("DA" if dictionary_VR(keyword) == "DA" else vr)
    if form is None:
        return True
    return form.fullmatch(text) is not None and (form is not _FORMS["DA"] or _is_day(text))


def _is_day(text: str) -> bool:
    """Has the month such a day?"""
    try:
        datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def _text(header: Dataset, keyword: str) -> str:
    element = _element(header, keyword)
    return "" if element is None or element.value is None else str(element.value)


def _uid(header: Dataset, keyword: str) -> str:
    uid = _text(header, keyword)
    if not uid or len(uid) > 64:
        raise BrokenObject(f"the source states no valid {keyword}: an RDSR cannot name it")
    return uid


def _study_reference(study: str, series: dict[str, dict[str, str]]) -> Dataset:
    reference = Dataset()
    reference.StudyInstanceUID = study
    reference.ReferencedSeriesSequence = []
    for series_uid, instances in series.items():
        item = Dataset()
        item.SeriesInstanceUID = series_uid
        item.ReferencedSOPSequence = []
        for instance, sop_class in instances.items():
            sop = Dataset()
            sop.ReferencedSOPClassUID = sop_class
            sop.ReferencedSOPInstanceUID = instance
            item.ReferencedSOPSequence.append(sop)
        reference.ReferencedSeriesSequence.append(item)
    return reference


def _requests(header: Dataset, copied: Dataset) -> list[Dataset]:
    """Referenced Request Sequence (0040,A370), from the source's own or its Request Attributes Sequence."""
    items = header.get("ReferencedRequestSequence") or header.get("RequestAttributesSequence") or ()
    requests = []
    for item in items:
        request = Dataset()
        request.StudyInstanceUID = _text(item, "StudyInstanceUID") or _uid(header, "StudyInstanceUID")
        request.ReferencedStudySequence = []
        number = _valid(item, "AccessionNumber") or copied["AccessionNumber"]
        request.add(deepcopy(number))
        for keyword in _REQUEST_TEXTS:
            element = _valid(item, keyword)
            setattr(request, keyword, "") if element is None else request.add(element)
        request.RequestedProcedureCodeSequence = _codes(item)
        requests.append(request)
    return requests


def _codes(item: Dataset) -> list[Dataset]:
    copies = []
    for code in item.get("RequestedProcedureCodeSequence") or ():
        copy = Dataset()
        for keyword in ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning"):
            element = _valid(code, keyword)
            if element is not None and not element.is_empty:
                copy.add(element)
        if {"CodeValue", "CodingSchemeDesignator", "CodeMeaning"} <= set(copy.dir()):
            copies.append(copy)
    return copies
