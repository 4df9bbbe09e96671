"""Fonts as text: what is written can be read by people and is read back as it was; what is wrong has its line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ocr_service.errors import TemplateError
from ocr_service.screen.font_text import parsed, written
from ocr_service.screen.fonts import MOST_GLYPHS, Confirmation, Console, Font, FontKey, Fonts
from ocr_service.screen.glyphs import PLACES, Glyph
from tests.screen.lettered import ACME, KEY, STUDIES, UNHURRIED, drawn, fonts_of, glyph_of, letters, seen, young_fonts

TEMPLATE = KEY.template
HEX = st.text("0123456789abcdef", min_size=8, max_size=8)
CONFIRMATIONS = st.builds(Confirmation, HEX, HEX, HEX | st.just(""), st.booleans())
SIGNS = st.text(min_size=1, max_size=4).filter(lambda text: not any(letter.isspace() for letter in text))
CONSOLES = st.builds(Console, st.text(max_size=80), st.text(max_size=80), st.text(max_size=300))
BITMAPS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
GLYPHS = st.builds(drawn, BITMAPS, st.sampled_from(["", *PLACES]))
LESSONS = st.lists(
    st.tuples(
        st.builds(FontKey, st.just(TEMPLATE), CONSOLES, st.integers(0, 999)),
        GLYPHS,
        SIGNS,
        st.lists(CONFIRMATIONS, min_size=1, max_size=4),
        st.booleans(),
        st.integers(0, 999),
    ),
    max_size=6,
)


def taught(lessons) -> Fonts:
    fonts = Fonts()
    for key, glyph, sign, cells, told, gap in lessons:
        fonts.font(key).add(glyph, sign, cells, told=told)
        fonts.font(key).space(gap, blank=told)
    return fonts


def told(fonts: Fonts) -> dict[FontKey, Font]:
    return {key: fonts[key] for key in fonts}


def read(text: str) -> Fonts:
    return parsed(text, TEMPLATE, "acme/dose.font")


def refused(text: str, problem: str) -> TemplateError:
    with pytest.raises(TemplateError, match=problem) as error:
        read(text)
    return error.value


@UNHURRIED
@given(LESSONS)
def test_a_font_is_read_as_it_was_written(lessons) -> None:
    """Whatever a header may say of a console, and whatever an engine may take letters for."""
    fonts = taught(lessons)

    assert told(read(written(fonts, TEMPLATE))) == told(fonts)


@UNHURRIED
@given(LESSONS)
def test_a_font_is_written_the_same_in_whatever_order_it_was_learned(lessons) -> None:
    assert written(taught(lessons), TEMPLATE) == written(taught(lessons[::-1]), TEMPLATE)


def test_letters_are_drawn_as_people_see_them() -> None:
    text = written(fonts_of("7"), TEMPLATE)

    assert '\nglyph registered\nis "7" ' in text
    assert "\n##.##\n#####\n#####\n" in text
    assert 'model: "CT 1"' in text
    assert "\n\n\n" not in text


def test_each_glyph_says_how_far_it_is_believed() -> None:
    fonts = fonts_of("7", ".1")
    fonts.merge(young_fonts("8"))
    fonts.font(KEY).add(glyph_of("4"), "4", [seen("1.1", "4.0")])
    fonts.font(KEY).add(glyph_of("T"), "T", [seen("1.1")], told=True)
    fonts.font(KEY).add(glyph_of("1"), "7", [seen("1.1", "7.0")])
    lines = [line.split() for line in written(fonts, TEMPLATE).splitlines()]

    standings = [line[1] for line in lines if line[:1] == ["glyph"]]
    assert sorted(standings) == ["new", "registered", "registered", "told", "withdrawn", "young"]
    assert ["glyph", "registered", "low"] in lines


def test_only_the_fonts_of_the_template_are_written() -> None:
    fonts = fonts_of("7")
    fonts.merge(fonts_of("8", key=FontKey("acme/other", ACME, 9)))

    assert list(read(written(fonts, TEMPLATE))) == [KEY]


def test_a_glyph_that_a_person_deletes_is_forgotten() -> None:
    text = written(fonts_of("71"), TEMPLATE)

    assert len(read(text)[KEY].glyphs) == 2
    assert set(read(text[: text.rindex("\nglyph")])[KEY].glyphs) < set(read(text)[KEY].glyphs)


def test_a_full_font_with_more_glyphs_that_were_only_told_is_read_back() -> None:
    font = Font()
    for number in range(2 * MOST_GLYPHS):
        bits = np.unpackbits(np.array([number], ">u4").view(np.uint8), count=36)
        font.add(Glyph(4, 9, np.packbits(bits).tobytes()), "x", [seen("1.1")], told=number % 2 == 1)
    fonts = Fonts({KEY: font})

    assert len(font.glyphs) == len(font.told) == MOST_GLYPHS
    assert told(read(written(fonts, TEMPLATE))) == told(fonts)


def test_no_line_tells_a_text() -> None:
    """Studies, texts and cells are digests; signs stand for themselves."""
    text = written(fonts_of("4711.2", "Helical"), TEMPLATE)

    assert not [word for word in ("4711", "Helical", *STUDIES) if word in text]


def read_or_refused(text: str) -> tuple[Fonts, str]:
    """What a text says, or why it says nothing."""
    try:
        return read(text), ""
    except TemplateError as error:
        return Fonts(), str(error)


# What is wrong is told with its line.

GOOD = """# a comment
font
manufacturer: "ACME"
model: "CT 1"
software: "V1"
height: 9
gaps: 2 7

glyph young
is "7" 00000000/11111111/22222222 00000001/11111111/-
###
..#
..#
"""


def test_the_example_of_these_tests_is_read() -> None:
    assert len(read(GOOD)[KEY].glyphs) == 1


@pytest.mark.parametrize(
    ("there", "instead", "line", "problem"),
    [
        ("font\n", "fount\n", 2, "a block begins with"),
        ("glyph young", "glyph ancient", 9, "after `glyph` stand"),
        ("glyph young", "letter", 9, "a block begins with"),
        ('software: "V1"\n', "", 2, "a line for each of"),
        ('software: "V1"', 'software: "V1"\nsoftware: "V2"', 6, "once"),
        ('software: "V1"', 'release: "V1"', 5, "a line for each of"),
        ('software: "V1"', "software: V1", 2, "between quotes"),
        ('software: "V1"', f'software: "{"V" * 5000}"', 2, "at most"),
        ('software: "V1"', f"software: {'[' * 100_000}", 2, "between quotes"),
        ('software: "V1"', f"software: {'9' * 100_000}", 2, "between quotes"),
        ("height: 9", "height: -9", 2, "height is a number"),
        ("height: 9", "height: " + "9" * 5000, 2, "height is a number"),
        ("gaps: 2 7", "gaps: 2", 2, "gaps are two"),
        ("..#\n..#", "..#\n..", 9, "of one length"),
        ("###\n..#\n..#\n", "", 9, "is drawn in"),
        ("###\n..#\n..#\n", "###\n" * 97, 9, "is drawn in"),
        ("###\n..#\n..#\n", f"{'#' * 97}\n", 9, "is drawn in"),
        ("###", "#x#", 11, "write: is"),
        ('is "7" ', 'was "7" ', 10, "write: is"),
        ('is "7" ', "is 7 ", 10, "write: is"),
        ('is "7" ', 'is "" ', 10, "a sign is one letter"),
        ('is "7" ', 'is "7 8" ', 10, "a sign is one letter"),
        ('is "7" ', 'is "\\x" ', 10, "between quotes"),
        ("00000000/", "0000000g/", 10, "three digests"),
        ("/22222222", "", 10, "three digests"),
        ("00000000/11111111/22222222 00000001/11111111/-", "", 10, "write: is"),
        ('is "7" 00000000/11111111/22222222 00000001/11111111/-\n', "", 9, "at least one sign"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(there: str, instead: str, line: int, problem: str) -> None:
    assert there in GOOD
    said = str(refused(GOOD.replace(there, instead, 1), problem))

    assert said.startswith(f"acme/dose.font:{line}:")
    assert len(said) < 300


def test_a_glyph_without_a_font_is_refused() -> None:
    refused(GOOD[GOOD.index("glyph") :], "a block begins with")


def test_more_glyphs_than_any_font_has_are_refused() -> None:
    def row(number: int) -> str:
        return f"{number:020b}".replace("0", ".").replace("1", "#")

    head = GOOD[: GOOD.index("glyph")]
    blocks = (f'glyph new\nis "7" 00000000/11111111/-\n{row(number)}\n' for number in range(10**6 // 20))
    refused(head + "\n".join(blocks), "at most 2000 glyphs")


@UNHURRIED
@given(st.integers(0, len(GOOD)), st.text(max_size=3))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(place: int, put: str) -> None:
    for text in (GOOD[:place], GOOD[:place] + put + GOOD[place:], GOOD[:place] + GOOD[place + len(put) :]):
        fonts, said = read_or_refused(text)
        assert said.startswith("acme/dose.font:") or told(read(written(fonts, TEMPLATE))) == told(fonts)


@UNHURRIED
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    fonts, said = read_or_refused(text)

    assert not fonts
    assert not said or said.startswith("acme/dose.font:")


def test_what_typed_letters_look_like_in_a_file_is_what_the_page_shows() -> None:
    fonts = read(written(fonts_of("Dose"), TEMPLATE))

    assert set(letters("Dose").glyphs) == set(fonts[KEY].glyphs)
