"""Modality Performed Procedure Steps (MPPS) -> what the console states of a study's dose beside its pages.

Knows the requests of PS3.4 F.7 and the attributes of PS3.3 C.4.13 to C.4.16; must not know pages, or what follows from
an agreement.

A step is the same console's own statement as the text in a dose page's header, so both are one witness, and it tells of
a unit only where nothing says that it is of another study, scanner or series. One that is in progress or discontinued
may lack exposures: it can agree, but its difference means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ocr_service.dose.report import Finding, note
from ocr_service.study import attributes
from ocr_service.study.comments import MOST_LETTERS, Comment, parse_comment
from ocr_service.study.exposure import exposure_rows
from ocr_service.study.stated import STEP_COMMENTS, STEP_SEQUENCE, ConsoleText, StatedDose

WHERE = "procedure step"
MPPS = "1.2.840.10008.3.1.2.3.3"  # Modality Performed Procedure Step SOP Class
_INSTANCE = Tag("SOPInstanceUID")
MOST_STEPS = 100  # of a study: beyond it none is used
# Hybrid scanners tell one step for both, by either name. What any other modality exposes is no CT's row.
_MODALITIES = {"", "CT", "PT", "NM"}


def merged(requests: Sequence[Dataset]) -> Dataset:
    """One step from its N-CREATE and N-SET attribute lists, in the order they came (PS3.4 F.7.2).

    An attribute of a later request takes the place of an earlier one's, a sequence as a whole; one that cannot be read
    takes no place. SOP Instance UID (0008,0018) is added from the requests' files, where they state it. Made for
    reading: texts are decoded, each by its own request's character set. Never raises.
    """
    step = Dataset()
    for request in requests:
        for tag in [int(tag) for tag in request.keys()]:  # noqa: SIM118 (a data set iterates over converted elements)
            found = attributes.element(request, tag) if tag >> 16 > 2 else None
            if found is not None:
                step[found.tag] = found
    named = next((uid for request in requests if (uid := instance_of(request))), None)
    if named is not None:
        step[_INSTANCE] = DataElement(_INSTANCE, "UI", named)  # whatever kind the element claimed to be
    return step


def merged_steps(requests: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """The steps of many requests, which come in their order; each request says by its file which step it is of.

    One that does not say is a step of its own.
    """
    by_instance: dict[str, list[Dataset]] = {}
    for number, request in enumerate(requests):
        by_instance.setdefault(instance_of(request) or f"request {number}", []).append(request)
    return tuple(merged(one) for one in by_instance.values())


def instance_of(request: Dataset) -> str | None:
    """The SOP Instance UID of the step: the data set's, else its file's, for an attribute list has none."""
    meta = getattr(request, "file_meta", None)
    told = attributes.uid(request, "SOPInstanceUID")
    return told or (attributes.uid(meta, "MediaStorageSOPInstanceUID") if isinstance(meta, Dataset) else None)


@dataclass(frozen=True, slots=True)
class PerformedStep:
    """One step as far as it concerns dose. CTDIvol in mGy, DLP in mGy.cm.

    finished: COMPLETED by its status (0040,0252); anything else may lack exposures. exposures: Total Number of
    Exposures (0040,0301), None where it does not say; described: how many it describes. rows: of its Exposure Dose
    Sequence, without those that an earlier step of the unit has told. started: "" or `YYYYMMDD
    HHMMSS`, for the order of steps.
    """

    sop_instance_uid: str | None
    study_instance_uids: frozenset[str]
    series_instance_uids: frozenset[str]
    modality: str
    station_name: str
    started: str
    finished: bool
    exposures: Decimal | None
    described: int
    rows: tuple[StatedDose, ...]
    comment: Comment
    notes: tuple[Finding, ...]

    @property
    def states_dose(self) -> bool:
        """Does it name any dose above zero?"""
        rows = (*self.rows, *self.comment.rows)
        return any(row.states_dose for row in rows) or bool(self.comment.total)

    @property
    def tells(self) -> bool:
        """Does it state exposures, with or without dose?"""
        return bool(self.rows) or self.states_dose


def performed_step(ds: Dataset) -> PerformedStep:
    """Read one merged step. Never raises: what is not of its kind is left out."""
    finished = attributes.text(ds, "PerformedProcedureStepStatus", 16).upper() == "COMPLETED"
    rows, found = exposure_rows(ds)
    comment = parse_comment(attributes.text(ds, "CommentsOnRadiationDose", MOST_LETTERS))
    scheduled = attributes.items(ds, "ScheduledStepAttributesSequence")
    series = attributes.items(ds, "PerformedSeriesSequence")
    date, time = (attributes.text(ds, f"PerformedProcedureStepStart{what}", 16) for what in ("Date", "Time"))
    return PerformedStep(
        sop_instance_uid=attributes.uid(ds, "SOPInstanceUID"),
        study_instance_uids=_uids(scheduled, "StudyInstanceUID"),
        series_instance_uids=_uids(series, "SeriesInstanceUID"),
        modality=attributes.text(ds, "Modality", 16).upper(),
        station_name=attributes.text(ds, "PerformedStationName", 16),
        started=f"{date} {time}".strip(),
        finished=finished,
        exposures=attributes.decimal(ds, "TotalNumberOfExposures"),
        described=len(rows or comment.rows),
        rows=tuple(replace(row, source=STEP_SEQUENCE, final=finished) for row in rows),
        comment=replace(
            comment, rows=tuple(replace(row, source=STEP_COMMENTS, final=finished) for row in comment.rows)
        ),
        # The text of a page may be doubted for itself; what cannot be used of a step is merely not used.
        notes=tuple(note(WHERE, f"of a procedure step: {one.sentence}") for one in (*comment.notes, *found)),
    )


def _uids(items: Iterable[Dataset], keyword: str) -> frozenset[str]:
    return frozenset(uid for item in items if (uid := attributes.uid(item, keyword)))


def steps_of(steps: Sequence[Dataset], objects: Sequence[Dataset]) -> tuple[list[PerformedStep], list[Finding]]:
    """Those of the merged steps that tell of the objects (pages and images of one unit), the earliest first.

    A step is of the unit where the objects refer to it or it made a series of theirs; else where it is of their study
    and neither its station's name nor its series nor the objects' references say otherwise. A finding tells of each
    that states exposures and is not; those of other studies and modalities are passed over.
    """
    if not steps:
        return [], []
    if len(steps) > MOST_STEPS:
        return [], [note(WHERE, f"the study has more than {MOST_STEPS} procedure steps: none of them is used")]
    unit = _Unit.of(objects)
    found: list[PerformedStep] = []
    findings: list[Finding] = []
    for step in map(performed_step, steps):
        if not step.tells or step.modality not in _MODALITIES or not step.study_instance_uids & unit.studies:
            continue
        if unit.made_by(step):
            found.append(step)
        else:
            what = "a procedure step (MPPS) of this study is of another scanner or of other series: it is not used"
            findings.append(note(WHERE, what))
    found.sort(key=lambda step: (step.started, step.sop_instance_uid or ""))
    return _each_exposure_once(found), list(dict.fromkeys(findings))


def step_texts(steps: Sequence[Dataset], objects: Sequence[Dataset]) -> tuple[ConsoleText, ...]:
    """What the merged steps state of the objects' unit, as one text for `align`; none where they state nothing.

    Goes before the objects' own texts. The total is that of the only step: that of one of several is no study's.
    """
    told, findings = steps_of(steps, objects)
    if not told and not findings:
        return ()
    alone = told[0] if len(told) == 1 else None
    text = ConsoleText(
        comment_rows=numbered(row for step in told for row in step.comment.rows),
        comment_total=alone.comment.total if alone else None,
        comment_total_is_named=alone is not None and alone.comment.total_is_named and alone.finished,
        sequence_rows=numbered(row for step in told for row in step.rows),
        notes=tuple(dict.fromkeys((*findings, *(one for step in told for one in step.notes)))),
        of_steps=True,
    )
    return (text,)


def numbered(rows: Iterable[StatedDose]) -> tuple[StatedDose, ...]:
    """The rows as one text: counted from 1."""
    return tuple(replace(row, order=order) for order, row in enumerate(rows, start=1))


def _each_exposure_once(steps: Sequence[PerformedStep]) -> list[PerformedStep]:
    """Without the exposures that an earlier step has told, by their Irradiation Event UIDs.

    The comment of a step that repeats some is left out, for its rows do not say which they are.
    """
    told: set[str] = set()
    kept = []
    for step in steps:
        rows = tuple(row for row in step.rows if row.irradiation_event_uid not in told)
        told |= {row.irradiation_event_uid for row in rows if row.irradiation_event_uid}
        if rows or not step.rows:
            kept.append(step if len(rows) == len(step.rows) else replace(step, rows=rows, comment=Comment()))
    return kept


@dataclass(frozen=True, slots=True)
class _Unit:
    """What the headers of one unit's objects say of the steps that made them."""

    studies: frozenset[str]
    series: frozenset[str]
    stations: frozenset[str]
    steps: frozenset[str]  # by Referenced Performed Procedure Step Sequence (0008,1111)

    @staticmethod
    def of(objects: Sequence[Dataset]) -> _Unit:
        """The unit of these objects."""
        references = (one for ds in objects for one in attributes.items(ds, "ReferencedPerformedProcedureStepSequence"))
        return _Unit(
            _uids(objects, "StudyInstanceUID"),
            _uids(objects, "SeriesInstanceUID"),
            frozenset(name for ds in objects if (name := attributes.text(ds, "StationName", 16).casefold())),
            _uids(references, "ReferencedSOPInstanceUID"),
        )

    def made_by(self, step: PerformedStep) -> bool:
        """Is the step, which is of this study, the one that made these objects, as far as anything tells?"""
        if step.sop_instance_uid in self.steps or step.series_instance_uids & self.series:
            return True
        if step.sop_instance_uid and self.steps:
            return False
        station = step.station_name.casefold()
        if station and self.stations:
            return station in self.stations
        return not step.series_instance_uids or not self.series
