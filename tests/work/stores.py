"""A database of each kind for tests of the durable path, and rows and readings in few words."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, inspect, select, update

from ocr_service.config import Config, Destination
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTDoseReport, Scanner, doubt
from ocr_service.pipeline import Outcome, Skipped
from ocr_service.work.deliveries import Document
from ocr_service.work.outbox import Outbox
from ocr_service.work.placing import Desk
from ocr_service.work.reading import StudyRead, UnitRead
from ocr_service.work.store import Store
from ocr_service.work.tables import VERSION, metadata, objects, schema_version, studies, units
from ocr_service.work.unit import Converted

STUDY = "1.2.826.0.1.1"
NOW = 1_700_000_000.0
DAY = "2023-11-14"
PACS = "pacs"


def postgresql_programs() -> Path | None:
    """The folder of PostgreSQL's own programs, of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that listens on a socket of its own."""
    programs = postgresql_programs()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(folder, "postgres")

        def run(program: str, *words: str) -> None:
            subprocess.run(
                [*user, str(programs / program), *words],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=60,
            )

        data = str(folder / "data")
        run("initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync", "-E", "UTF8", "--locale=C")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "-w", "-D", data, "-o", settings, "-l", str(folder / "log"))
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


def emptied(url: str) -> Store:
    """The store at a URL, with nothing in it."""
    store = Store(url)
    if inspect(store.engine).has_table(schema_version.name):  # a test before this one used it
        with store.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
            connection.execute(insert(schema_version).values(version=VERSION))
    store.prepare()
    return store


def destination(**told: Any) -> Destination:
    return Destination(**({"name": PACS, "ae_title": "PACS", "host": "127.0.0.1", "port": 104} | told))


class FakeRejecting:
    """Notes whose UIDs follow from what they reject and from how many there were."""

    def __init__(self) -> None:
        self.made = 0

    def note(self, document: Document, code: str) -> Document:
        self.made += 1
        return Document(f"note/{self.made}.dcm", f"{document.sop_instance_uid}.9.{self.made}")


def desk(store: Store, tmp_path: Path, *destinations: Destination, **reading: Any) -> Desk:
    told = {"commissioning": 0} | reading
    config = Config(data=tmp_path, destination=destinations or (destination(),), reading=told)
    return Desk(store, Outbox(tmp_path / "outbox"), config, FakeRejecting())  # type: ignore[arg-type]


def add_study(store: Store, study: str = STUDY, **told: Any) -> None:
    with store.begin() as connection:
        values = {"study": study, "opened_at": NOW, "last_arrival": NOW} | told
        connection.execute(insert(studies).values(**values))


def add_unit(store: Store, name: str = "unit", study: str = STUDY, **told: Any) -> None:
    values = {"scanner": "A", "day": DAY, "outcome": "verified", "report": "{}", "read_at": NOW, "milliseconds": 1}
    with store.begin() as connection:
        connection.execute(insert(units).values(id=name, study=study, **(values | told)))


def add_object(store: Store, uid: str, study: str = STUDY, **told: Any) -> int:
    values = {
        "name": f"objects/{DAY}/{uid}.dcm",
        "received_at": NOW,
        "day": DAY,
        "sop_instance_uid": uid,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.7",
        "digest": f"digest of {uid}",
        "bytes": 1,
        "calling_ae": "CT",
        "address": "127.0.0.1",
        "via": "c-store",
        "machine": "machine-1",
        "state": "in_use",
        "role": "screen",
        "study": study,
    }
    with store.begin() as connection:
        key = connection.execute(insert(objects).values(**(values | told))).inserted_primary_key
    assert key is not None
    return int(key[0])


def rows(store: Store, table: Any, *where: Any) -> Sequence[Any]:
    with store.begin(reading=True) as connection:
        return connection.execute(select(table).where(*where).order_by(*table.primary_key.columns)).all()


def row(store: Store, table: Any, *where: Any) -> Any:
    (one,) = rows(store, table, *where)
    return one


def change(store: Store, table: Any, *where: Any, **values: Any) -> None:
    with store.begin() as connection:
        connection.execute(update(table).where(*where).values(**values))


REPORT = CTDoseReport(STUDY, Scanner("ACME", "CT 1"), ())


def draft(drafts: Path, uid: str) -> str:
    """A report that a reading wrote; its name."""
    (drafts / "folder").mkdir(parents=True, exist_ok=True)
    (drafts / "folder" / f"{uid}.dcm").write_bytes(uid.encode())
    return f"folder/{uid}.dcm"


def unit_read(
    outcome: str = "verified", uids: Sequence[str] = ("1.1",), rdsr: str | None = None, **told: Any
) -> UnitRead:
    endings: dict[str, Outcome] = {
        "verified": Verified(REPORT, ()),
        "needs_review": NeedsReview(REPORT, (doubt("dlp", "nobody knows"),)),
        "unreadable": Unreadable("nothing is on it"),
        "skipped": Skipped(REPORT, ("9.9",)),
    }
    converted = Converted(STUDY, (), tuple(uids), endings[outcome], rdsr, 1)
    values: dict[str, Any] = {"scanner": "A", "template": "acme@1", "console": "ACME CT 1", "whole": True} | told
    return UnitRead(converted, **values)


def study_read(*told: UnitRead, withdrawn: Sequence[str] = (), registered: Any = None) -> StudyRead:
    return StudyRead(told, (), frozenset(withdrawn), registered or {})


def of_study(told: UnitRead, study: str) -> UnitRead:
    return replace(told, converted=replace(told.converted, study_instance_uid=study))
