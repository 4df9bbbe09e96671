"""Letters never switch the comparison of patients off: a page of another one is found with and without them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from ocr_service import equipment
from ocr_service.dose.report import FindingKind
from ocr_service.pipeline import IDENTIFYING, read_unit

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
