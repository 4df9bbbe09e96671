"""Several screens of one layout: what is fixed, what moves, what varies, and how far a column reaches."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from ocr_service.author.anchoring import anchors_of, column_edges, total_edges
from ocr_service.author.drafting import draft
from ocr_service.author.phrases import Page, Phrase
from ocr_service.author.tables import Table, find_table
from ocr_service.author.together import Drafted, Together
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box

LETTER, LINE = 8, 20  # px
HEADING = "No.   Type      CTDIvol   DLP"
ROW = "1     Spiral    11.20     498.42"
FOOT = 12  # lines


def page(*lines: str, shift: int = 0, upright: tuple[Box, ...] = ()) -> Page:
    """Words that are parted by two blanks or more are phrases of their own."""
    phrases = []
    for number, line in enumerate(lines):
        left = 0
        for part in line.split("  "):
            if part.strip():
                start = left + len(part) - len(part.lstrip())
                across = shift + LETTER * start
                box = Box(across, LINE * number, across + LETTER * len(part.strip()), LINE * number + 10)
                phrases.append(Phrase(box, part.strip()))
            left += len(part) + 2
    return Page(tuple(phrases), 400, 400, upright)


def together(*pages: Page, **header: str) -> Together:
    screens = []
    ds = Dataset()
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    for number, one in enumerate(pages, start=1):
        table = find_table(one, lambda phrase: None)
        assert isinstance(table, Table), table
        screens.append(Drafted(f"{number}.dcm", ds, table, 400, 400))
    return Together(screens)


def with_foot(rows: int, *foot: str, low: bool) -> Page:
    """A page with so many rows, and the foot right below them or at the page's own foot."""
    lines = [HEADING, *[ROW] * rows]
    return page(*lines, *([""] * (FOOT - len(lines)) if low else [""]), *foot)


@pytest.mark.parametrize(
    ("low", "texts", "fixed", "still"),
    [
        (True, ("L is 32 cm", "L is 32 cm"), True, True),
        (False, ("L is 32 cm", "L is 32 cm"), True, False),
        (True, ("Printed 1999", "Printed 2001"), False, True),
        (False, ("Printed 1999", "Printed 2001"), False, False),
    ],
)
def test_a_foot_stands_still_or_moves_with_the_rows_and_says_the_same_or_not(low, texts, fixed, still):
    (foot,) = together(with_foot(1, texts[0], low=low), with_foot(4, texts[1], low=low)).feet()

    assert (foot.fixed, foot.still) == (fixed, still)


def test_where_all_screens_have_as_many_rows_the_distance_tells_whether_a_foot_moves():
    near, far = (
        together(with_foot(1, "Note", low=low), with_foot(1, "Note", low=low)).feet()[0] for low in (False, True)
    )

    assert (near.still, far.still) == (False, True)


def test_nothing_that_a_header_states_of_the_patient_gets_into_a_draft():
    """A draft is made to be shared; a foot and a title that name the patient are no fixed words, nor is a line."""
    lines = ("Dose of Doe", "", HEADING, ROW, "for J. Doe", ROW, *[""] * 8, "Doe 4711")
    text = draft(together(page(*lines), PatientName="Doe^Jane", PatientID="4711").screens)

    assert "Doe" not in text
    assert "4711" not in text


def test_cells_of_other_screens_are_moved_to_the_place_of_the_first():
    seen = together(page(HEADING, ROW), page(HEADING, ROW, shift=16))
    column = seen.column(Quantity.DLP)
    assert column is not None

    assert len({cell[0].box.left for cell in column.cells}) == 1


def test_a_title_that_one_screen_lacks_is_no_required_anchor():
    seen = together(page("Dose table", "", HEADING, ROW), page("", "", HEADING, ROW))
    anchors = {anchor.name: anchor for anchor in anchors_of(seen, []).named}

    assert anchors["dlp"].fixed.everywhere
    assert not anchors["title"].fixed.everywhere


def test_a_heading_that_is_read_in_two_ways_has_both_spellings():
    seen = together(page(HEADING.replace("No.", "Nr."), ROW), page(HEADING.replace("No.", "Nr,"), ROW))
    anchors = {anchor.name: anchor for anchor in anchors_of(seen, []).named}

    assert anchors["series"].fixed.words == ("Nr.", "Nr,")


def edges_of(*pages: Page) -> list[int]:
    """Where each column but the last one ends, in px of the first page."""
    seen = together(*pages)
    anchors = anchors_of(seen, [])
    at = {anchor.name: anchor.box.left for anchor in anchors.named}
    found = []
    for _, right in column_edges(seen.columns, anchors, seen.first.table.upright, 400)[:-1]:
        name, sign, offset = right.replace(".left", "").split()
        found.append(at[name] + int(offset) * (1 if sign == "+" else -1))
    return found


def test_a_column_reaches_as_far_as_its_values_may_grow():
    """Names grow to the right, numbers that end at one place grow to the left: each gets the room between."""
    long, wide = "2     Spiral 2  1.20      98.42", "3     Axial     111.20    1498.42"
    number, kind, dose = edges_of(page(HEADING, ROW, "2     Axi       11.20     498.42", long, wide))

    assert kind == 16 * LETTER - 5  # right before the dose, whose numbers begin there
    assert 2 * LETTER < number <= 6 * LETTER
    assert 22 * LETTER <= dose <= 26 * LETTER


def test_a_rule_between_two_columns_is_their_edge():
    assert edges_of(page(HEADING, ROW, upright=(Box(120, 0, 121, 60),)))[1] == 120


def total_of(*numbers: str) -> Together:
    return together(*(page(HEADING, ROW, "", f"Total DLP       {number}") for number in numbers))


def test_a_unit_that_moves_with_its_number_is_read_with_it():
    (place,) = total_of("8.42  mGycm", "12498.42  mGycm").totals()

    assert not place.unit_stands
    assert place.texts == ["8.42 mGycm", "12498.42 mGycm"]


def test_a_unit_that_stands_still_is_left_out_of_the_number():
    seen = total_of("    8.42  mGycm", "12498.42  mGycm")
    (place,) = seen.totals()
    (anchor,) = anchors_of(seen, []).totals[Quantity.DLP_TOTAL]
    right = total_edges(place, anchor, None)[2]

    assert place.unit_stands
    assert place.texts == ["8.42", "12498.42"]
    assert right == f"total.right + {(24 * LETTER + 26 * LETTER) // 2 - 9 * LETTER}"


def test_a_unit_that_is_part_of_some_numbers_phrase_is_read_with_all():
    (place,) = total_of("8.42 mGycm", "498.42  mGycm").totals()

    assert place.texts == ["8.42 mGycm", "498.42 mGycm"]
