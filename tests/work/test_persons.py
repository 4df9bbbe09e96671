"""What persons decide is a row and an audit message, and what cannot be decided is neither."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ocr_service.dose.corrections import ActKind, parse_correction
from ocr_service.errors import OutputError, UsageError
from ocr_service.network.sender import Refused
from ocr_service.work import audit_trail, persons
from ocr_service.work.audit_trail import read_trail
from ocr_service.work.placing import COMMISSIONING, RECALLED
from ocr_service.work.tables import acts, deliveries, objects, studies
from tests.work.hospital import CONSOLE, TEMPLATE, Hospital

PERSON = "Tanaka^Ichiro"


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def reviewed(hospital: Hospital, study: str = "1.10") -> str:
    hospital.receive(f"{study}.1", study)
    return hospital.in_review(study)


def due(hospital: Hospital) -> list[str]:
    return [row.study for row in hospital.rows(studies) if row.due_at is not None]


def trail(hospital: Hospital) -> str:
    return "".join(path.read_text() for path in (hospital.config.data / "audit").glob("*.xmll"))


def test_a_decision_is_written_down_twice_and_the_unit_is_read_again(hospital: Hospital):
    unit = reviewed(hospital)
    number = persons.decide(
        hospital.desk,
        unit[:6],
        ActKind.CORRECT,
        PERSON,
        time.time(),
        corrections=[parse_correction("1.dlp=101.5")],
        organization="Example Hospital",
        seen="rows of 1.10",
    )

    (row,) = hospital.rows(acts)
    assert (row.id, row.kind, row.person, row.unit, row.seen) == (number, "correct", PERSON, unit, "rows of 1.10")
    assert read_trail(hospital.config.data / "audit").acts == {number}
    assert due(hospital) == ["1.10"]
    with hospital.desk.store.begin(reading=True) as connection:
        (unit_acts,) = persons.acts_of(connection, "1.10")
        (act,) = unit_acts.acts
    assert (act.kind, act.corrections, act.organization) == (
        ActKind.CORRECT,
        (parse_correction("1.dlp=101.5"),),
        "Example Hospital",
    )
    assert act.doubts == {"dlp_total"}


def test_rows_that_changed_since_a_person_looked_are_not_confirmed(hospital: Hospital):
    unit = reviewed(hospital)

    with pytest.raises(UsageError, match="look at it once more"):
        persons.decide(hospital.desk, unit, ActKind.CONFIRM, PERSON, time.time(), seen="other rows")

    assert hospital.rows(acts) == []
    assert trail(hospital) == ""


@pytest.mark.parametrize("person", ["", "   ", "a\\b", "x" * 65, "a\nb"])
def test_who_is_not_named_decides_nothing(hospital: Hospital, person: str):
    unit = reviewed(hospital)

    with pytest.raises(UsageError):
        persons.decide(hospital.desk, unit, ActKind.CONFIRM, person, time.time())
    with pytest.raises(UsageError, match="named"):
        persons.retry(hospital.desk, "all", person, time.time())

    assert hospital.rows(acts) == []
    assert due(hospital) == []
    assert trail(hospital) == ""


def test_no_act_is_without_its_audit_message(hospital: Hospital, monkeypatch: pytest.MonkeyPatch):
    unit = reviewed(hospital)

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(audit_trail, "_write", full)
    with pytest.raises(OutputError):
        persons.decide(hospital.desk, unit, ActKind.CONFIRM, PERSON, time.time())

    assert hospital.rows(acts) == []
    assert due(hospital) == []


def test_a_reason_stays_out_of_the_audit_trail(hospital: Hospital):
    """It is free text, and may name a patient."""
    hospital.receive("1.1", "1.10")
    unit = hospital.verified("1.10", "9.1")
    persons.decide(hospital.desk, unit, ActKind.REJECT, PERSON, time.time(), why="belongs to Mustermann")
    persons.recall(hospital.desk, unit, PERSON, "belongs to Mustermann", time.time())

    assert "Mustermann" not in trail(hospital)
    assert PERSON in trail(hospital)


def test_an_unreadable_name_finds_no_unit(hospital: Hospital):
    first, second = reviewed(hospital, "1.10"), reviewed(hospital, "1.11")

    for name, why in (("", "at least 4"), (first[:2], "at least 4"), ("zzzz", "no unit"), ("%%%%", "no unit")):
        with pytest.raises(UsageError, match=why):
            persons.decide(hospital.desk, name, ActKind.REJECT, PERSON, time.time())
    assert persons.decide(hospital.desk, first, ActKind.REJECT, PERSON, time.time()) == 1
    assert first != second


def test_what_was_refused_is_sent_again_when_a_person_asks(hospital: Hospital, monkeypatch: pytest.MonkeyPatch):
    hospital.receive("1.1", "1.10")
    hospital.verified("1.10", "9.1")
    hospital.deliver(monkeypatch, Refused(0xA900, "no"))

    assert persons.retry(hospital.desk, "1", PERSON, time.time()) == 1

    (row,) = hospital.rows(deliveries)
    assert (row.state, row.turn, row.batch) == ("waiting", 1, "")
    with pytest.raises(UsageError, match="no delivery 7"):
        persons.retry(hospital.desk, "7", PERSON, time.time())


def test_an_object_that_cost_its_attempts_is_read_again_when_a_person_asks(hospital: Hospital):
    reviewed(hospital)
    hospital.change(objects, objects.c.id == 1, state="failed", attempts=3, why="it hangs")

    assert persons.retry(hospital.desk, "all", PERSON, time.time()) == 1

    (row,) = hospital.rows(objects)
    assert (row.state, row.attempts, row.why) == ("in_use", 0, "")
    assert due(hospital) == ["1.10"]


def test_an_accepted_scanner_sends_what_waited_for_it(tmp_path: Path):
    hospital = Hospital(tmp_path, commissioning=2)
    hospital.receive("1.1", "1.10")
    unit = hospital.verified("1.10", "9.1")
    assert hospital.unit(unit).held == COMMISSIONING
    assert hospital.rows(deliveries) == []

    assert persons.accept(hospital.desk, TEMPLATE, CONSOLE, PERSON, time.time()) == 1

    assert [row.state for row in hospital.rows(deliveries)] == ["waiting"]
    assert hospital.unit(unit).held == ""
    assert [row.kind for row in hospital.rows(acts)] == ["accept"]
    with pytest.raises(UsageError, match="no report"):
        persons.accept(hospital.desk, TEMPLATE, "another console", PERSON, time.time())


def test_so_many_confirmed_reports_accept_their_scanner(tmp_path: Path):
    hospital = Hospital(tmp_path, commissioning=2)
    made = []
    for number in (1, 2, 3):
        hospital.receive(f"1.{number}", f"1.1{number}")
        made.append(hospital.verified(f"1.1{number}", f"9.{number}"))
    persons.decide(hospital.desk, made[0], ActKind.CONFIRM, PERSON, time.time())
    persons.decide(hospital.desk, made[0], ActKind.CONFIRM, PERSON, time.time())
    assert hospital.rows(deliveries) == []

    persons.decide(hospital.desk, made[1], ActKind.CONFIRM, PERSON, time.time())

    assert [row.sop_instance_uid for row in hospital.rows(deliveries)] == ["9.3"], "the confirmed ones are signed first"


def test_a_recalled_report_is_not_sent_again(hospital: Hospital, monkeypatch: pytest.MonkeyPatch):
    hospital.receive("1.1", "1.10")
    unit = hospital.verified("1.10", "9.1")
    hospital.deliver(monkeypatch)
    assert persons.recall(hospital.desk, unit, PERSON, "wrong", time.time()) == 1
    assert hospital.unit(unit).held == RECALLED
    persons.retry(hospital.desk, unit, PERSON, time.time())
    hospital.verified("1.10", "9.1")

    assert [(row.kind, row.state) for row in hospital.rows(deliveries)] == [("rdsr", "recalled"), ("manual", "waiting")]


def test_only_a_recall_that_waits_for_a_person_can_be_closed_by_one(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
):
    hospital.receive("1.1", "1.10")
    hospital.verified("1.10", "9.1")
    hospital.deliver(monkeypatch)

    for number in (1, 99):
        with pytest.raises(UsageError, match="no recall that waits"):
            persons.done_by_hand(hospital.desk, number, PERSON, "deleted", time.time())
