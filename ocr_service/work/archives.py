"""What the archives are asked for: a study's context before it is read, and the memory of sweeps.

Knows rows and archives; must not know how either is spoken to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import BytesIO

import structlog
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from ocr_service.config import Pacs
from ocr_service.errors import InputError, OutputError, StoreError
from ocr_service.network.arrivals import Arrival, Committed, Inbox, Step
from ocr_service.network.retriever import context_of_study
from ocr_service.study import attributes
from ocr_service.work import studies
from ocr_service.work.inventory import Role
from ocr_service.work.objects import read_object
from ocr_service.work.store import Store
from ocr_service.work.studies import CONTEXT
from ocr_service.work.tables import NOT_ALL_TOLD, fetched, objects
from ocr_service.work.tables import studies as studies_table
from ocr_service.work.unit import fault_in_words
from ocr_service.work.worker import Worker

log = structlog.get_logger()
MOST_ASKS, PAUSE = 12, 600.0  # how often a study is asked for again, and the seconds between, more each time
_SOME, _SOON = 2, 5.0  # studies a round, and the seconds that one may take
ANSWER = f"{CONTEXT}answer:"  # a header that an archive's answer told, not the object's own


class _ContextInbox:
    """Keeps what was asked for beside a study's screens, under a name that lets it open no study again."""

    def __init__(self, inbox: Inbox, pacs: Pacs) -> None:
        self._inbox, self._via = inbox, f"{CONTEXT}{pacs.name}"

    def keep(self, arrival: Arrival) -> None:
        self._inbox.keep(replace(arrival, via=self._via))

    def keep_step(self, step: Step) -> None:
        self._inbox.keep_step(step)

    def committed(self, told: Committed) -> None:
        self._inbox.committed(told)

    def full(self) -> str | None:
        return self._inbox.full()


def ask(worker: Worker, study: str, seconds: float = 60.0) -> int:
    """Bring what the archives have of a study beside its dose screens; how many objects are new here.

    An archive that did not tell all it has is asked again later (`ask_again`). StoreError, OutputError.
    """
    brought, away = 0, False
    for pacs in worker.config.pacs:
        if not pacs.context:
            continue
        memory = MemoryOfWhatIsHere(worker.store) if _has_screens(worker, study) else StoreMemory(worker.store)
        told = context_of_study(
            pacs,
            worker.config.receiver.ae_title,
            study,
            worker.library,
            _ContextInbox(worker.inbox, pacs),
            memory.had,
            patient_id=_patient_id(worker, study) if pacs.root == "patient" else "",
            seconds=seconds,
            largest=worker.config.receiver.max_object,
        )
        new = [header for header in told.headers if "SOPClassUID" in header and not memory.knows(header)]
        for header in new:
            worker.inbox.keep(_as_arrival(header, pacs))
        brought += len(told.kept) + len(new)
        away = away or bool(told.why)
    if brought:
        worker.sort_out()
    _asked(worker, study, away=away)
    return brought


def _has_screens(worker: Worker, study: str) -> bool:
    """Is a dose screen of it here? Then what stood beside it and was removed in its time is needed again, too."""
    screens = (objects.c.study == study, objects.c.role == Role.SCREEN.value, objects.c.on_disk.is_(True))
    with worker.store.begin(reading=True) as connection:
        return connection.execute(select(objects.c.id).where(*screens).limit(1)).first() is not None


def _asked(worker: Worker, study: str, *, away: bool) -> None:
    with worker.store.begin() as connection:
        missed = studies_table.c.missed + 1 if away else 0
        its = update(studies_table).where(studies_table.c.study == study)
        connection.execute(its.values(asked_at=time.time(), missed=missed))


def ask_again(worker: Worker, now: float) -> int:
    """Ask once more for some studies that were read while an archive was away; how many are read again.

    A scanner's own dose report that lies there would else be doubled by ours for good. StoreError, OutputError.
    """
    c = studies_table.c
    due = c.asked_at + PAUSE * c.missed < now
    missed = (NOT_ALL_TOLD, c.missed < MOST_ASKS, due, c.state == "read", c.due_at.is_(None))
    with worker.store.begin(reading=True) as connection:
        some = list(connection.execute(select(c.study).where(*missed).order_by(c.asked_at).limit(_SOME)).scalars())
    count = 0
    for study in some:
        try:
            brought = ask(worker, study, _SOON)
        except (StoreError, OutputError):
            raise
        except Exception as error:  # noqa: BLE001 (the job boundary: an archive's odd answer never stops a worker)
            log.error("archives_not_asked", why=fault_in_words(error))
            _asked(worker, study, away=True)
            continue
        if brought:
            count += 1
            with worker.store.begin() as connection:
                studies.read_again(connection, [study], f"context:{now:.0f}", now)
    return count


def _as_arrival(header: Dataset, pacs: Pacs) -> Arrival:
    """An archive's answer about an image, as a DICOM file of a header."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta = meta
    buffer = BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return Arrival(
        (buffer.getvalue(),),
        str(header.SOPClassUID),
        str(header.SOPInstanceUID),
        str(ExplicitVRLittleEndian),
        pacs.ae_title,
        pacs.host,
        f"{ANSWER}{pacs.name}",
    )


def _patient_id(worker: Worker, study: str) -> str:
    """Whose study it is, for archives that know Patient Root only; "" where no header tells."""
    with worker.store.begin(reading=True) as connection:
        there = studies.objects_of(connection, study)
    for one in there:
        try:
            return attributes.text(read_object(worker.spool.path(one.name), pixels=False), "PatientID")
        except InputError:
            continue
    return ""


class StoreMemory:
    """What sweeps had, whatever became of it: the `Memory` of `network.sweep`. StoreError."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def had(self, sop_instance_uid: str) -> bool:
        """Did this object ever arrive?"""
        return self._any(sop_instance_uid, ~objects.c.via.startswith(ANSWER))

    def knows(self, header: Dataset) -> bool:
        """Is the object here, or what an archive's answer told of it?"""
        return self._any(str(header.SOPInstanceUID))

    def _any(self, sop_instance_uid: str, *which: ColumnElement[bool]) -> bool:
        its = select(objects.c.id).where(objects.c.sop_instance_uid == sop_instance_uid, *which)
        with self._store.begin(reading=True) as connection:
            return connection.execute(its.limit(1)).first() is not None

    def seen(self, pacs: str, uid: str) -> int | None:
        """How many objects it had when it was last looked at without a fault."""
        told = self._told(pacs, uid)
        return int(told) if told else None

    def saw(self, pacs: str, uid: str, instances: int) -> None:
        """Record that."""
        self._tell(pacs, uid, str(instances))

    def is_done(self, pacs: str, day: date) -> bool:
        """Was this study date gone through without a fault?"""
        return self._told(pacs, f"day {day.isoformat()}") is not None

    def done(self, pacs: str, day: date) -> None:
        """Record that."""
        self._tell(pacs, f"day {day.isoformat()}", "done")

    def _told(self, pacs: str, key: str) -> str | None:
        with self._store.begin(reading=True) as connection:
            row = connection.execute(
                select(fetched.c.told).where(fetched.c.pacs == pacs, fetched.c.key == key)
            ).one_or_none()
        return row.told if row is not None else None

    def _tell(self, pacs: str, key: str, told: str) -> None:
        with self._store.begin() as connection:
            which = (fetched.c.pacs == pacs, fetched.c.key == key)
            values = {"told": told, "at": self._clock()}
            if not connection.execute(update(fetched).where(*which).values(**values)).rowcount:
                connection.execute(insert(fetched).values(pacs=pacs, key=key, **values))


class MemoryOfWhatIsHere(StoreMemory):
    """The same, but what was removed when its time was over counts as never had, and every study is looked at anew."""

    def _any(self, sop_instance_uid: str, *which: ColumnElement[bool]) -> bool:
        # What was of no use would be dropped again. A row with a reason made room for the object itself.
        of_no_use = and_(objects.c.state == "dropped", objects.c.why == "")
        return super()._any(sop_instance_uid, or_(objects.c.on_disk.is_(True), of_no_use), *which)

    def seen(self, pacs: str, uid: str) -> int | None:  # noqa: ARG002 (the archive's count tells nothing of our disk)
        """None: whatever was seen may be gone since."""
        return None
