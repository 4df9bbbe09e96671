"""Bitmap letters, read from the X11 fonts that Debian ships, and the canvas they are written on.

Positions are whole pixels and letters are 1-bit, as on a console. Knows fonts and pixels;
must not know what a dose screen says.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FONT_FOLDER = Path("/usr/share/fonts/X11")
"""Where the packages xfonts-base, xfonts-75dpi and xfonts-100dpi put their files."""

_METRICS, _BITMAPS, _ENCODINGS = 4, 8, 32  # table types of the PCF format


class FontMissing(Exception):
    """A Debian font package is not installed; the text names the file and the packages."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One letter: `ink` is bool (rows, columns), `left` and `top` place it from pen and baseline."""

    ink: NDArray[np.bool_]
    left: int
    top: int
    advance: int


@dataclass(frozen=True, slots=True)
class Face:
    """The letters of one font file by code point, and the height of its capital H in pixels."""

    glyphs: dict[int, Glyph]
    caps: int

    def glyph(self, letter: str) -> Glyph:
        """Return the drawing of one letter; KeyError where the font has none."""
        return self.glyphs[ord(letter)]


@cache
def face(name: str) -> Face:
    """Read `misc/7x14`, `75dpi/helvB12`, ...; FontMissing where its package is not installed."""
    glyphs = _read_pcf(name)
    return Face(glyphs, _shape(glyphs[ord("H")])[0])


@cache
def kanji(name: str) -> Face:
    """Read a JIS X 0208 font and key its glyphs by Unicode, through the ISO-2022-JP codec."""
    glyphs: dict[int, Glyph] = {}
    for code, glyph in _read_pcf(name).items():
        try:
            glyphs[ord((b"\x1b$B" + code.to_bytes(2, "big")).decode("iso2022_jp"))] = glyph
        except UnicodeDecodeError:
            continue  # a code the codec does not map is a letter no sample writes
    return Face(glyphs, max(_shape(glyph)[0] for glyph in glyphs.values()))


def _shape(glyph: Glyph) -> tuple[int, int]:
    return glyph.ink.shape[0], glyph.ink.shape[1]


def _read_pcf(name: str) -> dict[int, Glyph]:
    path = FONT_FOLDER / f"{name}.pcf.gz"
    if not path.is_file():
        raise FontMissing(f"{path} is missing: apt-get install xfonts-base xfonts-75dpi xfonts-100dpi")
    data = gzip.decompress(path.read_bytes())
    (count,) = struct.unpack_from("<4xI", data)
    tables = {}
    for number in range(count):
        kind, _, _, offset = struct.unpack_from("<4I", data, 8 + 16 * number)
        tables[kind] = offset
    metrics = _metrics(data, tables[_METRICS])
    bitmaps = _bitmaps(data, tables[_BITMAPS], metrics)
    glyphs: dict[int, Glyph] = {}
    for code, index in _encodings(data, tables[_ENCODINGS]).items():
        left, _, advance, ascent, _ = metrics[index]
        ink, cut_left, cut_top = _trim(bitmaps[index])
        glyphs[code] = Glyph(ink, left + cut_left, ascent - cut_top, advance)
    return glyphs


def _order(data: bytes, offset: int) -> tuple[int, str]:
    (form,) = struct.unpack_from("<I", data, offset)
    return form, ">" if form & 4 else "<"


def _metrics(data: bytes, offset: int) -> list[tuple[int, int, int, int, int]]:
    """Left bearing, right bearing, advance, ascent and descent of each glyph, in pixels."""
    form, order = _order(data, offset)
    if form & 0x100:  # compressed: one byte a value, 128 is zero
        (count,) = struct.unpack_from(order + "H", data, offset + 4)
        raw = np.frombuffer(data, np.uint8, 5 * count, offset + 6).astype(int) - 128
    else:
        (count,) = struct.unpack_from(order + "I", data, offset + 4)
        raw = np.frombuffer(data, np.dtype(order + "i2"), 6 * count, offset + 8).astype(int)
    rows = raw.reshape(count, -1)[:, :5]
    return [(int(a), int(b), int(c), int(d), int(e)) for a, b, c, d, e in rows]


def _bitmaps(data: bytes, offset: int, metrics: list[tuple[int, int, int, int, int]]) -> list[NDArray[np.bool_]]:
    form, order = _order(data, offset)
    (count,) = struct.unpack_from(order + "I", data, offset + 4)
    starts = struct.unpack_from(f"{order}{count}I", data, offset + 8)
    first = offset + 8 + 4 * count + 16
    pad = 1 << (form & 3)
    unit = 1 << (form >> 4 & 3)
    most_first = bool(form & 8)
    glyphs = []
    for start, (left, right, _, ascent, descent) in zip(starts, metrics, strict=True):
        width, height = right - left, ascent + descent
        stride = -(-width // (8 * pad)) * pad
        raw = np.frombuffer(data, np.uint8, stride * height, first + start)
        if unit > 1 and most_first != (order == ">"):  # bytes and bits run in opposite directions
            raw = raw.reshape(-1, unit)[:, ::-1].reshape(-1)
        bits = np.unpackbits(raw, bitorder="big" if most_first else "little")
        glyphs.append(bits.reshape(height, stride * 8)[:, :width].astype(bool))
    return glyphs


def _encodings(data: bytes, offset: int) -> dict[int, int]:
    _, order = _order(data, offset)
    low2, high2, low1, high1, _ = struct.unpack_from(order + "5H", data, offset + 4)
    columns, rows = high2 - low2 + 1, high1 - low1 + 1
    indices = struct.unpack_from(f"{order}{columns * rows}H", data, offset + 14)
    return {
        (low1 + number // columns) << 8 | (low2 + number % columns): index
        for number, index in enumerate(indices)
        if index != 0xFFFF
    }


def _trim(ink: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int, int]:
    """Cut the blank border off, and say how much was cut at the left and at the top."""
    if not ink.any():
        return ink[:0, :0], 0, 0
    ys, xs = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1], int(xs[0]), int(ys[0])


@dataclass(frozen=True, slots=True)
class Style:
    """How a maker sets its letters: the face, columns added to each advance, width of a space.

    Letters never touch: where the font would join two, the later one moves to the right. With
    `point_left` a point stands at the left of its cell, as on fixed-pitch Japanese consoles.
    """

    face: Face
    spread: int = 0
    space: int = 0
    point_left: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Letters set on a line: ink with its left column, and their rows above the baseline."""

    marks: tuple[tuple[Glyph, int], ...]
    width: int


def set_line(style: Style, text: str) -> Placed:
    """Set one line; x counts from the first inked column, width ends with the last one."""
    marks: list[tuple[Glyph, int]] = []
    pen, right = 0, -2
    for letter in text:
        if letter == " ":
            pen += style.space or style.face.glyph(" ").advance + style.spread
            continue
        glyph = style.face.glyph(letter)
        left = pen if style.point_left and letter in ".," else pen + glyph.left
        left = max(left, right + 2)
        marks.append((glyph, left))
        pen = max(pen, left - glyph.left) + glyph.advance + style.spread
        right = left + glyph.ink.shape[1] - 1
    first = marks[0][1] if marks else 0
    return Placed(tuple((glyph, left - first) for glyph, left in marks), right + 1 - first)


Level = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """One text on a canvas: `box` is x0, y0, x1, y1 (inclusive) of its ink, `top` the row of its capitals' tops.

    `under` is what the box showed before, so that the text can be taken back.
    """

    text: str
    style: Style
    level: Level
    top: int
    box: tuple[int, int, int, int]
    under: NDArray[np.uint8]


class Canvas:
    """Grey levels or colours, `pixels` uint8 (rows, columns) or (rows, columns, 3), on black.

    `written` tells what stands where, in the order of writing.
    """

    def __init__(self, rows: int, columns: int, colour: bool = False) -> None:
        self.pixels: NDArray[np.uint8] = np.zeros((rows, columns, 3) if colour else (rows, columns), np.uint8)
        self.written: list[Written] = []

    def write(
        self, style: Style, text: str, x: int, y: int, *, at: str = "left", level: Level = 255
    ) -> tuple[int, int]:
        """Write `text` with the tops of its capitals at row y; return its first and last column.

        `x` is the first inked column (`at="left"`), the last one (`"right"`) or the middle.
        """
        line = set_line(style, text)
        start = {"left": x, "right": x - line.width + 1, "middle": x - line.width // 2}[at]
        baseline = y + style.face.caps
        y0 = min((baseline - glyph.top for glyph, _ in line.marks), default=y)
        y1 = max((baseline - glyph.top + glyph.ink.shape[0] - 1 for glyph, _ in line.marks), default=y)
        box = (start, y0, start + line.width - 1, y1)
        under = self.pixels[y0 : y1 + 1, start : start + line.width].copy()
        for glyph, left in line.marks:
            top, height, width = baseline - glyph.top, *glyph.ink.shape
            spot = self.pixels[top : top + height, start + left : start + left + width]
            if spot.shape[:2] != glyph.ink.shape:
                raise ValueError(f"the page ends inside {text!r}")
            spot[glyph.ink] = level
        self.written.append(Written(text, style, level, y, box, under))
        return start, start + line.width - 1

    def fill(self, box: tuple[int, int, int, int], level: Level) -> None:
        """Fill the rectangle x0, y0, x1, y1 (inclusive)."""
        x0, y0, x1, y1 = box
        self.pixels[y0 : y1 + 1, x0 : x1 + 1] = level
