"""A run of ink as glyphs: the bitmaps of its letters, cut apart, and nothing said of what they mean.

Consoles draw with bitmap letters: the same letter is the same bitmap wherever it stands. Parts of one letter (the dot
of an i) stand in the same columns and are joined; letters that touch are one glyph and stand for several signs.

Knows boxes and bitmaps; must not know signs, templates or scanners.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.layout import Ink, Mask, Run

SHORT = 0.6  # of the letter height: a lower shape is a mark, which its place on the line tells from others
LOW, HIGH = 0.25, 0.75  # of the letter height above the base line: the middle of a mark
PLACES = ("low", "middle", "high")
FARTHEST = 1  # px by which the sizes of near glyphs may differ


@dataclass(frozen=True, slots=True, order=True)
class Glyph:
    """One bitmap, bit for bit: `ink` holds its rows one after the other, packed eight pixels a byte.

    place: "" for a letter; for a mark (a point, a dash, a quote) where on its line it stands: low, middle or high.
    """

    rows: int
    columns: int
    ink: bytes
    place: str = ""

    @property
    def bitmap(self) -> NDArray[np.bool_]:
        """The ink as bool (rows, columns)."""
        bits = np.unpackbits(np.frombuffer(self.ink, np.uint8), count=self.rows * self.columns)
        return bits.reshape(self.rows, self.columns).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class Letters:
    """The glyphs of one run, left to right.

    height: of its letters in px. gaps: the blank columns before each glyph, 0 before the first.
    """

    height: int
    glyphs: tuple[Glyph, ...]
    gaps: tuple[int, ...]


def letters_on(ink: Ink, run: Run) -> Letters:
    """The glyphs of a run of this page; cut apart once."""
    return ink.once(("letters", run), lambda: letters_of(run, ink.mask))


def letters_of(run: Run, mask: Mask) -> Letters:
    """Cut the run into glyphs. mask: the page's ink, bool (rows, columns)."""
    boxes = _joined(run.shapes)
    base = _base(boxes)
    height = _height(boxes, base)
    glyphs = tuple(_glyph(box, mask, height, base) for box in boxes)
    gaps = tuple(max(0, box.left - before.right) for before, box in pairwise(boxes))
    return Letters(height, glyphs, (0, *gaps) if boxes else ())


def _joined(shapes: Sequence[Box]) -> list[Box]:
    """One box a letter: shapes that share more than half of the narrower one's columns are parts of one."""
    boxes: list[Box] = []
    for shape in sorted(shapes, key=lambda box: (box.left, box.top)):
        if boxes and _is_part(boxes[-1], shape):
            boxes[-1] = layout.around((boxes[-1], shape))
        else:
            boxes.append(shape)
    return boxes


def _is_part(one: Box, other: Box) -> bool:
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared * 2 > min(one.right - one.left, other.right - other.left)


def _base(boxes: Sequence[Box]) -> int:
    """The line that most letters stand on."""
    height = layout.letter_height(boxes)
    feet = Counter(box.bottom for box in boxes if box.bottom - box.top >= SHORT * height)
    return feet.most_common(1)[0][0] if feet else max((box.bottom for box in boxes), default=0)


def _height(boxes: Sequence[Box], base: int) -> int:
    """The height of the tallest letter that stands on the line: brackets and slashes reach below it."""
    on_line = [box.bottom - box.top for box in boxes if box.bottom == base]
    return max(on_line, default=0)


def _glyph(box: Box, mask: Mask, height: int, base: int) -> Glyph:
    cut = mask[box.top : box.bottom, box.left : box.right]
    rows, columns = cut.shape
    place = ""
    if rows < SHORT * height:
        above = (base - (box.top + box.bottom) / 2) / height
        place = PLACES[0 if above < LOW else 2 if above > HIGH else 1]
    return Glyph(rows, columns, np.packbits(cut).tobytes(), place)


def apart(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """In how many pixels two bitmaps differ where they lie best upon each other; sizes may differ by one."""
    if abs(one.shape[0] - other.shape[0]) > FARTHEST or abs(one.shape[1] - other.shape[1]) > FARTHEST:
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
