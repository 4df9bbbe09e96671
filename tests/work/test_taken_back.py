"""A report that was taken back at a destination does not come back under its own UID.

An archive that applied a rejection note (IHE IOCM) hides that instance, and may take it again with success and go on
hiding it: a report would be sent, acknowledged and lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocr_service.dose.corrections import ActKind
from ocr_service.work import persons, studies
from ocr_service.work.tables import deliveries, units
from ocr_service.work.worker import Worker
from tests.service.hospital import study_of
from tests.work import reading_worker as working


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    its = working.open_worker(tmp_path)
    yield its
    its.close()


def documents(worker: Worker) -> list[tuple[str, str]]:
    its = working.rows(worker, deliveries, deliveries.c.kind == "rdsr")
    return [(one.sop_instance_uid, one.state) for one in its]


def decide(worker: Worker, kind: ActKind) -> None:
    (unit,) = working.rows(worker, units)
    persons.decide(worker.desk, unit.id, kind, "Tanaka^Ichiro", time.time(), why="by mistake")
    working.read_all(worker)


def read_again(worker: Worker, cause: str) -> None:
    with worker.store.begin() as connection:
        studies.read_again(connection, [working.rows(worker, units)[0].study], cause, time.time())
    working.read_all(worker)


def test_a_rejection_that_is_taken_back_makes_a_new_report(worker: Worker) -> None:
    (page,) = study_of("ge/scout_and_helical", "taken back")
    working.receive(worker, page)
    working.read_all(worker)
    ((first, _),) = documents(worker)
    working.acknowledged(worker, time.time())
    decide(worker, ActKind.REJECT)
    assert documents(worker) == [(first, "recalled")]
    decide(worker, ActKind.CONFIRM)
    (_, (second, state)) = documents(worker)
    told: Any = working.report(worker, working.rows(worker, deliveries)[-1].file)

    assert (second != first, state, told.predecessors) == (True, "waiting", (first,))
    read_again(worker, "again")
    assert documents(worker) == [(first, "recalled"), (second, "waiting")]


def test_a_rejection_of_what_was_never_sent_leaves_no_predecessor(worker: Worker) -> None:
    (page,) = study_of("ge/scout_and_helical", "never sent")
    working.receive(worker, page)
    working.read_all(worker)
    decide(worker, ActKind.REJECT)
    decide(worker, ActKind.CONFIRM)
    (_, (_, state)) = documents(worker)
    told: Any = working.report(worker, working.rows(worker, deliveries)[-1].file)

    assert (state, told.predecessors) == ("waiting", ())


def test_a_report_that_a_person_recalled_stays_away_when_its_study_is_read_again(worker: Worker) -> None:
    (page,) = study_of("ge/scout_and_helical", "recalled")
    working.receive(worker, page)
    working.read_all(worker)
    working.acknowledged(worker, time.time())
    (unit,) = working.rows(worker, units)
    persons.recall(worker.desk, unit.id, "Tanaka^Ichiro", "by mistake", time.time())
    read_again(worker, "again")

    assert [state for _, state in documents(worker)] == ["recalled"]
