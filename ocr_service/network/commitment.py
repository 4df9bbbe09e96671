"""Storage commitment (PS3.4 annex J): we ask whether a peer keeps what it took; it answers now or later.

Knows the Storage Commitment Push Model; must not know which objects matter, nor what becomes of an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydicom.dataset import Dataset
from pynetdicom import evt

from ocr_service.config import Destination
from ocr_service.errors import BrokenObject, OutputError, PeerRefused, PeerUnavailable, StoreError
from ocr_service.network.arrivals import Committed
from ocr_service.network.calling import both_syntaxes, bounded, calling, named, seconds
from ocr_service.network.sent import Accepted, Refused, Unavailable, Warned, judged

PUSH_MODEL: Final = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
REQUEST: Final = 1  # Action Type ID, PS3.4 table J.3-1
SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
MISSING_ATTRIBUTE: Final = 0x0120


@dataclass(frozen=True, slots=True)
class Asked:
    """It took the request; its answer comes later, over an association that it opens to our receiver."""


Commitment = Committed | Asked | Refused | Unavailable


def request_commitment(
    destination: Destination,
    our_ae_title: str,
    transaction_uid: str,
    references: Sequence[tuple[str, str]],
    keep: Callable[[Committed], None],
    linger: timedelta = timedelta(seconds=2),
) -> Commitment:
    """Ask by N-ACTION (PS3.4 J.3.2) whether it keeps the objects: (SOP Class UID, SOP Instance UID) each.

    linger: how long the association stays open for an answer on it. Such an answer goes to `keep` (`Inbox.committed`)
    before it is acknowledged, and is returned. What is asked twice is harmless: each transaction UID is a question.
    """
    peer = destination.peer
    heard: list[Committed] = []
    answered = threading.Event()

    def on_report(event: evt.Event) -> tuple[int, None]:
        status, told = heard_report(event, keep)
        if told is not None and told.transaction_uid == transaction_uid:
            heard.append(told)
            answered.set()
        return status, None

    try:
        with calling(peer, our_ae_title, both_syntaxes([PUSH_MODEL]), [(evt.EVT_N_EVENT_REPORT, on_report)]) as assoc:
            with bounded(assoc, peer):
                question = _question(transaction_uid, references)
                answer, _ = assoc.send_n_action(question, REQUEST, PUSH_MODEL, PUSH_MODEL_INSTANCE)
            if "Status" not in answer:
                return Unavailable(f"{named(peer)} gave no answer to a request for storage commitment")
            match judged(int(answer.Status), named(peer)):
                case Refused() | Unavailable() as no:
                    return no
                case Accepted() | Warned():
                    answered.wait(min(linger.total_seconds(), seconds(peer)))
    except PeerUnavailable as error:
        return Unavailable(str(error))
    except PeerRefused as error:
        return Refused(None, str(error))
    return heard[0] if heard else Asked()


def heard_report(event: evt.Event, keep: Callable[[Committed], None]) -> tuple[int, Committed | None]:
    """The handling of an N-EVENT-REPORT on any association: kept first, then the status to answer with."""
    try:
        told = committed_from(event.event_information, event.assoc.remote["ae_title"])
        keep(told)
    except BrokenObject:
        return MISSING_ATTRIBUTE, None
    except (OutputError, StoreError):  # it tells us again
        return PROCESSING_FAILURE, None
    return SUCCESS, told


def committed_from(ds: Dataset, calling_ae: str) -> Committed:
    """What the Event Information of an N-EVENT-REPORT says (PS3.4 table J.3-2). BrokenObject: it cannot be read.

    A failure without a reason counts as 0x0110, processing failure; an object that is called both kept and failed
    counts as failed.
    """
    try:
        transaction = str(ds.get("TransactionUID") or "").strip()
        failed = tuple(
            (_instance(one), int(one.get("FailureReason") or PROCESSING_FAILURE))
            for one in ds.get("FailedSOPSequence") or ()
        )
        kept = tuple(_instance(one) for one in ds.get("ReferencedSOPSequence") or ())
    except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
        raise BrokenObject("a report of storage commitment cannot be read") from error
    if not transaction or "" in kept or "" in dict(failed):
        raise BrokenObject("a report of storage commitment names no transaction or leaves an object unnamed")
    lost = dict(failed)
    return Committed(transaction, tuple(uid for uid in kept if uid not in lost), failed, calling_ae.strip())


def _instance(item: Dataset) -> str:
    return str(item.get("ReferencedSOPInstanceUID") or "").strip()


def _question(transaction_uid: str, references: Iterable[tuple[str, str]]) -> Dataset:
    """The Action Information of a request (PS3.4 table J.3-1)."""
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    ds.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        ds.ReferencedSOPSequence.append(item)
    return ds
