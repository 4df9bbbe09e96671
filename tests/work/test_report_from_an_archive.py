"""Our own report comes back from an archive, and the outbox does not have it: after a restore, or a new beginning."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from sqlalchemy import delete

from ocr_service.dose.corrections import ActKind
from ocr_service.errors import InputError
from ocr_service.pipeline import FromHeader
from ocr_service.rdsr.rejection import rejection_note
from ocr_service.work import persons, placing, sending_rules, standing, studies
from ocr_service.work.ledger import close_books
from ocr_service.work.tables import deliveries, metadata, schema_version, units
from ocr_service.work.unit import REJECTED
from ocr_service.work.worker import Worker
from tests.service.hospital import study_of
from tests.work import reading_worker as working
from tests.work.stores import REPORT, change, desk, draft, row, study_read, unit_read
from tests.work.test_ledger_day_by_day import deliver
from tests.work.test_records import drafts, record, told

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    its = working.open_worker(tmp_path_factory.mktemp("archive"))
    yield its
    its.close()


@pytest.fixture(autouse=True)
def _begun_anew(request: pytest.FixtureRequest) -> None:
    if "worker" in request.fixturenames:
        begin_anew(request.getfixturevalue("worker"))


def begin_anew(worker: Worker) -> None:
    """The database and the outbox are lost."""
    with worker.store.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not schema_version:
                connection.execute(delete(table))
    shutil.rmtree(worker.folders.outbox)
    worker.folders.outbox.mkdir()
    sending_rules.remember(worker.config, 0.0)


def books(worker: Worker) -> list[str]:
    found = close_books(worker.config, worker.store, time.time, lambda _: None, contents=True).faults
    return [f"{one.row}: {one.sentence}" for one in found if "nobody sends it" not in one.sentence]


def documents(worker: Worker) -> list[tuple[str, str]]:
    its = working.rows(worker, deliveries, deliveries.c.kind == "rdsr")
    return [(one.sop_instance_uid, one.state) for one in its]


def reported(worker: Worker, *page: Dataset) -> bytes:
    """The pages arrive and are read; the report that is sent, as its file."""
    working.receive(worker, *page)
    working.read_all(worker)
    (one,) = working.rows(worker, deliveries)
    return worker.outbox.read(one.file)


def as_sent(encoded: bytes, syntax: str) -> Dataset:
    """What an archive makes of it that keeps objects in another transfer syntax."""
    buffer = DicomBytesIO()
    ds = dcmread(BytesIO(encoded))
    ds.file_meta.TransferSyntaxUID = syntax  # type: ignore[assignment]
    dcmwrite(buffer, ds, enforce_file_format=True)
    return dcmread(BytesIO(buffer.getvalue()))


def read_again(worker: Worker) -> None:
    with worker.store.begin() as connection:
        study = working.rows(worker, units)[0].study
        studies.read_again(connection, [study], f"again:{time.time()}", time.time())
    working.read_all(worker)


def sent_and_lost(worker: Worker, page: Dataset, syntax: str = ExplicitVRLittleEndian) -> tuple[bytes, Dataset]:
    """Its report as it was sent, and as an archive has it, when nothing else knows of it any more."""
    before = reported(worker, page)
    begin_anew(worker)
    return before, as_sent(before, syntax)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_it_is_put_into_the_outbox_as_it_was_and_sent_under_its_own_uid(worker, syntax):
    (page,) = study_of("ge/scout_and_helical", f"begun anew {syntax}")
    before, archived = sent_and_lost(worker, page, syntax)
    again = reported(worker, page, archived)
    (unit,) = working.rows(worker, units)

    assert again == before
    assert (documents(worker), books(worker)) == ([(str(archived.SOPInstanceUID), "waiting")], [])
    assert (unit.outcome, unit.sop_instance_uid, unit.held) == ("verified", str(archived.SOPInstanceUID), "")


def test_reading_the_study_again_changes_nothing_more(worker, monkeypatch):
    (page,) = study_of("ge/scout_and_helical", "and read again")
    _, archived = sent_and_lost(worker, page)
    reported(worker, page, archived)
    uid = str(archived.SOPInstanceUID)
    for state in ("waiting", "acknowledged"):
        read_again(worker)
        assert (documents(worker), books(worker)) == ([(uid, state)], [])
        assert [path.stem for path in worker.folders.outbox.rglob("*.dcm")] == [uid]
        deliver(worker, monkeypatch)


def test_it_waits_for_its_scanner_like_a_new_one(worker, monkeypatch):
    (page,) = study_of("ge/scout_and_helical", "not accepted yet")
    before, archived = sent_and_lost(worker, page)
    asked = worker.config.reading.model_copy(update={"commissioning": 5})
    config = worker.config.model_copy(update={"reading": asked})
    monkeypatch.setattr(worker, "desk", replace(worker.desk, config=config))
    working.receive(worker, page, archived)
    working.read_all(worker)
    (unit,) = working.rows(worker, units)

    assert (unit.outcome, unit.held, documents(worker), books(worker)) == ("verified", "commissioning", [], [])
    assert worker.outbox.read(unit.rdsr) == before
    assert placing.release(worker.desk, unit.template, unit.console, time.time()) == 1
    assert (documents(worker), books(worker)) == ([(str(archived.SOPInstanceUID), "waiting")], [])


def decided(worker: Worker, kind: ActKind) -> None:
    (unit,) = working.rows(worker, units)
    persons.decide(worker.desk, unit.id, kind, "Tanaka^Ichiro", time.time(), why="wrong")
    working.read_all(worker)


def test_what_a_person_rejected_here_does_not_come_back_with_it(worker):
    (page,) = study_of("ge/scout_and_helical", "rejected here")
    _, archived = sent_and_lost(worker, page)
    reported(worker, page)
    decided(worker, ActKind.REJECT)
    working.receive(worker, archived)
    working.read_all(worker)

    assert ({state for _, state in documents(worker)}, books(worker)) == ({"recalled"}, [])


def test_what_a_person_recalled_here_does_not_come_back_with_it(worker):
    (page,) = study_of("ge/scout_and_helical", "recalled here")
    before = reported(worker, page)
    working.acknowledged(worker, time.time())
    (unit,) = working.rows(worker, units)
    persons.recall(worker.desk, unit.id, "Tanaka^Ichiro", "wrong", time.time())
    worker.outbox.path(unit.rdsr).unlink()
    working.receive(worker, as_sent(before, ExplicitVRLittleEndian))
    working.read_all(worker)

    assert [state for _, state in documents(worker)] == ["recalled"]
    assert working.rows(worker, units)[0].held == "recalled"
    assert worker.outbox.read(unit.rdsr) == before


def test_what_a_note_rejects_that_came_with_it_waits_for_a_person(worker):
    (page,) = study_of("ge/scout_and_helical", "rejected before")
    _, archived = sent_and_lost(worker, page)
    encoded, _ = rejection_note(archived, "113001", datetime(2026, 1, 2, tzinfo=UTC))
    working.receive(worker, page, archived, dcmread(BytesIO(encoded)))
    working.read_all(worker)
    (unit,) = working.rows(worker, units)
    assert (unit.outcome, unit.rdsr, documents(worker), books(worker)) == ("needs_review", "", [], [])
    assert REJECTED in unit.report

    decided(worker, ActKind.CONFIRM)
    ((new, state),) = documents(worker)
    said = working.report(worker, working.rows(worker, units)[0].rdsr)
    assert (state, said.predecessors, books(worker)) == ("waiting", (str(archived.SOPInstanceUID),), [])
    read_again(worker)
    assert documents(worker) == [(new, "waiting")]


# The records -----------------------------------------------------------------------------------------------


def of_headers(its: Any, **more: Any) -> Any:
    one = unit_read(rdsr=draft(drafts(its), "7.1"), standing="7.1", template="", **more)
    return study_read(replace(one, converted=replace(one.converted, outcome=FromHeader(REPORT, ()))))


def test_headers_alone_do_not_send_a_report_of_screens_whose_scanner_nobody_accepted(its):
    its = desk(its.store, its.config.data, commissioning=5)
    record(its, of_headers(its))

    assert (told(its), row(its.store, units).outcome) == ([], "needs_review")


def test_a_report_of_headers_waits_for_no_scanner(its):
    its = desk(its.store, its.config.data, commissioning=5)
    record(its, of_headers(its, as_standing=True))

    assert (told(its), row(its.store, units).outcome) == ([("rdsr", "7.1", "waiting")], "header")


def test_an_older_report_is_not_sent_in_the_place_of_a_recalled_one(its):
    record(its, study_read(unit_read(rdsr=draft(drafts(its), "7.2"))))
    change(its.store, units, held="recalled")
    change(its.store, deliveries, state="recalled", superseded=True)
    record(its, study_read(unit_read(rdsr=draft(drafts(its), "7.1"), standing="7.1")))

    assert told(its) == [("rdsr", "7.2", "recalled")]


# The file --------------------------------------------------------------------------------------------------


def a_report() -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.67", "2.25.71"
    ds.ContentDate, ds.ContentTime = "20260102", "030405.600"
    ds.PatientName = "Äpfel^Ö=田中"
    item = Dataset()
    item.NumericValue, item.TextValue = "12.50", "as it was printed: 12.50"
    ds.ContentSequence = [item, item]
    ds.private_block(0x4001, "AN ARCHIVE", create=True).add_new(1, "LO", "kept")
    return ds


def kept(folder: Path, ds: Dataset, syntax: str) -> Path:
    path = folder / f"{syntax}.dcm"
    with path.open("wb") as file:
        as_it_is = DicomBytesIO()
        ds.ensure_file_meta()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(as_it_is, enforce_file_format=True)
        as_sent(as_it_is.getvalue(), syntax).save_as(file, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nothing_but_the_transfer_syntax_changes(syntax, tmp_path):
    encoded = standing.received([tmp_path / "gone.dcm", kept(tmp_path, a_report(), syntax)], "2.25.71")
    assert encoded is not None
    ds = dcmread(BytesIO(encoded))

    assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert ds.file_meta.MediaStorageSOPInstanceUID == "2.25.71"
    private = 0x40011001
    assert ds[private].value in ("kept", b"kept")
    del ds[private]
    expected = a_report()
    del expected[private]
    assert ds.to_json_dict() == expected.to_json_dict()
    assert [one.NumericValue.original_string for one in ds.ContentSequence] == ["12.50", "12.50"]


def test_another_object_is_not_it(tmp_path):
    assert standing.received([kept(tmp_path, a_report(), ExplicitVRLittleEndian)], "2.25.7") is None


def test_text_that_is_none_in_its_character_set_is_not_written_otherwise(tmp_path):
    path = kept(tmp_path, a_report(), ExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes().replace("Ä".encode(), b"\xff\xfe"))
    with pytest.raises(InputError, match="unchanged") as told_why:
        standing.received([path], "2.25.71")
    assert "pfel" not in str(told_why.value)
