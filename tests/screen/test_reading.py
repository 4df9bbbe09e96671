"""Ink, words and the order in which readers are asked, without any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.report import Box, Witness, WitnessKind
from ocr_service.errors import EngineError
from ocr_service.screen import layout
from ocr_service.screen.readers import Crop, Question, Readers
from ocr_service.screen.words import canonical, repaired, with_drawn_points
from ocr_service.templates.schema import Cell, ValueType
from ocr_service.templates.wording import fold

DOSE = Cell(type=ValueType.DECIMAL, pattern=r"\d{1,3}\.\d{2}")
LETTER = Cell(type=ValueType.DECIMAL, pattern=r"(?P<value>\d{1,3}\.\d{2})(?P<phantom>[LS])", choices="phantoms")
PHANTOMS = {"head": ("S",), "body": ("L",)}


@dataclass
class Spoken:
    """A reader that says what it is told, in turn."""

    texts: list[str]
    asked: list[int] = field(default_factory=list)

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        self.asked.append(len(crops))
        return [self.texts.pop(0) for _ in crops]


class Broken:
    """A reader whose engine is gone."""

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        raise EngineError("the engine crashed")


def crop(seed: int = 1) -> Crop:
    return np.full((5, 5), seed, np.uint8)


def question(seed: int = 1) -> Question:
    return Question(crop(seed), lambda text: canonical(DOSE, {}, text))


VOTES = (("a",), ("b",), ("c",), ("d",), ("e",))


def test_a_phantom_letter_read_as_a_digit_is_no_witness() -> None:
    assert canonical(LETTER, PHANTOMS, "71.37S") == "71.37S"
    assert canonical(LETTER, PHANTOMS, "71.378") is None
    assert canonical(LETTER, PHANTOMS, "71.37") is None


def test_a_gap_after_the_point_is_not_part_of_the_number() -> None:
    assert canonical(DOSE, {}, "642. 15") == "642.15"


def test_a_comma_is_a_point_only_where_the_page_draws_one() -> None:
    assert with_drawn_points("44,1(Head)", 1) == "44.1(Head)"
    assert with_drawn_points("1,299", 0) == "1,299"
    assert with_drawn_points("1,299.5", 1) == "1,299.5"


def test_a_look_alike_repair_is_never_a_witness() -> None:
    assert canonical(DOSE, {}, "l2.5O") is None
    assert repaired(DOSE, "l2.5O") == "12.50"


def test_headings_are_the_same_word_whatever_the_engine_makes_of_their_letters() -> None:
    assert fold("CTDlvol") == fold("CTDIvol") == fold("CTD1vol")
    assert fold("CTDIw") != fold("CTDIvol")


@given(text=st.text("0123456789.", min_size=1, max_size=8))
def test_repair_never_changes_a_digit(text: str) -> None:
    assert repaired(DOSE, text) in (None, text)


def test_engines_that_agree_at_first_asking_are_asked_once() -> None:
    tesseract = Spoken(["12.34"])
    answer = Readers(Spoken(["12.34"]), tesseract, VOTES).ask([question()])[0]

    assert answer.witnesses == (Witness(WitnessKind.PPOCR, "12.34"), Witness(WitnessKind.TESSERACT, "12.34"))
    assert tesseract.asked == [1]


def test_tesseract_that_differs_speaks_by_a_vote_with_a_clear_winner() -> None:
    answer = Readers(Spoken(["84.81"]), Spoken(["64.81", "84.81", "84.81", "64.81", "x"]), VOTES).ask([question()])[0]
    assert answer.witnesses == (Witness(WitnessKind.PPOCR, "84.81"),)

    answer = Readers(Spoken(["84.81"]), Spoken(["64.81", "84.81", "84.81", "84.81", "x"]), VOTES).ask([question()])[0]
    assert Witness(WitnessKind.TESSERACT, "84.81") in answer.witnesses


def small() -> Question:
    return Question(crop(), lambda text: canonical(DOSE, {}, text), small=True)


def test_small_letters_are_steady_only_where_every_preparation_reads_them_alike() -> None:
    said = ["21.89"] * 5
    assert Readers(Spoken(["21.89", "21.89"]), Spoken(list(said)), VOTES).ask([small()])[0].steady

    assert not Readers(Spoken(["21.89", "21.69"]), Spoken(list(said)), VOTES).ask([small()])[0].steady
    said[3] = "21.69"
    assert not Readers(Spoken(["21.89", "21.89"]), Spoken(list(said)), VOTES).ask([small()])[0].steady


def test_equal_pixels_are_read_once() -> None:
    ppocr = Spoken(["12.34"])
    Readers(ppocr, Spoken(["12.34"]), VOTES).ask([question(), question()])

    assert ppocr.asked == [1]


def test_a_crashed_engine_abstains_and_is_named() -> None:
    readers = Readers(Broken(), Spoken(["12.34"] * 5), VOTES)

    assert readers.ask([question()])[0].witnesses == (Witness(WitnessKind.TESSERACT, "12.34"),)
    assert readers.take_faults() == ["ppocr gave no answer: the engine crashed"]
    assert readers.take_faults() == []


def test_rules_and_frames_are_no_letters() -> None:
    page = np.zeros((60, 200), np.uint8)
    page[10:12, 5:195] = 255
    page[30:40, 20:26] = 255

    ink = layout.find_ink(page)
    assert (ink.shapes, len(ink.rules)) == ((Box(20, 30, 26, 40),), 1)


def test_a_point_is_counted_on_the_page_and_a_dash_needs_no_reader() -> None:
    page = np.zeros((40, 60), np.uint8)
    page[10:20, 5:10] = 255
    page[18:20, 12:14] = 255
    page[10:20, 16:21] = 255
    page[15:17, 40:48] = 255
    ink = layout.find_ink(page)
    number, dash = layout.words(ink.shapes)

    assert layout.points(number, ink.mask) == 1
    assert layout.is_dash(dash, ink.mask)
    assert not layout.is_dash(number, ink.mask)


@given(
    lefts=st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True),
    gap=st.integers(1, 30),
)
def test_cutting_a_line_loses_no_shape(lefts: list[int], gap: int) -> None:
    shapes = [Box(left, 10, left + 5, 20) for left in lefts]
    found = [shape for run in layout.runs(shapes, gap) for shape in run.shapes]

    assert sorted(found) == sorted(shapes)


BOXES = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    st.integers(0, 300), st.integers(0, 60), st.integers(1, 12), st.integers(1, 14),
)  # fmt: skip


@given(shapes=st.lists(BOXES, max_size=30, unique=True))
def test_each_shape_of_a_page_stands_on_one_line(shapes: list[Box]) -> None:
    """Marks that are given to a line of letters (accents, dots) take nothing of it along."""
    assert sorted(shape for line in layout.rows(shapes) for shape in line) == sorted(shapes)


def test_a_line_of_low_letters_that_a_mark_joins_is_there_once() -> None:
    """The mark is looked at before the line: its first shape is the taller one."""
    mark, low = Box(0, 20, 4, 24), [Box(10, 26, 14, 29), Box(20, 27, 24, 30), Box(30, 28, 34, 31), Box(40, 29, 44, 32)]

    lines = layout.rows([Box(0, 0, 6, 12), mark, *low])
    assert sorted(shape for line in lines for shape in line) == sorted([Box(0, 0, 6, 12), mark, *low])


def test_what_stands_on_no_ground_is_as_it_was_and_a_bar_behind_letters_is_taken_away() -> None:
    page = np.zeros((120, 200), np.uint8)
    page[10:20, 5:10] = 200
    page[50:90, :] = 100
    page[60:70, 5:10] = 200

    flat = layout.flat(page)
    assert np.array_equal(flat[:50], page[:50])
    assert set(flat[50:90, 20:].ravel()) == {0}
    assert set(flat[60:70, 5:10].ravel()) == {200}


def test_the_ink_of_a_page_is_the_same_wherever_the_page_is_dark() -> None:
    """Rules at the page's edge too: what is dark around the ink is not looked at."""
    page = np.zeros((64, 160), np.uint8)
    page[20:30, 11:16], page[40:42, 0:60], page[29:31, 100:103] = 255, 255, 40
    wide = np.pad(page, ((10, 6), (0, 20)))

    ink, moved = layout.find_ink(page), layout.find_ink(wide)
    assert np.array_equal(moved.mask[10:74, :160], ink.mask)
    for boxes, others in ((ink.shapes, moved.shapes), (ink.rules, moved.rules), (ink.dim, moved.dim)):
        assert [Box(b.left, b.top + 10, b.right, b.bottom + 10) for b in boxes] == list(others)
