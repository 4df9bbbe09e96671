"""UIDs that stay: the same source gives the same UID, in every run, on every machine, in every version.

Knows reports and hashes; must not know data sets. Pure.

An Irradiation Event UID is never made of a template, position, range, value or version: a report that is read
better tomorrow must not be counted twice. UIDs stand under 2.25, as PS3.5 B.2 derives them from a UUID; the
UUID is of version 8 (RFC 9562), its bits taken from SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ocr_service.dose.report import CTDoseReport, IrradiationEvent, Scanner, Source
from ocr_service.rdsr.words import stands

FORMAT_VERSION: Final = "1"  # of the RDSR: changes only when bytes must
SERVICE_NAME: Final = "ocr_service"


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An irradiation event that an earlier report of ours has already named."""

    uid: str
    event: IrradiationEvent


@dataclass(frozen=True, slots=True)
class PriorReport:
    """The report that a corrected one takes the place of, and the events it has named.

    content_moment: its Content Date and Time as one DT; "" where it states none.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    instance_number: int = 1
    events: tuple[KnownEvent, ...] = ()
    content_moment: str = ""


def uid_of_bytes(content: bytes) -> str:
    """A UID under 2.25 from SHA-256 of the bytes; at most 44 characters."""
    digest = bytearray(hashlib.sha256(content).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return f"2.25.{int.from_bytes(digest, 'big')}"


def uid_of(*parts: str) -> str:
    """A UID under 2.25 from words; no two lists of words give the same bytes."""
    return uid_of_bytes(b"".join(b"%d:%s" % (len(raw), raw) for raw in (p.encode() for p in parts)))


SERVICE_DEVICE_UID: Final = uid_of(SERVICE_NAME, "device observer")


def device_uid(scanner: Scanner) -> str:
    """The scanner's Device UID (0018,1002), else one made of what makes it this scanner."""
    return scanner.device_uid or uid_of("device", *scanner.identity)


def series_instance_uid(study_instance_uid: str, scanner: Scanner) -> str:
    """The one series of ours in a study: all reports of one scanner, corrected ones too."""
    return uid_of("series", study_instance_uid, *scanner.identity)


def irradiation_event_uids(report: CTDoseReport, *, known: Sequence[KnownEvent] = ()) -> tuple[str, ...]:
    """One Irradiation Event UID (113769) an event, in the order of the events, no two alike.

    The one that an earlier report of ours gave the same event (aligned by type, order and time); else the
    header's; else a hash of study, scanner, printed series number and type (what is proven of them) and the
    occurrence of that key.
    """
    taken: dict[int, str] = _align(report.events, known)
    used = set(taken.values())
    for index, event in enumerate(report.events):
        own = event.irradiation_event_uid
        if index not in taken and own and own not in used:
            taken[index] = own
            used.add(own)
    occurrences: dict[tuple[str, str], int] = {}
    for index, event in enumerate(report.events):
        key = _key(event)
        occurrences[key] = occurrences.get(key, 0) + 1
        if index in taken:
            continue
        uid = _hashed(report, key, occurrences[key])
        while uid in used:  # an earlier report gave it to another row of the same key
            occurrences[key] += 1
            uid = _hashed(report, key, occurrences[key])
        taken[index] = uid
        used.add(uid)
    return tuple(taken[index] for index in range(len(report.events)))


def identified(report: CTDoseReport, *, known: Sequence[KnownEvent] = ()) -> CTDoseReport:
    """The same report, each event with its Irradiation Event UID."""
    uids = irradiation_event_uids(report, known=known)
    events = (replace(event, irradiation_event_uid=uid) for event, uid in zip(report.events, uids, strict=True))
    return replace(report, events=tuple(events))


def _key(event: IrradiationEvent) -> tuple[str, str]:
    number, kind = event.series_number, event.acquisition_type
    return (
        number.text.strip() if number is not None and stands(number) else "",
        kind.value.value if kind is not None and stands(kind) else "",
    )


def _hashed(report: CTDoseReport, key: tuple[str, str], occurrence: int) -> str:
    return uid_of("event", report.study_instance_uid, *report.scanner.identity, *key, str(occurrence))


def _align(events: Sequence[IrradiationEvent], known: Sequence[KnownEvent]) -> dict[int, str]:
    """Which event is which known one: the order-keeping pairing that agrees best; of equals, the earliest."""
    best = [[0] * (len(known) + 1) for _ in range(len(events) + 1)]
    for i in reversed(range(len(events))):
        for j in reversed(range(len(known))):
            fit = _likeness(events[i], known[j])
            pair = best[i + 1][j + 1] + fit if fit else 0
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    paired: dict[int, str] = {}
    i = j = 0
    while i < len(events) and j < len(known):
        fit = _likeness(events[i], known[j])
        if fit and best[i][j] == best[i + 1][j + 1] + fit:
            if known[j].uid not in paired.values():
                paired[i] = known[j].uid
            i, j = i + 1, j + 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            i += 1
    return paired


# One pair more outweighs every agreement of the pairs' details: order decides, details break ties.
_PAIR, _SAME_UID, _SAME_DETAIL, _SAME_VALUE = 1_000_000_000, 10_000, 100, 1


def _mended(event: IrradiationEvent, other: IrradiationEvent) -> bool:
    """Did a person set the type of one of them?"""
    kinds = (event.acquisition_type, other.acquisition_type)
    return any(kind is not None and kind.source is Source.MANUAL for kind in kinds)


def _likeness(event: IrradiationEvent, earlier: KnownEvent) -> int:
    """How well the two agree; 0 where they cannot be the same event.

    Types and series numbers that stand and differ are two events. A header numbers its series in its own way,
    so that numbers of unlike sources say nothing; a type that a person typed is the mended one of the same event.
    """
    score = _PAIR
    other = earlier.event
    details = [] if _mended(event, other) else [(_key(event)[1], _key(other)[1])]
    if event.series_number and other.series_number and event.series_number.source is other.series_number.source:
        details.append((_key(event)[0], _key(other)[0]))
    for ours, theirs in details:
        if ours and theirs:
            if ours != theirs:
                return 0
            score += _SAME_DETAIL
    if event.parameters.start and event.parameters.start == other.parameters.start:
        score += _SAME_DETAIL
    if event.irradiation_event_uid == earlier.uid:
        score += _SAME_UID
    for mine, his in ((event.mean_ctdivol, other.mean_ctdivol), (event.dlp, other.dlp)):
        if mine is not None and his is not None and mine.value == his.value:
            score += _SAME_VALUE
    return score
