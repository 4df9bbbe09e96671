"""pynetdicom's reactor is held while we ask, so that it takes no answer that is ours.

Knows one weakness of pynetdicom (3.0); must not know what is asked.

The thread that watches an association for requests of the peer pauses while we send one. It says that it pauses
before it waits, and still says so when its wait is over: a request sent in that moment may lose its first answer to
it, which is dropped without a word. On a busy machine one answer in some thousand went that way, and with it a
series of dose screens.
"""

from __future__ import annotations

from threading import Event

from pynetdicom.association import Association

_PATIENCE = 10.0  # seconds: a thread that does not come round in this time is not running any more


class Checkpoint(Event):
    """The event at which the reactor waits; it tells when the reactor really stands still."""

    def __init__(self) -> None:
        super().__init__()
        self._still = Event()
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """The reactor is here. Where the way is closed, nothing but `set` lets it go on."""
        if not self.is_set():
            self._still.set()
        return super().wait(timeout)

    def hold(self) -> bool:
        """Close the way, and wait until the reactor stands before it; only while it is open. Does it stand?"""
        self._still.clear()
        self.clear()
        return self._still.wait(_PATIENCE)


def watched(association: Association) -> Association:
    """The association with a checkpoint of ours; its reactor comes to it with its next round."""
    association._reactor_checkpoint = Checkpoint()
    return association


def hold(association: Association) -> bool:
    """Hold the reactor until the request that follows is through; pynetdicom lets it go on then. Is it held?

    It is not where the association ended in just this moment.
    """
    checkpoint = association._reactor_checkpoint
    if not isinstance(checkpoint, Checkpoint) or not association.is_established:
        return False
    return checkpoint.hold() if checkpoint.is_set() else True
