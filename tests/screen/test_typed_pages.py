"""Whole pages under their template, without any engine: what is proven, and what sends a page to a person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTDoseReport, FindingKind
from ocr_service.errors import TemplateError
from ocr_service.pipeline import Ending, read_unit
from ocr_service.screen.assemble import _stays
from ocr_service.screen.readers import Readers
from tests.screen.typed import (
    HEADINGS,
    ROWS,
    TEMPLATE,
    TOTAL,
    WITH_ID,
    Page,
    TypedReader,
    dose_object,
    dose_page,
    library,
    read,
    typed,
)


def report(ending: Ending) -> CTDoseReport:
    assert isinstance(ending.outcome, Verified | NeedsReview)
    return ending.outcome.report


def doubts(ending: Ending) -> list[str]:
    return [finding.sentence for finding in ending.outcome.findings if finding.kind is FindingKind.DOUBT]


def test_a_page_whose_ink_is_all_explained_and_read_alike_is_verified(tmp_path: Path) -> None:
    ending = read(dose_page(), tmp_path)

    assert isinstance(ending.outcome, Verified)
    assert [str(e.dlp.value) if e.dlp else None for e in report(ending).events] == [None, "498.4", "120.1"]
    total = report(ending).dlp_total
    assert total is not None
    assert total.text == TOTAL


def test_the_page_may_stand_some_pixels_elsewhere(tmp_path: Path) -> None:
    assert isinstance(read(np.roll(dose_page(), (4, 6), (0, 1)), tmp_path).outcome, Verified)


def test_a_page_that_was_made_smaller_is_never_verified(tmp_path: Path) -> None:
    """Both engines read 13.3 where a page at 0.9 of its size had said 19.3."""
    small = cv2.resize(dose_page(), None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)

    assert not isinstance(read(np.asarray(small, np.uint8), tmp_path).outcome, Verified)


def test_a_page_of_twice_the_size_is_the_same_page(tmp_path: Path) -> None:
    assert isinstance(read(dose_page().repeat(2, 0).repeat(2, 1), tmp_path).outcome, Verified)


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        (440, 40, "SSDE"),
        (300, 40, "Eff"),
        (60, 64, "x"),
        (20, 235, "Helical"),
        (300, 112, "extra"),
        (320, 75, "9"),
    ],
    ids=[
        "a heading of an unknown column",
        "a word beside a heading",
        "a mark beside a row",
        "a row below the table",
        "a word on the total's line",
        "a number behind a number",
    ],
)
def test_ink_that_nobody_explains_is_a_doubt(tmp_path: Path, x: int, y: int, text: str) -> None:
    page = dose_page()
    typed(page, x, y, text)
    ending = read(page, tmp_path)

    assert not isinstance(ending.outcome, Verified)
    assert doubts(ending)


def test_a_word_that_the_template_names_is_explained(tmp_path: Path) -> None:
    page = dose_page()
    typed(page, 20, 235, "legend")

    assert isinstance(read(page, tmp_path).outcome, Verified)


def test_a_row_in_a_dim_grey_is_read_like_the_others(tmp_path: Path) -> None:
    page = dose_page(ROWS[:2], total=None)
    for x, text in ROWS[2].items():
        typed(page, x, 90, text, level=90)
    ending = read(page, tmp_path)

    assert isinstance(ending.outcome, Verified)
    assert len(report(ending).events) == 3


@pytest.mark.parametrize("level", [40, 48, 65])
def test_a_row_or_a_digit_too_dim_to_read_is_a_doubt(tmp_path: Path, level: int) -> None:
    page = dose_page(ROWS[:2], total=None)
    for x, text in ROWS[2].items():
        typed(page, x, 90, text, level=level)
    assert not isinstance(read(page, tmp_path).outcome, Verified)

    page = dose_page(total=None)
    place = page[75:84, 240:247]
    place[place > 0] = max(48, level)  # the first digit of 498.4
    assert not isinstance(read(page, tmp_path).outcome, Verified)


@pytest.mark.parametrize("level", [130, 190, 200, 230])
def test_a_row_on_a_light_bar_is_read_or_a_doubt(tmp_path: Path, level: int) -> None:
    page = dose_page(total=None)
    page[71:88, 2:510] = np.maximum(page[71:88, 2:510], level)
    ending = read(page, tmp_path)

    assert not isinstance(ending.outcome, Verified) or len(report(ending).events) == 3


def test_a_row_in_dark_letters_on_a_light_bar_never_vanishes(tmp_path: Path) -> None:
    page = dose_page(total=None)
    page[71:88, 2:510] = 255 - page[71:88, 2:510]
    ending = read(page, tmp_path)

    assert not isinstance(ending.outcome, Verified) or len(report(ending).events) == 3


@pytest.mark.parametrize("word", ["Eff.", "SSDE", "Expected", "2"])
def test_a_word_above_a_dose_heading_makes_another_quantity_of_it(tmp_path: Path, word: str) -> None:
    for x in (125, 240):
        page = dose_page()
        typed(page, x, 27, word)
        assert not isinstance(read(page, tmp_path).outcome, Verified)


def test_rules_between_the_rows_are_no_ink_of_theirs_and_one_through_a_row_is_a_doubt(tmp_path: Path) -> None:
    page = dose_page()
    page[56, 5:500] = 128
    page[30:120, 4] = 128
    assert isinstance(read(page, tmp_path).outcome, Verified)

    page[79, 5:500] = 255
    assert not isinstance(read(page, tmp_path).outcome, Verified)


def test_a_rule_through_a_single_number_is_a_doubt_of_that_number(tmp_path: Path) -> None:
    page = dose_page()
    page[60:90, 243] = 255

    assert "a rule runs through the letters" in " ".join(doubts(read(page, tmp_path)))


@pytest.mark.parametrize("level", [60, 110])
def test_letters_on_a_bar_are_read(tmp_path: Path, level: int) -> None:
    page = dose_page()
    page[34:54, 2:510] = np.maximum(page[34:54, 2:510], level)

    assert isinstance(read(page, tmp_path).outcome, Verified)


def test_a_page_that_was_cut_at_its_foot_is_a_doubt(tmp_path: Path) -> None:
    whole = dose_page(total=None)

    assert isinstance(read(whole, tmp_path).outcome, Verified)
    assert "its foot may be cut off" in " ".join(doubts(read(whole[:98], tmp_path)))


def test_a_row_at_the_edge_of_the_page_is_a_doubt(tmp_path: Path) -> None:
    page = dose_page(total=None)
    typed(page, 14, 250, "Helical")

    assert not isinstance(read(page, tmp_path).outcome, Verified)


def test_a_point_that_is_lost_on_the_page_itself_is_noticed_by_its_gap(tmp_path: Path) -> None:
    text = TEMPLATE.replace(r"'\d{1,3}\.\d'", r"'\d{1,3}(?:\.\d)?'")
    assert isinstance(read(dose_page(total=None), tmp_path, text=text).outcome, Verified)
    page = dose_page(total=None)
    page[60 + 15 + 7 : 60 + 15 + 9, 120 + 2 * 7 : 120 + 2 * 7 + 2] = 0

    assert not isinstance(read(page, tmp_path, text=text).outcome, Verified)


@pytest.mark.parametrize("ground", [40, 96, 160])
def test_a_page_on_a_grey_ground_is_the_same_page(tmp_path: Path, ground: int) -> None:
    assert isinstance(read(np.maximum(dose_page(), ground).astype(np.uint8), tmp_path).outcome, Verified)


def test_a_row_printed_with_narrow_gaps_is_not_explained_away_as_a_text(tmp_path: Path) -> None:
    text = TEMPLATE.replace("also: [legend]", "lines: ['[A-Za-z][A-Za-z0-9 .]*']")
    page = dose_page(total=None)
    typed(page, 14, 120, "Position HFS")
    assert isinstance(read(page, tmp_path, text=text).outcome, Verified)

    for row in ("Helical 12.3 418.0", "Helical 2 418"):
        page = dose_page(total=None)
        typed(page, 14, 120, row)
        assert not isinstance(read(page, tmp_path, text=text).outcome, Verified)


def test_a_word_that_only_one_reader_knows_proves_nothing(tmp_path: Path) -> None:
    ending = read(dose_page(total=None), tmp_path, mistaken_by_one={"498.4": "498.A"})

    assert "only ppocr vouches for it" in " ".join(doubts(ending))


def test_the_sum_settles_what_the_readers_see_differently(tmp_path: Path) -> None:
    assert isinstance(read(dose_page(), tmp_path, mistaken_by_one={"498.4": "493.4"}).outcome, Verified)


def test_a_total_that_the_rows_do_not_add_up_to_is_a_doubt(tmp_path: Path) -> None:
    assert "add up" in " ".join(doubts(read(dose_page(total="618.9"), tmp_path)))


@pytest.mark.parametrize(
    "headings",
    [
        {14: "Type", 120: "DLP", 240: "CTDIvol", 360: "Phantom"},
        {**HEADINGS, 120: "CTDIw"},
        {**HEADINGS, 240: "Eff. DLP"},
        {14: "Type", 120: "CTDIvol", 360: "Phantom"},
    ],
    ids=["swapped", "another quantity", "an effective value", "missing"],
)
def test_another_heading_never_lends_its_numbers_to_a_dose(tmp_path: Path, headings: dict[int, str]) -> None:
    assert not isinstance(read(dose_page(headings=headings), tmp_path).outcome, Verified)


def test_a_heading_misread_by_one_letter_places_its_column_and_is_a_doubt(tmp_path: Path) -> None:
    ending = read(dose_page(headings={**HEADINGS, 120: "CTDIvoT"}), tmp_path)

    assert isinstance(ending.outcome, NeedsReview)
    assert len(report(ending).events) == 3


def test_a_page_without_the_templates_words_is_unreadable(tmp_path: Path) -> None:
    page = np.zeros((256, 512), np.uint8)
    typed(page, 20, 20, "Patient Information")

    assert isinstance(read(page, tmp_path).outcome, Unreadable)


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        ("{increasing: dlp}", "dlp of row 3 is not greater than the one before it"),
        ("{between: mean_ctdivol, least: 1, most: 10}", "mean_ctdivol of row 2 is 11.2, not from 1 to 10"),
        ("{product_of: [mean_ctdivol, mean_ctdivol], close_to: dlp, within: 0.1}", "mean_ctdivol of row 2"),
    ],
    ids=["increasing", "between", "product"],
)
def test_a_check_of_the_template_that_fails_is_a_doubt(tmp_path: Path, check: str, sentence: str) -> None:
    assert isinstance(read(dose_page(), tmp_path).outcome, Verified)
    ending = read(dose_page(), tmp_path, text=f"{TEMPLATE}  - {check}\n")

    assert sentence in " ".join(doubts(ending))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    row=st.integers(0, 2),
    x=st.sampled_from([14, 120, 240, 360]),
    dx=st.integers(0, 30),
    dy=st.integers(0, 8),
    level=st.sampled_from([0, 255]),
)
def test_no_pixel_in_or_out_of_a_row_makes_another_number_of_it(
    tmp_path: Path, row: int, x: int, dx: int, dy: int, level: int
) -> None:
    """Whatever one pixel does to a letter, the page is verified with the numbers it prints, or not at all."""
    page = dose_page()
    page[60 + 15 * row + dy, x + dx] = level
    ending = read(page, tmp_path)

    if isinstance(ending.outcome, Verified):
        assert [str(e.dlp.value) if e.dlp else None for e in report(ending).events] == [None, "498.4", "120.1"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seen=st.sampled_from("0123456789."), told=st.sampled_from(["", *"0123456789"]))
def test_a_reader_that_swaps_a_digit_or_drops_the_points_over_a_whole_page_proves_no_wrong_number(
    tmp_path: Path, seen: str, told: str
) -> None:
    """Its rows may even add up to its total: the other reader says another thing."""
    for page in (dose_page(), dose_page(total=None)):
        for event in report(read(page, tmp_path, swapped_by_one={seen: told})).events:
            for reading in (event.mean_ctdivol, event.dlp):
                if reading is not None and reading.proven:
                    assert reading.text in {"11.2", "498.4", "7.5", "120.1"}


@pytest.mark.parametrize("word", ["Eff.", "ref.", "SSDE"])
def test_a_template_may_not_explain_away_what_makes_another_quantity(tmp_path: Path, word: str) -> None:
    with pytest.raises(TemplateError, match="makes another quantity of a dose heading"):
        read(dose_page(), tmp_path, text=TEMPLATE.replace("also: [legend]", f"also: [{word}]"))


def test_a_row_that_starts_and_ends_at_zero_moved_no_table() -> None:
    assert _stays("S0.000-I0.000")
    assert _stays("S12.500-S12.500")
    assert not _stays("S12.500-I12.500")


def test_a_small_row_that_is_lost_does_not_hide_behind_the_rounding(tmp_path: Path) -> None:
    text = TEMPLATE.replace("within: 0.1", "within: 3")

    assert isinstance(read(dose_page(total="618.6"), tmp_path, text=text).outcome, Verified)
    assert "add up" in " ".join(doubts(read(dose_page(total="620.5"), tmp_path, text=text)))


def twice(first: Page, second: Page, folder: Path, text: str = TEMPLATE) -> Ending:
    pages = [dose_object(page, SOPInstanceUID=f"1.2.3.{number}") for number, page in enumerate((first, second))]
    for ds in pages:
        ds.PatientID = "4711"
    readers = Readers(TypedReader(), TypedReader(), (("none",), ("stretch",)))
    return read_unit(pages, library(folder, text), readers)


def test_a_copy_does_not_wipe_out_another_patients_number(tmp_path: Path) -> None:
    first = dose_page()
    typed(first, 320, 10, "ID:9999")

    assert not isinstance(twice(first, dose_page(), tmp_path, WITH_ID).outcome, Verified)


def test_a_copy_without_the_total_keeps_the_total_of_the_same_rows(tmp_path: Path) -> None:
    ending = twice(dose_page(), dose_page(total=None), tmp_path)
    assert report(ending).dlp_total is not None

    assert "add up" in " ".join(doubts(twice(dose_page(total="700.0"), dose_page(total=None), tmp_path)))


def test_a_copy_does_not_wipe_out_that_the_first_page_was_cut(tmp_path: Path) -> None:
    whole = dose_page(total=None)

    assert "cut off" in " ".join(doubts(twice(whole[:98], whole, tmp_path)))
