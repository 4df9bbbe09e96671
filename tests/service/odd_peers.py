"""Peers that are there and do not do their work: at a port that a real Orthanc has before or after them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from pynetdicom import AE, evt

from tests.service.living import KOS, RDSR


@contextmanager
def nobody(port: int) -> Iterator[None]:
    """The PACS is down: connections are refused."""
    del port
    yield


@contextmanager
def silent(port: int) -> Iterator[None]:
    """It takes the connection and never says a word."""
    held: list[socket.socket] = []
    stopped = threading.Event()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(20)
        listening.settimeout(0.1)

        def take() -> None:
            while not stopped.is_set():
                with suppress(TimeoutError):
                    held.append(listening.accept()[0])

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
            for one in held:
                one.close()


@contextmanager
def scp(port: int, store: Callable[[], int], called: str = "ORTHANC") -> Iterator[None]:
    """A Storage SCP that answers each object with what `store` returns; it knows itself by one AE title only."""
    ae = AE(ae_title=called)
    ae.require_called_aet = True
    ae.acse_timeout = ae.network_timeout = 5
    for kind in (RDSR, KOS):
        ae.add_supported_context(kind, ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
    ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: store())])
    try:
        yield
    finally:
        ae.shutdown()


def stranger(port: int) -> AbstractContextManager[None]:
    """It does not know the AE title by which it is called."""
    return scp(port, lambda: 0x0000, "OTHER")


def busy(port: int) -> AbstractContextManager[None]:
    """It has no room: each object is answered 0xA700."""
    return scp(port, lambda: 0xA700)


def hanging(port: int) -> AbstractContextManager[None]:
    """It takes the association and the object, and does not answer in time."""

    def store() -> int:
        time.sleep(4)
        return 0xA700

    return scp(port, store)


def slow(port: int) -> AbstractContextManager[None]:
    """It takes its time for each object, and takes it in the end."""

    def store() -> int:
        time.sleep(0.7)
        return 0x0000

    return scp(port, store)
