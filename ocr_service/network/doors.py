"""One door of a receiver process: accepts connections, speaks TLS where asked to, and starts associations.

Knows connections; must not know what is sent over them.
"""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable
from socketserver import BaseServer
from typing import Any, cast

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationServer, RequestHandler

from ocr_service.network.associations import BoundedAssociation, BoundedSocket
from ocr_service.network.limits import Limits

_LET_OTHERS = 0.2  # seconds: a full process leaves a caller to the others for so long, then refuses it
_PER_ASSOCIATION = 0.001  # seconds: the busier a process, the later it accepts
_ROOM = 16  # connections beyond the share: callers who are about to be refused
_POLL = 0.1  # seconds between looks whether the door shall close
_COLLECT = 600  # looks: pynetdicom collects all garbage every 60, which stops every association for a tenth of a second

log = structlog.get_logger(__name__)


class Places:
    """Who is in, over all doors of this process."""

    def __init__(self, share: int, alone: bool) -> None:
        self.share, self.alone = share, alone
        self.closing = False
        self._in: set[BoundedAssociation] = set()
        self._admitted: set[BoundedAssociation] = set()
        self._handshakes = 0
        self._lock = threading.Lock()

    def enter(self, assoc: BoundedAssociation) -> None:
        """An association begins, or rather a connection that may become one."""
        with self._lock:
            self._in.add(assoc)

    def admit(self, assoc: BoundedAssociation) -> bool:
        """Give it one of the places; False where all are taken."""
        with self._lock:
            if len(self._admitted) >= self.share:
                return False
            self._admitted.add(assoc)
            return True

    def leave(self, assoc: BoundedAssociation) -> None:
        """It has ended."""
        with self._lock:
            self._in.discard(assoc)
            self._admitted.discard(assoc)

    def handshake(self, change: int) -> None:
        """A TLS handshake begins (1) or has ended (-1)."""
        with self._lock:
            self._handshakes += change

    @property
    def associations(self) -> tuple[BoundedAssociation, ...]:
        """All that are in."""
        with self._lock:
            return tuple(self._in)

    @property
    def admitted(self) -> int:
        """How many have a place."""
        return len(self._admitted)

    def crowded(self, known: bool) -> bool:
        """More connections than can become associations, or be told that they cannot: strangers stand outside first."""
        with self._lock:
            connections = len(self._in) + self._handshakes
            waiting = connections - len(self._admitted)
        return connections >= self.share + _ROOM or (waiting >= _ROOM // 2 and not known)


class _Welcome(RequestHandler):
    """Makes an association of a connection."""

    def handle(self) -> None:
        """Start it; RuntimeError where the system has no thread left for it."""
        places, assoc = cast(Door, self.server).places, self._create_association()
        places.enter(assoc)
        try:
            assoc.start()
        except RuntimeError:
            places.leave(assoc)
            cast(BoundedSocket, assoc.dul.socket).done()
            raise

    def _create_association(self) -> BoundedAssociation:
        server = cast(Door, self.server)
        assoc = BoundedAssociation(server.ae, server.limits, server.places.leave)
        assoc._server = server
        assoc.name = f"AcceptorThread@{self.remote.address}:{self.remote.port}"
        assoc.set_socket(BoundedSocket(assoc, cast(socket.socket, self.request)))
        assoc.acceptor.maximum_length = server.ae.maximum_pdu_size
        assoc.acceptor.ae_title = server.ae_title
        assoc.acceptor.address_info = self.local
        assoc.acceptor.implementation_class_uid = server.ae.implementation_class_uid
        assoc.acceptor.implementation_version_name = server.ae.implementation_version_name
        assoc.acceptor.supported_contexts = server.contexts
        assoc.requestor.address_info = self.remote
        for event, handler in server.handlers:
            assoc.bind(event, handler)
        return assoc


class Door(AssociationServer):
    """Accepts from a socket that other processes share."""

    def __init__(
        self,
        ae: ApplicationEntity,
        listening: socket.socket,
        contexts: list[PresentationContext],
        tls: ssl.SSLContext | None,
        handlers: list[tuple[evt.EventType, Any]],
        limits: Limits,
        places: Places,
        is_known: Callable[[str], bool],
    ) -> None:
        self._listening, self._tls, self._is_known = listening, tls, is_known
        self.limits, self.places, self.handlers = limits, places, handlers
        super().__init__(ae, listening.getsockname(), ae.ae_title, contexts, request_handler=_Welcome)
        self._gc[1] = _COLLECT
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL,), name="Door", daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Use the socket that is there instead of one of our own."""
        cast(socket.socket, self.socket).close()
        self.socket = self._listening.dup()
        self.socket.setblocking(False)  # another process may be quicker; what a parent hands on has forgotten this
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """It listens already."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a caller, unless another process did. OSError where there is none (any more)."""
        if not self.places.alone:
            busy = self.places.admitted
            time.sleep(_LET_OTHERS if busy >= self.places.share else busy * _PER_ASSOCIATION)
        try:
            connection, address = cast(socket.socket, self.socket).accept()
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                time.sleep(_POLL)  # no descriptor left, or no memory: to ask again at once would only burn time
            raise
        if self.places.crowded(self._is_known(address[0])):
            log.warning("connection_closed", address=address[0], why="too many connections are open")
            connection.close()
            raise ConnectionAbortedError("too many connections are open")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are small, and waited for
        connection.settimeout(self.limits.timeout)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin an association; a TLS handshake, which can hang, has a thread of its own."""
        if self._tls is None:
            self.finish_request(request, client_address)
            return
        threading.Thread(
            target=self._shake_hands, args=(request, client_address), name="Handshake", daemon=True
        ).start()

    def _shake_hands(self, connection: socket.socket, address: Any) -> None:
        assert self._tls is not None
        self.places.handshake(1)
        try:
            secure = self._tls.wrap_socket(connection, server_side=True)
        except OSError as error:  # no certificate, no TLS at all, nothing within the time
            why = getattr(error, "reason", None) or type(error).__name__
            log.warning("handshake_failed", address=address[0], why=why)
            connection.close()
            return
        finally:
            self.places.handshake(-1)
        try:
            self.finish_request(secure, address)
        except RuntimeError:
            self.handle_error(secure, address)
            secure.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's words
        """A connection that ended before it began is no news for the terminal."""
        log.warning("connection_failed", address=client_address[0])

    def shutdown(self) -> None:
        """Accept nobody any more; the socket stays open for other processes."""
        BaseServer.shutdown(self)
        self._thread.join()
        self.server_close()

    def server_close(self) -> None:
        """Let go of our end of the socket."""
        cast(socket.socket, self.socket).close()
