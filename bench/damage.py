"""Faults of rows and whole pages: overlapping, dim, struck out, cut, scaled, compressed, noisy, missing, saved twice.

Knows drawn studies; must not know how they are read. A fault returns False where it does not apply to the study.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import cv2
import numpy as np
from letters import Canvas

from bench import ink
from bench.studies import Study

Change = Callable[[Random, Study], bool]


def rows_overlap(rng: Random, study: Study) -> bool:
    """A row stands so high that its letters reach one pixel into the row above."""
    cells = ink.dose_cells(study)
    rng.shuffle(cells)
    for page, text in cells:
        line = ink.line_of(page, text)
        above = [other for other in page.written if other.box[3] < text.top]
        if not above:
            continue
        up = min(other.box[1] for other in line) - max(other.box[3] for other in above)
        if 0 < up < 14:
            for other in line:
                ink.erase(page, other)
            for other in line:
                page.write(other.style, other.text, other.box[0], other.top - up, level=other.level)
            return True
    return False


def _row_band(rng: Random, study: Study) -> tuple[Canvas, int, int] | None:
    cells = ink.dose_cells(study)
    if not cells:
        return None
    page, text = rng.choice(cells)
    line = ink.line_of(page, text)
    return page, min(other.box[1] for other in line), max(other.box[3] for other in line)


def dim_row(rng: Random, study: Study) -> bool:
    """A row is drawn much darker than the others."""
    band = _row_band(rng, study)
    if band is None:
        return False
    page, top, bottom = band
    part = page.pixels[top : bottom + 1]
    page.pixels[top : bottom + 1] = (part * rng.uniform(0.25, 0.7)).astype(np.uint8)
    study.encoding = "grey"
    return True


def bar_through_row(rng: Random, study: Study) -> bool:
    """A line is drawn through a row, as if it were struck out."""
    band = _row_band(rng, study)
    if band is None:
        return False
    page, top, bottom = band
    y = (top + bottom) // 2 + rng.choice((-1, 0, 1, 2))
    page.fill((4, y, page.pixels.shape[1] - 5, y + rng.choice((0, 0, 1))), 255)
    return True


def cut_below(rng: Random, study: Study) -> bool:
    """Nothing is left of the page below the middle of a row."""
    band = _row_band(rng, study)
    if band is None:
        return False
    page, top, bottom = band
    page.pixels[rng.randint(top, bottom) + rng.choice((0, 0, 3)) :] = 0
    return True


def cut_right(rng: Random, study: Study) -> bool:
    """Nothing is left of the page to the right of a place in a dose column."""
    cells = ink.dose_cells(study)
    if not cells:
        return False
    page, text = rng.choice(cells)
    page.pixels[:, rng.randint(text.box[0], text.box[2] + 2) :] = 0
    return True


def scaled(factor: float) -> Change:
    """The page is saved at another size."""

    def change(rng: Random, study: Study) -> bool:
        how = rng.choice((cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA))
        for page in study.pages:
            page.pixels = np.asarray(cv2.resize(page.pixels, None, fx=factor, fy=factor, interpolation=how), np.uint8)
        study.encoding = "grey"
        return True

    return change


def jpeg(quality: int) -> Change:
    """The page went through lossy JPEG."""

    def change(_rng: Random, study: Study) -> bool:
        for page in study.pages:
            _, coded = cv2.imencode(".jpg", page.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
            page.pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), np.uint8)
        study.encoding = "grey"
        return True

    return change


def noise(rng: Random, study: Study) -> bool:
    """Every pixel is a little off."""
    spread = rng.choice((4, 8, 16, 24))
    random = np.random.default_rng(rng.getrandbits(32))
    for page in study.pages:
        page.pixels = (page.pixels + random.normal(0, spread, page.pixels.shape)).clip(0, 255).astype(np.uint8)
    study.encoding = "grey"
    return True


def specks(rng: Random, study: Study) -> bool:
    """Single bright pixels lie all over the page."""
    for page in study.pages:
        rows, columns = page.pixels.shape[:2]
        for _ in range(rng.choice((3, 10, 40))):
            page.pixels[rng.randrange(rows), rng.randrange(columns)] = 255
    return True


def dark_on_light(_rng: Random, study: Study) -> bool:
    """Black letters on white."""
    for page in study.pages:
        page.pixels = np.asarray(255 - page.pixels, np.uint8)
    study.encoding, study.shift = "grey", (0, 0)
    return True


def page_missing(rng: Random, study: Study) -> bool:
    """One of several marked pages was never saved."""
    if not study.marked or len(study.pages) < 2:
        return False
    study.pages.pop(rng.randrange(len(study.pages)))
    return True


def saved_twice(rng: Random, study: Study) -> bool:
    """The console saved the page before the last scans, and again after them."""
    if study.earlier is None or len(study.events) < 2:
        return False
    study.pages = [*study.earlier(rng.randint(1, len(study.events) - 1)), *study.pages]
    return True
