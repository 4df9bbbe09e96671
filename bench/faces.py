"""The free fonts that held-out screens are drawn in: X11 bitmaps, and TrueType letters without grey edges.

Knows font files; must not know what a dose screen says.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
from letters import FONT_FOLDER, Face, Glyph, face
from PIL import Image, ImageDraw, ImageFont

LETTERS = "".join(chr(code) for code in range(33, 127))
ACCENTS = "Éàèéôù"
CAPITALS = range(8, 14)  # heights in pixels: what consoles use, by the published descriptions

# Upright fonts of X11 without serifs or with; no italics, no symbols, no other alphabets.
_X11 = (
    r"(?:75dpi|100dpi)/(?:helv|cour|char|ncen|tim)[RB](?:08|10|12|14|18)",
    r"(?:75dpi|100dpi)/lu(?:RS|BS|bR|bB|tRS|tBS)(?:08|10|12|14)",
    r"misc/(?:6x12|6x13B?|7x13B?|7x14B?|8x13B?|9x15B?|9x18B?|8x16)",
    r"misc/cl[RB](?:6x12|6x13|7x12|7x14|8x12|8x13|8x14|8x16|9x15)",
)
_TRUETYPE = (
    "dejavu/DejaVuSans", "dejavu/DejaVuSans-Bold", "dejavu/DejaVuSansMono", "dejavu/DejaVuSansCondensed",
    "liberation/LiberationSans-Regular", "liberation/LiberationSans-Bold", "liberation/LiberationSansNarrow-Regular",
    "liberation/LiberationMono-Regular",
)  # fmt: skip
_TRUETYPE_FOLDER = Path("/usr/share/fonts/truetype")
_SIZES = (11, 12, 13, 14, 15, 16)


@cache
def names() -> tuple[str, ...]:
    """Every installed font that suits a dose screen, `75dpi/helvB14` or `dejavu/DejaVuSans:13`."""
    found = []
    for path in sorted(FONT_FOLDER.glob("*/*.pcf.gz")):
        name = f"{path.parent.name}/{path.name.removesuffix('.pcf.gz')}"
        if any(re.fullmatch(pattern, name) for pattern in _X11):
            found.append(name)
    found += [f"{name}:{size}" for name in _TRUETYPE if (_TRUETYPE_FOLDER / f"{name}.ttf").is_file() for size in _SIZES]
    return tuple(name for name in found if _suits(letters_of(name)))


def is_installed(name: str) -> bool:
    """Is this TrueType font (`dejavu/DejaVuSans`) there?"""
    return (_TRUETYPE_FOLDER / f"{name}.ttf").is_file()


def letters_of(name: str) -> Face:
    """The letters of a font by its name. FontMissing or OSError where it is not installed."""
    return truetype(*name.split(":")) if ":" in name else face(name)


def family(name: str) -> str:
    """The design without its size: what counts as one independent font."""
    stem = name.rpartition("/")[2].partition(":")[0]
    return stem if ":" in name else re.sub(r"^([A-Za-z]+)\d.*$", r"\1", stem)


def has_accents(letters: Face) -> bool:
    """Can a French page be written?"""
    return all(ord(letter) in letters.glyphs for letter in ACCENTS)


def is_fixed_pitch(letters: Face) -> bool:
    """Do all letters have one width?"""
    return len({letters.glyph(letter).advance for letter in "iW0.-"}) == 1


def _suits(letters: Face) -> bool:
    whole = all(ord(letter) in letters.glyphs for letter in LETTERS)
    return whole and letters.caps in CAPITALS


@cache
def truetype(name: str, size: str) -> Face:
    """Draw each letter of a TrueType font once, in ink or none, as consoles without grey edges do."""
    font = ImageFont.truetype(str(_TRUETYPE_FOLDER / f"{name}.ttf"), int(size))
    glyphs = {ord(letter): _drawn(font, letter) for letter in LETTERS + ACCENTS + " "}
    return Face(glyphs, glyphs[ord("H")].ink.shape[0])


def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> Glyph:
    """One letter with its place; the pen stands at column 20, the baseline at row 40 of the sheet."""
    sheet = Image.new("1", (64, 64), 0)
    ImageDraw.Draw(sheet).text((20, 40), letter, font=font, fill=1, anchor="ls")
    ink = np.asarray(sheet, bool)
    advance = round(font.getlength(letter))
    ys, xs = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(ys):
        return Glyph(ink[:0, :0], 0, 0, advance)
    cut = ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return Glyph(cut, int(xs[0]) - 20, 40 - int(ys[0]), advance)
