"""A console's letters as one page meets them: how far each glyph is believed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.screen.fonts import Console, Font, FontKey, Fonts
from ocr_service.screen.glyphs import Glyph, Letters
from ocr_service.screen.layout import DIGITS
from ocr_service.screen.lettering import Lettering, lettering, standing
from ocr_service.screen.spelling import bare
from tests.screen.lettered import (
    ACME,
    HEIGHT,
    KEY,
    UNHURRIED,
    drawn,
    fonts_of,
    glyph_of,
    letters,
    seen,
    teach,
    young_fonts,
)

ALL_DIGITS = "8.0123456789"


def of(fonts: Fonts, console: Console = ACME, template: str = KEY.template) -> Lettering:
    return lettering(fonts, template, console)


def number(text: str) -> str | None:
    """The canonical form of a column of numbers."""
    bare = "".join(text.split())
    return bare if bare and set(bare) <= set(DIGITS + ".") and bare.count(".") == 1 else None


def any_text(text: str) -> str | None:
    return text


def broken(sign: str, row: int, column: int) -> Glyph:
    """The glyph of the sign with one pixel turned."""
    bitmap = glyph_of(sign).bitmap
    bitmap[row, column] ^= True
    return drawn(bitmap)


def run(*glyphs: Glyph) -> Letters:
    return Letters(HEIGHT, glyphs, (0, *(2 for _ in glyphs[1:])))


def test_glyphs_of_three_independent_studies_say_a_text_and_prove_it() -> None:
    assert of(fonts_of("11.2")).word(letters("21.1"), number) == ("21.1", True)


def test_glyphs_of_three_cells_of_one_study_say_it_and_prove_nothing() -> None:
    assert of(young_fonts("11.2")).word(letters("21.1"), number) == ("21.1", False)


def test_one_young_glyph_keeps_a_text_from_being_proven() -> None:
    fonts = fonts_of("11.2")
    fonts.merge(young_fonts("7.2"))

    assert of(fonts).word(letters("27.1"), number) == ("27.1", False)


def test_two_cells_make_a_glyph_say_nothing() -> None:
    fonts = Fonts()
    for study in ("1.1", "1.2"):
        teach(fonts.font(KEY), "11.2", study)

    assert of(fonts).word(letters("21.2"), number) is None


def test_an_unknown_glyph_leaves_the_whole_cell_to_the_engines() -> None:
    """It is never dropped: a digit without its known shape would make another number."""
    assert of(fonts_of("11.2")).word(letters("171.2"), number) is None
    assert of(fonts_of("11.2")).placing(letters("171.2")) is None


# Other fonts of the console.


@pytest.mark.parametrize(
    "key",
    [
        FontKey("acme/other", ACME, HEIGHT),
        FontKey(KEY.template, Console("ACME", "CT 1", "V0"), HEIGHT),
    ],
    ids=["of another template", "of the old software version"],
)
def test_registered_letters_of_another_font_of_the_console_are_young_here(key: FontKey) -> None:
    fonts = fonts_of("11.2", key=key)

    assert of(fonts).word(letters("21.1"), number) == ("21.1", False)
    assert not of(fonts).is_registered


@pytest.mark.parametrize("console", [Console("ACME", "CT 2", "V1"), Console("OTHER", "CT 1", "V1")])
def test_letters_of_another_model_say_nothing(console: Console) -> None:
    assert of(fonts_of("11.2"), console).word(letters("21.1"), number) is None


def test_where_a_young_letter_and_the_old_software_differ_neither_is_believed() -> None:
    fonts = fonts_of("3.3", key=FontKey(KEY.template, Console("ACME", "CT 1", "V0"), HEIGHT))
    fonts.font(KEY).add(glyph_of("3"), "8", [seen("1.1", f"8.{n}") for n in range(3)])

    assert of(fonts).word(letters("3.3"), number) is None
    assert not of(fonts).contradicts(letters("3.3"), "8.8")
    assert of(fonts).contradicts(letters("3.3"), "5.5")


def test_what_a_softwares_own_cells_attest_is_believed_whatever_the_old_one_drew() -> None:
    fonts = fonts_of("3.3", key=FontKey(KEY.template, Console("ACME", "CT 1", "V0"), HEIGHT))
    for study, digit in (("1.1", "4"), ("1.2", "5"), ("1.3", "6")):
        teach(fonts.font(KEY), f"8.{digit}8", study, shown=f"3.{digit}3")

    assert of(fonts).word(letters("3.3"), number) == ("8.8", True)


# Contradiction.


def test_a_glyph_shown_as_two_signs_supports_nothing_and_still_contradicts_a_third() -> None:
    fonts = fonts_of("11.2", "3.8")
    teach(fonts.font(KEY), "8.2", "1.4", shown="3.2")
    its = of(fonts)

    assert its.word(letters("13.2"), number) is None
    assert its.spelled(letters("13.2")) is None
    assert not its.contradicts(letters("13.2"), "18.2")
    assert its.contradicts(letters("13.2"), "15.2")


def test_one_cell_withdraws_what_three_studies_registered() -> None:
    fonts = fonts_of("11.2")
    assert of(fonts).word(letters("11.2"), number) == ("11.2", True)

    teach(fonts.font(KEY), "71.2", "1.4", shown="11.2")
    assert of(fonts).word(letters("11.2"), number) is None


def test_a_glyph_is_withdrawn_by_a_line_of_another_height() -> None:
    fonts = fonts_of("11.2")
    teach(fonts.font(FontKey(KEY.template, ACME, HEIGHT + 1)), "71.2", "1.4", shown="11.2")

    assert of(fonts).word(letters("11.2"), number) is None


def test_a_part_of_the_letters_is_enough_to_contradict() -> None:
    its = of(young_fonts("1.2"))

    assert its.contradicts(letters("91.2"), "97.2")
    assert not its.contradicts(letters("91.2"), "91.2")
    assert not its.contradicts(letters("91.2"), "41.2")  # nobody knows the 9


def test_signs_that_look_alike_and_case_are_no_contradiction() -> None:
    its = of(young_fonts("CTDIvol"))

    assert not its.contradicts(letters("CTDIvol"), "CTDlvo1")
    assert not its.contradicts(letters("CTDIvol"), "ctdivol")
    assert its.contradicts(letters("CTDIvol"), "CTDIwol")


def test_a_text_of_another_length_is_left_to_other_rules() -> None:
    assert not of(young_fonts("1.2")).contradicts(letters("1.2"), "12")


# One shape for several signs.


def alike(*signs: str, registered: bool = True) -> Fonts:
    """A console that draws these signs with one shape, that of the first."""
    fonts = fonts_of("8.2", "Total")
    for sign in signs:
        for study in ("1.1", "1.2", "1.3") if registered else ("1.1",):
            cells = [seen(study, f"{sign} {study} {n}") for n in range(3)]
            fonts.font(KEY).add(glyph_of(signs[0]), sign, cells)
    return fonts


def test_a_shape_of_several_signs_is_told_by_what_fits_the_column() -> None:
    its = of(alike("O", "0"))

    assert its.word(letters("2O.8"), number) == ("20.8", True)
    assert its.word(letters("TOTal"), lambda text: text if text.isalpha() else None) == ("TOTal", True)


def test_where_both_signs_fit_the_cell_stays_unproven() -> None:
    assert of(alike("O", "0")).word(letters("O"), any_text) is None


def test_a_shape_seen_only_as_a_letter_is_no_digit() -> None:
    fonts = alike("O")
    assert of(fonts).word(letters("2O.8"), number) is None


def test_a_digit_among_letters_is_read_as_its_neighbours_are() -> None:
    its = of(alike("l", "I", "1"))

    assert its.word(letters("Total"), any_text) == ("Total", True)


# Digits with two bitmaps, while another digit is unknown.


def with_second_bitmap(known: str) -> Fonts:
    fonts = fonts_of(*(f"{digit}.{digit}" for digit in known))
    for study in ("1.1", "1.2", "1.3"):
        teach(fonts.font(KEY), f"8.{study[-1]}", study, shown=f"A.{study[-1]}")
    return fonts


def test_a_digits_second_shape_is_not_registered_while_another_digit_is_unknown() -> None:
    """It may be that other digit, which the engines always misread: the 6 of a font that looks like an 8."""
    its = of(with_second_bitmap("012345789"))

    assert its.word(letters("A.2"), number) == ("8.2", False)
    assert its.word(letters("8.2"), number) == ("8.2", False)
    assert its.word(letters("3.2"), number) == ("3.2", True)


def test_with_all_ten_digits_known_one_of_them_may_still_look_like_another() -> None:
    """A 6 that is drawn in two ways, one of them always taken for an 8."""
    assert of(with_second_bitmap(DIGITS)).word(letters("A.2"), number) == ("8.2", False)


def test_a_console_that_draws_every_digit_in_two_ways_has_them_all_registered() -> None:
    fonts = with_second_bitmap(DIGITS)
    for digit, shape in zip("012345679", "BCDEFGHIJ", strict=True):
        for study in ("1.1", "1.2", "1.3"):
            teach(fonts.font(KEY), f"{digit}.{study[-1]}", study, shown=f"{shape}.{study[-1]}")

    assert of(fonts).word(letters("A.B"), number) == ("8.0", True)


def test_digits_of_another_size_do_not_count_as_known() -> None:
    fonts = with_second_bitmap("012345789")
    large = drawn(glyph_of("6").bitmap.repeat(2, 0).repeat(2, 1))
    fonts.font(FontKey(KEY.template, ACME, 18)).add(large, "6", [seen(s, f"6{s}") for s in ("1.1", "1.2", "1.3")])

    assert of(fonts).word(letters("A.2"), number) == ("8.2", False)


# Near glyphs.


def test_a_glyph_that_nearly_equals_one_digit_says_it_and_proves_nothing() -> None:
    damaged = run(broken("3", 3, 2), glyph_of("."), glyph_of("2"))

    assert of(fonts_of(ALL_DIGITS)).word(damaged, number) == ("3.2", False)


@pytest.mark.parametrize("missing", DIGITS)
def test_near_is_nothing_while_a_digit_is_unknown(missing: str) -> None:
    others = [digit for digit in DIGITS if digit != missing]
    its = of(fonts_of(*(f"{digit}.{digit}" for digit in others)))

    assert all(its.nearly(broken(digit, 3, 2)) is None for digit in others)


def test_near_needs_all_ten_digits_in_this_size() -> None:
    """The small letters of a page tell nothing of a large digit that was never seen."""
    fonts = fonts_of(*(f"{digit}.{digit}" for digit in DIGITS if digit != "3"))
    large = drawn(glyph_of("3").bitmap.repeat(2, 0).repeat(2, 1))
    cells = [seen(study, f"3{study}") for study in ("1.1", "1.2", "1.3")]
    fonts.font(FontKey(KEY.template, ACME, 18)).add(large, "3", cells)

    assert of(fonts).nearly(broken("8", 3, 2)) is None


def test_a_withdrawn_shape_is_no_known_digit() -> None:
    fonts = fonts_of(*(f"{digit}.{digit}" for digit in DIGITS if digit != "3"))
    fonts.font(KEY).add(glyph_of("A"), "3", [seen(study, f"3{study}") for study in ("1.1", "1.2", "1.3")])
    fonts.font(KEY).add(glyph_of("A"), "5", [seen("1.1", "5.5")])

    assert of(fonts).nearly(broken("8", 3, 2)) is None


def test_a_glyph_between_two_digits_is_neither() -> None:
    fonts = fonts_of(ALL_DIGITS)
    one, other = glyph_of("3").bitmap, glyph_of("8").bitmap
    half = one.copy()
    differing = np.argwhere(one ^ other)
    for row, column in differing[: len(differing) // 2]:
        half[row, column] = other[row, column]
    between = drawn(half)

    assert of(fonts).nearly(between) is None


@UNHURRIED
@given(st.sampled_from(DIGITS), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=6, unique=True))
def test_near_is_never_registered_and_never_far(digit: str, turned: list[tuple[int, int]]) -> None:
    its = of(fonts_of(ALL_DIGITS))
    bitmap = glyph_of(digit).bitmap
    for row, column in turned:
        bitmap[row, column] ^= True
    known = its.nearly(drawn(bitmap))

    assert known is None or not known.registered
    assert known is None or len(turned) > 1 or known.signs == (digit,)


def test_no_letter_is_ever_near() -> None:
    assert of(fonts_of(ALL_DIGITS, "Head")).nearly(broken("H", 3, 2)) is None


# Blanks.


def spaced(widest: int, narrowest: int) -> Lettering:
    fonts = fonts_of("1 1")
    fonts.font(KEY).space(widest, blank=False)
    fonts.font(KEY).space(narrowest, blank=True)
    return of(fonts)


def test_a_gap_like_those_that_were_blanks_is_one() -> None:
    assert spaced(2, 9).word(letters("1 1"), any_text) == ("1 1", True)
    assert spaced(2, 9).word(letters("11"), any_text) == ("11", True)


def test_a_gap_unlike_any_that_was_seen_is_a_blank_or_none() -> None:
    between = Letters(HEIGHT, letters("11").glyphs, (0, 6))

    assert spaced(2, 12).word(between, any_text) is None
    assert spaced(2, 12).word(between, lambda text: "".join(text.split())) == ("11", True)


# What the letters know in one word, and what they never say.


@pytest.mark.parametrize(
    ("studies", "texts", "word"),
    [((), (), "told"), (("1.1",), ("1",), "new"), (("1.1",), ("1", "2", "3"), "young")],
)
def test_a_glyphs_standing_is_told_in_a_word(studies, texts, word) -> None:
    cells = frozenset(seen(study, text) for study in studies for text in texts)

    assert standing({"7": cells} if cells else {}) == word


def test_a_glyph_of_three_studies_stands_registered_and_one_of_two_signs_withdrawn() -> None:
    signs = fonts_of("7.1")[KEY].glyphs[glyph_of("7")]

    assert standing(signs) == "registered"
    assert standing({**signs, "1": frozenset({seen("1.1", "1")})}) == "withdrawn"


@UNHURRIED
@given(
    st.lists(
        st.tuples(st.sampled_from(["1.1", "1.2", "1.3", "1.4"]), st.text(DIGITS + ".", min_size=1, max_size=5)),
        max_size=12,
    ),
    st.text(DIGITS + ".", min_size=1, max_size=5),
)
def test_letters_that_were_taught_the_truth_never_say_anything_else(lessons, printed: str) -> None:
    fonts = Fonts()
    for study, text in lessons:
        if set(text) & set(DIGITS):
            teach(fonts.font(KEY), text, study)
    its = of(fonts)
    run_ = letters(f"8{printed}")

    assert its.word(run_, any_text) in (None, (f"8{printed}", True), (f"8{printed}", False))
    assert not its.contradicts(run_, f"8{printed}")
    assert bare(its.placing(run_) or f"8{printed}") == f"8{printed}"


def test_a_cell_of_many_shapes_with_several_signs_each_is_not_tried_in_every_way() -> None:
    fonts = Fonts()
    for one, other in pairwise("IlI"):
        for sign in (one, other):
            fonts.font(KEY).add(glyph_of("I"), sign, [seen("1.1", f"{sign}{n}") for n in range(3)])

    assert of(fonts).word(run(*[glyph_of("I")] * 12), any_text) is None


def test_what_one_engine_told_finds_places_and_says_no_word() -> None:
    fonts = Fonts()
    for glyph, sign in zip(letters("Dose").glyphs, "Dose", strict=True):
        fonts.font(KEY).add(glyph, sign, [seen(f"1.{n}", "", n) for n in range(3)], told=True)

    assert of(fonts).placing(letters("Dose")) == "Dose"
    assert of(fonts).word(letters("Dose"), any_text) is None
    assert not of(fonts).is_registered


def test_an_empty_font_knows_nothing() -> None:
    assert of(Fonts({KEY: Font()})).word(letters("1.1"), number) is None
