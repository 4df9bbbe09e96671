"""What a person decides about a report: confirmed as read, corrected, or not to be reported.

Knows reports and what a person may set in them; must not know how a report was read or how it is written. Pure.

A person proves alone. What was read stays *derived from a human-readable report* when a person confirms it; what a
person types is a *manual entry* (CID 10021). Whoever decides says which rows were seen: a decision about other rows
than those that are read now decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, Final, TypeVar

from ocr_service.dose.checks import half_doses, sum_of_rows, total_differs
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Evidence,
    Finding,
    IrradiationEvent,
    Phantom,
    Reading,
    Source,
    Witness,
    WitnessKind,
    doubt,
)

T = TypeVar("T")

PHANTOM_TOTALS: Final = {Quantity.DLP_TOTAL_HEAD.value: Phantom.HEAD, Quantity.DLP_TOTAL_BODY.value: Phantom.BODY}
_OF_AN_EVENT: Final = (
    Quantity.MEAN_CTDIVOL.value,
    Quantity.DLP.value,
    Quantity.PHANTOM.value,
    Quantity.ACQUISITION_TYPE.value,
)
_OF_THE_REPORT: Final = (Quantity.DLP_TOTAL.value, *PHANTOM_TOTALS)
_IN_SUMS: Final = frozenset({Quantity.DLP.value, Quantity.PHANTOM.value, *_OF_THE_REPORT})
_PHANTOMS: Final = {phantom.name.lower(): phantom for phantom in Phantom}
_TYPES: Final = {kind.name.lower(): kind for kind in CTAcquisitionType}
_TYPE_NAMES: Final = {kind.value: name for name, kind in _TYPES.items()}  # by code, as reports in JSON have it
_WORDS: Final = {Quantity.PHANTOM.value: tuple(_PHANTOMS), Quantity.ACQUISITION_TYPE.value: tuple(_TYPES)}
_STATEMENT = re.compile(r"(?:(?P<event>[0-9]{1,3})\.)?(?P<quantity>[A-Za-z_ ]+)=(?P<text>.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?")
_MOMENT = re.compile(r"[0-9]{14}(\.[0-9]{1,6})?([+-][0-9]{4})?")  # PS3.5, table 6.2-1: DT, here with its seconds
_LONGEST_NAME = 64  # PN and LO
NOT_STATED: Final = "not stated"


@dataclass(frozen=True, slots=True)
class Correction:
    """One value that a person types: of an event (counted from 1, as printed), or of the report where event is None.

    text: a number as printed (mGy, mGy.cm), or the name of a phantom or an acquisition type. ValueError for anything
    else, with a sentence that repeats what is wrong, and says what can stand there.
    """

    event: int | None
    quantity: str
    text: str

    def __post_init__(self) -> None:
        known, whose = (_OF_THE_REPORT, "the report") if self.event is None else (_OF_AN_EVENT, "a row")
        if self.event is not None and self.event < 1:
            raise ValueError(f"there is no row {self.event}: rows count from 1")
        if self.quantity not in known:
            raise ValueError(f"{self.quantity!r} of {whose} cannot be set: what can is {', '.join(known)}")
        words = _WORDS.get(self.quantity)
        if words is None and not _NUMBER.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is no {self.quantity}: a number stands as printed, with a point, as 123.4")
        if words is not None and self.text not in words:
            raise ValueError(f"{self.text!r} is no {self.quantity}: it is one of {', '.join(words)}")

    def __str__(self) -> str:
        """As `parse_correction` reads it."""
        place = "" if self.event is None else f"{self.event}."
        return f"{place}{self.quantity}={self.text}"

    @property
    def where(self) -> tuple[int | None, str]:
        """The value that it is about."""
        return self.event, self.quantity


def parse_correction(text: str) -> Correction:
    """`2.dlp=123.4`, `3.phantom=head` or `dlp_total=600.1`. ValueError with a sentence that repeats what is wrong.

    Words are taken in any letter case, a quantity also as tables head it (`mean ctdivol`), an acquisition type also as
    CID 10013 calls it (`Spiral Acquisition`), and by its code.
    """
    told = _STATEMENT.fullmatch(text.strip())
    if told is None:
        raise ValueError(f"{text!r} is no correction: that is ROW.QUANTITY=VALUE as 2.dlp=123.4, or dlp_total=600.1")
    event, quantity = told["event"], "_".join(told["quantity"].lower().split())
    return Correction(None if event is None else int(event), quantity, _as_known(quantity, told["text"]))


def _as_known(quantity: str, text: str) -> str:
    """A word as it is recorded, however a person wrote it; anything else as it stands."""
    if quantity not in _WORDS:
        return text.strip()
    word = "_".join(text.lower().replace("_", " ").split())
    if quantity == Quantity.ACQUISITION_TYPE.value:
        word = _TYPE_NAMES.get(word, word.removesuffix("_acquisition"))
    return word if word in _WORDS[quantity] else text.strip()


class ActKind(Enum):
    """What a person does; the value is its word in records and commands."""

    CONFIRM = "confirm"
    CORRECT = "correct"  # and confirm all else
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Act:
    """One decision of a person about a unit.

    person: their name as PN (`Tanaka^Ichiro`). moment: DT with its seconds. seen: the `printed_digest` of the report
    that they saw ("" for a unit that could not be read). doubts: where the doubts stood that they were shown; None
    where nobody wrote it down, and then they are taken to have seen all. ValueError for what no such act can be.
    """

    kind: ActKind
    person: str
    moment: str
    seen: str
    corrections: tuple[Correction, ...] = ()
    why: str = ""
    organization: str = NOT_STATED
    doubts: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for text in (self.person, self.organization):
            if not text.strip() or len(text) > _LONGEST_NAME or not text.isprintable() or "\\" in text:
                raise ValueError("who decides is named in 1 to 64 letters, as Tanaka^Ichiro, without a backslash")
        if not _is_moment(self.moment):
            raise ValueError("the moment of a decision is a DT with its seconds, as 20260301101500+0900")
        if bool(self.corrections) != (self.kind is ActKind.CORRECT):
            raise ValueError("who corrects sets at least one value, and nobody else sets any")
        if len({correction.where for correction in self.corrections}) < len(self.corrections):
            raise ValueError("a value is set once in one decision")

    def was_shown(self, finding: Finding) -> bool:
        """Did the person know of this doubt? What is printed says its own doubts: whoever saw the rows saw them."""
        if self.doubts is None or finding.where in self.doubts:
            return True
        return finding.where.startswith(("row ", "event ")) or finding.where.removeprefix("page, ") in _OF_THE_REPORT


def _is_moment(text: str) -> bool:
    if _MOMENT.fullmatch(text) is None:
        return False
    try:
        datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def corrected(report: CTDoseReport, corrections: Iterable[Correction]) -> CTDoseReport:
    """The report with the values that a person typed, proven by that person.

    ValueError where a correction names a row that the report has not.
    """
    for correction in corrections:
        report = _with(report, correction)
    return report


def confirmed(report: CTDoseReport) -> CTDoseReport:
    """The report with all dose values, totals, phantoms and types proven: by a person, where nothing else proved them.

    Descriptive values that are not proven stay so, and out of the RDSR.
    """
    return replace(
        report,
        events=tuple(_confirmed_event(event) for event in report.events),
        dlp_total=_confirmed(report.dlp_total),
        phantom_totals=tuple((phantom, _vouched(total)) for phantom, total in report.phantom_totals),
    )


def printed_digest(report: CTDoseReport) -> str:
    """What the rows and totals say, as printed, in 64 hexadecimal digits: equal for equal pages, whoever proved them.

    Without study, scanner and template, so that linked orders have the same.
    """
    totals = [_text(report.dlp_total), *((phantom.value, total.text) for phantom, total in report.phantom_totals)]
    return sha256(repr(([_row(event) for event in report.events], totals)).encode()).hexdigest()


def sums_that_differ(report: CTDoseReport) -> list[Finding]:
    """A doubt for each printed total that the rows do not add up to exactly: of all rows, and of those of a phantom.

    Exactly, although printed rows may be rounded: a digit typed wrongly is as small as a rounding.
    """
    differs = total_differs(report, Decimal(0))
    found = [differs] if differs is not None else []
    rows = [event for event in report.events if event.dlp is not None]
    if any(event.phantom is None for event in rows):
        return found  # whose total such a row is part of is not known
    for name, phantom in PHANTOM_TOTALS.items():
        total = dict(report.phantom_totals).get(phantom)
        made = sum_of_rows(row for row in rows if row.phantom is not None and row.phantom.value is phantom)
        if total is not None and made != total.value:
            sentence = f"the rows of this phantom add up to {made} mGy.cm, the screen says {total.value}"
            found.append(doubt(name, sentence))
    return found


def typing_errors(before: CTDoseReport, after: CTDoseReport, corrections: Sequence[Correction]) -> list[Finding]:
    """What speaks against a correction and was not told before it: totals that differ, rows with half their doses.

    Where a number of a sum was typed, a total that differs is told whatever was known.
    """
    found = [*sums_that_differ(after), *half_doses(after)]
    known = half_doses(before)
    if not any(correction.quantity in _IN_SUMS for correction in corrections):
        known += sums_that_differ(before)
    return [finding for finding in found if finding not in known]


def _with(report: CTDoseReport, correction: Correction) -> CTDoseReport:
    text = correction.text
    if correction.event is None:
        phantom = PHANTOM_TOTALS.get(correction.quantity)
        if phantom is None:
            return replace(report, dlp_total=_typed(report.dlp_total, Decimal(text), text))
        totals = dict(report.phantom_totals)
        totals[phantom] = _typed(totals.get(phantom), Decimal(text), text)
        return replace(report, phantom_totals=tuple(totals.items()))
    if correction.event > len(report.events):
        raise ValueError(f"there is no row {correction.event}: the report has {len(report.events)}")
    events = list(report.events)
    events[correction.event - 1] = _with_event(events[correction.event - 1], correction.quantity, text)
    return replace(report, events=tuple(events))


def _with_event(event: IrradiationEvent, quantity: str, text: str) -> IrradiationEvent:
    match Quantity(quantity):
        case Quantity.MEAN_CTDIVOL:
            return replace(event, mean_ctdivol=_typed(event.mean_ctdivol, Decimal(text), text))
        case Quantity.DLP:
            return replace(event, dlp=_typed(event.dlp, Decimal(text), text))
        case Quantity.PHANTOM:
            return replace(event, phantom=_typed(event.phantom, _PHANTOMS[text], text))
        case Quantity.ACQUISITION_TYPE:
            return replace(event, acquisition_type=_typed(event.acquisition_type, _TYPES[text], text))
        case _:
            raise AssertionError(f"a correction was made of {quantity}")


def _typed(before: Reading[T] | None, value: T, text: str) -> Reading[T]:
    """The value as typed. Where it stood and what others saw there stays; of persons the last one counts."""
    evidence = Evidence() if before is None else before.evidence
    others = tuple(witness for witness in evidence.witnesses if witness.kind is not WitnessKind.PERSON)
    told = replace(evidence, witnesses=(*others, Witness(WitnessKind.PERSON, text)), drawn=False)
    return Reading(value, text, Source.MANUAL, told, proven=True)


def _confirmed_event(event: IrradiationEvent) -> IrradiationEvent:
    return replace(
        event,
        acquisition_type=_confirmed(event.acquisition_type),
        mean_ctdivol=_confirmed(event.mean_ctdivol),
        dlp=_confirmed(event.dlp),
        phantom=_confirmed(event.phantom),
    )


def _confirmed(reading: Reading[T] | None) -> Reading[T] | None:
    return None if reading is None else _vouched(reading)


def _vouched(reading: Reading[T]) -> Reading[T]:
    if reading.proven:
        return reading
    told = Witness(WitnessKind.PERSON, reading.text)
    return replace(reading, evidence=reading.evidence.and_witness(told), proven=True)


def _row(event: IrradiationEvent) -> tuple[str | None, ...]:
    kind, phantom = event.acquisition_type, event.phantom
    texts = (event.series_number, event.mean_ctdivol, event.dlp, event.scanning_range)
    return (
        *(_text(reading) for reading in texts),
        kind.value.value if kind else None,
        phantom.value.value if phantom else None,
    )


def _text(reading: Reading[Any] | None) -> str | None:
    return None if reading is None else reading.text
