"""A point that is lost on the page itself: the digits around it stand too far apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.report import Box
from ocr_service.screen.layout import Run, around
from ocr_service.screen.pitch import stretched

ASIDE = {"1": 2, "4": 0, "7": 1}  # where a digit's ink begins in its place; others at 1
WIDE = {"1": 3, "4": 6}  # px of ink; others 5
PITCH, POINT, HEIGHT = 7, 4, 10


def number(text: str, y: int, lost: bool = False) -> tuple[Run, str]:
    """The ink of a number in a proportional font; lost: its point is not drawn, though its place is kept."""
    shapes, x = [], 100
    for sign in text:
        if sign == ".":
            if not lost:
                shapes.append(Box(x + 1, y + HEIGHT - 2, x + 3, y + HEIGHT))
            x += POINT
        else:
            left = x + ASIDE.get(sign, 1)
            shapes.append(Box(left, y, left + WIDE.get(sign, 5), y + HEIGHT))
            x += PITCH
    return Run(around(shapes), tuple(shapes)), text.replace(".", "") if lost else text


PRINTED = ("1299.58", "17.95", "120", "403.16", "88.20", "1742.67", "3456.70", "98.31", "2035.64", "330.09", "44.27")
PAGE = [number(text, 20 * row) for row, text in enumerate(PRINTED)]
NUMBERS = st.decimals(10, 9999, places=2).map(str)


@given(NUMBERS)
def test_a_number_that_keeps_the_pitch_hides_nothing(text: str) -> None:
    assert stretched([*PAGE, number(text, 300)]) == set()


@pytest.mark.parametrize("text", ["12.34", "95.07", "274.90", "1048.66", "403.2", "31.75", "8812.59", "60.1"])
def test_a_number_whose_point_is_lost_is_told_by_the_others(text: str) -> None:
    """Most are: where few pairs of a page share the digits, a page may say too little."""
    assert stretched([*PAGE, number(text, 300, lost=True)]) == {len(PAGE)}


def test_a_wide_gap_is_told_even_where_nothing_else_is_on_the_page() -> None:
    run = Run(Box(0, 0, 18, 10), (Box(0, 0, 5, 10), Box(13, 0, 18, 10)))

    assert stretched([(run, "95")]) == {0}


def test_two_digits_that_stand_nowhere_else_are_judged_by_the_widest_usual_pair() -> None:
    """42 was proven for a 4.2 whose point was lost: its page had no other 4 and no other 2."""
    page = [number(text, 20 * row) for row, text in enumerate(("135.68", "90.53", "806.91", "35.09"))]

    assert stretched([*page, number("4.2", 200, lost=True)]) == {len(page)}
    assert stretched([*page, number("42", 200)]) == set()


def test_touching_letters_say_nothing() -> None:
    run = Run(Box(0, 0, 18, 10), (Box(0, 0, 18, 10),))

    assert stretched([*PAGE, (run, "95")]) == set()


def test_numbers_of_one_digit_have_no_pairs_and_hide_nothing() -> None:
    assert stretched([number("1", 0), number("2", 20)]) == set()
    assert stretched([]) == set()


def test_a_pair_of_digits_that_no_other_number_has_is_judged_by_its_gap() -> None:
    page = [number(text, 20 * row) for row, text in enumerate(("11.14", "41.11", "14.41", "44.11"))]

    assert stretched([*page, number("9.2", 200, lost=True)]) == {len(page)}
    assert stretched([*page, number("92", 200)]) == set()
