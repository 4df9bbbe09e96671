"""Witnesses -> proven or not; report and findings -> Verified or NeedsReview.

Knows who vouches for which text; must not know how a witness came to its text. Pure.

A value is proven by one proof (a person, a registered font) or by two ordinary witnesses of different kinds that
agree. A contradiction is settled only by a proof, or by two agreeing witnesses of which at least one is no OCR
engine. Console's text and images are one-sided: they are witnesses only where they agree, so whoever adds them
adds none where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ocr_service.dose.report import (
    CTDoseReport,
    Evidence,
    Finding,
    FindingKind,
    Witness,
    WitnessKind,
)

CONTRADICTION = "witnesses contradict each other"
ENGINES = frozenset({WitnessKind.PPOCR, WitnessKind.TESSERACT})
PROOFS = (WitnessKind.PERSON, WitnessKind.REGISTERED_FONT)  # the stronger first
# Bound to pixels: worth nothing where the crop is not whole.
READERS = ENGINES | {WitnessKind.LETTERS, WitnessKind.REGISTERED_FONT}


@dataclass(frozen=True, slots=True)
class Proven:
    """The text is true."""

    text: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """The text is only the best reading there is ("" where there is none); `why` is a sentence."""

    text: str
    why: str


Verdict = Proven | Unproven


def settle(evidence: Evidence) -> Verdict:
    """Weigh the witnesses of one cell."""
    if evidence.drawn:
        return Proven("")
    told = best_text(evidence.witnesses)
    person = [w.text for w in evidence.witnesses if w.kind is WitnessKind.PERSON]
    if person:
        return Proven(person[-1]) if len(set(person)) == 1 else Unproven(person[-1], "two persons differ")
    if evidence.broken_crop:
        return Unproven(told, evidence.broken_crop)
    font = {w.text for w in evidence.witnesses if w.kind is WitnessKind.REGISTERED_FONT}
    if font:
        return Proven(told) if len(font) == 1 else Unproven(told, "two registered fonts differ")
    verdict = _settle_ordinary(evidence.witnesses, told)
    if evidence.unsteady and isinstance(verdict, Proven) and {w.kind for w in evidence.witnesses} <= ENGINES:
        return Unproven(told, "the letters are small, and the engines read them one way and another")
    return verdict


def _settle_ordinary(witnesses: Sequence[Witness], told: str) -> Verdict:
    kinds: dict[str, set[WitnessKind]] = {}
    for witness in witnesses:
        kinds.setdefault(witness.text, set()).add(witness.kind)
    if not kinds:
        return Unproven("", "nobody could read it")
    if len(kinds) == 1:
        if len(kinds[told]) >= 2:
            return Proven(told)
        return Unproven(told, f"only {name(kinds[told])} vouches for it")
    strong = [text for text, who in kinds.items() if len(who) >= 2 and who - ENGINES]
    if len(strong) == 1:
        return Proven(strong[0])
    voices = ", ".join(f"{name(who)} {text!r}" for text, who in kinds.items())
    return Unproven(told, f"{CONTRADICTION}: {voices}")


def name(kinds: Iterable[WitnessKind]) -> str:
    """Witness kinds as words, always in the same order."""
    return " and ".join(kind.value for kind in WitnessKind if kind in set(kinds))


def best_text(witnesses: Sequence[Witness]) -> str:
    """The text to show: a proof's, else the one most kinds tell, else PP-OCR's; "" where nobody told any."""
    for kind in PROOFS:
        for witness in witnesses:
            if witness.kind is kind:
                return witness.text
    count: dict[str, set[WitnessKind]] = {}
    for witness in witnesses:
        count.setdefault(witness.text, set()).add(witness.kind)
    if not count:
        return ""
    return max(count, key=lambda text: (len(count[text]), WitnessKind.PPOCR in count[text], text))


def arithmetic_text(rows: Sequence[Decimal | None], total: Decimal | None) -> Decimal | None:
    """The one unknown number of a sum whose other numbers are all proven, else None.

    rows: the rows' DLP, None for the cell in question; total: the printed total, None where that is in question.
    A total that has only one row witnesses nothing: both would be read from like pixels.
    """
    unknown = sum(row is None for row in rows) + (total is None)
    if unknown != 1 or len(rows) < 2:
        return None
    known = sum((row for row in rows if row is not None), Decimal(0))
    return known if total is None else total - known


@dataclass(frozen=True, slots=True)
class Verified:
    """All that the layout prints is proven and nothing is in doubt."""

    report: CTDoseReport
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class NeedsReview:
    """A person has to look: at least one finding is a doubt."""

    report: CTDoseReport
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No report could be made; `why` says what happened and what to do next."""

    why: str
    findings: tuple[Finding, ...] = ()


def prove(report: CTDoseReport, findings: Iterable[Finding]) -> Verified | NeedsReview:
    """The ending of a report: verified where no finding is a doubt."""
    kept = tuple(dict.fromkeys(findings))
    if any(finding.kind is FindingKind.DOUBT for finding in kept):
        return NeedsReview(report, kept)
    return Verified(report, kept)
