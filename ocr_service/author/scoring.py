"""How many values were read and how many were wrong, and what may be said of the next ones.

Knows counts; must not know templates or screens. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
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


def scoreboard(scores: Iterable[Score]) -> str:
    """One line: values read and wrong, and the bounds over scanners, screens and values, the largest first."""
    kept = list(scores)
    values, proven, wrong = (sum(getattr(s, key) for s in kept) for key in ("values", "proven", "wrong"))
    scanners = {s.scanner for s in kept}
    bad = {s.scanner for s in kept if s.wrong}
    counts = (
        ("scanners", len(bad), len(scanners)),
        ("screens", sum(s.wrong > 0 for s in kept), len(kept)),
        ("values", wrong, proven),
    )
    bounds = sorted(((upper_bound(w, n), f"over {n} {name}") for name, w, n in counts), reverse=True)
    told = ", ".join(f"{bound:.1%} {name}" for bound, name in bounds)
    return f"{proven} of {values} values proven, {wrong} of these wrong; upper 95 % bound of wrong ones: {told}"
