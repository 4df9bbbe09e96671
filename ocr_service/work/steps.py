"""Procedure steps (MPPS) that arrived: of which studies they are, and what that opens again.

A step is told in several requests, and mostly only the first names its studies, so its requests are joined by the
step's SOP Instance UID, in whatever order they are sorted. Knows rows; must not know what a step says of dose.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from ocr_service.config import Reading
from ocr_service.work.sorting import BROKEN, Sorted, SortedStep
from ocr_service.work.store import Store
from ocr_service.work.studies import STEP, touch
from ocr_service.work.tables import step_studies, steps

_BATCH = 100


def kept(store: Store) -> list[tuple[int, str]]:
    """Requests that nobody has looked at: number and name of the file."""
    new = select(steps.c.id, steps.c.name).where(steps.c.state == "kept").order_by(steps.c.id).limit(_BATCH)
    with store.begin(reading=True) as connection:
        return [(number, name) for number, name in connection.execute(new)]


def sort_out(store: Store, told: Sequence[SortedStep], rules: Reading, now: float) -> None:
    """Record of which studies the requests' steps are, and when these are to be read again."""
    with store.begin() as connection:
        for one in told:
            this = (steps.c.id == one.number, steps.c.state == "kept")
            row = connection.execute(select(steps).where(*this).with_for_update()).one_or_none()
            if row is None:  # another worker was quicker
                continue
            connection.execute(update(steps).where(*this).values(state=BROKEN if one.broken else "sorted"))
            for study in _studies(connection, row.sop_instance_uid, one.studies):
                touch(connection, Sorted(0, STEP, study), row.received_at, rules, now)


def _studies(connection: Connection, step: str, named: Sequence[str]) -> list[str]:
    """All studies that are known of the step, with those that this request names."""
    found = select(step_studies.c.study).where(step_studies.c.sop_instance_uid == step)
    known = set(connection.execute(found).scalars())
    new = sorted(set(named) - known)
    if new:
        connection.execute(insert(step_studies), [{"sop_instance_uid": step, "study": study} for study in new])
    return sorted({*known, *new})


def failed(store: Store, number: int) -> None:
    """A request cost a process its life: it is not opened again."""
    with store.begin() as connection:
        connection.execute(update(steps).where(steps.c.id == number).values(state="failed"))
