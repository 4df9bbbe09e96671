"""What a random study is: its pages as canvases, what they say, and how they become DICOM files.

Knows pages and encodings; must not know how any maker lays a page out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import cv2
import encode
import numpy as np
from headers import Console, Exam, Patient, Series, dose_screen
from letters import Canvas, Written
from pydicom.dataset import Dataset
from samples import Event

Levels = encode.Levels
GAP = 7  # columns between two texts of a line that are no one phrase
NO_SHIFT = (0, 0)


class DoesNotFit(Exception):
    """These letters are too wide or too high for this layout."""


@dataclass(slots=True)
class Study:
    """One examination as its console shows it. Faults change it in place.

    totals: each total as printed; dlp_total: what the report is to say (None where no total is printed).
    earlier: the pages as they were after the first rows only, where the console saves a page again after each scan.
    """

    family: str
    font: str
    exam: Exam
    series: Series
    pages: list[Canvas]
    events: tuple[Event, ...]
    totals: tuple[str, ...]
    dlp_total: str | None
    encoding: str = "grey"
    marked: bool = False
    slack: float = 0.0
    finish: Callable[[Dataset], None] | None = None
    earlier: Callable[[int], list[Canvas]] | None = None
    shift: tuple[int, int] = NO_SHIFT
    notes: list[str] = field(default_factory=list)

    def files(self) -> list[bytes]:
        """The bytes of each object, oldest first."""
        files = []
        for number, page in enumerate(self.pages, start=1):
            ds = dose_screen(self.exam, self.series, number, minutes=20 + 3 * number)
            if self.finish is not None:
                self.finish(ds)
            files.append(encoded(ds, moved(page.pixels, *self.shift), self.encoding))
        return files


GREY = ("grey", "inverted", "signed", "two_values", "twelve_bit", "rgb", "palette", "rle", "deflated")
COLOUR = ("rgb", "planar", "ybr", "rle_rgb")


def encoded(ds: Dataset, levels: Levels, name: str) -> bytes:
    """The page as bytes of a DICOM file; colours stay RGB where an encoding has none."""
    if levels.ndim == 3 and name not in COLOUR:
        name = "rgb"
    put: dict[str, Callable[[Dataset, Levels], Dataset]] = {
        "inverted": encode.inverted,
        "signed": encode.signed,
        "two_values": encode.two_values,
        "twelve_bit": encode.twelve_bit,
        "rgb": encode.rgb,
        "rle_rgb": encode.rgb,
        "planar": lambda ds, levels: encode.rgb(ds, levels, planar=1),
        "ybr": encode.ybr_full,
        "palette": encode.palette,
        "overlay": encode.overlay_only,
    }
    put.get(name, encode.grey)(ds, levels)
    return {"rle": encode.rle, "rle_rgb": encode.rle, "deflated": encode.deflated}.get(name, encode.plain)(ds)


def moved(levels: Levels, right: int, down: int) -> Levels:
    """Move the page; what leaves it is lost, what comes in is black."""
    if (right, down) == NO_SHIFT:
        return levels
    rows, columns = levels.shape[:2]
    return np.asarray(
        cv2.warpAffine(levels, np.array([[1, 0, right], [0, 1, down]], np.float32), (columns, rows)), np.uint8
    )


def room(pages: list[Canvas]) -> tuple[int, int, int, int]:
    """How far all ink may move to the left, up, right and down before some leaves the page."""
    boxes = [text.box for page in pages for text in page.written]
    rows, columns = pages[0].pixels.shape[:2]
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes),
        columns - 1 - max(box[2] for box in boxes), rows - 1 - max(box[3] for box in boxes),
    )  # fmt: skip


def random_shift(rng: Random, pages: list[Canvas]) -> tuple[int, int]:
    """Up to six pixels in any direction, no ink lost."""
    left, up, right, down = (max(0, min(6, space)) for space in room(pages))
    return rng.randint(-left, right), rng.randint(-up, down)


def demand_room(page: Canvas) -> None:
    """Raise DoesNotFit where two texts of a page touch or stand so close that they are one phrase."""
    for number, one in enumerate(page.written):
        for other in page.written[:number]:
            if _by_design(one, other) or _by_design(other, one):
                continue
            if _apart(one.box[1], one.box[3], other.box[1], other.box[3]) > 0:
                continue  # on different lines
            if _apart(one.box[0], one.box[2], other.box[0], other.box[2]) < GAP:
                raise DoesNotFit(f"{one.text!r} and {other.text!r} touch")


def _by_design(left: Written, right: Written) -> bool:
    """The slash of `mAs / ref.` stands close to what is left of it."""
    return (right.text.startswith("/") or right.text == "ref.") and 0 < right.box[0] - left.box[2] < GAP


def _apart(start: int, end: int, other_start: int, other_end: int) -> int:
    """Pixels from one span to the other (1: neighbours), below 1 where they overlap."""
    return max(start - other_end, other_start - end)


def exam(key: str, rng: Random, console: Console, description: str) -> Exam:
    """An invented examination; everything but the key is random."""
    identifier = str(rng.randint(10**7, 10**8 - 1))
    patient = Patient("SAMPLE^BENCH", "SAMPLE BENCH", identifier)
    date = f"20{rng.randint(6, 24):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    time = f"{rng.randint(7, 19):02d}{rng.randint(0, 59):02d}00"
    accession, number = str(rng.randint(10**7, 10**8 - 1)), str(rng.randint(1000, 9999))
    return Exam(key, patient, console, accession, number, date, time, description)


@dataclass(frozen=True, slots=True)
class Dose:
    """CTDIvol (mGy) and DLP (mGy.cm) of one scan, unrounded."""

    ctdivol: float
    dlp: float


def random_dose(rng: Random, head: bool, still: bool = False) -> Dose:
    """As scanners give it: heads about 50 mGy, bodies about 9; a scan without table movement is 1 to 4 cm wide."""
    ctdivol = min(400.0, rng.lognormvariate(3.8 if head else 2.2, 0.5 if head else 0.7))
    length = rng.choice((0.5, 1.0, 2.0, 4.0)) if still else rng.uniform(5, 25 if head else 75)
    return Dose(max(0.05, ctdivol), max(0.1, ctdivol * length))
