"""The books while reports are on their way, refused, taken back or decided about."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dbos import DBOSClient, run_dbos_database_migrations
from sqlalchemy import delete

from ocr_service.dose.corrections import ActKind
from ocr_service.network.sender import Refused
from ocr_service.work import audit_trail, persons, studies
from ocr_service.work import deliveries as sent
from ocr_service.work.store import workflow_url
from ocr_service.work.tables import acts, deliveries
from tests.work.books import books, told
from tests.work.hospital import Hospital


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def test_a_report_that_arrived_while_it_was_taken_back_and_nobody_was_told_is_named(hospital: Hospital):
    hospital.receive("1.1", "1.10")
    unit = hospital.verified("1.10", "9.1")
    persons.recall(hospital.desk, unit, "Tanaka^Ichiro", "wrong", time.time())
    audit_trail.delivered(hospital.config, hospital.desk.store, 1, time.time())
    assert not sent.ended(hospital.desk.store, 1, "acknowledged", time.time())  # without what recalls it

    assert told(hospital) == ["delivery 1: it was taken back after it had arrived, and the destination was not told"]


def test_a_refused_report_is_accounted_for(hospital: Hospital, monkeypatch: pytest.MonkeyPatch):
    hospital.receive("1.1", "1.10")
    hospital.verified("1.10", "9.1")
    hospital.deliver(monkeypatch, Refused(0xA900, "it does not like it"))

    told_books = books(hospital)
    assert told_books.closes
    assert told_books.days[0].deliveries["pacs"] == {"refused": 1}


def test_a_decision_that_nobody_carries_out_is_told(hospital: Hospital):
    hospital.receive("3.1", "1.30")
    unit = hospital.in_review("1.30")
    persons.decide(hospital.desk, unit, ActKind.CONFIRM, "Tanaka^Ichiro", time.time())
    assert told(hospital) == []  # it is due

    studies.start_due(hospital.desk.store, time.time() + 1, lambda _: None)  # the workflow is lost

    assert "act 1: a person decided, and the unit was not read again since" in told(hospital)


def test_an_act_that_was_taken_out_of_the_books_leaves_a_trail(hospital: Hospital):
    persons.retry(hospital.desk, "all", "Tanaka^Ichiro", time.time())
    persons.retry(hospital.desk, "all", "Tanaka^Ichiro", time.time())
    with hospital.desk.store.begin() as connection:
        connection.execute(delete(acts).where(acts.c.id == 1))

    assert told(hospital) == ["act 1: its row, and perhaps others before it, was removed"]


def test_what_waits_is_carried_on_by_a_workflow(hospital: Hospital):
    hospital.receive("1.1", "1.10")
    hospital.verified("1.10", "9.1")
    hospital.change(deliveries, deliveries.c.id == 1, batch="delivery-1")
    assert [fault.sentence for fault in books(hospital).faults] == ["it waits, and nobody sends it"]
    url = workflow_url(hospital.config)
    run_dbos_database_migrations(system_database_url=url)
    client = DBOSClient(system_database_url=url)
    options = {"queue_name": "deliveries", "workflow_name": "delivery", "workflow_id": "delivery-1"}
    client.enqueue(options, 1)  # type: ignore[arg-type]

    assert books(hospital).closes

    client.cancel_workflow("delivery-1")
    client.destroy()
    assert [fault.row for fault in books(hospital).faults] == ["delivery 1"]
