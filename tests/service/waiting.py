"""Ports, deadlines, and how what the tests start is called."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, evt

from tests.connections import socket_of

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK and Orthanc wait 40 ms for each answer
PATIENCE = 120.0  # seconds: nothing takes so long, but on a machine that has other work
OURS = "OCR_SERVICE"


def free_port() -> int:
    """One that nobody has at the moment."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def until(true: Callable[[], Any], what: str = "it", seconds: float = PATIENCE, pause: float = 0.1) -> Any:
    """Wait until something is true, and return it. AssertionError with `what` where the deadline passes first."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(pause)
    return found


def answers(port: int) -> bool:
    """Does anything take connections there?"""
    with socket.socket() as tried:
        tried.settimeout(5)
        return tried.connect_ex(("127.0.0.1", port)) == 0


def echoes(port: int, called: str = OURS, calling: str = "CONSOLE") -> bool:
    """Does the AE answer a C-ECHO?"""
    if not answers(port):
        return False
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 5
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate("127.0.0.1", port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, no_delay)])
    if not assoc.is_established:
        return False
    try:
        return "Status" in assoc.send_c_echo()
    except (RuntimeError, ValueError):
        return False
    finally:
        assoc.release()


def no_delay(event: evt.Event) -> None:
    """For `EVT_CONN_OPEN`: answers are not held back."""
    socket_of(event.assoc).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
