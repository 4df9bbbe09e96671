"""Readings that something overtook: a person, a letter, a linked order, a better known scanner."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

from ocr_service.dose.corrections import ActKind
from ocr_service.work import deliveries, persons, records, studies
from ocr_service.work.records import Before
from ocr_service.work.studies import Due
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import studies as table
from ocr_service.work.tables import units
from tests.work import reading_worker as working
from tests.work.stores import (
    NOW,
    STUDY,
    add_object,
    add_study,
    change,
    desk,
    destination,
    draft,
    row,
    rows,
    study_read,
    unit_read,
)
from tests.work.test_records import GLYPH, acknowledged, as_known, drafts, record, told, verified

LINK = {"examination": "e", "patient": "p"}


def test_linked_order_whose_leader_is_rejected_afterwards_is_read_again(its):
    add_study(its.store, "1.9", state="read")
    record(its, study_read(verified(its, "7.1", **LINK)))
    record(its, study_read(verified(its, "7.2", **LINK)), study="1.9")
    acknowledged(its)
    assert row(its.store, units, units.c.study == "1.9").outcome == "skipped"
    change(its.store, table, table.c.study == "1.9", due_at=None)
    record(its, study_read(unit_read("skipped", **LINK)))
    assert row(its.store, table, table.c.study == "1.9").due_at is not None, (
        "the follower is never read again: reported nowhere"
    )


def test_linked_order_after_the_leader_was_recalled_needs_a_person(its):
    add_study(its.store, "1.9")
    record(its, study_read(verified(its, "7.1", **LINK)))
    acknowledged(its)
    change(its.store, units, held="recalled")
    change(its.store, sent, state="recalled", superseded=True)
    record(its, study_read(verified(its, "7.2", **LINK)), study="1.9")
    assert row(its.store, units, units.c.study == "1.9").outcome == "needs_review"


def test_linked_orders_in_review_are_sent_once_where_review_is_emitted(store, tmp_path):
    add_study(store)
    add_object(store, "1.1")
    add_study(store, "1.9")
    its = desk(store, tmp_path, emit=("review",))
    a = unit_read("needs_review", rdsr=draft(drafts(its), "7.1"), **LINK)
    b = unit_read("needs_review", rdsr=draft(drafts(its), "7.2"), **LINK)
    record(its, study_read(a))
    record(its, study_read(b), study="1.9")
    assert len(told(its)) == 1, told(its)


def test_a_recalled_report_is_not_sent_again_after_a_passing_doubt(its):
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    change(its.store, units, held="recalled")
    change(its.store, sent, state="recalled", superseded=True)
    record(its, study_read(unit_read("needs_review")))
    record(its, study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1")))
    assert [t for t in told(its) if t[2] == "waiting"] == [], told(its)


def test_a_reading_begun_before_a_letter_was_withdrawn_is_read_again(its):
    add_study(its.store, "1.9")
    record(its, study_read(withdrawn=[GLYPH]), study="1.9")
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH})), withdrawn=[GLYPH]))
    assert row(its.store, table, table.c.study == STUDY).due_at is not None, told(its)


def test_an_old_reading_does_not_undo_a_persons_rejection(its):
    with its.store.begin(reading=True) as c:
        digest = studies.digest_of(c, STUDY)
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    unit = row(its.store, units)
    r1 = Due(STUDY, digest, "letters:5")
    r1_told = study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1"))
    number = persons.decide(its, unit.id, ActKind.REJECT, "Tanaka^Ichiro", NOW + 1, why="x")
    records.record(
        its,
        Due(STUDY, digest, f"act:{number}"),
        study_read(unit_read("skipped", by_person=True)),
        drafts(its),
        NOW + 2,
        as_known(its),
    )
    change(its.store, table, due_at=None)
    records.record(its, r1, r1_told, drafts(its), NOW + 3, Before(last_act=0))
    assert row(its.store, units).outcome == "skipped" or row(its.store, table).due_at is not None, (
        row(its.store, units).outcome,
        told(its),
    )


def test_a_report_whose_facts_change_is_taken_back_where_it_was(store, tmp_path):
    """images came from CT1, the screens by a gateway: another destination is chosen."""
    add_study(store)
    add_object(store, "1.1", role="image", state="context", calling_ae="CT1")
    its = desk(store, tmp_path, destination(name="a", calling_ae=("CT1",)), destination(name="b", calling_ae=("GATE",)))
    record(its, study_read(unit_read("verified", rdsr=draft(drafts(its), "7.1"))))
    acknowledged(its)
    add_object(store, "1.2", calling_ae="GATE")
    record(its, study_read(unit_read("verified", uids=("1.2",), rdsr=draft(drafts(its), "7.2"))))
    got = [(r.destination, r.kind, r.sop_instance_uid, r.state, r.superseded) for r in rows(store, sent)]
    assert any((d == "a" and (s == "recalled" or sup or u == "7.2") for d, k, u, s, sup in got)), got


def test_united_units_manual_destination_waits_for_the_person(store, tmp_path):
    """header report of one spelling of the scanner, then screens of another: two rows, one irradiation."""
    add_study(store)
    add_object(store, "1.1")
    add_object(store, "1.2")
    for rule in ("manual",):
        its = desk(store, tmp_path, destination(correction=rule))
        record(its, study_read(verified(its, "7.1", scanner="A", uids=("1.1",))))
        acknowledged(its)
        record(its, study_read(verified(its, "7.2", scanner="B", uids=("1.2",))))
        started: list[Any] = []
        deliveries.start_waiting(store, started.append, NOW + 9000000000.0)
        assert started == [], (rule, [(r.kind, r.sop_instance_uid, r.state, r.after) for r in rows(store, sent)])


def test_a_person_can_confirm_a_unit_that_another_patients_study_has_too(its):
    add_study(its.store, "1.9")
    record(its, study_read(verified(its, "7.1", examination="e", patient="p")))
    record(its, study_read(verified(its, "7.2", examination="e", patient="q")), study="1.9")
    record(its, study_read(verified(its, "7.3", examination="e", patient="q", by_person=True)), study="1.9")
    assert row(its.store, units, units.c.study == "1.9").outcome == "verified"


def test_an_older_reading_does_not_undo_a_newer_one(its):
    """It was read before the corrected report was there, and would take that back and send the old one again."""
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    with its.store.begin(reading=True) as connection:
        before = Before(readings=records.readings_of(connection, STUDY))
        due = Due(STUDY, studies.digest_of(connection, STUDY), "letters:5")
    records.record(its, due, study_read(verified(its, "7.2")), drafts(its), NOW + 1, before)
    acknowledged(its)
    sent_before = told(its)
    change(its.store, table, due_at=None)
    old = study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1"))

    assert records.record(its, due, old, drafts(its), NOW + 2, before) == records.SUPERSEDED
    assert told(its) == sent_before
    assert row(its.store, table).cause == f"overtaken:{NOW + 2:.0f}"


def test_a_worker_notices_that_another_reading_was_recorded_meanwhile(empty_sqlite, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copy(empty_sqlite, tmp_path / "data" / "ocr-service.sqlite")
    worker = working.open_worker(tmp_path)
    add_study(worker.store)
    add_object(worker.store, "1.1")

    def meanwhile(*_: Any) -> Any:
        change(worker.store, units, read_at=NOW + 1)
        return study_read(unit_read())

    with worker.store.begin(reading=True) as connection:
        due = Due(STUDY, studies.digest_of(connection, STUDY), "quiet")
    worker._reading = SimpleNamespace(do=lambda *_: study_read(unit_read()), close=lambda: None)  # type: ignore[assignment]
    assert worker.read_and_record(due) == records.RECORDED
    worker._reading.do = meanwhile  # type: ignore[method-assign, assignment]
    assert worker.read_and_record(due) == records.SUPERSEDED
    worker.close()
