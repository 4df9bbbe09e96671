"""A worker that reads the sample studies in this process, as the service's own do in theirs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from sqlalchemy import select, update

from ocr_service.config import Config
from ocr_service.network.arrivals import Arrival
from ocr_service.rdsr.parse import ParsedReport, parse
from ocr_service.work import studies
from ocr_service.work.studies import Due
from ocr_service.work.tables import deliveries
from ocr_service.work.worker import Worker


def open_worker(folder: Path) -> Worker:
    """A worker that waits for nothing, and sends to one destination; it is to be closed."""
    told: dict[str, Any] = {
        "data": folder / "data",
        "reading": {"commissioning": 0, "quiet": "0s", "settle": "0s", "header_after": "0s", "audit_one_in": 0},
        "keeping": {"minimum_free": 0},
        "operation": {"http_port": False},
        "destination": [{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}],
    }
    return Worker(Config(**told), "w-1")


def receive(worker: Worker, *objects: Dataset) -> None:
    """Objects arrive, and are sorted."""
    for ds in objects:
        buffer = DicomBytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        told = (str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.file_meta.TransferSyntaxUID))
        worker.inbox.keep(Arrival((buffer.getvalue(),), *told, "CT1", "127.0.0.1"))
    while worker.sort_out():
        pass


def read_all(worker: Worker) -> None:
    """Everything that is due is read, and whatever is due because of that."""
    while True:
        begun: list[Due] = []
        studies.start_due(worker.store, time.time() + 5, begun.append)
        if not begun:
            return
        for due in begun:
            worker.read_and_record(due)


def rows(worker: Worker, table: Any, *where: Any) -> list[Any]:
    with worker.store.begin(reading=True) as connection:
        return list(connection.execute(select(table).where(*where).order_by(table.c.id)).all())


def acknowledged(worker: Worker, at: float) -> None:
    """Every report that waits is at its destination since then."""
    its = (deliveries.c.state == "waiting", deliveries.c.kind != "manual")
    with worker.store.begin() as connection:
        connection.execute(update(deliveries).where(*its).values(state="acknowledged", acknowledged_at=at))


def report(worker: Worker, file: str) -> ParsedReport:
    """What a report of the outbox says."""
    return parse(dcmread(worker.outbox.path(file)))
