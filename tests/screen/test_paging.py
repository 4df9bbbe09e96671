"""Which pages make one examination: saved twice, cumulative, continued, missing, contradicting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import FindingKind
from ocr_service.screen.paging import Merged, merge
from ocr_service.screen.readings import PageReading, RowReading
from tests.screen.readings import COLUMNS, helical, page, row, scout, template

A, B, C, D = (helical(str(n), f"{n}0.11", f"{n}00.50", span=f"S{n}.000-I{n}9.000") for n in (2, 3, 4, 5))
SCOUT = scout()
QUIET, MARKED, BY_TOTAL = template("quiet"), template("marker"), template("total")


def doubts(merged: Merged) -> list[str]:
    return [finding.sentence for finding in merged.findings if finding.kind is FindingKind.DOUBT]


def texts(rows: Sequence[RowReading]) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in one.cells.values()) for one in rows]


def one_examination(merged: Merged, *rows: RowReading) -> None:
    assert texts(merged.rows) == texts(rows)
    assert doubts(merged) == []


def test_a_page_saved_twice_counts_once():
    one_examination(merge(MARKED, [page(SCOUT, A, marker="1/1"), page(SCOUT, A, marker="1/1")]), SCOUT, A)
    one_examination(merge(QUIET, [page(SCOUT, A), page(SCOUT, A)]), SCOUT, A)


def test_a_cumulative_page_saved_again_after_each_scan_stands_for_all_earlier_ones():
    one_examination(merge(QUIET, [page(SCOUT), page(SCOUT, A), page(SCOUT, A, B)]), SCOUT, A, B)
    one_examination(merge(MARKED, [page(A, marker="1/1"), page(A, B, marker="1/1")]), A, B)


def test_a_new_row_may_stand_anywhere_in_the_page_that_is_saved_again():
    one_examination(merge(QUIET, [page(A, C), page(A, B, C)]), A, B, C)


def test_a_cumulative_page_may_stand_for_several_earlier_pages():
    one_examination(merge(QUIET, [page(A), page(B), page(A, B, C)]), A, B, C)


def test_a_page_that_overflows_when_saved_again_becomes_the_first_of_two():
    pages = [page(A, B, marker="1/1"), page(A, B, C, marker="1/2"), page(D, marker="2/2")]
    one_examination(merge(MARKED, pages), A, B, C, D)


def test_a_first_page_saved_again_as_it_was_but_for_the_number_of_pages_counts_once():
    pages = [page(A, B, marker="1/1"), page(A, B, marker="1/2"), page(C, marker="2/2")]
    one_examination(merge(MARKED, pages), A, B, C)


def test_disjoint_pages_continue_each_other_in_the_order_of_their_markers():
    one_examination(merge(MARKED, [page(C, marker="2/2"), page(A, B, marker="1/2")]), A, B, C)
    one_examination(merge(QUIET, [page(A, B), page(C)]), A, B, C)


def test_pages_of_two_series_with_the_same_rows_are_one_page():
    pages = [page(A, marker="1/2"), page(B, marker="2/2"), page(A, marker="1/2"), page(B, marker="2/2")]
    one_examination(merge(MARKED, pages), A, B)


def test_pages_that_share_some_rows_are_a_doubt_and_no_row_counts_twice():
    merged = merge(QUIET, [page(A, B), page(B, C)])

    assert doubts(merged) == ["two pages share some of their rows, not all"]
    assert texts(merged.rows) == texts([A, B, C])


def test_an_earlier_page_with_more_rows_is_a_doubt():
    merged = merge(QUIET, [page(A, B), page(A)])

    assert doubts(merged) == ["two pages share some of their rows, not all"]
    assert texts(merged.rows) == texts([A, B])


def test_the_same_marker_over_other_rows_is_a_doubt():
    assert "two pages carry the same marker and different rows" in doubts(
        merge(MARKED, [page(A, marker="1/1"), page(C, marker="1/1")])
    )


def test_pages_of_different_numbers_with_the_same_rows_are_a_doubt():
    assert "two pages of different numbers show the same rows" in doubts(
        merge(MARKED, [page(A, marker="1/2"), page(A, marker="2/2")])
    )


def test_equal_localizers_on_two_numbered_pages_are_two_localizers():
    pages = [page(SCOUT, A, marker="1/2"), page(SCOUT, B, marker="2/2")]
    one_examination(merge(MARKED, pages), SCOUT, A, SCOUT, B)


def test_equal_scans_but_for_their_number_on_two_numbered_pages_are_two_scans():
    again = helical("3", "20.11", "200.50", span="S2.000-I29.000")
    one_examination(merge(MARKED, [page(A, marker="1/2"), page(again, marker="2/2")]), A, again)


def test_a_page_without_rows_is_superseded_by_none():
    merged = merge(MARKED, [page(marker="1/1"), page(A, marker="1/1")])
    assert "two pages carry the same marker, and one shows no row" in doubts(merged)


def test_a_unit_without_rows_is_a_doubt():
    assert "no row of the dose table was found" in doubts(merge(QUIET, [page(total="3.00")]))


def test_a_summary_saved_again_is_replaced_by_the_later_one():
    pages = [
        page(marker="1/2", total="200.50", kind="summary"),
        page(A, marker="2/2"),
        page(marker="1/2", total="501.00", kind="summary"),
        page(A, B, marker="2/2"),
    ]
    merged = merge(MARKED, pages)

    one_examination(merged, A, B)
    assert merged.fields[Quantity.DLP_TOTAL].text == "501.00"


# A copy that was compressed


def misread(original: RowReading, column: str, text: str, *, proven: bool) -> RowReading:
    told = {quantity.value: cell.text for quantity, cell in original.cells.items()}
    return row(*{**told, column: text}.values(), unproven=() if proven else (column,))


WRONG = {
    "series_number": "8",
    "acquisition_type": "Scout",
    "scanning_range": "S2.000-I28.000",
    "mean_ctdivol": "28.11",
    "dlp": "280.50",
    "phantom": "Head",
}


@pytest.mark.parametrize("chosen", [QUIET, MARKED, BY_TOTAL], ids=lambda each: each.complete_by)
@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_copy_misread_in_one_cell_doubles_no_dose_and_needs_a_person(column, proven, chosen):
    marker = "1/1" if chosen is MARKED else ""
    copy = page(misread(A, column, WRONG[column], proven=proven), marker=marker, total="200.50")
    merged = merge(chosen, [page(A, marker=marker, total="200.50"), copy])

    assert len(merged.rows) == 1
    assert "a page was saved twice, and its copies read differently" in doubts(merged)


def test_a_cell_that_only_the_earlier_copy_could_be_read_in_is_taken_from_it():
    merged = merge(QUIET, [page(SCOUT, A), page(SCOUT, misread(A, "dlp", "?", proven=True))])
    one_examination(merged, SCOUT, A)
    assert merged.rows[1].cells[Quantity.DLP].proven


def test_a_cell_that_the_later_copy_proves_is_proven():
    merged = merge(QUIET, [page(misread(A, "dlp", "200.50", proven=False)), page(A)])
    one_examination(merged, A)
    assert merged.rows[0].cells[Quantity.DLP].proven


def test_a_row_that_nobody_could_read_is_no_copy_of_another():
    blank = row("?", "?", "?", "?", "?", "?")
    assert len(merge(QUIET, [page(A), page(blank)]).rows) == 2


# Markers, totals and other fields


def test_a_missing_marked_page_is_named():
    merged = merge(MARKED, [page(A, marker="1/3"), page(B, marker="3/3")])
    assert merged.missing == ("page 2 of 3 is missing",)
    assert doubts(merged) == ["page 2 of 3 is missing"]


@pytest.mark.parametrize(
    ("markers", "sentence"),
    [
        (("1/2", "?"), "a page without a legible page marker: whether pages are missing is unknown"),
        (("1/2", "2/3"), "the page markers name different numbers of pages"),
        (("1/1", "2/1"), "a page marker counts beyond its own number of pages"),
        (("2/2", "3/2"), "a page marker counts beyond its own number of pages"),
    ],
)
def test_markers_that_make_no_set_are_a_doubt(markers, sentence):
    merged = merge(MARKED, [page(A, marker=markers[0]), page(B, marker=markers[1])])
    assert sentence in doubts(merged)


def test_where_no_page_prints_a_marker_the_total_decides():
    one_examination(merge(MARKED, [page(A, total="200.50")]), A)
    assert doubts(merge(MARKED, [page(A)])) == ["no page states the total: whether pages are missing is unknown"]


def test_a_layout_that_the_total_completes_needs_one():
    one_examination(merge(BY_TOTAL, [page(A), page(B, total="501.00")]), A, B)
    assert doubts(merge(BY_TOTAL, [page(A)])) == ["no page states the total: whether pages are missing is unknown"]


def test_a_quiet_layout_needs_neither():
    one_examination(merge(QUIET, [page(A)]), A)


def test_two_totals_of_one_examination_are_a_doubt_proven_or_not():
    for other in ("501.00", "501.00?"):
        merged = merge(QUIET, [page(A, total="200.50"), page(B, total=other)])
        assert doubts(merged) == ["two pages state a different dlp_total"]


def test_two_identifiers_are_a_doubt_only_where_both_are_proven():
    merged = merge(QUIET, [page(A, patient_id="P1"), page(B, patient_id="P2")])
    assert doubts(merged) == ["two pages state a different patient_id"]

    merged = merge(QUIET, [page(A, patient_id="P1"), page(B, patient_id="P7?")])
    assert doubts(merged) == []
    assert merged.fields[Quantity.PATIENT_ID].text == "P1"


# Any order of saving


ROWS = [SCOUT, A, B, C, D]


@given(cuts=st.lists(st.integers(1, len(ROWS)), min_size=1, max_size=6).map(sorted))
def test_however_often_a_cumulative_page_is_saved_its_last_state_counts(cuts):
    merged = merge(QUIET, [page(*ROWS[:cut]) for cut in cuts])
    one_examination(merged, *ROWS[: cuts[-1]])


@given(repeats=st.lists(st.integers(0, 2), min_size=0, max_size=4))
def test_however_often_marked_pages_are_saved_each_counts_once(repeats):
    pages = [page(SCOUT, A, marker="1/3"), page(B, C, marker="2/3"), page(D, marker="3/3")]
    one_examination(merge(MARKED, [*pages, *(pages[n] for n in repeats)]), *ROWS)


@given(
    column=st.sampled_from(COLUMNS),
    which=st.integers(1, 4),
    proven=st.booleans(),
    marked=st.booleans(),
)
def test_no_misread_copy_ever_passes_for_further_rows(column, which, proven, marked):
    marker = "1/1" if marked else ""
    changed = [misread(one, column, WRONG[column], proven=proven) if n == which else one for n, one in enumerate(ROWS)]
    first: PageReading = page(*ROWS, marker=marker, total="1402.00")
    merged = merge(MARKED if marked else QUIET, [first, page(*changed, marker=marker, total="1402.00")])

    assert len(merged.rows) == len(ROWS)
    assert doubts(merged) != []
