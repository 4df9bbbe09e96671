"""The rejection note of IHE IOCM (RAD-66): a Key Object Selection (TID 2010) that takes one of our reports back.

Knows the Key Object Selection Document IOD (PS3.3 A.35.4); must not know why a report is taken back, nor to whom.

No clock and no chance: the same report, code and moment give the same bytes, and the note's UIDs are hashes.
highdicom's document class is not asked, for the reasons that `sop.py` gives; its content of TID 2010 is.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final, Literal

from highdicom.ko import KeyObjectSelection
from highdicom.sr import CodedConcept, DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom.dataset import Dataset

from ocr_service.dose.report import CodedConcept as Concept
from ocr_service.errors import BrokenObject
from ocr_service.rdsr import codes
from ocr_service.rdsr.document import MODEL_NAME
from ocr_service.rdsr.encoding import encode_dataset
from ocr_service.rdsr.identity import FORMAT_VERSION, SERVICE_DEVICE_UID, SERVICE_NAME, uid_of, uid_of_bytes
from ocr_service.rdsr.sop import encode
from ocr_service.rdsr.source import SourceStudy, character_set, identification, study_reference

KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"
SERIES_NUMBER: Final = 9902
SERIES_DESCRIPTION: Final = "Rejection of a radiation dose report"
DESCRIPTION: Final = (
    "This radiation dose report was made from dose screens and is taken back. "
    "Do not use it; a corrected one may follow."
)
RejectionCode = Literal["113001", "113037"]
# CID 7010. IOCM lets a modifier (CID 7011) tell more of 113001: its terms are of image quality, none is given.
TITLES: Final = MappingProxyType(
    {
        "113001": Concept("113001", "DCM", "Rejected for Quality Reasons"),
        "113037": Concept("113037", "DCM", "Rejected for Patient Safety Reasons"),
    }
)
# Synchronization is no module of this IOD.
_NOT_HERE: Final = ("SynchronizationFrameOfReferenceUID", "SynchronizationTrigger", "AcquisitionTimeSynchronized")


def rejection_note(rdsr: Dataset, code: RejectionCode, moment: datetime) -> tuple[bytes, str]:
    """The note that rejects the report: a DICOM file (Explicit VR Little Endian), and its SOP Instance UID.

    Patient, study and request are the report's own. moment: when it was decided; written in the report's time zone
    where both name one, else as it is. BrokenObject where the report lacks one of its UIDs.
    """
    study, series, instance, sop_class = (
        _uid(rdsr, keyword) for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
    )
    ds = Dataset()
    ds.update(_content(rdsr, code))
    copied = identification(SourceStudy((rdsr,)))
    for keyword in _NOT_HERE:
        if keyword in copied:
            delattr(copied, keyword)
    ds.update(copied)
    ds.SOPClassUID, ds.StudyInstanceUID = KEY_OBJECT_SELECTION, study
    ds.Modality = "KO"
    ds.SeriesInstanceUID = uid_of("rejection series", study, instance)
    ds.SeriesNumber, ds.InstanceNumber = SERIES_NUMBER, 1
    ds.SeriesDescription = SERIES_DESCRIPTION
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.Manufacturer, ds.ManufacturerModelName = SERVICE_NAME, MODEL_NAME
    ds.DeviceSerialNumber, ds.SoftwareVersions = "none", FORMAT_VERSION
    local = _local(moment, copied.get("TimezoneOffsetFromUTC"))
    ds.ContentDate, ds.ContentTime = local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    ds.CurrentRequestedProcedureEvidenceSequence = [study_reference(study, series, instance, sop_class)]
    letters = character_set(rdsr, copied, [])
    if letters is not None:
        ds.SpecificCharacterSet = letters
    ds.SOPInstanceUID = ""
    ds.SOPInstanceUID = uid_of_bytes(encode_dataset(ds))
    return encode(ds), str(ds.SOPInstanceUID)


def _content(rdsr: Dataset, code: RejectionCode) -> Dataset:
    """TID 2010: title, who selected (TID 1002, a device), why in words, and the report as a COMPOSITE reference."""
    device = DeviceObserverIdentifyingAttributes(
        SERVICE_DEVICE_UID, name=SERVICE_NAME, manufacturer_name=SERVICE_NAME, model_name=MODEL_NAME
    )
    selection = KeyObjectSelection(
        _coded(TITLES[code]),
        [rdsr],
        observer_device_context=ObserverContext(_coded(codes.DEVICE), device),
        description=DESCRIPTION,
    )
    root: Dataset = selection[0]
    return root


def _coded(concept: Concept) -> CodedConcept:
    return CodedConcept(concept.value, concept.scheme, concept.meaning)


def _local(moment: datetime, offset: str | None) -> datetime:
    """The moment as a clock shows it at the offset (+HHMM, PS3.3 C.12.1.1.8)."""
    if moment.tzinfo is None or not offset:
        return moment
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return moment.astimezone(timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)))


def _uid(rdsr: Dataset, keyword: str) -> str:
    uid = str(rdsr.get(keyword) or "")
    if not uid:
        raise BrokenObject(f"the report states no {keyword}: it cannot be rejected")
    return uid
