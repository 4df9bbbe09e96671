"""The scoreboard counts what is wrong, and says nothing of patients."""

import json
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydicom import Dataset
from typer.testing import CliRunner

from ocr_service.author.expected import EVENT_KEYS, Expected
from ocr_service.author.scoreboard import Board, compare, markdown
from ocr_service.cli import app
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTAcquisitionType, CTDoseReport, IrradiationEvent, Phantom, Reading, Scanner, doubt
from ocr_service.pipeline import Ending
from ocr_service.templates.library import load_templates
from ocr_service.templates.shipped import shipped_templates

GE = Path(__file__).parents[2] / "sample_sc" / "ge"
TEMPLATE = next(one for one in load_templates(shipped_templates()).templates if one.name == "ge/dose-report")
VERSION = f"ge/dose-report r{TEMPLATE.revision}"
PLACEHOLDER = Scanner("", "")


def number(text, proven=True):
    return Reading(Decimal(text), text, proven=proven)


def event(ctdivol="11.20", dlp="498.42", phantom=Phantom.BODY, proven=True):
    return IrradiationEvent(
        Reading(CTAcquisitionType.SPIRAL, "Helical", proven=True),
        number(ctdivol, proven),
        number(dlp, proven),
        Reading(phantom, "Body 32", proven=True),
    )


def stated(ctdivol="11.20", dlp="498.42", **more):
    told = {"acquisition_type": "116152004", "mean_ctdivol": ctdivol, "dlp": dlp, "phantom": "body"} | more
    return {key: told.get(key) for key in EVENT_KEYS}


def report(*events, total="498.42"):
    return CTDoseReport("1.2.3", PLACEHOLDER, events, number(total), template=VERSION)


def screen(serial="77", model="LightSpeed VCT"):
    ds = Dataset()
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "GE MEDICAL SYSTEMS", model, "07MW18.4"
    ds.DeviceSerialNumber, ds.PatientName, ds.PatientID = serial, "DOE^JANE", "4711"
    ds.StudyInstanceUID, ds.StudyDate, ds.SeriesDescription = "1.2.3", "20200131", "Dose Report"
    return ds


def expecting(*events, total="498.42"):
    return Expected("1.2.3", (), total, events, 1)


def compared(outcome, expected, **header):
    return compare(TEMPLATE, expected, Ending(outcome), [screen(**header)])


def verified(its, expected, **header):
    return compared(Verified(its, ()), expected, **header)


def counts(one, quantity):
    its = one.counts[quantity]
    return its.values, its.read, its.proven, its.wrong


def test_a_report_that_says_what_is_stated_has_nothing_wrong():
    one = verified(report(event()), expecting(stated()))

    assert one is not None
    assert counts(one, "mean_ctdivol") == (1, 1, 1, 0)
    assert (one.total.values, one.total.read, one.total.proven, one.total.wrong) == (5, 5, 5, 0)


@pytest.mark.parametrize(
    ("read", "quantity"),
    [
        (event(ctdivol="11.30"), "mean_ctdivol"),
        (event(dlp="498.43"), "dlp"),
        (event(phantom=Phantom.HEAD), "phantom"),
        (replace(event(), phantom=None), "phantom"),
        (replace(event(), kvp=number("120")), "kvp"),
    ],
)
def test_another_value_a_lost_one_and_an_invented_one_are_wrong_in_a_verified_report(read, quantity):
    one = verified(report(read), expecting(stated()))

    assert one is not None
    assert (counts(one, quantity)[3], one.total.wrong) == (1, 1)


def test_an_equal_number_with_other_digits_is_the_same_value():
    one = verified(report(event(ctdivol="11.2")), expecting(stated()))

    assert one is not None
    assert counts(one, "mean_ctdivol") == (1, 1, 1, 0)


def test_what_is_read_wrongly_and_not_proven_waits_for_a_person_and_is_not_wrong():
    waiting = NeedsReview(report(event(ctdivol="17.20", proven=False)), (doubt("mean_ctdivol", "not proven"),))
    one = compared(waiting, expecting(stated()))

    assert one is not None
    assert counts(one, "mean_ctdivol") == (1, 0, 0, 0)
    assert not one.verified


def test_a_value_proven_wrongly_is_wrong_in_a_report_that_waits_too():
    one = compared(NeedsReview(report(event(ctdivol="17.20")), ()), expecting(stated()))

    assert one is not None
    assert counts(one, "mean_ctdivol") == (1, 0, 1, 1)


@pytest.mark.parametrize("rows", [(), (event(), event())])
def test_a_row_too_few_or_too_many_counts_with_its_values(rows):
    one = verified(report(*rows), expecting(stated()))

    assert one is not None
    assert one.total.wrong == 4


def test_rows_of_a_waiting_report_that_are_not_as_many_are_not_read():
    one = compared(NeedsReview(report(event(), event()), ()), expecting(stated()))

    assert one is not None
    assert (one.total.values, one.total.read, one.total.wrong) == (5, 1, 0)


def test_an_unreadable_screen_of_the_template_has_read_nothing():
    one = compared(Unreadable("no anchor"), expecting(stated()))

    assert one is not None
    assert (one.total.values, one.total.read, one.total.proven, one.total.wrong) == (5, 0, 0, 0)


def test_what_another_template_reads_is_not_counted():
    other = replace(report(event()), template="acme/dose r1")

    assert verified(other, expecting(stated())) is None
    assert compare(TEMPLATE, expecting(stated()), Ending(Unreadable("no template")), [Dataset()]) is None


def test_the_board_says_counts_bounds_and_nothing_of_a_patient():
    boards = [verified(report(event()), expecting(stated()), serial=serial) for serial in ("77", "78", "78")]
    boards.append(verified(report(event(dlp="1.00")), expecting(stated()), model="Light|Speed"))
    text = markdown(Board(TEMPLATE, [one for one in boards if one is not None], others=2, unexpected=1), "0.1")

    assert "| GE MEDICAL SYSTEMS | LightSpeed VCT | 07MW18.4 | 2 | 3 | 3 | 3 | 15 | 15 | 15 | 0 |" in text
    assert "| GE MEDICAL SYSTEMS | Light\\|Speed | 07MW18.4 | 1 | 1 | 1 | 1 | 5 | 4 | 5 | 1 |" in text
    assert "| dlp | 4 | 3 | 4 | 1 |" in text
    assert "| all | 20 | 19 | 20 | 1 |" in text
    assert "| scanners | 3 | 1 | 86.46% |" in text
    assert "| values | 20 | 1 | 21.61% |" in text
    assert "examinations of other templates: 2; of which nothing is stated: 1" in text
    assert [word for word in ("DOE", "4711", "1.2.3", "2020", "77", "498", ".dcm") if word in text] == []


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def converted(tmp_path):
    """One sample, converted: the report that a person corrects."""
    path = tmp_path / "report.jsonl"
    run("convert", GE / "two_series", "--out", tmp_path / "out", "--report", path)
    return path


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_the_command_prints_the_board_and_fails_where_a_value_is_wrong(converted):
    command = ("template", "score", "ge/dose-report", "--screens", GE / "two_series", "--expect", converted)

    assert "# Scoreboard of ge/dose-report" in run(*command).output
    line = json.loads(converted.read_text().splitlines()[0])
    line["events"][-1]["dlp"] = "0.01"
    converted.write_text(json.dumps(line))
    assert "| dlp |" in run(*command, code=4).output
    line["study_instance_uid"] = "1.2.3.4"
    converted.write_text(json.dumps(line))
    said = run(*command, code=1).exception
    assert str(said).endswith(
        "report.jsonl:1: its study is not among the screens; name its folder too, or drop the line"
    )
