"""Every unit's report, against what is to be at the destinations, the outbox, the workflows and the audit trail.

Knows the rows of units, deliveries and acts; must not know objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Row, Table, exists, func, literal, select

from ocr_service.network.lanes import destinations_for
from ocr_service.work import sending_rules
from ocr_service.work.audit_trail import read_trail
from ocr_service.work.deliveries import ON_THE_WAY
from ocr_service.work.ledger_objects import Fault, Look, workflow_of
from ocr_service.work.placing import COMMISSIONING, RECALLED, facts_of
from ocr_service.work.tables import REPORTED, acts, deliveries, objects, scanners, studies, units
from ocr_service.work.workflow_states import on_the_way

OUTCOMES: Final = ("verified", "header", "needs_review", "unreadable", "skipped", "failed")
STATES: Final = ("acknowledged", "waiting", "refused", "failed", "recalled")
KINDS: Final = ("rdsr", "rejection", "manual")
_DECISIONS: Final = ("confirm", "correct", "reject")

_Row = Row[tuple[object, ...]]


def faults(look: Look) -> Iterator[Fault]:
    """Whatever is wrong with units, deliveries and acts. StoreError, OutputError."""
    yield from _units(look)
    yield from _twice(look)
    yield from _emitted(look)
    yield from _deliveries(look)
    yield from _forgotten_deliveries(look)
    yield from _decisions(look)
    yield from _held(look)
    if not look.day:
        yield from _trail(look)
        yield from _gaps(look)


def _of(look: Look, table: Table) -> ColumnElement[bool]:
    return table.c.day == look.day if look.day else literal(True)


def _units(look: Look) -> Iterator[Fault]:
    for row in look.connection.execute(select(units).where(units.c.outcome.not_in(OUTCOMES), _of(look, units))):
        yield Fault(f"unit {row.id}", f"it is in no column of the ledger: its outcome is {row.outcome!r}")


def _twice(look: Look) -> Iterator[Fault]:
    """One scanner's part of a study is one unit; one examination is reported once; a document is sent once."""
    other = units.alias("other")
    same = exists().where(other.c.study == units.c.study, other.c.scanner == units.c.scanner, other.c.id < units.c.id)
    for (name,) in look.connection.execute(select(units.c.id).where(same, _of(look, units))):
        yield Fault(f"unit {name}", "there is another unit of the same study and scanner")
    linked = exists().where(
        other.c.examination == units.c.examination,
        other.c.patient == units.c.patient,
        other.c.study != units.c.study,
        other.c.outcome.in_(REPORTED),
        other.c.sop_instance_uid != "",
        other.c.id < units.c.id,
    )
    reported = (units.c.outcome.in_(REPORTED), units.c.sop_instance_uid != "", units.c.examination != "")
    for (name,) in look.connection.execute(select(units.c.id).where(*reported, linked, _of(look, units))):
        yield Fault(f"unit {name}", "its examination is reported under another study, too")
    first = deliveries.alias("first")
    again = exists().where(
        first.c.destination == deliveries.c.destination,
        first.c.kind == "rdsr",
        first.c.sop_instance_uid == deliveries.c.sop_instance_uid,
        first.c.state != "recalled",
        first.c.id < deliveries.c.id,
    )
    live = (deliveries.c.kind == "rdsr", deliveries.c.state != "recalled", _of(look, deliveries))
    for (number,) in look.connection.execute(select(deliveries.c.id).where(*live, again)):
        yield Fault(f"delivery {number}", "the same report has another row for this destination")


def _emitted(look: Look) -> Iterator[Fault]:
    """Each report that is to be sent has one row at each destination that its facts choose, and no older one stays."""
    since = sending_rules.since(look.connection, look.config)
    names = look.connection.execute(select(units.c.id).where(_of(look, units)).order_by(units.c.id)).scalars().all()
    for start in range(0, len(names), 500):  # their reports are long
        which = units.c.id.in_(names[start : start + 500])
        some = look.connection.execute(select(units).where(which).order_by(units.c.id)).all()
        told: dict[str, list[_Row]] = {row.id: [] for row in some}
        sent = select(deliveries).where(deliveries.c.unit.in_(told), deliveries.c.kind == "rdsr")
        for one in look.connection.execute(sent):
            told[one.unit].append(one)
        for row in some:
            yield from _emitted_unit(look, row, told[row.id], since)


def _emitted_unit(look: Look, row: _Row, sent: Sequence[_Row], since: Mapping[str, float]) -> Iterator[Fault]:
    about = f"unit {row.id}"
    if row.sop_instance_uid and not (look.config.data / "outbox" / row.rdsr).is_file():
        yield Fault(about, "its report is not in the outbox")
    asked = since.get(sending_rules.EMIT, row.read_at + 1) <= row.read_at and row.outcome in look.config.reading.emit
    if asked and row.outcome in REPORTED and not row.sop_instance_uid and json.loads(row.report)["events"]:
        yield Fault(about, f"it is {row.outcome} and has no report")
    if row.held == COMMISSIONING or not (row.sop_instance_uid or row.outcome == "skipped"):
        return
    for name in destinations_for(facts_of(row), look.config.destination):
        if since.get(sending_rules.of_destination(name), row.read_at + 1) > row.read_at:
            continue
        there = [one for one in sent if one.destination == name]
        wanted = 1 if row.sop_instance_uid and row.outcome != "skipped" and row.held != RECALLED else 0
        states = (*ON_THE_WAY, "refused", "failed") if wanted else ON_THE_WAY
        current = [one for one in there if one.sop_instance_uid == row.sop_instance_uid and one.state in states]
        if len(current) != wanted:
            yield Fault(about, f"its report has {len(current)} rows for destination {name}, and {wanted} are due")
        for one in there:
            stays = one.state in ON_THE_WAY and not one.superseded and one not in current
            if stays:
                yield Fault(f"delivery {one.id}", "it is no report of its unit any more, and was not taken back")


def _deliveries(look: Look) -> Iterator[Fault]:
    """Each row is in one column, has its document, and what was taken back was taken back where it had arrived."""
    outbox = look.config.data / "outbox"
    taken = _taken_back(look)
    for row in look.connection.execute(select(deliveries).where(_of(look, deliveries))).all():
        about = f"delivery {row.id}"
        if row.state not in STATES or row.kind not in KINDS:
            yield Fault(about, f"it is in no column of the ledger: {row.kind!r} is {row.state!r}")
        document = outbox / row.file
        if not document.is_file() or not document.stat().st_size:
            yield Fault(about, "its document is not in the outbox")
        elif document.name != f"{row.sop_instance_uid}.dcm":
            yield Fault(about, "its document is another one than its row says")
        if row.state == "acknowledged" and row.acknowledged_at is None:
            yield Fault(about, "it counts as acknowledged, and nobody acknowledged it")
        arrived = row.kind == "rdsr" and row.state == "recalled" and row.acknowledged_at is not None
        if arrived and taken.get((row.unit, row.destination), 0) < row.id:
            yield Fault(about, "it was taken back after it had arrived, and the destination was not told")


def _taken_back(look: Look) -> dict[tuple[str, str], int]:
    """The newest row that tells a destination to take a unit's report back."""
    found = look.connection.execute(
        select(deliveries.c.unit, deliveries.c.destination, func.max(deliveries.c.id))
        .where(deliveries.c.kind.in_(("rejection", "manual")))
        .group_by(deliveries.c.unit, deliveries.c.destination)
    )
    return {(unit, destination): newest for unit, destination, newest in found}


def _forgotten_deliveries(look: Look) -> Iterator[Fault]:
    """What waits will be sent: a workflow has it, or it will be given to one."""
    waiting = (deliveries.c.state == "waiting", deliveries.c.kind != "manual", _of(look, deliveries))
    begun = select(deliveries.c.id, deliveries.c.batch).where(*waiting, deliveries.c.batch != "")
    names = {row.id: row.batch for row in look.connection.execute(begun)}
    alive = on_the_way(look.config, names.values())
    for number, name in names.items():
        if name not in alive:
            yield Fault(f"delivery {number}", "it waits, and nobody sends it")
    first = deliveries.alias("first")
    known = exists().where(first.c.id == deliveries.c.after)
    lost = select(deliveries.c.id).where(*waiting, deliveries.c.after.is_not(None), ~known)
    for (number,) in look.connection.execute(lost):
        yield Fault(f"delivery {number}", "it waits for a row that is not there")


def _decisions(look: Look) -> Iterator[Fault]:
    """What a person decided was carried out: the unit was read again after it."""
    rows = look.connection.execute(
        select(acts.c.id, units.c.study, studies.c.cause)
        .join(units, units.c.id == acts.c.unit)
        .join(studies, studies.c.study == units.c.study)
        .where(
            acts.c.kind.in_(_DECISIONS),
            acts.c.at > units.c.read_at,
            studies.c.due_at.is_(None),
            studies.c.state != "failed",
            _of(look, units),
        )
    ).all()
    names = {row.id: workflow_of(look, row.study, row.cause) for row in rows}
    alive = on_the_way(look.config, names.values())
    for number, name in names.items():
        if name not in alive:
            yield Fault(f"act {number}", "a person decided, and the unit was not read again since")


def _held(look: Look) -> Iterator[Fault]:
    """No report waits for the acceptance of a scanner that was accepted."""
    accepted = exists().where(
        scanners.c.template == units.c.template,
        scanners.c.console == units.c.console,
        scanners.c.accepted_at.is_not(None),
    )
    held = select(units.c.id).where(units.c.held == COMMISSIONING, accepted, _of(look, units))
    for (name,) in look.connection.execute(held):
        yield Fault(
            f"unit {name}", "its report waits for its scanner's acceptance, and that was given: accept it again"
        )


def _trail(look: Look) -> Iterator[Fault]:
    """The audit trail is whole, and tells of each act and of each document that was sent."""
    seen = read_trail(look.config.data / "audit")
    for sentence in seen.faults:
        yield Fault("audit trail", sentence)
    for (number,) in look.connection.execute(select(acts.c.id)):
        if number not in seen.acts:
            yield Fault(f"act {number}", "the audit trail does not tell of it")
    arrived = select(deliveries.c.id).where(deliveries.c.acknowledged_at.is_not(None), deliveries.c.kind != "manual")
    for (number,) in look.connection.execute(arrived):
        if number not in seen.sent:
            yield Fault(f"delivery {number}", "it is acknowledged, and the audit trail does not tell of it")


def _gaps(look: Look) -> Iterator[Fault]:
    """No row was removed: SQLite numbers rows without gaps. PostgreSQL leaves some where a transaction ended badly."""
    if look.connection.dialect.name != "sqlite":
        return
    for table, name in ((objects, "object"), (deliveries, "delivery"), (acts, "act")):
        before = table.alias("before")
        here = exists().where(before.c.id == table.c.id - 1)
        for (number,) in look.connection.execute(select(table.c.id).where(table.c.id > 1, ~here)):
            yield Fault(f"{name} {number - 1}", "its row, and perhaps others before it, was removed")
