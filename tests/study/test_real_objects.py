"""Real objects of real scanners, where they are at hand beside the project."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pydicom
import pytest

from ocr_service.dose.report import CTAcquisitionType, FindingKind
from ocr_service.study.header import (
    HeaderReport,
    align,
    console_text,
    header_report,
    image_events,
    scanner_of,
    with_target_regions,
    with_witnesses,
)
from tests.study.headers import BODY, HEAD, IMAGES, LOCALIZER, SPIRAL, read, report, row, told_by

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
INGENUITY = REAL / "philips_ingenuity"
pytestmark = pytest.mark.skipif(not INGENUITY.is_dir(), reason="the real objects are not at hand")
EVENT = "1.3.46.670589.33.1.26448423223751662662.23175844992788790182"
NAMED = frozenset({"comments", "exposure_sequence", "images"})


def header(path):
    return pydicom.dcmread(path, stop_before_pixels=True)


def reported(datasets):
    told = header_report(datasets)
    assert isinstance(told, HeaderReport)
    return told


def vouched_for(printed, page, *images):
    """The report with its witnesses and regions, and all that was found."""
    told, findings = with_witnesses(printed, align(printed, [console_text(page)], image_events(images)), NAMED)
    told, more = with_target_regions(told, None, {})
    return told, (*findings, *more)


def images():
    return [header(path) for path in sorted(INGENUITY.glob("S[12]0*/I*"))]


def test_three_reconstructions_of_one_spiral_are_one_event_of_unknown_dose():
    told = reported(images())
    (event,) = told.report.events

    assert (event.mean_ctdivol, event.dlp, told.needs_review) == (None, None, True)
    assert (event.irradiation_event_uid, event.kvp.text) == (EVENT, "120")
    assert event.target_region.meaning == "Brain"
    (why,) = [found.sentence for found in told.findings if found.kind is FindingKind.DOUBT]
    assert "15 of 140 mm" in why
    assert "modulated" in why


def test_its_images_are_nine_slices_of_three_series_and_a_surview():
    surview, scan = image_events([*images(), *(header(path) for path in sorted((INGENUITY / "S4010").iterdir()))])

    assert (surview.localizer, surview.images, scan.localizer, scan.images) == (True, 1, False, 9)
    assert (scan.complete, scan.modulated, scan.ambiguous) == (False, True, "")
    assert len(scan.series_instance_uids) == 3


def test_its_page_states_the_dose_twice_more():
    text = console_text(header(INGENUITY / "S4010" / "I50"))

    assert [(r.ctdivol, r.dlp) for r in text.comment_rows] == [
        (Decimal("0.085"), Decimal("2.2")),
        (14, Decimal("274.9")),
    ]
    assert text.comment_total == text.private_total == Decimal("277.1")
    assert [(r.number, r.ctdivol, r.dlp, r.phantom) for r in text.sequence_rows] == [
        ("100", Decimal("0.085"), Decimal("2.2"), BODY),
        ("200", 14, Decimal("274.9"), HEAD),
    ]
    assert [r.acquisition_type for r in text.sequence_rows] == [LOCALIZER, SPIRAL]


def test_its_page_read_by_one_engine_is_proven_by_its_texts_and_its_images_are_a_note():
    page = header(INGENUITY / "S4010" / "I50")
    printed = report(
        row("0.085", "2.2", LOCALIZER, BODY, series_number=read("1")),
        row("14", "274.9", SPIRAL, HEAD, series_number=read("2")),
        total="277.1",
    )
    vouched, findings = vouched_for(printed, page, *images())
    scan = vouched.events[1]

    assert all(reading.proven for event in vouched.events for reading in (event.mean_ctdivol, event.dlp))
    assert vouched.dlp_total.proven
    assert {found.kind for found in findings} == {FindingKind.NOTE}
    assert any(found.where == "row 2, mean_ctdivol" and "18.37" in found.sentence for found in findings)
    assert IMAGES not in told_by(scan.mean_ctdivol)
    assert (scan.irradiation_event_uid, scan.target_region.meaning) == (EVENT, "Brain")
    assert (scan.parameters.scanning_length, scan.parameters.pitch) == (164, Decimal("0.391"))
    assert scan.parameters.exposure_time is None  # 1.276 s, of a scan that took 6.6


def test_the_scanner_is_named():
    scanner = scanner_of(header(INGENUITY / "S4010" / "I50"))

    assert scanner.identity == ("PHILIPS", "Ingenuity CT", "336067")


def test_the_french_ge_console():
    page = header(REAL / "headers" / "ge_lightspeed_vct_sc_header.dcm")
    printed = report(
        row(kind=LOCALIZER),
        row(kind=LOCALIZER),
        row("15.43", "769.67", SPIRAL, BODY),
        row("19.53", "979.01", SPIRAL, BODY),
        total="1748.68",
    )
    vouched, findings = vouched_for(printed, page)

    assert all(event.mean_ctdivol.proven and event.dlp.proven for event in vouched.events[2:])
    assert vouched.dlp_total.proven
    assert [event.parameters.kvp for event in vouched.events] == [100, 120, 120, 120]
    assert vouched.events[2].parameters.tube_current == Decimal("536.20001")
    assert {found.kind for found in findings} == {FindingKind.NOTE}
    assert {event.target_region.meaning for event in vouched.events} == {"Chest"}


def test_the_philips_console_whose_comment_and_sequence_differ():
    page = header(REAL / "headers" / "philips_brilliance16p_sc_header.dcm")
    printed = report(row("7.2", "196.0", None), row("11.5", "248.6", None), row("9.3", "657.9", None), total="1102.4")
    vouched, findings = vouched_for(printed, page)

    assert [row.label for row in console_text(page).comment_rows] == ["PRE KIDNEYS", "30S KIDNEYS", "100S C/A/P"]
    assert all(event.mean_ctdivol.proven and event.dlp.proven for event in vouched.events)
    assert [event.acquisition_type.value for event in vouched.events] == [CTAcquisitionType.SPIRAL] * 3
    assert {found.kind for found in findings} == {FindingKind.NOTE}
    assert [found.where for found in findings if "region" not in found.where] == ["row 2, mean_ctdivol"]
    assert vouched.dlp_total.proven
