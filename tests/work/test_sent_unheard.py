"""What was sent and not heard of may be there."""

from __future__ import annotations

import time

import pytest

from ocr_service.network.sender import Accepted, Unavailable
from ocr_service.work import deliveries, delivering
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.tables import deliveries as sent
from tests.work.lanes import add, working
from tests.work.stores import DAY, PACS, add_study, add_unit, rows


def test_a_report_that_the_pacs_stored_without_saying_so_is_rejected_before_the_corrected_one(store, tmp_path, peer):
    """The PACS stores and the association breaks before its answer; then a corrected report comes."""
    add_study(store)
    add_unit(store)
    worker = working(store, tmp_path, correction="reject_then_new")
    n = add(worker, "1")
    pacs = []

    def stores_and_breaks(encoded):
        pacs.append(encoded)
        return Unavailable("broke off", begun=True)

    peer.answer = stores_and_breaks
    delivering.try_round(worker, PACS, [n])
    assert pacs == [b"1"]
    what = Plan("unit", Document("folder/2.dcm", "2"), False, worker.desk.rejecting.note, time.time(), DAY)
    with store.begin() as c:
        deliveries.plan(c, what, worker.config.destination)
    got = [(r.kind, r.sop_instance_uid, r.state) for r in rows(store, sent)]
    assert any((k in ("rejection", "manual") for k, _, _ in got)), got


def test_kill_between_the_answer_and_its_row_while_it_was_taken_back(store, tmp_path, peer):
    add_study(store)
    add_unit(store)
    worker = working(store, tmp_path, correction="reject_then_new")
    n = add(worker, "1")

    class Killed(BaseException):
        pass

    def answer(_):
        with store.begin() as c:
            deliveries.plan(
                c,
                Plan("unit", Document("folder/2.dcm", "2"), False, worker.desk.rejecting.note, time.time(), DAY),
                worker.config.destination,
            )
        raise Killed

    peer.answer = answer
    with pytest.raises(Killed):
        delivering.try_round(worker, PACS, [n])
    peer.answer = lambda _: Accepted()
    delivering.try_round(worker, PACS, [n])
    got = [(r.kind, r.sop_instance_uid, r.state) for r in rows(store, sent)]
    assert any((k in ("rejection", "manual") for k, _, _ in got)), got
