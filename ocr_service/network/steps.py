"""Modality Performed Procedure Steps: kept here first, then sent on to the next SCP, whose status the console hears.

An old console knows one destination only. So where the next SCP cannot be reached, the console is told a failure: it
shows that to its user or sends again, as it would have done without us. Were it told success, nobody would know that
the information system never heard of the step. A step that is sent again is kept twice, which says nothing new.
Knows N-CREATE and N-SET (PS3.4 F.7); must not know what a step says.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import structlog
from pydicom import Dataset, dcmread
from pynetdicom import build_context
from pynetdicom.dimse_primitives import N_CREATE, N_SET
from pynetdicom.events import Event

from ocr_service.config import Config, Peer
from ocr_service.errors import NetworkError, OutputError, PeerUnavailable, StoreError
from ocr_service.network.arrivals import Inbox, Step
from ocr_service.network.callers import plain_address
from ocr_service.network.calling import bounded, calling, named
from ocr_service.network.contexts import MPPS
from ocr_service.network.storing import SUCCESS, cause, part_10

PROCESSING_FAILURE = 0x0110
INVALID_INSTANCE = 0x0117
NO_SUCH_CLASS = 0x0118
_GENERAL = ("ErrorComment", "ErrorID", "Status")  # of a status, what may be said again

Answer = tuple[int | Dataset, Dataset | None]

log = structlog.get_logger(__name__)


def on_n_create(event: Event, inbox: Inbox, config: Config) -> Answer:
    """Keep a step that begins, then send it on (PS3.4 F.7.2.1)."""
    request = cast(N_CREATE, event.request)
    return _served(
        event, inbox, config, (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, request.AttributeList)
    )


def on_n_set(event: Event, inbox: Inbox, config: Config) -> Answer:
    """Keep what is added to a step, then send it on (PS3.4 F.7.2.2)."""
    request = cast(N_SET, event.request)
    return _served(
        event, inbox, config, (request.RequestedSOPClassUID, request.RequestedSOPInstanceUID, request.ModificationList)
    )


def _served(event: Event, inbox: Inbox, config: Config, asked: tuple[Any, Any, BytesIO | None]) -> Answer:
    sop_class, instance, attributes = asked
    if sop_class != MPPS:
        return NO_SUCH_CLASS, None
    if not instance or attributes is None:
        return INVALID_INSTANCE, None  # the console names the step (PS3.4 F.7.2.1.1)
    step = _step(event, str(instance), attributes)
    try:
        inbox.keep_step(step)
    except (OSError, OutputError, StoreError) as error:
        log.error("step_not_kept", calling_ae=step.calling_ae, **cause(error))
        return PROCESSING_FAILURE, None
    except Exception as error:  # noqa: BLE001 - the border, as in storing.on_c_store
        log.error("step_not_kept", calling_ae=step.calling_ae, **cause(error))
        return PROCESSING_FAILURE, None
    if config.mpps.forward is None:
        return SUCCESS, None
    try:
        return _forwarded(step, config.mpps.forward, config.receiver.ae_title)
    except NetworkError as error:
        log.error("step_not_forwarded", calling_ae=step.calling_ae, why=str(error))
    except Exception as error:  # noqa: BLE001 - the border: what pydicom raises over a step's bytes has no end
        log.error("step_not_forwarded", calling_ae=step.calling_ae, **cause(error))
    return PROCESSING_FAILURE, None


def _step(event: Event, instance: str, attributes: BytesIO) -> Step:
    requestor = event.assoc.requestor
    calling = requestor.ae_title.strip()
    syntax = str(event.context.transfer_syntax)
    parts = part_10(attributes, sop_class=MPPS, instance=instance, transfer_syntax=syntax, ae=calling)
    created = isinstance(event.request, N_CREATE)
    return Step(instance, parts, created, calling, plain_address(requestor.address))


def _forwarded(step: Step, peer: Peer, our_ae: str) -> Answer:
    """What the next SCP says to the same request: the same instance and attributes. PeerUnavailable, PeerRefused."""
    ds = dcmread(BytesIO(b"".join(step.encoded)))
    syntaxes = list(dict.fromkeys([ds.file_meta.TransferSyntaxUID, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]))
    contexts = [build_context(MPPS, str(syntax)) for syntax in syntaxes]
    with calling(peer, our_ae, contexts) as assoc, bounded(assoc, peer):
        send = assoc.send_n_create if step.created else assoc.send_n_set
        status, answer = send(ds, MPPS, step.sop_instance_uid)
    if "Status" not in status:
        raise PeerUnavailable(f"{named(peer)} did not answer the step in time")
    told = Dataset()
    for keyword in _GENERAL:
        if keyword in status:
            setattr(told, keyword, status[keyword].value)
    return told, answer if answer else None
