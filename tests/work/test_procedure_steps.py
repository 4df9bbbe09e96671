"""A unit's procedure steps, from the files of their requests to its RDSR."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ocr_service.dose.proof import NeedsReview, Verified
from ocr_service.dose.report import Origin, Source
from ocr_service.pipeline import Context, FromHeader, Outcome, read_unit
from ocr_service.rdsr import codes
from ocr_service.rdsr.parse import ParsedReport, parse
from ocr_service.rdsr.tree import Node
from ocr_service.rdsr.words import NO_SCREEN, NO_SCREEN_BUT_STEP
from ocr_service.screen.readers import Readers
from ocr_service.study.mpps import merged_steps
from ocr_service.templates.library import Library
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.unit import ReadUnit, SiteRules, Workplace, read, written
from tests.screen import typed
from tests.screen.typed import TypedReader
from tests.study.headers import spiral, uid, whole_spiral
from tests.study.steps import STEP, n_create, n_set, scout, spiral_of

TEMPLATE = typed.TEMPLATE.replace("revision: 1\n", "revision: 1\nwitnesses: [exposure_sequence]\n")
VOTES = (("none",), ("stretch",))


def requests(ctdivol: float = 11.2, status: str = "COMPLETED", study: str = "1.2.3", **told: Any) -> list[Dataset]:
    """What a console told of the typed page."""
    exposures = scout(), spiral_of(ctdivol, "498.4"), spiral_of(7.5, "120.1")
    return [n_create(study=study, **told), n_set(*exposures, status=status)]


def outcome(folder: Path, steps: list[Dataset], template: str = TEMPLATE) -> Outcome:
    """The typed page, whose first CTDIvol one engine reads and the other mistakes, with these requests."""
    readers = Readers(TypedReader({"11.2": "11.7"}), TypedReader(), VOTES)
    context = Context(steps=merged_steps(steps))
    return read_unit([typed.dose_object(typed.dose_page())], typed.library(folder, template), readers, context).outcome


def test_a_step_settles_what_two_engines_read_differently(tmp_path: Path) -> None:
    without, told = outcome(tmp_path, []), outcome(tmp_path, requests())

    assert isinstance(without, NeedsReview)
    assert isinstance(told, Verified)
    assert told.report.events[1].mean_ctdivol is not None
    assert told.report.events[1].mean_ctdivol.text == "11.2"


@pytest.mark.parametrize(
    ("steps", "template"),
    [
        (requests(study="1.2.4"), TEMPLATE),
        (requests(), typed.TEMPLATE),
        (requests(11.4), TEMPLATE),
        (requests()[:1], TEMPLATE),
        (requests(PerformedSeriesSequence=[], Modality="DX"), TEMPLATE),
    ],
    ids=["another study's", "a source not named", "another value", "only begun", "another modality's"],
)
def test_a_step_that_does_not_say_so_settles_nothing(tmp_path: Path, steps: list[Dataset], template: str) -> None:
    assert isinstance(outcome(tmp_path, steps, template), NeedsReview)


def test_a_step_in_progress_that_is_far_off_leaves_a_page_verified(tmp_path: Path) -> None:
    readers = Readers(TypedReader(), TypedReader(), VOTES)

    def ending(status: str) -> Outcome:
        context = Context(steps=merged_steps(requests(33.0, status)))
        page = typed.dose_object(typed.dose_page())
        return read_unit([page], typed.library(tmp_path, TEMPLATE), readers, context).outcome

    assert isinstance(ending("IN PROGRESS"), Verified)
    assert isinstance(ending("COMPLETED"), NeedsReview)


# Files


def kept(ds: Dataset, path: Path) -> Path:
    """The request as it is kept: a DICOM file of its attribute list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


def image_files(folder: Path, images: list[Dataset]) -> tuple[Path, ...]:
    paths = []
    for number, ds in enumerate(images):
        ds.StudyDate = ds.ContentDate = "20200102"
        ds.PatientName, ds.PatientID, ds.AccessionNumber = "Doe^Jane", "P1", "A1"
        ds.save_as(folder / f"image{number}", enforce_file_format=True, **_syntax(ds))
        paths.append(folder / f"image{number}")
    return tuple(paths)


def _syntax(ds: Dataset) -> dict[str, bool]:
    ds.ensure_file_meta()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return {}


def ended(folder: Path, images: list[Dataset], steps: tuple[Path, ...]) -> tuple[ReadUnit, ParsedReport | None, str]:
    """The unit read, its RDSR parsed, and the comments of its first event and its root."""
    files = UnitFiles(uid("study"), (), image_files(folder, images), steps=steps)
    readers = Readers(TypedReader(), TypedReader(), VOTES)
    emit = frozenset({"header", "review"})
    workplace = Workplace(Library(()), readers, folder / "out", emit, time.monotonic, SiteRules())
    unit = read(files, workplace)
    (line,) = written(unit, workplace)
    if line.rdsr is None:
        return unit, None, ""
    ds = dcmread(folder / "out" / line.rdsr)
    tree = Node(ds)
    return unit, parse(ds), "\n".join([tree.all(codes.CT_ACQUISITION)[0].text(codes.COMMENT), tree.text(codes.COMMENT)])


def test_the_rdsr_of_a_study_without_screens_says_that_its_dose_is_a_procedure_steps(tmp_path: Path) -> None:
    first, last = n_create(), n_set(spiral_of(14.123456789012345, "274.9"), spiral_of(10.0, "104.5"))
    steps = kept(first, tmp_path / "steps/1"), kept(last, tmp_path / "steps/2")
    unit, parsed, comment = ended(tmp_path, spiral(CTDIvol=None), steps)

    assert unit.ending is not None
    assert isinstance(unit.ending.outcome, FromHeader)
    assert parsed is not None
    assert parsed.sources == (Source.MPPS_CONTENT,)
    assert not parsed.complete
    assert not parsed.verified
    assert [str(event.dlp.value) for event in parsed.report.events if event.dlp] == ["274.9", "104.5"]
    assert all(event.dlp.source is Source.MPPS_CONTENT for event in parsed.report.events if event.dlp)
    assert comment.startswith("MPPS Content: CT Acquisition Type, Mean CTDIvol, CTDIw Phantom Type, DLP")
    assert parsed.report.origin is Origin.HEADER
    assert NO_SCREEN_BUT_STEP in comment.splitlines()


def test_images_and_step_are_both_named_where_both_told(tmp_path: Path) -> None:
    steps = kept(n_create(), tmp_path / "steps/1"), kept(n_set(spiral_of(10.0)), tmp_path / "steps/2")
    _, parsed, comment = ended(tmp_path, whole_spiral(), steps)

    assert parsed is not None
    assert parsed.sources == (Source.MPPS_CONTENT, Source.COMPUTED_FROM_IMAGE)
    assert "Computed From Image Attributes: DLP." in comment.splitlines()


def test_a_request_that_cannot_be_read_is_a_note_and_stops_nothing(tmp_path: Path) -> None:
    whole = kept(n_set(spiral_of(10.0, "104.5")), tmp_path / "steps/2")
    broken = tmp_path / "steps" / "3"
    broken.write_bytes(whole.read_bytes()[:-9])
    steps = kept(n_create(), tmp_path / "steps/1"), broken, tmp_path / "steps" / "none"
    unit, parsed, comment = ended(tmp_path, whole_spiral(), steps)

    assert unit.ending is not None
    assert isinstance(unit.ending.outcome, FromHeader)
    assert [found.where for found in unit.ending.outcome.findings].count("procedure step") == 1
    assert parsed is not None
    assert parsed.sources == (Source.COPIED_FROM_IMAGE, Source.COMPUTED_FROM_IMAGE)
    assert NO_SCREEN in comment.splitlines()


def test_a_step_whose_end_comes_later_replaces_the_report_of_the_images(tmp_path: Path) -> None:
    first = kept(n_create(), tmp_path / "steps/1")
    _, before, _ = ended(tmp_path, whole_spiral(), (first,))
    last = kept(n_set(spiral_of(10.0, "12.5"), step=STEP), tmp_path / "steps/2")
    _, after, _ = ended(tmp_path, whole_spiral(), (first, last))

    assert before is not None
    assert after is not None
    assert after.predecessors == (before.sop_instance_uid,)
    assert after.event_uids == before.event_uids
