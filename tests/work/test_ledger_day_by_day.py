"""Both ledgers close whatever happens to a study afterwards: read, sent and decided by the service's own worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset

from ocr_service.dose.corrections import ActKind
from ocr_service.network.sender import Accepted
from ocr_service.work import delivering, persons, sending_rules, tidying
from ocr_service.work.ledger import close_books
from ocr_service.work.tables import deliveries, objects, units
from ocr_service.work.tables import studies as study_rows
from ocr_service.work.worker import Worker
from tests.service.hospital import study_of
from tests.work import reading_worker as working
from tests.work.stores import change

NOBODY = "nobody sends it"  # here no workflow carries anything
YEAR = 365 * 86400.0


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    its = working.open_worker(tmp_path_factory.mktemp("books"))
    sending_rules.remember(its.config, 0.0)
    yield its
    its.close()


def books(worker: Worker) -> list[str]:
    """What is wrong, by all days together and by each one; nothing moves here, so the second look follows at once."""
    found = []
    days = {one.day for table in (objects, units, deliveries) for one in working.rows(worker, table)}
    for day in ["", *sorted(days)]:
        told = close_books(worker.config, worker.store, time.time, lambda _: None, day=day, contents=True)
        found += [f"{day} {fault.row}: {fault.sentence}" for fault in told.faults if NOBODY not in fault.sentence]
        found += [f"{one.day} does not close" for one in told.days if not one.closes]
    return found


def deliver(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that waits arrives."""
    way = SimpleNamespace(send=lambda _: Accepted())
    monkeypatch.setattr(delivering, "lane", lambda *_: nullcontext(way))
    its = (deliveries.c.state == "waiting", deliveries.c.kind != "manual")
    for one in working.rows(worker, deliveries, *its):
        delivering.try_round(worker, one.destination, [one.id])


def arrives(worker: Worker, monkeypatch: pytest.MonkeyPatch, *page: Dataset) -> None:
    working.receive(worker, *page)
    working.read_all(worker)
    deliver(worker, monkeypatch)


def unit_of(worker: Worker, page: Dataset) -> Any:
    (one,) = working.rows(worker, units, units.c.study == str(page.StudyInstanceUID))
    return one


def retired(worker: Worker, page: Dataset) -> None:
    """A year has passed since the study's report was acknowledged."""
    then = time.time() - YEAR
    study = str(page.StudyInstanceUID)
    change(worker.store, study_rows, study_rows.c.study == study, last_arrival=then)
    change(worker.store, units, units.c.study == study, read_at=then)
    its = deliveries.c.unit == unit_of(worker, page).id
    change(worker.store, deliveries, its, acknowledged_at=then)
    tidying.tidy(worker)
    assert [one.on_disk for one in working.rows(worker, objects, objects.c.study == study)] == [False]


def test_after_a_rejection_and_when_it_is_taken_back(worker, monkeypatch, tmp_path):
    (page,) = study_of("ge/scout_and_helical", "rejected")
    arrives(worker, monkeypatch, page)
    assert (unit_of(worker, page).outcome, books(worker)) == ("verified", [])
    for kind, outcome in ((ActKind.REJECT, "skipped"), (ActKind.CONFIRM, "verified")):
        unit = unit_of(worker, page).id
        persons.decide(worker.desk, unit, kind, "Tanaka^Ichiro", time.time(), why="wrong")
        assert books(worker) == []
        working.read_all(worker)
        assert (unit_of(worker, page).outcome, books(worker)) == (outcome, [])
        deliver(worker, monkeypatch)
        assert books(worker) == []


def test_after_a_native_report_that_came_late(worker, monkeypatch):
    page, native = study_of("ge/native_report", "late native")
    arrives(worker, monkeypatch, page)
    assert (unit_of(worker, page).outcome, books(worker)) == ("verified", [])
    arrives(worker, monkeypatch, native)

    assert (unit_of(worker, page).outcome, books(worker)) == ("skipped", [])


def test_after_an_object_whose_time_was_over_is_fetched_again(worker, monkeypatch):
    (page,) = study_of("ge/scout_and_helical", "fetched again")
    arrives(worker, monkeypatch, page)
    before = unit_of(worker, page)
    retired(worker, page)
    assert books(worker) == []
    working.receive(worker, page)
    assert books(worker) == []
    working.read_all(worker)
    deliver(worker, monkeypatch)
    after = unit_of(worker, page)

    assert books(worker) == []
    assert (after.outcome, after.sop_instance_uid) == ("verified", before.sop_instance_uid)
    assert len(working.rows(worker, deliveries, deliveries.c.unit == after.id)) == 1


def test_after_a_page_came_to_a_study_whose_others_are_gone(worker, monkeypatch):
    """The report that stands is of pages that nobody can read any more."""
    first, second = study_of("ge/two_pages", "half of it is gone")
    arrives(worker, monkeypatch, first)
    change(worker.store, units, units.c.id == unit_of(worker, first).id, outcome="verified")
    retired(worker, first)
    arrives(worker, monkeypatch, second)

    assert books(worker) == []


def test_a_page_that_is_lost_from_the_disk_is_named(worker, monkeypatch):
    (page,) = study_of("ge/scout_and_helical", "lost")
    arrives(worker, monkeypatch, page)
    (one,) = working.rows(worker, objects, objects.c.study == str(page.StudyInstanceUID))
    path = worker.spool.path(one.name)
    content = path.read_bytes()
    path.unlink()
    found = books(worker)
    path.write_bytes(content)

    assert found == [f"{day} object {one.id}: its file is not in the spool" for day in ("", one.day)]


def test_when_two_workers_share_the_work(worker, monkeypatch):
    """Both look at once for what arrived and what is due."""
    other = working.open_worker(worker.config.data.parent)
    pages = [page for number in range(6) for page in study_of("ge/scout_and_helical", f"shared {number}")]
    threads = [threading.Thread(target=arrive_some, args=(one, pages)) for one in (worker, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    working.read_all(worker)
    deliver(worker, monkeypatch)
    other.close()

    assert [unit_of(worker, page).outcome for page in pages] == ["verified"] * 6
    assert books(worker) == []


def arrive_some(worker: Worker, pages: list[Dataset]) -> None:
    """The same pages come to both, by two ways."""
    for page in pages:
        working.receive(worker, page)
        working.read_all(worker)
