"""Places on a dose screen: phrases, rows, words and cells.

Pure geometry in pixels of the template's screen, origin top left. Knows ink and boxes; must not know what any of
them mean, nor who reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from ocr_service.dose.report import Box
from ocr_service.screen.ink import EDGES, Ink, Mask, Pixels, edges_of, find_ink, flat

__all__ = [
    "DIGITS", "Ink", "Mask", "Pixels", "Run", "around", "chains", "chains_inside", "covers", "crop", "find_ink", "flat",
    "inside", "is_dash", "is_soft", "letter_height", "page_phrases", "phrases", "phrases_alone", "points", "rows",
    "runs", "signs", "stands_alone", "touches", "words",
]  # fmt: skip

DIGITS = "0123456789"
MOST_COMPARED = 2**18  # runs with shapes at once: a page of speckles has thousands of both
_LEFT = attrgetter("left")
SOFT = 0.2  # of the ink; JPEG of quality 75 leaves 0.05 of bitmap letters


@dataclass(frozen=True, slots=True)
class Run:
    """Shapes that stand together on one line: a word, a phrase, or the content of a cell."""

    box: Box
    shapes: tuple[Box, ...]


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
    left, top, right, bottom = zip(*map(EDGES, boxes), strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


@dataclass(slots=True)
class _Line:
    """A text line that is being gathered."""

    top: int
    bottom: int
    shapes: list[Box]

    def take(self, top: int, bottom: int) -> None:
        if top < self.top:
            self.top = top
        if bottom > self.bottom:
            self.bottom = bottom


def rows(shapes: Sequence[Box]) -> list[list[Box]]:
    """Group shapes into text lines: those whose heights overlap stand on one line."""
    lines: list[_Line] = []
    for shape in sorted(shapes, key=lambda b: b.top - b.bottom):  # tall letters first, points join them
        top, bottom = shape.top, shape.bottom
        for line in lines:
            shared = (line.bottom if line.bottom < bottom else bottom) - (line.top if line.top > top else top)
            if shared * 2 >= bottom - top:
                line.take(top, bottom)
                line.shapes.append(shape)
                break
        else:
            lines.append(_Line(top, bottom, [shape]))
    return [sorted(line.shapes, key=_LEFT) for line in sorted(_with_marks(lines), key=lambda line: line.top)]


def _with_marks(lines: list[_Line]) -> list[_Line]:
    """Give lines made only of low marks (accents, the dot of an i) to the nearest real line."""
    tall = max((line.bottom - line.top for line in lines), default=0)
    real = [line for line in lines if line.bottom - line.top > min(tall * 0.4, 5)]
    for mark in (line for line in lines if line.bottom - line.top <= min(tall * 0.4, 5)):
        near = min(real, key=lambda line: _apart(mark, line), default=None)
        if near is None or _apart(mark, near) > 3:
            real.append(mark)
        else:
            near.take(mark.top, mark.bottom)
            near.shapes.extend(mark.shapes)
    return real


def _apart(a: _Line, b: _Line) -> int:
    return max(a.top - b.bottom, b.top - a.bottom, 0)


def runs(line: Sequence[Box], gap: float) -> list[Run]:
    """Cut one line where more than `gap` blank columns stand between two shapes."""
    found: list[list[Box]] = []
    right = 0
    for shape in sorted(line, key=_LEFT):
        if found and shape.left - right <= gap:
            found[-1].append(shape)
            if shape.right > right:
                right = shape.right
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


def phrases_alone(ink: Ink, place: Box, beside: Box, gaps: Sequence[float]) -> list[Run]:
    """The phrases of the place, at each of the gaps, beside which no other ink of `beside` goes on; each box once."""

    def find() -> list[Run]:
        lines, near = rows(ink.inside(place)), ink.touching(beside)
        cuts = [(run, gap) for gap in gaps for line in lines for run in runs(line, _gap(line, gap))]
        alone = _alone([run for run, _ in cuts], near, [_gap(run.shapes, gap) for run, gap in cuts])
        return list({run.box: run for (run, _), stands in zip(cuts, alone, strict=True) if stands}.values())

    return ink.once((place, beside, *gaps), find)


def page_phrases(ink: Ink, gap: float) -> list[Run]:
    """The phrases of the whole page."""
    return ink.once(gap, lambda: phrases(ink.shapes, gap))


def chains_inside(ink: Ink, place: Box) -> list[list[Run]]:
    """The words of the place, a list a line."""
    return ink.once(place, lambda: chains(ink.inside(place)))


def _gap(line: Sequence[Box], gap: float) -> float:
    return max(6.0, gap * letter_height(line))


def stands_alone(run: Run, shapes: Sequence[Box], gap: float) -> bool:
    """Is there no other ink than the run's among the shapes on its line and within `gap` letter heights of it?"""
    return _alone([run], shapes, [_gap(run.shapes, gap)])[0]


def _alone(runs: Sequence[Run], shapes: Sequence[Box], gaps: Sequence[float]) -> list[bool]:
    """Of each run, whether it stands alone among the shapes, of which its own are some. gaps: in px."""
    left, top, right, bottom = edges_of(shapes)
    alone: list[bool] = []
    some = max(1, MOST_COMPARED // max(1, len(shapes)))
    for first in range(0, len(runs), some):
        part = runs[first : first + some]
        own = edges_of([run.box for run in part])[:, :, None]
        far = np.array(gaps[first : first + some])[:, None]
        shared = np.minimum(bottom, own[3]) - np.maximum(top, own[1])
        beside = (shared * 2 >= bottom - top) & (left - own[2] <= far) & (own[0] - right <= far)
        alone += (np.count_nonzero(beside, axis=1) == [len(run.shapes) for run in part]).tolist()
    return alone


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
    rows, columns = cut.shape
    framed = np.zeros((rows + 2 * margin, columns + 2 * margin), np.uint8)
    framed[margin : margin + rows, margin : margin + columns] = cut
    return framed
