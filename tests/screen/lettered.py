"""Typed words as glyphs, and fonts that cells have taught: no page, no engine."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import settings
from numpy.typing import NDArray

from ocr_service.screen import layout
from ocr_service.screen.fonts import Confirmation, Console, Font, FontKey, Fonts, digest
from ocr_service.screen.glyphs import Glyph, Letters, letters_of
from ocr_service.screen.layout import Run
from tests.screen.typed import HEIGHT, PITCH, blank, typed

UNHURRIED = settings(deadline=None, max_examples=50)  # on a busy machine any example may take its time
ACME = Console("ACME", "CT 1", "V1")
KEY = FontKey("acme/dose", ACME, HEIGHT)
STUDIES = ("1.1", "1.2", "1.3", "1.4", "1.5")


@cache
def letters(text: str, left: int = 20) -> Letters:
    """The glyphs of a typed text."""
    page = blank(32, 64 + PITCH * len(text))
    typed(page, left, 12, text)
    ink = layout.find_ink(page)
    return letters_of(Run(layout.around(ink.shapes), ink.shapes), ink.mask)


def drawn(bitmap: NDArray[np.bool_], place: str = "") -> Glyph:
    """A glyph of these pixels, bool (rows, columns)."""
    return Glyph(bitmap.shape[0], bitmap.shape[1], np.packbits(bitmap).tobytes(), place)


def glyph_of(sign: str) -> Glyph:
    """The glyph of one sign, beside a letter that tells its place."""
    return letters(f"8{sign}").glyphs[1]


def seen(study: str, text: str = "", cell: object = "") -> Confirmation:
    """A proven cell of a study."""
    return Confirmation(digest(study, text, cell), digest(study), digest(text) if text else "")


def teach(font: Font, text: str, study: str, shown: str | None = None) -> None:
    """Let a proven cell show the letters of `shown`, the text itself where that is None, as the text."""
    for glyph, sign in zip(letters(shown or text).glyphs, "".join(text.split()), strict=True):
        font.add(glyph, sign, (seen(study, text),))


def fonts_of(*texts: str, studies: int = 3, key: FontKey = KEY) -> Fonts:
    """Fonts that know the letters of the texts from so many studies, each with texts of its own."""
    fonts = Fonts()
    for study in STUDIES[:studies]:
        for text in texts:
            for glyph, sign in zip(letters(text).glyphs, "".join(text.split()), strict=True):
                fonts.font(key).add(glyph, sign, (seen(study, f"{text} of {study}"),))
    return fonts


def young_fonts(*texts: str, key: FontKey = KEY) -> Fonts:
    """Fonts that know the letters of the texts from three cells of one study."""
    fonts = Fonts()
    for cell in range(3):
        for text in texts:
            for glyph, sign in zip(letters(text).glyphs, "".join(text.split()), strict=True):
                fonts.font(key).add(glyph, sign, (seen("1.1", f"{text} {cell}"),))
    return fonts
