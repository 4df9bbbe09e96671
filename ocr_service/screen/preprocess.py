"""Named OpenCV steps from crop to crop, as templates and readers name them.

Knows pixels only; must not know what is read or by whom. Every step is pure: uint8 (h, w), bright on dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.uint8]


def enlarge(crop: Crop, factor: float, interpolation: int = cv2.INTER_CUBIC) -> Crop:
    """The crop enlarged; consoles print letters of 8 to 13 px, engines want 30."""
    return np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8)


def smooth(crop: Crop) -> Crop:
    """Round off the stairs of enlarged bitmap letters."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), 1.2), np.uint8)


def to_size(pixels: Crop, rows: int, columns: int) -> Crop:
    """The page in its template's size; whole multiples are taken apart exactly, other sizes are averaged."""
    height, width = pixels.shape
    if (height, width) == (rows, columns):
        return pixels
    factor = height // rows if rows else 0
    if factor > 1 and (height, width) == (rows * factor, columns * factor):
        return np.ascontiguousarray(pixels[::factor, ::factor])
    interpolation = cv2.INTER_AREA if height > rows else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (columns, rows), interpolation=interpolation), np.uint8)


STEPS: Mapping[str, Callable[[Crop], Crop]] = MappingProxyType({
    "enlarge_2": lambda crop: enlarge(crop, 2),
    "enlarge_3": lambda crop: enlarge(crop, 3),
    "enlarge_4": lambda crop: enlarge(crop, 4),
    "linear_3": lambda crop: enlarge(crop, 3, cv2.INTER_LINEAR),
    "smooth": smooth,
})  # fmt: skip


def prepare(crop: Crop, steps: Sequence[str]) -> Crop:
    """Apply the named steps in order. KeyError where a step has no such name."""
    for step in steps:
        crop = STEPS[step](crop)
    return crop
