"""What arrived is looked at in a process of its own: one object that kills it costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ocr_service.errors import EngineAway, EngineError
from ocr_service.work import persons, sorting
from ocr_service.work.sorting import BROKEN, Sorted
from ocr_service.work.store import Store
from ocr_service.work.studies import Due
from ocr_service.work.tables import objects
from ocr_service.work.worker import Worker
from tests.work.stores import NOW, STUDY, add_object, desk, row, rows

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


class FakeProcess:
    """Sorts everything as a screen; dies of what it is told to, or cannot begin."""

    def __init__(self, deadly: Sequence[int] = (), *, away: bool = False) -> None:
        self.deadly, self.away, self.asked = set(deadly), away, 0

    def do(self, _: Callable[..., object], files: Sequence[tuple[int, Path]], __: float) -> list[Sorted]:
        self.asked += 1
        if self.away:
            raise EngineAway("it cannot begin")
        if self.deadly & {number for number, _ in files}:
            raise EngineError("the process that worked on this died")
        return [Sorted(number, "screen", STUDY, f"1.{number}") for number, _ in files]

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture
def worker(tmp_path: Path) -> Any:
    its = Worker(desk(None, tmp_path).config, "machine-1-1")  # type: ignore[arg-type]
    yield its
    its.close()


def arrived(store: Store, count: int) -> list[int]:
    return [
        add_object(store, f"1.{number}", state="kept", role="", study="", received_at=1.0) for number in range(count)
    ]


def test_what_arrived_is_sorted(worker):
    numbers = arrived(worker.store, 3)
    worker._sorting = FakeProcess()

    assert (worker.sort_out(), worker.sort_out()) == (3, 0)
    assert [one.state for one in rows(worker.store, objects)] == ["in_use"] * len(numbers)


def test_an_object_that_kills_its_process_costs_only_itself_and_fails_in_the_end(worker):
    _, deadly, _ = arrived(worker.store, 3)
    worker._sorting = FakeProcess([deadly])
    for _ in range(worker.config.reading.attempts):
        worker.sort_out()

    assert [one.state for one in rows(worker.store, objects)] == ["in_use", "failed", "in_use"]


def test_an_object_that_failed_so_is_sorted_anew_when_a_person_asks(worker):
    (deadly,) = arrived(worker.store, 1)
    worker._sorting = FakeProcess([deadly])
    for _ in range(worker.config.reading.attempts):
        worker.sort_out()
    persons.retry(worker.desk, "all", "Tanaka^Ichiro", NOW)
    worker._sorting = FakeProcess()

    assert worker.sort_out() == 1
    assert row(worker.store, objects).state == "in_use"


def test_where_the_process_cannot_begin_no_object_is_at_fault(worker):
    arrived(worker.store, 3)
    worker._sorting = FakeProcess(away=True)
    for _ in range(5):
        with pytest.raises(EngineAway):
            worker.sort_out()
    assert {(one.state, one.attempts) for one in rows(worker.store, objects)} == {("kept", 0)}
    worker._sorting = FakeProcess()

    assert worker.sort_out() == 3


def test_where_the_reading_process_cannot_begin_no_screen_is_at_fault(worker):
    number = add_object(worker.store, "1.1", received_at=1.0)
    worker._reading = FakeProcess(away=True)
    with pytest.raises(EngineAway):
        worker.read_and_record(Due(STUDY, "digest", "quiet"))

    assert row(worker.store, objects, objects.c.id == number).attempts == 0


def test_whoever_draws_the_salt_second_has_that_of_the_first(worker, tmp_path):
    other = Worker(worker.config, "machine-1-2")

    assert worker._salt == other._salt
    other.close()


def written(path: Path, **told: Any) -> Path:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.BitsAllocated = SECONDARY_CAPTURE, "1.2.3", 8
    for key, value in told.items():
        setattr(ds, key, value)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def begun() -> None:
    sorting.begin(None)


@pytest.mark.usefixtures("begun")
def test_a_screen_without_a_study_is_broken(tmp_path):
    (one,) = sorting.sort_files([(1, written(tmp_path / "a.dcm", SeriesDescription="Dose Report"))])

    assert (one.role, one.study, one.sop_instance_uid) == (BROKEN, "", "1.2.3")


@pytest.mark.usefixtures("begun")
def test_a_file_that_ends_early_still_tells_its_study(tmp_path):
    path = written(tmp_path / "a.dcm", StudyInstanceUID="1.2.9", SeriesDescription="Dose Report", PixelData=b"\0" * 64)
    path.write_bytes(path.read_bytes()[:-40])
    (one,) = sorting.sort_files([(1, path)])

    assert one.study == "1.2.9"


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("content", [b"", b"no DICOM at all", None])
def test_a_file_that_is_no_dicom_or_not_there_is_broken(tmp_path, content):
    path = tmp_path / "a.dcm"
    if content is not None:
        path.write_bytes(content)
    (one,) = sorting.sort_files([(1, path)])

    assert (one.role, one.study) == (BROKEN, "")
    assert one.why


@pytest.mark.usefixtures("begun")
def test_stripping_leaves_the_header_and_twice_is_once(tmp_path):
    path = written(tmp_path / "a.dcm", StudyInstanceUID="1.2.9", PixelData=b"\0" * 64)
    for _ in range(2):
        sorting.strip(path)

    (one,) = sorting.sort_files([(1, path)])
    assert one.study == "1.2.9"
    assert b"\0" * 64 not in path.read_bytes()[132:]
