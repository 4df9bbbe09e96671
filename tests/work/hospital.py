"""A small hospital's books, made by the functions that make real ones: objects kept, sorted, read, recorded, sent."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from ocr_service.config import Config
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import (
    CTDoseReport,
    Evidence,
    IrradiationEvent,
    Reading,
    Scanner,
    Source,
    Witness,
    WitnessKind,
    doubt,
)
from ocr_service.network.arrivals import Arrival
from ocr_service.network.sender import Accepted, Sent
from ocr_service.work import delivering, output, records, sending_rules, studies
from ocr_service.work.inbox import DurableInbox, open_inbox
from ocr_service.work.persons import open_desk
from ocr_service.work.placing import Desk
from ocr_service.work.reading import StudyRead, UnitRead
from ocr_service.work.sorting import Sorted
from ocr_service.work.studies import Due
from ocr_service.work.tables import deliveries, objects, units
from ocr_service.work.unit import Converted

SC = "1.2.840.10008.5.1.4.1.1.7"
CONSOLE = "EXAMPLE IMAGING CT 1"
TEMPLATE = "acme/dose r1"


def number(text: str) -> Reading[Decimal]:
    told = Evidence(witnesses=(Witness(WitnessKind.PERSON, text),))
    return Reading(Decimal(text), text, Source.READ_FROM_SCREEN, told, proven=True)


def report(study: str, dlp: str) -> CTDoseReport:
    row = IrradiationEvent(mean_ctdivol=number("10.0"), dlp=number(dlp))
    return CTDoseReport(study, Scanner("", ""), (row,), dlp_total=number(dlp), template=TEMPLATE)


@dataclass
class Hospital:
    """The service's data folder without its processes."""

    folder: Path
    commissioning: int = 0
    destinations: tuple[dict[str, Any], ...] = ({"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104},)
    config: Config = field(init=False)
    desk: Desk = field(init=False)
    inbox: DurableInbox = field(init=False)

    def __post_init__(self) -> None:
        told: dict[str, Any] = {
            "data": self.folder / "data",
            "reading": {"commissioning": self.commissioning, "quiet": "0s", "settle": "0s"},
            "keeping": {"minimum_free": 0},
            "operation": {"http_port": False},
            "destination": self.destinations,
        }
        self.config = Config(**told)
        self.inbox = open_inbox(self.config)
        self.desk = open_desk(self.config)
        sending_rules.remember(self.config, 0.0)

    def close(self) -> None:
        """Let go of the database, so that its file is whole."""
        self.desk.store.close()
        self.inbox._store.close()

    def receive(self, uid: str, study: str, contents: bytes = b"", role: str = "screen") -> int:
        """An object arrives, and is sorted; its number."""
        encoded = contents or f"{uid} of {study}".encode()
        self.inbox.keep(Arrival((encoded,), SC, uid, "1.2.840.10008.1.2.1", "CT1", "127.0.0.1"))
        (found,) = studies.kept(self.desk.store, self.config.operation.machine, time.time())
        told = Sorted(found[0], role, study, uid, SC, context=role != "screen")
        for name in studies.sort_out(self.desk.store, [told], self.config.reading, keep_all=False, now=time.time()):
            self.inbox._spool.remove(name)
        return found[0]

    def read(
        self,
        study: str,
        outcome: Verified | NeedsReview | Unreadable,
        *,
        document: str = "",
        others: frozenset[str] = frozenset(),
        broken: tuple[Converted, ...] = (),
        **more: Any,
    ) -> str:
        """The study is read to this outcome; document: the UID of its report. The unit's name.

        others: objects that turn out to be no dose screens; broken: lines of objects that show nothing.
        """
        begun: list[Due] = []
        studies.start_due(self.desk.store, time.time() + 1, begun.append)
        (due,) = [one for one in begun if one.study == study]
        drafts = self.folder / "drafts"
        name = output.write(b"a report " + document.encode(), study, document, drafts) if document else None
        with self.desk.store.begin(reading=True) as connection:
            uids = connection.execute(
                select(objects.c.sop_instance_uid).where(objects.c.study == study, objects.c.role == "screen")
            ).scalars()
            apart = {*others, *(uid for line in broken for uid in line.sop_instance_uids)}
            told = tuple(uid for uid in dict.fromkeys(uids) if uid not in apart)
        values: dict[str, Any] = {
            "rows": f"rows of {study}", "examination": f"made {study}", "patient": "p", "whole": True,
        } | more  # fmt: skip
        unit = UnitRead(
            Converted(study, (), told, outcome, name, 1),
            "example/ct 1/7",
            TEMPLATE,
            CONSOLE,
            **values,
        )
        read = StudyRead((unit,), broken, frozenset(), {}, others)
        ended = records.record(self.desk, due, read, drafts, time.time(), records.Before())
        assert ended == records.RECORDED
        return records.unit_id(study, unit.scanner)

    def verified(self, study: str, document: str, dlp: str = "100.0", **more: Any) -> str:
        return self.read(study, Verified(report(study, dlp), ()), document=document, **more)

    def in_review(self, study: str, dlp: str = "100.0", **more: Any) -> str:
        doubted = NeedsReview(report(study, dlp), (doubt("dlp_total", "the total differs"),))
        return self.read(study, doubted, **more)

    def deliver(self, monkeypatch: pytest.MonkeyPatch, answer: Sent | None = None) -> None:
        """Everything that waits is sent once, and every destination gives this answer."""
        way = SimpleNamespace(send=lambda _: answer or Accepted())
        monkeypatch.setattr(delivering, "lane", lambda *_: nullcontext(way))
        with self.desk.store.begin() as connection:
            waiting = (deliveries.c.state == "waiting", deliveries.c.kind != "manual")
            rows = connection.execute(select(deliveries.c.destination, deliveries.c.id).where(*waiting)).all()
        worker: Any = SimpleNamespace(
            config=self.config, store=self.desk.store, desk=self.desk, outbox=self.desk.outbox
        )
        for destination, number in rows:
            delivering.try_round(worker, destination, [number])

    def rows(self, table: Any = deliveries) -> list[Any]:
        with self.desk.store.begin(reading=True) as connection:
            return list(connection.execute(select(table).order_by(table.c[0])).all())

    def change(self, table: Any, which: Any, **values: Any) -> None:
        """Somebody's hand, or a fault, changes rows."""
        with self.desk.store.begin() as connection:
            assert connection.execute(update(table).where(which).values(**values)).rowcount

    def file_of(self, number: int) -> Path:
        (name,) = [row.name for row in self.rows(objects) if row.id == number]
        return self.config.data / "spool" / name

    def unit(self, name: str) -> Any:
        (row,) = [row for row in self.rows(units) if row.id == name]
        return row
