"""How we call a DICOM peer: one association, plain or TLS, that never hangs and says why it failed.

Knows associations; must not know what is sent over them.

Every wait is bounded by the peer's `timeout`: connecting, TLS, the answer to our request (ACSE), the answer to a
message (DIMSE) and each single read and write of the socket.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import _config, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from ocr_service.config import Pacs, Peer
from ocr_service.errors import ConfigError, PeerRefused, PeerUnavailable
from ocr_service.network.connecting import CallingAE
from ocr_service.network.cutting import Cutter, cut_off
from ocr_service.network.reactor import hold, watched
from ocr_service.network.tls import client_context

Handler = tuple[Any, ...]  # as pynetdicom's evt_handlers takes them
_PERMANENT = 1
# PS3.8, table 9-21, source 1 (UL service user). The standard calls both permanent. They tell of a table of names on
# either side, not of what we send, and an administrator mends it within the day.
_UNKNOWN_NAMES = {
    3: "does not know our AE title {ours}: have it entered there",
    7: "does not go by the AE title {theirs}: compare ae_title with its settings",
}
_PROBE = 5.0  # seconds, at most, to find out why a connection failed


class UnknownName(PeerUnavailable):
    """One of the two AE titles is not known there: an administrator mends it, then the same request goes through."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What one kind of request wants of its association beside its contexts.

    within: seconds for each wait; None is the peer's timeout. rests: may it stay open though nobody asks anything?
    negotiation: further items of the A-ASSOCIATE-RQ (PS3.7 D.3.3). max_pdu: bytes of the longest PDU that we take;
    largest: of a data set, of which more is let go (`measuring.TooLarge`).
    """

    within: float | None = None
    rests: bool = False
    negotiation: Sequence[Any] = ()
    max_pdu: int = 2**14
    largest: int = 2**20


def named(peer: Peer) -> str:
    """How sentences call a peer: an archive by its name, too."""
    where = f"{peer.ae_title} at {peer.host}:{peer.port}"
    return f"{peer.name} ({where})" if isinstance(peer, Pacs) else where


def seconds(peer: Peer) -> float:
    """The peer's timeout; a second where the configuration says none at all, which would be no wait."""
    return peer.timeout.total_seconds() or 1.0


@contextmanager
def calling(
    peer: Peer, our_ae_title: str, contexts: Sequence[PresentationContext], handlers: Sequence[Handler] = ()
) -> Iterator[Association]:
    """An association to the peer, released at the end; aborted where the body raises.

    contexts: as pynetdicom's `build_context` makes them. handlers: pynetdicom's event handlers.
    PeerUnavailable, PeerRefused (see `opened`).
    """
    assoc = opened(peer, our_ae_title, contexts, handlers)
    try:
        yield assoc
    except BaseException:
        _end(assoc, assoc.abort)
        raise
    hang_up(assoc)


def opened(
    peer: Peer,
    our_ae_title: str,
    contexts: Sequence[PresentationContext],
    handlers: Sequence[Handler] = (),
    manner: Manner = Manner(),
) -> Association:
    """The same association, to be ended by `hang_up` or `break_off`.

    PeerUnavailable: nobody there, no answer, TLS failed, rejected for now, broken off, or (UnknownName) one of the two
    AE titles is not known there. PeerRefused: rejected for good, or none of the contexts is accepted.
    """
    _hush()
    context, address = _tls(peer), _address(peer)
    limit, rejections = manner.within or seconds(peer), list[A_ASSOCIATE]()
    ae = CallingAE(our_ae_title, limit, None if manner.rests else limit, manner.largest)
    with cut_off(lambda: ae.socket, 2 * limit) as cutter:
        assoc = ae.associate(
            address,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=manner.max_pdu,
            ext_neg=list(manner.negotiation),
            evt_handlers=[*_watch(rejections), *handlers],
            tls_args=(context, peer.host) if context else None,
        )
    if assoc.is_established:
        return watched(assoc)
    _close(assoc)
    assert ae.made is not None
    if not ae.made.connected:
        raise PeerUnavailable(f"{named(peer)} cannot be reached: {_why_not(peer, address, context, limit)}")
    raise _rejected(rejections[0], peer, our_ae_title) if rejections else _not_granted(assoc, peer, cutter, limit)


def bounded(assoc: Association, peer: Peer) -> AbstractContextManager[Cutter]:
    """For one message and its answer: the answer is ours (`reactor.hold`), and the connection is cut after twice the
    peer's timeout, whatever still trickles.
    """
    hold(assoc)
    return cut_off(lambda: _socket(assoc), 2 * seconds(peer))


def hang_up(assoc: Association) -> None:
    """Release the association; abort it where the peer does not answer the release. Raises nothing."""
    if assoc.is_established:
        _end(assoc, assoc.release)
    if assoc.is_established:
        _end(assoc, assoc.abort)
    assoc.join(assoc.acse_timeout)
    _close(assoc)


def break_off(assoc: Association) -> None:
    """Abort the association, in the middle of whatever is going on. Raises nothing."""
    _end(assoc, assoc.abort)
    _close(assoc)


def _end(assoc: Association, by: Callable[[], None]) -> None:
    with cut_off(lambda: _socket(assoc), 2 * (assoc.acse_timeout or 1.0)):
        by()


def _socket(assoc: Association) -> socket.socket | None:
    transport = assoc.dul.socket
    return None if transport is None else transport.socket


def _close(assoc: Association) -> None:
    """Close the socket: pynetdicom leaves one whose shutdown fails to the garbage collector."""
    left = _socket(assoc)
    if left is not None:
        left.close()


def both_syntaxes(sop_classes: Sequence[str]) -> list[PresentationContext]:
    """For each SOP class a context of Explicit and one of Implicit VR Little Endian, so that the choice is ours."""
    syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    return [build_context(uid, syntax) for uid in sop_classes for syntax in syntaxes]


def _watch(rejections: list[A_ASSOCIATE]) -> list[Handler]:
    """What happens to an association that pynetdicom itself does not remember, or does not pass on."""

    def note(event: evt.Event) -> None:
        """pynetdicom takes a rejection that comes very fast for a connection that failed, and forgets it."""
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            rejections.append(event.pdu.to_primitive())

    def wake(event: evt.Event) -> None:
        """Whoever began to wait for an answer just as the association ended would wait until the timeout."""
        event.assoc.dimse.msg_queue.put((None, None))

    return [(evt.EVT_PDU_RECV, note), (evt.EVT_ABORTED, wake), (evt.EVT_RELEASED, wake)]


def _hush() -> None:
    """The records of both libraries quote what they read: a patient's name among it."""
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    for library in ("pydicom", "pynetdicom"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)


def _tls(peer: Peer) -> ssl.SSLContext | None:
    """PeerUnavailable: what waits for the peer goes out when the files are there."""
    try:
        return None if peer.tls is None else client_context(peer.tls)
    except ConfigError as error:
        raise PeerUnavailable(f"{named(peer)}: tls: {error}") from error


def _address(peer: Peer) -> str:
    """The peer's numeric address: IPv4 where it has one, for that is where DICOM peers listen. PeerUnavailable."""
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PeerUnavailable(f"{named(peer)} cannot be reached: its host name is not known") from error
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def _why_not(peer: Peer, address: str, context: ssl.SSLContext | None, limit: float) -> str:
    """Why the connection failed. pynetdicom only logs it, so it is tried once more, by a socket that tells."""
    limit = min(limit, _PROBE)
    try:
        with socket.create_connection((address, peer.port), limit) as plain:
            if context is not None:
                context.wrap_socket(plain, server_hostname=peer.host).close()
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not accepted: {error.verify_message}"
    except ssl.SSLError as error:
        return f"TLS failed: {error.reason or 'the peer broke it off'}"
    except TimeoutError:
        return f"no answer within {limit:g} s"
    except OSError as error:
        return (error.strerror or "the connection broke").lower()
    return "the connection broke"


def _rejected(answer: A_ASSOCIATE, peer: Peer, our_ae_title: str) -> PeerUnavailable | PeerRefused:
    """What an A-ASSOCIATE-RJ means (PS3.8, table 9-21)."""
    if answer.result_source == 1 and answer.diagnostic in _UNKNOWN_NAMES:
        said = _UNKNOWN_NAMES[answer.diagnostic].format(ours=our_ae_title, theirs=peer.ae_title)
        return UnknownName(f"{named(peer)} {said}")
    if answer.result == _PERMANENT:
        return PeerRefused(f"{named(peer)} rejected the association for good: {answer.reason_str}")
    return PeerUnavailable(f"{named(peer)} rejected the association for now: {answer.reason_str}")


def _not_granted(assoc: Association, peer: Peer, cutter: Cutter, limit: float) -> PeerUnavailable | PeerRefused:
    """An association without a context, or none: the peer broke it off, or we did after its time."""
    answer = assoc.acceptor.primitive
    if isinstance(answer, A_ASSOCIATE) and answer.result == 0 and not assoc.accepted_contexts:
        return PeerRefused(f"{named(peer)} accepts none of the SOP classes and transfer syntaxes that we offered")
    if cutter.done or assoc._sent_abort:
        return PeerUnavailable(f"{named(peer)} took the connection and granted no association within {limit:g} s")
    return PeerUnavailable(f"{named(peer)} took the connection and broke it off before it granted an association")
