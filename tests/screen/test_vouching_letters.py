"""What letters say of the cells that others show, and that they are no way to a wrong number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.proof import ENGINES
from ocr_service.dose.report import Box, PageRef, Witness, WitnessKind
from ocr_service.screen.fonts import Fonts
from ocr_service.screen.lessons import letters_told, taught, vouched
from ocr_service.screen.lettering import lettering
from ocr_service.screen.readings import CellReading
from tests.screen.lettered import ACME, KEY, UNHURRIED, fonts_of, glyph_of, teach, young_fonts
from tests.screen.lettered_pages import (
    LETTERS,
    LOOSE,
    PPOCR,
    TESSERACT,
    TEXT,
    both,
    cell,
    heard,
    learned,
    page,
    school,
)

# What letters say of other cells.


def test_a_number_that_only_one_engine_could_read_is_proven_by_young_letters() -> None:
    (read,) = heard(young_fonts("17.2"), cell("27.1", "27.1"))

    assert read.proven
    assert read.text == "27.1"
    assert Witness(LETTERS, "27.1") in read.evidence.witnesses


def test_a_pages_own_proven_cells_are_enough() -> None:
    proven = [both("17.2"), both("72.1"), both("27.1")]
    *_, read = heard(Fonts(), *proven, cell("11.7", "11.7"))

    assert read.proven


def test_two_proven_cells_are_not() -> None:
    *_, read = heard(Fonts(), both("17.2"), both("72.1"), cell("11.7", "11.7"))

    assert not read.proven


def test_young_letters_alone_prove_nothing() -> None:
    (read,) = heard(young_fonts("17.2"), cell("27.1"))

    assert not read.proven


def test_registered_letters_prove_alone() -> None:
    (read,) = heard(fonts_of("17.2"), cell("27.1"))

    assert read.proven
    assert read.text == "27.1"


def test_letters_and_one_engine_outvote_the_other() -> None:
    (read,) = heard(young_fonts("17.2"), cell("27.1", "27.1", "21.1"))

    assert read.proven
    assert read.text == "27.1"


@pytest.mark.parametrize("beside", [(), (cell("8.8", "8.8"),)], ids=["all else proven", "another cell waits"])
@pytest.mark.parametrize("known", ["17.2", "1"], ids=["all letters known", "one letter known"])
def test_letters_that_contradict_both_engines_keep_them_from_proving(known: str, beside: Sequence[CellReading]) -> None:
    """Also on a page where nothing else is open, and where the cell's own wrong lesson speaks of the same glyph."""
    read, *_ = heard(young_fonts(known), cell("17.2", "77.2", "77.2"), *beside)

    assert not read.proven


@pytest.mark.parametrize("engine", [PPOCR, TESSERACT])
def test_an_engine_that_a_part_of_the_letters_contradicts_is_no_witness(engine: WitnessKind) -> None:
    said = {kind: "77.2" if kind is engine else "17.2" for kind in ENGINES}
    (read,) = heard(young_fonts("1"), cell("17.2", said[PPOCR], said[TESSERACT]))

    assert not read.proven
    assert {witness.text for witness in read.evidence.witnesses} == {"17.2"}


def test_a_contradicted_engine_is_no_witness_beside_arithmetic_either() -> None:
    (read,) = heard(young_fonts("1"), cell("17.2", "77.2", more=[Witness(WitnessKind.ARITHMETIC, "77.2")]))

    assert not read.proven


def test_a_wrong_lesson_of_a_page_does_not_hide_what_was_known_before() -> None:
    read = heard(young_fonts("1"), cell("17.2", "77.2", "77.2"), cell("11.2", "71.2", "71.2"), both("5.5"))

    assert [one.proven for one in read] == [False, False, True]


def test_a_withdrawn_glyph_helps_nobody() -> None:
    fonts = young_fonts("17.2")
    teach(fonts.font(KEY), "87.2", "1.4", shown="17.2")
    (read,) = heard(fonts, cell("27.1", "27.1"))

    assert not read.proven


def test_letters_say_nothing_of_a_dash() -> None:
    drawn = cell("17.2", drawn=True)

    assert heard(fonts_of("17.2"), drawn) == [
        replace(drawn, evidence=replace(drawn.evidence, page=PageRef("1.1.9"), box=Box(0, 0, 90, 9)))
    ]


# No way to a wrong number.

DIGIT = st.sampled_from("0123456789")
NUMBERS = st.from_regex(r"[1-9][0-9]{0,2}\.[0-9]{1,2}", fullmatch=True)
CELLS = st.lists(st.tuples(NUMBERS, st.booleans(), st.booleans()), min_size=1, max_size=6)
PAGES = st.lists(CELLS, min_size=1, max_size=5)
STUDIES = ("1.1", "1.2", "1.3", "1.4", "1.5")


def archive(pages: Sequence[Sequence[CellReading]]) -> list[CellReading]:
    """All cells of several studies, read one after the other and a last time with all that was learned."""
    fonts, units = Fonts(), []
    for study, cells in zip(STUDIES, pages, strict=False):
        unit = [(school(study), page(*cells, study=study))]
        units.append(unit)
        told = vouched(unit, fonts)
        fonts.merge(letters_told([(school(study), one) for one in told], []).fonts)
    return [one for unit in units for told in vouched(unit, fonts) for row in told.rows for one in row.cells.values()]


def truths(pages) -> list[str]:
    return [text for cells in pages[: len(STUDIES)] for text, _, _ in cells]


@UNHURRIED
@given(PAGES, DIGIT, DIGIT, st.booleans())
def test_no_consistent_digit_swap_of_an_engine_is_ever_proven(pages, one: str, other: str, whole: bool) -> None:
    """One engine takes two digits for each other, always; the other one reads what it can."""
    swap = str.maketrans(one + other, other + one) if whole else str.maketrans(one, other)
    cells = [
        [
            cell(text, text.translate(swap) if first else None, text if second else None, spec=LOOSE)
            for text, first, second in page_
        ]
        for page_ in pages
    ]

    for read, truth in zip(archive(cells), truths(pages), strict=True):
        assert not read.proven or read.text == truth


@UNHURRIED
@given(PAGES)
def test_no_dropped_point_is_ever_proven(pages) -> None:
    """One engine never sees a point, in columns where a number without it would fit too."""
    cells = [
        [
            cell(text, text.replace(".", "") if first else None, text if second else None, spec=LOOSE)
            for text, first, second in page_
        ]
        for page_ in pages
    ]

    for read, truth in zip(archive(cells), truths(pages), strict=True):
        assert not read.proven or read.text == truth


@UNHURRIED
@given(PAGES, st.sampled_from([PPOCR, TESSERACT, LETTERS, WitnessKind.ARITHMETIC]))
def test_no_set_of_witnesses_of_one_kind_is_ever_proven(pages, kind: WitnessKind) -> None:
    cells = [
        [cell(text, spec=LOOSE, more=[Witness(kind, text)] * (1 + first)) for text, first, _ in page_]
        for page_ in pages
    ]

    assert not any(read.proven for read in archive(cells))


@UNHURRIED
@given(PAGES, st.data())
def test_a_number_that_both_engines_misread_once_is_never_spread(pages, data: st.DataObject) -> None:
    """One cell of all is agreed and wrong: no other cell becomes wrong by its lesson."""
    flat = [(p, c) for p, cells in enumerate(pages[: len(STUDIES)]) for c in range(len(cells))]
    wrong = data.draw(st.sampled_from(flat))
    one, other = data.draw(DIGIT), data.draw(DIGIT)

    def read(place: tuple[int, int], text: str, first: bool, second: bool) -> CellReading:
        if place == wrong:
            said = text.replace(one, other)
            return cell(text, said, said, spec=LOOSE)
        return cell(text, text if first else None, text if second else None, spec=LOOSE)

    cells = [[read((p, c), *told) for c, told in enumerate(page_)] for p, page_ in enumerate(pages)]
    for place, got, truth in zip(flat, archive(cells), truths(pages), strict=True):
        assert place == wrong or not got.proven or got.text == truth


@UNHURRIED
@given(PAGES, DIGIT, DIGIT)
def test_what_was_swapped_under_a_registered_font_is_never_learned_as_the_other(pages, one: str, other: str) -> None:
    """The console's letters were registered; then it draws two of them for each other, and the engines read that."""
    swap = str.maketrans(one + other, other + one)
    fonts = fonts_of(*(f"{digit}.{digit}" for digit in "0123456789"))
    for study, cells in zip(("2.1", "2.2", "2.3", "2.4", "2.5"), pages, strict=False):
        read = [cell(text.translate(swap), text, text, spec=LOOSE) for text, _, _ in cells]
        fonts.merge(taught([(school(study), page(*read, study=study))]))
    its = lettering(fonts, KEY.template, ACME)

    for sign in "0123456789":
        known = its.known(glyph_of(sign))
        assert known is not None
        assert not known.registered or known.registered == {sign}


def test_blanks_that_an_engine_sees_and_letters_do_not_know_are_no_contradiction() -> None:
    """An identifier's label ends in a blank as wide as a gap elsewhere: letters cannot tell it."""
    fonts = learned(both("27.1"), both("72.1"), both("227.1"))
    (told,) = heard(fonts, cell("27 72", "27 72", "27 72", TEXT))
    (torn,) = heard(fonts, cell("2772", "27 72", "27 72", TEXT))

    for one in (told, torn):
        assert one.proven
        assert {witness.text for witness in one.evidence.witnesses} == {"27 72"}
