"""What a page does not print, taken from what tells of the same irradiation: parameters, UID, phantom, type.

Knows which source goes before which; must not know data sets, or how the sources were found to belong together. Pure.

A value is filled in only where the page prints none. The Exposure Dose Sequence tells of the whole irradiation and
goes first, the object's own before a procedure step's, then the images, then private text. Sources that contradict
each other fill in nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from ocr_service.dose.report import (
    AcquisitionParameters,
    CTAcquisitionType,
    Evidence,
    IrradiationEvent,
    Phantom,
    Reading,
    Source,
    Witness,
    WitnessKind,
)
from ocr_service.study.agreement import consistent, far_apart
from ocr_service.study.alignment import AlignedEvent
from ocr_service.study.images import ImageEvent
from ocr_service.study.stated import EXPOSURE_SEQUENCE, OF_STEPS, PRIVATE_TEXT, STEP_SEQUENCE, StatedDose

T = TypeVar("T", Phantom, CTAcquisitionType)


def filled(event: IrradiationEvent, told: AlignedEvent) -> IrradiationEvent:
    """The event with what its texts and images state beyond the page."""
    rows = {row.source: row for row in told.stated if same_irradiation(event, row)}
    images = told.images if told.images is not None and images_belong(event, told.images, rows.values()) else None
    sequence, step, private = rows.get(EXPOSURE_SEQUENCE), rows.get(STEP_SEQUENCE), rows.get(PRIVATE_TEXT)
    parameters = [source.parameters for source in (sequence, step, images, private) if source is not None]
    uids = [images.irradiation_event_uid] if images else []
    uids += [row.irradiation_event_uid for row in rows.values()]
    return replace(
        event,
        parameters=merged([event.parameters, *parameters]),
        irradiation_event_uid=event.irradiation_event_uid or next((uid for uid in uids if uid), None),
        phantom=event.phantom or (_phantom(rows.values(), images) if event.has_dose else None),
        acquisition_type=event.acquisition_type or _type(rows.values(), images),
    )


def same_irradiation(event: IrradiationEvent, row: StatedDose) -> bool:
    """Does a value of the row say that it is the event, and none that it is not?

    Two rows of nearly the same dose may stand in another order in the text: near is not enough.
    """
    pairs = ((event.mean_ctdivol, row.ctdivol), (event.dlp, row.dlp))
    compared = [(printed.value, stated) for printed, stated in pairs if printed is not None and stated]
    if any(far_apart(printed, stated) for printed, stated in compared):
        return False
    if not compared:
        return not event.has_dose and not row.states_dose
    return any(consistent(printed, stated) for printed, stated in compared)


def images_belong(event: IrradiationEvent, images: ImageEvent, rows: Iterable[StatedDose]) -> bool:
    """Is it certain that the images are of this event?

    By an Irradiation Event UID that a text of the event shares, or by a CTDIvol that they may state (images.py) and
    that is the printed one as rounded. A few slices of another scan lie in the range of almost any row: they lend it
    neither phantom nor type nor parameters. A localizer's images tell nothing that a dose could be mistaken for.
    """
    if images.ambiguous:
        return False
    if not event.has_dose:
        return images.localizer
    uids = {row.irradiation_event_uid for row in rows if row.irradiation_event_uid}
    printed, mean = event.mean_ctdivol, images.mean_ctdivol
    same = printed is not None and mean is not None and consistent(printed.value, mean)
    return same or images.irradiation_event_uid in uids


def merged(sources: Sequence[AcquisitionParameters]) -> AcquisitionParameters:
    """For each parameter the first source that tells it; places only together with their frame of reference."""
    if not sources:
        return AcquisitionParameters()
    told = {
        name: next((value for one in sources if (value := getattr(one, name)) is not None), None)
        for name in (field.name for field in fields(AcquisitionParameters))
    }
    whole = AcquisitionParameters(**told)
    if whole.start and whole.end and whole.end < whole.start:
        whole = replace(whole, end=None)
    return whole


def _phantom(rows: Iterable[StatedDose], images: ImageEvent | None) -> Reading[Phantom] | None:
    told = [(_source(row), WitnessKind.CONSOLE_TEXT, row.phantom) for row in rows]
    told += [(Source.COPIED_FROM_IMAGE, WitnessKind.IMAGES, images.phantom)] if images else []
    return _copied(told)


def _type(rows: Iterable[StatedDose], images: ImageEvent | None) -> Reading[CTAcquisitionType] | None:
    told = [(_source(row), WitnessKind.CONSOLE_TEXT, row.acquisition_type) for row in rows]
    told += [(Source.COPIED_FROM_IMAGE, WitnessKind.IMAGES, images.acquisition_type)] if images else []
    return _copied(told)


def _source(row: StatedDose) -> Source:
    return Source.MPPS_CONTENT if row.source in OF_STEPS else Source.COPIED_FROM_IMAGE


def _copied(told: Sequence[tuple[Source, WitnessKind, T | None]]) -> Reading[T] | None:
    """The one concept that all name who name any: no letters were read, so nothing is left to prove."""
    values = {value for _, _, value in told if value is not None}
    if len(values) != 1:
        return None
    value = values.pop()
    text = value.name.lower()
    witnesses = tuple(dict.fromkeys(Witness(kind, text) for _, kind, own in told if own is value))
    of_images = any(source is Source.COPIED_FROM_IMAGE for source, _, own in told if own is value)
    source = Source.COPIED_FROM_IMAGE if of_images else Source.MPPS_CONTENT
    return Reading(value, text, source, Evidence(witnesses=witnesses), proven=True)
