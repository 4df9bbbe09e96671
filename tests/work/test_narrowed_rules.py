"""A destination's rules are narrowed: what stands there stays and is corrected there, and nobody else is troubled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocr_service.work.deliveries import Document
from ocr_service.work.placing import Desk
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries as sent
from tests.work.books import told as books_say
from tests.work.hospital import Hospital
from tests.work.stores import NOW, PACS, add_object, add_study, change, desk, destination, rows, study_read, unit_read
from tests.work.test_records import acknowledged, record, told, verified

CORRECTIONS = ("new_only", "reject_then_new", "manual")


def sent_to_all(store: Store, tmp_path: Path, correction: str, **state: Any) -> Desk:
    """A report that came from CT1 is at the destination, to which only those from CT2 go from now on."""
    add_study(store)
    add_object(store, "1.1", calling_ae="CT1")
    wide = desk(store, tmp_path, destination(correction=correction))
    record(wide, study_read(verified(wide, "7.1")))
    change(store, sent, **(state or {"state": "acknowledged", "acknowledged_at": NOW, "sent_at": NOW}))
    return desk(store, tmp_path, destination(correction=correction, calling_ae=["CT2"]))


@pytest.fixture(params=CORRECTIONS)
def narrowed(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Desk:
    return sent_to_all(store, tmp_path, request.param)


def correction_of(its: Desk) -> str:
    return its.config.destination[0].correction


def test_an_unchanged_report_needs_no_row_where_it_stands(narrowed):
    for _ in range(2):
        record(narrowed, study_read(verified(narrowed, "7.1")))

    assert told(narrowed) == [("rdsr", "7.1", "acknowledged")]


def test_a_correction_reaches_the_destination_where_the_old_report_stands(narrowed):
    for _ in range(2):
        record(narrowed, study_read(verified(narrowed, "7.2")))

    expected = {
        "new_only": [("rdsr", "7.1", "acknowledged"), ("rdsr", "7.2", "waiting")],
        "reject_then_new": [
            ("rdsr", "7.1", "recalled"), ("rejection", "7.1.9.1", "waiting"), ("rdsr", "7.2", "waiting")
        ],
        "manual": [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting"), ("rdsr", "7.2", "waiting")],
    }  # fmt: skip
    assert told(narrowed) == expected[correction_of(narrowed)]


def test_a_correction_of_a_correction_reaches_it_too(narrowed):
    for uid in ("7.2", "7.3"):
        record(narrowed, study_read(verified(narrowed, uid)))
        acknowledged(narrowed)

    (newest,) = [one for one in rows(narrowed.store, sent) if one.sop_instance_uid == "7.3" and one.kind == "rdsr"]
    assert (newest.state, newest.superseded) == ("acknowledged", False)


def test_what_may_stand_nowhere_is_taken_back_there_too(narrowed):
    record(narrowed, study_read(unit_read("skipped")))

    assert ("rdsr", "7.1", "recalled") in told(narrowed)
    assert len(told(narrowed)) == 2


def test_what_was_taken_back_is_not_sent_there_again(narrowed):
    record(narrowed, study_read(unit_read("skipped")))
    acknowledged(narrowed)
    record(narrowed, study_read(verified(narrowed, "7.3")))

    assert "7.3" not in [uid for _, uid, _ in told(narrowed)]


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("state", ["waiting", "refused", "failed"])
@pytest.mark.parametrize("uid", ["7.1", "7.2"])
def test_what_never_arrived_is_not_sent_any_more_and_needs_nobody(store, tmp_path, correction, state, uid):
    its = sent_to_all(store, tmp_path, correction, state=state)
    record(its, study_read(verified(its, uid)))

    assert told(its) == [("rdsr", "7.1", "recalled")]


def test_a_report_that_may_be_there_is_corrected_there(store, tmp_path):
    """The destination fell silent while it was sent."""
    its = sent_to_all(store, tmp_path, "manual", state="failed", sent_at=NOW)
    record(its, study_read(verified(its, "7.1")))
    assert told(its) == [("rdsr", "7.1", "failed")]
    record(its, study_read(verified(its, "7.2")))

    assert told(its) == [("rdsr", "7.1", "recalled"), ("manual", "7.1", "waiting"), ("rdsr", "7.2", "waiting")]


def test_a_new_unit_goes_by_the_narrowed_rule(store, tmp_path):
    its = sent_to_all(store, tmp_path, "new_only")
    add_study(store, "1.9")
    add_object(store, "1.2", "1.9", calling_ae="CT1")
    record(its, study_read(verified(its, "7.9", uids=("1.2",))), study="1.9")

    assert [(one.destination, one.sop_instance_uid) for one in rows(store, sent)] == [(PACS, "7.1")]


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("document", ["9.1", "9.2"])
def test_the_books_close_after_a_rule_was_narrowed(tmp_path, monkeypatch, correction, document):
    peer = {"name": PACS, "ae_title": "PACS", "host": "127.0.0.1", "port": 104, "correction": correction}
    wide = Hospital(tmp_path, destinations=(peer,))
    monkeypatch.setattr(wide.desk.rejecting, "note", FakeNotes(wide).note)
    wide.receive("1.1", "1.10")
    wide.verified("1.10", "9.1")
    wide.deliver(monkeypatch)
    narrowed = Hospital(tmp_path, destinations=(peer | {"calling_ae": ["CT2"]},))
    monkeypatch.setattr(narrowed.desk.rejecting, "note", FakeNotes(narrowed).note)
    narrowed.receive("1.2", "1.10")
    narrowed.verified("1.10", document)
    narrowed.deliver(monkeypatch)

    assert books_say(narrowed) == []
    assert len(narrowed.rows()) == (1 if document == "9.1" else 2 if correction == "new_only" else 3)


class FakeNotes:
    """Rejection notes of reports that are no DICOM files."""

    def __init__(self, hospital: Hospital) -> None:
        self._outbox = hospital.desk.outbox

    def note(self, document: Document, _: str) -> Document:
        uid = f"{document.sop_instance_uid}.9"
        return Document(self._outbox.add(b"a note", "1.10", uid), uid)
