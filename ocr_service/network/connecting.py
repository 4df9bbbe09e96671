"""The connection under an association that we open: bounded, without delay, and closed where it failed.

Knows sockets; must not know PDUs or what is sent in them.
"""

from __future__ import annotations

import socket
from typing import cast

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from ocr_service.network.limits import LONGEST_ANSWER
from ocr_service.network.measuring import MeasuredDIMSE

TLS = tuple[object, str]  # a context and the host's name, as pynetdicom takes them


class CallingSocket(AssociationSocket):
    """pynetdicom's socket would wait without end for the rest of a PDU, read one of 4 GB, and stay open after a fault.

    limit: seconds for a single read or write. connected: was it ever?
    """

    def __init__(self, assoc: Association, address: AddressInformation, limit: float) -> None:
        self.connected = False
        self._limit = limit
        super().__init__(assoc, address=address)

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, and send at once: a message is two PDUs, the second would wait for the first one's TCP ACK."""
        super().connect(primitive)
        if self.socket is not None:
            self.connected = True
            self.socket.settimeout(self._limit)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, nr_bytes: int) -> bytearray:
        """The next bytes of a PDU. OSError where it claims to be longer than any that we offered to take."""
        if nr_bytes > LONGEST_ANSWER:
            raise OSError(f"a PDU claims {nr_bytes} bytes where {LONGEST_ANSWER} are allowed")
        return super().recv(nr_bytes)

    def _shutdown_socket(self) -> None:
        """Close it, too: pynetdicom leaves one whose shutdown fails to the garbage collector."""
        super()._shutdown_socket()
        if self.socket is not None:
            self.socket.close()


class CallingAE(AE):
    """Our AE for one association.

    limit: seconds for each wait; the association may rest where `idle` is None. largest: bytes of a data set that the
    peer may send.
    """

    def __init__(self, ae_title: str, limit: float, idle: float | None, largest: int) -> None:
        super().__init__(ae_title)
        self.connection_timeout = self.acse_timeout = self.dimse_timeout = limit
        self.network_timeout = idle
        self._limit, self._largest = limit, largest
        self.made: CallingSocket | None = None

    @property
    def socket(self) -> socket.socket | None:
        """The connection, where there is one now."""
        return None if self.made is None else self.made.socket

    def _create_socket(self, assoc: Association, address: AddressInformation, tls_args: TLS | None) -> CallingSocket:
        """Here pynetdicom has made the association, and begun nothing with it."""
        assoc.dimse = MeasuredDIMSE(assoc, self._largest)
        self.made = CallingSocket(assoc, address, self._limit)
        self.made.tls_args = cast("None", tls_args)
        return self.made
