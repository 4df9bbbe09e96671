"""Procedure steps (MPPS) as consoles tell them: an N-CREATE when a scan begins, an N-SET when it ends."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from ocr_service.dose.report import FindingKind
from ocr_service.study.alignment import align
from ocr_service.study.console_text import console_text
from ocr_service.study.header import HeaderReport
from ocr_service.study.images import image_events
from ocr_service.study.mpps import MPPS, merged, step_texts
from ocr_service.study.step_report import study_report
from ocr_service.study.witnesses import with_witnesses
from tests.study.headers import code, exposure, page, report, row, uid

NOTE, DOUBT = FindingKind.NOTE, FindingKind.DOUBT
SEQUENCE, COMMENT = frozenset({"exposure_sequence"}), frozenset({"comments"})


STEP = uid("step")


def item(**told: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in told.items():
        setattr(ds, keyword, value)
    return ds


def request(step: str = STEP, **told: Any) -> Dataset:
    """The attribute list of a request, with the meta information of the file that it was kept in."""
    ds = item(**told)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = UID(MPPS), UID(step)
    return ds


def n_create(step: str = STEP, study: str = "", **told: Any) -> Dataset:
    """The beginning: which study, which station, and nothing of dose."""
    begun = {
        "Modality": "CT",
        "PerformedProcedureStepStatus": "IN PROGRESS",
        "PerformedStationAETitle": "CT1",
        "PerformedStationName": "",
        "PerformedProcedureStepStartDate": "20200102",
        "PerformedProcedureStepStartTime": "101000",
        "ScheduledStepAttributesSequence": Sequence([item(StudyInstanceUID=study or uid("study"))]),
        "PerformedSeriesSequence": Sequence([]),
    }
    return request(step, **(begun | told))


def n_set(*exposures: Dataset, step: str = STEP, status: str = "COMPLETED", **told: Any) -> Dataset:
    """The end: its exposures, and what else is told of them."""
    ended = {"PerformedProcedureStepStatus": status, "TotalNumberOfExposures": len(exposures)}
    if exposures:
        ended["ExposureDoseSequence"] = Sequence(list(exposures))
    return request(step, **(ended | told))


def made(*series: str) -> Sequence:
    """A Performed Series Sequence of these series."""
    return Sequence([item(SeriesInstanceUID=one) for one in series])


def spiral_of(ctdivol: float, dlp: str | None = None, phantom: str = "113691", **told: Any) -> Dataset:
    return exposure(
        "SPIRAL", dlp, CTDIvol=ctdivol, KVP="120", CTDIPhantomTypeCodeSequence=Sequence([code(phantom)]), **told
    )


def scout() -> Dataset:
    return exposure("CONSTANT_ANGLE", KVP="120", CTDIvol=0.0)


def step_of_two(status: str = "COMPLETED", **told: Any) -> Dataset:
    """A merged step of a localizer and two spirals."""
    exposures = (scout(), spiral_of(10.0, "104.5"), spiral_of(14.0, "274.9", "113690"))
    created = {key: told.pop(key) for key in ("study", "step") if key in told}
    named = {key: value for key, value in created.items() if key == "step"}
    return merged([n_create(**created), n_set(*exposures, status=status, **named, **told)])


def printed():
    """A page of the two spirals of `step_of_two`, read by one engine."""
    return report(row("10.00", "104.5"), row("14.00", "274.9"))


def heard(rep, steps, objects=None, sources=SEQUENCE, images=(), **options):
    """The report with its witnesses, and the kinds and places of the findings."""
    objects = [page()] if objects is None else objects
    texts = [*step_texts(steps, [*objects, *images]), *map(console_text, objects)]
    vouched, findings = with_witnesses(rep, align(rep, texts, image_events(images)), sources, **options)
    return vouched, [(found.kind, found.where) for found in findings]


def values(told):
    return [
        (event.mean_ctdivol and event.mean_ctdivol.text, event.dlp and event.dlp.text) for event in told.report.events
    ]


def reported(images, *steps):
    told = study_report(images, steps)
    assert isinstance(told, HeaderReport)
    return told


def doubts(told):
    return [found.where for found in told.findings if found.kind is DOUBT]
