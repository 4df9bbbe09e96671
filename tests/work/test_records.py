"""A reading, recorded: what is sent, what is held, what is taken back, and what is read again because of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocr_service.errors import OutputError
from ocr_service.work import believing, placing, records, studies
from ocr_service.work.placing import Desk
from ocr_service.work.reading import StudyRead, UnitRead
from ocr_service.work.records import RECORDED, SUPERSEDED, WAITS, Before
from ocr_service.work.sorting import Sorted
from ocr_service.work.studies import Due
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import objects, rests, scanners, units
from ocr_service.work.tables import studies as table
from tests.work.stores import (
    NOW,
    STUDY,
    add_object,
    add_study,
    change,
    desk,
    draft,
    row,
    rows,
    study_read,
    unit_read,
)

GLYPH, OTHER = "a" * 32, "b" * 32


def record(
    its: Desk,
    told: StudyRead,
    cause: str = "quiet",
    study: str = STUDY,
    digest: str | None = None,
    before: Before | None = None,
) -> str:
    with its.store.begin(reading=True) as connection:
        digest = digest or studies.digest_of(connection, study)
    return records.record(its, Due(study, digest, cause), told, drafts(its), NOW, before or as_known(its))


def as_known(its: Desk) -> Before:
    """What the records know now: the job is made, read and recorded at once."""
    with its.store.begin(reading=True) as connection:
        return Before(letters=believing.letters_of(connection))


def drafts(its: Desk) -> Path:
    return its.config.data / "drafts"


def verified(its: Desk, uid: str, **told: Any) -> UnitRead:
    return unit_read(rdsr=draft(drafts(its), uid), **told)


def acknowledged(its: Desk) -> None:
    change(its.store, sent, sent.c.state == "waiting", state="acknowledged", acknowledged_at=NOW)


def told(its: Desk) -> list[tuple[str, str, str]]:
    return [(one.kind, one.sop_instance_uid, one.state) for one in rows(its.store, sent)]


def test_a_verified_report_goes_to_its_destination(its):
    assert record(its, study_read(verified(its, "7.1"))) == RECORDED

    assert told(its) == [("rdsr", "7.1", "waiting")]
    assert its.outbox.read("folder/7.1.dcm") == b"7.1"
    assert row(its.store, table).state == "read"


def test_recording_twice_changes_nothing_more(its):
    for _ in range(2):  # the second time the process had died before it said that the first one was done
        record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH}))))

    assert told(its) == [("rdsr", "7.1", "waiting")]
    assert len(rows(its.store, units)) == len(rows(its.store, rests)) == 1


def test_a_reading_that_older_objects_were_read_for_says_nothing(its):
    assert record(its, study_read(verified(its, "7.1")), digest="older") == SUPERSEDED

    assert rows(its.store, units) == []


def test_what_arrives_while_a_study_is_read_is_certain_to_be_read(its):
    with its.store.begin(reading=True) as connection:
        digest = studies.digest_of(connection, STUDY)
    number = add_object(its.store, "1.2", state="kept", role="", study="")
    studies.sort_out(its.store, [Sorted(number, "screen", STUDY, "1.2")], its.config.reading, keep_all=False, now=NOW)

    assert record(its, study_read(verified(its, "7.1")), digest=digest) == SUPERSEDED
    assert row(its.store, table).due_at is not None


def test_pages_that_do_not_tell_the_whole_are_waited_for(its):
    assert record(its, study_read(unit_read(whole=False)), "arrival") == WAITS

    assert row(its.store, table).cause == "quiet"


def test_a_full_disk_leaves_nothing_half_recorded(its):
    lost = unit_read(rdsr="folder/7.9.dcm")  # its draft is not there
    with pytest.raises(OutputError):
        record(its, study_read(verified(its, "7.1"), lost))

    assert rows(its.store, units) == rows(its.store, sent) == []


def test_what_was_moved_before_a_fault_is_recorded_the_next_time(its):
    change(its.store, table, state="open")
    its.outbox.take_in(draft(drafts(its), "7.1"), drafts(its))
    record(its, study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1")))

    assert told(its) == [("rdsr", "7.1", "waiting")]


def test_a_corrected_report_takes_the_place_of_the_old_one(its):
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    record(its, study_read(verified(its, "7.2")))

    assert told(its) == [("rdsr", "7.1", "acknowledged"), ("rdsr", "7.2", "waiting")]
    assert row(its.store, units).sop_instance_uid == "7.2"


def test_what_the_scanner_itself_reports_is_taken_back(its):
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    record(its, study_read(unit_read("skipped")))

    assert told(its) == [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting")]


def test_a_doubt_leaves_what_was_sent_where_it_is(its):
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH}))))
    acknowledged(its)
    record(its, study_read(unit_read("needs_review")))

    assert told(its) == [("rdsr", "7.1", "acknowledged")]


def withdraw(its: Desk, study: str = "1.9") -> None:
    """Another study shows that a letter proves nothing."""
    add_study(its.store, study)
    record(its, study_read(withdrawn=[GLYPH]), study=study)


def test_what_rests_on_a_withdrawn_letter_is_read_again_and_taken_back(its):
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH, OTHER}))))
    acknowledged(its)
    withdraw(its)
    due = row(its.store, table, table.c.study == STUDY)
    assert (due.due_at, due.cause.partition(":")[0]) == (NOW, "withdrawn")
    record(its, study_read(unit_read("needs_review"), withdrawn=[GLYPH]), due.cause)

    assert told(its) == [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting")]


def test_what_rests_on_a_withdrawn_letter_is_taken_back_also_after_a_doubt(its):
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH}))))
    acknowledged(its)
    record(its, study_read(unit_read("needs_review")))
    withdraw(its)
    assert row(its.store, table, table.c.study == STUDY).due_at == NOW
    record(its, study_read(unit_read("needs_review"), withdrawn=[GLYPH]))

    assert told(its) == [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting")]


def test_what_rests_on_a_withdrawn_letter_is_taken_back_also_where_its_objects_are_gone(its):
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH}))))
    acknowledged(its)
    change(its.store, objects, on_disk=False)
    withdraw(its)
    for _ in range(2):
        record(its, study_read(withdrawn=[GLYPH]))

    assert told(its) == [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting")]
    assert row(its.store, units).outcome == "needs_review"


def test_a_report_whose_objects_are_gone_stands_whatever_comes_of_another_scanner(its):
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    change(its.store, objects, on_disk=False)
    add_object(its.store, "1.2")
    record(its, study_read(verified(its, "7.2", uids=("1.2",), scanner="B")))

    assert told(its) == [("rdsr", "7.1", "acknowledged"), ("rdsr", "7.2", "waiting")]


def test_letters_that_are_better_known_read_what_waits_for_them_again(its):
    record(its, study_read(unit_read("needs_review", waiting=True), registered={("acme@1", "ACME CT 1"): 3}))
    assert row(its.store, table).due_at == NOW
    change(its.store, table, due_at=None)
    record(its, study_read(unit_read("needs_review", waiting=True), registered={("acme@1", "ACME CT 1"): 3}))

    assert row(its.store, table).due_at is None


def test_a_unit_whose_scanner_is_better_known_now_is_the_same_unit(its):
    record(its, study_read(verified(its, "7.1", scanner="A / ")))
    acknowledged(its)
    record(its, study_read(verified(its, "7.2", scanner="A / 123")))

    one = row(its.store, units)
    assert (one.scanner, one.sop_instance_uid) == ("A / 123", "7.2")


def test_uids_that_begin_alike_are_other_objects(its):
    record(its, study_read(verified(its, "7.1", uids=("1.12",))))
    acknowledged(its)
    same = unit_read(uids=("1.12",), rdsr="folder/7.1.dcm")
    record(its, study_read(same, verified(its, "7.2", uids=("1.1",), scanner="B")))

    assert told(its) == [("rdsr", "7.1", "acknowledged"), ("rdsr", "7.2", "waiting")]
    assert [one.scanner for one in rows(its.store, units, units.c.sop_instance_uid == "7.1")] == ["A"]


def test_a_unit_of_this_reading_is_not_taken_for_another_one_that_has_one_of_its_objects_now(its):
    record(its, study_read(verified(its, "7.1", uids=("1.1", "1.2"))))
    record(its, study_read(verified(its, "7.2", uids=("1.2",), scanner="B"), verified(its, "7.3", uids=("1.1",))))

    assert {one.scanner: one.sop_instance_uid for one in rows(its.store, units)} == {"A": "7.3", "B": "7.2"}


def test_a_scanner_that_a_unit_had_before_can_be_another_ones_again(its):
    record(its, study_read(verified(its, "7.1", scanner="A / ")))
    record(its, study_read(verified(its, "7.1", scanner="A / 123")))
    both = (verified(its, "7.1", scanner="A / 123"), verified(its, "7.2", uids=("1.2",), scanner="A / "))
    for _ in range(2):
        record(its, study_read(*both))

    assert {one.scanner for one in rows(its.store, units)} == {"A / ", "A / 123"}


def test_units_that_are_one_now_leave_one_report(its):
    record(its, study_read(verified(its, "7.1"), verified(its, "7.2", uids=("1.2",), scanner="B")))
    add_object(its.store, "1.2")
    acknowledged(its)
    record(its, study_read(verified(its, "7.3", uids=("1.1", "1.2"))))

    assert told(its)[1:] == [("rdsr", "7.2", "recalled"), ("manual", "7.2", "waiting"), ("rdsr", "7.3", "waiting")]
    assert row(its.store, units, units.c.scanner == "B").outcome == "skipped"


def test_a_study_that_could_not_be_read_shows_that_and_what_was_sent_stands(its):
    record(its, study_read(verified(its, "7.1")))
    with its.store.begin(reading=True) as connection:
        due = Due(STUDY, studies.digest_of(connection, STUDY), "act:1")
    records.record_failure(its, due, "it killed every process", NOW)

    assert row(its.store, table).state == "failed"
    assert told(its) == [("rdsr", "7.1", "waiting")]


def test_a_study_that_failed_at_first_and_is_read_later_has_one_unit_that_counts(its):
    with its.store.begin(reading=True) as connection:
        due = Due(STUDY, studies.digest_of(connection, STUDY), "quiet")
    for _ in range(2):
        records.record_failure(its, due, "it killed every process", NOW)
    assert row(its.store, units).outcome == "failed"
    record(its, study_read(verified(its, "7.1")))

    assert sorted(one.outcome for one in rows(its.store, units)) == ["skipped", "verified"]


def new_scanner(its: Desk, **reading: Any) -> Desk:
    return desk(its.store, its.config.data, commissioning=5, **reading)


def test_a_new_scanner_waits_for_a_person(its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1")))
    assert (told(its), row(its.store, units).held) == ([], "commissioning")
    change(its.store, scanners, accepted_at=NOW)

    assert placing.release(its, "acme@1", "ACME CT 1", NOW) == 1
    assert placing.release(its, "acme@1", "ACME CT 1", NOW) == 0
    assert told(its) == [("rdsr", "7.1", "waiting")]


def test_a_doubt_about_a_report_that_is_held_releases_nothing(its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1")))
    record(its, study_read(unit_read("needs_review")))

    assert placing.release(its, "acme@1", "ACME CT 1", NOW) == 0
    assert told(its) == []


def test_a_report_that_a_person_recalled_is_not_sent_again_by_itself(its):
    record(its, study_read(verified(its, "7.1")))
    unit = row(its.store, units).id
    change(its.store, units, held="recalled")
    change(its.store, sent, state="recalled", superseded=True)
    record(its, study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1")))
    assert told(its) == [("rdsr", "7.1", "recalled")]
    record(its, study_read(verified(its, "7.2")))

    assert told(its)[1:] == [("rdsr", "7.2", "waiting")]
    assert row(its.store, units, units.c.id == unit).held == ""


def test_linked_orders_are_reported_once(its):
    add_study(its.store, "1.9")
    linked = {"examination": "e", "patient": "p"}
    record(its, study_read(verified(its, "7.1", **linked)))
    record(its, study_read(verified(its, "7.2", **linked)), study="1.9")

    assert told(its) == [("rdsr", "7.1", "waiting")]
    assert row(its.store, units, units.c.study == "1.9").outcome == "skipped"


def test_the_same_page_of_two_patients_is_a_doubt_of_both(its):
    add_study(its.store, "1.9")
    record(its, study_read(verified(its, "7.1", examination="e", patient="p")))
    record(its, study_read(verified(its, "7.2", examination="e", patient="q")), study="1.9")

    assert row(its.store, units, units.c.study == "1.9").outcome == "needs_review"
    assert row(its.store, table, table.c.study == STUDY).cause.startswith("linked:")
