"""Modality Performed Procedure Steps: kept here first, then sent on to the next SCP, whose status the console hears.

An old console knows one destination only. So where the next SCP cannot be reached, the console is told a failure: it
shows that to its user or sends again, as it would have done without us. Were it told success, nobody would know that
the information system never heard of the step. A step that is sent again is kept twice, which says nothing new.
Knows N-CREATE and N-SET (PS3.4 F.7); must not know what a step says.
"""

from __future__ import annotations

import ssl
from io import BytesIO
from typing import Any, cast

import structlog
from pydicom import Dataset, dcmread
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_CREATE, N_SET
from pynetdicom.events import Event

from ocr_service.config import Config, Peer
from ocr_service.errors import OutputError, PeerUnavailable, StoreError
from ocr_service.network.arrivals import Inbox, Step
from ocr_service.network.callers import plain_address
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
    except PeerUnavailable as error:
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
    """What the next SCP says to the same request: the same instance and attributes. PeerUnavailable."""
    ds = dcmread(BytesIO(b"".join(step.encoded)))
    syntaxes = list(dict.fromkeys([ds.file_meta.TransferSyntaxUID, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]))
    assoc = _opened(peer, our_ae, [str(syntax) for syntax in syntaxes])
    connection = assoc.dul.socket.socket if assoc.dul.socket is not None else None
    try:
        send = assoc.send_n_create if step.created else assoc.send_n_set
        status, answer = send(ds, MPPS, step.sop_instance_uid)
    finally:
        if assoc.is_established:
            assoc.release()
        if connection is not None:
            connection.close()  # pynetdicom leaves it open where the peer has gone first
    if "Status" not in status:
        raise PeerUnavailable(f"{peer.ae_title} at {peer.host}:{peer.port} did not answer the step in time")
    told = Dataset()
    for keyword in _GENERAL:
        if keyword in status:
            setattr(told, keyword, status[keyword].value)
    return told, answer if answer else None


def _opened(peer: Peer, our_ae: str, syntaxes: list[str]) -> Association:
    ae = AE(ae_title=our_ae)
    seconds = peer.timeout.total_seconds()
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = seconds
    contexts = [build_context(MPPS, syntax) for syntax in syntaxes]
    assoc = ae.associate(peer.host, peer.port, contexts=contexts, ae_title=peer.ae_title, tls_args=_tls(peer))
    if not assoc.is_established:
        how = "refused the association" if assoc.is_rejected else "cannot be reached"
        raise PeerUnavailable(f"{peer.ae_title} at {peer.host}:{peer.port} {how}; the console was told so")
    return assoc


def _tls(peer: Peer) -> tuple[ssl.SSLContext, str] | None:
    if peer.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(peer.tls.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = peer.tls.check_name
        if peer.tls.certificate is not None:
            context.load_cert_chain(peer.tls.certificate, peer.tls.key)
    except OSError as error:
        raise PeerUnavailable(f"the certificates for {peer.ae_title} cannot be used: {error.strerror}") from error
    return context, peer.host
