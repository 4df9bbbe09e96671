"""What an operator is shown: how the service stands, what waits for a person, and one unit with all that is known.

Knows rows; must not know terminals. Nothing here names a patient: units go by digests, and studies by their UIDs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, case, func, or_, select

from ocr_service.config import Config
from ocr_service.dose.report import CTAcquisitionType, Finding, FindingKind
from ocr_service.rdsr.codes import ACQUISITION_TYPES
from ocr_service.work import lines
from ocr_service.work.inbox import day_of
from ocr_service.work.persons import confirmed_units
from ocr_service.work.placing import COMMISSIONING
from ocr_service.work.retention import kept_for_that
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store
from ocr_service.work.tables import acts, deliveries, objects, scanners, studies, units, workers

_CLOSE: Final = "`ocr-service recall --done`"  # so far `work.deliveries` can write it
_REVIEW: Final = ("needs_review", "unreadable")
LATE: Final = 60.0  # seconds after which a worker that did not say that it lives is taken for dead


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the queue. kind: review, failed, commissioning, recall or delivery. since: local time, ISO 8601.

    name: by which commands call it. where: files of its screens, relative to the spool.
    """

    kind: str
    name: str
    since: str
    template: str
    scanner: str
    why: str
    where: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as an object of strings and lists."""
        return asdict(self)


def queue(store: Store) -> list[Waiting]:
    """Whatever waits for a person or for a destination, oldest first within its kind. StoreError."""
    with store.begin(reading=True) as connection:
        return [*_units(connection), *_failed(connection), *_recalls(connection), *_deliveries(connection)]


def _units(connection: Connection) -> Iterator[Waiting]:
    found = connection.execute(
        select(units)
        .where(or_(units.c.outcome.in_((*_REVIEW, "failed")), units.c.held == COMMISSIONING))
        .order_by(units.c.read_at)
    ).all()
    kinds = {"needs_review": "review", "unreadable": "review", "failed": "failed"}
    rows = [(kinds.get(row.outcome, COMMISSIONING), row) for row in found]
    for kind, row in sorted(rows, key=lambda one: ("review", "failed", COMMISSIONING).index(one[0])):
        why = "its scanner is new: it waits for `ocr-service scanner accept`" if kind == COMMISSIONING else _why(row)
        where = _screens(connection, row)
        yield Waiting(kind, row.id, said(row.read_at), row.template, row.console or row.scanner, why, where)


def _why(row: Row[tuple[object, ...]]) -> str:
    """The doubt that says most."""
    told = json.loads(row.report)["findings"]
    return lines.headline([Finding(FindingKind(one["kind"]), one["where"], one["sentence"]) for one in told])


def _screens(connection: Connection, row: Row[tuple[object, ...]]) -> tuple[str, ...]:
    uids = json.loads(row.report)["sop_instance_uids"]
    mine = objects.c.sop_instance_uid.in_(uids) if uids else objects.c.role == "screen"
    found = select(objects.c.name).where(objects.c.study == row.study, mine, objects.c.on_disk.is_(True))
    return tuple(connection.execute(found.order_by(objects.c.id)).scalars())


def _failed(connection: Connection) -> Iterator[Waiting]:
    """Objects that nobody can read, and studies whose newest objects could not be read."""
    for row in connection.execute(select(objects).where(objects.c.state == "failed").order_by(objects.c.id)):
        yield Waiting("failed", f"object {row.id}", said(row.received_at), "", row.calling_ae, row.why, (row.name,))
    first = select(func.min(units.c.id)).where(units.c.study == studies.c.study, units.c.outcome != "failed")
    found = select(studies, first.scalar_subquery().label("unit")).where(studies.c.state == "failed")
    for row in connection.execute(found.order_by(studies.c.last_arrival)):
        if row.unit is not None:
            why = "its newest objects could not be read; what was reported before stands"
            yield Waiting("failed", row.unit, said(row.last_arrival), "", "", why)


def _recalls(connection: Connection) -> Iterator[Waiting]:
    waiting = (deliveries.c.kind == "manual", deliveries.c.state == "waiting")
    for row, unit in _with_units(connection, and_(*waiting)):
        yield _of_delivery("recall", row, unit)


def _deliveries(connection: Connection) -> Iterator[Waiting]:
    states = deliveries.c.state.in_(("waiting", "refused", "failed"))
    for row, unit in _with_units(connection, and_(states, deliveries.c.kind != "manual")):
        yield _of_delivery("delivery", row, unit)


def _with_units(connection: Connection, which: Any) -> Iterator[tuple[Row[Any], Row[Any]]]:
    for row in connection.execute(select(deliveries).where(which).order_by(deliveries.c.id)).all():
        yield row, connection.execute(select(units).where(units.c.id == row.unit)).one()


def _of_delivery(kind: str, row: Row[Any], unit: Row[Any]) -> Waiting:
    state = "" if row.state == "waiting" else f"{row.state}: "
    why = f"{row.destination}: {state}{_why_of_delivery(row) or 'not tried yet'}"
    if kind == "recall":
        why = f"{why} (unit {row.unit}, SOP Instance UID {row.sop_instance_uid})"
    return Waiting(kind, str(row.id), said(row.created_at), unit.template, unit.console or unit.scanner, why)


def _why_of_delivery(row: Row[Any]) -> str:
    """What is recorded, and how this very row is closed: its number was not known when the words were written."""
    told = str(row.why)
    return told.replace(_CLOSE, f"`ocr-service recall --done {row.id} --person NAME --what TEXT`")


def one_unit(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """All that is known of a unit: its rows as read, its findings, what persons did, and what went where."""
    told = json.loads(row.report)
    did = connection.execute(select(acts).where(acts.c.unit == row.id).order_by(acts.c.id)).all()
    sent = connection.execute(select(deliveries).where(deliveries.c.unit == row.id).order_by(deliveries.c.id)).all()
    return {
        "unit": row.id,
        "study_instance_uid": row.study,
        "outcome": row.outcome,
        "held": row.held,
        "template": row.template,
        "scanner": row.console or row.scanner,
        "read_at": said(row.read_at),
        "rdsr": row.rdsr,
        "rows": row.rows,
        "dlp_total": told["dlp_total"],
        "events": told["events"],
        "findings": told["findings"],
        "acts": [
            {"act": one.id, "at": said(one.at), "kind": one.kind, "person": one.person} | _typed(one.told)
            for one in did
        ],
        "deliveries": [
            {
                "delivery": one.id,
                "destination": one.destination,
                "kind": one.kind,
                "state": one.state,
                "attempts": one.attempts,
                "why": _why_of_delivery(one),
            }
            for one in sent
        ],
        "screens": list(_screens(connection, row)),
    }


def acquisition_type_in_words(code: str | None) -> str:
    """What CID 10013 calls an acquisition type, as `confirm --set` takes it too; "" for none."""
    return ACQUISITION_TYPES[CTAcquisitionType(code)].meaning if code else ""


def _typed(told: str) -> dict[str, Any]:
    known = json.loads(told)
    return {"set": known.get("set", []), "why": known.get("why", "")}


@dataclass(frozen=True, slots=True)
class Scanner:
    """A template on a console, and whether a person has accepted it.

    confirmed: of how many units a person has confirmed the report as it was read; `needed` of them accept the scanner
    (`reading.commissioning`; 0: none has to be accepted). held: reports that wait for that. in_review: units that a
    person has to look at for another reason.
    """

    template: str
    console: str
    first_at: str
    accepted_at: str
    accepted_by: str
    confirmed: int
    needed: int
    held: int
    in_review: int

    @property
    def progress(self) -> str:
        """How far its commissioning is, in words: `2 of 5`, for as long as it is not accepted and has to be."""
        if self.accepted_at:
            return "accepted"
        return f"{self.confirmed} of {self.needed}" if self.needed else "not needed"


def known_scanners(store: Store, commissioning: int) -> list[Scanner]:
    """All scanners that templates have read, oldest first. commissioning: as configured. StoreError."""

    def counted(which: Any) -> Any:
        its = (units.c.template == scanners.c.template, units.c.console == scanners.c.console)
        return select(func.count()).where(*its, which).scalar_subquery()

    held, in_review = counted(units.c.held == COMMISSIONING), counted(units.c.outcome.in_(_REVIEW))
    with store.begin(reading=True) as connection:
        rows = connection.execute(
            select(scanners, held.label("held"), in_review.label("in_review")).order_by(scanners.c.first_at)
        ).all()
        confirmed = [confirmed_units(connection, row.template, row.console) for row in rows]
    return [
        Scanner(
            row.template,
            row.console,
            said(row.first_at),
            said(row.accepted_at) if row.accepted_at is not None else "",
            row.accepted_by,
            count,
            commissioning,
            row.held,
            row.in_review,
        )
        for row, count in zip(rows, confirmed, strict=True)
    ]


def status(config: Config, store: Store, now: float, health: Mapping[str, Any] | None) -> dict[str, Any]:
    """How the service stands. health: what it answers at `/health`, None where nothing answers. StoreError."""
    with store.begin(reading=True) as connection:
        told = {
            "answers": health is not None,
            "wrong": list(health["wrong"]) if health is not None else [],
            "parts": dict(health["parts"]) if health is not None else {},
            "workers": _workers(connection, now),
            "today": _today(connection, day_of(now)),
            "waiting": _waiting(connection, config, now),
            "destinations": _lanes(connection, config, now),
        }
    folder = config.data / "spool"
    spool = Spool(folder if folder.is_dir() else config.data, config.keeping.minimum_free)
    return told | {"spool": {"full": spool.full()}}


def _workers(connection: Connection, now: float) -> dict[str, float]:
    """Seconds since each worker said that it lives."""
    return {row.executor: round(now - row.beat_at, 1) for row in connection.execute(select(workers))}


def _today(connection: Connection, day: str) -> dict[str, Any]:
    def counted(table: Any, column: Any) -> dict[str, int]:
        rows = connection.execute(select(column, func.count()).where(table.c.day == day).group_by(column))
        return {row[0]: row[1] for row in rows}

    return {"objects": counted(objects, objects.c.state), "units": counted(units, units.c.outcome)}


def _waiting(connection: Connection, config: Config, now: float) -> dict[str, Any]:
    """How many wait for what, and how many seconds the oldest of them does."""

    def of(table: Any, moment: Any, *which: Any) -> dict[str, Any]:
        count, oldest = connection.execute(
            select(func.count(), func.min(moment)).select_from(table).where(*which)
        ).one()
        return {"count": count, "oldest_seconds": round(max(0.0, now - oldest)) if oldest is not None else None}

    return {
        "to be sorted": of(objects, objects.c.received_at, objects.c.state == "kept"),
        "to be read": of(studies, studies.c.due_at, studies.c.due_at.is_not(None)),
        "in review": of(units, units.c.read_at, units.c.outcome.in_(_REVIEW)),
        "failed units": of(units, units.c.read_at, units.c.outcome == "failed"),
        "failed objects": of(objects, objects.c.received_at, objects.c.state == "failed"),
        "for a scanner's acceptance": of(units, units.c.read_at, units.c.held == COMMISSIONING),
        "recalls by hand": of(
            deliveries, deliveries.c.created_at, deliveries.c.kind == "manual", deliveries.c.state == "waiting"
        ),
        "kept beyond retention, for nobody has their report": of(
            units, units.c.read_at, kept_for_that(config.keeping, now)
        ),
    }


def _lanes(connection: Connection, config: Config, now: float) -> dict[str, Any]:
    """Each destination: how many documents wait or were refused, since when, and what it said last."""
    bad = deliveries.c.state.in_(("waiting", "refused", "failed"))
    rows = connection.execute(
        select(
            deliveries.c.destination,
            *(func.sum(case((deliveries.c.state == s, 1), else_=0)).label(s) for s in ("waiting", "refused", "failed")),
            func.min(deliveries.c.created_at).label("oldest"),
        )
        .where(bad, deliveries.c.kind != "manual")
        .group_by(deliveries.c.destination)
    ).all()
    found: dict[str, Any] = {
        one.name: {"waiting": 0, "refused": 0, "failed": 0, "oldest_seconds": None, "why": ""}
        for one in config.destination
    }
    for row in rows:
        said_last = select(deliveries.c.why).where(
            deliveries.c.destination == row.destination, bad, deliveries.c.why != "", deliveries.c.kind != "manual"
        )
        why = connection.execute(said_last.order_by(deliveries.c.id.desc()).limit(1)).scalar() or ""
        found[row.destination] = {
            "waiting": row.waiting,
            "refused": row.refused,
            "failed": row.failed,
            "oldest_seconds": round(max(0.0, now - row.oldest)),
            "why": why,
        }
    return found


def said(moment: float) -> str:
    """A moment as people read it: local time, with its offset."""
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def spool_path(config: Config, name: str) -> Path:
    """Where a file of the spool lies."""
    return config.data / "spool" / name
