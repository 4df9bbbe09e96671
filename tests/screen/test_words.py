"""What a text can mean: fixed words, phantoms beside numbers, and what stands beside a value."""

from __future__ import annotations

from ocr_service.screen.words import canonical, concept_of, meaning
from ocr_service.templates.schema import Cell, ValueType
from ocr_service.templates.wording import fold

DOSE = Cell(
    type=ValueType.DECIMAL, pattern=r"(?P<value>\d{1,4}\.\d)(?:\((?P<phantom>(?i:head|body))\))?", choices="phantoms"
)
TOTAL = Cell(type=ValueType.DECIMAL, pattern=r"(?P<beside>TotalmAs\d{1,6})?TotalDLP(?P<value>\d{1,5})|TotalmAs\d{1,6}")
MARKED = Cell(type=ValueType.DECIMAL, pattern=r"(?P<value>\d{1,3}\.\d{2})(?P<phantom>\([ab]\))", choices="phantoms")
PHANTOMS = {"head": ("Head",), "body": ("Body",)}
MARKS = {"head": ("(b)",), "body": ("(a)",)}


def test_accents_and_wide_signs_make_no_other_word():
    assert fold("Hélicoïdal") == fold("Hélicoidal") == fold("Helicoidal")
    assert fold("\uff03") == fold("#")
    assert fold("Tête 16") != fold("Tête 10")


def test_expected_and_effective_headings_are_other_words():
    assert len({fold(word) for word in ("CTDIvol", "CTDIvol.e", "Eff.CTDIvol", "CTDIair", "CTDIw")}) == 5
    assert len({fold(word) for word in ("DLP", "DLP.e", "Eff.DLP", "DLPair")}) == 4


def test_a_phantom_beside_a_number_has_one_spelling():
    assert canonical(DOSE, PHANTOMS, "25.4 (BODY)") == canonical(DOSE, PHANTOMS, "25.4(body)") == "25.4(Body)"
    assert canonical(DOSE, PHANTOMS, "25.4") == "25.4"
    assert canonical(DOSE, PHANTOMS, "25.4(8ody)") is None


def test_a_mark_in_brackets_means_what_the_footer_says():
    text = canonical(MARKED, MARKS, "13.76(a)")
    assert text is not None
    assert meaning(MARKED, MARKS, text).concept == "body"
    assert concept_of(MARKS, "(b)") == "head"


def test_what_stands_beside_a_value_is_no_part_of_it():
    for read in ("Total mAs 861 Total DLP 106", "Total mAs 661 Total DLP 106", "Total DLP 106"):
        assert canonical(TOTAL, {}, read) == "TotalDLP106"
    assert meaning(TOTAL, {}, "TotalDLP106").value == "106"


def test_a_page_that_prints_only_the_other_value_states_no_total():
    assert canonical(TOTAL, {}, "Total mAs 861") == "TotalmAs861"
