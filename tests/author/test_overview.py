"""Many screens at once: how they end, which words are missing, and why some wait for a person."""

from __future__ import annotations

from ocr_service.author.drawing import pictures_of
from ocr_service.author.overview import overview
from ocr_service.author.reading import look
from ocr_service.screen.overlay import COLOURS, Mark
from tests.author.typed import HEADING, PAGE, ROWS, TEMPLATE, TOTAL, library, readers, screen

UNKNOWN = tuple((left, base, "Wobble" if text == "Axial" else text) for left, base, text in PAGE)
STRANGE = (*HEADING, *ROWS, (400, 230, "x7"), *TOTAL)


def test_screens_are_counted_by_their_ends(tmp_path):
    known = library(tmp_path)
    views = [look(screen(), known, readers()), look(screen(UNKNOWN), known, readers(UNKNOWN))]
    told = list(overview(views))

    assert told[0] == "screens: 2: 1 verified, 1 needs review; 18 dose values, 17 of them proven"


def test_a_word_that_no_list_holds_is_told_with_its_screens(tmp_path):
    known = library(tmp_path)
    told = list(overview([look(screen(words), known, readers(words)) for words in (PAGE, UNKNOWN, UNKNOWN)]))

    assert "  'Wobble' as a scan type (screens 2, 3)" in told


def test_each_reason_is_told_once_with_the_screens_that_wait_for_it(tmp_path):
    known = library(tmp_path)
    told = list(overview([look(screen(STRANGE), known, readers(STRANGE))] * 2))

    assert [line for line in told if line.startswith("  2 x ")] != []
    assert all("(screens 1, 2)" in line for line in told if line.startswith("  2 x "))


def test_where_every_screen_is_verified_nothing_more_is_said(tmp_path):
    assert len(list(overview([look(screen(), library(tmp_path), readers())]))) == 1


def colours(picture) -> set[tuple[int, ...]]:
    return {tuple(map(int, pixel)) for pixel in picture.reshape(-1, 3)}


def test_ink_that_nothing_explains_is_framed(tmp_path):
    known = library(tmp_path)
    plain, strange = (
        pictures_of(look(screen(words), known, readers(words)), known.templates, readers(words))[0]
        for words in (PAGE, STRANGE)
    )

    assert COLOURS[Mark.STRANGE] in colours(strange)
    assert COLOURS[Mark.STRANGE] not in colours(plain)


def test_a_page_that_is_not_read_shows_where_an_anchor_was_looked_for(tmp_path):
    known = library(tmp_path, TEMPLATE)
    without = tuple(word for word in PAGE if word[2] != "DLP")
    view = look(screen(without), known, readers(without))
    (picture,) = pictures_of(view, known.templates, readers(without))

    assert view.pages[0].page is None
    assert COLOURS[Mark.UNREAD] in colours(picture)
