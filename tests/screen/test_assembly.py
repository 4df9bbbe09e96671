"""From page readings to a report: totals, phantoms, checks, and what arithmetic may vouch for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ocr_service.dose.checks import findings_of
from ocr_service.dose.proof import NeedsReview, Verified, prove
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Evidence, FindingKind, Phantom
from ocr_service.screen.assemble import _type, assemble
from ocr_service.screen.readings import CellReading, PageReading
from ocr_service.templates.schema import Cell, Template
from tests.screen.readings import COLUMNS, SCANNER, helical, page, row, scout, template

PER_PHANTOM: list[dict[str, object]] = [
    {"sum_of": "dlp", "equals": "dlp_total_head", "within": "0.5"},
    {"sum_of": "dlp", "equals": "dlp_total_body", "within": "0.5"},
]
WHOLE: list[dict[str, object]] = [{"sum_of": "dlp", "equals": "dlp_total", "within": "0.5"}]
QUIET, MARKED = template("quiet", WHOLE), template("marker", WHOLE)
PHANTOMS = template("quiet", PER_PHANTOM)
HEAD, BODY = helical("2", "50.10", "700.00", "Head"), helical("3", "10.20", "300.00", "Body")


def ending(chosen: Template, *pages: PageReading) -> Verified | NeedsReview:
    whole = assemble(chosen, pages, "1.2.3", SCANNER)
    return prove(whole.report, [*whole.findings, *findings_of(whole.report, Decimal("0.5"))])


def doubts(outcome: Verified | NeedsReview) -> list[str]:
    return [finding.sentence for finding in outcome.findings if finding.kind is FindingKind.DOUBT]


def test_a_proven_page_whose_rows_add_up_is_verified():
    outcome = ending(QUIET, page(scout(), HEAD, BODY, total="1000.00"))

    assert isinstance(outcome, Verified)
    assert [event.phantom.value if event.phantom else None for event in outcome.report.events] == [
        None,
        Phantom.HEAD,
        Phantom.BODY,
    ]


def test_rows_that_miss_the_total_by_more_than_their_rounding_need_a_person_whatever_the_template_allows():
    assert isinstance(ending(QUIET, page(HEAD, BODY, total="1000.01")), Verified)
    assert isinstance(ending(QUIET, page(HEAD, BODY, total="1000.50")), NeedsReview)
    assert doubts(ending(QUIET, page(HEAD, BODY, total="1000.02"))) == [
        "the rows add up to 1000.00 mGy.cm, the screen says 1000.02"
    ]


def test_each_phantoms_total_is_checked_against_the_rows_of_that_phantom():
    right = page(HEAD, BODY, dlp_total_head="700.00", dlp_total_body="300.00")
    swapped = page(HEAD, BODY, dlp_total_head="300.00", dlp_total_body="700.00")

    assert isinstance(ending(PHANTOMS, right), Verified)
    assert doubts(ending(PHANTOMS, swapped)) == [
        "the rows of the head phantom add up to 700.00 mGy.cm, the screen says 300.00",
        "the rows of the body phantom add up to 300.00 mGy.cm, the screen says 700.00",
    ]


def test_a_dash_is_a_total_of_nothing():
    assert isinstance(ending(PHANTOMS, page(BODY, dlp_total_head="-", dlp_total_body="300.00")), Verified)
    assert "the rows of the head phantom add up to 700.00 mGy.cm, the screen says 0" in doubts(
        ending(PHANTOMS, page(HEAD, BODY, dlp_total_head="-", dlp_total_body="1000.00"))
    )


def test_rows_that_name_no_phantom_are_checked_by_the_sum_of_the_totals():
    nameless = helical("3", "10.20", "300.00", "")
    assert isinstance(ending(PHANTOMS, page(nameless, dlp_total_head="-", dlp_total_body="300.00")), Verified)
    assert set(doubts(ending(PHANTOMS, page(nameless, HEAD, dlp_total_head="700.00", dlp_total_body="300.00")))) == {
        "not every row says of which phantom it is, so the phantoms' totals cannot be checked"
    }


def test_expected_values_alone_are_no_verified_dose():
    expected = row("2", "Helical", "300.00", columns=("series_number", "acquisition_type", "expected_dlp"))
    outcome = ending(QUIET, page(expected))

    assert doubts(outcome) == ["the pages print neither Mean CTDIvol nor DLP, only expected or other values"]
    assert outcome.report.events[0].dlp is None


def test_a_page_of_localizers_states_no_dose_and_is_no_doubt():
    assert isinstance(ending(QUIET, page(scout())), Verified)


# A page saved twice, the second time compressed


@pytest.mark.parametrize("column", COLUMNS)
def test_a_misread_copy_is_never_verified_and_never_doubles_the_dose(column):
    told = {quantity.value: cell.text for quantity, cell in HEAD.cells.items()}
    wrong = {"acquisition_type": "Scout", "phantom": "Body", "scanning_range": "S7.000-I9.000"}
    copy = row(*{**told, column: wrong.get(column, "8" + told[column][1:])}.values())

    outcome = ending(QUIET, page(HEAD), page(copy))

    assert isinstance(outcome, NeedsReview)
    assert len(outcome.report.events) == 1


def test_a_copy_with_a_cell_that_nobody_can_read_is_verified_by_its_original():
    told = {quantity.value: cell.text for quantity, cell in HEAD.cells.items()}
    copy = row(*{**told, "dlp": "?"}.values())

    outcome = ending(MARKED, page(HEAD, BODY, marker="1/1", total="1000.00"), page(copy, BODY, marker="1/1"))

    assert isinstance(outcome, Verified)
    assert [event.dlp.text for event in outcome.report.events if event.dlp] == ["700.00", "300.00"]


# What arithmetic vouches for


def test_a_closed_sum_vouches_for_the_page_marker():
    assert isinstance(ending(MARKED, page(HEAD, BODY, marker="1/1?", total="1000.00")), Verified)


def test_one_proven_row_that_is_the_proven_total_vouches_for_the_page_marker():
    assert isinstance(ending(MARKED, page(scout(), HEAD, marker="1/1?", total="700.00")), Verified)


@pytest.mark.parametrize("total", ["700.00?", "700.01", ""])
def test_a_sum_that_is_not_closed_vouches_for_no_marker(total):
    assert "page_marker of the page is not proven: its witnesses do not suffice" in doubts(
        ending(MARKED, page(HEAD, marker="1/1?", total=total))
    )


def test_the_one_unproven_row_of_an_exact_sum_is_vouched_for():
    unproven = row("3", "Helical", "S1.000-I9.000", "10.20", "300.00", "Body", unproven=["dlp"])
    assert isinstance(ending(QUIET, page(HEAD, unproven, total="1000.00")), Verified)
    assert isinstance(ending(QUIET, page(HEAD, unproven, total="1000.01")), NeedsReview)


def test_a_total_that_equals_its_only_row_vouches_for_nothing():
    unproven = row("3", "Helical", "S1.000-I9.000", "10.20", "300.00", "Body", unproven=["dlp"])
    assert isinstance(ending(QUIET, page(unproven, total="300.00")), NeedsReview)


def named(seen: str, proven: bool) -> CellReading:
    cell = Cell.model_validate({"type": "text", "choices": "localizers"})
    evidence = Evidence(seen=(("ppocr", seen), ("tesseract", seen)))
    return CellReading(cell, {"constant_angle": ("Topogram",)}, evidence, seen, proven)


def test_a_name_that_is_not_proven_may_be_the_word_of_a_type():
    """`To ogram` without a dose was verified as a row of no type."""
    row = helical("2", "11.20", "300.00")
    with_dose = {Quantity.ACQUISITION_PROTOCOL: named("ThorRoutine", False), **row.cells}
    without = {Quantity.ACQUISITION_PROTOCOL: named("ThorRoutine", False)}
    near = {Quantity.ACQUISITION_PROTOCOL: named("To ogram", False), **row.cells}
    for cells in (with_dose, near):
        cells.pop(Quantity.ACQUISITION_TYPE)

    def doubted(cells):
        return bool(_type(cells, "row 1")[1])

    assert [doubted(cells) for cells in (with_dose, without, near)] == [False, True, True]
    assert not doubted({Quantity.ACQUISITION_PROTOCOL: named("ThorRoutine", True)})
