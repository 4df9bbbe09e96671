"""Linked orders: what a console stored under two studies is one examination."""

from __future__ import annotations

import pytest

from ocr_service.dose.proof import NeedsReview, Verified
from ocr_service.dose.report import CTDoseReport, Scanner
from ocr_service.pipeline import Ending
from ocr_service.work import archive, lines
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.linked import _rank
from ocr_service.work.unit import ReadUnit
from tests.study.headers import spiral
from tests.work import consoles

EVERYTHING = frozenset({"verified", "review"})


def converted(folder, out):
    library = consoles.library(folder / "templates")
    _, endings = archive.convert([folder / "in"], library, consoles.readers(), out, EVERYTHING)
    return [lines.as_json(ending) for ending in endings]


def page(folder, study, **header):
    header = {"ContentTime": "102001"} | header
    return consoles.saved(consoles.screen(study=study, **header), folder / "in" / f"{study}.dcm")


def test_the_same_rows_and_times_under_another_study_are_reported_once(tmp_path):
    page(tmp_path, 1)
    page(tmp_path, 2)
    told = converted(tmp_path, tmp_path / "out")

    assert [one["outcome"] for one in told] == ["verified", "skipped"]
    assert told[1]["rdsr"] is None
    assert f"the same rows and times are reported under another study, {consoles.ROOT}.1" in [
        finding["sentence"] for finding in told[1]["findings"]
    ]


def test_images_beside_one_of_both_studies_make_no_other_scanner_of_it(tmp_path):
    """They have the serial number that the pages lack."""
    page(tmp_path, 1, DeviceSerialNumber="")
    page(tmp_path, 2, DeviceSerialNumber="")
    (image,) = spiral(places=range(1))
    image.StudyInstanceUID, image.SOPInstanceUID = f"{consoles.ROOT}.2", f"{consoles.ROOT}.2.9"
    image.Manufacturer, image.ManufacturerModelName, image.DeviceSerialNumber = "ACME", "Roadrunner", "77"
    image.PatientID = "P1"
    consoles.saved(image, tmp_path / "in" / "image.dcm")
    told = converted(tmp_path, tmp_path / "out")

    assert sorted(one["outcome"] for one in told) == ["skipped", "verified"]


def test_the_study_that_an_earlier_run_reported_stays_the_one(tmp_path):
    page(tmp_path, 2)
    first = converted(tmp_path, tmp_path / "out")
    page(tmp_path, 1)
    told = converted(tmp_path, tmp_path / "out")

    assert [one["outcome"] for one in told] == ["skipped", "verified"]
    assert told[1]["rdsr"] == first[0]["rdsr"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


@pytest.mark.parametrize("header", [{"ContentTime": "102002"}, {"DeviceSerialNumber": "78"}, {"ContentTime": ""}])
def test_another_time_or_scanner_or_none_is_another_examination(header, tmp_path):
    page(tmp_path, 1, **(header if header == {"ContentTime": ""} else {}))
    page(tmp_path, 2, **header)

    assert [one["outcome"] for one in converted(tmp_path, tmp_path / "out")] == ["verified", "verified"]


def test_other_rows_at_the_same_time_are_another_examination(tmp_path):
    page(tmp_path, 1)
    pixels = consoles.drawn((("2", "Helical", "11.20", "498.4", "Body"),), "")
    consoles.saved(consoles.screen(study=2, pixels=pixels, ContentTime="102001"), tmp_path / "in" / "2.dcm")

    assert [one["rdsr"] is None for one in converted(tmp_path, tmp_path / "out")] == [False, False]


def test_the_same_page_under_two_patients_is_a_doubt_of_both(tmp_path):
    page(tmp_path, 1)
    page(tmp_path, 2, PatientID="P2")
    told = converted(tmp_path, tmp_path / "out")

    assert [one["outcome"] for one in told] == ["needs_review", "needs_review"]


def test_what_is_verified_is_told_before_what_waits(tmp_path):
    report = CTDoseReport("1.2", Scanner("ACME", "CT 1"), ())
    waits, verified = (
        ReadUnit(UnitFiles(study, ()), (), Ending(outcome), (), 0.0)
        for study, outcome in (("1.2", NeedsReview(report, ())), ("1.3", Verified(report, ())))
    )

    assert sorted([waits, verified], key=lambda unit: _rank(unit, tmp_path)) == [verified, waits]
