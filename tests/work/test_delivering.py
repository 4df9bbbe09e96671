"""One round of a lane: what is sent, what waits, and what is taken back where it arrived too late."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_service.errors import OutputError, StoreError
from ocr_service.network.commitment import Asked
from ocr_service.network.sender import Accepted, Refused, Sent, Unavailable, Warned
from ocr_service.work import delivering
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries as sent
from tests.work.lanes import Answer, FakeLane, add, working
from tests.work.stores import PACS, add_study, add_unit, change, row, rows


@pytest.fixture
def worker(store: Store, tmp_path: Path, peer: FakeLane) -> SimpleNamespace:
    add_study(store)
    add_unit(store)
    return working(store, tmp_path)


def state(worker: SimpleNamespace, number: int) -> str:
    return row(worker.store, sent, sent.c.id == number).state  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "ended"),
    [(Accepted(), "acknowledged"), (Warned(0xB000, "coerced"), "acknowledged"), (Refused(0xA900, "no"), "refused")],
)
def test_an_answer_ends_a_delivery(worker, peer, answer, ended):
    number = add(worker, "1")
    peer.answer = lambda _: answer

    assert delivering.try_round(worker, PACS, [number]) == ([], 3600.0)
    assert state(worker, number) == ended


def test_a_round_done_again_sends_nothing_twice(worker, peer):
    number = add(worker, "1")
    for _ in range(2):
        delivering.try_round(worker, PACS, [number])

    assert peer.got == [b"1"]


def test_a_destination_that_is_away_is_asked_once_and_another_document_is_first_then(worker, peer):
    numbers = [add(worker, uid) for uid in ("1", "2", "3")]
    peer.answer = lambda encoded: Unavailable("out of resources") if encoded == b"1" else Accepted()
    left, seconds = delivering.try_round(worker, PACS, numbers)
    assert (left, seconds, peer.got) == ([*numbers[1:], numbers[0]], 30.0, [b"1"])

    left, seconds = delivering.try_round(worker, PACS, left)
    assert (left, seconds) == ([numbers[0]], 60.0)


def test_a_document_that_is_gone_stops_no_other_of_its_batch_or_lane(worker, peer):
    one, two = add(worker, "1", batch="b"), add(worker, "2")
    worker.outbox.path("folder/1.dcm").unlink()
    left, _ = delivering.try_round(worker, PACS, [one, two])

    assert (left, state(worker, two)) == ([], "acknowledged")
    waits = row(worker.store, sent, sent.c.id == one)
    assert (waits.state, waits.batch, waits.attempts) == ("waiting", "", 1)
    assert waits.next_at > time.time()


def test_a_destination_that_is_configured_no_more_fails_its_documents(worker):
    number = add(worker, "1", destination="old")

    assert delivering.try_round(worker, "old", [number]) == ([], 0.0)
    assert state(worker, number) == "failed"


def test_what_could_not_be_delivered_for_days_is_given_up(worker, peer):
    number = add(worker, "1", created_at=1.0, attempts=300)
    delivering.try_round(worker, PACS, [number])

    assert (state(worker, number), peer.got) == ("failed", [])


def test_nothing_is_given_up_that_was_never_tried(worker):
    number = add(worker, "1", created_at=1.0)
    delivering.try_round(worker, PACS, [number])

    assert state(worker, number) == "acknowledged"


def test_what_had_to_wait_for_a_person_has_its_time_from_then_on(worker, peer):
    first = add(worker, "9", kind="manual", state="acknowledged", acknowledged_at=time.time())
    number = add(worker, "1", created_at=1.0, attempts=1, after=first)
    peer.answer = lambda _: Unavailable("away")
    delivering.try_round(worker, PACS, [number])

    assert state(worker, number) == "waiting"


def taken_back(worker: SimpleNamespace, number: int) -> Answer:
    """The row is taken back while the document is on its way."""

    def answer(_: bytes) -> Sent:
        change(worker.store, sent, sent.c.id == number, state="recalled", superseded=True)
        return Accepted()

    return answer


@pytest.mark.parametrize("commitment", [False, True])
def test_what_was_taken_back_on_its_way_is_recalled_at_once(worker, store, tmp_path, peer, monkeypatch, commitment):
    worker = working(store, tmp_path, correction="reject_then_new", commitment=commitment)
    monkeypatch.setattr(delivering, "decoded", lambda _: SimpleNamespace(SOPInstanceUID="1", SOPClassUID="1.2"))
    number = add(worker, "1")
    peer.answer = taken_back(worker, number)
    assert delivering.try_round(worker, PACS, [number])[0] == []

    assert [(one.kind, one.state) for one in rows(store, sent)] == [("rdsr", "recalled"), ("rejection", "waiting")]


def test_where_no_rejection_can_be_written_then_a_person_is_told(worker, store, tmp_path, peer):
    worker = working(store, tmp_path, correction="reject_then_new")

    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    worker.desk.rejecting.note = full
    number = add(worker, "1")
    peer.answer = taken_back(worker, number)
    delivering.try_round(worker, PACS, [number])

    assert [(one.kind, one.state) for one in rows(store, sent)] == [("rdsr", "recalled"), ("manual", "waiting")]


def test_who_sends_the_same_beside_another_worker_takes_nothing_back(worker, peer):
    """One that was only slow was taken for dead: both send, and the second one finds the row acknowledged."""
    number = add(worker, "1")

    def answer(_: bytes) -> Sent:
        if len(peer.got) == 1:
            delivering.try_round(worker, PACS, [number])
        return Accepted()

    peer.answer = answer
    delivering.try_round(worker, PACS, [number])

    assert [(one.kind, one.state) for one in rows(worker.store, sent)] == [("rdsr", "acknowledged")]
    assert peer.got == [b"1", b"1"]


def test_what_waits_for_its_commitment_is_not_sent_again(worker, store, tmp_path, peer, monkeypatch):
    worker = working(store, tmp_path, commitment=True)
    asked: list[str] = []

    def ask(_: object, __: object, uid: str, *___: object) -> Asked:
        asked.append(uid)
        return Asked()

    monkeypatch.setattr(delivering, "decoded", lambda _: SimpleNamespace(SOPInstanceUID="1", SOPClassUID="1.2"))
    monkeypatch.setattr(delivering, "request_commitment", ask)
    number = add(worker, "1")
    for _ in range(2):
        assert delivering.try_round(worker, PACS, [number])[0] == []  # its lane is free for others
        assert rows(store, sent)[0].batch == ""

    assert peer.got == [b"1"]
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_a_database_that_goes_away_decides_nothing(worker, peer, monkeypatch):
    number = add(worker, "1")

    def away(*_: object, **__: object) -> bool:
        raise StoreError("the database does not answer")

    with monkeypatch.context() as trouble:
        trouble.setattr(delivering.deliveries, "ended", away)
        with pytest.raises(StoreError):
            delivering.try_round(worker, PACS, [number])
    assert state(worker, number) == "waiting"
    delivering.try_round(worker, PACS, [number])

    assert state(worker, number) == "acknowledged"


def test_a_report_that_was_taken_back_while_nobody_heard_its_answer_is_taken_back_there(
    worker: Any, peer: FakeLane
) -> None:
    number = add(worker, "1")

    def hangs(_: bytes) -> Sent:
        change(worker.store, sent, sent.c.id == number, state="recalled", superseded=True)
        return Unavailable("no answer", begun=True)

    peer.answer = hangs
    left, _ = delivering.try_round(worker, PACS, [number])

    assert left == []
    kinds = [(one.kind, one.state) for one in rows(worker.store, sent)]
    assert kinds == [("rdsr", "recalled"), ("manual", "waiting")]


def test_a_report_that_was_never_sent_needs_no_recall(worker: Any, peer: FakeLane) -> None:
    number = add(worker, "1", state="recalled")

    assert delivering.try_round(worker, PACS, [number])[0] == []
    assert [one.kind for one in rows(worker.store, sent)] == ["rdsr"]
    assert peer.got == []
