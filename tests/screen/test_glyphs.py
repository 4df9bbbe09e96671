"""A run of ink as glyphs: where one letter ends, and which mark stands where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ocr_service.screen import layout
from ocr_service.screen.glyphs import Letters, apart, letters_of
from ocr_service.screen.layout import Run
from tests.screen.lettered import UNHURRIED, glyph_of, letters
from tests.screen.typed import HEIGHT, PITCH, WIDTH, blank, glyph, typed

SIGNS = "0123456789.-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BITMAPS = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 5)))


def cut(page: np.ndarray) -> Letters:
    ink = layout.find_ink(page)
    return letters_of(Run(layout.around(ink.shapes), ink.shapes), ink.mask)


@UNHURRIED
@given(st.text(SIGNS, max_size=8), st.integers(1, 30))
def test_a_letter_is_the_same_glyph_wherever_it_stands(text: str, left: int) -> None:
    found = letters(f"8{text}", left)

    assert found.glyphs == tuple(glyph_of(sign) for sign in f"8{text}")
    assert found.height == HEIGHT


def test_a_glyph_is_its_bitmap_bit_for_bit() -> None:
    assert np.array_equal(glyph_of("7").bitmap, glyph("7") > 0)


def test_the_dot_of_an_i_and_its_stem_are_one_letter() -> None:
    page = blank(40, 60)
    typed(page, 10, 12, "8")
    page[12:14, 20:22] = page[16:21, 20:22] = 255
    found = cut(page)

    assert len(found.glyphs) == 2
    assert (found.glyphs[1].rows, found.glyphs[1].columns) == (HEIGHT, 2)


def test_letters_that_touch_are_one_glyph() -> None:
    page = blank(40, 60)
    page[12 : 12 + HEIGHT, 10 : 10 + WIDTH] = glyph("1")
    page[12 : 12 + HEIGHT, 10 + WIDTH : 10 + 2 * WIDTH] = glyph("2")

    assert [one.columns for one in cut(page).glyphs] == [2 * WIDTH]


def test_a_letter_that_leans_over_the_next_one_stays_a_letter_of_its_own() -> None:
    """Slanted letters share a column or two; only parts of one letter share most of theirs."""
    page = blank(40, 60)
    page[12:21, 10] = page[12, 10:15] = 255
    page[14:21, 14] = page[20, 14:19] = 255

    assert len(cut(page).glyphs) == 2


@pytest.mark.parametrize(("rows", "place"), [((19, 21), "low"), ((15, 17), "middle"), ((11, 13), "high")])
def test_one_mark_is_another_glyph_on_another_height_of_the_line(rows: tuple[int, int], place: str) -> None:
    page = blank(40, 60)
    typed(page, 10, 12, "8")
    page[rows[0] : rows[1], 20:22] = 255
    mark = cut(page).glyphs[1]

    assert mark.place == place
    assert (mark.rows, mark.columns) == (2, 2)


def test_blank_columns_stand_before_each_glyph_but_the_first() -> None:
    assert letters("11 1").gaps == (0, PITCH - WIDTH, 2 * PITCH - WIDTH)


def test_letters_that_reach_below_the_line_make_it_no_higher() -> None:
    page = blank(40, 90)
    typed(page, 10, 12, "888")
    page[10:24, 40:42] = 255

    assert cut(page).height == HEIGHT


def test_a_run_without_ink_has_no_letters() -> None:
    nothing = Run(layout.Box(0, 0, 5, 5), ())

    assert letters_of(nothing, np.zeros((9, 9), np.bool_)) == Letters(0, (), ())


@UNHURRIED
@given(BITMAPS, BITMAPS)
def test_two_bitmaps_are_as_far_apart_from_either_side(one: np.ndarray, other: np.ndarray) -> None:
    assert apart(one, other) == apart(other, one)
    assert apart(one, one) == 0


@UNHURRIED
@given(BITMAPS, st.data())
def test_each_pixel_that_differs_counts_at_most_once(bitmap: np.ndarray, data: st.DataObject) -> None:
    changed = bitmap.copy()
    row, column = (data.draw(st.integers(0, size - 1)) for size in bitmap.shape)
    changed[row, column] ^= True

    assert apart(bitmap, changed) == 1


def test_letters_of_another_size_are_never_near() -> None:
    small, large = np.ones((5, 5), np.bool_), np.ones((7, 5), np.bool_)

    assert apart(small, large) >= small.size + large.size
