"""An object that is too large is let go while it arrives, and its message goes on without it.

Knows fragments of messages (PS3.8 annex E); must not know what an object is for.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage

from ocr_service.network.limits import COMMAND, Memory

if TYPE_CHECKING:
    from pynetdicom.pdu_primitives import P_DATA


class TooLarge(BytesIO):
    """In the place of a data set that is not taken. It is empty, whatever came."""

    def write(self, some: object) -> int:  # noqa: ARG002 - of a file that forgets
        """Forget it."""
        return 0


class Measure:
    """Bytes of the message that is arriving. largest: of its data set; discarded: what came beyond."""

    def __init__(self, largest: int, memory: Memory) -> None:
        self._largest, self._memory = largest, memory
        self._command = self._size = 0
        self.discarded = 0

    def begin(self) -> None:
        """Another message."""
        self.give_back()
        self._command = self.discarded = 0

    def give_back(self) -> None:
        """The memory of the message is free."""
        self._memory.give(self._size)
        self._size = 0

    def take(self, primitive: P_DATA, message: DIMSEMessage) -> None:
        """Count what comes, before the message decodes it. ValueError: a command set that has no end."""
        for _, fragment in primitive.presentation_data_value_list:
            count = len(fragment) - 1
            if fragment[0] & 1:
                self._command += count
                if self._command > COMMAND:
                    raise ValueError(f"a command set of more than {COMMAND} bytes")
            elif isinstance(message.data_set, TooLarge):
                self.discarded += count
            elif self._size + count <= self._largest and self._memory.take(count):
                self._size += count
            else:
                self.give_back()
                message.data_set, self.discarded = TooLarge(), count


class MeasuredDIMSE(DIMSEServiceProvider):
    """For an association that we opened: what a peer sends over it, C-STORE requests of a C-GET among it, is measured.

    How long it may send is bounded by who waits for the message (`dimse_timeout`).
    """

    def __init__(self, assoc: Association, largest: int) -> None:
        super().__init__(assoc)
        self._measure = Measure(largest, Memory(largest))

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the next fragments of a message, as far as they are not too much."""
        if self.message is None:
            self.message = DIMSEMessage()
            self._measure.begin()
        self._measure.take(primitive, self.message)
        super().receive_primitive(primitive)
