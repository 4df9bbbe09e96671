"""Where no dose screen can be read, the images' headers are all there is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ocr_service.dose.report import CTAcquisitionType, FindingKind, Origin, Phantom, Source
from ocr_service.study.header import HeaderReport, NoHeaderDose, header_report
from tests.study.headers import enhanced, image, localizer, page, reformats, spiral, uid, whole_spiral


def reported(datasets, mapping=None):
    told = header_report(datasets, mapping or {})
    assert isinstance(told, HeaderReport)
    return told


def doubts(told):
    return [found.where for found in told.findings if found.kind is FindingKind.DOUBT]


def test_a_complete_spiral_is_an_event_with_its_dose_and_where_that_comes_from():
    told = reported([localizer(), *whole_spiral(count=20, thickness=5, BodyPartExamined="ABDOMEN"), *reformats()])
    (event,) = told.report.events

    assert (event.mean_ctdivol.text, event.mean_ctdivol.source) == ("10", Source.COPIED_FROM_IMAGE)
    assert (event.dlp.text, event.dlp.source) == ("100", Source.COMPUTED_FROM_IMAGE)
    assert (event.phantom.value, event.kvp.text) == (Phantom.BODY, "120")
    assert event.acquisition_type.value is CTAcquisitionType.SPIRAL
    assert event.target_region.meaning == "Abdomen"
    assert (told.report.origin, told.report.dlp_total, told.needs_review) == (Origin.HEADER, None, False)
    assert told.report.missing == ("1 localizers: their images state no dose",)


def test_the_report_says_that_its_dlp_is_too_small():
    assert any("over-ranging" in found.sentence for found in reported(whole_spiral()).findings)


def test_nothing_of_a_header_is_proven():
    (event,) = reported(whole_spiral()).report.events

    assert not any(reading.proven for reading in (event.mean_ctdivol, event.dlp, event.phantom, event.acquisition_type))


def test_a_mean_is_computed_not_copied():
    (event,) = reported(whole_spiral(count=3, ctdivol=[8.0, 10.0, 10.1])).report.events

    assert (event.mean_ctdivol.text, event.mean_ctdivol.source) == ("9.3667", Source.COMPUTED_FROM_IMAGE)
    assert event.mean_ctdivol.value == Decimal(event.mean_ctdivol.text)


def test_an_incomplete_set_without_modulation_has_ctdivol_and_no_dlp():
    told = reported(spiral())

    assert (told.report.events[0].mean_ctdivol.text, told.report.events[0].dlp, told.needs_review) == (
        "10",
        None,
        False,
    )


@pytest.mark.parametrize(
    "images",
    [
        spiral(ExposureModulationType="Z"),
        whole_spiral(AcquisitionType="STATIONARY"),
        [*whole_spiral(), *spiral("b", KVP="140")],
        [*whole_spiral(), *spiral("late", AcquisitionTime="101506")],
        spiral(places=[0, 1, 2, 7, 8], ImagesInAcquisition=5),
        [*whole_spiral(), *spiral("late", AcquisitionTime="103000", CTDIvol=None)],
    ],
    ids=["modulated", "stationary", "two voltages", "ambiguous", "gaps", "one event without"],
)
def test_what_is_unknown_or_ambiguous_needs_a_person(images):
    assert reported(images).needs_review


def test_two_events_are_two_rows_in_their_order():
    told = reported([*whole_spiral("late", AcquisitionTime="103000", CTDIvol=20.0), *whole_spiral()])

    assert [event.mean_ctdivol.text for event in told.report.events] == ["10", "20"]


def test_images_of_a_second_scanner_do_not_slip_in_unseen():
    other = whole_spiral("b", DeviceSerialNumber="8", AcquisitionTime="103000")

    assert "study" in doubts(reported([*whole_spiral(), *other]))


@pytest.mark.parametrize(
    ("datasets", "why"),
    [
        ([], "no original CT image"),
        ([page("Total DLP=5")], "no original CT image"),
        (reformats(), "no original CT image"),
        ([localizer()], "no original CT image"),
        (spiral(CTDIvol=None), "CTDIvol"),
    ],
)
def test_no_dose_is_an_answer_with_a_reason(datasets, why):
    told = header_report(datasets)

    assert isinstance(told, NoHeaderDose)
    assert why in told.why


def test_the_sites_mapping_names_the_target_region():
    told = reported(whole_spiral(ProtocolName="Trauma 7"), {"*trauma*": "WHOLEBODY"})

    assert told.report.events[0].target_region.meaning == "Entire body"


def test_an_unknown_target_region_is_a_note():
    told = reported(whole_spiral())

    assert told.report.events[0].target_region is None
    assert [found.kind for found in told.findings if found.where.endswith("target_region")] == [FindingKind.NOTE]


def test_an_enhanced_image_makes_a_report_too():
    (event,) = reported([enhanced()]).report.events

    assert (event.mean_ctdivol.text, event.dlp.text, event.irradiation_event_uid) == ("12", "18", uid("event"))


def test_findings_name_no_patient():
    images = whole_spiral(PatientName="Doe^Jane", PatientID="4711", StudyDescription="Doe head")
    told = reported([*images, image("b", 99.0, PatientName="Doe^Jane", PatientID="4711")])

    assert not any("Doe" in found.sentence or "4711" in found.sentence for found in told.findings)
