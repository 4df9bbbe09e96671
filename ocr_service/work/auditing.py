"""The engines look after the letters: a sample of what registered letters read is read again without them.

So is every unit that letters read and that is not verified: a console that was updated draws other letters, and its
sums do not close. Knows two readings of one unit; must not know files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

from ocr_service.dose.proof import Verified
from ocr_service.dose.report import FindingKind, doubt
from ocr_service.pipeline import Ending, doubted
from ocr_service.screen.lessons import LettersTold
from ocr_service.screen.spelling import bare


@dataclass(frozen=True, slots=True)
class Audit:
    """How an audit ended: how many cells both readings prove, and how many of them as different texts."""

    cells: int = 0
    different: int = 0


def is_sampled(identity: str, one_in: int) -> bool:
    """Is this unit one of the sample? The same ones in every run. one_in: 0 for none."""
    drawn = int.from_bytes(blake2b(identity.encode(), digest_size=8).digest())
    return one_in > 0 and drawn % one_in == 0


def audited(ending: Ending, again: Callable[[], Ending], *, sampled: bool) -> tuple[Ending, Audit | None]:
    """The ending after an audit, and how that went; None where there was nothing to audit.

    again: reads the unit without any fonts.
    """
    verified = isinstance(ending.outcome, Verified)
    if not ending.letters.trusted or (verified and not sampled):
        return ending, None
    second = again()
    audit = compared(ending.letters, second.letters)
    better = ending if verified or _doubts(ending) <= _doubts(second) else second
    if audit.different:
        better = _with_alarm(ending, audit)
    fonts = ending.letters.fonts.merged(second.letters.fonts)
    trusted = ending.letters.trusted if better.letters is ending.letters else frozenset()
    return replace(better, letters=replace(better.letters, fonts=fonts, trusted=trusted)), audit


def compared(one: LettersTold, other: LettersTold) -> Audit:
    """The cells that both have proven, and how many of them say different texts; blanks are no letters."""
    both = [
        (cell.text, other.cells[place].text)
        for place, cell in one.cells.items()
        if cell.proven and place in other.cells and other.cells[place].proven
    ]
    return Audit(len(both), sum(bare(text) != bare(second) for text, second in both))


def _doubts(ending: Ending) -> int:
    return sum(finding.kind is FindingKind.DOUBT for finding in ending.outcome.findings)


def _with_alarm(ending: Ending, audit: Audit) -> Ending:
    told = doubt(
        "letters",
        f"audit: in {audit.different} of {audit.cells} cells the engines agree on another text than the registered "
        "letters say; was the console's software updated?",
    )
    return replace(ending, outcome=doubted(ending.outcome, [told]))
