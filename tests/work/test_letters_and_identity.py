"""Letters never switch the comparison of patients off: a page of another one is found with and without them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from ocr_service import equipment
from ocr_service.dose.report import FindingKind
from ocr_service.pipeline import IDENTIFYING, read_unit
from ocr_service.screen.readers import Readers
from tests.screen import typed
from tests.screen.typed import TypedReader

SAMPLES = Path(__file__).parents[2] / "sample_sc"
PAGES = ("ge/bolus_tracking", "ge/no_marker", "siemens/letters", "toshiba/saved_twice")


@pytest.mark.engines
@pytest.mark.parametrize("folder", [name for name in PAGES if (SAMPLES / name).is_dir()])
def test_a_page_of_another_patient_is_a_doubt_though_letters_read_it(folder: str) -> None:
    library, readers = equipment.both(None)
    ds = dcmread(sorted((SAMPLES / folder).glob("*.dcm"))[0])
    ds.PatientID, ds.AccessionNumber, ds.StudyID = "11112222", "33334444", "5555"
    ending = read_unit([ds], library, readers)

    assert ending.letters.trusted
    doubts = {finding.where for finding in ending.outcome.findings if finding.kind is FindingKind.DOUBT}
    assert doubts & IDENTIFYING


@pytest.mark.parametrize(("header", "doubted"), [("1111111", True), ("7654321", False)])
def test_two_readers_who_differ_and_neither_say_what_the_header_says_are_a_doubt(
    tmp_path: Path, header: str, doubted: bool
) -> None:
    page = typed.dose_page()
    typed.typed(page, 320, 10, "ID:7654321")
    readers = Readers(TypedReader({"ID:7654321": "ID:7654322"}), TypedReader(), (("none",), ("stretch",)))
    ds = typed.dose_object(page, PatientID=header)
    ending = read_unit([ds], typed.library(tmp_path, typed.WITH_ID), readers)

    doubts = {finding.where for finding in ending.outcome.findings if finding.kind is FindingKind.DOUBT}
    assert ("patient_id" in doubts) is doubted
