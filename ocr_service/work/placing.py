"""Where a unit's report is to be: which destinations its facts choose, and what happens there.

Knows units and destinations; must not know how a unit was read, or how anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlalchemy import Connection, Row, and_, exists, or_, select, update

from ocr_service.config import Config, Destination
from ocr_service.errors import OutputError
from ocr_service.network.lanes import Provenance, destinations_for
from ocr_service.work import deliveries, studies
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.inbox import day_of
from ocr_service.work.outbox import Outbox
from ocr_service.work.rejecting import Rejecting
from ocr_service.work.store import Store
from ocr_service.work.tables import acts, disbelieved, units
from ocr_service.work.tables import deliveries as sent

COMMISSIONING, RECALLED = "commissioning", "recalled"  # why a report is held back


@dataclass(frozen=True, slots=True)
class Desk:
    """What recording needs. drafts: where this reading's RDSRs lie."""

    store: Store
    outbox: Outbox
    config: Config
    rejecting: Rejecting


def plan_for(
    desk: Desk,
    connection: Connection,
    unit: str,
    facts: Provenance,
    new: Document | None,
    *,
    none_stays: bool,
    now: float,
    first: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, int]:
    """Plan a unit's deliveries to the destinations that its facts choose, and to those that have it already.

    Where a report of the unit stands that would not go there any more, since a rule or a fact has changed, it stays,
    and what corrects it goes there too: a wrong number is corrected wherever it is. What was not sent yet is not sent.
    first: by destination, a row that is to be done before. By destination, the last row that takes something back.
    """
    chosen = {*destinations_for(facts, desk.config.destination), *_have_it(connection, unit)}
    what = Plan(unit, new, none_stays, desk.rejecting.note, now, day_of(now), first)
    here = [one for one in desk.config.destination if one.name in chosen]
    others = [one for one in desk.config.destination if one.name not in chosen]
    done = deliveries.plan(connection, what, here)
    if new is not None or none_stays:
        done |= deliveries.plan(connection, replace(what, new=None, none_stays=True), others)
    return done


def _have_it(connection: Connection, unit: str) -> set[str]:
    """Destinations that have a report of the unit, or may have, or get one in the place of such a one just now."""
    its = (sent.c.unit == unit, sent.c.kind == "rdsr", sent.c.state != "refused")
    arrived = or_(sent.c.acknowledged_at.is_not(None), sent.c.sent_at.is_not(None), sent.c.committing != "")
    counts = and_(sent.c.superseded.is_(False), sent.c.state != "recalled")
    ever = connection.execute(select(sent.c.destination).where(*its, arrived)).scalars()
    now = connection.execute(select(sent.c.destination).where(*its, counts)).scalars()
    return set(ever) & set(now)


def facts_of(row: Row[tuple[object, ...]]) -> Provenance:
    """What a unit's destinations are chosen by."""
    return provenance(row.calling_ae, row.station, row.manufacturer)


def provenance(calling_ae: str, station: str, manufacturer: str) -> Provenance:
    """The same. calling_ae: one title or several, parted by backslashes."""
    return Provenance(frozenset(calling_ae.split("\\")), station, manufacturer)


def recall_late(desk: Desk, connection: Connection, number: int, destination: Destination, now: float) -> None:
    """A document arrived although it was taken back while it was on its way: take it back there now."""
    row = connection.execute(select(sent).where(sent.c.id == number)).one()
    what = Plan(row.unit, None, True, desk.rejecting.note, now, day_of(now))
    try:
        deliveries.recall_late(connection, number, what, destination)
    except OutputError:  # nobody would remember it if this were broken off: a person does it
        by_hand = destination.model_copy(update={"correction": "manual"})
        deliveries.recall_late(connection, number, what, by_hand)


def release(desk: Desk, template: str, console: str, now: float) -> int:
    """A scanner was accepted: what waited for that is sent; how many reports."""
    with desk.store.begin() as connection:
        held = connection.execute(
            select(units).where(
                units.c.template == template,
                units.c.console == console,
                units.c.held == COMMISSIONING,
                units.c.outcome == "verified",
                units.c.sop_instance_uid.not_in(select(disbelieved.c.sop_instance_uid)),
                ~exists().where(acts.c.unit == units.c.id, acts.c.at > units.c.read_at),  # it is read again, and signed
            )
        ).all()
        for row in held:
            connection.execute(update(units).where(units.c.id == row.id).values(held=""))
            new = Document(row.rdsr, row.sop_instance_uid)
            plan_for(desk, connection, row.id, facts_of(row), new, none_stays=False, now=now)
        return len(held)


def is_reported(unit: Row[tuple[object, ...]]) -> bool:
    """Does a report of ours stand for this unit?"""
    return bool(unit.sop_instance_uid) and unit.outcome != "skipped" and unit.held != RECALLED


def read_followers(connection: Connection, leader: Row[tuple[object, ...]], now: float) -> None:
    """Linked orders that were left to a unit which is not reported any more are read again."""
    left = select(units.c.study).where(
        units.c.examination == leader.examination,
        units.c.examination != "",
        units.c.study != leader.study,
        units.c.outcome == "skipped",
    )
    followers = list(connection.execute(left).scalars())
    studies.read_again(connection, followers, f"leader:{leader.id}:{now:.0f}", now)
