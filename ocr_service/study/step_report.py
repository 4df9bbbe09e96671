"""The report of a study without dose screens: what its procedure steps (MPPS) state, else its image headers alone.

Knows which of the two says more and what the one lends the other; must not know dose screens, or how a step came.

A console counts its exposures with over-ranging and modulation, which no image shows: where its step is completed and
states dose, that is the report, and images fill in what it leaves out. One that is not completed may lack exposures: it
stands only where the images state no dose. Nothing of either is proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from pydicom.dataset import Dataset

from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Evidence,
    Finding,
    IrradiationEvent,
    Origin,
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
from ocr_service.study.agreement import consistent, far_apart
from ocr_service.study.alignment import Aligned, AlignedEvent, align
from ocr_service.study.filling import filled, images_belong
from ocr_service.study.header import (
    NO_MAPPING,
    WITHOUT_OVER_RANGING,
    HeaderReport,
    NoHeaderDose,
    computed_dlp,
    copied_ctdivol,
    header_report,
)
from ocr_service.study.images import image_events, plain
from ocr_service.study.mpps import WHERE, PerformedStep, numbered, steps_of
from ocr_service.study.regions import with_target_regions
from ocr_service.study.stated import STEP_SEQUENCE, ConsoleText, StatedDose

T = TypeVar("T", Phantom, CTAcquisitionType)

NOT_COMPLETED = "the procedure step is not completed: exposures may be missing"
_SUM_WITHIN = Decimal("0.005")  # of a total: rows are rounded, and so is it


def study_report(
    images: Sequence[Dataset], steps: Sequence[Dataset] = (), mapping: Mapping[str, str] = NO_MAPPING
) -> HeaderReport | NoHeaderDose:
    """The report of one study on one scanner from its images and its merged procedure steps (`mpps.merged`).

    CTDIvol in mGy and DLP in mGy.cm. A step of several studies is not used: its dose is not this study's alone. At
    least one image is needed, for a step names no scanner. mapping: see `target_region`. Never raises.
    """
    of_images = header_report(images, mapping)
    told, findings = steps_of(steps, images)
    used = [step for step in told if len(step.study_instance_uids) == 1]
    if len(used) < len(told):
        findings.append(note(WHERE, "a procedure step is of several studies: its dose is not used"))
    rows = numbered(replace(row, source=STEP_SEQUENCE) for step in used for row in _rows_of(step))
    if not any(row.states_dose for row in rows):
        return _with(of_images, findings)
    lacking = [sentence for step in used for sentence in _lacking(step)]
    if lacking and isinstance(of_images, HeaderReport):
        what = f"{lacking[0]}: the report is of the image headers"
        return _with(of_images, [*findings, note(WHERE, what)])
    findings += [found for step in used for found in step.notes]
    return _of_steps(_Told(tuple(images), tuple(used), rows, tuple(lacking)), findings, mapping)


@dataclass(frozen=True, slots=True)
class _Told:
    images: tuple[Dataset, ...]
    steps: tuple[PerformedStep, ...]
    rows: tuple[StatedDose, ...]
    lacking: tuple[str, ...]


def _with(made: HeaderReport | NoHeaderDose, findings: Sequence[Finding]) -> HeaderReport | NoHeaderDose:
    if isinstance(made, NoHeaderDose):
        return made
    return replace(made, findings=tuple(dict.fromkeys((*made.findings, *findings))))


def _lacking(step: PerformedStep) -> Iterator[str]:
    """Why the step may state less than was irradiated."""
    if not step.finished:
        yield NOT_COMPLETED
    if step.exposures is not None and step.exposures > step.described:
        yield f"the procedure step counts {plain(step.exposures)} exposures and describes {step.described}"


def _rows_of(step: PerformedStep) -> tuple[StatedDose, ...]:
    """Its sequence with what its comment adds, or the comment's rows alone.

    Both tell of the same exposures only where they are as many, and no pair of them says otherwise.
    """
    rows, said = step.rows, step.comment.rows
    if not any(row.states_dose for row in rows) and any(row.states_dose for row in said):
        return said
    if len(rows) != len(said) or not all(_may_be_one(row, other) for row, other in zip(rows, said, strict=True)):
        return rows
    return tuple(
        replace(row, ctdivol=row.ctdivol or other.ctdivol, dlp=row.dlp or other.dlp)
        for row, other in zip(rows, said, strict=True)
    )


def _may_be_one(row: StatedDose, other: StatedDose) -> bool:
    pairs = [(row.ctdivol, other.ctdivol), (row.dlp, other.dlp)]
    near = all(not far_apart(one, two) for one, two in pairs if one and two)
    return near and row.states_dose is other.states_dose


def _of_steps(told: _Told, findings: list[Finding], mapping: Mapping[str, str]) -> HeaderReport:
    first = told.images[0]
    report = CTDoseReport(
        study_instance_uid=attributes.text(first, "StudyInstanceUID", 64),
        scanner=scanner_of(first),
        events=tuple(map(_event, told.rows)),
        origin=Origin.HEADER,
        missing=tuple(dict.fromkeys(told.lacking)),
    )
    text = ConsoleText(sequence_rows=told.rows, of_steps=True)
    aligned = align(report, [text], image_events(told.images))
    events = []
    for number, (event, beside) in enumerate(zip(report.events, aligned.events, strict=True), start=1):
        lent = _lent(event, beside)
        events.append(lent)
        findings += _findings(lent, beside, number)
    report, found = _with_total(replace(report, events=tuple(events)), told.steps)
    findings += [*found, *_other_origins(told.images), *_repeated(told.steps), *_beyond(report, aligned)]
    report, unknown = with_target_regions(report, attributes.text(first, "StudyDescription") or None, mapping)
    return HeaderReport(report, tuple(dict.fromkeys((*findings, *unknown))))


def _event(row: StatedDose) -> IrradiationEvent:
    """The event of a row. A dose of zero is what texts write where they know nothing."""
    return IrradiationEvent(
        acquisition_type=_concept(row.acquisition_type),
        mean_ctdivol=_number(row.ctdivol),
        dlp=_number(row.dlp),
        phantom=_concept(row.phantom) if row.states_dose else None,
        kvp=_number(row.parameters.kvp),
        parameters=row.parameters,
        irradiation_event_uid=row.irradiation_event_uid,
    )


def _number(value: Decimal | None) -> Reading[Decimal] | None:
    if not value:
        return None
    text = plain(value)
    return Reading(Decimal(text), text, Source.MPPS_CONTENT, _evidence(text))


def _concept(value: T | None) -> Reading[T] | None:
    if value is None:
        return None
    text = value.name.lower()
    return Reading(value, text, Source.MPPS_CONTENT, _evidence(text))


def _evidence(text: str) -> Evidence:
    return Evidence(witnesses=(Witness(WitnessKind.CONSOLE_TEXT, text),))


def _lent(event: IrradiationEvent, beside: AlignedEvent) -> IrradiationEvent:
    """The event with what its images state and the step does not."""
    images = beside.images
    lent = filled(event, beside)
    if images is None or images.localizer or not images_belong(event, images, beside.stated):
        return lent
    return replace(
        lent,
        mean_ctdivol=lent.mean_ctdivol or copied_ctdivol(images),
        dlp=lent.dlp or computed_dlp(images),
    )


def _findings(event: IrradiationEvent, beside: AlignedEvent, number: int) -> Iterator[Finding]:
    where = f"event {number}"
    kind = event.acquisition_type.value if event.acquisition_type is not None else None
    if kind is CTAcquisitionType.CONSTANT_ANGLE and not event.has_dose:
        return
    if event.mean_ctdivol is None:
        yield doubt(f"{where}, mean_ctdivol", f"the CTDIvol of event {number} is unknown: the procedure step lacks it")
    if event.dlp is None:
        yield note(f"{where}, dlp", f"the DLP of event {number} is unknown: the procedure step lacks it")
    elif event.dlp.source is Source.COMPUTED_FROM_IMAGE:
        yield note(f"{where}, dlp", WITHOUT_OVER_RANGING)
    images, told = beside.images, event.mean_ctdivol
    mean = images.mean_ctdivol if images is not None and not images.ambiguous else None
    if told is not None and mean is not None and not consistent(told.value, mean):
        sentence = f"the images of event {number} state {plain(mean.quantize(Decimal('0.01')))} mGy, not {told.text}"
        yield note(f"{where}, mean_ctdivol", sentence)


def _with_total(report: CTDoseReport, steps: Sequence[PerformedStep]) -> tuple[CTDoseReport, list[Finding]]:
    """With the total of the only step's comment, where the events' DLP add up to it."""
    total = steps[0].comment.total if len(steps) == 1 and steps[0].comment.total_is_named else None
    known = [event.dlp.value for event in report.events if event.dlp and event.dlp.source is Source.MPPS_CONTENT]
    if not total:
        return report, []
    if abs(sum(known, Decimal(0)) - total) <= total * _SUM_WITHIN:
        return replace(report, dlp_total=_number(total)), []
    if not known:
        return report, [note("dlp_total", "the procedure step states a total DLP, and no DLP of an exposure")]
    return report, [doubt("dlp_total", "the DLP of the exposures do not add up to the procedure step's total")]


def _other_origins(images: Sequence[Dataset]) -> Iterator[Finding]:
    """A report is of one study and one scanner; images of others must not slip in unseen."""
    if len({(attributes.text(ds, "StudyInstanceUID", 64), scanner_of(ds).identity) for ds in images}) > 1:
        yield doubt("study", "the images are of more than one study or scanner")


def _repeated(steps: Sequence[PerformedStep]) -> Iterator[Finding]:
    """Exposures of two steps that nothing tells apart, as two Irradiation Event UIDs do, may be one."""
    nameless: set[tuple[object, ...]] = set()
    named: set[tuple[object, ...]] = set()
    for step in steps:
        rows = [row for row in _rows_of(step) if row.states_dose]
        told = {(row.ctdivol, row.dlp, row.parameters.start) for row in rows if not row.irradiation_event_uid}
        also = {(row.ctdivol, row.dlp, row.parameters.start) for row in rows if row.irradiation_event_uid}
        if told & (nameless | named) or also & nameless:
            yield doubt(WHERE, "two procedure steps state an equal exposure: it may have been told twice")
        nameless |= told
        named |= also


def _beyond(report: CTDoseReport, aligned: Aligned) -> Iterator[Finding]:
    """Images of more irradiations than the steps state."""
    paired = sum(one.images is not None and not one.images.localizer for one in aligned.events)
    stated = sum(event.has_dose for event in report.events)
    if paired + len(aligned.unmatched_images) > stated:
        yield doubt(WHERE, "there are images of more irradiations than the procedure step states")
