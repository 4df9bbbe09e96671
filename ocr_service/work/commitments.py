"""Storage commitments that are asked for and heard of (PS3.4 J): rows of documents on their way.

Knows rows and what a peer says; must not know how it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy import and_, select, update

from ocr_service.network.arrivals import Committed
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries

log = structlog.get_logger()


def committing(store: Store, number: int, transaction_uid: str) -> bool:
    """A storage commitment is asked for, of what has been sent. False where it does not wait any more."""
    with store.begin() as connection:
        this = (deliveries.c.id == number, deliveries.c.state == "waiting")
        return bool(connection.execute(update(deliveries).where(*this).values(committing=transaction_uid)).rowcount)


def committed(store: Store, told: Committed, now: float, titles: Mapping[str, str] | None = None) -> None:
    """What a peer says of a storage commitment. StoreError.

    titles: the destinations' AE titles; what another one says of theirs is not heard. None: whoever says it.
    """
    failed = dict(told.failed)
    with store.begin() as connection:
        asked = and_(deliveries.c.committing == told.transaction_uid, deliveries.c.committing != "")
        for row in connection.execute(select(deliveries).where(asked, deliveries.c.state == "waiting")).all():
            if titles is not None and titles.get(row.destination) != told.calling_ae.strip():
                log.warning("commitment_of_another", destination=row.destination, calling_ae=told.calling_ae)
                continue
            if row.sop_instance_uid in told.kept:
                values = {"state": "acknowledged", "acknowledged_at": now, "why": "storage committed", "woken": True}
            elif row.sop_instance_uid in failed:
                why = f"the destination does not commit to its storage (reason {failed[row.sop_instance_uid]:04X})"
                values = {"committing": "", "why": why, "woken": True, "next_at": None}
            else:
                continue
            # It may have been taken back just now: then it is not acknowledged, and its recall is on its way.
            this = (deliveries.c.id == row.id, deliveries.c.state == "waiting")
            connection.execute(update(deliveries).where(*this).values(**values))
