"""Linked orders whose pages come one after the other: no row of them is reported twice.

e: what the first page says; f: the second one, which says more.
"""

from __future__ import annotations

from typing import Any

import pytest

from ocr_service.work.tables import studies, units
from tests.work.stores import STUDY, add_object, add_study, row, study_read, unit_read
from tests.work.test_records import acknowledged, record, told, verified

OTHER = "1.9"


def linked(examination: str, **more: Any) -> dict[str, Any]:
    return {"examination": examination, "patient": "p", "rows": examination} | more


def live(its: Any) -> list[str]:
    return [uid for kind, uid, state in told(its) if kind == "rdsr" and state in ("waiting", "acknowledged")]


def outcomes(its: Any) -> list[str]:
    return [row(its.store, units, units.c.study == study).outcome for study in (STUDY, OTHER)]


@pytest.fixture
def orders(its):
    add_study(its.store, OTHER)
    add_object(its.store, "2.1", study=OTHER)
    record(its, study_read(verified(its, "7.1", **linked("e"))))
    acknowledged(its)
    record(its, study_read(verified(its, "7.2", uids=("2.1",), **linked("e"))), study=OTHER)
    assert (outcomes(its), live(its)) == (["verified", "skipped"], ["7.1"])
    return its


def test_a_later_page_of_a_linked_order_does_not_double_what_its_first_page_says(orders):
    """The follower says more now, and its first rows are reported under the leader: a person looks."""
    record(orders, study_read(verified(orders, "7.3", uids=("2.1", "2.2"), **linked("f"))), study=OTHER)
    assert (outcomes(orders), live(orders)) == (["verified", "needs_review"], ["7.1"])

    record(orders, study_read(verified(orders, "7.4", **linked("f"))))
    assert live(orders) == ["7.1", "7.4"]  # a destination that takes new ones has the corrected one beside the old
    due = row(orders.store, studies, studies.c.study == OTHER)
    assert due.due_at is not None
    record(orders, study_read(verified(orders, "7.3", uids=("2.1", "2.2"), **linked("f"))), due.cause, study=OTHER)
    assert outcomes(orders) == ["verified", "skipped"]


def test_a_person_says_that_the_later_page_is_reported(orders):
    record(orders, study_read(verified(orders, "7.3", uids=("2.1",), **linked("f", by_person=True))), study=OTHER)

    assert outcomes(orders) == ["verified", "verified"]


def test_two_that_were_reported_apart_and_say_the_same_now_are_reported_once(its):
    add_study(its.store, OTHER)
    add_object(its.store, "2.1", study=OTHER)
    record(its, study_read(verified(its, "7.1", **linked("e"))))
    record(its, study_read(verified(its, "7.2", uids=("2.1",), **linked("f"))), study=OTHER)
    acknowledged(its)
    assert live(its) == ["7.1", "7.2"]
    record(its, study_read(verified(its, "7.3", **linked("f"))))
    assert (outcomes(its), live(its)) == (["skipped", "verified"], ["7.2"])

    record(its, study_read(unit_read(uids=("2.1",), rdsr="folder/7.2.dcm", standing="7.2", **linked("f"))), study=OTHER)
    assert (outcomes(its), live(its)) == (["skipped", "verified"], ["7.2"])
