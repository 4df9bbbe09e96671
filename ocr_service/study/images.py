"""CT images of a study -> irradiation events, and what may be concluded of their dose.

Knows CTDIvol (0018,9345) of original images and when a set is complete; must not know dose screens.

CTDIvol is stated where it is constant or averaged over a complete set, or constant over slices taken without
modulation; the DLP only over a complete set without gaps, of one tube, with table movement and without gating. Real
sets show why: three slices of a modulated spiral all say 18.4, its 140 run from 8.9 to 19.5, and the page says 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

from pydicom.dataset import Dataset

from ocr_service.dose.report import AcquisitionParameters, CTAcquisitionType, Phantom
from ocr_service.study.coverage import Coverage, Reconstruction, coverage_of
from ocr_service.study.irradiation import Irradiation, irradiations
from ocr_service.study.slices import Slice, slices_of

T = TypeVar("T")

CONSTANT_SLICES = 3  # fewer equal ones are chance
_ENOUGH = Decimal("0.75")  # of a stated length: the rest is over-ranging, which no image shows
_ROUNDED = Decimal("0.5")  # mm: lengths are stated in whole ones
_AXIAL = Decimal("0.98")
_TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """One irradiation event as its images tell it. CTDIvol in mGy, DLP in mGy.cm; None: they do not tell.

    localizer: such an event has no dose here. `mean_ctdivol` and `dlp` stand only where the rules of this module allow
    them; `ctdivol_range` is what the images at hand say, whatever that is worth. `modulated` is None where no image
    says. `ambiguous` tells why the images may be more or less than one event.
    """

    images: int
    complete: bool
    localizer: bool
    series_instance_uids: tuple[str, ...]
    sop_instance_uids: tuple[str, ...]
    acquisition_number: str
    irradiation_event_uid: str | None
    mean_ctdivol: Decimal | None
    ctdivol_range: tuple[Decimal, Decimal] | None
    constant: bool
    modulated: bool | None
    phantom: Phantom | None
    acquisition_type: CTAcquisitionType | None
    dlp: Decimal | None
    parameters: AcquisitionParameters
    notes: tuple[str, ...]
    ambiguous: str


def image_events(datasets: Iterable[Dataset]) -> tuple[ImageEvent, ...]:
    """The irradiation events of the original images among the data sets, in the order of acquisition.

    Takes CT and Enhanced CT Image Storage, with or without pixels; whatever else is there counts nothing, and neither
    do reformatted and other derived images. Never raises.
    """
    told = (one for ds in datasets for one in slices_of(ds))
    return tuple(_event(irradiation) for irradiation in irradiations(told))


def _event(irradiation: Irradiation) -> ImageEvent:
    slices = irradiation.slices
    localizer = slices[0].localizer
    coverage = coverage_of(slices)
    values = [one.ctdivol for one in slices if one.ctdivol is not None]
    modulated = _modulated(slices)
    complete = _complete(coverage)
    why_not = _no_conclusion(irradiation, coverage)
    mean = None if localizer or why_not else _mean_ctdivol(coverage, complete, modulated)
    ambiguous = "" if localizer else irradiation.ambiguous or _ambiguous(coverage)
    known_dose = None if mean is None or ambiguous or not complete else coverage.dose
    return ImageEvent(
        images=len(slices),
        complete=complete,
        localizer=localizer,
        series_instance_uids=tuple(dict.fromkeys(one.series_instance_uid for one in slices)),
        sop_instance_uids=tuple(dict.fromkeys(one.sop_instance_uid for one in slices)),
        acquisition_number=_numbers(slices),
        irradiation_event_uid=_uid(slices),
        mean_ctdivol=mean,
        ctdivol_range=(min(values), max(values)) if values and not localizer else None,
        constant=len(values) == len(slices) and len(set(values)) == 1,
        modulated=modulated,
        phantom=_same([one.phantom for one in slices]),
        acquisition_type=_same([one.acquisition_type for one in slices]),
        dlp=None if known_dose is None else Decimal(plain(known_dose / 10)),
        parameters=_parameters(slices, coverage, complete),
        notes=() if localizer else tuple(_notes(coverage, complete, modulated, why_not)),
        ambiguous=ambiguous,
    )


def _same(told: Sequence[T | None]) -> T | None:
    """The one value of those that tell any; None where they differ."""
    values = {one for one in told if one is not None}
    return values.pop() if len(values) == 1 else None


def _modulated(slices: Sequence[Slice]) -> bool | None:
    """By Exposure Modulation Type (0018,9323): NONE everywhere, something anywhere, or not told."""
    if any(one.modulation not in ("", "NONE") for one in slices):
        return True
    return False if all(one.modulation for one in slices) else None


def _no_conclusion(irradiation: Irradiation, coverage: Coverage) -> str:
    """Why CTDIvol of single images says nothing of the irradiation, however many there are; "" where it may."""
    slices = irradiation.slices
    if irradiation.several_tubes:
        return "several tubes or voltages took part"
    if any(one.gated for one in slices):
        return "the acquisition was gated"
    if not coverage.placed:
        return (
            "its images do not state where they lie" if coverage.one_direction else "its images lie across each other"
        )
    stationary = any(one.acquisition_type is CTAcquisitionType.STATIONARY for one in slices)
    if stationary or not coverage.moved or _one_shot(slices, coverage):
        return "its images show no table movement"
    return ""


def _one_shot(slices: Sequence[Slice], coverage: Coverage) -> bool:
    """All slices of one moment within one collimation, and no spiral: a wide beam over a table at rest."""
    beam = max((one.total_collimation for one in slices if one.total_collimation is not None), default=None)
    spiral = any(one.acquisition_type is CTAcquisitionType.SPIRAL for one in slices)
    at_once = len({one.start.at for one in slices if one.start}) == 1
    return not spiral and at_once and beam is not None and coverage.length <= beam + _ROUNDED


def _complete(coverage: Coverage) -> bool:
    """Does something state the size of the set, and is it reached? Partial reconstructions must be whole as well."""
    if not coverage.placed:
        return False
    whole = [made for made in coverage.reconstructions if _is_whole(made)]
    if not whole:
        return False
    low = min(made.pieces[0].low for made in whole)
    high = max(made.pieces[-1].high for made in whole)
    lengths = [one.scan_length for made in whole for one in made.slices if one.scan_length is not None]
    enough = all(coverage.length >= length * _ENOUGH for length in lengths)
    return enough and low <= coverage.low + _ROUNDED and high >= coverage.high - _ROUNDED


def _is_whole(made: Reconstruction) -> bool:
    """By Images in Acquisition (0020,1002), Scan Length (0018,1302) or Philips' private one."""
    number = _same([one.images_in_acquisition for one in made.slices])
    one_acquisition = len({one.acquisition_number for one in made.slices}) == 1
    one_image_each = len({one.sop_instance_uid for one in made.slices}) == len(made.slices)
    if number == len(made.slices) and one_acquisition and one_image_each and not made.repeated:
        return True
    length = _length(made.slices)
    without_holes = all(b.low - a.high <= _ROUNDED for a, b in pairwise(made.pieces))
    return length is not None and without_holes and made.length >= length - _ROUNDED


def _length(slices: Sequence[Slice]) -> Decimal | None:
    """How much there is to cover, in mm, as the images state it."""
    return _same([one.private_scan_length for one in slices]) or _same([one.scan_length for one in slices])


def _mean_ctdivol(coverage: Coverage, complete: bool, modulated: bool | None) -> Decimal | None:
    slices = [one for made in coverage.reconstructions for one in made.slices]
    values = [one.ctdivol for one in slices if one.ctdivol is not None]
    if not values or len(values) != len(slices):
        return None
    if len(set(values)) == 1:
        enough = len({one.position for one in slices}) >= CONSTANT_SLICES
        return values[0] if complete or (modulated is False and enough) else None
    if not complete:
        return None
    widest = coverage.reconstructions[0]
    if widest.length >= coverage.length - _ROUNDED:
        told = [one.ctdivol for one in widest.slices if one.ctdivol is not None]
        return sum(told, Decimal(0)) / len(told)
    return None if coverage.dose is None else coverage.dose / coverage.length


def _ambiguous(coverage: Coverage) -> str:
    if not coverage.one_direction:
        return "its images lie in different directions: reformatted ones may be among them"
    return "its slices leave gaps" if coverage.holes else ""


def _numbers(slices: Sequence[Slice]) -> str:
    """The Acquisition Number, or the first and last of a step-and-shoot scan as `2-15`."""
    numbers = sorted({one.acquisition_number for one in slices} - {""}, key=lambda told: (len(told), told))
    return "-".join(dict.fromkeys((*numbers[:1], *numbers[-1:])))


def _uid(slices: Sequence[Slice]) -> str | None:
    """The one Irradiation Event UID; Philips' private one only where every image has the same."""
    official = _same([one.irradiation_event_uid for one in slices])
    if official is not None or any(one.irradiation_event_uid for one in slices):
        return official
    private = {one.private_event_uid for one in slices}
    return private.pop() if len(private) == 1 else None


def _parameters(slices: Sequence[Slice], coverage: Coverage, complete: bool) -> AcquisitionParameters:
    kind = _same([one.acquisition_type for one in slices])
    currents = [one.tube_current for one in slices if one.tube_current is not None]
    steady = _modulated(slices) is False and len(set(currents)) == 1
    known = len(currents) == len(slices) and (complete or steady)
    started = [one.start for one in slices if one.start]
    first = min(started, key=lambda moment: moment.at, default=None)
    last = max(started, key=lambda moment: moment.at, default=None)
    measured = complete and not coverage.holes
    axial = measured and all(one.normal is not None and one.normal[2] > _AXIAL for one in slices)
    sources = max(one.sources for one in slices)
    return AcquisitionParameters(
        kvp=_same([one.kvp for one in slices]),
        tube_current=(sum(currents, Decimal(0)) / len(currents)).quantize(_TENTH) if known else None,
        maximum_tube_current=max(currents) if known else None,
        # of a slice it is the time of one rotation, or less
        exposure_time=_same([one.exposure_time for one in slices]) if slices[0].localizer else None,
        exposure_time_per_rotation=None if slices[0].localizer else _same([one.rotation_time for one in slices]),
        single_collimation=_same([one.single_collimation for one in slices]),
        total_collimation=_same([one.total_collimation for one in slices]),
        pitch=_same([one.pitch for one in slices]) if kind is CTAcquisitionType.SPIRAL else None,
        number_of_sources=Decimal(sources) if sources > 1 else None,
        scanning_length=_same([one.scan_length for one in slices]),
        reconstructable_length=Decimal(plain(coverage.length)) if measured else None,
        top_z=Decimal(plain(coverage.high)) if axial else None,
        bottom_z=Decimal(plain(coverage.low)) if axial else None,
        frame_of_reference_uid=_same([one.frame_of_reference_uid for one in slices]),
        start=first.told if first else None,
        end=last.told if complete and first and last and last.at > first.at else None,
        body_part=_same([one.body_part or None for one in slices]),
        protocol=_same([one.protocol or None for one in slices]),
    )


def _notes(coverage: Coverage, complete: bool, modulated: bool | None, why_not: str) -> Iterator[str]:
    slices = [one for made in coverage.reconstructions for one in made.slices]
    if not complete:
        length, number = _length(slices), _same([one.images_in_acquisition for one in slices])
        if length is not None and coverage.placed:
            yield f"{plain(coverage.length)} of {plain(length)} mm are at hand"
        elif number is not None:
            most = max(len(made.slices) for made in coverage.reconstructions)
            yield f"{most} images of {number} are at hand"
        else:
            yield "nothing states how many images the acquisition has"
    if modulated:
        yield "the tube current was modulated"
    if why_not:
        yield why_not
    if len({one.phantom for one in slices if one.phantom}) > 1:
        yield "its images name two different phantoms"


def plain(number: Decimal) -> str:
    """The number without exponent and without zeros at its end."""
    told = format(number, "f")
    return told.rstrip("0").rstrip(".") if "." in told else told
