"""The same shape is the same digit: what a page's own letters say against a reading.

Both engines agree on a wrong digit where one stroke is broken, or where a font draws two digits almost alike. A
console's letters are bitmaps: each digit looks the same wherever it stands on the page. So a shape that is read as two
digits is misread somewhere, and one that is nearer to another digit's shapes than to its own is in doubt.

Knows boxes, bitmaps and digits; must not know what a number means, nor who read it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_service.screen import layout
from ocr_service.screen.layout import Mask, Run

SEEN = 2  # numbers that must show a shape before it says anything of another one
SHARE, FEWEST = 0.07, 2  # of a digit's ink, and px: how much a broken stroke may change it


@dataclass(frozen=True, slots=True)
class _Digit:
    """One digit of number `owner`, and its bitmap: rows and columns, and the ink as bytes."""

    owner: int
    sign: str
    size: tuple[int, int]
    ink: bytes


def misread(numbers: Sequence[tuple[Run, str]], mask: Mask) -> set[int]:
    """Which of the numbers (ink and text) hold a digit that the page's other digits speak against.

    mask: the page's ink. Where shapes and signs cannot be told one by one, as where letters touch, nothing is said.
    """
    digits = [digit for owner, (run, text) in enumerate(numbers) for digit in _digits(owner, run, text, mask)]
    seen: dict[tuple[tuple[int, int], bytes], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for digit in digits:
        seen[digit.size, digit.ink][digit.sign].add(digit.owner)
    found = {owner for signs in seen.values() if len(signs) > 1 for owners in signs.values() for owner in owners}
    known = {
        shape: next(iter(signs))
        for shape, signs in seen.items()
        if len(signs) == 1 and len(next(iter(signs.values()))) >= SEEN
    }
    for shape, signs in seen.items():
        if len(signs) == 1 and shape not in known and _is_nearer_to_another(shape, next(iter(signs)), known):
            found |= next(iter(signs.values()))
    return found


def _digits(owner: int, run: Run, text: str, mask: Mask) -> list[_Digit]:
    found = []
    for sign, box in layout.signs(run, text):
        if sign in layout.DIGITS:
            cut = np.ascontiguousarray(mask[box.top : box.bottom, box.left : box.right])
            found.append(_Digit(owner, sign, (cut.shape[0], cut.shape[1]), cut.tobytes()))
    return found


def _is_nearer_to_another(
    shape: tuple[tuple[int, int], bytes], sign: str, known: dict[tuple[tuple[int, int], bytes], str]
) -> bool:
    size, ink = shape
    bitmap = np.frombuffer(ink, np.bool_).reshape(size)
    own = other = bitmap.size
    for (known_size, known_ink), known_sign in known.items():
        apart = _apart(bitmap, np.frombuffer(known_ink, np.bool_).reshape(known_size))
        if known_sign == sign:
            own = min(own, apart)
        else:
            other = min(other, apart)
    return other < own and other <= max(FEWEST, round(SHARE * int(bitmap.sum())))


def _apart(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """In how many pixels two bitmaps differ where they lie best upon each other; sizes may differ by one."""
    if abs(one.shape[0] - other.shape[0]) > 1 or abs(one.shape[1] - other.shape[1]) > 1:
        return one.size + other.size
    rows, columns = max(one.shape[0], other.shape[0]), max(one.shape[1], other.shape[1])

    def placed(bitmap: NDArray[np.bool_], down: int, right: int) -> NDArray[np.bool_]:
        pads = ((down, rows - bitmap.shape[0] - down), (right, columns - bitmap.shape[1] - right))
        return np.pad(bitmap, pads)

    return min(
        int(np.count_nonzero(placed(one, a, b) ^ placed(other, c, d)))
        for a in range(rows - one.shape[0] + 1)
        for b in range(columns - one.shape[1] + 1)
        for c in range(rows - other.shape[0] + 1)
        for d in range(columns - other.shape[1] + 1)
    )
