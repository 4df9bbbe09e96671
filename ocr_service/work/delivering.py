"""One try to bring a document of the outbox to its destination, and what its answer means.

Knows rows, lanes and answers; must not know workflows. Done twice it sends the same object under the same UID again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import structlog
from sqlalchemy import Row

from ocr_service.config import Destination
from ocr_service.errors import InputError, OutputError, StoreError
from ocr_service.network.arrivals import Committed
from ocr_service.network.commitment import Asked, request_commitment
from ocr_service.network.encoded import decoded
from ocr_service.network.sender import Accepted, Lane, Refused, Sent, Unavailable, Warned, lane
from ocr_service.rdsr.identity import uid_of
from ocr_service.work import audit_trail, commitments, deliveries, placing
from ocr_service.work.unit import fault_in_words
from ocr_service.work.worker import Worker

log = structlog.get_logger()
GONE = "the configuration names no such destination any more: put it back and retry, or leave this one"
MAYBE_THERE = "it may have arrived before it was taken back: nobody heard"
TOO_LONG = "it could not be delivered for so long that it was given up (give_up_after)"
Round = tuple[list[int], float]


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after so many seconds. away: does the destination answer nobody, so that no other need be tried?"""

    seconds: float
    away: bool = False


def try_round(worker: Worker, name: str, numbers: Sequence[int]) -> Round:
    """Try each document once, over one connection: those that still wait, and the seconds until the next round.

    StoreError, OutputError: nothing was decided of the document that was under way.
    """
    destination = next((one for one in worker.config.destination if one.name == name), None)
    if destination is None:
        for number in numbers:
            _over(worker, number, name, "failed", GONE)
        return [], 0.0
    left: list[int] = []
    seconds = destination.retry_most.total_seconds()
    with lane(destination, worker.config.receiver.ae_title) as way:
        for place, number in enumerate(numbers):
            told = _try(worker, number, destination, way)
            if told is None:
                continue
            left.append(number)
            seconds = min(seconds, told.seconds)
            if told.away:
                return [*numbers[place + 1 :], *left], seconds  # another one is the first the next time
    return left, seconds


def _try(worker: Worker, number: int, destination: Destination, way: Lane) -> Later | None:
    """None where this is over. A document that is damaged stops none of the others."""
    try:
        return _tried(worker, number, destination, way)
    except InputError as error:
        _over(worker, number, destination.name, "failed", str(error))
    except StoreError:
        raise
    except OutputError as error:  # its file is gone, say: it waits, and its lane is free for others meanwhile
        row = deliveries.get(worker.store, number)
        later = time.time() + _pause(destination, row.attempts if row is not None else 0)
        deliveries.released(worker.store, number, str(error), later)
        log.warning("delivery_waits", delivery=number, destination=destination.name, why=str(error))
        _still_waits(worker, number, destination)  # it may have been taken back
    except Exception as error:  # noqa: BLE001 (the job boundary: one document never stops its lane)
        _over(worker, number, destination.name, "failed", fault_in_words(error))
    return None


def _tried(worker: Worker, number: int, destination: Destination, way: Lane) -> Later | None:
    """None where this is over."""
    row = _still_waits(worker, number, destination)
    if row is None:
        return None
    if row.attempts and time.time() - _since(worker, row) > destination.give_up_after.total_seconds():
        _over(worker, number, destination.name, "failed", f"{TOO_LONG}: {row.why}")
        return None
    encoded = worker.outbox.read(row.file)
    if not row.committing and not deliveries.sending(worker.store, number, time.time()):
        return None  # it was taken back just now
    sent = Accepted() if row.committing else way.send(encoded)
    match sent:
        case Accepted() | Warned() if destination.commitment and row.kind == "rdsr":
            return _commitment(worker, number, destination, encoded, sent)
        case Accepted() | Warned():
            _arrived(worker, number, destination, sent)
        case Refused(_, why):
            _over(worker, number, destination.name, "refused", why)
        case Unavailable(why, begun, True):  # it may well take others meanwhile
            later = time.time() + _pause(destination, row.attempts)
            deliveries.released(worker.store, number, why, later, begun=begun or row.sent_at is not None)
            log.info("delivery_waits", delivery=number, destination=destination.name, why=why)
        case Unavailable(why, begun):
            return _later(
                worker, number, destination, row.attempts, why, away=True, begun=begun or row.sent_at is not None
            )
        case _:
            assert_never(sent)
    return None


def _since(worker: Worker, row: Row[tuple[object, ...]]) -> float:
    """Since when it could be sent: not before what had to be done first."""
    first = deliveries.get(worker.store, row.after) if row.after is not None else None
    done = first.acknowledged_at if first is not None else None
    return float(max(row.created_at, done or 0.0))


def _commitment(worker: Worker, number: int, destination: Destination, encoded: bytes, sent: Sent) -> Later | None:
    """Ask the destination to commit to the storage of what it has (PS3.4 J)."""
    ds = decoded(encoded)
    row = deliveries.get(worker.store, number)
    assert row is not None
    if not row.committing:
        audit_trail.delivered(worker.config, worker.store, number, time.time())
    transaction = row.committing or uid_of("commitment", str(number), str(row.turn), str(ds.SOPInstanceUID))
    # Recorded first: its answer may come before ours returns.
    if not commitments.committing(worker.store, number, transaction):
        if not row.committing:  # it was taken back while it was under way
            _arrived(worker, number, destination, sent)
        return None
    answer = request_commitment(
        destination,
        worker.config.receiver.ae_title,
        transaction,
        [(str(ds.SOPClassUID), str(ds.SOPInstanceUID))],
        worker.inbox.committed,
    )
    match answer:
        case Committed() | Asked():
            why = "sent; its storage commitment has not come yet"
        case Refused(_, why) | Unavailable(why):
            why = f"sent; storage commitment: {why}"
        case _:
            assert_never(answer)
    deliveries.released(worker.store, number, why, time.time() + _pause(destination, row.attempts))
    return None


def _arrived(worker: Worker, number: int, destination: Destination, sent: Sent) -> None:
    warning = isinstance(sent, Warned)
    why = sent.text if isinstance(sent, Warned) else ""
    audit_trail.delivered(worker.config, worker.store, number, time.time())
    log.info("delivered", delivery=number, destination=destination.name, warning=warning)
    _is_there(worker, number, destination, why, warning=warning)


def _is_there(worker: Worker, number: int, destination: Destination, why: str, *, warning: bool = False) -> None:
    """Record that it arrived, and take it back there where it was recalled meanwhile."""
    now = time.time()
    deliveries.ended(
        worker.store,
        number,
        "acknowledged",
        now,
        why=why,
        warning=warning,
        late=lambda connection: placing.recall_late(worker.desk, connection, number, destination, now),
    )


def _still_waits(worker: Worker, number: int, destination: Destination) -> Row[tuple[object, ...]] | None:
    """The row, where it is to be sent. One that was taken back while nobody heard of it may be there: recall it."""
    row = deliveries.get(worker.store, number)
    if row is not None and row.state == "recalled" and row.sent_at is not None and row.acknowledged_at is None:
        _is_there(worker, number, destination, MAYBE_THERE)
    return row if row is not None and row.state == "waiting" else None


def _over(worker: Worker, number: int, name: str, state: str, why: str) -> None:
    log.warning("not_delivered", delivery=number, destination=name, state=state, why=why)
    deliveries.ended(worker.store, number, state, time.time(), why=why)


def _later(
    worker: Worker,
    number: int,
    destination: Destination,
    attempts: int,
    why: str,
    *,
    away: bool = False,
    begun: bool = False,
) -> Later | None:
    """Twice as long each time, up to the longest; where it was acknowledged meanwhile, it is over."""
    seconds = _pause(destination, attempts)
    deliveries.tried(worker.store, number, why, time.time() + seconds, begun=begun)
    row = _still_waits(worker, number, destination)
    if row is None:
        return None
    log.info("delivery_waits", delivery=number, destination=destination.name, seconds=round(seconds), why=why)
    return Later(0.0 if row.woken else seconds, away)


def _pause(destination: Destination, attempts: int) -> float:
    """Seconds until the next try: twice as long each time, up to the longest."""
    first, most = destination.retry_first.total_seconds(), destination.retry_most.total_seconds()
    return float(min(most, first * 2 ** min(attempts, 30)))
