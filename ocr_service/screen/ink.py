"""Ink of a page: its letters apart from rules, from what is neither, and from a ground that is not dark.

Pure: pixels of the template's screen, origin top left. Must not know what a shape means, nor who reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_service.dose.report import Box

T = TypeVar("T")
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
_Sides = tuple[int, int, int, int]  # left, top, right, bottom

INK_SHARE = 0.45  # of the brightest letter: letters in a second intensity stand above
FAINT_SHARE = 0.27  # a row in a third intensity stands above; JPEG's ghosts beside bright letters stay below
LEAST_INK = 24
LEAST_ROOM = 24  # of 255: on a ground brighter than this leaves, letters cannot be told
GHOST, GHOSTS = 40, 8  # JPEG's ghosts are weaker than this, and no further than 8 px from a letter
DIM, DIM_PIXELS, DIM_HEIGHT = 32, 8, 4  # the least strength and size of a dim letter; edges of bars are weaker
FAINT_PIXELS = 4  # the least size of a faint shape of its own
RULE_CRUMB = 3  # px: what is left of a rule where its edge is soft or its corner round
GROUND = (15, 25)  # rows, columns: no letter is so large a block, every bar that letters stand on is larger
RULE_LENGTH = 48  # px: no stroke of a letter is so long
TALLEST_LETTER = 26  # px of a page in its template's size
WIDEST_LETTER = 2 * RULE_LENGTH  # several that touch


EDGES = attrgetter("left", "top", "right", "bottom")  # of a box


@dataclass(frozen=True, slots=True)
class Ink:
    """The bright shapes of one page: letters apart from rules and from shapes that are neither.

    mask: bool (rows, columns), letters only; shapes: one box a connected shape of letters; rules: straight lines,
    frames and filled bars; strange: too large for a letter, and no rule; dim: of a letter's size and too weak to read.
    """

    mask: Mask
    shapes: tuple[Box, ...]
    rules: tuple[Box, ...]
    strange: tuple[Box, ...] = ()
    dim: tuple[Box, ...] = ()
    _found: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, key: object, find: Callable[[], T]) -> T:
        """What `find` finds on this page, looked for once a key: several layouts look in the same places."""
        if key not in self._found:
            self._found[key] = find()
        found: T = self._found[key]
        return found

    def inside(self, area: Box) -> list[Box]:
        """The letters' shapes whose middle lies in the area, as `layout.inside` tells it of one."""
        left, top, right, bottom = self._edges()
        x, y = left + right, top + bottom  # twice the middle
        within = (2 * area.left <= x) & (x < 2 * area.right) & (2 * area.top <= y) & (y < 2 * area.bottom)
        return [self.shapes[index] for index in np.flatnonzero(within)]

    def touching(self, area: Box) -> list[Box]:
        """The letters' shapes of which any pixel lies in the area, as `layout.touches` tells it of one."""
        left, top, right, bottom = self._edges()
        within = (left < area.right) & (area.left < right) & (top < area.bottom) & (area.top < bottom)
        return [self.shapes[index] for index in np.flatnonzero(within)]

    def _edges(self) -> NDArray[np.int64]:
        return self.once("edges", lambda: edges_of(self.shapes))


def edges_of(boxes: Sequence[Box]) -> NDArray[np.int64]:
    """Left, top, right and bottom edges of boxes: (4, number of boxes)."""
    return np.array(list(map(EDGES, boxes)), np.int64).reshape(-1, 4).T.copy()


def flat(pixels: Pixels) -> Pixels:
    """The page on a ground of 0 everywhere: a grey ground and the bars behind letters are taken away. uint8.

    Letters are as bright as their contrast is of what their ground leaves room for: on a light bar the brightest
    letter stands out by little. What stands on a ground of 0 is as it was.
    """
    ground = np.asarray(cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones(GROUND, np.uint8)), np.uint8)
    brightest = max(1, int(pixels.max(initial=0)))
    lit = ground.any(axis=1) if brightest >= LEAST_ROOM else np.ones(len(pixels), np.bool_)
    if not lit.any():
        return pixels
    under = ground[lit].astype(np.float32)
    room = np.maximum(brightest - under, LEAST_ROOM)
    flattened = pixels.copy()
    flattened[lit] = np.clip((pixels[lit] - under) * brightest / room, 0, 255)
    return flattened


def find_ink(pixels: Pixels) -> Ink:
    """Separate the letters of a flat page from rules and from what is neither. pixels: uint8, bright on dark."""
    brightest = int(pixels.max(initial=0))
    seen: Mask = pixels > LEAST_INK
    if not seen.any():
        return Ink(seen, (), ())
    faint: Mask = pixels > max(FAINT_SHARE * brightest, LEAST_INK)
    strong: Mask = pixels > max(INK_SHARE * brightest, LEAST_INK)
    window = _window(seen)
    across, down = (line[window] for line in _straight(faint))
    mask, shapes, strange = _separated(faint[window], strong[window], across | down)
    dim = _dim(pixels[window], seen[window], faint[window])
    letters = np.zeros(pixels.shape, np.bool_)
    letters[window] = mask
    left, top = window[1].start, window[0].start

    def boxes(found: Iterable[_Sides]) -> tuple[Box, ...]:
        return tuple(Box(x0 + left, y0 + top, x1 + left, y1 + top) for x0, y0, x1, y1 in found)

    rules = (*_sides(across), *_sides(down))
    return Ink(letters, boxes(sorted(shapes, key=itemgetter(0, 1))), boxes(rules), boxes(strange), boxes(dim))


def _window(seen: Mask) -> tuple[slice, slice]:
    """Rows and columns of the page that are not all dark: most of a page is, and to look for shapes takes longest.

    From even ones on, for OpenCV labels shapes by squares of four; and a little wider, for its opening by an even
    length moves a line by one pixel.
    """
    lit = (np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0)))
    rows, columns = (slice(max(0, int(at[0]) // 2 * 2 - 2), int(at[-1]) + 3) for at in lit)
    return rows, columns


def _separated(faint: Mask, strong: Mask, straight: Mask) -> tuple[Mask, list[_Sides], list[_Sides]]:
    """The letters, each one's sides, and those of shapes that are strange. straight: the pixels of lines."""
    near_straight = _widened(straight, 1)
    letters: Mask = strong & ~straight
    letters |= _alone(faint & ~straight, strong)
    shapes: list[_Sides] = []
    strange: list[_Sides] = []
    labels, found = _shapes(letters)
    for label, sides in found:
        left, top, right, bottom = sides
        window, longest = (slice(top, bottom), slice(left, right)), max(right - left, bottom - top)
        if longest <= RULE_CRUMB and near_straight[window].any():
            own = labels[window] == label
            if (near_straight[window] & own).any():
                letters[window] &= ~own
                continue
        if right - left >= WIDEST_LETTER or bottom - top >= TALLEST_LETTER:
            strange.append(sides)
            letters[window] &= labels[window] != label
        else:
            shapes.append(sides)
    return letters, shapes, strange


def _dim(pixels: Pixels, seen: Mask, ink: Mask) -> list[_Sides]:
    """Shapes of a letter's size that are no ink: nobody reads them, and they may be digits or a row.

    Beside letters JPEG leaves ghosts, so that a shape there must be stronger.
    """
    if np.count_nonzero(seen) - np.count_nonzero(ink) < DIM_PIXELS:
        return []  # ink is seen: no shape can be without it
    labels, stats = _components(seen)
    untouched = (stats[:, cv2.CC_STAT_AREA] >= DIM_PIXELS) & (stats[:, cv2.CC_STAT_HEIGHT] >= DIM_HEIGHT)
    untouched[0] = False
    untouched[labels[ink]] = False
    if not untouched.any():
        return []
    beside = _widened(ink, GHOSTS)
    found: list[_Sides] = []
    for label in np.flatnonzero(untouched):
        left, top, width, height = stats[label, :4].tolist()
        window = (slice(top, top + height), slice(left, left + width))
        own = labels[window] == label
        if int(pixels[window][own].max()) >= (GHOST if beside[window][own].any() else DIM):
            found.append((left, top, left + width, top + height))
    return found


def _sides(mask: Mask) -> list[_Sides]:
    return [sides for _, sides in _shapes(mask)[1]]


def _straight(mask: Mask) -> tuple[Mask, Mask]:
    """The pixels of lines, across and down, that are longer than any stroke of a letter."""
    ink = mask.astype(np.uint8)
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, RULE_LENGTH), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((TALLEST_LETTER, 1), np.uint8))
    return np.asarray(across > 0, np.bool_), np.asarray(down > 0, np.bool_)


def _alone(faint: Mask, strong: Mask) -> Mask:
    """The faint shapes that hold no strong ink: letters of their own, not the soft edges of others."""
    if np.count_nonzero(faint & ~strong) < FAINT_PIXELS:
        return np.zeros_like(faint)
    labels, stats = _components(faint)
    alone = stats[:, cv2.CC_STAT_AREA] >= FAINT_PIXELS
    alone[0] = False
    alone[labels[strong]] = False
    return np.asarray(alone[labels], np.bool_)


def _shapes(mask: Mask) -> tuple[NDArray[np.int32], list[tuple[int, _Sides]]]:
    """The label of each pixel, 0 where there is none; and each label with the sides of its shape.

    For masks of few pixels: OpenCV takes ten times as long for the sides as for the labels.
    """
    labels = np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1], np.int32)
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return labels, []
    own = labels[rows, columns]
    order = np.argsort(own, kind="stable")  # by label, the rows of each from the top
    own, rows, columns = own[order], rows[order], columns[order]
    starts = np.flatnonzero(np.diff(own, prepend=0))
    ends = np.append(starts[1:], own.size) - 1
    left, right = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts) + 1
    sides = np.stack([left, rows[starts], right, rows[ends] + 1], axis=1).tolist()
    return labels, list(zip(own[starts].tolist(), map(tuple, sides), strict=True))


def _components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The label of each pixel, 0 where there is none; and a row of stats a label, CC_STAT by CC_STAT."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _widened(mask: Mask, by: int) -> Mask:
    """The mask and all pixels no further than `by` from it."""
    if not mask.any():
        return mask
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0, np.bool_)
