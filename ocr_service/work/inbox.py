"""Where the receiver and the retriever leave what came: a file of the spool and a row of the database, both synced.

Knows the order that keeps an object from being lost: file, folder, record, and only then the answer. Must not know
what the object is: its header is read later, by a worker.
"""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import insert

from ocr_service.config import Config
from ocr_service.errors import OutputError, StoreError
from ocr_service.network.arrivals import Arrival, Committed, Step
from ocr_service.work import deliveries
from ocr_service.work.spool import Kept, Spool
from ocr_service.work.store import Store, open_store
from ocr_service.work.tables import objects, steps


def day_of(moment: float) -> str:
    """The local date by which the ledgers are kept."""
    return datetime.fromtimestamp(moment).astimezone().date().isoformat()


class DurableInbox:
    """The `Inbox` of `network.arrivals`. machine: this machine's name, whose workers sort what it received."""

    def __init__(self, spool: Spool, store: Store, machine: str) -> None:
        self._spool, self._store, self._machine = spool, store, machine

    def keep(self, arrival: Arrival) -> None:
        """OutputError, StoreError: nothing is half kept then."""
        now = time.time()
        kept = self._spool.keep(arrival.encoded, day_of(now))
        row = {
            "name": kept.name,
            "received_at": now,
            "day": day_of(now),
            "sop_instance_uid": arrival.sop_instance_uid[:64],
            "sop_class_uid": arrival.sop_class_uid[:64],
            "digest": kept.digest,
            "bytes": kept.bytes,
            "calling_ae": arrival.calling_ae[:16],
            "address": arrival.address[:64],
            "via": arrival.via[:48],
            "machine": self._machine,
        }
        self._record(kept, objects, row)

    def keep_step(self, step: Step) -> None:
        """OutputError, StoreError."""
        now = time.time()
        kept = self._spool.keep(step.encoded, day_of(now), "steps")
        row = {
            "name": kept.name,
            "received_at": now,
            "sop_instance_uid": step.sop_instance_uid[:64],
            "created": step.created,
            "calling_ae": step.calling_ae[:16],
        }
        self._record(kept, steps, row)

    def committed(self, told: Committed) -> None:
        """StoreError."""
        deliveries.committed(self._store, told, time.time())

    def full(self) -> str | None:
        """Why nothing is taken now; also where the disk does not answer."""
        try:
            return self._spool.full()
        except OutputError as error:
            return str(error)

    def _record(self, kept: Kept, table, row: dict[str, object]) -> None:  # type: ignore[no-untyped-def]
        try:
            with self._store.begin() as connection:
                connection.execute(insert(table).values(**row))
        except StoreError:
            self._spool.remove(kept.name)
            raise


def open_inbox(config: Config) -> DurableInbox:
    """The inbox of a configuration, for a process of its own. StoreError."""
    store = open_store(config)
    folder = config.data / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    return DurableInbox(Spool(folder, config.keeping.minimum_free), store, config.operation.machine)
