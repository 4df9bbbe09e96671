"""Units that a reading names no more: their objects are another unit's now, or cannot be read, or are gone.

Knows rows; must not know how a study was read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, Row, select, update

from ocr_service.work import believing
from ocr_service.work.placing import RECALLED, Desk, facts_of, plan_for
from ocr_service.work.tables import REPORTED, objects, units


def objects_in(unit: Row[tuple[object, ...]]) -> set[str]:
    """The SOP Instance UIDs of the objects that a unit was last read from."""
    return set(json.loads(unit.report).get("sop_instance_uids", ()))


def united(desk: Desk, connection: Connection, study: str, ids: Sequence[str], now: float) -> dict[str, int]:
    """A unit whose objects belong to another one now, since their scanner is better known, ends as skipped.

    One whose objects cannot be read any more keeps its report, and a person has to look where something is wrong. By
    destination, the last row that takes something back.
    """
    first: dict[str, int] = {}
    left = connection.execute(
        select(units).where(units.c.study == study, units.c.id.not_in(ids), units.c.outcome != "skipped")
    ).all()
    for row in left:
        its = update(units).where(units.c.id == row.id)
        if ids and (row.outcome == "failed" or _was_read(connection, row)):
            connection.execute(its.values(outcome="skipped", held=""))
            first |= plan_for(desk, connection, row.id, facts_of(row), None, none_stays=True, now=now)
        elif believing.is_disbelieved(connection, row):
            connection.execute(its.values(outcome="needs_review", held=""))
            plan_for(desk, connection, row.id, facts_of(row), None, none_stays=True, now=now)
        elif not _is_retired(connection, row) and row.outcome in REPORTED:
            connection.execute(its.values(outcome="needs_review", held=RECALLED if row.held == RECALLED else ""))
    return first


def _was_read(connection: Connection, unit: Row[tuple[object, ...]]) -> bool:
    """Could this reading open any of the unit's objects?"""
    its = objects.c.sop_instance_uid.in_(objects_in(unit))
    opened = select(objects.c.id).where(its, objects.c.on_disk.is_(True), objects.c.state.in_(("in_use", "context")))
    return connection.execute(opened.limit(1)).first() is not None


def _is_retired(connection: Connection, unit: Row[tuple[object, ...]]) -> bool:
    """Are all its objects gone, since their time was over? Then what it says stands, whoever reads the study."""
    uids = objects_in(unit)
    here = select(objects.c.id).where(objects.c.sop_instance_uid.in_(uids), objects.c.on_disk.is_(True))
    return bool(uids) and connection.execute(here.limit(1)).first() is None
