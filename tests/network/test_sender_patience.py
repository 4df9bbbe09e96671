"""A peer that sends a byte now and then, and never an answer, does not hold a lane for good."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pynetdicom import evt

from ocr_service.network.sender import Unavailable, send
from tests.connections import socket_of
from tests.network.sender_peers import OURS, PATIENCE, dicom, raw, report, scp, tidied

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
REPORT = report()
SHORT = 0.5


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    with tidied():
        yield


def trickle(connection: socket.socket, kind: int, over: threading.Event) -> None:
    """The head of a PDU of 64 KiB, then a byte at a time."""
    with suppress(OSError):
        connection.sendall(bytes([kind, 0, 0, 1, 0, 0]))
        while not over.wait(SHORT / 10):
            connection.sendall(b"\x00")


def test_in_the_place_of_an_association() -> None:
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        trickle(connection, 2, over)

    with raw(serve) as port:
        begun = time.monotonic()
        told = send(REPORT.encoded, dicom(port, SHORT), OURS)
        took = time.monotonic() - begun
        over.set()

    assert isinstance(told, Unavailable)
    assert took < PATIENCE / 2


def test_in_the_place_of_the_answer_to_an_object() -> None:
    over = threading.Event()

    def answer(event: evt.Event) -> int:
        trickle(socket_of(event.assoc), 4, over)
        return 0

    with scp([(evt.EVT_C_STORE, answer)]) as port:
        begun = time.monotonic()
        told = send(REPORT.encoded, dicom(port, SHORT), OURS)
        took = time.monotonic() - begun
        over.set()

    assert isinstance(told, Unavailable)
    assert took < PATIENCE / 2
