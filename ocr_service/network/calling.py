"""How we call a DICOM peer: one association, plain or TLS, that never hangs and says why it failed.

Knows associations; must not know what is sent over them.

Every wait is bounded by the peer's `timeout`: connecting, TLS, the answer to our request (ACSE), the answer to a
message (DIMSE) and each single read and write of the socket.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket

from ocr_service.config import ClientTLS, Peer
from ocr_service.errors import PeerRefused, PeerUnavailable
from ocr_service.network.reactor import hold, watched
from ocr_service.network.tls import no_password

Handler = tuple[Any, ...]  # as pynetdicom's evt_handlers takes them
_PERMANENT = 1
# PS3.8, table 9-21, source 1 (UL service user). The standard calls both permanent. They tell of a table of names on
# either side, not of what we send, and an administrator mends it within the day.
_UNKNOWN_NAMES = {
    3: "does not know our AE title {ours}: have it entered there",
    7: "does not go by the AE title {theirs}: compare ae_title with its settings",
}
_PROBE = 5.0  # seconds, at most, to find out why a connection failed


def named(peer: Peer) -> str:
    """How sentences call a peer."""
    return f"{peer.ae_title} at {peer.host}:{peer.port}"


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
    peer: Peer, our_ae_title: str, contexts: Sequence[PresentationContext], handlers: Sequence[Handler] = ()
) -> Association:
    """The same association, to be ended by `hang_up`.

    PeerUnavailable: nobody there, no answer, TLS failed, rejected for now, or one of the two AE titles is not known
    there. PeerRefused: rejected for good, or none of the contexts is accepted.
    """
    context = _tls(peer.tls, peer) if peer.tls else None
    address = _address(peer)
    watch = _Watch(seconds(peer))
    ae = AE(ae_title=our_ae_title)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = seconds(peer)
    with _cut_off(lambda: watch.transport, 2 * seconds(peer)):
        assoc = ae.associate(
            address,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            evt_handlers=[*watch.handlers(), *handlers],
            tls_args=(context, peer.host) if context else None,
        )
    if assoc.is_established:
        return watched(assoc)
    if context is not None and context.made is not None:
        context.made.close()
    _close(assoc)
    if watch.transport is None:
        raise PeerUnavailable(f"{named(peer)} cannot be reached: {_why_not(peer, context)}")
    raise _rejected(watch.rejection, peer, our_ae_title) if watch.rejection else _not_granted(assoc, peer)


def bounded(assoc: Association, peer: Peer) -> AbstractContextManager[None]:
    """For one message and its answer: the answer is ours (`reactor.hold`), and the connection is cut after twice the
    peer's timeout, whatever still trickles.
    """
    hold(assoc)
    return _cut_off(lambda: assoc.dul.socket, 2 * seconds(peer))


@contextmanager
def _cut_off(transport: Callable[[], AssociationSocket | None], limit: float) -> Iterator[None]:
    """Each read has its timeout; a peer that sends byte after byte of a PDU would still hold us for good."""

    def cut() -> None:
        held = transport()
        if held is not None and held.socket is not None:
            with suppress(OSError):
                held.socket.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limit, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def hang_up(assoc: Association) -> None:
    """Release the association; abort it where the peer does not answer the release. Raises nothing."""
    if assoc.is_established:
        _end(assoc, assoc.release)
    if assoc.is_established:
        _end(assoc, assoc.abort)
    assoc.join(assoc.acse_timeout)
    _close(assoc)


def _end(assoc: Association, by: Callable[[], None]) -> None:
    with _cut_off(lambda: assoc.dul.socket, 2 * (assoc.acse_timeout or 1.0)):
        by()


def _close(assoc: Association) -> None:
    """Close the socket: pynetdicom leaves one whose shutdown fails to the garbage collector."""
    transport = assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.close()


def both_syntaxes(sop_classes: Sequence[str]) -> list[PresentationContext]:
    """For each SOP class a context of Explicit and one of Implicit VR Little Endian, so that the choice is ours."""
    syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    return [build_context(uid, syntax) for uid in sop_classes for syntax in syntaxes]


class _Watch:
    """What happens to one association that pynetdicom itself does not remember, or does not bound."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.transport: AssociationSocket | None = None
        self.rejection: A_ASSOCIATE | None = None

    def handlers(self) -> list[Handler]:
        """For pynetdicom's evt_handlers."""
        return [
            (evt.EVT_CONN_OPEN, self._prepare),
            (evt.EVT_PDU_RECV, self._note_rejection),
            (evt.EVT_ABORTED, self._wake),
            (evt.EVT_RELEASED, self._wake),
        ]

    def _prepare(self, event: evt.Event) -> None:
        """Bound each read and write: once connected, pynetdicom would wait without end for the rest of a PDU.

        And send at once: a message is two PDUs, and the second would wait 40 ms for the first one's TCP ACK.
        """
        self.transport = event.assoc.dul.socket
        if self.transport is not None and self.transport.socket is not None:
            self.transport.socket.settimeout(self.limit)
            self.transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _note_rejection(self, event: evt.Event) -> None:
        """pynetdicom takes one that comes very fast for a connection that failed, and forgets it."""
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            self.rejection = event.pdu.to_primitive()

    def _wake(self, event: evt.Event) -> None:
        """Whoever began to wait for an answer just as the association ended would wait until the timeout."""
        event.assoc.dimse.msg_queue.put((None, None))


class _Context(ssl.SSLContext):
    """TLS for one association. It remembers its socket: pynetdicom forgets one that failed without closing it."""

    made: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*args, **kwargs)
        return self.made


def _tls(told: ClientTLS, peer: Peer) -> _Context:
    """TLS 1.2 or newer; the peer shows a certificate of `ca`, we show ours where we have one. PeerUnavailable."""
    try:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(str(told.ca))
        if told.certificate is not None:
            context.load_cert_chain(str(told.certificate), told.key and str(told.key), no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
        raise PeerUnavailable(f"{named(peer)}: the files of its [tls] cannot be used: {why}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = told.check_name
    return context


def _address(peer: Peer) -> str:
    """The peer's numeric address: IPv4 where it has one, for that is where DICOM peers listen. PeerUnavailable."""
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PeerUnavailable(f"{named(peer)} cannot be reached: its host name is not known") from error
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def _why_not(peer: Peer, context: ssl.SSLContext | None) -> str:
    """Why the connection failed. pynetdicom only logs it, so it is tried once more, by a socket that tells."""
    limit = min(seconds(peer), _PROBE)
    try:
        with socket.create_connection((_address(peer), peer.port), limit) as plain:
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
        return PeerUnavailable(f"{named(peer)} {said}")
    if answer.result == _PERMANENT:
        return PeerRefused(f"{named(peer)} rejected the association for good: {answer.reason_str}")
    return PeerUnavailable(f"{named(peer)} rejected the association for now: {answer.reason_str}")


def _not_granted(assoc: Association, peer: Peer) -> PeerUnavailable | PeerRefused:
    """An association without a context, or none."""
    answer = assoc.acceptor.primitive
    if isinstance(answer, A_ASSOCIATE) and answer.result == 0 and not assoc.accepted_contexts:
        return PeerRefused(f"{named(peer)} accepts none of the SOP classes and transfer syntaxes that we offered")
    return PeerUnavailable(f"{named(peer)} took the connection and granted no association within {seconds(peer):g} s")
