"""One object, read cell by cell: what is printed, what is drawn, and why its template was chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ocr_service.author.drawing import best_of, picture_of, picture_of_template, template_foot
from ocr_service.author.explaining import explained
from ocr_service.author.reading import ObjectView, look, screens_of
from ocr_service.author.telling import cell_lines, counts, foot, name_of, page_title
from ocr_service.dose.quantities import Quantity
from ocr_service.screen.overlay import COLOURS, Mark, frame_of
from tests.author.typed import HEADING, PAGE, ROWS, TEMPLATE, box_of, library, readers, screen


def seen(folder: Path, blind: tuple[str, ...] = (), words=PAGE) -> ObjectView:
    return look(screen(words), library(folder), readers(words, blind))


def corners(picture: np.ndarray, word: tuple[int, int, str]) -> set[tuple[int, ...]]:
    box = frame_of(box_of(word))
    places = (
        (box.top, box.left),
        (box.top, box.right - 1),
        (box.bottom - 1, box.left),
        (box.bottom - 1, box.right - 1),
    )
    return {tuple(int(level) for level in picture[place]) for place in places}


def test_each_field_and_row_is_told_with_its_witnesses(tmp_path):
    view = seen(tmp_path)
    lines = list(cell_lines(view.pages[0]))

    assert name_of(view.ending.outcome) == "verified"
    assert [(line.where, line.quantity, line.text) for line in lines] == [
        ("page", "dlp_total", "1024"),
        ("row 1", "acquisition_type", "Spiral"),
        ("row 1", "mean_ctdivol", "12"),
        ("row 1", "dlp", "345"),
        ("row 1", "phantom", "Body"),
        ("row 2", "acquisition_type", "Axial"),
        ("row 2", "mean_ctdivol", "48"),
        ("row 2", "dlp", "679"),
        ("row 2", "phantom", "Head"),
    ]
    assert {line.vouched for line in lines} == {"ppocr, tesseract"}
    assert counts(view) == (9, 9)


def test_an_unproven_cell_says_why_and_what_was_seen(tmp_path):
    view = seen(tmp_path, blind=("48",))
    (line,) = [line for line in cell_lines(view.pages[0]) if line.is_open]

    assert (line.text, line.vouched) == ("48", "only ppocr vouches for it; tesseract saw ''")
    assert name_of(view.ending.outcome) == "needs review"


def test_what_arithmetic_proves_in_the_end_is_told_as_proven(tmp_path):
    view = seen(tmp_path, blind=("345",))
    (line,) = [line for line in cell_lines(view.pages[0]) if line.text == "345"]

    assert (line.proven, line.vouched) == ("yes", "ppocr, arithmetic")


def test_frames_lie_where_the_cells_lie_in_the_colour_of_what_is_known(tmp_path):
    view = seen(tmp_path, blind=("48",))
    picture = picture_of(view.pages[0], ())

    for word in PAGE:
        if word[2] in ("Dose Page", "Type", "Phantom"):
            continue  # fixed words that the template does not name
        anchor = word[2] in ("CTDIvol", "DLP", "mGy", "mGycm", "Total")
        mark = Mark.ANCHOR if anchor else Mark.UNPROVEN if word[2] == "48" else Mark.PROVEN
        assert corners(picture, word) == {COLOURS[mark]}, word


def test_a_page_that_no_template_reads_is_drawn_and_said_to_be_so(tmp_path):
    view = seen(tmp_path, words=((20, 30, "Dose Page"),))
    (page,) = view.pages

    assert page_title(page) == "no template's words stand on this page"
    assert list(cell_lines(page)) == []
    assert picture_of(page, foot(page, view)).shape[1] >= page.screen.pixels.shape[1]
    assert "unreadable" in foot(page, view)[0]


def test_the_foot_tells_every_doubt(tmp_path):
    view = seen(tmp_path, blind=("48",))

    assert foot(view.pages[0], view)[0] == "acme r1, page dose: needs review"
    assert any("mean_ctdivol of row 2" in sentence for sentence in foot(view.pages[0], view))


def test_a_template_is_drawn_without_reading_values(tmp_path):
    templates = library(tmp_path).templates
    (page_screen,) = screens_of(screen())
    page = best_of(templates, page_screen, readers())
    picture = picture_of_template(page, template_foot(page))

    assert corners(picture, (280, 80, "DLP")) == {COLOURS[Mark.ANCHOR]}
    assert COLOURS[Mark.PROVEN] not in corners(picture, (280, 130, "345"))
    assert template_foot(page) == ("acme r1, page dose: 5 anchors found",)


def test_a_missing_anchor_is_named_and_the_place_where_it_is_looked_for_drawn(tmp_path):
    words = tuple(word for word in PAGE if word[2] != "mGycm")
    templates = library(tmp_path).templates
    (page_screen,) = screens_of(screen(words))
    page = best_of(templates, page_screen, readers(words))
    picture = picture_of_template(page, template_foot(page))

    assert template_foot(page)[1] == "not found: dlp_unit"
    assert (picture == COLOURS[Mark.UNREAD]).all(axis=2).any()


def test_explain_says_which_words_are_missing_and_that_nobody_reads_the_page(tmp_path):
    words = tuple(word for word in PAGE if word[2] != "CTDIvol")
    told = list(explained(screen(words), library(tmp_path), readers(words)))

    assert told[0] == "page 1 of 1:"
    assert "missing is ctdivol, 'CTDIvol'" in told[1]
    assert "missing is ctdivol_unit, 'mGy' (its area hangs on ctdivol)" in told[1]
    assert told[-1] == "  no template reads this page: acme fit the header, none has all its required anchors on it"


def test_explain_says_that_the_more_special_template_goes_first(tmp_path):
    special = """title: Acme with a title
status: drawn
revision: 1
extends: acme
pages:
  dose:
    anchors:
      title: {text: Dose Page, area: {left: 0, top: 0, right: 300, bottom: 50}}
"""
    library(tmp_path)
    told = list(explained(screen(), library(tmp_path, special, "special"), readers()))

    assert "special reads this page" in told[-1]
    assert "it extends acme and says more than it" in told[-1]


def test_explain_names_rivals(tmp_path):
    library(tmp_path)
    told = list(explained(screen(), library(tmp_path, TEMPLATE, "rival"), readers()))

    assert "rival would fit too and neither extends the other, so a person must decide" in told[-1]


def test_explain_never_says_what_stands_on_the_page(tmp_path):
    words = (*PAGE, (150, 30, "DOE JOHN"))
    told = " ".join(explained(screen(words, PatientName="DOE^JOHN"), library(tmp_path), readers(words)))

    assert "DOE" not in told


def test_an_object_without_a_picture_is_said_to_have_none(tmp_path):
    ds = screen()
    del ds.PixelData
    told = list(explained(ds, library(tmp_path), readers()))

    assert told == ["the object has no picture that can be read"]


def test_a_label_that_only_a_narrow_space_parts_from_its_number_is_found_by_its_words(tmp_path):
    """Letters of unlike widths leave 4 px there: no cut of the line makes a phrase of the label alone."""
    words = [(100, 200, "Total")]
    for text in ("DLP:", "1024"):
        words.append((box_of(words[-1]).right + 4, 200, text))
    page = (*HEADING, *ROWS, *words)
    known = library(
        tmp_path, TEMPLATE.replace("{text: Total, area: {left: 120", "{text: 'Total DLP:', area: {left: 90")
    )
    (view,) = look(screen(page), known, readers(page)).pages
    assert view.reading is not None

    total = view.reading.fields[Quantity.DLP_TOTAL]
    assert (total.text, total.evidence.box) == ("1024", box_of(words[-1]))
