"""What the records say is under way, and no workflow does: it is begun anew.

A workflow that ended by a fault of its own database, or a backup restored without it, would leave such rows. Knows
rows and names of workflows; must not know DBOS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, and_, func, select, update

from ocr_service.work import studies
from ocr_service.work.store import Store
from ocr_service.work.studies import Due
from ocr_service.work.tables import READ_NOW, acts, deliveries, units
from ocr_service.work.tables import studies as study_rows

_SOME = 500  # rows a round, any of them: where more are under way, another round looks at the others
ALIVE = ("PENDING", "ENQUEUED", "DELAYED")
States = Callable[[Sequence[str]], Mapping[str, str]]


def begin_anew(store: Store, states: States, now: float) -> tuple[int, int]:
    """Let studies and documents that nobody works on be begun anew; how many of each. StoreError.

    states: of workflows, by name; one that is not known is not in it. A row is changed only where it still says the
    same after its workflow was asked for.
    """
    with store.begin(reading=True) as connection:
        reading = _read_now(connection)
        batches = select(deliveries.c.batch).where(*_ON_ITS_WAY).distinct()
        sending = list(connection.execute(batches.limit(_SOME)).scalars())
    names = [*(due.workflow_id for due in reading), *sending]
    known = states(names) if names else {}
    lost = [due for due in reading if known.get(due.workflow_id) not in ALIVE]
    stopped = [batch for batch in sending if known.get(batch) not in ALIVE]
    if not lost and not stopped:
        return 0, 0
    with store.begin() as connection:
        again = [due for due in lost if due in _read_now(connection, due.study)]
        studies.read_again(connection, [due.study for due in again], f"anew:{now:.0f}", now)
        return len(again), sum(_send_anew(connection, batch) for batch in stopped)


_ON_ITS_WAY = (deliveries.c.state == "waiting", deliveries.c.batch != "")


def _send_anew(connection: Connection, batch: str) -> int:
    """Let the documents of a batch be sent by another one, of another name; how many they are."""
    rows = connection.execute(select(deliveries).where(*_ON_ITS_WAY, deliveries.c.batch == batch)).all()
    for row in rows:
        same = and_(
            deliveries.c.destination == row.destination,
            deliveries.c.kind == row.kind,
            deliveries.c.sop_instance_uid == row.sop_instance_uid,
        )
        turn = connection.execute(select(func.max(deliveries.c.turn)).where(same)).scalar_one() + 1
        connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(batch="", turn=turn))
    return len(rows)


def _read_now(connection: Connection, study: str = "") -> list[Due]:
    """Studies that are being read: begun, and not recorded since; also those that a person has decided about since.

    study: only this one.
    """
    decided = (
        select(units.c.study)
        .join(acts, acts.c.unit == units.c.id)
        .where(acts.c.kind.in_(("confirm", "correct", "reject")), acts.c.at > units.c.read_at)
    )
    if study:  # else all that persons ever did would be gone through for each one
        decided = decided.where(units.c.study == study)
    signed = (study_rows.c.due_at.is_(None), study_rows.c.cause.startswith("act:"), study_rows.c.study.in_(decided))
    rows = set()
    for begun in ((READ_NOW,), signed):  # one after the other: for either there is an index, for both there is none
        its = select(study_rows.c.study, study_rows.c.cause).where(*begun)
        if study:
            its = its.where(study_rows.c.study == study)
        rows |= {(name, cause) for name, cause in connection.execute(its.order_by(func.random()).limit(_SOME))}
    return [Due(name, studies.digest_of(connection, name), cause) for name, cause in sorted(rows)]
