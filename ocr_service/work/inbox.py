"""Where the receiver and the retriever leave what came: a file of the spool and a row of the database, both synced.

Knows the order that keeps an object from being lost: file, folder, record, and only then the answer. Must not know
what the object is: its header is read later, by a worker.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from sqlalchemy import Table, insert, select

from ocr_service.config import Config
from ocr_service.errors import OutputError, StoreError
from ocr_service.network.arrivals import Arrival, Committed, Step
from ocr_service.work import commitments
from ocr_service.work.spool import Kept, Spool, digest_of_data_set
from ocr_service.work.store import Store, open_store
from ocr_service.work.tables import objects, steps

FOUND = "found"  # how a file came that lay in the spool, and no row knew
_TOGETHER = 100  # objects of one transaction
_INSERT = {table: insert(table) for table in (objects, steps)}  # made once: a receiver has little time for each object


def day_of(moment: float) -> str:
    """The local date by which the ledgers are kept."""
    return datetime.fromtimestamp(moment).astimezone().date().isoformat()


@dataclass(slots=True)
class _Waiting:
    """A file that is written, and the row that makes it ours."""

    name: str
    table: Table
    row: dict[str, object]
    done: Future[None] = field(default_factory=Future)


class DurableInbox:
    """The `Inbox` of `network.arrivals`. machine: this machine's name, whose workers sort what it received.

    Each caller writes and syncs its own file; names, folder and rows of all that wait at one moment are made durable
    together, by the one of them whose turn it is. A thread for that would cost each object two changes of thread.
    """

    def __init__(self, spool: Spool, store: Store, machine: str, titles: Mapping[str, str] | None = None) -> None:
        """titles: the destinations' AE titles, of which alone storage commitments are heard; None: anyone's."""
        self._spool, self._store, self._machine, self._titles = spool, store, machine, titles
        self._waiting: SimpleQueue[_Waiting] = SimpleQueue()
        self._turn = Lock()

    def keep(self, arrival: Arrival) -> None:
        """OutputError, StoreError: nothing is half kept then."""
        now = time.time()
        day = day_of(now)
        head = 1 if len(arrival.encoded) > 1 else 0  # file meta: it names the sender
        kept = self._spool.lay(arrival.encoded, day, head=head)
        row: dict[str, object] = {
            "name": kept.name,
            "received_at": now,
            "day": day,
            "sop_instance_uid": _text(arrival.sop_instance_uid, 64),
            "sop_class_uid": _text(arrival.sop_class_uid, 64),
            "digest": kept.digest,
            "bytes": kept.bytes,
            "calling_ae": _text(arrival.calling_ae, 16),
            "address": arrival.address[:64],
            "via": arrival.via[:48],
            "machine": self._machine,
        }
        self._commit(kept, objects, row)

    def keep_step(self, step: Step) -> None:
        """OutputError, StoreError."""
        now = time.time()
        kept = self._spool.lay(step.encoded, day_of(now), "steps")
        row: dict[str, object] = {
            "name": kept.name,
            "received_at": now,
            "sop_instance_uid": _text(step.sop_instance_uid, 64),
            "created": step.created,
            "calling_ae": _text(step.calling_ae, 16),
        }
        self._commit(kept, steps, row)

    def take_in(self, name: str) -> None:
        """Record a file of the spool that no row knows. StoreError; OutputError where it cannot be read."""
        path = self._spool.path(name)
        try:
            content, moment = path.read_bytes(), path.stat().st_mtime
        except OSError as error:
            raise OutputError(f"a file of the spool cannot be read: {error.strerror}") from error
        row: dict[str, object] = {"name": name, "received_at": moment, "sop_instance_uid": "", "calling_ae": ""}
        table = objects
        if name.startswith("steps/"):  # whether it was an N-CREATE is not known: a step is what its requests add up to
            table = steps
            row |= {"created": False, "sop_instance_uid": _named_in(content)}
        else:
            row |= {
                "day": Path(name).parent.name,  # of its folder, as every other row's
                "sop_class_uid": "",
                "digest": digest_of_data_set(content),
                "bytes": len(content),
                "address": "",
                "via": FOUND,
                "machine": self._machine,
            }
        with self._store.begin() as connection:
            connection.execute(insert(table).values(**row))

    def committed(self, told: Committed) -> None:
        """StoreError."""
        commitments.committed(self._store, told, time.time(), self._titles)

    def full(self) -> str | None:
        """Why nothing is taken now; also where the disk does not answer."""
        try:
            return self._spool.full()
        except OutputError as error:
            return str(error)

    def _commit(self, kept: Kept, table: Table, row: dict[str, object]) -> None:
        waiting = _Waiting(kept.name, table, row)
        self._waiting.put(waiting)
        with self._turn:
            while not waiting.done.done():
                self._commit_some()
        waiting.done.result()

    def _commit_some(self) -> None:
        """Those that have waited longest."""
        some: list[_Waiting] = []
        while len(some) < _TOGETHER and not self._waiting.empty():
            some.append(self._waiting.get())
        try:
            self._commit_together(some)
        except BaseException as error:  # noqa: BLE001 (whoever waits hears it, whatever it is)
            for one in some:
                one.done.set_exception(error)
        else:
            for one in some:
                one.done.set_result(None)

    def _commit_together(self, some: list[_Waiting]) -> None:
        """Names and rows of several files: all of them or none. OutputError, StoreError."""
        self._spool.settle([one.name for one in some])
        try:
            with self._store.begin() as connection:
                for table in {one.table for one in some}:
                    connection.execute(_INSERT[table], [one.row for one in some if one.table is table])
        except StoreError:
            self._take_away(some)
            raise

    def _take_away(self, some: list[_Waiting]) -> None:
        """Remove files whose rows are not there; where nobody can tell, `tidying` does it when the database answers."""
        with suppress(StoreError, OutputError):
            for one in some:
                with self._store.begin(reading=True) as connection:
                    known = connection.execute(select(one.table.c.id).where(one.table.c.name == one.name)).first()
                if known is None:
                    self._spool.remove(one.name)


def _text(told: str, most: int) -> str:
    """What a peer says, as its column takes it: PostgreSQL has no NUL, and one bad row would cost all of its moment."""
    return told.replace("\0", "")[:most]


def _named_in(content: bytes) -> str:
    """The SOP Instance UID of a file's meta information; "" where it has none."""
    try:
        told = dcmread(BytesIO(content), stop_before_pixels=True).file_meta.get("MediaStorageSOPInstanceUID", "")
    except (InvalidDicomError, AttributeError, EOFError, OSError, TypeError, ValueError):
        return ""
    return str(told)[:64]


def open_inbox(config: Config) -> DurableInbox:
    """The inbox of a configuration, for a process of its own. StoreError."""
    store = open_store(config)
    folder = config.data / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    titles = {one.name: one.ae_title or "" for one in config.destination}
    return DurableInbox(Spool(folder, config.keeping.minimum_free), store, config.operation.machine, titles)
