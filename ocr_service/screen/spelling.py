"""A proven text laid on the glyphs that print it: which signs each glyph stands for.

Mostly each glyph is one sign. Letters that touch are one glyph: where all others are known, what is left of the text is
what it stands for.

Knows glyphs and texts; must not know what confirms them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice

from ocr_service.screen.glyphs import Glyph, Letters
from ocr_service.templates.wording import fold

MOST_TOUCHING = 4  # signs in one glyph
WIDE = 0.7  # of the letter height: no narrower glyph holds two signs
SignsOf = Callable[[Glyph], Collection[str]]


def bare(text: str) -> str:
    """The text without blanks, which have no glyph."""
    return "".join(text.split())


def laid_on(letters: Letters, text: str, known: SignsOf) -> tuple[str, ...]:
    """The signs of each glyph; none where more than one way, or no way, lays the text on the glyphs.

    known: the signs that a glyph was seen as, none where it never was.
    """
    signs = bare(text)
    if len(signs) == len(letters.glyphs):
        return tuple(signs)
    if not len(letters.glyphs) < len(signs) <= MOST_TOUCHING * len(letters.glyphs):
        return ()
    ways = list(islice(_ways(letters, 0, signs, known), 2))
    return ways[0] if len(ways) == 1 else ()


def _ways(letters: Letters, place: int, signs: str, known: SignsOf) -> Iterator[tuple[str, ...]]:
    if place == len(letters.glyphs):
        if not signs:
            yield ()
        return
    glyph = letters.glyphs[place]
    told = {fold(sign) for sign in known(glyph)}
    most = MOST_TOUCHING if glyph.columns > WIDE * letters.height else 1
    for count in range(1, min(most, len(signs)) + 1):
        part = signs[:count]
        if not told or fold(part) in told:
            yield from ((part, *rest) for rest in _ways(letters, place + 1, signs[count:], known))


def blanks_of(text: str) -> tuple[bool, ...]:
    """For each sign of the text but the first: does a blank stand before it?"""
    words = text.split()
    return tuple(number == 0 and word > 0 for word, one in enumerate(words) for number in range(len(one)))[1:]
