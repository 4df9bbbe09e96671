"""Which destinations a report goes to.

Knows the rules of [[destination]]; must not know how anything is sent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ocr_service.config import Destination


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the rules ask of a report: who sent its objects to us, and which scanner it is of.

    calling_aes: all AE titles its objects came from; one of them is enough for a rule.
    """

    calling_aes: frozenset[str]
    station: str
    manufacturer: str


def destinations_for(report: Provenance, destinations: Iterable[Destination]) -> tuple[str, ...]:
    """The names of the destinations that want the report, in the order of the configuration.

    A destination wants it where each of its rules that is not empty fits: an AE title as it is, a Station Name as it
    is, a manufacturer by how its name begins in any letter case. Spaces around a value do not count (PS3.5, LO, AE).
    """
    return tuple(one.name for one in destinations if _wants(one, report))


def _wants(destination: Destination, report: Provenance) -> bool:
    callers = {title.strip() for title in report.calling_aes}
    maker = report.manufacturer.strip().casefold()
    return (
        (not destination.calling_ae or not callers.isdisjoint(destination.calling_ae))
        and (not destination.station or report.station.strip() in {told.strip() for told in destination.station})
        and (
            not destination.manufacturer
            or any(maker.startswith(told.strip().casefold()) for told in destination.manufacturer)
        )
    )
