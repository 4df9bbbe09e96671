"""Whose objects stay although their time would be over: those of units whose report nobody has acknowledged.

Knows rows; must not know files. `retention` begins with the last acknowledgement of a report. Where no destination is
configured, or none is meant for it, nobody ever has it but us, and what it was read from is all there is.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists

from ocr_service.config import Keeping
from ocr_service.work.tables import REPORTED, deliveries, objects, studies, units

AT_REST = (*REPORTED, "skipped")


def nobody_has_it(keeping: Keeping) -> ColumnElement[bool]:
    """Of a unit: it has a report, which no destination has ever acknowledged, and `keeping` says that this counts.

    That one has an older report of it says nothing of this one.
    """
    acknowledged = exists().where(
        deliveries.c.unit == units.c.id,
        deliveries.c.kind == "rdsr",
        deliveries.c.sop_instance_uid == units.c.sop_instance_uid,
        deliveries.c.acknowledged_at.is_not(None),
    )
    counts = units.c.outcome.in_(REPORTED) if keeping.unacknowledged else units.c.outcome.in_(())
    return and_(counts, units.c.sop_instance_uid != "", ~acknowledged)


def kept_for_that(keeping: Keeping, now: float) -> ColumnElement[bool]:
    """Of a unit: its time is over, and its objects stay only because nobody has its report. now: seconds since 1970."""
    before = now - keeping.retention.total_seconds()
    over = exists().where(studies.c.study == units.c.study, studies.c.last_arrival < before)
    here = exists().where(objects.c.study == units.c.study, objects.c.on_disk.is_(True))
    return and_(units.c.read_at <= before, units.c.held == "", nobody_has_it(keeping), over, here)
