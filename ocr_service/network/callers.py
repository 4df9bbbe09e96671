"""Who may open an association with us, and in which words a refusal is told (PS3.8 9.3.4).

Knows titles and addresses; must not know sockets or threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ocr_service.config import Caller

ANYONE = "*"


@dataclass(frozen=True, slots=True)
class Rejection:
    """An A-ASSOCIATE-RJ: result, source and reason of PS3.8 table 9-21, and why in words for the log."""

    result: int
    source: int
    reason: int
    why: str


def unknown_called(title: str) -> Rejection:
    """Permanent, by the service user: called AE title not recognized."""
    return Rejection(1, 1, 7, f"the caller asks for {title!r}, which is not our AE title")


def unknown_caller(title: str, address: str) -> Rejection:
    """Permanent, by the service user: calling AE title not recognized."""
    return Rejection(1, 1, 3, f"no entry of [[receiver.allow]] names {title!r} together with {address}")


def too_many(most: int) -> Rejection:
    """Transient, by the presentation service: local limit exceeded."""
    return Rejection(2, 3, 2, f"there are {most} associations already, and no more are allowed")


def not_now(why: str) -> Rejection:
    """Transient, by the presentation service: temporary congestion."""
    return Rejection(2, 3, 1, why)


def plain_address(told: str) -> str:
    """An IPv4 address where an IPv6 socket tells it as `::ffff:10.1.2.3`; a zone (`%eth0`) is left out."""
    return str(_address(told))


def may_call(title: str, address: str, allow: Sequence[Caller]) -> bool:
    """Do AE title and address both fit one entry? Letter case counts, spaces around a title do not (PS3.5, AE)."""
    at = _address(address)
    return any(
        entry.ae_title in (ANYONE, title.strip()) and any(at in network for network in entry.address) for entry in allow
    )


def is_known(address: str, allow: Sequence[Caller]) -> bool:
    """Is this an address of anybody who may call?"""
    at = _address(address)
    return any(at in network for entry in allow for network in entry.address)


def _address(told: str) -> IPv4Address | IPv6Address:
    at = ip_address(told.partition("%")[0])
    return at.ipv4_mapped or at if isinstance(at, IPv6Address) else at
