"""Our ports: opened once, and served by several processes.

All processes accept from one inherited socket, not from one each (SO_REUSEPORT): the kernel would share callers out
by a hash of their port, however busy a process is, and one that dies would take the callers in its queue with it.
Knows sockets; must not know associations.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from ocr_service.config import Receiver
from ocr_service.errors import ConfigError

_BACKLOG = 128  # callers that may wait to be accepted


@dataclass(frozen=True, slots=True)
class Listening:
    """Open ports. multiprocessing hands them to a child as they are."""

    plain: socket.socket | None
    tls: socket.socket | None

    @property
    def ports(self) -> tuple[int | None, int | None]:
        """The port of plain DICOM and that of TLS, as bound."""
        plain, tls = (None if bound is None else int(bound.getsockname()[1]) for bound in (self.plain, self.tls))
        return plain, tls

    def close(self) -> None:
        """Let go of the ports in this process; others that have them go on."""
        for bound in (self.plain, self.tls):
            if bound is not None:
                bound.close()


def listen(receiver: Receiver, plain_port: int | None = None, tls_port: int | None = None) -> Listening:
    """Open the configured ports; the parent of the receiver processes does so once. ConfigError.

    plain_port, tls_port: others in their place; 0 lets the system choose one that is free.
    """
    plain = receiver.port if plain_port is None else plain_port
    wanted = [plain] if receiver.port is not None and plain is not None else []
    if receiver.tls is not None:
        wanted.append(receiver.tls.port if tls_port is None else tls_port)
    opened: list[socket.socket] = []
    try:
        for port in wanted:
            opened.append(_opened(receiver.host, port))
    except OSError as error:
        where = f"{receiver.host}:{wanted[len(opened)]}"
        for bound in opened:
            bound.close()
        raise ConfigError(
            f"receiver: cannot listen at {where}: {error.strerror}; is another program at that port, "
            "or does it need a privilege (ports below 1024)?"
        ) from error
    return Listening(
        opened.pop(0) if receiver.port is not None else None, opened.pop(0) if receiver.tls is not None else None
    )


def shares(receiver: Receiver) -> tuple[int, ...]:
    """How many associations each process takes at most, one number a process: together max_associations, none is 0."""
    processes = min(receiver.processes, receiver.max_associations)
    each, rest = divmod(receiver.max_associations, processes)
    return tuple(each + (number < rest) for number in range(processes))


def _opened(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for TIME_WAIT
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # "::" is everybody
        bound.bind((host, port))
        bound.listen(_BACKLOG)
        bound.setblocking(False)  # another process may have been quicker
    except OSError:
        bound.close()
        raise
    return bound
