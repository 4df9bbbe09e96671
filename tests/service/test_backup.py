"""A backup made while the service works, restored elsewhere as docs/operation.md says: nothing is lost or doubled."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, build_context, evt

from ocr_service.work.tables import studies, units
from tests.service.consoles import Console, Study, study
from tests.service.living import Service, settings
from tests.service.waiting import free_port, until

RDSR = "1.2.840.10008.5.1.4.1.1.88.67"
FOLDERS = ("spool", "outbox", "letters", "audit")  # those that the guide names


@dataclass
class Pacs:
    """Keeps which reports it was given."""

    port: int
    heard: list[str] = field(default_factory=list)

    def store(self, event: evt.Event) -> int:
        request: Any = event.request
        self.heard.append(str(request.AffectedSOPInstanceUID))
        return 0x0000


@pytest.fixture(scope="module")
def pacs() -> Iterator[Pacs]:
    here = Pacs(free_port())
    ae = AE(ae_title="PACS")
    ae.supported_contexts = [build_context(RDSR)]
    server = ae.start_server(("127.0.0.1", here.port), block=False, evt_handlers=[(evt.EVT_C_STORE, here.store)])
    assert server is not None
    yield here
    server.shutdown()


def copy(data: Path, backup: Path) -> None:
    """Files, database, files again; of the second copy only what is new."""
    for _ in range(2):
        for name in FOLDERS:
            for path in (data / name).rglob("*") if (data / name).is_dir() else ():
                place = backup / path.relative_to(data)
                if path.is_file() and not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, place)
        snapshot = backup / "ocr-service.sqlite"
        if not snapshot.exists():
            with closing(sqlite3.connect(data / "ocr-service.sqlite")) as database:
                database.execute("VACUUM INTO ?", (str(snapshot),))


def destination(name: str, port: int) -> dict[str, object]:
    return {"name": name, "ae_title": "PACS", "host": "127.0.0.1", "port": port, "timeout": "5s", "retry_first": "1s"}


@dataclass(frozen=True)
class Restored:
    """A service that runs on the backup of another one, and has done all that was left to do."""

    delivered: Study  # at the backup one of two destinations had its report, and it was being read again
    waiting: Study  # its quiet time was not over
    later: Study  # it came after the backup
    before: list[str]  # reports that arrived before the machine was gone
    after: list[str]
    service: Service


def as_if_being_read(database: Path, uid: str) -> None:
    """By a workflow: those are in no backup."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE ocr_studies SET state = 'open', due_at = NULL WHERE study = ?", (uid,))
        connection.execute("UPDATE ocr_units SET read_at = 0 WHERE study = ?", (uid,))
        connection.commit()


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory, pacs: Pacs) -> Iterator[Restored]:
    """A report is on its way to a second destination, a study is being read, and one is being waited for."""
    folder = tmp_path_factory.mktemp("machines")
    delivered, waiting, later = study(1), study(2), study(3)
    one = {"processes": 1}
    told = settings(folder / "first", [destination("pacs", pacs.port), destination("dose", free_port())], receiver=one)
    first = Service(folder / "first", told)
    backup = folder / "second" / "data"
    backup.mkdir(parents=True)
    try:
        first.start()
        Console(first.port).send_all(*delivered.pages)
        until(lambda: len(pacs.heard) == 1, "the first report")
        until(lambda: any(row.attempts and row.destination == "dose" for row in first.deliveries()), "a try")
        Console(first.port).send_all(*waiting.pages)
        copy(first.config.data, backup)
        Console(first.port).send_all(*later.pages)
    finally:
        first.close()  # by SIGKILL: the machine is gone
    before = list(pacs.heard)
    as_if_being_read(backup / "ocr-service.sqlite", delivered.uid)
    both = [destination("pacs", pacs.port), destination("dose", pacs.port)]
    second = Service(folder / "second", settings(folder / "second", both, data=backup, receiver=one))
    try:
        second.start()
        second.ended([delivered.uid, waiting.uid])
        yield Restored(delivered, waiting, later, before, pacs.heard[len(before) :], second)
    finally:
        second.close()


def test_a_restored_backup_goes_on_where_it_was_and_sends_nothing_twice(restored: Restored) -> None:
    theirs = (restored.delivered.uid, restored.waiting.uid)
    reports = {row.sop_instance_uid for row in restored.service.units() if row.study in theirs}
    known = {row.id for row in restored.service.units() if row.study in theirs}
    sent = [row for row in restored.service.deliveries() if row.unit in known]

    assert len(reports) == 2
    assert sorted((row.destination, row.state) for row in sent) == [
        ("dose", "acknowledged"), ("dose", "acknowledged"), ("pacs", "acknowledged"), ("pacs", "acknowledged"),
    ]  # fmt: skip
    assert {row.sop_instance_uid for row in sent} == reports
    assert restored.service.lost(restored.delivered.uids + restored.waiting.uids) == []
    assert {*restored.before, *restored.after} >= reports
    assert restored.after.count(restored.before[0]) == 1  # to `dose` only: `pacs` has it


def test_what_no_workflow_works_on_is_begun_anew(restored: Restored) -> None:
    """The workflows are in no backup; a study was being read then, and a report on its way."""
    (row,) = restored.service.studies(studies.c.study == restored.delivered.uid)
    (unit,) = restored.service.units(units.c.study == restored.delivered.uid)

    assert "begun_anew" in restored.service.said()
    assert row.cause.startswith("anew:")
    assert row.state == "read"
    assert unit.read_at > 0
    assert unit.sop_instance_uid == restored.before[0]  # it says the same, so it stands


def test_what_came_after_the_backup_is_sent_again(restored: Restored) -> None:
    Console(restored.service.port).send_all(*restored.later.pages)
    restored.service.ended([restored.later.uid])
