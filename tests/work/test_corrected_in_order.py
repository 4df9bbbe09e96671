"""A corrected report waits for what it takes the place of; the books close over what was taken in."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_service.network.sender import Accepted, Unavailable
from ocr_service.work import deliveries, delivering, tidying
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.ledger import close_books
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import objects
from tests.work.hospital import Hospital
from tests.work.lanes import add, working
from tests.work.stores import DAY, PACS, add_study, add_unit, change, row, rows


def corrected(worker):
    return Plan("unit", Document("folder/2.dcm", "2"), False, worker.desk.rejecting.note, time.time(), DAY)


@pytest.mark.parametrize("rule", ["reject_then_new", "manual"])
def test_the_corrected_report_waits_for_what_may_have_arrived(store, tmp_path, peer, rule):
    add_study(store)
    add_unit(store)
    worker = working(store, tmp_path, correction=rule)
    n = add(worker, "1")
    worker.outbox.path("folder/2.dcm").write_bytes(b"2")
    peer.answer = lambda _: Unavailable("broke off", begun=True)
    left, _ = delivering.try_round(worker, PACS, [n])
    with store.begin() as c:
        deliveries.plan(c, corrected(worker), worker.config.destination)
    begun: list[Any] = []
    deliveries.start_waiting(store, begun.append, time.time())
    peer.answer = lambda _: Accepted()
    delivering.try_round(worker, PACS, left)
    for b in begun:
        delivering.try_round(worker, PACS, list(b.numbers))
    got = [(r.kind, r.sop_instance_uid, r.state, r.after) for r in rows(store, sent)]
    assert peer.got == [b"1"], (peer.got, got)


def test_what_was_given_up_and_may_be_there_is_rejected(store, tmp_path, peer):
    add_study(store)
    add_unit(store)
    worker = working(store, tmp_path, correction="reject_then_new", give_up_after="1s")
    n = add(worker, "1")
    worker.outbox.path("folder/2.dcm").write_bytes(b"2")
    peer.answer = lambda _: Unavailable("gave no usable answer", begun=True)
    delivering.try_round(worker, PACS, [n])
    change(store, sent, created_at=1.0)
    delivering.try_round(worker, PACS, [n])
    assert row(store, sent).state == "failed"
    with store.begin() as c:
        deliveries.plan(c, corrected(worker), worker.config.destination)
    got = [(r.kind, r.sop_instance_uid, r.state) for r in rows(store, sent)]
    assert any((k in ("rejection", "manual") for k, _, _ in got)), got


def worker_of(h):
    return SimpleNamespace(
        config=h.config,
        store=h.desk.store,
        spool=h.inbox._spool,
        inbox=h.inbox,
        folders=SimpleNamespace(drafts=h.folder / "d"),
        strip=lambda p: None,
    )


def taken_in(h: Hospital, name: str) -> int:
    """A file of the spool that no row knows is found; how many were taken in. The books close then."""
    f = h.config.data / "spool" / name
    f.parent.mkdir(parents=True)
    f.write_bytes(b"x")
    os.utime(f, (time.time() - 7200,) * 2)
    count = tidying._take_in_unknown(worker_of(h), time.time())
    books = close_books(h.config, h.desk.store, time.time, lambda s: None)
    assert books.faults == (), books.faults
    return count


def test_ledger_closes_after_a_file_of_another_day_was_taken_in(tmp_path):
    assert taken_in(Hospital(tmp_path), "objects/2026-01-01/aa.dcm") == 1


def test_a_request_of_a_step_that_no_row_knows_is_taken_in_or_removed(tmp_path):
    taken_in(Hospital(tmp_path), "steps/2026-01-01/aa.dcm")


def test_a_file_that_cannot_be_read_stops_no_other(tmp_path):
    h = Hospital(tmp_path)
    d = h.config.data / "spool/objects/2026-01-01"
    d.mkdir(parents=True)
    (d / "aa.dcm").write_bytes(b"x")
    (d / "bb.dcm").write_bytes(b"y")
    for n in ("aa", "bb"):
        os.utime(d / f"{n}.dcm", (time.time() - 7200,) * 2)
    real = h.inbox.take_in

    def take(name):
        if "aa" in name:
            from ocr_service.errors import OutputError

            raise OutputError("a file of the spool cannot be read: Input/output error")
        real(name)

    w = worker_of(h)
    w.inbox = SimpleNamespace(take_in=take)
    tidying._take_in_unknown(w, time.time())
    assert len(h.rows(objects)) == 1
