"""Places on a dose screen: ink, phrases, rows, words and cells.

Pure geometry in pixels of the template's screen, origin top left. Knows ink and boxes; must not know what any of
them mean, nor who reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_service.dose.report import Box

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

DIGITS = "0123456789"
INK_SHARE = 0.45  # of the brightest letter: letters in a second intensity stand above
FAINT_SHARE = 0.27  # a row in a third intensity stands above; JPEG's ghosts beside bright letters stay below
LEAST_INK = 24
LEAST_ROOM = 24  # of 255: on a ground brighter than this leaves, letters cannot be told
GHOST, GHOSTS = 40, 8  # JPEG's ghosts are weaker than this, and no further than 8 px from a letter
DIM, DIM_PIXELS, DIM_HEIGHT = 32, 8, 4  # the least strength and size of a dim letter; edges of bars are weaker
FAINT_PIXELS = 4  # the least size of a faint shape of its own
RULE_CRUMB = 3  # px: what is left of a rule where its edge is soft or its corner round
GROUND = (15, 25)  # rows, columns: no letter is so large a block, every bar that letters stand on is larger
SOFT = 0.2  # of the ink; JPEG of quality 75 leaves 0.05 of bitmap letters
RULE_LENGTH = 48  # px: no stroke of a letter is so long
TALLEST_LETTER = 26  # px of a page in its template's size
WIDEST_LETTER = 2 * RULE_LENGTH  # several that touch


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


@dataclass(frozen=True, slots=True)
class Run:
    """Shapes that stand together on one line: a word, a phrase, or the content of a cell."""

    box: Box
    shapes: tuple[Box, ...]


def flat(pixels: Pixels) -> Pixels:
    """The page on a ground of 0 everywhere: a grey ground and the bars behind letters are taken away. uint8.

    Letters are as bright as their contrast is of what their ground leaves room for: on a light bar the brightest
    letter stands out by little.
    """
    ground = cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones(GROUND, np.uint8)).astype(np.float32)
    brightest = max(1, int(pixels.max(initial=0)))
    room = np.maximum(brightest - ground, LEAST_ROOM)
    return np.asarray(np.clip((pixels - ground) * brightest / room, 0, 255), np.uint8)


def find_ink(pixels: Pixels) -> Ink:
    """Separate the letters of a flat page from rules and from what is neither. pixels: uint8, bright on dark."""
    brightest = int(pixels.max(initial=0))
    strong = pixels > max(INK_SHARE * brightest, LEAST_INK)
    faint = pixels > max(FAINT_SHARE * brightest, LEAST_INK)
    across, down = _straight(faint)
    straight: Mask = across | down
    near_straight = cv2.dilate(straight.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    letters: Mask = strong & ~straight
    letters |= _alone(faint & ~straight, strong)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(letters.astype(np.uint8), connectivity=8)
    shapes, strange = [], []
    for label in range(1, count):
        box = _box(stats[label])
        window = (slice(box.top, box.bottom), slice(box.left, box.right))
        width, height = box.right - box.left, box.bottom - box.top
        own = labels[window] == label
        crumb = max(width, height) <= RULE_CRUMB and bool((near_straight[window] & own).any())
        if crumb:
            letters[window] &= ~own
        elif width >= WIDEST_LETTER or height >= TALLEST_LETTER:
            strange.append(box)
            letters[window] &= ~own
        else:
            shapes.append(box)
    rules = (*_boxes(across), *_boxes(down))
    dim = _dim(pixels, faint)
    return Ink(letters, tuple(sorted(shapes, key=lambda b: (b.left, b.top))), rules, tuple(strange), dim)


def _dim(pixels: Pixels, ink: Mask) -> tuple[Box, ...]:
    """Shapes of a letter's size that are no ink: nobody reads them, and they may be digits or a row.

    Beside letters JPEG leaves ghosts, so that a shape there must be stronger.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((pixels > LEAST_INK).astype(np.uint8), connectivity=8)
    touched = set(np.unique(labels[ink]).tolist())
    beside = cv2.dilate(ink.astype(np.uint8), np.ones((2 * GHOSTS + 1, 2 * GHOSTS + 1), np.uint8)) > 0
    found = []
    for label in np.flatnonzero(
        (stats[:, cv2.CC_STAT_AREA] >= DIM_PIXELS) & (stats[:, cv2.CC_STAT_HEIGHT] >= DIM_HEIGHT)
    ):
        if label == 0 or label in touched:
            continue
        box = _box(stats[label])
        window = (slice(box.top, box.bottom), slice(box.left, box.right))
        own = labels[window] == label
        if int(pixels[window][own].max()) >= (GHOST if beside[window][own].any() else DIM):
            found.append(box)
    return tuple(found)


def _boxes(mask: Mask) -> list[Box]:
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    return [_box(one) for one in stats[1:]]


def _straight(mask: Mask) -> tuple[Mask, Mask]:
    """The pixels of lines, across and down, that are longer than any stroke of a letter."""
    ink = mask.astype(np.uint8)
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, RULE_LENGTH), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((TALLEST_LETTER, 1), np.uint8))
    return np.asarray(across > 0, np.bool_), np.asarray(down > 0, np.bool_)


def _alone(faint: Mask, strong: Mask) -> Mask:
    """The faint shapes that hold no strong ink: letters of their own, not the soft edges of others."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(faint.astype(np.uint8), connectivity=8)
    alone = stats[:, cv2.CC_STAT_AREA] >= FAINT_PIXELS
    alone[0] = False
    alone[np.unique(labels[strong])] = False
    return np.asarray(alone[labels], np.bool_)


def _box(stats: NDArray[Any]) -> Box:
    left, top, width, height = (int(n) for n in stats[:4])
    return Box(left, top, left + width, top + height)


def inside(area: Box, box: Box) -> bool:
    """Does the middle of the box lie in the area?"""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return area.left <= x < area.right and area.top <= y < area.bottom


def covers(area: Box, box: Box) -> bool:
    """Does the whole box lie in the area?"""
    return area.left <= box.left and box.right <= area.right and area.top <= box.top and box.bottom <= area.bottom


def touches(area: Box, box: Box) -> bool:
    """Does any pixel of the box lie in the area?"""
    return box.left < area.right and area.left < box.right and box.top < area.bottom and area.top < box.bottom


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around all; ValueError where there is none."""
    kept = list(boxes)
    return Box(
        min(b.left for b in kept),
        min(b.top for b in kept),
        max(b.right for b in kept),
        max(b.bottom for b in kept),
    )


def rows(shapes: Sequence[Box]) -> list[list[Box]]:
    """Group shapes into text lines: those whose heights overlap stand on one line."""
    lines: list[tuple[int, int, list[Box]]] = []
    for shape in sorted(shapes, key=lambda b: b.top - b.bottom):  # tall letters first, points join them
        for index, (top, bottom, members) in enumerate(lines):
            shared = min(bottom, shape.bottom) - max(top, shape.top)
            if shared * 2 >= shape.bottom - shape.top:
                lines[index] = (min(top, shape.top), max(bottom, shape.bottom), [*members, shape])
                break
        else:
            lines.append((shape.top, shape.bottom, [shape]))
    lines = _with_marks(lines)
    return [sorted(members, key=lambda b: b.left) for _, _, members in sorted(lines, key=lambda line: line[0])]


def _with_marks(lines: list[tuple[int, int, list[Box]]]) -> list[tuple[int, int, list[Box]]]:
    """Give lines made only of low marks (accents, the dot of an i) to the nearest real line."""
    heights = [bottom - top for top, bottom, _ in lines]
    if not heights:
        return lines
    tall = max(heights)
    real = [line for line in lines if line[1] - line[0] > tall * 0.4 or line[1] - line[0] > 5]
    for top, bottom, members in lines:
        if (top, bottom, members) in real:
            continue
        near = min(range(len(real)), key=lambda i: _apart((top, bottom), real[i][:2]), default=None)
        if near is None or _apart((top, bottom), real[near][:2]) > 3:
            real.append((top, bottom, members))
        else:
            old = real[near]
            real[near] = (min(top, old[0]), max(bottom, old[1]), [*old[2], *members])
    return real


def _apart(a: tuple[int, int], b: tuple[int, int]) -> int:
    return max(a[0] - b[1], b[0] - a[1], 0)


def runs(line: Sequence[Box], gap: float) -> list[Run]:
    """Cut one line where more than `gap` blank columns stand between two shapes."""
    found: list[list[Box]] = []
    right = 0
    for shape in sorted(line, key=lambda b: b.left):
        if found and shape.left - right <= gap:
            found[-1].append(shape)
            right = max(right, shape.right)
        else:
            found.append([shape])
            right = shape.right
    return [Run(around(shapes), tuple(shapes)) for shapes in found]


def letter_height(line: Sequence[Box]) -> int:
    """The height of the line's tall letters in px (points, dashes and descenders apart)."""
    heights = sorted(b.bottom - b.top for b in line)
    return heights[int(len(heights) * 0.7)] if heights else 0


def phrases(shapes: Sequence[Box], gap: float = 0.9) -> list[Run]:
    """The phrases of an area: shapes of one line with no more than `gap` letter heights between them."""
    found: list[Run] = []
    for line in rows(shapes):
        found.extend(runs(line, _gap(line, gap)))
    return found


def _gap(line: Sequence[Box], gap: float) -> float:
    return max(6.0, gap * letter_height(line))


def stands_alone(run: Run, shapes: Sequence[Box], gap: float) -> bool:
    """Is there no other ink beside the run, on its line and within `gap` letter heights?"""
    box, members, far = run.box, set(run.shapes), _gap(run.shapes, gap)
    for shape in shapes:
        shared = min(box.bottom, shape.bottom) - max(box.top, shape.top)
        apart = max(shape.left - box.right, box.left - shape.right)
        if apart <= far and shared * 2 >= shape.bottom - shape.top and shape not in members:
            return False
    return True


def chains(shapes: Sequence[Box]) -> list[list[Run]]:
    """The words of an area, a list a line."""
    return [words(line) for line in rows(shapes)]


def words(line: Sequence[Box]) -> list[Run]:
    """The words of one line."""
    return runs(line, max(3.0, 0.4 * letter_height(line)))


def is_dash(run: Run, mask: Mask) -> bool:
    """Is the ink one solid bar, wider than high? Then it is a dash, and no reader is needed to know it."""
    if len(run.shapes) != 1:
        return False
    box = run.box
    width, height = box.right - box.left, box.bottom - box.top
    full = bool(mask[box.top : box.bottom, box.left : box.right].all())
    return full and 1 <= height <= 4 and width >= 2 * height and width >= 3


def points(run: Run, mask: Mask) -> int:
    """How many decimal points stand in the run: small solid shapes on the base line, nothing above them.

    Counted on the unprepared pixels, so that a point lost in preparation is missed by nobody.
    """
    tall = letter_height(run.shapes)
    feet = Counter(s.bottom for s in run.shapes if s.bottom - s.top >= 0.6 * tall)
    base = feet.most_common(1)[0][0] if feet else run.box.bottom
    count = 0
    for shape in run.shapes:
        height, width = shape.bottom - shape.top, shape.right - shape.left
        low = height <= max(2, 0.34 * tall) and width <= max(3, 0.5 * tall)
        above = mask[run.box.top : shape.top, shape.left : shape.right].any()
        if low and abs(shape.bottom - base) <= 2 and not above:
            count += 1
    return count


def signs(run: Run, text: str) -> list[tuple[str, Box]]:
    """Each sign of the text with its shape, left to right; none where they cannot be told one by one."""
    letters, shapes = "".join(text.split()), sorted(run.shapes, key=lambda box: box.left)
    return list(zip(letters, shapes, strict=True)) if len(letters) == len(shapes) else []


def is_soft(pixels: Pixels, box: Box) -> bool:
    """Are many pixels of the letters neither dark nor bright? A console's are bilevel, or have one grey edge at most.

    A page that was made smaller and larger again is soft, and so are the shapes that tell its digits apart.
    """
    cut = pixels[box.top : box.bottom, box.left : box.right]
    brightest = int(cut.max(initial=0))
    ink = cut > 0.3 * brightest
    soft, letters = int(np.count_nonzero(ink & (cut < 0.7 * brightest))), int(np.count_nonzero(ink))
    return soft > SOFT * letters


def crop(pixels: Pixels, box: Box, margin: int) -> Pixels:
    """The pixels of the box with a dark margin: neighbours beyond the box are blanked, so none is read along."""
    cut = pixels[box.top : box.bottom, box.left : box.right]
    return np.pad(cut, margin)
