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
from ocr_service.pipeline import IDENTIFYING, Ending, doubted
from ocr_service.screen.lessons import FONTS, OTHERWISE, LettersTold
from ocr_service.screen.readings import CellReading
from ocr_service.screen.spelling import bare


@dataclass(frozen=True, slots=True)
class Audit:
    """How an audit ended: how many cells both readings prove, and how many of them as different texts."""

    cells: int = 0
    different: int = 0
    sampled: bool = True  # False: the unit was read twice because letters did not verify it


def is_sampled(identity: str, one_in: int) -> bool:
    """Is this unit one of the sample? The same ones in every run. one_in: 0 for none."""
    drawn = int.from_bytes(blake2b(identity.encode(), digest_size=8).digest())
    return one_in > 0 and drawn % one_in == 0


def audited(ending: Ending, again: Callable[[], Ending], *, sampled: bool) -> tuple[Ending, Audit | None]:
    """The ending after an audit, and how that went; None where there was nothing to audit.

    again: reads the unit without any fonts.
    """
    verified = isinstance(ending.outcome, Verified)
    if not (ending.letters.trusted or ending.letters.unasked) or (verified and not sampled):
        return ending, None
    second = again()
    audit = replace(compared(ending.letters, second.letters), sampled=sampled)
    better = ending if verified or _doubts(ending) <= _doubts(second) else second
    if audit.different:
        better = _with_alarm(ending, audit)
    strange = [f for f in second.outcome.findings if f.kind is FindingKind.DOUBT and f.where in IDENTIFYING]
    better = replace(better, outcome=doubted(better.outcome, [f for f in strange if f not in better.outcome.findings]))
    fonts = ending.letters.fonts.merged(second.letters.fonts)
    trusted = ending.letters.trusted if better.letters is ending.letters else frozenset()
    return replace(better, letters=replace(better.letters, fonts=fonts, trusted=trusted)), audit


def compared(one: LettersTold, other: LettersTold) -> Audit:
    """The cells that the engines alone prove, and of how many of them the letters, if only a part, say otherwise.

    one: read by letters where they are known; other: by the engines alone.
    """
    both = [(cell, other.cells[place]) for place, cell in one.cells.items() if place in other.cells]
    proven = [(cell, second) for cell, second in both if second.proven]
    return Audit(len(proven), sum(_says_otherwise(cell, second.text) for cell, second in proven))


def _says_otherwise(cell: CellReading, text: str) -> bool:
    """Blanks apart: a bitmap has none, and readers see a wide gap one way and another."""
    voices = {bare(witness.text) for witness in cell.evidence.witnesses if witness.kind in FONTS}
    differs = cell.proven and bare(cell.text) != bare(text)
    return bool(voices - {bare(text)}) or cell.evidence.broken_crop == OTHERWISE or differs


def _doubts(ending: Ending) -> int:
    return sum(finding.kind is FindingKind.DOUBT for finding in ending.outcome.findings)


def _with_alarm(ending: Ending, audit: Audit) -> Ending:
    told = doubt(
        "letters",
        f"audit: in {audit.different} of {audit.cells} cells the engines agree on another text than the registered "
        "letters say; was the console's software updated?",
    )
    return replace(ending, outcome=doubted(ending.outcome, [told]))
