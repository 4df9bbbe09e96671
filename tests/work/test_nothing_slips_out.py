"""What may not leave the house does not, by whichever way a study is read again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ocr_service.pipeline import FromHeader
from ocr_service.work import placing
from ocr_service.work.tables import scanners, units
from tests.work.stores import NOW, REPORT, change, desk, row, study_read, unit_read
from tests.work.test_records import acknowledged, record, told, verified

OTHER = "1.9"


def new_scanner(its: Any) -> Any:
    return desk(its.store, its.config.data, commissioning=5)


def in_doubt(uid: str) -> Any:
    """Read again, with the same values and a doubt: our report would stand."""
    return unit_read("needs_review", standing=uid)


def of_headers(uid: str) -> Any:
    """Read again, when only image headers are left: our report says more, and stands."""
    one = unit_read(rdsr=f"folder/{uid}.dcm", standing=uid, template="")
    return replace(one, converted=replace(one.converted, outcome=FromHeader(REPORT, ())))


@pytest.mark.parametrize("again", [in_doubt, of_headers])
def test_a_report_that_waits_for_its_scanner_is_not_sent_because_the_study_is_read_again(again, its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1")))
    assert (told(its), row(its.store, units).held) == ([], "commissioning")
    record(its, study_read(again("7.1")))

    assert (told(its), row(its.store, units).outcome) == ([], "needs_review")


def in_doubt_and_emitted(uid: str) -> Any:
    """The same where `emit` has "review": what stands is what would be emitted."""
    return unit_read("needs_review", rdsr=f"folder/{uid}.dcm", standing=uid)


@pytest.mark.parametrize("then", [in_doubt_and_emitted, of_headers])
@pytest.mark.parametrize("first", [in_doubt, in_doubt_and_emitted, of_headers])
def test_a_report_that_waits_for_its_scanner_is_not_sent_by_the_second_reading_after_it(first, then, its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1")))
    record(its, study_read(first("7.1")))
    record(its, study_read(then("7.1")))

    assert (told(its), row(its.store, units).outcome) == ([], "needs_review")


def test_headers_leave_a_report_that_was_sent_where_it_is(its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1", template="")))
    acknowledged(its)
    record(its, study_read(of_headers("7.1")))

    assert (told(its), row(its.store, units).outcome) == ([("rdsr", "7.1", "acknowledged")], "header")


def test_a_report_in_doubt_is_not_sent_when_its_scanner_is_accepted(its):
    its = new_scanner(its)
    record(its, study_read(verified(its, "7.1")))
    record(its, study_read(in_doubt("7.1")))
    change(its.store, scanners, accepted_at=NOW)
    assert placing.release(its, "acme@1", "ACME CT 1", NOW) == 0
    record(its, study_read(in_doubt("7.1")))
    assert told(its) == []

    record(its, study_read(unit_read(rdsr="folder/7.1.dcm", standing="7.1")))
    assert told(its) == [("rdsr", "7.1", "waiting")]


def test_a_report_that_is_there_stays_there_in_doubt(its):
    record(its, study_read(verified(its, "7.1")))
    acknowledged(its)
    record(its, study_read(in_doubt("7.1")))

    assert told(its) == [("rdsr", "7.1", "acknowledged")]
    assert row(its.store, units).sop_instance_uid == "7.1"
