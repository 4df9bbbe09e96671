"""Linked orders in the records: what a person or the scanner says of an examination under one study counts for all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from ocr_service.dose.corrections import ActKind
from ocr_service.pipeline import Skipped
from ocr_service.work import persons
from ocr_service.work.decisions import REJECTED
from ocr_service.work.records import Before
from ocr_service.work.tables import deliveries, units
from ocr_service.work.tables import studies as table
from ocr_service.work.worker import Worker
from tests.service.hospital import study_of, uid_of
from tests.work import reading_worker as working
from tests.work.stores import add_study, change, row, study_read, unit_read
from tests.work.test_records import acknowledged, record, told, verified

LINK = {"examination": "e", "patient": "p", "rows": "r"}
OTHER = "1.9"
SCANNERS = count(1)  # each test has its own


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    its = working.open_worker(tmp_path_factory.mktemp("linked"))
    yield its
    its.close()


def of_study(ds: Dataset, number: str) -> Dataset:
    """The same page under the study of another order."""
    linked = deepcopy(ds)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(linked, keyword, uid_of(getattr(ds, keyword), number))
    linked.file_meta.MediaStorageSOPInstanceUID = linked.SOPInstanceUID
    return linked


class Orders:
    """One page under the studies of several orders, as the worker has read them."""

    def __init__(self, worker: Worker, folder: Path, count: int) -> None:
        self.worker = worker
        self.page, self.native = study_of("ge/native_report", folder, DeviceSerialNumber=f"SN{next(SCANNERS)}")
        self.pages = [self.page, *(of_study(self.page, str(number)) for number in range(2, count + 1))]
        for page in self.pages:
            working.receive(worker, page)
            working.read_all(worker)
        working.acknowledged(worker, time.time())

    def unit(self, number: int) -> Any:
        study = str(self.pages[number - 1].StudyInstanceUID)
        (one,) = working.rows(self.worker, units, units.c.study == study)
        return one

    def outcomes(self) -> list[str]:
        return [self.unit(number + 1).outcome for number in range(len(self.pages))]

    def decide(self, number: int, kind: ActKind) -> None:
        why = "the total is wrong" if kind is ActKind.REJECT else ""
        persons.decide(self.worker.desk, self.unit(number).id, kind, "Tanaka^Ichiro", time.time(), why=why)
        working.read_all(self.worker)

    def live(self) -> list[int]:
        """The orders with a report that is at the destination, or on its way."""
        its = (deliveries.c.kind == "rdsr", deliveries.c.state.in_(("waiting", "acknowledged")))
        there = {one.unit for one in working.rows(self.worker, deliveries, *its)}
        return [number + 1 for number in range(len(self.pages)) if self.unit(number + 1).id in there]


def test_what_a_person_rejected_is_not_sent_under_a_linked_order(worker, tmp_path):
    """The same page shows the same numbers: a person has to look at it there, too."""
    orders = Orders(worker, tmp_path, 2)
    assert (orders.outcomes(), orders.live()) == (["verified", "skipped"], [1])
    orders.decide(1, ActKind.REJECT)
    assert (orders.outcomes(), orders.live()) == (["skipped", "needs_review"], [])
    assert "a person rejected or took back the report of the same rows" in orders.unit(2).report

    orders.decide(2, ActKind.CONFIRM)
    assert (orders.outcomes(), orders.live()) == (["skipped", "verified"], [2])


def test_one_of_three_linked_orders_is_reported_where_a_person_confirms_two(worker, tmp_path):
    orders = Orders(worker, tmp_path, 3)
    orders.decide(1, ActKind.REJECT)
    assert (orders.outcomes(), orders.live()) == (["skipped", "needs_review", "needs_review"], [])
    orders.decide(3, ActKind.CONFIRM)
    orders.decide(1, ActKind.CONFIRM)

    assert orders.live() == [3]


def test_what_a_person_recalled_is_not_sent_under_a_linked_order(worker, tmp_path):
    orders = Orders(worker, tmp_path, 2)
    persons.recall(worker.desk, orders.unit(1).id, "Tanaka^Ichiro", "the total is wrong", time.time())
    working.read_all(worker)

    assert (orders.unit(2).outcome, orders.live()) == ("needs_review", [])


def test_a_linked_order_that_comes_after_a_rejection_needs_a_person(worker, tmp_path):
    orders = Orders(worker, tmp_path, 1)
    orders.decide(1, ActKind.REJECT)
    orders.pages.append(of_study(orders.page, "2"))
    working.receive(worker, orders.pages[1])
    working.read_all(worker)

    assert (orders.outcomes(), orders.live()) == (["skipped", "needs_review"], [])


def test_what_the_scanner_reports_under_one_order_is_not_reported_under_another(worker, tmp_path):
    """The native report takes the place of ours, and none of ours takes its place under the linked order."""
    orders = Orders(worker, tmp_path, 2)
    working.receive(worker, orders.native)
    working.read_all(worker)

    assert (orders.outcomes(), orders.live()) == (["skipped", "skipped"], [])


def test_what_the_scanner_reports_under_a_linked_order_takes_our_report_back(worker, tmp_path):
    orders = Orders(worker, tmp_path, 2)
    working.receive(worker, of_study(orders.native, "2"))
    working.read_all(worker)

    assert (orders.outcomes(), orders.live()) == (["skipped", "skipped"], [])


def test_images_beside_one_of_two_linked_orders_make_no_other_examination_of_it(worker):
    """They name the scanner better than the pages do."""
    page, *images = study_of("ge/with_images", "with images", DeviceSerialNumber=f"SN{next(SCANNERS)}")
    del page.DeviceSerialNumber
    linked = of_study(page, "2")
    for objects in ([page, *images], [linked]):
        working.receive(worker, *objects)
        working.read_all(worker)
    found = [working.rows(worker, units, units.c.study == str(ds.StudyInstanceUID)) for ds in (page, linked)]

    assert [one.outcome for its in found for one in its] == ["verified", "skipped"]


def test_a_report_that_stands_needs_a_person_where_a_linked_order_is_rejected(its):
    """Nobody could prove the numbers there, and a person says that they are wrong."""
    add_study(its.store, OTHER)
    record(its, study_read(unit_read("needs_review", **LINK)))
    record(its, study_read(verified(its, "7.2", **LINK)), study=OTHER)
    acknowledged(its)
    unit = row(its.store, units, units.c.study != OTHER)
    number = persons.decide(its, unit.id, ActKind.REJECT, "Tanaka^Ichiro", time.time(), why="wrong")
    record(its, study_read(rejected()), before=Before(number))
    due = row(its.store, table, table.c.study == OTHER)
    assert due.cause.startswith("refused:")
    record(its, study_read(unit_read(rdsr="folder/7.2.dcm", standing="7.2", **LINK)), due.cause, study=OTHER)

    assert row(its.store, units, units.c.study == OTHER).outcome == "needs_review"
    assert told(its) == [("rdsr", "7.2", "acknowledged")]
    change(its.store, table, due_at=None)
    record(its, study_read(rejected()), before=Before(number))
    assert row(its.store, table, table.c.study == OTHER).due_at is None  # it was told once


def rejected() -> Any:
    one = unit_read("skipped", by_person=True, **LINK)
    outcome: Any = one.converted.outcome
    return replace(one, converted=replace(one.converted, outcome=Skipped(outcome.report, (), (REJECTED,))))
