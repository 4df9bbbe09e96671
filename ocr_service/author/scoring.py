"""How many values were read and how many were wrong, and what may be said of the next ones.

Knows counts; must not know templates or screens. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Score:
    """The values of one screen: how many must be read, how many were proven, how many of the proven are wrong.

    A wrong phantom or acquisition type counts, and each value of a lost row. `scanner` tells scanners apart.
    """

    values: int = 0
    proven: int = 0
    wrong: int = 0
    scanner: str = ""


def upper_bound(wrong: int, tried: int) -> float:
    """The share of wrong ones that is not exceeded, with 95 % confidence (Clopper and Pearson, one-sided).

    0 wrong in n gives 1 - 0.05^(1/n), which is close to 3/n. 1.0 where nothing was tried.
    """
    if wrong >= tried:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        if _at_most(wrong, tried, share) > 1 - CONFIDENCE:
            low = share
        else:
            high = share
    return high


def _at_most(wrong: int, tried: int, share: float) -> float:
    """The chance of at most so many wrong ones among those tried, each wrong with this chance."""
    if not 0 < share < 1:
        return 1.0 if share <= 0 else 0.0
    total = 0.0
    for k in range(wrong + 1):
        ways = math.lgamma(tried + 1) - math.lgamma(k + 1) - math.lgamma(tried - k + 1)
        total += math.exp(ways + k * math.log(share) + (tried - k) * math.log1p(-share))
    return total


def bounds(scores: Sequence[Score]) -> tuple[tuple[str, int, int, float], ...]:
    """Over scanners, screens and values: how many are wrong of how many, and the upper bound; the largest first."""
    scanners = {s.scanner for s in scores}
    bad = {s.scanner for s in scores if s.wrong}
    counts = (
        ("scanners", len(bad), len(scanners)),
        ("screens", sum(s.wrong > 0 for s in scores), len(scores)),
        ("values", sum(s.wrong for s in scores), sum(s.proven for s in scores)),
    )
    told = [(name, wrong, tried, upper_bound(wrong, tried)) for name, wrong, tried in counts]
    return tuple(sorted(told, key=lambda one: (one[3], one[0]), reverse=True))


def scoreboard(scores: Iterable[Score]) -> str:
    """One line: values read and wrong, and the bounds over scanners, screens and values, the largest first."""
    kept = list(scores)
    values, proven, wrong = (sum(getattr(s, key) for s in kept) for key in ("values", "proven", "wrong"))
    told = ", ".join(f"{bound:.1%} over {tried} {name}" for name, _, tried, bound in bounds(kept))
    return f"{proven} of {values} values proven, {wrong} of these wrong; upper 95 % bound of wrong ones: {told}"
