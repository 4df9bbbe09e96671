"""What screens must be read as: the lines of a report as `convert --report` writes it, which a person has corrected.

Knows the words of that report; must not know screens or how they are read. Whatever is wrong with the file is a
UsageError that names file and line and quotes none of its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ocr_service.dose.report import CTAcquisitionType, Phantom
from ocr_service.errors import UsageError
from ocr_service.templates.wording import did_you_mean

MOST_BYTES = 2**20  # of one line: a thousand times what a long examination has
MOST_EVENTS = 1000
LONGEST = 200  # letters of one value

ACQUISITION_TYPE, MEAN_CTDIVOL, DLP, PHANTOM = "acquisition_type", "mean_ctdivol", "dlp", "phantom"
EVENT_KEYS = ("series_number", ACQUISITION_TYPE, MEAN_CTDIVOL, DLP, PHANTOM, "scanning_range", "kvp")
DLP_TOTAL = "dlp_total"
_NEEDED = ("study_instance_uid", "sop_instance_uids", DLP_TOTAL, "events")
_BESIDE = ("series_instance_uids", "outcome", "template", "rdsr", "findings", "milliseconds", "files")
_NUMBERS = frozenset({MEAN_CTDIVOL, DLP, "kvp", DLP_TOTAL})
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
_WORDS: Mapping[str, frozenset[str]] = {
    ACQUISITION_TYPE: frozenset(kind.value for kind in CTAcquisitionType),
    PHANTOM: frozenset(phantom.name.lower() for phantom in Phantom),
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What one unit must be read as. Numbers are texts as printed; None: nothing stands there.

    sop_instance_uids: its objects, none where the whole study is meant. events: in the order of the pages, each with
    the keys `EVENT_KEYS`; acquisition types are the codes of CID 10013, phantoms `head` and `body`.
    line: where it stands in its file, from 1. confirmed: of each event, and last of the total: was it proven, by
    readers or by the person who went through the line? All of them where it says nothing.
    """

    study_instance_uid: str
    sop_instance_uids: tuple[str, ...]
    dlp_total: str | None
    events: tuple[Mapping[str, str | None], ...]
    line: int
    confirmed: tuple[bool, ...] = ()

    @property
    def values(self) -> int:
        """How many values it states."""
        stated = sum(text is not None for event in self.events for text in event.values())
        return stated + (self.dlp_total is not None)


def load_expected(path: Path) -> tuple[Expected, ...]:
    """The lines that state a value; others (an unreadable unit) say nothing that could be compared. UsageError."""
    found: list[Expected] = []
    taken: dict[str, int] = {}
    for number, text in _lines(path):
        one = _Line(path, number).parsed(text)
        if one is None:
            continue
        for uid in one.sop_instance_uids or (one.study_instance_uid,):
            if uid in taken:
                raise wrong(path, number, f"line {taken[uid]} speaks of the same objects; keep one of the two")
            taken[uid] = number
        found.append(one)
    if not found:
        raise UsageError(f"{path} states no value of any unit; make it with: ocr-service convert ... --report {path}")
    return tuple(found)


def expected_for(
    known: Iterable[Expected], study_instance_uid: str, sop_instance_uids: Iterable[str]
) -> Expected | None:
    """What is expected of a unit: the line that names one of its objects, else the one that means its whole study."""
    objects = set(sop_instance_uids)
    of_study = [one for one in known if one.study_instance_uid == study_instance_uid]
    named = next((one for one in of_study if objects.intersection(one.sop_instance_uids)), None)
    return named or next((one for one in of_study if not one.sop_instance_uids), None)


def must_be_at_hand(path: Path, known: Iterable[Expected], screens: Mapping[str, Collection[str]]) -> None:
    """Does each line speak of a unit among the screens? screens: SOP Instance UIDs by study. UsageError."""
    for one in known:
        objects = screens.get(one.study_instance_uid)
        if objects is None:
            raise wrong(path, one.line, "its study is not among the screens; name its folder too, or drop the line")
        if one.sop_instance_uids and not set(one.sop_instance_uids).intersection(objects):
            raise wrong(path, one.line, "none of its objects is among the screens of its study")


def wrong(path: Path, line: int, problem: str) -> UsageError:
    """The fault of one line of the file."""
    return UsageError(f"{path}:{line}: {problem}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    try:
        with path.open("rb") as file:
            number = 0
            while content := file.readline(MOST_BYTES + 1):
                number += 1
                if len(content) > MOST_BYTES:
                    raise wrong(path, number, f"a line has at most {MOST_BYTES} bytes; each unit stands on its own")
                try:
                    text = content.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError:
                    raise wrong(path, number, "the line is no UTF-8 text") from None
                if text:
                    yield number, text
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


class _Line:
    """One line of a file, taken apart strictly."""

    def __init__(self, path: Path, number: int) -> None:
        self._path, self._number = path, number

    def _wrong(self, problem: str) -> UsageError:
        return wrong(self._path, self._number, problem)

    def parsed(self, text: str) -> Expected | None:
        """What the line states; None where it states no value. UsageError."""
        told = self._object(text)
        self._keys("a unit", told, _NEEDED, _BESIDE)
        study, objects, events = (told[key] for key in ("study_instance_uid", "sop_instance_uids", "events"))
        if not isinstance(objects, list) or not all(isinstance(uid, str) and uid for uid in objects):
            raise self._wrong("sop_instance_uids is a list of texts")
        if not isinstance(events, list) or len(events) > MOST_EVENTS:
            raise self._wrong(f"events is a list of at most {MOST_EVENTS} events")
        total = self._value(DLP_TOTAL, told[DLP_TOTAL], "the unit")
        rows = tuple(self._event(event, place) for place, event in enumerate(events, start=1))
        if total is None and not rows:
            return None
        if not isinstance(study, str) or not study:
            raise self._wrong("study_instance_uid must name the study, because the line states values")
        confirmed = tuple(event.get("proven", True) is True for event in events)
        sure = told.get("outcome", "verified") == "verified"
        return Expected(study, tuple(dict.fromkeys(objects)), total, rows, self._number, (*confirmed, sure))

    def _object(self, text: str) -> dict[str, Any]:
        try:
            told = json.loads(text, object_pairs_hook=self._once)
        except (ValueError, RecursionError) as error:
            at = f" at column {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
            raise self._wrong(f"the line is no JSON{at}; one object a line, as convert --report writes it") from None
        if not isinstance(told, dict):
            raise self._wrong("the line is no JSON object; one object a line, as convert --report writes it")
        return told

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        told = dict(pairs)
        if len(told) < len(pairs):
            raise self._wrong("a key stands twice in one object")
        return told

    def _keys(self, who: str, told: Mapping[str, Any], needed: tuple[str, ...], beside: tuple[str, ...]) -> None:
        for key in told:
            if key not in needed and key not in beside:
                known = (*needed, *beside)
                raise self._wrong(f"{who} has no key {key[:LONGEST]!r}{did_you_mean(key[:LONGEST], known)}")
        missing = [key for key in needed if key not in told]
        if missing:
            raise self._wrong(f"{who} lacks {', '.join(missing)}; write null where the page shows nothing")

    def _event(self, told: Any, place: int) -> Mapping[str, str | None]:
        who = f"event {place}"
        if not isinstance(told, dict):
            raise self._wrong(f"{who} is no JSON object")
        self._keys(who, told, EVENT_KEYS, ("proven",))
        return MappingProxyType({key: self._value(key, told[key], who) for key in EVENT_KEYS})

    def _value(self, key: str, value: Any, who: str) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value or len(value) > LONGEST:
            raise self._wrong(f"{key} of {who} is null or a text between quotes, as printed: 1.10 stays 1.10")
        if key in _NUMBERS and _NUMBER.fullmatch(value) is None:
            raise self._wrong(f"{key} of {who} is no number as printed, such as 11.20")
        words = _WORDS.get(key)
        if words is not None and value not in words:
            raise self._wrong(f"{key} of {who} is none of {', '.join(sorted(words))}")
        return value
