"""What pages teach of their console's letters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ocr_service.dose.proof import ENGINES
from ocr_service.dose.report import Box, Evidence, PageRef, Witness, WitnessKind
from ocr_service.screen.fonts import Console, OwnGlyph
from ocr_service.screen.lessons import LettersTold, letters_told, taught
from ocr_service.screen.readings import CellReading, FixedWords, PageReading, RowReading
from ocr_service.templates.schema import Cell
from tests.screen.lettered import ACME, KEY, drawn, glyph_of, letters
from tests.screen.lettered_pages import (
    CHOICE,
    LETTERS,
    LOOSE,
    NUMBER,
    PPOCR,
    PRIVATE,
    TESSERACT,
    TEXT,
    both,
    cell,
    learned,
    page,
    school,
    shown,
)

# Who teaches.


def test_a_cell_on_which_both_engines_agree_teaches_its_letters() -> None:
    fonts = learned(both("17.2"))

    assert [shown(fonts, sign) for sign in "17.2"] == [{"1"}, {"7"}, {"."}, {"2"}]


@pytest.mark.parametrize(
    "reading",
    [
        cell("17.2", "17.2"),
        cell("17.2", None, "17.2"),
        cell("17.2", "17.2", "77.2"),
        cell("17.2", "17.2", "17.2", broken_crop="ink crosses the column's edge"),
        cell("17.2", "17.2", "17.2", unsteady=True),
        cell("17.2", "17.2", "17.2", spec=TEXT, unsteady=True),
        cell("17.2", "17.2", "17.2", drawn=True),
        cell("17.2"),
    ],
    ids=["PP-OCR alone", "Tesseract alone", "differ", "broken crop", "unsteady", "unsteady text", "drawn", "nobody"],
)
def test_what_is_not_proven_teaches_nothing(reading: CellReading) -> None:
    assert shown(learned(reading), "7") == set()


@pytest.mark.parametrize("kind", [WitnessKind.REGISTERED_FONT, LETTERS])
@pytest.mark.parametrize("engine", [PPOCR, TESSERACT, None])
def test_a_font_never_proves_itself(kind: WitnessKind, engine: WitnessKind | None) -> None:
    """A cell that was proven with the help of letters teaches nothing."""
    helped = [Witness(kind, "17.2"), *([Witness(engine, "17.2")] if engine else [])]
    read = cell("17.2", more=helped)

    assert read.proven or kind is LETTERS
    assert shown(learned(read), "7") == set()


@pytest.mark.parametrize("kind", [WitnessKind.ARITHMETIC, WitnessKind.CONSOLE_TEXT, WitnessKind.IMAGES])
def test_an_engine_and_a_witness_of_another_kind_teach(kind: WitnessKind) -> None:
    assert shown(learned(cell("17.2", "17.2", more=[Witness(kind, "17.2")])), "7") == {"7"}


def test_what_letters_contradict_teaches_nothing_else() -> None:
    """Both engines read 77.2, the letters say 17.2: nobody knows, and the font learns no 7 from it."""
    read = cell("17.2", "77.2", "77.2", more=[Witness(LETTERS, "17.2")])

    assert not read.proven
    assert shown(learned(read), "1") == set()


def test_a_cell_that_other_values_proved_later_teaches_too() -> None:
    before = cell("17.2", "17.2")
    since = cell("17.2", "17.2", more=[Witness(WitnessKind.ARITHMETIC, "17.2")])
    told = taught([(school(), page(before))], [since])

    assert shown(told, "7") == {"7"}


def test_a_page_that_was_compressed_with_loss_teaches_nothing() -> None:
    told = letters_told([(school(is_exact=False), page(both("17.2")))], [])

    assert not told.fonts


def test_lessons_are_of_the_template_the_console_and_the_height_of_the_line() -> None:
    assert list(learned(both("17.2"))) == [KEY]
    other = Console("ACME", "CT 1", "V2")
    assert list(taught([(school(console=other), page(both("17.2")))])) == [replace(KEY, console=other)]


def test_both_engines_signs_teach_where_they_differ_in_blanks_alone() -> None:
    fonts = learned(cell("Head 1.0", "Head 1.0", "Head1.0", spec=TEXT))

    assert shown(fonts, "H") == {"H"}
    assert shown(learned(cell("Head", "Head", "Heat", spec=TEXT)), "H") == set()


def test_a_word_of_a_list_teaches_the_case_that_is_printed() -> None:
    word = cell("body", "Body", "Body", spec=CHOICE)
    printed = replace(word, evidence=replace(word.evidence, seen=(("ppocr", "body"), ("tesseract", "body"))))

    assert shown(learned(printed), "b") == {"b"}


def test_marks_of_a_word_that_the_engines_spell_differently_are_not_learned() -> None:
    saw = (("ppocr", "DLP(mGy)"), ("tesseract", "DLP[mGy]"))
    evidence = Evidence(seen=saw, witnesses=tuple(Witness(kind, "DLP mGy") for kind in (PPOCR, TESSERACT)))
    words = FixedWords(("DLP mGy",), Box(0, 0, 9, 9), evidence, True, letters("DLP(mGy)"))
    fonts = taught([(school(), page(anchors={"dlp": words}))])

    assert shown(fonts, "D") == {"D"}
    assert shown(fonts, "(") == set()


def test_text_beside_the_value_is_never_taken_for_a_part_of_it() -> None:
    """The canonical text leaves it out; where two digits touch there are as many glyphs as signs, all the same."""
    spec = {**NUMBER, "pattern": r"(?P<beside>L)?\d{1,4}\.\d{1,2}"}

    def of(printed: str, *saw: str) -> CellReading:
        word = cell(printed, "21.2", "21.2", spec=spec)
        seen = tuple(zip(("ppocr", "tesseract"), saw, strict=True))
        return replace(word, evidence=replace(word.evidence, seen=seen))

    assert shown(learned(of("L21.2", "L21.2", "L21.2")), "L") == {"L"}
    assert shown(learned(of("L1.2", "L21.2", "L21.2")), "L") == set()
    assert shown(learned(of("L1.2", "L21.2", "21.2")), "L") == set()


def test_anchors_that_both_engines_read_teach_and_those_of_one_are_only_told() -> None:
    def anchor(*kinds: WitnessKind) -> FixedWords:
        evidence = Evidence(
            seen=tuple((kind.value, "Total") for kind in kinds),
            witnesses=tuple(Witness(kind, "Total") for kind in kinds),
        )
        return FixedWords(("Total",), Box(0, 0, 9, 9), evidence, len(kinds) > 1, letters("Total"))

    proven = taught([(school(), page(anchors={"total": anchor(*ENGINES)}))])
    assert shown(proven, "T") == {"T"}
    told = taught([(school(), page(anchors={"total": anchor(PPOCR)}))])
    assert shown(told, "T") == set()
    assert glyph_of("T") in told[KEY].told


def test_touching_letters_are_cut_by_what_the_single_ones_are() -> None:
    wide = letters("4")
    bitmap = glyph_of("9").bitmap
    joined = drawn(np.hstack((bitmap, glyph_of("8").bitmap)))
    touching = replace(both("982"), letters=replace(wide, glyphs=(joined, glyph_of("2")), gaps=(0, 2)))
    loose = Cell.model_validate(LOOSE)
    fonts = learned(replace(touching, cell=loose), replace(both("2.2"), cell=loose))

    assert set(fonts[KEY].glyphs[joined]) == {"98"}


# What is kept of a page.


def test_nothing_is_kept_of_an_identifiers_text_but_its_letters() -> None:
    """Not even a digest: a number of seven digits is found again by trying all of them."""
    told = letters_told([(school(), page(both("4711", spec=PRIVATE), both("17.2")))], [])
    fonts = told.fonts
    texts = {one.text for glyph in ("4", "7", "1") for one in fonts[KEY].glyphs[glyph_of(glyph)][glyph]}

    assert "" in texts
    assert {one.text for one in fonts[KEY].glyphs[glyph_of("4")]["4"]} == {""}
    assert all(one.text for one in told.cells.values())
    assert "4711" not in {one.text for one in told.cells.values()}


def test_what_rests_on_registered_letters_is_told_by_console_and_glyph() -> None:
    read = cell("17.2", more=[Witness(WitnessKind.REGISTERED_FONT, "17.2")])
    told = letters_told([(school(), page(read, both("3.5")))], [])

    assert told.trusted == {OwnGlyph(KEY.template, ACME, glyph_of(sign)) for sign in "17.2"}


def test_what_young_letters_helped_to_prove_is_told_too() -> None:
    helped = cell("17.2", "17.2", more=[Witness(LETTERS, "17.2")])
    anyhow = both("35.8", more=[Witness(LETTERS, "35.8")])
    unproven = cell("6.4", more=[Witness(LETTERS, "6.4")])
    told = letters_told([(school(), page(helped, anyhow, unproven))], [])

    assert told.leant == {OwnGlyph(KEY.template, ACME, glyph_of(sign)) for sign in "17.2"}
    assert told.trusted == frozenset()


@pytest.mark.parametrize(("reading", "waits"), [(both("17.2"), False), (cell("17.2", "17.2"), True)])
def test_a_page_waits_while_something_printed_is_not_proven(reading: CellReading, waits: bool) -> None:
    assert letters_told([(school(), page(reading))], []).waiting is waits
    assert LettersTold().waiting is False


def test_a_page_that_is_saved_again_confirms_nothing_twice() -> None:
    once = taught([(school(), page(both("7.1")))])
    saved = replace(page(both("7.1")), page=PageRef("1.1.10"))
    again = taught([(school(), page(both("7.1"))), (school(), moved(saved, PageRef("1.1.10")))])

    assert {key: again[key] for key in again} == {key: once[key] for key in once}


def moved(its: PageReading, to: PageRef) -> PageReading:
    rows = tuple(
        RowReading({q: replace(one, evidence=replace(one.evidence, page=to)) for q, one in row.cells.items()})
        for row in its.rows
    )
    return replace(its, rows=rows)


def test_the_glyphs_of_one_text_share_no_digest_that_tells_which_signs_stood_together() -> None:
    fonts = taught([(school(), page(both("27.1")))])
    cells = [
        one.cell for key in fonts for signs in fonts[key].glyphs.values() for seen in signs.values() for one in seen
    ]

    assert len(cells) == len(set(cells)) == 4
