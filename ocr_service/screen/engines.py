"""What both OCR engines share: a fault over many crops costs only the crops that cause it.

Knows crops and texts; must not know which engine is asked, nor what a text means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.preprocess import Crop, is_blank, prepare

# Runs that may fail over one list of crops. One bad crop among sixty costs seven; with more than four of them
# the engine is not worth its time, least of all where each failure is a hang.
MOST_FAULTS = 32


def read_inked(
    crops: Sequence[Crop], preparations: Sequence[Sequence[str]], read: Callable[[Sequence[Crop]], list[str]]
) -> list[str]:
    """Prepare and read what has ink; a blank crop reads "" unasked, for Tesseract makes `Oo` of nothing.

    preparations: the steps of each crop.

    Raises EngineError where the engine itself is broken, EngineMissing where it is not installed, KeyError for an
    unknown step.
    """
    inked = [index for index, crop in enumerate(crops) if not is_blank(crop)]
    texts = [""] * len(crops)
    if not inked:
        return texts
    prepared = [prepare(crops[index], preparations[index]) for index in inked]
    found = survive(prepared, read, prepare(trial_cell(), preparations[inked[0]]))
    for index, text in zip(inked, found, strict=True):
        texts[index] = text
    return texts


def survive(crops: Sequence[Crop], read: Callable[[Sequence[Crop]], list[str]], trial: Crop) -> list[str]:
    """Read all crops in one run; where it fails, in halves, down to the single crop, which then reads "".

    At the first failure the engine is tried on the trial cell: a failure there too is the engine's fault and
    raised. Raises EngineError also after 32 failures.
    """
    texts = [""] * len(crops)
    waiting = [(0, len(crops))] if crops else []
    faults = 0
    while waiting:
        start, end = waiting.pop()
        try:
            texts[start:end] = read(crops[start:end])
        except EngineMissing:
            raise
        except EngineError:
            faults += 1
            if faults == 1:
                read([trial])
            if faults > MOST_FAULTS:
                raise
            if end - start > 1:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    return texts


def trial_cell() -> Crop:
    """A cell that says 12.34, to try an engine on. uint8 (36, 90)."""
    cell = np.zeros((36, 90), np.uint8)
    cv2.putText(cell, "12.34", (10, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_AA)
    return cell
