"""Units that part, grow, or cannot be read any more; reports that are placed anew."""

from __future__ import annotations

import time
from typing import Any

from ocr_service.errors import OutputError
from ocr_service.network.sender import Accepted, Unavailable
from ocr_service.work import audit_trail, deliveries, delivering, placing
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import objects, units
from ocr_service.work.tables import studies as table
from tests.work.lanes import add, working
from tests.work.stores import (
    DAY,
    NOW,
    PACS,
    add_object,
    add_study,
    add_unit,
    change,
    desk,
    row,
    rows,
    study_read,
    unit_read,
)
from tests.work.test_records import GLYPH, acknowledged, record, told, verified


def corrected(worker):
    return Plan("unit", Document("folder/2.dcm", "2"), False, worker.desk.rejecting.note, time.time(), DAY)


def start(store, tmp_path, **rule):
    add_study(store)
    add_unit(store)
    w = working(store, tmp_path, **rule)
    n = add(w, "1")
    w.outbox.path("folder/2.dcm").write_bytes(b"2")
    return (w, n)


def test_what_may_have_arrived_at_the_first_try_may_be_there_after_a_second_that_reached_nobody(store, tmp_path, peer):
    w, n = start(store, tmp_path, correction="reject_then_new")
    peer.answer = lambda _: Unavailable("broke off", begun=True)
    delivering.try_round(w, PACS, [n])
    peer.answer = lambda _: Unavailable("cannot be reached")
    delivering.try_round(w, PACS, [n])
    with store.begin() as c:
        deliveries.plan(c, corrected(w), w.config.destination)
    got = [(r.kind, r.sop_instance_uid, r.state) for r in rows(store, sent)]
    assert any((k == "rejection" for k, _, _ in got)), got


def test_what_arrived_while_the_audit_trail_could_not_be_written_is_there(store, tmp_path, peer, monkeypatch):
    w, n = start(store, tmp_path, correction="reject_then_new")

    def full(*_):
        raise OutputError("the audit trail cannot be written: No space left on device")

    monkeypatch.setattr(audit_trail, "delivered", full)
    delivering.try_round(w, PACS, [n])
    assert peer.got == [b"1"]
    with store.begin() as c:
        deliveries.plan(c, corrected(w), w.config.destination)
    got = [(r.kind, r.sop_instance_uid, r.state) for r in rows(store, sent)]
    assert any((k == "rejection" for k, _, _ in got)), got


def test_a_report_whose_place_another_one_took_is_not_sent_any_more(store, tmp_path, peer):
    w, n = start(store, tmp_path, correction="new_only")
    peer.answer = lambda _: Unavailable("broke off", begun=True)
    delivering.try_round(w, PACS, [n])
    with store.begin() as c:
        deliveries.plan(c, corrected(w), w.config.destination)
    peer.answer = lambda _: Accepted()
    peer.got.clear()
    delivering.try_round(w, PACS, [n])
    assert peer.got == [], peer.got


def test_a_unit_that_is_two_now_is_two(its):
    add_object(its.store, "1.2")
    record(its, study_read(verified(its, "7.1", uids=("1.1", "1.2"), scanner="A / ")))
    acknowledged(its)
    record(
        its,
        study_read(
            verified(its, "7.2", uids=("1.1",), scanner="A / 1"), verified(its, "7.3", uids=("1.2",), scanner="A / 2")
        ),
    )
    live = [(r.sop_instance_uid, r.state) for r in rows(its.store, sent) if r.kind == "rdsr"]
    assert len(rows(its.store, units)) == 2, ([(u.scanner, u.sop_instance_uid) for u in rows(its.store, units)], live)


EXAMINED: Any = {"examination": "e", "patient": "p"}


def two_linked_orders(its: Any) -> None:
    """The first one is reported, and its report has arrived; the second one is left to it."""
    add_study(its.store, "1.9", state="read")
    record(its, study_read(verified(its, "7.1", **EXAMINED)))
    record(its, study_read(verified(its, "7.2", **EXAMINED)), study="1.9")
    acknowledged(its)


def test_a_late_page_of_the_first_linked_order_does_not_report_the_second_one_too(its):
    two_linked_orders(its)
    add_object(its.store, "1.2")
    record(its, study_read(verified(its, "7.3", uids=("1.1", "1.2"), examination="e1", patient="p")))
    if row(its.store, table, table.c.study == "1.9").due_at is not None:
        record(its, study_read(verified(its, "7.4", **EXAMINED)), study="1.9")
    live = [r.sop_instance_uid for r in rows(its.store, sent) if r.state == "waiting"]
    assert live == ["7.3"], live


def test_a_leader_that_cannot_be_read_any_more_and_whose_report_stands_stays_the_leader(its):
    two_linked_orders(its)
    record(its, study_read(unit_read("unreadable", template="", console="")))
    record(its, study_read(verified(its, "7.4", **EXAMINED)), study="1.9")  # read again for a reason of its own
    assert [r.sop_instance_uid for r in rows(its.store, sent)] == ["7.1"], told(its)


def test_a_report_that_is_not_believed_is_not_released(store, tmp_path):
    add_study(store)
    add_object(store, "1.1")
    add_object(store, "1.2")
    its = desk(store, tmp_path, commissioning=5)
    add_study(store, "1.8")
    record(
        its,
        study_read(
            verified(its, "7.1", rests=frozenset({GLYPH})),
            verified(its, "7.2", uids=("1.2",), scanner="B", template="b@1"),
        ),
    )
    record(its, study_read(withdrawn=[GLYPH]), study="1.8")
    change(store, objects, objects.c.sop_instance_uid == "1.1", state="failed")
    record(
        its,
        study_read(unit_read("needs_review", uids=("1.2",), scanner="B", template="b@1"), withdrawn=[GLYPH]),
        cause="withdrawn:x",
    )
    placing.release(its, "acme@1", "ACME CT 1", NOW)
    assert told(its) == [], told(its)


def test_a_report_that_was_refused_needs_no_note(store, tmp_path, peer):
    from ocr_service.network.sender import Refused

    w, n = start(store, tmp_path, correction="manual")
    peer.answer = lambda _: Refused(43264, "no")
    delivering.try_round(w, PACS, [n])
    with store.begin() as c:
        deliveries.plan(c, corrected(w), w.config.destination)
    assert [r.kind for r in rows(store, sent)] == ["rdsr", "rdsr"], [(r.kind, r.state) for r in rows(store, sent)]
