"""What is drawn on a page: frames where things stand, and no letter covered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_service.dose.report import Box
from ocr_service.screen.overlay import BRIGHTEST_LETTER, COLOURS, FACTOR, Edge, Frame, Mark, drawn, frame_of, plain

LETTER = Box(60, 40, 90, 50)


def page(*letters: Box) -> np.ndarray:
    pixels = np.zeros((120, 300), np.uint8)
    for box in letters:
        pixels[box.top : box.bottom, box.left : box.right] = 255
    return pixels


def on_the_page(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return picture[: pixels.shape[0] * FACTOR, : pixels.shape[1] * FACTOR]


def border(picture: np.ndarray, box: Box) -> np.ndarray:
    """The four sides of a rectangle, one pixel wide, as a list of colours."""
    sides = (
        picture[box.top, box.left : box.right],
        picture[box.bottom - 1, box.left : box.right],
        picture[box.top : box.bottom, box.left],
        picture[box.top : box.bottom, box.right - 1],
    )
    return np.concatenate(sides)


@pytest.mark.parametrize("mark", [mark for mark in Mark if mark not in (Mark.AREA, Mark.COLUMN)])
def test_a_frame_in_the_colour_of_its_mark_stands_around_the_letters(mark):
    picture = drawn(page(LETTER), [Frame(LETTER, mark, "12.34")])

    assert (border(picture, frame_of(LETTER)) == COLOURS[mark]).all()
    inside = picture[LETTER.top * FACTOR : LETTER.bottom * FACTOR, LETTER.left * FACTOR : LETTER.right * FACTOR]
    assert (inside == BRIGHTEST_LETTER).all()


def test_every_mark_has_a_colour_of_its_own():
    assert len(set(COLOURS.values())) == len(Mark)


def test_the_text_is_written_near_its_frame_and_on_no_letter():
    pixels = page(LETTER)
    without = on_the_page(drawn(pixels, [Frame(LETTER, Mark.PROVEN)]), pixels)
    written = on_the_page(drawn(pixels, [Frame(LETTER, Mark.PROVEN, "12.34")]), pixels)
    ys, xs = np.nonzero((without != written).any(axis=2))

    assert len(xs) > 20
    around = frame_of(LETTER)
    assert around.left - 40 <= xs.min()
    assert xs.max() <= around.right + 60
    assert around.top - 30 <= ys.min()
    assert ys.max() <= around.bottom + 30


@given(
    places=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=40, unique=True),
    text=st.text("0123456789.SIl -", min_size=1, max_size=18),
)
@settings(deadline=None, max_examples=60)
def test_no_letter_of_a_crowded_page_is_covered(places, text):
    boxes = [Box(5 + 28 * column, 6 + 18 * row, 22 + 28 * column, 16 + 18 * row) for column, row in places]
    pixels = page(*boxes)
    picture = drawn(pixels, [Frame(box, Mark.PROVEN, text) for box in boxes], [Edge(3, 0, 120, "dlp")])
    letters = np.kron(pixels, np.ones((FACTOR, FACTOR), np.uint8)) > 0

    assert (on_the_page(picture, pixels)[letters] == BRIGHTEST_LETTER).all()


def test_a_text_without_room_goes_to_the_foot():
    pixels = np.full((60, 300), 255, np.uint8)
    pixels[:, ::2] = 0
    short = drawn(pixels, [Frame(Box(10, 10, 20, 20), Mark.PROVEN)])
    long = drawn(pixels, [Frame(Box(10, 10, 20, 20), Mark.PROVEN, "no room for this")])

    assert long.shape[0] > short.shape[0]


def test_the_edge_of_a_column_stands_at_its_place_and_over_its_height():
    picture = drawn(page(), [], [Edge(100, 20, 80)])
    coloured = np.flatnonzero((picture[: 120 * FACTOR, 100 * FACTOR] == COLOURS[Mark.COLUMN]).all(axis=1))

    assert coloured.min() == 20 * FACTOR
    assert 79 * FACTOR - 8 <= coloured.max() < 80 * FACTOR


def test_the_foot_grows_with_its_sentences():
    bare, told = drawn(page(), []), drawn(page(), [], (), ["one sentence", "another " * 60])

    assert told.shape[0] - bare.shape[0] > 4 * 20


def test_an_area_at_the_edge_of_the_page_is_drawn_on_the_page():
    picture = drawn(page(), [Frame(Box(0, 0, 300, 120), Mark.AREA)])

    assert (border(picture, Box(0, 0, 300 * FACTOR, 120 * FACTOR)) == COLOURS[Mark.AREA]).all()


def test_accents_are_written_as_plain_letters():
    assert plain("Hélicoïdal") == "Helicoidal"
    assert plain("線量 1") == ".. 1"
