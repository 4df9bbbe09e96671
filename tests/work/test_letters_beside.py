"""Letters that grow while another study is read: what waits for them is read again, however the two interleave."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ocr_service.work import records, studies
from ocr_service.work.records import Before
from ocr_service.work.store import Store
from ocr_service.work.tables import scanners
from ocr_service.work.tables import studies as table
from tests.work import reading_worker as working
from tests.work.stores import (
    NOW,
    STUDY,
    add_object,
    add_study,
    change,
    desk,
    emptied,
    row,
    study_read,
    unit_read,
)
from tests.work.test_records import record

OTHER = "1.9"
CONSOLE = ("acme@1", "ACME CT 1")


def letters(count: int) -> dict[tuple[str, str], int]:
    return {CONSOLE: count}


def waits(count: int) -> Any:
    return study_read(unit_read("needs_review", waiting=True), registered=letters(count))


def is_due(its: Any) -> bool:
    return row(its.store, table, table.c.study == STUDY).due_at is not None


@pytest.fixture
def known(its):
    """Eight letters of the console are known, and another study lies beside ours."""
    add_study(its.store, OTHER)
    record(its, study_read(registered=letters(8)), study=OTHER)
    change(its.store, table, due_at=None)
    return its


@pytest.mark.parametrize("seen", [8, 12], ids=["it saw the old ones to its end", "it saw the new ones when it ended"])
def test_what_waits_is_read_again_where_another_reading_was_recorded_first(seen, known):
    """Its job was made with 8 letters; another reading, with 12, looked for what waits before it was recorded."""
    record(known, study_read(registered=letters(12)), study=OTHER)
    record(known, waits(seen), before=Before(letters=letters(8)))

    assert is_due(known)
    assert row(known.store, scanners).letters == 12


def test_it_is_not_read_for_ever(known):
    record(known, study_read(registered=letters(12)), study=OTHER)
    record(known, waits(8), before=Before(letters=letters(8)))
    change(known.store, table, due_at=None)
    record(known, waits(12), before=Before(letters=letters(12)))

    assert not is_due(known)


def test_a_reading_that_knows_less_hides_from_none_that_others_knew_more(known):
    """Three jobs are made with 8 letters. The first ends with 12, the second one saw nothing of that."""
    add_study(known.store, "1.8")
    record(known, study_read(registered=letters(12)), study=OTHER, before=Before(letters=letters(8)))
    record(known, study_read(registered=letters(8)), study="1.8", before=Before(letters=letters(8)))
    record(known, waits(8), before=Before(letters=letters(8)))

    assert is_due(known)


def test_letters_that_were_as_many_before_are_another_reason_than_then(known):
    """A reading's name tells its cause: one of the same name would be one that is done."""
    record(known, waits(9))
    first = row(known.store, table, table.c.study == STUDY).cause
    record(known, waits(5))
    change(known.store, table, due_at=None)
    with known.store.begin(reading=True) as connection:
        due = studies.Due(OTHER, studies.digest_of(connection, OTHER), "quiet")
    told = study_read(registered=letters(9))
    records.record(known, due, told, known.config.data / "drafts", NOW + 60, Before(letters=letters(5)))

    assert row(known.store, table, table.c.study == STUDY).cause not in ("", first)


def test_two_that_are_recorded_at_the_same_moment_see_each_other(postgresql_url: str, tmp_path: Path):
    """Neither sees what the other has not committed yet; SQLite has one writer at a time anyway."""
    store = emptied(postgresql_url)
    add_study(store)
    add_object(store, "1.1")
    add_study(store, OTHER)
    slow, other = desk(Store(postgresql_url), tmp_path), desk(store, tmp_path)
    record(other, study_read(registered=letters(8)), study=OTHER)
    change(store, table, due_at=None)
    recorded, begun = threading.Event(), threading.Event()

    @event.listens_for(slow.store.engine, "commit")
    def _late(connection: Any) -> None:
        if not connection.get_execution_options().get("ocr_reading"):
            begun.set()
            recorded.wait(0.5)  # in vain where the other one waits for this commit

    ours = threading.Thread(target=record, args=(slow, waits(8)), kwargs={"before": Before(letters=letters(8))})
    ours.start()
    assert begun.wait(20)
    record(other, study_read(registered=letters(12)), study=OTHER)
    recorded.set()
    ours.join()

    assert is_due(other)
    slow.store.close()
    store.close()


def test_two_that_meet_a_console_for_the_first_time_are_both_recorded(postgresql_url: str, tmp_path: Path):
    """The one that came second was read for nothing otherwise."""
    store, other = emptied(postgresql_url), Store(postgresql_url)
    add_study(store)
    add_object(store, "1.1")
    its = desk(store, tmp_path)

    @event.listens_for(store.engine, "before_cursor_execute")
    def _quicker(*told: Any) -> None:
        if told[2].startswith("INSERT INTO ocr_scanners"):
            with other.begin() as connection:
                connection.execute(scanners.insert().values(template=CONSOLE[0], console=CONSOLE[1], first_at=NOW))

    assert record(its, waits(8)) == records.RECORDED
    assert row(store, scanners).letters == 8
    store.close()
    other.close()


class Reading:
    """A reading process that takes its time: meanwhile another worker records what its own reading taught."""

    def __init__(self, told: Any, meanwhile: Any) -> None:
        self.told, self.meanwhile = told, meanwhile

    def do(self, *_: object) -> Any:
        self.meanwhile()
        return self.told

    def close(self) -> None:
        pass


def test_a_worker_knows_with_which_letters_its_job_was_made(empty_sqlite: Path, tmp_path: Path):
    (tmp_path / "data").mkdir()
    shutil.copy(empty_sqlite, tmp_path / "data" / "ocr-service.sqlite")
    worker = working.open_worker(tmp_path)
    add_study(worker.store)
    add_object(worker.store, "1.1")
    add_study(worker.store, OTHER)
    record(worker.desk, study_read(registered=letters(8)), study=OTHER)
    change(worker.store, table, due_at=NOW, cause="quiet")
    change(worker.store, table, table.c.study == OTHER, due_at=None)

    def meanwhile() -> None:
        if row(worker.store, scanners).letters == 8:
            record(worker.desk, study_read(registered=letters(12)), study=OTHER)

    worker._reading = Reading(waits(8), meanwhile)  # type: ignore[assignment]
    worker.read_and_record(_due(worker))

    assert is_due(worker)
    worker._reading = Reading(waits(12), meanwhile)  # type: ignore[assignment]
    worker.read_and_record(_due(worker))
    worker.close()

    assert not is_due(worker)


def _due(worker: Any) -> Any:
    begun: list[Any] = []
    studies.start_due(worker.store, NOW * 2, begun.append)
    (due,) = begun
    return due
