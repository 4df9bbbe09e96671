"""pynetdicom's association with bounds, and without its waiting.

pynetdicom looks every millisecond whether something came, reads 4 KB at a time, takes a PDU or an object of any
length, and waits for ever for the second half of a PDU. Here the thread that reads a request serves it, and sleeps
until its socket or its own side has something; a PDU has a greatest length and a deadline; an object that is too
large is refused while it arrives.
Knows PDUs and DIMSE messages; must not know what a request is for.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket

from ocr_service.network.limits import Limits
from ocr_service.network.measuring import Measure, TooLarge
from ocr_service.network.storing import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, WRONG_CLASS, response

if TYPE_CHECKING:
    import socket

_LOOK = 0.5  # seconds: how often timers are looked at where nothing happens
_GONE = 0.001  # seconds: how often the thread of a closed socket looks whether it may end
_STEP = 2**20  # bytes: memory is taken as they come, not as they are announced
_C_STORE_RQ = 0x0001
_PDV_HEAD = 6  # bytes: length, context and control header (PS3.8 9.3.5.1)

log = structlog.get_logger(__name__)


class BoundedSocket(AssociationSocket):
    """Waits for its socket and its own side at once; reads no PDU that is too long or too slow."""

    def __init__(self, assoc: BoundedAssociation, client_socket: socket.socket) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._client, self._limits = client_socket, assoc.limits
        self._deadline = 0.0
        self._pdu_type = 0
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(client_socket.fileno(), select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Let `ready` return now: there is something to send, or an end."""
        with self._lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def done(self) -> None:
        """Nobody waits here any more. pynetdicom leaves a socket open whose peer has gone first."""
        self._client.close()
        with self._lock:
            os.close(self._wake)
            self._wake = -1

    @property
    def ready(self) -> bool:
        """Is there something to read? Waits for it for a moment, where nothing else is to be done."""
        if self.socket is None or not self._is_connected or self.socket.fileno() < 0:
            time.sleep(_GONE)
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        wait = _LOOK if self.event_queue.empty() else 0.0
        try:
            found = self._poll.poll(wait * 1000)
        except OSError:
            self.event_queue.put("Evt17")  # transport connection closed
            return False
        if any(descriptor == self._wake for descriptor, _ in found):
            os.eventfd_read(self._wake)
        return any(descriptor != self._wake for descriptor, _ in found)

    def recv(self, nr_bytes: int) -> bytearray:
        """The next bytes of a PDU: its first six, or the rest. OSError where it is too long, TimeoutError too slow."""
        if nr_bytes != 6 or self._pdu_type:
            longest = self._limits.longest(self._pdu_type)
            self._pdu_type = 0
            if nr_bytes > longest:
                raise OSError(f"a PDU claims {nr_bytes} bytes where {longest} are allowed")
            return self._read(nr_bytes)
        self._deadline = time.monotonic() + self._limits.timeout
        header = self._read(nr_bytes)
        self._pdu_type = header[0] if len(header) == nr_bytes and header[0] in range(1, 8) else 0
        return header

    def _read(self, count: int) -> bytearray:
        sock = cast("socket.socket", self.socket)
        got = bytearray()
        while len(got) < count:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("a PDU did not come to its end in time")
            sock.settimeout(left)
            some = sock.recv(min(count - len(got), _STEP))
            if not some:
                return got
            got += some
        return got

    def send(self, bytestream: bytes) -> None:
        """Send a PDU; a peer that does not take it in time has closed its connection."""
        if self.socket is not None:
            self.socket.settimeout(self._limits.timeout)
            super().send(bytestream)


class _Waking(queue.Queue[Any]):
    """A queue that also wakes who waits at another one, with pynetdicom's own sign for that."""

    def __init__(self, waiting: queue.Queue[Any]) -> None:
        super().__init__()
        self._waiting = waiting

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._waiting.put((None, None))


class BoundedDUL(DULServiceProvider):
    """The upper layer of one association, which sleeps until there is something to do."""

    def __init__(self, assoc: BoundedAssociation) -> None:
        super().__init__(assoc)
        self._run_loop_delay = 0  # BoundedSocket.ready waits instead
        self.daemon = True

    def send_pdu(self, primitive: Any) -> None:
        """Queue a primitive, and let it go at once. Our answer counts as life: a slow disk is no silent peer."""
        super().send_pdu(primitive)
        self._idle_timer.restart()
        self._wake()

    def kill_dul(self) -> None:
        """End the thread, without waiting for the next look."""
        super().kill_dul()
        self._wake()

    def idle_timer_expired(self) -> bool:
        """Silence between requests may be long; within an object it may not."""
        dimse, limits = cast(BoundedDIMSE, self.assoc.dimse), cast(BoundedAssociation, self.assoc).limits
        if dimse.serving:
            return False
        if super().idle_timer_expired():
            return True
        silent = limits.idle - self._idle_timer.remaining
        return dimse.message is not None and silent > limits.timeout

    def run_reactor(self) -> None:
        """Read and send until the end. What pynetdicom makes of broken PDUs ends this association and nothing else."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001 - hostile bytes: what decoding them raises has no end
            log.warning("association_broken", address=self.assoc.requestor.address, error=type(error).__name__)
            self._say_abort()
        finally:
            self.to_user_queue.put(cast(Any, None))  # who waits for a request that never came

    def _say_abort(self) -> None:
        if self.socket is not None and self.socket.socket is not None:
            abort = A_ABORT_RQ()
            abort.source, abort.reason_diagnostic = 2, 0  # service provider, reason not specified (PS3.8 9.3.8)
            self.socket.send(abort.encode())

    def _wake(self) -> None:
        """It need not wake itself: it looks what there is to send before it waits."""
        if isinstance(self.socket, BoundedSocket) and threading.current_thread() is not self:
            self.socket.wake()


class BoundedDIMSE(DIMSEServiceProvider):
    """Puts messages together within bounds, and has each served by the thread that read it.

    So nothing is read while a request is served: a peer cannot send ahead, and no thread waits for another.
    """

    def __init__(self, assoc: BoundedAssociation) -> None:
        super().__init__(assoc)
        self._limits = assoc.limits
        self._measure = Measure(assoc.limits.largest, assoc.limits.memory)
        self.serving = False

    def get_msg(self, block: bool = False) -> Any:
        """The association's own thread asks for messages; it gets none, but is woken where something else came."""
        with contextlib.suppress(queue.Empty):
            self.msg_queue.get(timeout=self.dimse_timeout if block else _LOOK)
        return None, None

    def give_all(self) -> None:
        """The association is over: what it held is free."""
        self._measure.give_back()

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message; the answer to a C-STORE, of which there are most, by the short way (`storing.response`)."""
        command = response(primitive) if isinstance(primitive, C_STORE) else None
        if command is None or 0 < self.maximum_pdu_size < len(command) + _PDV_HEAD:
            super().send_msg(primitive, context_id)
            return
        fragment = P_DATA()
        fragment.presentation_data_value_list.append((context_id, b"\x03" + command))  # a whole command (PS3.8 E.2)
        self.dul.send_pdu(fragment)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the next fragments of a message (PS3.8 annex E); a complete one goes to who serves it."""
        if self.message is None:
            self.message = DIMSEMessage()
            self._measure.begin()
        self._measure.take(primitive, self.message)
        if self._measure.discarded > self._limits.largest:
            raise ValueError("an object that has no end")
        if not self.message.decode_msg(primitive, self.assoc):
            return
        message, self.message = self.message, None
        cast(BoundedAssociation, self.assoc).established.wait(self._limits.timeout)
        self.serving = True
        try:
            if not self._answered(message):
                self._serve(message)
        finally:
            self.serving = False
            self.give_all()

    def _answered(self, message: DIMSEMessage) -> bool:
        """Answer a C-STORE-RQ that nobody can keep (PS3.4 B.2.3)."""
        command = message.command_set
        if command.get("CommandField") != _C_STORE_RQ:
            if isinstance(message.data_set, TooLarge):
                raise ValueError("a request that is no C-STORE, and larger than an object may be")
            return False
        context = self.assoc._accepted_cx.get(cast(int, message.context_id))
        if context is None:
            return False  # the association refuses it: no such presentation context
        sop_class, instance = command.get("AffectedSOPClassUID"), command.get("AffectedSOPInstanceUID")
        status = None
        if isinstance(message.data_set, TooLarge):
            status = OUT_OF_RESOURCES
        elif not (
            _is_uid(sop_class) and _is_uid(instance) and message.data_set and message.data_set.getbuffer().nbytes
        ):
            status = CANNOT_UNDERSTAND
        elif sop_class != context.abstract_syntax:
            status = WRONG_CLASS
        if status is None:
            return False
        log.warning(
            "object_refused", calling_ae=self.assoc.requestor.ae_title, status=f"0x{status:04X}",
            instance=str(instance) if _is_uid(instance) else "",
        )  # fmt: skip
        answer = C_STORE()
        answer.MessageIDBeingRespondedTo = command.MessageID
        answer.Status = status
        if _is_uid(sop_class) and _is_uid(instance):
            answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID = sop_class, instance
        self.send_msg(answer, cast(int, message.context_id))
        return True

    def _serve(self, message: DIMSEMessage) -> None:
        request = message.message_to_primitive()
        if not isinstance(request, C_CANCEL):  # nothing we serve can be cancelled
            self.assoc._serve_request(cast(Any, request), cast(int, message.context_id))


class BoundedAssociation(Association):
    """An association that a peer opens with us."""

    def __init__(self, ae: ApplicationEntity, limits: Limits, ended: Callable[[BoundedAssociation], None]) -> None:
        self.limits = limits
        super().__init__(ae, "acceptor")
        self._ended = ended
        self.established = threading.Event()  # a quick peer's request is there before our own thread has noticed
        self.bind(evt.EVT_ESTABLISHED, lambda _event: self.established.set())
        self.dimse = BoundedDIMSE(self)
        self.dul = BoundedDUL(self)
        self.dul.to_user_queue = _Waking(self.dimse.msg_queue)
        self.acse_timeout, self.network_timeout = limits.timeout, limits.idle  # they go to the new DUL's timers

    def _abort_blocking(self, block: bool = True) -> None:
        """Abort; the thread that serves requests is the one that sends the A-ABORT, and cannot wait for itself."""
        super()._abort_blocking(block and threading.current_thread() is not self.dul)

    def run_reactor(self) -> None:
        """Wait for the end, then give back the socket, the memory and the place."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001 - as in BoundedDUL.run_reactor
            log.warning("association_broken", address=self.requestor.address, error=type(error).__name__)
        finally:
            self.dul.kill_dul()
            sock = cast(BoundedSocket, self.dul.socket)
            sock.close()
            if self.dul.is_alive():
                self.dul.join()
            sock.done()
            cast(BoundedDIMSE, self.dimse).give_all()
            self._ended(self)


def _is_uid(value: object) -> bool:
    """What UIDs look like in the wild: digits and points, at most 64. Leading zeros are wrong and common."""
    text = str(value or "")
    return 0 < len(text) <= 64 and set(text) <= set("0123456789.")
