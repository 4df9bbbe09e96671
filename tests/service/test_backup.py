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

from tests.service.consoles import Console, study
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


@pytest.fixture
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


def test_a_restored_backup_goes_on_where_it_was_and_sends_nothing_twice(tmp_path: Path, pacs: Pacs) -> None:
    """At the backup one report is delivered to one of two destinations, and a study is being waited for."""
    delivered, waiting, later = study(1), study(2), study(3)
    away = free_port()
    told = settings(tmp_path / "first", [destination("pacs", pacs.port), destination("dose", away)])
    first = Service(tmp_path / "first", told)
    backup = tmp_path / "second" / "data"
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
    told = settings(tmp_path / "second", [destination("pacs", pacs.port), destination("dose", pacs.port)], data=backup)
    second = Service(tmp_path / "second", told)
    try:
        second.start()
        second.ended([delivered.uid, waiting.uid])
        reports = {row.sop_instance_uid for row in second.units()}
        states = {(row.destination, row.sop_instance_uid): row.state for row in second.deliveries()}

        assert len(reports) == 2
        assert set(states.values()) == {"acknowledged"}
        assert len(states) == 4
        assert second.lost(delivered.uids + waiting.uids) == []
        assert set(pacs.heard) >= reports
        assert pacs.heard[len(before) :].count(before[0]) == 1  # to `dose` only: `pacs` has it
        Console(second.port).send_all(*later.pages)  # what came after the backup is sent again
        second.ended([later.uid])
    finally:
        second.close()


def test_what_no_workflow_works_on_is_begun_anew(tmp_path: Path, pacs: Pacs) -> None:
    """The workflows' database is lost, with a study in it that was being read, and a report on its way."""
    told = settings(tmp_path, [destination("dose", away := free_port())])
    service = Service(tmp_path, told)
    try:
        service.start()
        one = study(4)
        Console(service.port).send_all(*one.pages)
        until(lambda: any(row.attempts for row in service.deliveries()), "a try")
        service.kill()
        for path in service.config.data.glob("workflows.sqlite*"):
            path.unlink()
        with closing(sqlite3.connect(service.config.data / "ocr-service.sqlite")) as database:
            database.execute("UPDATE ocr_studies SET state = 'open', due_at = NULL")
            database.execute("UPDATE ocr_units SET read_at = 0")
            database.commit()
        ae = AE(ae_title="PACS")
        ae.supported_contexts = [build_context(RDSR)]
        server = ae.start_server(("127.0.0.1", away), block=False, evt_handlers=[(evt.EVT_C_STORE, pacs.store)])
        assert server is not None
        try:
            service.start()
            service.ended([one.uid])
        finally:
            server.shutdown()
        assert len(pacs.heard) == 1
        assert [row.read_at > 0 for row in service.units()] == [True]
        assert "begun_anew" in service.said()
    finally:
        service.close()
