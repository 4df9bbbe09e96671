"""The same shape is the same digit: what a page's own letters say against a reading.

Both engines agree on a wrong digit where one stroke is broken, or where a font draws two digits almost alike. A
console's letters are bitmaps: each digit looks the same wherever it stands on the page. So a shape that is read as two
digits is misread somewhere, and one that is nearer to another digit's shapes than to its own is in doubt.

Knows glyphs and digits; must not know what a number means, nor who read it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ocr_service.screen.glyphs import Glyph, Letters, apart
from ocr_service.screen.layout import DIGITS

SEEN = 2  # numbers that must show a shape before it says anything of another one
SHARE, FEWEST = 0.07, 2  # of a digit's ink, and px: how much a broken stroke may change it


def misread(numbers: Sequence[tuple[Letters, str]]) -> set[int]:
    """Which of the numbers (letters and text) hold a digit that the page's other digits speak against.

    Where glyphs and signs cannot be told one by one, as where letters touch, nothing is said.
    """
    seen: dict[Glyph, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for owner, (letters, text) in enumerate(numbers):
        signs = "".join(text.split())
        if len(signs) != len(letters.glyphs):
            continue
        for sign, glyph in zip(signs, letters.glyphs, strict=True):
            if sign in DIGITS:
                seen[glyph][sign].add(owner)
    found = {owner for signs in seen.values() if len(signs) > 1 for owners in signs.values() for owner in owners}
    sure = {glyph: next(iter(signs.items())) for glyph, signs in seen.items() if len(signs) == 1}
    known = {glyph: sign for glyph, (sign, owners) in sure.items() if len(owners) >= SEEN}
    for glyph, (sign, owners) in sure.items():
        if glyph not in known and _is_nearer_to_another(glyph, sign, known):
            found |= owners
    return found


def _is_nearer_to_another(glyph: Glyph, sign: str, known: Mapping[Glyph, str]) -> bool:
    bitmap = glyph.bitmap
    own = other = bitmap.size
    for one, its in known.items():
        distance = apart(bitmap, one.bitmap)
        if its == sign:
            own = min(own, distance)
        else:
            other = min(other, distance)
    return other < own and other <= max(FEWEST, round(SHARE * int(bitmap.sum())))
