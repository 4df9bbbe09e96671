"""How long and how large things may get on an association, and the memory that all of one process share.

Knows numbers; must not know sockets.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ocr_service.config import Receiver

_SLACK = 4096  # some senders count a PDU's header, or that of its items, outside the length they agreed on
_NEGOTIATION = 2**20  # bytes of an A-ASSOCIATE-RQ: 128 contexts with 60 transfer syntaxes each are 240 KB
_ANY_PDU = 2**24  # bytes: what we offer where the configuration says 0, no limit; one PDU is held several times over
COMMAND = 2**16  # bytes of a command set: the longest of PS3.7 annex E is far below 2 KB
LONGEST_ANSWER = _NEGOTIATION  # bytes of a PDU of a peer that we call: we offer to take 256 KB at most
P_DATA_TF = 0x04


class Memory:
    """Bytes of objects that are on their way in, over all associations of this process, never above `most`.

    What would go above is refused; its sender tries again. Without it 50 callers at once would need 50 times
    `max_object`.
    """

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take so many bytes; False where they are not there."""
        with self._lock:
            if self._taken + count > self._most:
                return False
            self._taken += count
            return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._taken -= count

    @property
    def taken(self) -> int:
        """Bytes in use."""
        return self._taken


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one association; times in seconds, sizes in bytes.

    timeout: for one PDU, the request for the association, a TLS handshake, or silence inside an object.
    """

    timeout: float
    idle: float
    pdu: int
    largest: int
    memory: Memory = field(compare=False)

    def longest(self, pdu_type: int) -> int:
        """The longest PDU of this type (PS3.8 9.3.1: the length after its first six bytes) that is read at all."""
        if pdu_type != P_DATA_TF:
            return _NEGOTIATION
        return self.pdu + _SLACK


def limits_of(receiver: Receiver) -> Limits:
    """What the configuration says; one process holds at most one object of the largest size, or many small ones."""
    return Limits(
        timeout=max(receiver.timeout.total_seconds(), 1.0),
        idle=max(receiver.idle.total_seconds(), 1.0),
        pdu=receiver.max_pdu or _ANY_PDU,
        largest=receiver.max_object,
        memory=Memory(receiver.max_object),
    )
