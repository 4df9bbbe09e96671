"""Named OpenCV steps from crop to crop, as templates and readers name them.

Knows pixels only; must not know what is read or by whom. Every step is pure: uint8 (h, w), bright on dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.uint8]

INK = 64  # a crop without a brighter pixel is blank; JPEG leaves ghosts of up to 40 beside bright letters
LOWEST = 9  # px: the least height of a trimmed crop, so that a dash is not blown up to a bar
# A gap after a point is closed to this many columns: most console fonts leave one or two there.
CLOSED = 2


def is_blank(crop: Crop) -> bool:
    """Tell whether the crop has no ink, or no pixels at all."""
    return crop.size == 0 or int(crop.max()) < INK


def margin(crop: Crop, rows: int, columns: int | None = None) -> Crop:
    """Put dark ground around the crop: `rows` above and below, `columns` (default `rows`) left and right; px."""
    aside = rows if columns is None else columns
    return np.pad(crop, ((rows, rows), (aside, aside)))


def trim(crop: Crop) -> Crop:
    """Cut to the ink, whatever margin the crop came with; a blank crop stays as it is.

    Ink is what is brighter than half of the brightest pixel; the ring of one pixel around it stays where the crop
    has it, for softened edges lie there. Lower than 9 px it is filled up with dark rows on both sides.
    """
    if is_blank(crop):
        return crop
    rows, columns = _ink(crop)
    top, bottom = max(0, int(rows[0]) - 1), min(crop.shape[0], int(rows[-1]) + 2)
    left, right = max(0, int(columns[0]) - 1), min(crop.shape[1], int(columns[-1]) + 2)
    cut = crop[top:bottom, left:right]
    missing = max(0, LOWEST - cut.shape[0])
    return np.pad(cut, ((missing // 2, missing - missing // 2), (0, 0)))


def stretch(crop: Crop) -> Crop:
    """Spread the brightness so that the brightest pixel is white: some consoles print rows in a dim grey."""
    if is_blank(crop):
        return crop
    return np.asarray(cv2.convertScaleAbs(crop, alpha=255 / int(crop.max())), np.uint8)


def close_points(crop: Crop) -> Crop:
    """Close the gap that fixed-pitch consoles leave after a point: engines see `642. 1` there, or a comma.

    A point is a shape in the lower half of the line, no taller and no wider than 0.4 of it. Only blank columns go,
    and only after a point; the gaps between words stay.
    """
    if is_blank(crop):
        return crop
    ink = crop > int(crop.max()) // 2
    rows, columns = _ink(crop)
    top, height = int(rows[0]), int(rows[-1]) + 1 - int(rows[0])
    starts = columns[np.flatnonzero(np.diff(columns, prepend=-2) > 1)]
    ends = columns[np.flatnonzero(np.diff(columns, append=columns[-1] + 2) > 1)] + 1
    gone = np.zeros(crop.shape[1], np.bool_)
    for left, right, following in zip(starts, ends, starts[1:], strict=False):
        lines = np.flatnonzero(ink[:, left:right].any(axis=1))
        low = lines[0] - top >= 0.55 * height and len(lines) <= 0.4 * height
        if low and right - left <= 0.4 * height and following - right <= 0.8 * height:
            gone[right + CLOSED : following] = True
    return np.ascontiguousarray(crop[:, ~gone])


def bold(crop: Crop) -> Crop:
    """Make strokes one pixel wider to the right: letters of one-pixel strokes fade when an engine scales them."""
    return np.asarray(cv2.dilate(crop, np.ones((1, 2), np.uint8)), np.uint8)


def enlarge(crop: Crop, factor: float, interpolation: int = cv2.INTER_CUBIC) -> Crop:
    """The crop enlarged; consoles print letters of 8 to 13 px, engines want 30."""
    return np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8)


def smooth(crop: Crop, sigma: float) -> Crop:
    """Round off the stairs of enlarged bitmap letters. sigma: px of the enlarged crop."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def threshold(crop: Crop, level: int) -> Crop:
    """Black and white again: white is what is brighter than `level`."""
    return np.asarray(cv2.threshold(crop, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def to_size(pixels: Crop, rows: int, columns: int) -> Crop:
    """The page in its template's width; whole multiples are taken apart exactly, other sizes are averaged.

    The height follows in proportion, so that letters keep their shape: a page may be higher than its template
    says (more rows) and is filled up with dark rows where it is lower.
    """
    height, width = pixels.shape
    factor = width // columns
    if width == columns:
        sized = pixels
    elif factor > 1 and width == columns * factor and _is_made_of_blocks(pixels, factor):
        sized = np.ascontiguousarray(pixels[::factor, ::factor])
    else:
        interpolation = cv2.INTER_AREA if width > columns else cv2.INTER_CUBIC
        size = (columns, max(1, round(height * columns / width)))
        sized = np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)
    missing = rows - sized.shape[0]
    return np.pad(sized, ((0, missing), (0, 0))) if missing > 0 else sized


def _is_made_of_blocks(pixels: Crop, factor: int) -> bool:
    """Was every pixel of a smaller page only repeated?"""
    small = pixels[::factor, ::factor]
    repeated = small.repeat(factor, axis=0).repeat(factor, axis=1)[: pixels.shape[0], : pixels.shape[1]]
    return bool(np.array_equal(repeated, pixels))


STEPS: Mapping[str, Callable[[Crop], Crop]] = MappingProxyType({
    "trim": trim,
    "stretch": stretch,
    "close_points": close_points,
    **{f"margin_{px}": partial(margin, rows=px) for px in (2, 3, 4, 6, 8, 10, 12)},
    **{f"aside_{px}": partial(margin, rows=0, columns=px) for px in (2, 4, 7, 10)},
    "bold": bold,
    **{f"enlarge_{factor}": partial(enlarge, factor=factor) for factor in (2, 3, 4)},
    "linear_3": partial(enlarge, factor=3, interpolation=cv2.INTER_LINEAR),
    "lanczos_3": partial(enlarge, factor=3, interpolation=cv2.INTER_LANCZOS4),
    "soften_little": partial(smooth, sigma=0.66),
    "soften": partial(smooth, sigma=1.0),
    "smooth": partial(smooth, sigma=1.5),
    "threshold": partial(threshold, level=80),
})  # fmt: skip


def prepare(crop: Crop, steps: Sequence[str]) -> Crop:
    """Apply the named steps in order. KeyError where a step has no such name."""
    for step in steps:
        crop = STEPS[step](crop)
    return crop


def _ink(crop: Crop) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and the columns with ink, in order."""
    ink = crop > int(crop.max()) // 2
    return np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
