"""One try to bring a document of the outbox to its destination, and what its answer means.

Knows rows, lanes and answers; must not know workflows. Done twice it sends the same object under the same UID again.
"""

from __future__ import annotations

import time
from typing import assert_never

import structlog

from ocr_service.config import Destination
from ocr_service.network.arrivals import Committed
from ocr_service.network.commitment import Asked, request_commitment
from ocr_service.network.encoded import decoded
from ocr_service.network.sender import Accepted, Refused, Sent, Unavailable, Warned, send
from ocr_service.rdsr.identity import uid_of
from ocr_service.work import audit_trail, deliveries, records
from ocr_service.work.worker import Worker

log = structlog.get_logger()
GONE = "the configuration names no such destination any more: put it back and retry, or leave this one"
TOO_LONG = "it could not be delivered for so long that it was given up (give_up_after)"
Turn = tuple[str, float | None]


def try_once(worker: Worker, number: int) -> Turn:
    """How the document stands after one try, and after how many seconds to try again; None: this is over.

    StoreError, OutputError: nothing was decided.
    """
    row = deliveries.get(worker.store, number)
    if row is None or row.state != "waiting":
        return "over", None
    destination = next((one for one in worker.config.destination if one.name == row.destination), None)
    if destination is None:
        return _over(worker, number, row.destination, "failed", GONE)
    if time.time() - row.created_at > destination.give_up_after.total_seconds():
        return _over(worker, number, destination.name, "failed", f"{TOO_LONG}: {row.why}")
    encoded = worker.outbox.read(row.file)
    sent = Accepted() if row.committing else send(encoded, destination, worker.config.receiver.ae_title)
    match sent:
        case Accepted() | Warned() if destination.commitment and row.kind == "rdsr":
            return _commitment(worker, number, destination, encoded)
        case Accepted() | Warned():
            return _arrived(worker, number, destination, sent)
        case Refused(_, why):
            return _over(worker, number, destination.name, "refused", why)
        case Unavailable(why):
            return _later(worker, number, destination, row.attempts, why)
        case _:
            assert_never(sent)


def _commitment(worker: Worker, number: int, destination: Destination, encoded: bytes) -> Turn:
    """Ask the destination to commit to the storage of what it has (PS3.4 J)."""
    ds = decoded(encoded)
    row = deliveries.get(worker.store, number)
    assert row is not None
    if row.state != "waiting":
        return "over", None
    if not row.committing:
        audit_trail.delivered(worker.config, worker.store, number, time.time())
    transaction = row.committing or uid_of("commitment", str(number), str(row.turn), str(ds.SOPInstanceUID))
    deliveries.committing(worker.store, number, transaction)  # its answer may come before ours returns
    answer = request_commitment(
        destination,
        worker.config.receiver.ae_title,
        transaction,
        [(str(ds.SOPClassUID), str(ds.SOPInstanceUID))],
        worker.inbox.committed,
    )
    match answer:
        case Committed() | Asked():
            return _later(worker, number, destination, row.attempts, "sent; its storage commitment has not come yet")
        case Refused(_, why) | Unavailable(why):
            return _later(worker, number, destination, row.attempts, f"sent; storage commitment: {why}")
        case _:
            assert_never(answer)


def _arrived(worker: Worker, number: int, destination: Destination, sent: Sent) -> Turn:
    warning = isinstance(sent, Warned)
    why = sent.text if isinstance(sent, Warned) else ""
    audit_trail.delivered(worker.config, worker.store, number, time.time())
    log.info("delivered", delivery=number, destination=destination.name, warning=warning)
    if not deliveries.ended(worker.store, number, "acknowledged", time.time(), why=why, warning=warning):
        records.recall_late(worker.desk, number, destination, time.time())
    return "acknowledged", None


def _over(worker: Worker, number: int, name: str, state: str, why: str) -> Turn:
    log.warning("not_delivered", delivery=number, destination=name, state=state, why=why)
    deliveries.ended(worker.store, number, state, time.time(), why=why)
    return state, None


def _later(worker: Worker, number: int, destination: Destination, attempts: int, why: str) -> Turn:
    """Twice as long each time, up to the longest; where it was acknowledged meanwhile, it is over."""
    first, most = destination.retry_first.total_seconds(), destination.retry_most.total_seconds()
    seconds = min(most, first * 2 ** min(attempts, 30))
    deliveries.tried(worker.store, number, why, time.time() + seconds)
    row = deliveries.get(worker.store, number)
    if row is None or row.state != "waiting":
        return "over", None
    log.info("delivery_waits", delivery=number, destination=destination.name, seconds=round(seconds), why=why)
    return "waiting", 0.0 if row.woken else seconds
