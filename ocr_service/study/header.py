"""What the study's other objects say: the room's public face, and the report made of image headers alone.

Where no dose screen can be read, CTDIvol (0018,9345) of the original images is all there is. Knows which of it may be
stated, and says what is missing; must not know dose screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from pydicom.dataset import Dataset

from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Evidence,
    Finding,
    FindingKind,
    IrradiationEvent,
    Origin,
    PageRef,
    Phantom,
    Reading,
    Source,
    Witness,
    WitnessKind,
    doubt,
    note,
)
from ocr_service.study import attributes
from ocr_service.study.acquisition import scanner_of
from ocr_service.study.alignment import Aligned, AlignedEvent, align
from ocr_service.study.console_text import console_text
from ocr_service.study.images import ImageEvent, image_events, plain
from ocr_service.study.regions import target_region, with_target_regions
from ocr_service.study.stated import ConsoleText, StatedDose
from ocr_service.study.witnesses import with_witnesses

__all__ = [
    "Aligned", "AlignedEvent", "ConsoleText", "HeaderReport", "ImageEvent", "NoHeaderDose", "StatedDose", "align",
    "console_text", "header_report", "image_events", "scanner_of", "target_region", "with_target_regions",
    "with_witnesses",
]  # fmt: skip

T = TypeVar("T", Phantom, CTAcquisitionType)

WITHOUT_OVER_RANGING = (
    "the DLP is computed from the images, CTDIvol times what they cover: over-ranging is not in it, so that the "
    "console's own number is larger"
)
NO_MAPPING: Mapping[str, str] = MappingProxyType({})
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class HeaderReport:
    """A report of image headers alone: outcome `header`, PARTIAL and UNVERIFIED, unless a person has to look first."""

    report: CTDoseReport
    findings: tuple[Finding, ...]

    @property
    def needs_review(self) -> bool:
        """Is anything ambiguous, or a CTDIvol unknown?"""
        return any(finding.kind is FindingKind.DOUBT for finding in self.findings)


@dataclass(frozen=True, slots=True)
class NoHeaderDose:
    """No original image states a dose; `why` is a sentence."""

    why: str


def header_report(datasets: Iterable[Dataset], mapping: Mapping[str, str] = NO_MAPPING) -> HeaderReport | NoHeaderDose:
    """The report of one study on one scanner from its images (DICOM data sets with or without pixels).

    Counts original CT and Enhanced CT images; localizers state no dose and are no events here. CTDIvol (mGy) is copied
    where it is constant, a mean where a complete set varies; DLP (mGy.cm) is computed. mapping: see `target_region`.
    Never raises.
    """
    told = list(datasets)
    events = image_events(told)
    counted = [event for event in events if not event.localizer]
    if not counted:
        return NoHeaderDose("there is no original CT image, so no header states a dose")
    if not any(event.ctdivol_range for event in counted):
        return NoHeaderDose("no original CT image states CTDIvol (0018,9345)")
    source = _source(told, counted[0])
    findings = [*_other_origins(told, source, counted)]
    made = []
    for number, event in enumerate(counted, start=1):
        made.append(_event(event))
        findings += _findings(event, number)
    localizers = len(events) - len(counted)
    report = CTDoseReport(
        study_instance_uid=attributes.text(source, "StudyInstanceUID", 64),
        scanner=scanner_of(source),
        events=tuple(made),
        origin=Origin.HEADER,
        missing=(f"{localizers} localizers: their images state no dose",) if localizers else (),
    )
    report, unknown = with_target_regions(report, attributes.text(source, "StudyDescription") or None, mapping)
    return HeaderReport(report, tuple(dict.fromkeys((*findings, *unknown))))


def _source(datasets: Sequence[Dataset], event: ImageEvent) -> Dataset:
    """The data set that speaks for study and scanner: the first event's first image."""
    first = event.sop_instance_uids[0]
    return next(ds for ds in datasets if attributes.text(ds, "SOPInstanceUID", 64) == first)


def _other_origins(datasets: Sequence[Dataset], source: Dataset, counted: Sequence[ImageEvent]) -> list[Finding]:
    """A report is of one study and one scanner; images of others must not slip in unseen."""
    used = {uid for event in counted for uid in event.sop_instance_uids}
    images = [ds for ds in datasets if attributes.text(ds, "SOPInstanceUID", 64) in used]
    mine = (attributes.text(source, "StudyInstanceUID", 64), scanner_of(source).identity)
    if all((attributes.text(ds, "StudyInstanceUID", 64), scanner_of(ds).identity) == mine for ds in images):
        return []
    return [doubt("study", "the images are of more than one study or scanner")]


def _event(event: ImageEvent) -> IrradiationEvent:
    page = PageRef(event.sop_instance_uids[0])
    return IrradiationEvent(
        acquisition_type=_copied(event.acquisition_type, page),
        mean_ctdivol=copied_ctdivol(event),
        dlp=computed_dlp(event),
        phantom=_copied(event.phantom, page),
        kvp=_number(event.parameters.kvp, Source.COPIED_FROM_IMAGE, page),
        parameters=event.parameters,
        irradiation_event_uid=event.irradiation_event_uid,
    )


def _copied(value: T | None, page: PageRef) -> Reading[T] | None:
    if value is None:
        return None
    text = value.name.lower()
    return Reading(value, text, Source.COPIED_FROM_IMAGE, _evidence(text, page))


def copied_ctdivol(event: ImageEvent) -> Reading[Decimal] | None:
    """The images' CTDIvol (mGy): copied where every image says the same, else the computed mean."""
    page = PageRef(event.sop_instance_uids[0])
    if event.mean_ctdivol is None or event.constant:
        return _number(event.mean_ctdivol, Source.COPIED_FROM_IMAGE, page)
    return _number(event.mean_ctdivol.quantize(_PLACES), Source.COMPUTED_FROM_IMAGE, page)


def computed_dlp(event: ImageEvent) -> Reading[Decimal] | None:
    """The DLP (mGy.cm) of what the images cover, where they may state one."""
    return _number(event.dlp, Source.COMPUTED_FROM_IMAGE, PageRef(event.sop_instance_uids[0]))


def _number(value: Decimal | None, source: Source, page: PageRef) -> Reading[Decimal] | None:
    if value is None:
        return None
    if source is Source.COMPUTED_FROM_IMAGE:
        value = value.quantize(_PLACES)
    text = plain(value)
    return Reading(Decimal(text), text, source, _evidence(text, page))


def _evidence(text: str, page: PageRef) -> Evidence:
    return Evidence(page, witnesses=(Witness(WitnessKind.IMAGES, text),))


def _findings(event: ImageEvent, number: int) -> Iterator[Finding]:
    where = f"event {number}"
    why = "; ".join(event.notes) or "its images state none that could be copied"
    if event.ambiguous:
        yield doubt(where, f"the images of event {number} may be more or less than one event: {event.ambiguous}")
    if event.mean_ctdivol is None:
        yield doubt(f"{where}, mean_ctdivol", f"the CTDIvol of event {number} is unknown: {why}")
        yield note(f"{where}, dlp", f"the DLP of event {number} is unknown")
        return
    if not event.constant:
        yield note(f"{where}, mean_ctdivol", f"the CTDIvol of event {number} is the mean of its slices")
    if event.dlp is None:
        yield note(f"{where}, dlp", f"the DLP of event {number} is unknown: {event.ambiguous or why}")
    else:
        yield note(f"{where}, dlp", WITHOUT_OVER_RANGING)
    if event.phantom is None:
        yield note(f"{where}, phantom", f"the images of event {number} name no one phantom")
