"""A CT image -> its slices: what each one states of the irradiation it comes from, or that it counts for nothing.

Knows CT Image and Enhanced CT Image Storage (PS3.3 C.8.2 and C.8.15, functional groups C.7.6.16.2) and which images
are original; must not know which slices are one irradiation event.

Consoles copy CTDIvol (0018,9345) into reformatted images, so only ORIGINAL\\PRIMARY ones count (C.7.6.1.1.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from ocr_service.dose.report import CTAcquisitionType, Phantom, Scanner
from ocr_service.study import acquisition, attributes
from ocr_service.study.attributes import Moment

MOST_FRAMES = 20_000  # of one object
MOST_CTDIVOL = Decimal(10_000)  # mGy: beyond it a header talks nonsense
_CLASSES = {CTImageStorage, EnhancedCTImageStorage}
# What original images are never called, whatever their first two values say.
_REFORMATTED = {"MPR", "REFORMATTED", "PROJECTION IMAGE", "MAX_IP", "MIN_IP", "AVERAGE", "CSA MPR", "CURVED MPR"}
_NOT_GATED = {"", "NONE", "NO"}
_GATED_WORDS = {"CARDIAC", "ECG", "GATED", "CARDIAC_CT", "CARDIAC HELICAL", "CARD_HELICAL", "RESP", "CG", "RG"}
_NOTHING = Dataset()
_MILLIMETRE = Decimal("0.001")

Vector = tuple[Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Slice:
    """One image, or one frame of an enhanced one, that its scanner reconstructed from its own measurements.

    ctdivol in mGy, lengths in mm, times in s, current in mA. `position` is measured along `normal`, the direction in
    which the slices are stacked, and is the middle of the slice; `z` is the patient's axis.
    """

    localizer: bool
    study_instance_uid: str
    scanner: Scanner
    series_instance_uid: str
    sop_instance_uid: str
    frame: int
    frame_of_reference_uid: str | None
    acquisition_number: str
    irradiation_event_uid: str | None
    private_event_uid: str | None  # Philips' own, seen to equal the one in the Exposure Dose Sequence
    kvp: Decimal | None
    tube: str
    sources: int
    start: Moment | None
    position: Decimal | None
    normal: Vector | None
    z: Decimal | None
    thickness: Decimal | None
    ctdivol: Decimal | None
    phantom: Phantom | None
    modulation: str
    acquisition_type: CTAcquisitionType | None
    gated: bool
    images_in_acquisition: int | None
    scan_length: Decimal | None
    private_scan_length: Decimal | None  # Philips' own: what was to be reconstructed, without over-ranging
    tube_current: Decimal | None
    exposure_time: Decimal | None
    rotation_time: Decimal | None
    single_collimation: Decimal | None
    total_collimation: Decimal | None
    pitch: Decimal | None
    body_part: str
    protocol: str


class _Header:
    """The attributes of one frame: its own functional groups first, then those of all frames, then the object's."""

    def __init__(self, own: Sequence[Dataset], shared: Sequence[Dataset], known: dict[str, Dataset | None]) -> None:
        self._own, self._shared, self._known = own, shared, known

    def holder(self, keyword: str) -> Dataset:
        """The data set that tells the attribute; an empty one where none does."""
        for layer in self._own:
            if attributes.has(layer, keyword):
                return layer
        if keyword not in self._known:
            told = (layer for layer in self._shared if attributes.has(layer, keyword))
            self._known[keyword] = next(told, None)
        found = self._known[keyword]
        return _NOTHING if found is None else found

    def text(self, keyword: str, most: int = 64) -> str:
        return attributes.text(self.holder(keyword), keyword, most)

    def words(self, keyword: str) -> tuple[str, ...]:
        return attributes.words(self.holder(keyword), keyword)

    def positive(self, keyword: str) -> Decimal | None:
        return attributes.positive(self.holder(keyword), keyword)


def slices_of(ds: Dataset) -> Iterator[Slice]:
    """The slices of one object; none where it is no CT image, or where none of its frames is an original."""
    if attributes.text(ds, "SOPClassUID") not in _CLASSES:
        return
    scanner = acquisition.scanner_of(ds)
    per_frame = attributes.items(ds, "PerFrameFunctionalGroupsSequence", MOST_FRAMES)
    shared = [*_macros(attributes.items(ds, "SharedFunctionalGroupsSequence", 1)), ds]
    known: dict[str, Dataset | None] = {}
    for frame, groups in enumerate(per_frame or (None,), start=1):
        own = [] if groups is None else _macros([groups])
        found = _slice(ds, scanner, _Header(own, shared, known), frame)
        if found is not None:
            yield found


def _macros(groups: Sequence[Dataset]) -> list[Dataset]:
    """The functional groups as flat layers: each group, and the first item of every macro in it."""
    layers: list[Dataset] = []
    for group in groups:
        layers.append(group)
        for tag in [int(tag) for tag in group.keys()]:  # noqa: SIM118 (a data set iterates over converted elements)
            layers += attributes.items(group, tag, 1)
    return layers


def _slice(ds: Dataset, scanner: Scanner, header: _Header, frame: int) -> Slice | None:
    image_type = header.words("FrameType") or header.words("ImageType")
    if image_type[:2] != ("ORIGINAL", "PRIMARY") or _REFORMATTED & set(image_type):
        return None
    options = header.words("ScanOptions")
    kind = acquisition.acquisition_type(header.text("AcquisitionType"), (*options, *image_type))
    localizer = "LOCALIZER" in image_type[2:3] or kind is CTAcquisitionType.CONSTANT_ANGLE
    normal = _normal(header)
    place = attributes.numbers(header.holder("ImagePositionPatient"), "ImagePositionPatient", 3)
    ctdivol = header.positive("CTDIvol")
    if place is None and ctdivol is None:
        return None
    exposure = header.holder("CTDIPhantomTypeCodeSequence")
    single, total, _ = acquisition.collimation(header.holder("TotalCollimationWidth"))
    return Slice(
        localizer=localizer,
        study_instance_uid=attributes.text(ds, "StudyInstanceUID", 64),
        scanner=scanner,
        series_instance_uid=attributes.text(ds, "SeriesInstanceUID", 64),
        sop_instance_uid=attributes.text(ds, "SOPInstanceUID", 64),
        frame=frame,
        frame_of_reference_uid=attributes.uid(ds, "FrameOfReferenceUID"),
        acquisition_number=header.text("FrameAcquisitionNumber", 16) or header.text("AcquisitionNumber", 16),
        irradiation_event_uid=attributes.uid(header.holder("IrradiationEventUID"), "IrradiationEventUID"),
        private_event_uid=_private_event_uid(ds),
        kvp=header.positive("KVP"),
        tube=header.text("XRaySourceIndex", 16),
        sources=_sources(header),
        start=_start(header),
        position=_along(normal, place),
        normal=normal,
        z=None if place is None else place[2],
        thickness=header.positive("SliceThickness"),
        ctdivol=ctdivol if ctdivol is not None and ctdivol < MOST_CTDIVOL else None,
        phantom=acquisition.phantom_by_code(exposure),
        modulation=header.text("ExposureModulationType").upper(),
        acquisition_type=CTAcquisitionType.CONSTANT_ANGLE if localizer and kind is None else kind,
        gated=_gated(header, options),
        images_in_acquisition=_count(header.positive("ImagesInAcquisition")),
        scan_length=header.positive("ScanLength"),
        private_scan_length=_private_scan_length(ds),
        tube_current=_tube_current(header),
        exposure_time=_exposure_time(header),
        rotation_time=acquisition.revolution_time(header.holder("RevolutionTime")) or acquisition.revolution_time(ds),
        single_collimation=single,
        total_collimation=total,
        pitch=header.positive("SpiralPitchFactor"),
        body_part=header.text("BodyPartExamined") or _region(header),
        protocol=header.text("ProtocolName", 120),
    )


def _normal(header: _Header) -> Vector | None:
    """The direction across the slice (the cross product of its row and column), None where it is no direction."""
    cosines = attributes.numbers(header.holder("ImageOrientationPatient"), "ImageOrientationPatient", 6)
    if cosines is None or any(abs(cosine) > 2 for cosine in cosines):
        return None
    a, b, c, d, e, f = cosines
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = sum((part * part for part in normal), Decimal(0))
    if abs(length - 1) > Decimal("0.1"):
        return None
    # Stacks may be built from either side: the direction with its largest part above zero stands for both.
    largest = sorted(normal, key=abs)[-1]
    return normal if largest > 0 else (-normal[0], -normal[1], -normal[2])


def _along(normal: Vector | None, place: Sequence[Decimal] | None) -> Decimal | None:
    if normal is None or place is None:
        return None
    return sum((n * p for n, p in zip(normal, place, strict=True)), Decimal(0)).quantize(_MILLIMETRE)


def _start(header: _Header) -> Moment | None:
    frame = attributes.moment(header.text("FrameAcquisitionDateTime"))
    if frame is not None:
        return frame
    whole = attributes.moment(header.text("AcquisitionDateTime"))
    if whole is not None:
        return whole
    return attributes.moment(
        header.text("AcquisitionDate").replace(".", "") + header.text("AcquisitionTime").replace(":", "")
    )


def _sources(header: _Header) -> int:
    """How many X-ray sources or voltages took part, as far as the header tells; 1 where it tells nothing."""
    counts = [1]
    for keyword in ("CTXRayDetailsSequence", "CTExposureSequence", "MultienergyCTXRaySourceSequence"):
        counts.append(len(attributes.items(header.holder(keyword), keyword)))
    multi = header.holder("MultienergyCTAcquisitionSequence")
    for item in attributes.items(multi, "MultienergyCTAcquisitionSequence"):
        counts.append(len(attributes.items(item, "MultienergyCTXRaySourceSequence")))
    return max(counts)


def _gated(header: _Header, options: Sequence[str]) -> bool:
    techniques = ("CardiacSynchronizationTechnique", "RespiratoryMotionCompensationTechnique")
    if any(header.text(keyword).upper() not in _NOT_GATED for keyword in techniques):
        return True
    return bool(_GATED_WORDS & set(options)) or header.positive("TriggerTime") is not None


def _count(number: Decimal | None) -> int | None:
    return None if number is None or number != number.to_integral_value() else int(number)


def _private_event_uid(ds: Dataset) -> str | None:
    found = attributes.private(ds, 0x01F7, acquisition.ELSCINT, 0x22)
    return None if found is None else attributes.uid(ds, int(found.tag))


def _private_scan_length(ds: Dataset) -> Decimal | None:
    found = attributes.private(ds, 0x01F1, acquisition.ELSCINT, 0x08)
    length = None if found is None else attributes.as_decimal(found)
    return length if length is not None and length > 0 else None


def _tube_current(header: _Header) -> Decimal | None:
    for keyword in ("XRayTubeCurrentInmA", "XRayTubeCurrent", "XRayTubeCurrentInuA"):
        told = acquisition.tube_current(header.holder(keyword))
        if told is not None:
            return told
    return None


def _exposure_time(header: _Header) -> Decimal | None:
    for keyword in ("ExposureTimeInms", "ExposureTime"):
        told = acquisition.exposure_time(header.holder(keyword))
        if told is not None:
            return told
    return None


def _region(header: _Header) -> str:
    """The meaning of the one code in Anatomic Region Sequence (0008,2218)."""
    regions = attributes.items(header.holder("AnatomicRegionSequence"), "AnatomicRegionSequence")
    return attributes.text(regions[0], "CodeMeaning", 64) if len(regions) == 1 else ""
