"""Consoles that send to the service: studies made of the sample screens, and what each object was answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt

from tests.service.waiting import OURS, PATIENCE, answers, no_delay

SAMPLES = Path(__file__).parents[2] / "sample_sc"
UIDS = "1.2.826.0.1.3680043.8.498.55"


@dataclass(frozen=True)
class Study:
    """A study made of sample screens. pages: in the console's order."""

    uid: str
    pages: tuple[Dataset, ...]

    @property
    def uids(self) -> list[str]:
        """Its objects' SOP Instance UIDs."""
        return [str(page.SOPInstanceUID) for page in self.pages]


ONE_PAGE = ("ge/comments_and_sequence", "ge/double_size", "ge/many_rows")  # read by registered letters: quick
TWO_PAGES = ("ge/two_pages", "ge/two_series")


@lru_cache(maxsize=32)
def sample(name: str) -> tuple[Dataset, ...]:
    """The objects of one folder of sample_sc, in the order of their names."""
    return tuple(dcmread(file) for file in sorted((SAMPLES / name).glob("*.dcm")))


def study(number: int, name: str = ONE_PAGE[0]) -> Study:
    """A study that no other number gives: its UIDs and times are its own; the patient and the dose are the sample's.

    Without times of their own, studies of the same rows would be one examination under linked orders.
    """
    uid = f"{UIDS}.{number}"
    pages = []
    hours, minutes = divmod(number // 60 % 1440, 60)
    for place, ds in enumerate(sample(name), start=1):
        page = deepcopy(ds)
        page.StudyInstanceUID, page.SeriesInstanceUID = uid, f"{uid}.{int(ds.SeriesNumber or 1)}"
        page.SOPInstanceUID = page.file_meta.MediaStorageSOPInstanceUID = UID(f"{uid}.1.{place}")
        page.StudyID = str(number % 10**8)  # the Patient ID and Accession Number stand on pages too
        moment = f"{hours:02d}{minutes:02d}{number % 60:02d}.{number % 10**6:06d}"
        for keyword in ("StudyTime", "SeriesTime", "ContentTime", "AcquisitionTime"):
            if keyword in page:
                setattr(page, keyword, moment)
        if "InstanceNumber" in page:
            page.InstanceNumber = place
        pages.append(page)
    return Study(uid, tuple(pages))


@dataclass
class Console:
    """A modality that sends to us, and keeps what each object was answered. Used from many threads."""

    port: int
    ae_title: str = "CONSOLE"
    acknowledged: dict[str, int] = field(default_factory=dict)  # by SOP Instance UID: how often with 0x0000
    answers: list[tuple[str, int | None]] = field(default_factory=list)  # in order; None: the association broke
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, *pages: Dataset, called: str = OURS) -> list[int | None]:
        """Send over one association; what each was answered, None where the association is not there (any more)."""
        if not answers(self.port):
            return [None for _ in pages]
        with self.association(pages, called) as assoc:
            return [self.store(assoc, page) for page in pages]

    def send_all(self, *pages: Dataset, seconds: float = PATIENCE, stopped: threading.Event | None = None) -> None:
        """Send until each was answered 0x0000, over as many associations as that takes."""
        end = time.monotonic() + seconds
        left = list(pages)
        while left and not (stopped is not None and stopped.is_set()):
            answers = self.send(*left)
            left = [page for page, answer in zip(left, answers, strict=True) if answer != 0x0000]
            if left:
                assert time.monotonic() < end, f"not taken after {seconds:.0f} s: {self.answers[-3:]}"
                time.sleep(0.2)

    def store(self, assoc: Any, page: Dataset) -> int | None:
        """Send one object; its status."""
        status = None
        if assoc.is_established:
            with suppress(RuntimeError, ValueError, OSError):
                told = assoc.send_c_store(page)
                status = int(told.Status) if "Status" in told else None
        uid = str(page.SOPInstanceUID)
        with self._lock:
            self.answers.append((uid, status))
            if status == 0x0000:
                self.acknowledged[uid] = self.acknowledged.get(uid, 0) + 1
        return status

    @contextmanager
    def association(self, pages: Sequence[Dataset], called: str = OURS) -> Iterator[Any]:
        """An association for these objects; it need not be established."""
        ae = AE(ae_title=self.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
        ae.connection_timeout = 5
        for kind, syntax in sorted({(str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)) for ds in pages}):
            ae.add_requested_context(kind, syntax)
        assoc = ae.associate("127.0.0.1", self.port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, no_delay)])
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()
