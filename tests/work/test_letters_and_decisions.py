"""Letters that grow or go, and decisions that are taken back."""

from __future__ import annotations

from ocr_service.dose.corrections import ActKind
from ocr_service.work import persons
from ocr_service.work.tables import studies as table
from ocr_service.work.tables import units
from tests.work.stores import (
    NOW,
    STUDY,
    add_study,
    change,
    desk,
    row,
    study_read,
    unit_read,
)
from tests.work.test_records import GLYPH, acknowledged, record, verified


def test_a_report_that_is_at_its_destination_is_taken_back_after_its_scanner_became_new(its):
    record(its, study_read(verified(its, "7.1", rests=frozenset({GLYPH}))))
    acknowledged(its)
    new = desk(its.store, its.config.data, commissioning=5)
    same = unit_read(rdsr="folder/7.1.dcm", standing="7.1", rests=frozenset({GLYPH}))
    record(new, study_read(same))
    record(new, study_read(unit_read("needs_review")))
    add_study(its.store, "1.9")
    record(new, study_read(withdrawn=[GLYPH]), study="1.9")
    assert row(its.store, table, table.c.study == STUDY).due_at is not None, (
        "7.1 is at the PACS, rests on a withdrawn letter, and nothing is done"
    )


def test_letters_regained_after_a_withdrawal_read_again_what_waits(its):
    record(its, study_read(unit_read("needs_review", waiting=True), registered={("acme@1", "ACME CT 1"): 12}))
    change(its.store, table, due_at=None)
    record(its, study_read(unit_read("needs_review", waiting=True), registered={("acme@1", "ACME CT 1"): 8}))
    change(its.store, table, due_at=None)
    add_study(its.store, "1.9")
    record(its, study_read(verified(its, "7.9"), registered={("acme@1", "ACME CT 1"): 11}), study="1.9")
    assert row(its.store, table, table.c.study == STUDY).due_at is not None


def test_a_rejection_can_be_taken_back(its):
    record(its, study_read(verified(its, "7.1")))
    u = row(its.store, units)
    persons.decide(its, u.id, ActKind.REJECT, "T^I", NOW, why="by mistake")
    change(its.store, table, due_at=None)
    record(its, study_read(unit_read("skipped", by_person=True)))
    persons.decide(its, u.id, ActKind.CONFIRM, "T^I", NOW + 1)


def test_a_report_refused_after_its_person_recall_is_listed(its):
    pass
