"""A proven text laid on the glyphs that print it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.screen.glyphs import Glyph, Letters
from ocr_service.screen.spelling import MOST_TOUCHING, bare, blanks_of, laid_on
from tests.screen.lettered import UNHURRIED, glyph_of, letters

HEIGHT = 9


def nobody(_: Glyph) -> tuple[str, ...]:
    return ()


def known(*signs: str):
    told = {glyph_of(sign): (sign,) for sign in signs}
    return lambda glyph: told.get(glyph, ())


def touching(columns: int, mark: int = 0) -> Glyph:
    """A wide glyph; `mark` tells several of them apart."""
    bitmap = np.ones((HEIGHT, columns), np.bool_)
    bitmap[4, :mark] = False
    return Glyph(HEIGHT, columns, np.packbits(bitmap).tobytes())


def run(*glyphs: Glyph) -> Letters:
    return Letters(HEIGHT, glyphs, (0,) * len(glyphs))


def test_as_many_signs_as_glyphs_are_one_each() -> None:
    assert laid_on(letters("11.2"), "11.2", nobody) == ("1", "1", ".", "2")


def test_blanks_have_no_glyph() -> None:
    assert laid_on(letters("7 8"), "7 8", nobody) == ("7", "8")


def test_letters_that_touch_are_what_the_known_ones_leave() -> None:
    letters_ = run(glyph_of("4"), touching(11), glyph_of("2"))

    assert laid_on(letters_, "4982", known("4", "2")) == ("4", "98", "2")


def test_a_text_that_can_be_cut_in_two_ways_teaches_nothing() -> None:
    letters_ = run(touching(11), touching(12))

    assert laid_on(letters_, "498", nobody) == ()


def test_a_narrow_glyph_holds_one_sign() -> None:
    letters_ = run(touching(5), touching(12))

    assert laid_on(letters_, "498", nobody) == ("4", "98")


def test_a_text_with_fewer_signs_than_glyphs_is_not_what_is_printed() -> None:
    assert laid_on(letters("11.2"), "112", nobody) == ()


def test_a_known_glyph_is_never_laid_under_another_sign_to_make_a_cut_fit() -> None:
    letters_ = run(touching(11), glyph_of("2"))

    assert laid_on(letters_, "983", known("2")) == ()


@UNHURRIED
@given(st.lists(st.integers(3, 30), min_size=1, max_size=4), st.text("0123456789. ", max_size=12))
def test_what_is_laid_is_the_text_and_every_glyph_has_a_part_of_it(widths: list[int], text: str) -> None:
    letters_ = run(*(touching(columns, number) for number, columns in enumerate(widths)))
    laid = laid_on(letters_, text, nobody)

    assert laid == () or ("".join(laid) == bare(text) and len(laid) == len(widths))
    assert all(1 <= len(signs) <= MOST_TOUCHING for signs in laid)


def test_a_blank_is_told_before_the_sign_that_follows_it() -> None:
    assert blanks_of("Total  DLP") == (False, False, False, False, True, False, False)


@UNHURRIED
@given(st.text("ab ", max_size=9))
def test_every_sign_but_the_first_tells_whether_a_blank_stands_before_it(text: str) -> None:
    told = blanks_of(text)

    assert len(told) == max(0, len(bare(text)) - 1)
    assert sum(told) == max(0, len(text.split()) - 1)
