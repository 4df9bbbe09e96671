"""Two workers at the same moment, on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

from ocr_service.work.tables import deliveries as sent
from tests.work.stores import STUDY, add_object, add_study, desk, destination, emptied, postgresql, rows, study_read
from tests.work.test_records import record, verified


@pytest.fixture(scope="module")
def url():
    with postgresql() as u:
        yield u


@pytest.fixture
def pg(url):
    s = emptied(url)
    yield s
    s.close()


def test_linked_orders_read_at_the_same_moment_by_two_workers_are_reported_once(pg, tmp_path):
    add_study(pg)
    add_study(pg, "1.9")
    add_object(pg, "1.1")
    add_object(pg, "2.1", study="1.9")
    barrier = threading.Barrier(2, timeout=5)

    def work(study, uid, folder):
        its: Any = desk(pg, folder)
        real = its.outbox.take_in

        def take_in(*a):
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait()
            real(*a)

        its.outbox.take_in = take_in
        record(
            its,
            study_read(verified(its, uid, examination="e", patient="p", uids=("1.1",) if study == STUDY else ("2.1",))),
            study=study,
        )

    ts = [
        threading.Thread(target=work, args=(STUDY, "7.1", tmp_path / "a")),
        threading.Thread(target=work, args=("1.9", "7.2", tmp_path / "b")),
    ]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert len(rows(pg, sent)) == 1, [(r.sop_instance_uid, r.state) for r in rows(pg, sent)]


def test_what_came_from_two_senders_goes_where_either_is_wanted(store, tmp_path):
    add_study(store)
    add_object(store, "1.1", calling_ae="CT1")
    add_object(store, "1.2", calling_ae="GATE")
    its = desk(store, tmp_path, destination(name="b", calling_ae=("GATE",)))
    record(its, study_read(verified(its, "7.1", uids=("1.1", "1.2"))))
    assert [r.destination for r in rows(store, sent)] == ["b"]
