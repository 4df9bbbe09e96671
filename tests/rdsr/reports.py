"""Reports and source headers to write documents of: one of every kind, all invented."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pydicom.dataset import Dataset

from ocr_service.dose.report import (
    AcquisitionParameters,
    CodedConcept,
    CTAcquisitionType,
    CTDoseReport,
    IrradiationEvent,
    Origin,
    Phantom,
    Reading,
    Scanner,
    Source,
)
from ocr_service.rdsr.source import SourceStudy

STUDY = "1.2.826.0.1.3680043.10.1"
SCREEN = "1.2.840.10008.5.1.4.1.1.7"
SCANNER = Scanner("EXAMPLE MEDICAL", "Scan 64", "4711", "CT1", "3.2", "")
CHEST = CodedConcept("816094009", "SCT", "Chest")  # CID 4030


def header(**values: object) -> Dataset:
    """The header of a dose screen, as much of it as a document copies."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = SCREEN, f"{STUDY}.2.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, f"{STUDY}.2"
    ds.PatientName, ds.PatientID = "Example^Anna", "0042"
    ds.PatientBirthDate, ds.PatientSex = "19600229", "F"
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20200310", "101500", "S1"
    ds.AccessionNumber, ds.ReferringPhysicianName = "A77", ""
    ds.ContentDate, ds.ContentTime = "20200310", "103000"
    ds.StudyDescription, ds.InstitutionName = "CT CHEST", "Example Hospital"
    ds.PatientAge, ds.PatientSize, ds.PatientWeight = "060Y", "1.65", "62"
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def source(**values: object) -> SourceStudy:
    return SourceStudy((header(**values),))


def printed(text: str, *, proven: bool = True, told_by: Source = Source.READ_FROM_SCREEN) -> Reading[str]:
    return Reading(text, text, told_by, proven=proven)


def dose(text: str, *, proven: bool = True, told_by: Source = Source.READ_FROM_SCREEN) -> Reading[Decimal]:
    return Reading(Decimal(text), text, told_by, proven=proven)


def kind(value: CTAcquisitionType, *, proven: bool = True) -> Reading[CTAcquisitionType]:
    return Reading(value, value.name, proven=proven)


def phantom(value: Phantom, *, proven: bool = True) -> Reading[Phantom]:
    return Reading(value, value.name, proven=proven)


LOCALIZER = IrradiationEvent(kind(CTAcquisitionType.CONSTANT_ANGLE), series_number=printed("1"))
SPIRAL = IrradiationEvent(
    acquisition_type=kind(CTAcquisitionType.SPIRAL),
    mean_ctdivol=dose("11.20"),
    dlp=dose("498.42"),
    phantom=phantom(Phantom.BODY),
    series_number=printed("2"),
    protocol=printed("Thorax routine"),
    scanning_range=printed("S12.500-I402.500"),
    kvp=dose("120"),
    parameters=AcquisitionParameters(
        tube_current=Decimal("180"),
        maximum_tube_current=Decimal("210"),
        exposure_time=Decimal("4.5"),
        exposure_time_per_rotation=Decimal("0.5"),
        single_collimation=Decimal("0.625"),
        total_collimation=Decimal("40"),
        pitch=Decimal("0.984"),
        number_of_sources=Decimal("1"),
        scanning_length=Decimal("415"),
        top_z=Decimal("12.5"),
        bottom_z=Decimal("-402.5"),
        frame_of_reference_uid=f"{STUDY}.9",
        start="20200310102000",
        end="20200310102005",
    ),
    target_region=CHEST,
)
AXIAL = IrradiationEvent(
    acquisition_type=kind(CTAcquisitionType.SEQUENCED),
    mean_ctdivol=dose("55"),
    dlp=dose("660.0"),
    phantom=phantom(Phantom.HEAD),
    series_number=printed("3"),
)
ONE_SPIRAL = CTDoseReport(STUDY, SCANNER, (LOCALIZER, SPIRAL), dose("498.42"), template="ge/dose-report")
ONE_AXIAL = CTDoseReport(STUDY, SCANNER, (AXIAL,), dose("660.0"))
LOCALIZER_WITH_DOSE = CTDoseReport(
    STUDY,
    SCANNER,
    (replace(LOCALIZER, mean_ctdivol=dose("0.14"), dlp=dose("11.51"), phantom=phantom(Phantom.BODY)),),
    dose("11.51"),
)
NOTHING_KNOWN = CTDoseReport(STUDY, Scanner("", ""), (IrradiationEvent(),))
TWO_PHANTOMS = CTDoseReport(STUDY, SCANNER, (LOCALIZER, SPIRAL, AXIAL))
PRINTED_PER_PHANTOM = CTDoseReport(
    STUDY,
    SCANNER,
    (SPIRAL, AXIAL),
    phantom_totals=((Phantom.HEAD, dose("660.0")), (Phantom.BODY, dose("498.4"))),
)
FROM_HEADERS = CTDoseReport(
    STUDY,
    SCANNER,
    (
        replace(
            SPIRAL,
            mean_ctdivol=dose("14.5", told_by=Source.COPIED_FROM_IMAGE),
            dlp=dose("203", told_by=Source.COMPUTED_FROM_IMAGE),
            series_number=None,
            protocol=None,
            scanning_range=None,
            kvp=None,
            acquisition_type=Reading(CTAcquisitionType.SPIRAL, "SPIRAL", Source.COPIED_FROM_IMAGE),
            phantom=Reading(Phantom.BODY, "113691", Source.COPIED_FROM_IMAGE),
            parameters=replace(SPIRAL.parameters, kvp=Decimal("120"), protocol="Thorax"),
            irradiation_event_uid=f"{STUDY}.77",
        ),
    ),
    origin=Origin.HEADER,
)
TO_REVIEW = CTDoseReport(
    STUDY,
    SCANNER,
    (
        LOCALIZER,
        replace(
            SPIRAL,
            mean_ctdivol=dose("17.20", proven=False),
            protocol=printed("Th0rax", proven=False),
            scanning_range=printed("S12.500-l402.500", proven=False),
        ),
        replace(AXIAL, dlp=None, phantom=phantom(Phantom.HEAD, proven=False)),
    ),
    dose("1158.4", proven=False),
    missing=("page 2 of 2 has not arrived",),
)
# name -> (report, verified)
KINDS = {
    "spiral": (ONE_SPIRAL, True),
    "axial": (ONE_AXIAL, True),
    "localizer": (LOCALIZER_WITH_DOSE, True),
    "unknown": (NOTHING_KNOWN, True),
    "two_phantoms": (TWO_PHANTOMS, True),
    "printed_per_phantom": (PRINTED_PER_PHANTOM, True),
    "header": (FROM_HEADERS, False),
    "review": (TO_REVIEW, False),
}
