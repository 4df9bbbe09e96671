"""A page with what was found drawn on it: thin frames, small texts where no letter stands, a legend at the foot.

Knows boxes, colours and free room; must not know templates, readers, or what a text means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from textwrap import wrap

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_service.dose.report import Box

FACTOR = 3  # the page is enlarged so much: consoles leave 5 to 7 px between lines, and a text must go there
GAP = 2  # px of the picture between letters and their frame
BRIGHTEST_LETTER = 190  # the page itself is dimmed a little, so that the frames stand out
_INK_SHARE = 0.45  # of the brightest letter, as `layout` has it: bars are darker, and a text may stand on them
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SIZES = (0.5, 0.42, 0.36, 0.32)  # of a text beside its frame; the smaller ones where room is scarce
_FOOT_SIZE, _FOOT_LINE = 0.5, 22
_SMALLEST_WIDTH = 720  # px: below it a legend could not be read
_GROUND = (38, 34, 30)
_PLAIN = (225, 225, 225)

_DESCENDING = frozenset("gjpqy,;()[]|_@Q")

Picture = NDArray[np.uint8]


class Mark(Enum):
    """What a frame says of what stands in it; the value is the word of the legend."""

    PROVEN = "proven"
    UNPROVEN = "read, not proven"
    UNREAD = "not read"
    STRANGE = "not explained by the template"
    BLANK = "dash or empty: no reader needed"
    ANCHOR = "anchor"
    UNPROVEN_ANCHOR = "anchor, not proven"
    AREA = "area of the template"
    COLUMN = "edge of a column"


# Blue, green, red, as OpenCV orders them.
COLOURS: dict[Mark, tuple[int, int, int]] = {
    Mark.PROVEN: (90, 220, 90),
    Mark.UNPROVEN: (0, 165, 255),
    Mark.UNREAD: (70, 70, 255),
    Mark.STRANGE: (180, 80, 255),
    Mark.BLANK: (150, 150, 150),
    Mark.ANCHOR: (255, 165, 60),
    Mark.UNPROVEN_ANCHOR: (255, 110, 200),
    Mark.AREA: (170, 130, 80),
    Mark.COLUMN: (160, 160, 80),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame around a box of the page (px of the page) and the text that goes beside it."""

    box: Box
    mark: Mark
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """The left edge of a column: x and the height it is drawn over, in px of the page, and the column's name."""

    x: int
    top: int
    bottom: int
    name: str = ""


def drawn(
    pixels: NDArray[np.uint8], frames: Sequence[Frame], edges: Sequence[Edge] = (), foot: Sequence[str] = ()
) -> Picture:
    """The page enlarged, with its frames, edges and a foot. pixels: uint8 (rows, columns), bright on dark.

    uint8 (rows, columns, 3), blue green red. A text that finds no free room beside its frame goes to the foot.
    """
    page = cv2.resize(pixels, None, fx=FACTOR, fy=FACTOR, interpolation=cv2.INTER_NEAREST)
    taken = page > max(_INK_SHARE * int(page.max(initial=0)), 24)
    dimmed = cv2.convertScaleAbs(page, alpha=BRIGHTEST_LETTER / 255)
    picture = np.asarray(cv2.merge([dimmed] * 3), np.uint8)
    faint = [frame for frame in frames if frame.mark is Mark.AREA]
    for frame in (*faint, *(frame for frame in frames if frame.mark is not Mark.AREA)):
        _rectangle(picture, frame_of(frame.box) if frame.mark is not Mark.AREA else enlarged(frame.box), frame.mark)
    for edge in edges:
        _dashes(picture, taken, edge)
    for frame in frames:
        if frame.mark is not Mark.AREA:
            _take_border(taken, frame_of(frame.box))
    homeless = [frame.text for frame in frames if frame.text and not _beside(picture, taken, frame)]
    for edge in edges:
        _name(picture, taken, edge)
    if homeless:
        foot = (*foot, f"without room beside their frames: {', '.join(homeless)}")
    return _with_foot(picture, [frame.mark for frame in frames], bool(edges), foot)


def enlarged(box: Box) -> Box:
    """The box in px of the picture."""
    return Box(box.left * FACTOR, box.top * FACTOR, box.right * FACTOR, box.bottom * FACTOR)


def frame_of(box: Box) -> Box:
    """Where the frame around the box is drawn, in px of the picture: a little outside, so that it covers no letter."""
    big = enlarged(box)
    return Box(max(0, big.left - GAP), max(0, big.top - GAP), big.right + GAP, big.bottom + GAP)


def _rectangle(picture: Picture, box: Box, mark: Mark) -> None:
    cv2.rectangle(picture, (box.left, box.top), (box.right - 1, box.bottom - 1), COLOURS[mark], 1)


def _dashes(picture: Picture, taken: NDArray[np.bool_], edge: Edge) -> None:
    x = min(edge.x * FACTOR, picture.shape[1] - 1)
    for y in range(edge.top * FACTOR, min(edge.bottom * FACTOR, picture.shape[0]), 8):
        picture[y : y + 4, x] = COLOURS[Mark.COLUMN]
    taken[edge.top * FACTOR : edge.bottom * FACTOR, x] = True  # a text across it would seem the next column's


def _take_border(taken: NDArray[np.bool_], box: Box) -> None:
    border = np.zeros(taken.shape, np.uint8)
    cv2.rectangle(border, (box.left, box.top), (box.right - 1, box.bottom - 1), 1, 1)
    taken |= border > 0


def _beside(picture: Picture, taken: NDArray[np.bool_], frame: Frame) -> bool:
    """Write the frame's text into the first free room around it."""
    text = plain(frame.text)
    around = enlarged(frame.box) if frame.mark is Mark.AREA else frame_of(frame.box)
    sizes = [(size, *_extent(text, size)) for size in _SIZES]
    below = 3 if set(text) & _DESCENDING else 0
    for far in (False, True):  # a smaller text close by is better than a larger one that could be a neighbour's
        for size, width, height in sizes:
            for left, base in _room(frame, around, width, height, far=far):
                if left < 1 or base - height < 1:
                    continue
                # Nothing may stand between frame and text either, least of all the edge of a column.
                start = min(left, around.right + 2) if frame.mark is not Mark.AREA else left
                room = Box(start - 1, base - height - 1, left + width + 1, base + 1 + below)
                if not _free(taken, room):
                    continue
                cv2.putText(picture, text, (left, base), _FONT, size, COLOURS[frame.mark], 1, cv2.LINE_AA)
                taken[room.top : room.bottom, room.left : room.right] = True
                return True
    return False


def _room(frame: Frame, around: Box, width: int, height: int, *, far: bool) -> Iterator[tuple[int, int]]:
    if frame.mark is Mark.AREA and not far:
        yield around.left + 5, around.top + height + 5  # an area is large, and its name may stand in it
        yield around.right - width - 5, around.bottom - 6
    yield from (_apart if far else _close)(around, width, height)


def _extent(text: str, size: float) -> tuple[int, int]:
    """Width of a text and its height above the base line, px."""
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 1)
    return int(width), int(height)


def _close(box: Box, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Left and base line of a text right above the box, or on its line."""
    middle = (box.top + box.bottom + height) // 2
    for lift in (1, 2, 3, 4):
        yield max(box.left, 1), box.top - lift
        yield box.right - width, box.top - lift
    for shift in (4, 8):
        yield box.right + shift, middle
    yield box.left - width - 4, middle


def _apart(box: Box, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Left and base line of a text below the box, or further along."""
    for drop in (2, 3, 4):
        yield max(box.left, 1), box.bottom + height + drop
        yield box.right - width, box.bottom + height + drop
    for shift in range(0, 200, 20):
        yield box.right + 4 + shift, box.top - 2
        yield box.right + 4 + shift, box.bottom + height + 2


def _free(taken: NDArray[np.bool_], room: Box) -> bool:
    rows, columns = taken.shape
    within = room.right <= columns and room.bottom <= rows
    return within and not taken[room.top : room.bottom, room.left : room.right].any()


def _name(picture: Picture, taken: NDArray[np.bool_], edge: Edge) -> None:
    """Write the column's name at its top, or in the first free line below."""
    text, left = plain(edge.name), edge.x * FACTOR + 4
    (width, height), below = cv2.getTextSize(text, _FONT, _SIZES[1], 1)
    for base in range(edge.top * FACTOR + height + 2, edge.bottom * FACTOR, 6) if text else ():
        room = Box(left, base - height - 2, left + width + 6, base + below)
        if _free(taken, room):
            cv2.putText(picture, text, (left, base), _FONT, _SIZES[1], COLOURS[Mark.COLUMN], 1, cv2.LINE_AA)
            taken[room.top : room.bottom, room.left : room.right] = True
            return


def _with_foot(picture: Picture, marks: Sequence[Mark], has_edges: bool, foot: Sequence[str]) -> Picture:
    """The page with a legend of the marks it shows, and the sentences of the foot."""
    width = max(picture.shape[1], _SMALLEST_WIDTH)
    used = [mark for mark in Mark if mark in marks or (mark is Mark.COLUMN and has_edges)]
    letter = cv2.getTextSize("n" * 40, _FONT, _FOOT_SIZE, 1)[0][0] / 40
    lines = [part for sentence in foot for part in wrap(plain(sentence), int((width - 24) / letter)) or [""]]
    legend = _legend(used, width)
    rows = (1 + max((row for row, _, _ in legend), default=-1)) + len(lines)
    strip = np.full((rows * _FOOT_LINE + 16, width, 3), _GROUND, np.uint8)
    for row, left, mark in legend:
        base = (row + 1) * _FOOT_LINE
        cv2.rectangle(strip, (left, base - 11), (left + 16, base + 1), COLOURS[mark], 2)
        cv2.putText(strip, mark.value, (left + 24, base), _FONT, _FOOT_SIZE, _PLAIN, 1, cv2.LINE_AA)
    first = rows - len(lines)
    for number, line in enumerate(lines, start=first + 1):
        cv2.putText(strip, line, (12, number * _FOOT_LINE + 2), _FONT, _FOOT_SIZE, _PLAIN, 1, cv2.LINE_AA)
    wide = np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)))
    return np.asarray(np.vstack([wide, strip]), np.uint8)


def _legend(marks: Sequence[Mark], width: int) -> list[tuple[int, int, Mark]]:
    """Row and left edge of each mark's entry."""
    places, row, left = [], 0, 12
    for mark in marks:
        wide = 24 + cv2.getTextSize(mark.value, _FONT, _FOOT_SIZE, 1)[0][0] + 22
        if left + wide > width and left > 12:
            row, left = row + 1, 12
        places.append((row, left, mark))
        left += wide
    return places


def plain(text: str) -> str:
    """The text in the letters that OpenCV can draw: accents go, others (a word in Japanese) become two points."""
    flat = unicodedata.normalize("NFKD", text.replace("\N{EN DASH}", "-"))
    kept = "".join(letter for letter in flat if not unicodedata.combining(letter))
    return re.sub(r"[^\x20-\x7e]+", "..", kept)
