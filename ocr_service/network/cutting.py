"""A connection that is cut when its time is over, whatever still trickles.

A timeout bounds each read; a peer that sends byte after byte would hold us for good. Knows sockets and a timer; must
not know what is said over them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_AGAIN = 0.5  # seconds


class Cutter:
    """done: was the connection cut? Whatever came of it then is not whole."""

    def __init__(self, held: Callable[[], socket.socket | None]) -> None:
        self._held = held
        self.done = False

    def cut(self) -> None:
        """End it for both sides: who waits for it hears at once. Below TLS, whose state another thread is using."""
        self.done = True
        held = self._held()
        if held is not None:
            with suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)


@contextmanager
def cut_off(held: Callable[[], socket.socket | None], limit: float) -> Iterator[Cutter]:
    """Cut the connection that is `held` if the block lasts longer than `limit`, in seconds.

    And again until the block ends: it may not have been connected yet.
    """
    cutter, over = Cutter(held), threading.Event()

    def watch() -> None:
        wait = limit
        while not over.wait(wait):
            cutter.cut()
            wait = _AGAIN

    threading.Thread(target=watch, name="Cutter", daemon=True).start()
    try:
        yield cutter
    finally:
        over.set()
