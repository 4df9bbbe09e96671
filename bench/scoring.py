"""What was made of a report against what stands on its pages.

Knows truths and endings; must not know how pages came to be. A value is wrong where a verified report states it
otherwise than the page, states one the page has not, or leaves one out; a row more or less is wrong as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from samples import AXIAL, HELICAL, SCOUT, STATIONARY, Event

from ocr_service.dose.proof import Unreadable
from ocr_service.dose.report import FindingKind, IrradiationEvent, Reading
from ocr_service.work.archive import Converted
from ocr_service.work.lines import outcome_name, total_text

DOSE = ("mean_ctdivol", "dlp", "phantom", "acquisition_type")
DESCRIBED = ("series_number", "scanning_range", "kvp")  # wrong only where stated as proven


@dataclass(frozen=True, slots=True)
class Expected:
    """What the pages say. unknown: quantities that the truth does not tell, which are not compared."""

    events: tuple[Event, ...]
    dlp_total: str | None
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """One value of an answer."""

    text: str
    proven: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product said of one report."""

    outcome: str
    dlp_total: str | None
    events: tuple[dict[str, Told], ...]
    doubts: tuple[str, ...]
    rdsr: tuple[tuple[str | None, str | None], ...] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """values: compared; wrong: one sentence a value; exact: rows whose CTDIvol and DLP are right.

    proven: the wrong ones that count as proven, where the number of rows is right: near misses, whatever the outcome.
    """

    values: int
    wrong: tuple[str, ...]
    rows: int
    exact: int
    proven: tuple[str, ...] = ()


def answer_of(done: Converted, out: Path) -> Answer:
    """Take an ending apart; the values of an RDSR that was written are read from the file."""
    outcome = done.outcome
    doubts = tuple(f"{f.where}: {f.sentence}" for f in outcome.findings if f.kind is FindingKind.DOUBT)
    if isinstance(outcome, Unreadable):
        return Answer("unreadable", None, (), doubts or (outcome.why,))
    report = outcome.report
    stated = rdsr_doses(dcmread(out / done.rdsr)) if done.rdsr else None
    return Answer(outcome_name(outcome), total_text(report), tuple(map(_event, report.events)), doubts, stated)


def _event(event: IrradiationEvent) -> dict[str, Told]:
    told: dict[str, Told] = {}
    for name in ("mean_ctdivol", "dlp", *DESCRIBED):
        reading: Reading[Any] | None = getattr(event, name)
        if reading is not None:
            told[name] = Told(reading.text, reading.proven)
    if event.phantom is not None:
        told["phantom"] = Told(event.phantom.value.name.lower(), event.phantom.proven)
    if event.acquisition_type is not None:
        told["acquisition_type"] = Told(event.acquisition_type.value.value, event.acquisition_type.proven)
    return told


def score(expected: Expected, answer: Answer) -> Score:
    """Compare value by value."""
    wrong: list[str] = []
    proven: list[str] = []
    values = exact = 0
    if len(answer.events) != len(expected.events):
        wrong.append(f"{len(answer.events)} rows for {len(expected.events)}")
    for number, (told, event) in enumerate(zip(answer.events, expected.events, strict=False), start=1):
        differ = []
        for name in DOSE:
            want = getattr(event, name)
            if name in expected.unknown or (name == "acquisition_type" and want is None):
                continue
            values += 1
            said = told[name].text if name in told else None
            if not same(said, want):
                differ.append(f"row {number} {name}: {said!r} for {want!r}")
                proven += differ[-1:] if name in told and told[name].proven else []
        for name in DESCRIBED:
            want = getattr(event, name)
            if want is None or name in expected.unknown or name not in told or not told[name].proven:
                continue
            values += 1
            if not same(told[name].text, want):
                differ.append(f"row {number} {name}: {told[name].text!r} proven for {want!r}")
                proven.append(differ[-1])
        exact += not any("mean_ctdivol" in one or "dlp" in one for one in differ)
        wrong += differ
    values += 1
    if not same(answer.dlp_total, expected.dlp_total):
        wrong.append(f"total: {answer.dlp_total!r} for {expected.dlp_total!r}")
    if answer.outcome == "verified" and answer.rdsr is not None:
        wrong += _document(expected.events, answer.rdsr)
    aligned = len(answer.events) == len(expected.events)
    return Score(values, tuple(wrong), len(expected.events), exact, tuple(proven) if aligned else ())


def _document(events: Sequence[Event], stated: Sequence[tuple[str | None, str | None]]) -> list[str]:
    """What left the house must be what the page says."""
    want = [(event.mean_ctdivol, event.dlp) for event in events]
    if len(want) != len(stated):
        return [f"the RDSR has {len(stated)} events for {len(want)}"]
    return [
        f"the RDSR states {said} in row {number} for {true}"
        for number, (said, true) in enumerate(zip(stated, want, strict=True), start=1)
        if not (same(said[0], true[0]) and same(said[1], true[1]))
    ]


def same(said: str | None, want: str | None) -> bool:
    """Equal as numbers, else as words without blanks and case."""
    if said is None or want is None or said == want:
        return said == want
    try:
        return Decimal(said) == Decimal(want)
    except InvalidOperation:
        return "".join(said.split()).casefold() == "".join(want.split()).casefold()


_EVENT, _CTDIVOL, _DLP = "113819", "113830", "113838"  # CT Acquisition, Mean CTDIvol, DLP (DCM)


def rdsr_doses(document: Dataset) -> tuple[tuple[str | None, str | None], ...]:
    """CTDIvol and DLP of each CT Acquisition (TID 10013) in an RDSR, by a plain walk through its content."""
    events = [item for item in _walk(document) if _code(item) == _EVENT]
    found = []
    for event in events:
        numbers = {_code(item): item for item in _walk(event) if item.get("ValueType") == "NUM"}
        found.append((_number(numbers.get(_CTDIVOL)), _number(numbers.get(_DLP))))
    return tuple(found)


def _walk(item: Dataset) -> Iterable[Dataset]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from _walk(child)


def _code(item: Dataset) -> str:
    concept = item.get("ConceptNameCodeSequence")
    return str(concept[0].CodeValue) if concept else ""


def _number(item: Dataset | None) -> str | None:
    measured = item.get("MeasuredValueSequence") if item is not None else None
    return str(measured[0].NumericValue) if measured else None


# -- truths of folders --

_TYPES = {
    "SCOUT": SCOUT, "TOPOGRAM": SCOUT, "SURVIEW": SCOUT, "SCANOSCOPE": SCOUT, "HELICAL": HELICAL, "AXIAL": AXIAL,
    "STATIONARY": STATIONARY, "CINE": STATIONARY, "HELICAL_CT": HELICAL, "NORMAL": AXIAL, "DYNAMIC": STATIONARY,
    "VOLUME": STATIONARY,
}  # fmt: skip
_PHANTOMS = {"HEAD 16": "head", "BODY 32": "body", "16": "head", "32": "body", "S": "head", "L": "body"}


def truths(folder: Path) -> dict[str, tuple[str, Expected]]:
    """`truth.json` of a folder by Study Instance UID: the kind of screen, and what its pages say.

    Two ways to write it are understood: that of sample_sc, and one with `type`, `ctdivol` and `range` as printed.
    """
    entries: list[dict[str, Any]] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    found = {}
    for entry in entries:
        study = entry.get("study_instance_uid") or entry.get("StudyInstanceUID")
        if study:
            found[study] = (entry.get("kind") or entry["folder"].partition("/")[0], _expected(entry))
    return found


def _expected(entry: dict[str, Any]) -> Expected:
    rows = entry["events"]
    if "study_instance_uid" in entry:
        return Expected(tuple(Event(**row) for row in rows), entry["dlp_total"])
    unknown = frozenset({"phantom"} - {key for row in rows for key in row}) | {"series_number", "kvp"}
    return Expected(tuple(map(_printed, rows)), entry["dlp_total"], unknown)


def _printed(row: dict[str, Any]) -> Event:
    kind = str(row.get("type") or (row["protocol"] if row.get("protocol") == "Topogram" else "")).upper()
    phantom = str(row.get("phantom") or "").upper()
    return Event(
        acquisition_type=_TYPES.get(kind),
        mean_ctdivol=row["ctdivol"],
        dlp=row["dlp"],
        phantom=_PHANTOMS.get(phantom, phantom.lower() or None),
        scanning_range=row.get("range"),
    )
