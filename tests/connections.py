"""The socket below an association of pynetdicom's, for tests that cut it, hold it up or close it."""

from __future__ import annotations

import socket

from pynetdicom.association import Association


def socket_of(assoc: Association) -> socket.socket:
    """What an open association runs over. AssertionError where it has none."""
    transport = assoc.dul.socket
    assert transport is not None, "the association has no connection"
    assert isinstance(transport.socket, socket.socket), "the connection has no socket"
    return transport.socket
