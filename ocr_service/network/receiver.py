"""The receiver: our Application Entity as others call it. C-ECHO, C-STORE, MPPS, storage commitment reports.

One call serves our ports in this process, with threads; several processes serve the same ports, each with its share
of the associations, for each is bound by one core. `listening.listen` opens the ports before they start.
Knows pynetdicom and the inbox; must not know files, databases or what becomes of an object.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pynetdicom._config
import structlog
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE

from ocr_service import config as settings
from ocr_service.errors import StoreError
from ocr_service.network.arrivals import Inbox
from ocr_service.network.associations import BoundedAssociation
from ocr_service.network.callers import (
    Rejection,
    is_known,
    may_call,
    not_now,
    plain_address,
    too_many,
    unknown_called,
    unknown_caller,
)
from ocr_service.network.contexts import supported_contexts
from ocr_service.network.doors import Door, Places
from ocr_service.network.limits import limits_of
from ocr_service.network.listening import Listening, listen
from ocr_service.network.reports import on_n_event_report
from ocr_service.network.steps import on_n_create, on_n_set
from ocr_service.network.storing import SUCCESS, cause, on_c_store
from ocr_service.network.tls import server_context

_ABORTING = 2.0  # seconds for aborted associations to end
_LOOK = 0.05  # seconds between looks whether all have ended

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The doors that this process serves."""

    ports: tuple[int | None, int | None]
    _doors: tuple[Door, ...]
    _places: Places

    @property
    def associations(self) -> int:
        """How many are open in this process."""
        return self._places.admitted

    def stop(self, grace: float = 10.0) -> None:
        """Take no new associations; let running ones end for `grace` seconds, then abort them."""
        self._places.closing = True
        for door in self._doors:
            door.shutdown()
        _wait_until(lambda: not self._places.associations, grace)
        for assoc in self._places.associations:
            assoc.abort(block=False)
        _wait_until(lambda: not self._places.associations, _ABORTING)


def serve_receiver(
    config: settings.Config, inbox: Inbox, listening: Listening | None = None, share: int | None = None
) -> Receiver:
    """Serve our ports in this process until `Receiver.stop`; returns at once. ConfigError.

    listening: ports that the parent opened for several processes; left out, this process opens them for itself.
    share: how many associations this process takes at most (`listening.shares`); left out, all that are allowed.
    """
    _quiet()
    receiver = config.receiver
    own = listening is None
    tls = server_context(receiver.tls) if receiver.tls is not None else None
    listening = listening or listen(receiver)
    places = Places(receiver.max_associations if share is None else share, alone=own or share is None)
    limits = limits_of(receiver)
    ae = AE(ae_title=receiver.ae_title)
    ae.maximum_pdu_size = limits.pdu
    ae.maximum_associations = 2 * receiver.max_associations + 64  # ours is the limit that counts: see `_rejection`
    handlers: list[tuple[evt.EventType, Any]] = [
        (evt.EVT_REQUESTED, partial(_on_requested, receiver=receiver, inbox=inbox, places=places)),
        (evt.EVT_C_ECHO, _on_c_echo),
        (evt.EVT_C_STORE, partial(on_c_store, inbox=inbox)),
        (evt.EVT_N_CREATE, partial(on_n_create, inbox=inbox, config=config)),
        (evt.EVT_N_SET, partial(on_n_set, inbox=inbox, config=config)),
        (evt.EVT_N_EVENT_REPORT, partial(on_n_event_report, inbox=inbox)),
    ]
    doors = tuple(
        Door(
            ae, bound, supported_contexts(), context, handlers, limits, places, partial(is_known, allow=receiver.allow)
        )
        for bound, context in ((listening.plain, None), (listening.tls, tls))
        if bound is not None
    )
    ports = listening.ports
    if own:
        listening.close()  # the doors have ends of their own
    log.info("receiver_started", ae_title=receiver.ae_title, port=ports[0], tls_port=ports[1], share=places.share)
    return Receiver(ports, doors, places)


def _on_c_echo(_event: Event) -> int:
    return SUCCESS


def _on_requested(event: Event, receiver: settings.Receiver, inbox: Inbox, places: Places) -> None:
    """Answer an A-ASSOCIATE-RQ that we do not want with an A-ASSOCIATE-RJ; pynetdicom negotiates the others."""
    assoc = cast(BoundedAssociation, event.assoc)
    rejection = _rejection(assoc, receiver, inbox, places)
    if rejection is None:
        return
    address = plain_address(assoc.requestor.address)
    log.warning("association_refused", address=address, why=rejection.why, reason=rejection.reason)
    assoc.acse.send_reject(rejection.result, rejection.source, rejection.reason)
    assoc.kill()


def _rejection(
    assoc: BoundedAssociation, receiver: settings.Receiver, inbox: Inbox, places: Places
) -> Rejection | None:
    request = cast(A_ASSOCIATE, assoc.requestor.primitive)
    called, calling = str(request.called_ae_title).strip(), str(request.calling_ae_title).strip()
    address = plain_address(assoc.requestor.address)
    if called != receiver.ae_title:
        return unknown_called(called)
    if not may_call(calling, address, receiver.allow):
        return unknown_caller(calling, address)
    if places.closing:
        return not_now("the receiver is stopping")
    try:
        why = inbox.full()
    except (OSError, StoreError) as error:
        log.error("inbox_away", **cause(error))
        why = "the inbox cannot say whether there is room"
    if why is not None:
        return not_now(why)
    return None if places.admit(assoc) else too_many(places.share)


def _quiet() -> None:
    """pynetdicom's logs dump requests, and pydicom's warnings quote values: what we log, we log ourselves.

    For the whole process, and for good: its threads decode what peers send at any time.
    """
    pynetdicom._config.LOG_HANDLER_LEVEL = "none"
    pynetdicom._config.LOG_REQUEST_IDENTIFIERS = pynetdicom._config.LOG_RESPONSE_IDENTIFIERS = False
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=UserWarning)


def _wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(_LOOK)
