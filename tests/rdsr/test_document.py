"""A document says what is proven, names what is not, and keeps the patient's name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from pydicom.dataset import Dataset

from ocr_service.dose.report import CodedConcept, Origin, Phantom, Reading, Scope, Source, doubt, note
from ocr_service.rdsr import codes, words
from ocr_service.rdsr.document import VerifyingObserver, rdsr
from ocr_service.rdsr.identity import PriorReport
from ocr_service.rdsr.parse import parse
from ocr_service.rdsr.sop import encode
from ocr_service.rdsr.tree import Node
from tests.rdsr.reports import (
    AXIAL,
    FROM_HEADERS,
    KINDS,
    LOCALIZER,
    ONE_SPIRAL,
    PRINTED_PER_PHANTOM,
    SPIRAL,
    STUDY,
    TO_REVIEW,
    TWO_PHANTOMS,
    dose,
    phantom,
    source,
)

PERSON = VerifyingObserver("Roe^Jane", "Example Hospital", "20200312081500+0100")


def comments(ds: Dataset) -> list[str]:
    """The root's comment, line by line."""
    return Node(ds).text(codes.COMMENT).splitlines()


def total(ds: Dataset) -> Node:
    found = Node(ds).find(codes.CT_ACCUMULATED_DOSE_DATA)
    assert found is not None
    return found


def meaning(node: Node, *path: CodedConcept) -> str:
    """What the CODE item at the end of the path means."""
    code = node.code(*path)
    assert code is not None
    return code.meaning


def acquisitions(ds: Dataset) -> list[Node]:
    return Node(ds).all(codes.CT_ACQUISITION)


def test_a_verified_report_is_complete_and_names_no_person():
    ds = rdsr(ONE_SPIRAL, source(), verified=True)

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert "VerifyingObserverSequence" not in ds
    assert comments(ds) == []


def test_only_a_named_person_makes_a_report_verified():
    ds = rdsr(ONE_SPIRAL, source(), verified=True, verifying_observer=PERSON)

    assert ds.VerificationFlag == "VERIFIED"
    assert ds.VerifyingObserverSequence[0].VerifyingObserverName == "Roe^Jane"
    assert (ds.ContentDate, ds.ContentTime) == ("20200312", "081500")
    with pytest.raises(ValueError, match="nobody can answer"):
        rdsr(TO_REVIEW, source(), verified=False, verifying_observer=PERSON)


def test_a_report_of_headers_is_partial_whatever_is_known():
    ds = rdsr(FROM_HEADERS, source(), verified=True)

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert comments(ds) == [words.NO_SCREEN]
    assert sources(ds) == [
        "Copied From Image Attributes",
        "Computed From Image Attributes",
    ]


def sources(ds: Dataset) -> list[str]:
    return [meaning(node) for node in Node(ds).all(codes.SOURCE_OF_DOSE_INFORMATION)]


def test_a_report_that_waits_for_a_person_says_what_is_missing_unproven_and_in_doubt():
    found = (
        doubt("row 2, mean_ctdivol", "only ppocr vouches for it"),
        note("row 2, protocol", "left out"),
        doubt("dlp_total", "the rows add up to something else"),
    )
    ds = rdsr(TO_REVIEW, source(), verified=False, findings=found)

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert comments(ds) == [
        "Missing: page 2 of 2 has not arrived",
        "Not verified: a person has yet to confirm this report.",
        "In doubt: dlp_total; row 2, mean_ctdivol.",
    ]
    spiral = acquisitions(ds)[1]
    assert spiral.number(codes.MGY, codes.CT_DOSE, codes.MEAN_CTDIVOL) == "17.20"
    assert "Unproven, a person has to confirm: Mean CTDIvol." in spiral.text(codes.COMMENT).splitlines()


def test_the_words_of_a_doubt_do_not_change_the_document():
    """An engine that reads the same wrong letter otherwise must not make another document."""
    one, other = (doubt("row 2, mean_ctdivol", sentence) for sentence in ("ppocr 84.81", "tesseract 64.81"))

    assert encode(rdsr(TO_REVIEW, source(), verified=False, findings=[one])) == encode(
        rdsr(TO_REVIEW, source(), verified=False, findings=[other, one])
    )


def test_an_unproven_descriptive_value_is_left_out():
    written = encode(rdsr(TO_REVIEW, source(), verified=False))

    assert b"Th0rax" not in written
    assert b"l402" not in written


def test_an_unproven_dose_value_never_stands_in_a_verified_report():
    shaky = replace(SPIRAL, mean_ctdivol=dose("17.20", proven=False), dlp=dose("498.42", proven=False))
    (spiral,) = acquisitions(rdsr(replace(ONE_SPIRAL, events=(shaky,)), source(), verified=True))

    assert spiral.find(codes.CT_DOSE, codes.MEAN_CTDIVOL) is not None
    assert spiral.number(codes.MGY, codes.CT_DOSE, codes.MEAN_CTDIVOL) is None
    assert spiral.number(codes.MGY_CM, codes.CT_DOSE, codes.DLP) is None


def test_a_missing_page_makes_a_verified_report_partial():
    ds = rdsr(replace(ONE_SPIRAL, missing=("page 3 of 3",)), source(), verified=True)

    assert ds.CompletionFlag == "PARTIAL"
    assert comments(ds) == ["Missing: page 3 of 3"]


def test_every_kind_of_document_says_what_it_accumulates_over():
    study = rdsr(ONE_SPIRAL, source(), verified=True)
    single = replace(FROM_HEADERS, scope=Scope.IRRADIATION_EVENT)
    event = rdsr(single, source(), verified=False)

    assert meaning(Node(study), codes.SCOPE_OF_ACCUMULATION) == "Study"
    assert Node(study).text(codes.SCOPE_OF_ACCUMULATION, codes.STUDY_INSTANCE_UID) == STUDY
    assert meaning(Node(event), codes.SCOPE_OF_ACCUMULATION) == "Irradiation Event"
    assert Node(event).text(codes.SCOPE_OF_ACCUMULATION, codes.IRRADIATION_EVENT_UID) == f"{STUDY}.77"
    with pytest.raises(ValueError, match="holds one event"):
        rdsr(replace(ONE_SPIRAL, scope=Scope.IRRADIATION_EVENT), source(), verified=True)


def test_a_printed_total_stands_as_printed():
    assert total(rdsr(ONE_SPIRAL, source(), verified=True)).number(codes.MGY_CM, codes.DLP_TOTAL) == "498.42"


def test_without_a_printed_total_the_proven_rows_are_added_up_and_the_comment_says_so():
    rows = (LOCALIZER, SPIRAL, AXIAL, replace(AXIAL, dlp=dose("99", proven=False)))
    found = total(rdsr(replace(ONE_SPIRAL, events=rows, dlp_total=None), source(), verified=False))

    assert found.number(codes.MGY_CM, codes.DLP_TOTAL) == "1158.42"
    assert words.sum_of_events(2, 4) in found.text(codes.COMMENT).splitlines()


def test_a_total_of_nothing_known_is_unknown_and_never_nought():
    found = total(rdsr(replace(ONE_SPIRAL, events=(LOCALIZER,), dlp_total=None), source(), verified=True))

    assert found.find(codes.DLP_TOTAL) is not None
    assert found.number(codes.MGY_CM, codes.DLP_TOTAL) is None


def sub_totals(ds: Dataset) -> dict[str, str | None]:
    return {
        meaning(node, codes.CTDIW_PHANTOM_TYPE): node.number(codes.MGY_CM)
        for node in total(ds).all(codes.DLP_SUB_TOTAL)
    }


def test_different_phantoms_have_sub_totals_and_the_total_is_the_plain_sum():
    ds = rdsr(TWO_PHANTOMS, source(), verified=True)

    assert sub_totals(ds) == {"IEC Head Dosimetry Phantom": "660.0", "IEC Body Dosimetry Phantom": "498.42"}
    assert total(ds).number(codes.MGY_CM, codes.DLP_TOTAL) == "1158.42"
    assert words.SUMMED_SUB_TOTALS in total(ds).text(codes.COMMENT).splitlines()
    assert sub_totals(rdsr(ONE_SPIRAL, source(), verified=True)) == {}


def test_a_page_that_totals_its_one_phantom_has_a_total_and_no_sub_total():
    """TID 10012 row 3a is there if and only if the phantoms differ; the printed total of the phantom is read back."""
    report = replace(ONE_SPIRAL, dlp_total=None, phantom_totals=((Phantom.BODY, dose("498.4")),))
    ds = rdsr(report, source(), verified=True)
    lines = total(ds).text(codes.COMMENT).splitlines()

    assert sub_totals(ds) == {}
    assert total(ds).number(codes.MGY_CM, codes.DLP_TOTAL) == "498.4"
    assert "CT Dose Length Product Sub-Total (IEC Body Dosimetry Phantom) as printed: 498.4" in lines
    ((told, reading),) = parse(ds).report.phantom_totals
    assert (told, reading.text, reading.source) == (Phantom.BODY, "498.4", Source.READ_FROM_SCREEN)


def test_a_sub_total_says_how_much_of_it_is_known():
    """Different phantoms demand one a phantom (TID 10012 row 3a), known or not."""
    heads = (AXIAL, replace(AXIAL, dlp=dose("99", proven=False)))
    ds = rdsr(replace(TWO_PHANTOMS, events=(SPIRAL, *heads)), source(), verified=False)
    lines = total(ds).text(codes.COMMENT).splitlines()

    assert sub_totals(ds) == {"IEC Head Dosimetry Phantom": "660.0", "IEC Body Dosimetry Phantom": "498.42"}
    assert words.sub_total_of(Phantom.HEAD, 1, 2) in lines
    assert words.sub_total_of(Phantom.BODY, 1, 1) not in lines


def test_a_sub_total_of_nothing_known_is_unknown():
    ds = rdsr(replace(TWO_PHANTOMS, events=(SPIRAL, replace(AXIAL, dlp=None))), source(), verified=True)

    assert sub_totals(ds) == {"IEC Head Dosimetry Phantom": None, "IEC Body Dosimetry Phantom": "498.42"}
    assert words.sub_total_of(Phantom.HEAD, 0, 1) in total(ds).text(codes.COMMENT).splitlines()


def test_an_unproven_phantom_has_a_sub_total_of_nothing():
    """It stands in the event, marked: no sum is built on it."""
    shaky = replace(AXIAL, phantom=phantom(Phantom.HEAD, proven=False))
    ds = rdsr(replace(TWO_PHANTOMS, events=(SPIRAL, shaky)), source(), verified=False)

    assert sub_totals(ds) == {"IEC Head Dosimetry Phantom": None, "IEC Body Dosimetry Phantom": "498.42"}


def test_printed_totals_per_phantom_stand_as_printed_and_add_up():
    ds = rdsr(PRINTED_PER_PHANTOM, source(), verified=True)

    assert sub_totals(ds) == {"IEC Head Dosimetry Phantom": "660.0", "IEC Body Dosimetry Phantom": "498.4"}
    assert total(ds).number(codes.MGY_CM, codes.DLP_TOTAL) == "1158.4"
    assert words.SUM_OF_PHANTOMS in total(ds).text(codes.COMMENT).splitlines()


def test_a_localizer_is_an_event_without_pitch_rotation_or_undeclared_dose():
    localizer, spiral = acquisitions(rdsr(ONE_SPIRAL, source(), verified=True))
    tube = (codes.CT_ACQUISITION_PARAMETERS, codes.CT_XRAY_SOURCE_PARAMETERS)

    assert localizer.find(codes.CT_DOSE) is None
    assert localizer.find(codes.CT_ACQUISITION_PARAMETERS, codes.PITCH_FACTOR) is None
    assert localizer.find(*tube, codes.EXPOSURE_TIME_PER_ROTATION) is None
    assert spiral.number(codes.RATIO, codes.CT_ACQUISITION_PARAMETERS, codes.PITCH_FACTOR) == "0.984"
    assert spiral.number(codes.SECONDS, *tube, codes.EXPOSURE_TIME_PER_ROTATION) == "0.5"


def test_a_sequenced_acquisition_has_a_pitch_factor_and_nobody_knows_it():
    """Real headers carry a spiral's pitch on axial rows."""
    axial = replace(AXIAL, parameters=SPIRAL.parameters)
    (found,) = acquisitions(rdsr(replace(ONE_SPIRAL, events=(axial,)), source(), verified=True))

    assert found.find(codes.CT_ACQUISITION_PARAMETERS, codes.PITCH_FACTOR) is not None
    assert found.number(codes.RATIO, codes.CT_ACQUISITION_PARAMETERS, codes.PITCH_FACTOR) is None


def test_every_event_has_a_coded_target_region_type_and_phantom_even_where_nobody_told():
    (event,) = acquisitions(rdsr(KINDS["unknown"][0], source(), verified=True))

    assert event.code(codes.TARGET_REGION) == codes.UNKNOWN
    assert event.code(codes.CT_ACQUISITION_TYPE) == codes.UNKNOWN
    assert event.code(codes.CT_DOSE, codes.CTDIW_PHANTOM_TYPE) == codes.UNKNOWN
    assert event.find(codes.CT_ACQUISITION_PARAMETERS, codes.PITCH_FACTOR) is None


def test_a_printed_voltage_is_preferred_to_the_headers_and_an_unproven_one_is_not():
    tube = (codes.CT_ACQUISITION_PARAMETERS, codes.CT_XRAY_SOURCE_PARAMETERS, codes.KVP)
    both = replace(SPIRAL, parameters=replace(SPIRAL.parameters, kvp=Decimal("119.9")))
    shaky = replace(both, kvp=dose("170", proven=False))
    found = acquisitions(rdsr(replace(ONE_SPIRAL, events=(both, shaky)), source(), verified=True))

    assert [event.number(codes.KILOVOLTS, *tube) for event in found] == ["120", "119.9"]


def test_the_scanning_range_stands_in_the_comment_as_printed():
    ds = rdsr(ONE_SPIRAL, source(), verified=True)

    assert "Scanning Range as printed: S12.500-I402.500" in acquisitions(ds)[1].text(codes.COMMENT).splitlines()


def test_irradiation_starts_and_ends_as_the_events_tell_or_on_the_day_of_the_study():
    told = rdsr(ONE_SPIRAL, source(), verified=True)
    untold = rdsr(KINDS["axial"][0], source(), verified=True)
    begun = replace(SPIRAL, parameters=replace(SPIRAL.parameters, end=None))
    open_end = rdsr(replace(ONE_SPIRAL, events=(begun,)), source(), verified=True)

    def times(ds: Dataset) -> tuple[str, str]:
        return Node(ds).text(codes.START_OF_IRRADIATION), Node(ds).text(codes.END_OF_IRRADIATION)

    assert times(told) == ("20200310102000", "20200310102005")
    assert times(untold) == ("20200310", "20200310")
    assert times(open_end) == ("20200310102000", "20200310")


def test_the_recording_device_is_this_service_and_the_irradiating_device_is_the_scanner():
    ds = rdsr(ONE_SPIRAL, source(), verified=True)
    roles = (codes.CT_ACCUMULATED_DOSE_DATA, codes.DEVICE_ROLE_IN_PROCEDURE)

    assert (ds.Manufacturer, ds.SoftwareVersions, ds.Modality) == ("ocr_service", "1", "SR")
    assert meaning(Node(ds), codes.DEVICE_ROLE_IN_PROCEDURE) == "Recording"
    assert meaning(Node(ds), *roles) == "Irradiating Device"
    assert Node(ds).text(*roles, codes.DEVICE_SERIAL_NUMBER) == "4711"
    (equipment,) = ds.ContributingEquipmentSequence
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
    assert (equipment.ManufacturerModelName, equipment.SoftwareVersions) == ("Scan 64", "3.2")


def test_what_the_scanner_does_not_tell_is_unknown():
    ds = rdsr(KINDS["unknown"][0], source(), verified=True)
    roles = (codes.CT_ACCUMULATED_DOSE_DATA, codes.DEVICE_ROLE_IN_PROCEDURE)

    assert Node(ds).text(*roles, codes.DEVICE_SERIAL_NUMBER) == "unknown"
    assert ds.ContributingEquipmentSequence[0].Manufacturer == "unknown"


def test_a_corrected_report_names_its_predecessor_and_has_another_uid():
    first = rdsr(TO_REVIEW, source(), verified=False)
    prior = PriorReport(STUDY, first.SeriesInstanceUID, first.SOPInstanceUID)
    second = rdsr(replace(TO_REVIEW, missing=()), source(), verified=False, predecessor=prior)
    (study,) = second.PredecessorDocumentsSequence

    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == (first.SOPInstanceUID)
    assert second.SOPInstanceUID != first.SOPInstanceUID
    assert second.SeriesInstanceUID == first.SeriesInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)


def test_the_same_report_gives_the_same_bytes_and_another_one_another_uid():
    again, other = (rdsr(ONE_SPIRAL, source(), verified=True) for _ in range(2))
    changed = rdsr(replace(ONE_SPIRAL, dlp_total=dose("498.43")), source(), verified=True)

    assert encode(again) == encode(other)
    assert changed.SOPInstanceUID != again.SOPInstanceUID


def test_evidence_and_template_are_not_in_the_document():
    """Whoever read it, and by which template: equal values give equal bytes."""
    elsewhere = replace(ONE_SPIRAL, template="another/template", events=ONE_SPIRAL.events)

    assert encode(rdsr(elsewhere, source(), verified=True)) == encode(rdsr(ONE_SPIRAL, source(), verified=True))


def test_a_typed_value_is_named_as_manual_entry():
    typed = replace(SPIRAL, dlp=dose("498.42", told_by=Source.MANUAL))
    ds = rdsr(replace(ONE_SPIRAL, events=(typed,), origin=Origin.SCREEN), source(), verified=True)

    assert sources(ds) == ["Manual Entry", "Derived From Human-Readable Reports"]
    assert "Manual Entry: DLP." in acquisitions(ds)[0].text(codes.COMMENT).splitlines()


def test_a_report_without_events_is_refused():
    with pytest.raises(ValueError, match="at least one irradiation event"):
        rdsr(replace(ONE_SPIRAL, events=()), source(), verified=True)


def test_a_voltage_that_only_headers_tell_is_not_named_as_printed():
    event = acquisitions(rdsr(FROM_HEADERS, source(), verified=False))[0]

    assert "KVP" not in event.text(codes.COMMENT)
    assert isinstance(FROM_HEADERS.events[0].mean_ctdivol, Reading)
