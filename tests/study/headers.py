"""Headers built for the tests of this room, as consoles write them."""

from __future__ import annotations

from decimal import Decimal

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, SecondaryCaptureImageStorage, generate_uid

from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Evidence,
    IrradiationEvent,
    Phantom,
    Reading,
    Scanner,
    Witness,
    WitnessKind,
)

ROOT = "1.2.826.0.1.3680043.8.498.77."
P, T = WitnessKind.PPOCR, WitnessKind.TESSERACT
CONSOLE, IMAGES = WitnessKind.CONSOLE_TEXT, WitnessKind.IMAGES
SPIRAL, LOCALIZER = CTAcquisitionType.SPIRAL, CTAcquisitionType.CONSTANT_ANGLE


def uid(*words: object) -> str:
    return generate_uid(prefix=ROOT, entropy_srcs=[f"{word}|" for word in words])


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", "a phantom"
    return item


def image(series="thin", z=0.0, thickness="1", **header) -> Dataset:
    """One slice of a spiral without modulation: CTDIvol 10 mGy, 120 kV, acquisition 2, body phantom."""
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = uid("image", series, z, sorted(map(str, header.items())))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("study"), uid(series)
    ds.FrameOfReferenceUID = uid("frame of reference")
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = "ACME", "Ring 64", "7"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionNumber, ds.KVP = 2, "120"
    ds.AcquisitionDate, ds.AcquisitionTime = "20200102", "101500"
    ds.AcquisitionType = "SPIRAL"
    ds.ImagePositionPatient = ["-100", "-100", f"{z:g}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceThickness = thickness
    ds.ExposureModulationType = "NONE"
    ds.CTDIvol = 10.0
    ds.CTDIPhantomTypeCodeSequence = Sequence([code("113691")])
    for keyword, value in header.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def spiral(series="thin", places=range(10), thickness="1", **header) -> list[Dataset]:
    """Slices at these places (mm)."""
    return [image(series, float(z), thickness, **header) for z in places]


def whole_spiral(series="thin", count=10, thickness=1, ctdivol=None, **header) -> list[Dataset]:
    """A spiral that states how many images it has, and has them; `ctdivol` a list of one value a slice."""
    made = spiral(series, [n * thickness for n in range(count)], str(thickness), ImagesInAcquisition=count, **header)
    for ds, value in zip(made, ctdivol or (), strict=bool(ctdivol)):
        ds.CTDIvol = value
    return made


def reformats(count=5) -> list[Dataset]:
    """Coronal reformats of the same acquisition, its CTDIvol copied into them."""
    made = []
    for n in range(count):
        ds = image("mpr", float(n), ImageType=["DERIVED", "SECONDARY", "MPR"])
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
        made.append(ds)
    return made


def localizer() -> Dataset:
    return image(
        "scout",
        300.0,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        AcquisitionType="CONSTANT_ANGLE",
        AcquisitionNumber=1,
        AcquisitionTime="101200",
        CTDIvol=None,
        CTDIPhantomTypeCodeSequence=None,
    )


def macro(keyword, **told):
    item = Dataset()
    for key, value in told.items():
        setattr(item, key, value)
    return keyword, Sequence([item])


def groups(*macros) -> Dataset:
    """An item of functional groups."""
    group = Dataset()
    for keyword, sequence in macros:
        setattr(group, keyword, sequence)
    return group


def shared_groups() -> Dataset:
    return groups(
        macro("PixelMeasuresSequence", SliceThickness="5"),
        macro("PlaneOrientationSequence", ImageOrientationPatient=["1", "0", "0", "0", "1", "0"]),
        macro("CTAcquisitionTypeSequence", AcquisitionType="SPIRAL"),
        macro("CTAcquisitionDetailsSequence", RevolutionTime=0.5, TotalCollimationWidth=40.0),
        macro("CTTableDynamicsSequence", SpiralPitchFactor=0.9),
        macro("CTXRayDetailsSequence", KVP=120.0),
        macro("IrradiationEventIdentificationSequence", IrradiationEventUID=uid("event")),
    )


def frame_groups(number, ctdivol) -> Dataset:
    exposed = {"CTDIvol": ctdivol, "XRayTubeCurrentInmA": 200.0, "ExposureModulationType": "XY"}
    return groups(
        macro("FrameContentSequence", FrameAcquisitionDateTime="20200102101500.5", FrameAcquisitionNumber=3),
        macro("PlanePositionSequence", ImagePositionPatient=["0", "0", f"{5 * number}"]),
        macro("CTImageFrameTypeSequence", FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]),
        macro("CTExposureSequence", CTDIPhantomTypeCodeSequence=Sequence([code("113690")]), **exposed),
    )


def enhanced(values=(10.0, 12.0, 14.0)) -> Dataset:
    """One Enhanced CT object: a frame a value, 5 mm thick, what is common in the shared groups."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedCTImageStorage, uid("enhanced", values)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("study"), uid("enhanced series")
    ds.FrameOfReferenceUID = uid("frame of reference")
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = "ACME", "Ring 64", "7"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.NumberOfFrames = len(values)
    ds.ScanLength = 5 * len(values)
    ds.SharedFunctionalGroupsSequence = Sequence([shared_groups()])
    ds.PerFrameFunctionalGroupsSequence = Sequence([frame_groups(n, value) for n, value in enumerate(values)])
    return ds


def page(comment="", exposures=(), **header) -> Dataset:
    """A dose page's header with a comment and exposures."""
    ds = Dataset()
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.SOPInstanceUID, ds.StudyInstanceUID = uid("page"), uid("study")
    ds.Manufacturer = "ACME"
    if comment:
        ds.CommentsOnRadiationDose = comment
    if exposures:
        ds.ExposureDoseSequence = Sequence(list(exposures))
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def exposure(kind="SPIRAL", dlp=None, phantom=None, **told) -> Dataset:
    """An item of the Exposure Dose Sequence, with Philips' private DLP and phantom."""
    item = Dataset()
    item.AcquisitionType = kind
    for keyword, value in told.items():
        setattr(item, keyword, value)
    if dlp is not None:
        item.add_new(0x00E10010, "LO", "ELSCINT1")
        item.add_new(0x00E11021, "DS", dlp)
    if phantom is not None:
        item.add_new(0x01E10010, "LO", "ELSCINT1")
        item.add_new(0x01E11026, "CS", phantom)
    return item


def siemens_page(text: str | bytes) -> Dataset:
    ds = page()
    ds.add_new(0x00190010, "LO", "SIEMENS CT DOSE")
    ds.add_new(0x00191011, "UN", text if isinstance(text, bytes) else text.encode("utf-16-le"))
    return ds


def read(text: str, *witnesses: tuple[WitnessKind, str]) -> Reading[Decimal]:
    """A number of a page: read by PP-OCR alone where nobody is named."""
    voices = witnesses or ((P, text),)
    return Reading(Decimal(text), text, evidence=Evidence(witnesses=tuple(Witness(k, t) for k, t in voices)))


def row(ctdivol=None, dlp=None, kind=SPIRAL, phantom=None, letter="", **told) -> IrradiationEvent:
    """A row of a page; dose as printed or as a reading."""
    return IrradiationEvent(
        acquisition_type=None if kind is None else Reading(kind, kind.name, proven=True),
        mean_ctdivol=read(ctdivol) if isinstance(ctdivol, str) else ctdivol,
        dlp=read(dlp) if isinstance(dlp, str) else dlp,
        phantom=None if phantom is None else Reading(phantom, letter or phantom.name, proven=True),
        **told,
    )


def report(*events: IrradiationEvent, total=None) -> CTDoseReport:
    return CTDoseReport(
        uid("study"), Scanner("ACME", "Ring 64", "7"), events, read(total) if isinstance(total, str) else total
    )


def told_by(reading: Reading[Decimal] | None) -> set[WitnessKind]:
    assert reading is not None
    return {witness.kind for witness in reading.evidence.witnesses}


BODY, HEAD = Phantom.BODY, Phantom.HEAD
