"""The same shape is the same digit: what a page's letters say against a reading of both engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ocr_service.dose.report import Box
from ocr_service.screen.glyphs import Letters, letters_of
from ocr_service.screen.layout import Run, around
from ocr_service.screen.shapes import misread

SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg",
    "5": "acdfg", "6": "acdefg", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
WHERE: dict[str, Any] = {
    "a": np.s_[0, :], "g": np.s_[5, :], "d": np.s_[10, :],
    "f": np.s_[0:6, 0], "b": np.s_[0:6, 5], "e": np.s_[5:11, 0], "c": np.s_[5:11, 5],
}  # fmt: skip


def digit(sign: str) -> np.ndarray:
    drawn = np.zeros((11, 6), np.bool_)
    for segment in SEGMENTS[sign]:
        drawn[WHERE[segment]] = True
    return drawn


def page_of(printed: list[str]) -> tuple[np.ndarray, list[Run]]:
    mask = np.zeros((30 * len(printed), 200), np.bool_)
    runs = []
    for row, text in enumerate(printed):
        boxes = []
        for place, sign in enumerate(text):
            left, top = 10 + 9 * place, 10 + 30 * row
            drawn = np.zeros((11, 6), np.bool_)
            drawn[-2:, :2] = True
            drawn = drawn if sign == "." else digit(sign)
            mask[top : top + 11, left : left + 6] = drawn
            ink = np.argwhere(drawn)
            (y0, x0), (y1, x1) = ink.min(axis=0), ink.max(axis=0)
            boxes.append(Box(left + int(x0), top + int(y0), left + int(x1) + 1, top + int(y1) + 1))
        runs.append(Run(around(boxes), tuple(boxes)))
    return mask, runs


def numbers(runs: list[Run], texts: list[str], mask: np.ndarray) -> list[tuple[Letters, str]]:
    return [(letters_of(run, mask), text) for run, text in zip(runs, texts, strict=True)]


PRINTED = ["28.51", "68.90", "136.82", "905.47", "261.38", "47.02"]


def test_a_page_whose_numbers_are_all_read_right_speaks_against_none() -> None:
    mask, runs = page_of(PRINTED)

    assert misread(numbers(runs, PRINTED, mask)) == set()


def test_a_shape_that_is_read_as_two_digits_is_in_doubt_wherever_it_stands() -> None:
    mask, runs = page_of(PRINTED)
    read = ["26.51", *PRINTED[1:]]

    found = misread(numbers(runs, read, mask))
    assert 0 in found
    assert found == {row for row, text in enumerate(PRINTED) if "8" in text}


@pytest.mark.parametrize(("pixels", "told"), [(1, True), (0, False)])
def test_a_broken_digit_that_is_nearer_to_what_it_was_is_in_doubt(pixels: int, told: bool) -> None:
    printed = [*PRINTED, "86.40"]
    mask, runs = page_of(printed)
    six = runs[-1].shapes[1]
    for row in range(pixels):
        mask[six.top + 7 + row, six.left] = False  # the stroke that makes it no 5
    read = [*PRINTED, "85.40" if told else "86.40"]

    assert (len(PRINTED) in misread(numbers(runs, read, mask))) is told
