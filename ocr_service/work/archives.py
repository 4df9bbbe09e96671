"""What the archives are asked for: a study's context before it is read, and the memory of sweeps.

Knows rows and archives; must not know how either is spoken to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import BytesIO

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import insert, select, update

from ocr_service.config import Pacs
from ocr_service.errors import InputError
from ocr_service.network.arrivals import Arrival, Committed, Inbox, Step
from ocr_service.network.retriever import context_of_study
from ocr_service.study import attributes
from ocr_service.work import studies
from ocr_service.work.objects import read_object
from ocr_service.work.store import Store
from ocr_service.work.studies import CONTEXT
from ocr_service.work.tables import fetched, objects
from ocr_service.work.tables import studies as studies_table
from ocr_service.work.worker import Worker

ASK_FOR = 7 * 86400.0  # seconds for which a study is asked for again, where an archive was away
_SOME, _SOON = 20, 10.0  # studies a round, and the seconds that one may take
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
    """Bring what the archives have of a study beside its dose screens; how many objects. StoreError, OutputError.

    Whether all of them told is remembered: one that is away now is asked again (`ask_again`).
    """
    brought, away = 0, False
    for pacs in worker.config.pacs:
        if not pacs.context:
            continue
        memory = StoreMemory(worker.store)
        told = context_of_study(
            pacs,
            worker.config.receiver.ae_title,
            study,
            worker.library,
            _ContextInbox(worker.inbox, pacs),
            memory.had,
            patient_id=_patient_id(worker, study) if pacs.root == "patient" else "",
            seconds=seconds,
        )
        for header in told.headers:
            if not memory.had(str(header.SOPInstanceUID)):
                worker.inbox.keep(_as_arrival(header, pacs))
        brought += len(told.kept) + len(told.headers)
        away = away or bool(told.why and not told.kept and not told.headers)
    if brought:
        while worker.sort_out():
            pass
    with worker.store.begin() as connection:
        asked_at = None if away else time.time()
        connection.execute(update(studies_table).where(studies_table.c.study == study).values(asked_at=asked_at))
    return brought


def ask_again(worker: Worker, now: float) -> int:
    """Ask once more for studies that were read while an archive was away; how many are read again with what it has.

    A scanner's own dose report that lies there would else be doubled by ours for good. StoreError, OutputError.
    """
    if not any(pacs.context for pacs in worker.config.pacs):
        return 0
    c = studies_table.c
    missed = (c.asked_at.is_(None), c.state == "read", c.due_at.is_(None), c.last_arrival > now - ASK_FOR)
    with worker.store.begin(reading=True) as connection:
        some = list(connection.execute(select(c.study).where(*missed).order_by(c.last_arrival).limit(_SOME)).scalars())
    count = 0
    for study in some:
        if ask(worker, study, _SOON):
            count += 1
            with worker.store.begin() as connection:
                studies.read_again(connection, [study], f"context:{now:.0f}", now)
        elif _is_away(worker, study):
            break  # the others would wait for the same archive
    return count


def _is_away(worker: Worker, study: str) -> bool:
    with worker.store.begin(reading=True) as connection:
        told = select(studies_table.c.asked_at).where(studies_table.c.study == study)
        return connection.execute(told).scalar_one_or_none() is None


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
    """What sweeps had: the `Memory` of `network.sweep`. StoreError."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def had(self, sop_instance_uid: str) -> bool:
        """Did this object ever arrive?"""
        with self._store.begin(reading=True) as connection:
            known = select(objects.c.id).where(
                objects.c.sop_instance_uid == sop_instance_uid, ~objects.c.via.startswith(ANSWER)
            )
            return connection.execute(known.limit(1)).first() is not None

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
