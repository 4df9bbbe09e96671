"""DICOM headers of the samples: who, which console, which examination, all invented and all fixed.

Nothing here asks the clock or a random source: the same call gives the same bytes. Knows PS3.3
modules; must not know what is drawn on a page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
    generate_uid,
)

ROOT = "1.2.826.0.1.3680043.8.498.31."
"""Under pydicom's own root, for objects that exist nowhere but here."""


def uid(*words: object) -> UID:
    """Make the UID that these words always give."""
    return generate_uid(prefix=ROOT, entropy_srcs=[str(word) + "|" for word in words])


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient; `name` as PN with its groups, `printed` as the console writes it."""

    name: str
    printed: str
    identifier: str
    birth_date: str = "19500101"
    sex: str = "O"
    character_set: tuple[str, ...] = ("ISO_IR 100",)


@dataclass(frozen=True, slots=True)
class Console:
    """A scanner as its headers name it."""

    manufacturer: str
    model: str
    software: str
    station: str
    serial: str
    institution: str = "Sample Hospital"


@dataclass(frozen=True, slots=True)
class Exam:
    """One study: `key` is its folder below sample_sc and makes its UIDs. Date is DA, time is TM."""

    key: str
    patient: Patient
    console: Console
    accession: str
    number: str
    date: str
    time: str
    description: str

    @property
    def study_instance_uid(self) -> UID:
        """The same for every object of this study."""
        return uid(self.key, "study")


@dataclass(frozen=True, slots=True)
class Series:
    """What the headers of one dose series say, as the maker writes it."""

    number: int
    description: str
    image_type: tuple[str, ...]
    protocol: str = ""
    comments: str = ""
    burned_in: str | None = "YES"
    extra: dict[str, str] = field(default_factory=dict)


def _common(exam: Exam, sop_class: UID, series_number: int, instance: int) -> Dataset:
    """Patient, study, equipment and identity of one object."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = uid(exam.key, series_number, instance)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = UID(ROOT + "1")
    ds.file_meta.ImplementationVersionName = "SAMPLE_SC"
    sets = list(exam.patient.character_set)
    ds.SpecificCharacterSet = sets[0] if len(sets) == 1 else sets
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = exam.study_instance_uid
    ds.SeriesInstanceUID = uid(exam.key, series_number, "series")
    ds.PatientName = exam.patient.name
    ds.PatientID = exam.patient.identifier
    ds.PatientBirthDate = exam.patient.birth_date
    ds.PatientSex = exam.patient.sex
    ds.StudyDate, ds.StudyTime = exam.date, exam.time
    ds.StudyID = exam.number
    ds.StudyDescription = exam.description
    ds.AccessionNumber = exam.accession
    ds.ReferringPhysicianName = ""
    ds.Modality = "CT"
    ds.Manufacturer = exam.console.manufacturer
    ds.ManufacturerModelName = exam.console.model
    ds.SoftwareVersions = exam.console.software
    ds.DeviceSerialNumber = exam.console.serial
    ds.StationName = exam.console.station
    ds.InstitutionName = exam.console.institution
    ds.SeriesNumber = series_number
    ds.InstanceNumber = instance
    return ds


def later(time: str, minutes: int) -> str:
    """Add minutes to a TM value of the same day."""
    total = int(time[:2]) * 60 + int(time[2:4]) + minutes
    return f"{total // 60:02d}{total % 60:02d}{time[4:]}"


def dose_screen(exam: Exam, series: Series, instance: int = 1, minutes: int = 30) -> Dataset:
    """Secondary Capture Image (PS3.3 A.8) without pixels, saved `minutes` after the study began."""
    ds = _common(exam, SecondaryCaptureImageStorage, series.number, instance)
    # unchecked: the real value DOSE-INFO has a hyphen, which CS forbids
    ds["ImageType"] = DataElement(0x00080008, "CS", list(series.image_type), validation_mode=IGNORE)
    ds.SeriesDescription = series.description
    ds.ConversionType = "WSD"
    ds.SeriesDate = ds.ContentDate = exam.date
    ds.SeriesTime = later(exam.time, 25)
    ds.ContentTime = later(exam.time, minutes)
    ds.PatientOrientation = ""
    if series.protocol:
        ds.ProtocolName = series.protocol
    if series.comments:
        ds.ImageComments = series.comments
    if series.burned_in is not None:
        ds.BurnedInAnnotation = series.burned_in
    for keyword, text in series.extra.items():
        setattr(ds, keyword, text)
    return ds


def dose_sr(exam: Exam, series_number: int, description: str) -> Dataset:
    """X-Ray Radiation Dose SR (PS3.3 A.35.8) without content, complete and unverified."""
    ds = _common(exam, XRayRadiationDoseSRStorage, series_number, 1)
    ds.Modality = "SR"
    ds.SeriesDescription = description
    ds.SeriesDate = ds.ContentDate = exam.date
    ds.SeriesTime = ds.ContentTime = later(exam.time, 31)
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    return ds


def code(value: str, meaning: str) -> Dataset:
    """A code of the DICOM Controlled Terminology."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def phantom_code(phantom: str) -> Dataset:
    """CID 4052: `head` or `body`."""
    if phantom == "head":
        return code("113690", "IEC Head Dosimetry Phantom")
    return code("113691", "IEC Body Dosimetry Phantom")


@dataclass(frozen=True, slots=True)
class Spiral:
    """One spiral as its images state it; lengths in mm, `top` is the uppermost slice's position."""

    ctdivol: float
    phantom: str
    kvp: str
    slices: int
    thickness: float
    top: float
    time: str
    body_part: str
    acquisition: int = 2
    current: int = 200


def ct_image(exam: Exam, spiral: Spiral, series_number: int, instance: int) -> Dataset:
    """CT Image (PS3.3 A.3) without pixels: slice `instance` (1-based) of a constant-current spiral."""
    ds = _common(exam, CTImageStorage, series_number, instance)
    z = spiral.top - (instance - 1) * spiral.thickness
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesDescription = f"{spiral.body_part} {spiral.thickness:g} mm"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = exam.date
    ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = spiral.time
    ds.BodyPartExamined = spiral.body_part
    ds.ProtocolName = exam.description
    ds.PatientPosition = "HFS"
    ds.PositionReferenceIndicator = ""
    ds.FrameOfReferenceUID = uid(exam.key, "frame of reference")
    ds.AcquisitionNumber = spiral.acquisition
    ds.AcquisitionType = "SPIRAL"
    ds.ImagesInAcquisition = spiral.slices
    ds.KVP = spiral.kvp
    ds.XRayTubeCurrent, ds.ExposureTime = spiral.current, 500
    ds.Exposure = spiral.current // 2
    ds.RevolutionTime = 0.5
    ds.SingleCollimationWidth, ds.TotalCollimationWidth = 0.625, 20.0
    ds.SpiralPitchFactor = 0.984
    ds.ExposureModulationType = "NONE"
    ds.CTDIvol = spiral.ctdivol
    ds.CTDIPhantomTypeCodeSequence = [phantom_code(spiral.phantom)]
    ds.SliceThickness = f"{spiral.thickness:g}"
    ds.SpacingBetweenSlices = f"{spiral.thickness:g}"
    ds.ImagePositionPatient = ["-160", "-160", f"{z:g}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation = f"{z:g}"
    ds.PixelSpacing = ["5", "5"]
    ds.ReconstructionDiameter = "320"
    return ds


def reformat(source: Dataset, exam: Exam, series_number: int, instance: int) -> Dataset:
    """Turn an axial header into that of a coronal reformat, dose attributes copied as consoles do."""
    ds = source
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(exam.key, series_number, instance)
    ds.SeriesInstanceUID = uid(exam.key, series_number, "series")
    ds.SeriesNumber, ds.InstanceNumber = series_number, instance
    ds.ImageType = ["DERIVED", "SECONDARY", "MPR"]
    ds.SeriesDescription = "MPR coronal"
    ds.ImagePositionPatient = ["-160", f"{-100 + 20 * instance}", ds.ImagePositionPatient[2]]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    ds.SliceLocation = f"{-100 + 20 * instance}"
    return ds


def localizer(exam: Exam, spiral: Spiral, series_number: int) -> Dataset:
    """The localizer image of a study: a CT Image that counts in no dose."""
    ds = ct_image(exam, spiral, series_number, 1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ds.SeriesDescription = "Scout"
    ds.AcquisitionType = "CONSTANT_ANGLE"
    ds.AcquisitionNumber = 1
    ds.AcquisitionTime = ds.ContentTime = ds.SeriesTime = later(exam.time, 1)
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    del ds.SpiralPitchFactor, ds.CTDIvol, ds.CTDIPhantomTypeCodeSequence, ds.ImagesInAcquisition
    return ds
