"""What the closing table says of a report that waits."""

from __future__ import annotations

from ocr_service.dose.report import doubt, note
from ocr_service.work.lines import headline, tally


def test_the_headline_is_the_doubt_that_says_most() -> None:
    cell, total = doubt("row 2, dlp", "dlp of row 2 is not proven"), doubt("dlp_total", "the rows add up to 72.07")
    patient = doubt("patient_id", "the patient_id on the page is not the PatientID of the header")

    assert headline([note("x", "a note"), cell]) == cell.sentence
    assert headline([cell, total]) == total.sentence
    assert headline([cell, total, patient]) == patient.sentence
    assert headline([note("x", "a note")]) == ""


def test_the_tally_counts_outcomes_in_words() -> None:
    assert tally(["verified", "needs_review", "verified"]) == "2 verified, 1 needs review"
    assert tally([]) == "nothing to convert"
