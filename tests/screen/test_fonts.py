"""What confirms a glyph: evidence that can be merged in any order, and how well it attests a sign."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.screen.fonts import (
    MOST_GLYPHS,
    Confirmation,
    Console,
    Font,
    FontKey,
    Fonts,
    OwnGlyph,
    contradictory,
    is_attested,
    is_young,
)
from ocr_service.screen.glyphs import Glyph
from tests.screen.lettered import ACME, KEY, UNHURRIED, glyph_of, seen

CONFIRMATIONS = st.builds(
    Confirmation,
    st.sampled_from([f"c{n}" for n in range(12)]),
    st.sampled_from("abcdefgh"),
    st.sampled_from("stuvwxyz"),
    st.booleans(),
)
LESSONS = st.lists(
    st.tuples(
        st.sampled_from([FontKey("acme/dose", ACME, 9), FontKey("acme/dose", ACME, 10)]),
        st.sampled_from([glyph_of("3"), glyph_of("8")]),
        st.sampled_from(["3", "8"]),
        st.lists(CONFIRMATIONS, min_size=1, max_size=8),
        st.booleans(),
    ),
    max_size=12,
)
GAPS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=3)


def taught(lessons, gaps=()) -> Fonts:
    fonts = Fonts()
    for key, glyph, sign, cells, told in lessons:
        fonts.font(key).add(glyph, sign, cells, told=told)
        for gap, blank in gaps:
            fonts.font(key).space(gap, blank=blank)
    return fonts


def told(fonts: Fonts) -> dict[FontKey, Font]:
    return {key: fonts[key] for key in fonts}


FONTS = st.builds(taught, LESSONS, GAPS)


@UNHURRIED
@given(FONTS, FONTS)
def test_two_fonts_say_the_same_whichever_is_merged_into_the_other(one: Fonts, other: Fonts) -> None:
    assert told(one.merged(other)) == told(other.merged(one))


@UNHURRIED
@given(FONTS, FONTS, FONTS)
def test_three_fonts_say_the_same_whichever_two_are_merged_first(one: Fonts, two: Fonts, three: Fonts) -> None:
    assert told(one.merged(two).merged(three)) == told(one.merged(two.merged(three)))


@UNHURRIED
@given(FONTS, FONTS)
def test_what_is_merged_twice_says_no_more_than_once(one: Fonts, other: Fonts) -> None:
    whole = one.merged(other)

    assert told(whole.merged(other)) == told(whole)
    assert told(whole.merged(whole)) == told(whole)


@UNHURRIED
@given(LESSONS, st.randoms(use_true_random=False))
def test_a_font_is_the_same_in_whatever_order_its_cells_are_read(lessons, chance) -> None:
    shuffled = list(lessons)
    chance.shuffle(shuffled)

    assert told(taught(shuffled)) == told(taught(lessons))


@UNHURRIED
@given(FONTS, FONTS)
def test_merging_leaves_what_is_merged_as_it_was(one: Fonts, other: Fonts) -> None:
    before = deepcopy(told(one)), deepcopy(told(other))
    one.merged(other)

    assert (told(one), told(other)) == before


def noise(number: int) -> Glyph:
    return Glyph(9, 16, np.packbits(np.unpackbits(np.array([number], ">u4").view(np.uint8), count=144)).tobytes())


@pytest.mark.parametrize("step", [1, 7, 1019])
def test_a_font_of_noise_keeps_the_same_glyphs_in_whatever_order_they_come(step: int) -> None:
    count = MOST_GLYPHS + 41  # no step divides it
    numbers = [number * step % count for number in range(count)]
    first, second, half = Font(), Font(), Font()
    for number in sorted(numbers):
        first.add(noise(number), "x", (seen("1.1"),))
    for number in numbers[:900]:
        half.add(noise(number), "x", (seen("1.1"),))
    for number in numbers[900:]:
        second.add(noise(number), "x", (seen("1.1"),))
    second.merge(half)

    assert len(first.glyphs) == MOST_GLYPHS
    assert second.glyphs == first.glyphs


def test_a_shape_larger_than_any_letters_teaches_nothing() -> None:
    font = Font()
    font.add(Glyph(9, 200, bytes(225)), "x", (seen("1.1"),))

    assert not font.glyphs


# How well a sign is attested.


def cells(*told: tuple[str, str]) -> frozenset[Confirmation]:
    return frozenset(seen(study, text) for study, text in told)


def test_three_proven_cells_of_one_study_make_a_glyph_young_and_no_more() -> None:
    its = cells(("1.1", "11.2"), ("1.1", "21.2"), ("1.1", "31.2"))

    assert is_young(its)
    assert not is_attested("1", its)
    assert not is_attested("H", its)


def test_three_cells_with_one_text_are_three_cells() -> None:
    """A word of a list says the same in each row."""
    font = Font()
    font.add(glyph_of("B"), "B", [seen("1.1", "Body", row) for row in range(3)])

    assert is_young(font.glyphs[glyph_of("B")]["B"])


def test_two_cells_make_no_glyph_young() -> None:
    assert not is_young(cells(("1.1", "11.2"), ("1.2", "21.2")))


@pytest.mark.parametrize("sign", ["1", ".", "1.", "B2"])
def test_digits_and_the_point_need_other_texts_in_each_study(sign: str) -> None:
    assert not is_attested(sign, cells(("1.1", "0.00"), ("1.2", "0.00"), ("1.3", "0.00")))
    assert not is_attested(sign, cells(("1.1", "0.00"), ("1.2", "0.00"), ("1.3", "1.00")))
    assert is_attested(sign, cells(("1.1", "0.00"), ("1.2", "1.00"), ("1.3", "2.00")))


def test_letters_need_three_studies_and_no_other_texts() -> None:
    assert is_attested("H", cells(("1.1", "Head"), ("1.2", "Head"), ("1.3", "Head")))
    assert not is_attested("H", cells(("1.1", "Head"), ("1.2", "Head"), ("1.2", "Halt")))


def test_one_page_kept_under_three_studies_is_no_three_studies() -> None:
    """Linked orders: a page that both engines misread would else register its digits at once."""
    page = [(study, text) for study in ("1.1", "1.2", "1.3") for text in ("11.2", "498.1", "120.1", "17.3")]

    assert not is_attested("1", cells(*page))
    assert is_attested("1", cells(*page, ("1.4", "21.5"), ("1.5", "31.5")))


def test_a_text_of_a_patient_is_no_text_of_a_digit() -> None:
    assert not is_attested("1", cells(("1.1", ""), ("1.2", "11.2"), ("1.3", "21.2")))


def test_a_sign_that_was_attested_stays_so_however_often_one_text_is_read() -> None:
    """Phantom measurements print the same dose for years: their studies do not crowd out the others."""
    font = Font()
    font.add(glyph_of("7"), "7", cells(("1.1", "71.2"), ("1.2", "17.3"), ("1.3", "7.05")))
    for number in range(200):
        font.add(glyph_of("7"), "7", cells((f"9.{number}", "17.95")))

    assert is_attested("7", font.glyphs[glyph_of("7")]["7"])
    assert len(font.glyphs[glyph_of("7")]["7"]) <= 25


@UNHURRIED
@given(st.lists(CONFIRMATIONS, min_size=3, unique=True))
def test_three_cells_stay_three_cells(its: list[Confirmation]) -> None:
    font = Font()
    for one in its:
        font.add(glyph_of("7"), "7", (one,))

    assert is_young(font.glyphs[glyph_of("7")]["7"])


def test_two_texts_that_a_person_stated_stay_enough_whatever_else_is_read() -> None:
    font = Font()
    stated = [replace(seen("5.1", text), by_person=True) for text in ("71.2", "17.3")]
    font.add(glyph_of("7"), "7", stated)
    for number in range(50):
        font.add(glyph_of("7"), "7", cells((f"9.{number}", "17.95"), ("5.1", f"7.{number}")))

    assert is_attested("7", font.glyphs[glyph_of("7")]["7"])
    assert not is_attested("7", frozenset(stated[:1]))


# Contradiction.


@pytest.mark.parametrize("signs", [("I", "l", "1", "i", "|"), ("O", "0", "o"), ("c", "C"), ("S",)])
def test_signs_that_look_alike_are_no_contradiction(signs: tuple[str, ...]) -> None:
    for pair in permutations(signs):
        assert not contradictory(pair)


@pytest.mark.parametrize("signs", [("3", "8"), ("1", "7"), ("0", "8"), ("S", "5"), ("B", "8"), ("1.", "1"), (".", ",")])
def test_other_signs_are_one(signs: tuple[str, ...]) -> None:
    assert contradictory(signs)


def test_a_glyph_shown_as_two_signs_is_withdrawn_also_where_its_lines_differ_in_height() -> None:
    """A line of low letters has another font: what one font proved with a glyph the other one may contradict."""
    fonts = Fonts()
    fonts.font(KEY).add(glyph_of("3"), "3", cells(("1.1", "3.0")))
    assert not fonts.withdrawn()

    fonts.font(FontKey(KEY.template, ACME, KEY.height + 1)).add(glyph_of("3"), "8", cells(("1.2", "8.0")))
    assert fonts.withdrawn() == {OwnGlyph(KEY.template, ACME, glyph_of("3")): {"3", "8"}}


@pytest.mark.parametrize(
    "other",
    [FontKey("acme/other", ACME, 9), FontKey("acme/dose", Console("ACME", "CT 1", "V2"), 9)],
    ids=["template", "software version"],
)
def test_another_consoles_letters_withdraw_none(other: FontKey) -> None:
    fonts = Fonts()
    fonts.font(KEY).add(glyph_of("3"), "3", cells(("1.1", "3.0")))
    fonts.font(other).add(glyph_of("3"), "8", cells(("1.2", "8.0")))

    assert not fonts.withdrawn()
