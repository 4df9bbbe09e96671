"""The books close while nothing is wrong, and name the row of each thing that is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import delete, text

from ocr_service.dose.proof import Unreadable
from ocr_service.work import persons, records, sending_rules
from ocr_service.work.ledger import close_books
from ocr_service.work.tables import deliveries, objects, scanners, units
from ocr_service.work.tables import studies as study_rows
from ocr_service.work.unit import Converted
from tests.work.books import books, told
from tests.work.hospital import CONSOLE, TEMPLATE, Hospital


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies reported, one in review, one unreadable, a duplicate, an object that nobody needs."""
    its = Hospital(tmp_path_factory.mktemp("hospital"))
    its.receive("1.1", "1.10")
    its.receive("1.1", "1.10")
    its.receive("1.2", "1.10", role="other")
    its.verified("1.10", "9.1")
    its.receive("2.1", "1.20")
    its.verified("1.20", "9.2")
    its.receive("3.1", "1.30")
    its.in_review("1.30")
    its.receive("4.1", "1.40")
    its.read("1.40", Unreadable("no template"))
    with pytest.MonkeyPatch.context() as patch:
        its.deliver(patch)
    its.close()
    return its.folder


@pytest.fixture
def hospital(made: Path, tmp_path: Path) -> Hospital:
    """Its books, copied."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    return Hospital(tmp_path)


def test_books_of_a_quiet_day_close(hospital: Hospital):
    told_books = books(hospital, contents=True)

    assert told_books.faults == ()
    assert told_books.closes
    (day,) = told_books.days
    assert (day.received, day.objects["in_use"], day.objects["duplicate"], day.objects["context"]) == (6, 4, 1, 1)
    assert (day.units, day.outcomes["verified"], day.outcomes["needs_review"], day.outcomes["unreadable"]) == (
        4,
        2,
        1,
        1,
    )
    assert (day.emitted["pacs"], day.deliveries["pacs"]["acknowledged"]) == (2, 2)


def test_a_day_without_anything_closes(hospital: Hospital):
    assert books(hospital, day="2001-01-01").closes
    assert books(hospital, day=hospital.rows(objects)[0].day).closes


def _lose_a_file(hospital: Hospital) -> None:
    hospital.file_of(1).unlink()


def _cut_a_file(hospital: Hospital) -> None:
    os.truncate(hospital.file_of(1), 3)


def _invent_a_state(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 1, state="lost")


def _forget_a_study(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 1, study="7.7")


def _leave_a_page_out(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 4, sop_instance_uid="5.5")


def _remove_both_copies(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 1, digest="0" * 64)


def _use_a_copy_twice(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 2, state="in_use")


def _drop_the_failed(hospital: Hospital) -> None:
    hospital.change(objects, objects.c.id == 4, state="failed", on_disk=False)


def _leave_a_study_unread(hospital: Hospital) -> None:
    hospital.change(study_rows, study_rows.c.study == "1.20", state="open")


def _invent_an_outcome(hospital: Hospital) -> None:
    hospital.change(units, units.c.study == "1.20", outcome="fine")


def _lose_a_report(hospital: Hospital) -> None:
    hospital.desk.outbox.path(hospital.rows()[0].file).unlink()


def _empty_a_report(hospital: Hospital) -> None:
    os.truncate(hospital.desk.outbox.path(hospital.rows()[0].file), 0)


def _do_not_report(hospital: Hospital) -> None:
    hospital.change(units, units.c.study == "1.20", rdsr="", sop_instance_uid="")


def _lose_the_last_delivery(hospital: Hospital) -> None:
    with hospital.desk.store.begin() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.id == 2))


def _recall_silently(hospital: Hospital) -> None:
    hospital.change(deliveries, deliveries.c.id == 1, state="recalled", superseded=True)


def _send_another_file(hospital: Hospital) -> None:
    hospital.change(deliveries, deliveries.c.id == 1, file=hospital.rows()[1].file)


def _believe_without_answer(hospital: Hospital) -> None:
    hospital.change(deliveries, deliveries.c.id == 1, acknowledged_at=None)


def _wait_for_nothing(hospital: Hospital) -> None:
    hospital.change(deliveries, deliveries.c.id == 1, state="waiting", acknowledged_at=None, after=99)


def _skip_without_recall(hospital: Hospital) -> None:
    hospital.change(units, units.c.study == "1.20", outcome="skipped", sop_instance_uid="", rdsr="")


def _report_under_two_studies(hospital: Hospital) -> None:
    hospital.change(units, units.c.study == "1.20", examination="made 1.10")


def _split_a_unit(hospital: Hospital) -> None:
    hospital.change(units, units.c.study == "1.20", study="1.10")


def _hold_although_accepted(hospital: Hospital) -> None:
    with hospital.desk.store.begin() as connection:
        values = {"template": TEMPLATE, "console": CONSOLE, "first_at": 0.0, "accepted_at": 1.0}
        connection.execute(scanners.insert().values(**values))
    hospital.change(units, units.c.study == "1.20", held=records.COMMISSIONING)


def _audit_file(hospital: Hospital) -> Path:
    (path,) = (hospital.config.data / "audit").glob("*.xmll")
    return path


def _change_the_trail(hospital: Hospital) -> None:
    path = _audit_file(hospital)
    path.write_bytes(path.read_bytes().replace(b'UserID="PACS"', b'UserID="SELF"').replace(b"9.1", b"9.7", 1))


def _cut_the_trail(hospital: Hospital) -> None:
    path = _audit_file(hospital)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


FAULTS: list[tuple[Callable[[Hospital], None], str]] = [
    (_lose_a_file, "object 1: its file is not in the spool"),
    (_cut_a_file, "object 1: its file has 3 bytes, and"),
    (_invent_a_state, "object 1: it is in no column"),
    (_forget_a_study, "object 1: it is in use, and its study is not known"),
    (_leave_a_page_out, "object 4: it is in use, its study was read, and no unit's report tells of it"),
    (_remove_both_copies, "object 2: it was removed as a duplicate, and there is no other"),
    (_use_a_copy_twice, "object 2: it is used although the same object"),
    (_drop_the_failed, "object 4: its file was given up"),
    (_leave_a_study_unread, "study 1.20: it has objects that state dose, was not read"),
    (_invent_an_outcome, "unit {1.20}: it is in no column"),
    (_lose_a_report, "delivery 1: its document is not in the outbox"),
    (_lose_a_report, "unit {1.10}: its report is not in the outbox"),
    (_empty_a_report, "delivery 1: its document is not in the outbox"),
    (_do_not_report, "unit {1.20}: it is verified and has no report"),
    (_lose_the_last_delivery, "unit {1.20}: its report has 0 rows for destination pacs, and 1 are due"),
    (_recall_silently, "delivery 1: it was taken back after it had arrived, and the destination was not told"),
    (_recall_silently, "unit {1.10}: its report has 0 rows"),
    (_send_another_file, "delivery 1: its document is another one"),
    (_believe_without_answer, "delivery 1: it counts as acknowledged"),
    (_wait_for_nothing, "delivery 1: it waits for a row that is not there"),
    (_skip_without_recall, "delivery 2: it is no report of its unit any more, and was not taken back"),
    (_report_under_two_studies, "its examination is reported under another study, too"),
    (_split_a_unit, "there is another unit of the same study and scanner"),
    (_hold_although_accepted, "unit {1.20}: its report waits for its scanner's acceptance, and that was given"),
    (_change_the_trail, "this line does not follow the one before it"),
    (_cut_the_trail, "delivery 2: it is acknowledged, and the audit trail does not tell of it"),
]


@pytest.mark.parametrize(
    ("fault", "sentence"), FAULTS, ids=[f"{fault.__name__}{i}" for i, (fault, _) in enumerate(FAULTS)]
)
def test_a_fault_keeps_the_books_open_and_is_named(hospital: Hospital, fault, sentence: str):
    fault(hospital)

    named = {row.study: row.id for row in hospital.rows(units)}
    for study in ("1.10", "1.20"):
        sentence = sentence.replace(f"{{{study}}}", named.get(study, ""))
    found = books(hospital)
    said = [f"{one.row}: {one.sentence}" for one in found.faults]
    assert [one for one in said if sentence in one], said
    assert not found.closes


def test_a_changed_byte_shows_where_contents_are_read(hospital: Hospital):
    path = hospital.file_of(1)
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    assert told(hospital) == []
    assert told(hospital, contents=True) == ["object 1: its file has other contents than were received"]


def test_rows_that_were_removed_leave_gaps(hospital: Hospital):
    with hospital.desk.store.begin() as connection:
        connection.execute(delete(objects).where(objects.c.id == 3))

    assert "object 3: its row, and perhaps others before it, was removed" in told(hospital)


def test_a_file_without_a_row_is_told_when_it_is_an_hour_old(hospital: Hospital):
    path = hospital.file_of(1)
    stranger = path.with_name(f"{'0' * 32}.dcm")
    stranger.write_bytes(b"acknowledged by whom?")
    half = path.with_name(f"{'1' * 32}.part")
    half.write_bytes(b"never acknowledged")
    assert told(hospital) == []

    for one in (stranger, half):
        os.utime(one, (time.time() - 4000, time.time() - 4000))

    (found,) = told(hospital)
    assert "it lies in the spool and no row knows it" in found
    assert stranger.name in found


def test_pixels_that_were_dropped_are_no_loss(hospital: Hospital):
    os.truncate(hospital.file_of(3), 2)

    assert told(hospital, contents=True) == []


def test_an_object_that_changes_nothing_of_a_reading_does_not_open_its_study_again(hospital: Hospital):
    """Else the reading would have the name of the last one, which is done, and never happen."""
    hospital.receive("1.9", "1.10", role="other")

    assert told(hospital) == []


def test_objects_of_a_unit_that_turn_out_to_show_no_dose_are_accounted_for(hospital: Hospital):
    """A picture that cannot be decoded is failed, and a page that is no dose screen is context."""
    for number in (6, 7, 8):
        hospital.receive(f"6.{number}", "1.60")
    lost = Converted("1.60", (), ("6.7",), Unreadable("it has no picture"), None, 0)
    unit = hospital.verified("1.60", "9.6", others=frozenset({"6.8"}), broken=(lost,))

    assert told(hospital) == []
    states = {row.sop_instance_uid: (row.state, row.why) for row in hospital.rows(objects) if row.study == "1.60"}
    assert states == {
        "6.6": ("in_use", ""),
        "6.7": ("failed", "it has no picture"),
        "6.8": ("context", "its page is no dose screen"),
    }
    assert hospital.unit(unit).outcome == "verified"


def test_a_new_destination_is_owed_nothing_that_was_read_before(hospital: Hospital):
    both = (*hospital.destinations, {"name": "dose", "ae_title": "DOSE", "host": "127.0.0.1", "port": 105})
    hospital = Hospital(hospital.folder, destinations=both)
    hospital.change(units, units.c.study == "1.10", read_at=time.time() - 100)
    hospital.change(units, units.c.study == "1.20", read_at=time.time() + 100)

    assert told(hospital)  # remembered since the beginning
    with hospital.desk.store.begin() as connection:
        connection.execute(text("UPDATE ocr_rules SET since = :now WHERE rule LIKE '%dose'"), {"now": time.time()})
    owed = hospital.unit(records.unit_id("1.20", "example/ct 1/7")).id
    assert told(hospital) == [f"unit {owed}: its report has 0 rows for destination dose, and 1 are due"]


def test_rules_that_the_service_has_not_started_with_ask_for_nothing(hospital: Hospital):
    rules = ({**hospital.destinations[0], "manufacturer": ["other"]},)
    config = hospital.config.model_copy(
        update={"destination": Hospital(hospital.folder / "b", destinations=rules).config.destination}
    )
    with hospital.desk.store.begin(reading=True) as connection:
        assert sending_rules.of_destination("pacs") not in sending_rules.since(connection, config)
    before = time.time()
    sending_rules.remember(config, before)
    with hospital.desk.store.begin(reading=True) as connection:
        assert sending_rules.since(connection, config)[sending_rules.of_destination("pacs")] == before


def test_a_correction_closes_the_books_at_a_destination_that_only_takes_new_ones(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
):
    hospital.receive("1.5", "1.10")
    hospital.verified("1.10", "9.3", "200.0")
    hospital.deliver(monkeypatch)
    assert told(hospital) == []
    assert [row.superseded for row in hospital.rows()] == [True, False, False]

    hospital.change(deliveries, deliveries.c.id == 1, superseded=False)

    assert told(hospital) == ["delivery 1: it is no report of its unit any more, and was not taken back"]


def test_a_recall_by_hand_closes_the_books_before_and_after_it_is_done(hospital: Hospital):
    unit = records.unit_id("1.10", "example/ct 1/7")
    persons.recall(hospital.desk, unit, "Tanaka^Ichiro", "wrong patient", time.time())
    assert told(hospital) == []
    (row,) = [row for row in hospital.rows() if row.kind == "manual"]

    persons.done_by_hand(hospital.desk, row.id, "Tanaka^Ichiro", "deleted there", time.time())

    assert told(hospital) == []
    (day,) = books(hospital).days
    assert (day.emitted["pacs"], day.deliveries["pacs"]["recalled"]) == (2, 1)
    assert day.notes["pacs"] == {"manual acknowledged": 1}


def test_what_only_moved_between_two_looks_is_no_fault(hospital: Hospital):
    path = hospital.file_of(1)
    contents = path.read_bytes()
    path.unlink()

    def comes_back(_: float) -> None:
        path.write_bytes(contents)

    found = close_books(hospital.config, hospital.desk.store, time.time, comes_back)

    assert found.closes
