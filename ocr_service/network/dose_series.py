"""Which series of a study may hold dose screens or dose reports, and which images stand for the others.

Knows what an archive answers and what templates match on; must not know how it is asked. Archives leave keys out, so
what is not told speaks for a series: one look more costs less than a dose that is never found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataelem import DataElement

from ocr_service.network.wanted_classes import CT_IMAGES, DOSE_REPORTS, OTHER_REPORTS, SECONDARY_CAPTURES
from ocr_service.study import attributes
from ocr_service.study.dose_words import speaks_of_dose
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Template

# A dose screen is filed under one of these; an archive's answer may lack it.
_MODALITIES: Final = frozenset({"CT", "OT", "SC", "SR", ""})
_RADIATION = ("RADIATION", "RDSR", "DLP", "CTDI", "EXPOSURE", "X-RAY")
_NOT_PLAIN = {"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN"}
# What a header witness must say so that no image has to move; what else study/slices.py reads is asked for too.
_HEADER_KEYS: Final = (
    "AcquisitionDate", "AcquisitionDateTime", "AcquisitionNumber", "AcquisitionTime", "AcquisitionType",
    "BodyPartExamined", "CTDIPhantomTypeCodeSequence", "CTDIvol", "ExposureModulationType", "ExposureTime",
    "FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "ImagesInAcquisition",
    "IrradiationEventUID", "KVP", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName",
    "ProtocolName", "RevolutionTime", "ScanLength", "ScanOptions", "SingleCollimationWidth", "SliceThickness",
    "SoftwareVersions", "SpiralPitchFactor", "TotalCollimationWidth", "TriggerTime", "XRayTubeCurrent",
)  # fmt: skip
_IMAGE_KEYS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "InstanceNumber", "ImageType")
REPORT_KEYS: Final = _IMAGE_KEYS
CT_KEYS: Final = (*_IMAGE_KEYS, *_HEADER_KEYS)
_ENOUGH_OF_A_HEADER = ("SOPClassUID", "ImageType", "CTDIvol", "KVP", "ImagePositionPatient", "ImageOrientationPatient")


class Use(Enum):
    """What an object is of use for, as far as its answer tells."""

    SCREEN = "screen"
    PERHAPS = "perhaps"  # an SC object, or one of an unknown class, that nothing speaks against
    REPORT = "report"
    IMAGE = "image"
    NONE = "none"


def may_hold_dose_screens(series: Dataset, library: Library) -> bool:
    """Does nothing in a SERIES level answer speak against dose screens?

    Words of dose, or a template whose `match` fits, speak for them whatever the Modality; else a template's keys that
    the answer lacks count as fitting, and the Modality must be one under which screens are filed.
    """
    if names_dose(series, library):
        return True
    told = plain(series)
    modality = attributes.text(series, "Modality").upper()
    return modality in _MODALITIES and ("SeriesDescription" not in told or bool(library.by_appearance(told)))


def names_dose(series: Dataset, library: Library) -> bool:
    """Does the SERIES level answer speak of dose, or fit all that a template matches on?"""
    told = plain(series)
    return speaks_of_dose(told) or bool(library.candidates(told))


def may_hold_dose_reports(series: Dataset) -> bool:
    """May the series hold SR documents?"""
    return attributes.text(series, "Modality").upper() in ("SR", "")


def is_ct(series: Dataset) -> bool:
    """Does the answer say that it is a series of Modality CT?"""
    return attributes.text(series, "Modality").upper() == "CT"


def page_keys(library: Library) -> tuple[str, ...]:
    """The IMAGE level keys by which templates tell dose screens, and those that speak of dose."""
    named = [key for template in library.templates for match in _matches(template) for key in match]
    usable = [key for key in named if key in keyword_dict and keyword_dict[key] >> 16 != 2]
    return tuple(dict.fromkeys((*_IMAGE_KEYS, "ImageComments", "CommentsOnRadiationDose", *sorted(set(usable)))))


def use_of(image: Dataset, series: Dataset, library: Library) -> Use:
    """What an object is of use for, by its IMAGE level answer and that of its series."""
    told = plain(series)
    told.update(plain(image))
    kind = attributes.uid(image, "SOPClassUID")
    modality = attributes.text(told, "Modality").upper()
    if kind in DOSE_REPORTS:
        return Use.REPORT
    if kind in OTHER_REPORTS or (kind is None and modality == "SR"):
        known = attributes.text(told, "SeriesDescription")
        return Use.REPORT if not known or speaks_of_dose(told) or _says_radiation(known) else Use.NONE
    if kind in CT_IMAGES:
        return Use.IMAGE
    if kind is not None and kind not in SECONDARY_CAPTURES:
        return Use.NONE
    if library.companion(told) is not None:
        return Use.NONE
    if kind is not None and (speaks_of_dose(told) or library.candidates(told)):
        return Use.SCREEN
    return Use.PERHAPS if library.by_appearance(told) or kind is None else Use.NONE


def original_images(images: Sequence[Dataset]) -> list[Dataset]:
    """Images as scanned, by Image Type (0008,0008) where it is told, in the order of Instance Number."""
    return sorted((one for one in images if _is_original(one)), key=_number)


def samples(images: Sequence[Dataset], most: int) -> list[Dataset]:
    """The first, the last, and evenly what lies between: at most so many of the images."""
    if len(images) <= most:
        return list(images)
    if most == 1:
        return [images[len(images) // 2]]
    return [images[step * (len(images) - 1) // (most - 1)] for step in range(most)]


def tells_enough(images: Sequence[Dataset]) -> bool:
    """Do the answers say of each image what its header is wanted for?"""
    return bool(images) and all(attributes.text(image, key) for image in images for key in _ENOUGH_OF_A_HEADER)


def plain(answer: Dataset) -> Dataset:
    """The answer's texts and numbers, unchecked: what is asked of it later must not stumble over broken values."""
    told = Dataset()
    for tag in [int(tag) for tag in answer.keys()]:  # noqa: SIM118 (a data set iterates over converted elements)
        found = attributes.element(answer, tag)
        if found is None or tag >> 16 & 1 or found.keyword == "":
            continue
        if (vr := dictionary_VR(tag).split()[0]) in _NOT_PLAIN:
            continue
        if text := attributes.as_text(found, attributes.MOST_TEXT):
            several: object = text.split("\\") if "\\" in text else text
            told.add(DataElement(tag, "LO" if vr not in ("UI", "CS") else vr, several, validation_mode=IGNORE))
    return told


def _matches(template: Template) -> Iterator[Mapping[str, tuple[str, ...]]]:
    yield template.match
    yield from template.any_of or ()
    yield from (companion.match for companion in template.companions)


def _says_radiation(description: str) -> bool:
    return any(word in description.upper() for word in _RADIATION)


def _is_original(image: Dataset) -> bool:
    told = attributes.words(image, "ImageType")
    return told in ((), ("",)) or (told[:2] == ("ORIGINAL", "PRIMARY") and "LOCALIZER" not in told)


def _number(image: Dataset) -> tuple[bool, Decimal]:
    number = attributes.decimal(image, "InstanceNumber")
    return number is None, number or Decimal(0)
