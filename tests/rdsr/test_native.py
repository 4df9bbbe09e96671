"""A scanner's own RDSR comes first; one of ours is done or is replaced: six endings."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest
from pydicom.dataset import Dataset

from ocr_service.dose.report import CTAcquisitionType, CTDoseReport, Origin, Phantom, Source
from ocr_service.rdsr import codes
from ocr_service.rdsr.content import ContentItems, Relation
from ocr_service.rdsr.document import VerifyingObserver, rdsr
from ocr_service.rdsr.identity import PriorReport
from ocr_service.rdsr.native import (
    AlreadyOurs,
    CoversAll,
    NoNative,
    OtherValue,
    Partial,
    Predecessor,
    Worthier,
    compare_native,
)
from tests.rdsr.reports import (
    AXIAL,
    FROM_HEADERS,
    LOCALIZER,
    SCANNER,
    SPIRAL,
    STUDY,
    TO_REVIEW,
    TWO_PHANTOMS,
    dose,
    header,
    kind,
    phantom,
    source,
)

Row = tuple[str, str, str, str]  # type (CID 10013), CTDIvol, DLP, phantom (CID 4052); "" where not stated
LOCALIZER_ROW: Row = ("113805", "0.14", "5.9", "113691")
SPIRAL_ROW: Row = ("116152004", "11.204", "498.417", "113691")
AXIAL_ROW: Row = ("113804", "55.01", "660.02", "113690")
ALL_ROWS = (LOCALIZER_ROW, SPIRAL_ROW, AXIAL_ROW)
ONE_ROW = replace(TWO_PHANTOMS, events=(SPIRAL,))


def scanner_report(
    *rows: Row,
    uid: str = "1.2.840.50",
    serial: str = "4711",
    model: str = "Scan 64",
    told_by: Source = Source.AUTOMATED,
    study: str = STUDY,
) -> Dataset:
    """A scanner's own RDSR, with the digits that it knows and the page does not show."""
    items = ContentItems()
    context: Relation = "HAS OBS CONTEXT"
    children = [
        items.uidref(codes.DEVICE_OBSERVER_UID, "1.2.840.99", context),
        items.text(codes.DEVICE_OBSERVER_MANUFACTURER, "Example Medical Systems", context),
        items.text(codes.DEVICE_OBSERVER_MODEL_NAME, model, context),
    ]
    if serial:
        children.append(items.text(codes.DEVICE_OBSERVER_SERIAL_NUMBER, serial, context))
    children.append(items.container(codes.CT_ACCUMULATED_DOSE_DATA, [items.num(codes.DLP_TOTAL, "1", codes.MGY_CM)]))
    for number, (type_code, ctdivol, dlp, phantom_code) in enumerate(rows, start=1):
        stated = [
            items.num(codes.MEAN_CTDIVOL, ctdivol or None, codes.MGY),
            items.num(codes.DLP, dlp or None, codes.MGY_CM),
        ]
        if phantom_code:
            stated.append(
                items.code(codes.CTDIW_PHANTOM_TYPE, replace(codes.UNKNOWN, value=phantom_code, scheme="DCM"))
            )
        children.append(
            items.container(
                codes.CT_ACQUISITION,
                [
                    items.code(codes.CT_ACQUISITION_TYPE, replace(codes.UNKNOWN, value=type_code)),
                    items.uidref(codes.IRRADIATION_EVENT_UID, f"{uid}.{number}"),
                    items.container(codes.CT_DOSE, stated),
                ],
            )
        )
    children.append(items.code(codes.SOURCE_OF_DOSE_INFORMATION, codes.SOURCES[told_by]))
    ds = items.container(codes.XRAY_RADIATION_DOSE_REPORT, children, template="10011", relation=None)
    ds.update(header(SOPInstanceUID=uid, StudyInstanceUID=study, Modality="SR"))
    return ds


def ours(report: CTDoseReport, *, verified: bool = True, predecessor: PriorReport | None = None) -> Dataset:
    return rdsr(report, source(), verified=verified, predecessor=predecessor)


def test_where_nobody_has_reported_the_dose_there_is_no_native():
    assert compare_native(TWO_PHANTOMS, []) == NoNative()
    assert compare_native(TWO_PHANTOMS, [header()]) == NoNative()


def test_a_scanners_own_report_of_every_row_covers_all():
    """The page rounds, the scanner does not; a localizer without dose on the page needs no cover."""
    assert compare_native(TWO_PHANTOMS, [scanner_report(*ALL_ROWS)]) == CoversAll(("1.2.840.50",))
    assert compare_native(TWO_PHANTOMS, [scanner_report(SPIRAL_ROW, AXIAL_ROW)]) == CoversAll(("1.2.840.50",))


def test_several_reports_of_the_scanner_cover_together_and_no_event_counts_twice():
    first = scanner_report(SPIRAL_ROW, uid="1.2.840.51")
    second = scanner_report(AXIAL_ROW, uid="1.2.840.52")
    repeated = scanner_report(SPIRAL_ROW, uid="1.2.840.51")
    twice = replace(TWO_PHANTOMS, events=(SPIRAL, SPIRAL))

    assert compare_native(TWO_PHANTOMS, [first, second]) == CoversAll(("1.2.840.51", "1.2.840.52"))
    assert isinstance(compare_native(twice, [first, repeated]), Partial)


def test_a_row_that_the_scanners_own_report_lacks_is_partial_cover():
    verdict = compare_native(TWO_PHANTOMS, [scanner_report(LOCALIZER_ROW, SPIRAL_ROW)])

    assert verdict == Partial(("1.2.840.50",), ("row 3 is not in the scanner's own dose report",))


def test_another_value_than_the_scanners_own_is_shown_with_both():
    other = ("116152004", "12.01", "498.42", "113691")
    verdict = compare_native(TWO_PHANTOMS, [scanner_report(other, AXIAL_ROW)])

    assert verdict == OtherValue(
        ("1.2.840.50",),
        ("row 2: Mean CTDIvol is 11.20 on the screen, 12.01 in the scanner's own report",),
    )


def test_another_phantom_than_the_scanners_own_is_another_value():
    verdict = compare_native(TWO_PHANTOMS, [scanner_report((*SPIRAL_ROW[:3], "113690"), AXIAL_ROW)])

    assert isinstance(verdict, OtherValue)
    assert verdict.sentences == ("row 2: the phantom is body on the screen, head in the scanner's own report",)


def test_a_localizers_dose_never_stands_for_another_row():
    shared = replace(TWO_PHANTOMS, events=(SPIRAL,))
    verdict = compare_native(shared, [scanner_report(("113805", *SPIRAL_ROW[1:]))])

    assert isinstance(verdict, Partial)


@pytest.mark.parametrize(
    ("printed", "exact", "same"),
    [
        ("14", "14.49", True),
        ("14", "14.51", True),  # some consoles cut digits off
        ("14", "15.01", False),
        ("14", "12.99", False),
        ("274.9", "274.90", True),
        ("274.9", "274.9499", True),
        ("274.9", "275.0", False),
        ("14.50", "14.5", True),
        ("14.54", "14.5", True),
        ("14.56", "14.5", False),
        ("0", "0.4", True),
    ],
)
def test_values_are_equal_at_the_precision_of_the_coarser_one(printed, exact, same):
    row = replace(SPIRAL, mean_ctdivol=dose(printed), dlp=None)
    verdict = compare_native(replace(TWO_PHANTOMS, events=(row,)), [scanner_report(("116152004", exact, "1", ""))])

    assert isinstance(verdict, CoversAll if same else OtherValue)


def test_a_report_of_ours_with_the_same_events_is_done():
    verdict = compare_native(TWO_PHANTOMS, [ours(TWO_PHANTOMS)])

    assert isinstance(verdict, AlreadyOurs)
    assert verdict.parsed.event_uids == tuple(event.irradiation_event_uid for event in verdict.parsed.report.events)


def test_a_page_that_totals_its_one_phantom_is_not_written_twice():
    page = replace(TWO_PHANTOMS, events=(LOCALIZER, SPIRAL), phantom_totals=((Phantom.BODY, dose("498.4")),))

    assert isinstance(compare_native(page, [ours(page)]), AlreadyOurs)


def test_descriptive_values_that_are_proven_later_change_nothing():
    poor = replace(SPIRAL, protocol=None, scanning_range=None, series_number=None, kvp=None)
    earlier = ours(replace(TWO_PHANTOMS, events=(LOCALIZER, poor, AXIAL)))

    assert isinstance(compare_native(TWO_PHANTOMS, [earlier]), AlreadyOurs)


@pytest.mark.parametrize(
    "change",
    [
        {"events": (LOCALIZER, SPIRAL)},
        {"events": (LOCALIZER, replace(SPIRAL, dlp=dose("498.43")), AXIAL)},
        {"events": (LOCALIZER, replace(SPIRAL, phantom=phantom(Phantom.HEAD)), AXIAL)},
        {"events": (LOCALIZER, replace(SPIRAL, acquisition_type=None), AXIAL)},
        {"dlp_total": dose("1158.42")},
        {"missing": ("page 2 of 2",)},
        {"origin": Origin.HEADER},
    ],
)
def test_a_report_of_ours_that_states_something_else_is_the_predecessor(change):
    earlier = ours(replace(TWO_PHANTOMS, **change))
    verdict = compare_native(TWO_PHANTOMS, [earlier])

    assert isinstance(verdict, Predecessor)
    assert verdict.parsed.sop_instance_uid == earlier.SOPInstanceUID


def test_a_report_that_waited_for_a_person_is_replaced_when_it_is_verified():
    waiting = ours(TWO_PHANTOMS, verified=False)

    assert isinstance(compare_native(TWO_PHANTOMS, [waiting], verified=True), Predecessor)
    assert isinstance(compare_native(TWO_PHANTOMS, [waiting], verified=False), AlreadyOurs)


@pytest.mark.parametrize("report", [TO_REVIEW, FROM_HEADERS])
def test_what_is_still_unproven_or_from_headers_is_not_written_twice(report):
    assert isinstance(compare_native(report, [ours(report, verified=False)], verified=False), AlreadyOurs)


def test_a_computed_value_longer_than_a_decimal_string_is_not_written_twice():
    mean = replace(dose("1", told_by=Source.COPIED_FROM_IMAGE), value=Decimal(203) / 14, text="")
    report = replace(FROM_HEADERS, events=(replace(SPIRAL, mean_ctdivol=mean),))

    assert isinstance(compare_native(report, [ours(report, verified=False)], verified=False), AlreadyOurs)


def test_of_several_of_ours_the_one_that_no_other_replaced_counts():
    first = ours(replace(TWO_PHANTOMS, missing=("page 2",)))
    prior = compare_native(TWO_PHANTOMS, [first])
    assert isinstance(prior, Predecessor)
    second = ours(TWO_PHANTOMS, predecessor=prior.parsed.prior)

    for objects in ([first, second], [second, first]):
        verdict = compare_native(TWO_PHANTOMS, objects)
        assert isinstance(verdict, AlreadyOurs)
        assert verdict.parsed.sop_instance_uid == second.SOPInstanceUID


def test_a_scanners_own_report_comes_before_one_of_ours():
    verdict = compare_native(TWO_PHANTOMS, [ours(TWO_PHANTOMS), scanner_report(*ALL_ROWS)])

    assert isinstance(verdict, CoversAll)


def test_a_report_that_other_software_made_is_passed_over():
    converted = scanner_report(*ALL_ROWS, told_by=Source.READ_FROM_SCREEN)

    assert compare_native(TWO_PHANTOMS, [converted]) == NoNative()


def test_a_report_of_another_study_or_another_scanner_is_passed_over():
    other_study = scanner_report(*ALL_ROWS, study="1.2.3")
    other_serial = scanner_report(*ALL_ROWS, serial="4712")
    other_model = scanner_report(*ALL_ROWS, serial="", model="Scan 16")
    other_of_ours = ours(replace(TWO_PHANTOMS, scanner=replace(SCANNER, serial_number="4712")))

    assert compare_native(TWO_PHANTOMS, [other_study, other_serial, other_model, other_of_ours]) == NoNative()


def test_without_serial_numbers_maker_and_model_tell_the_scanner():
    assert isinstance(compare_native(TWO_PHANTOMS, [scanner_report(*ALL_ROWS, serial="")]), CoversAll)


def test_a_dose_report_that_cannot_be_read_is_no_cover():
    broken = deepcopy(scanner_report(*ALL_ROWS))  # documents share equal items
    event = broken.ContentSequence[-2]
    event.ContentSequence[-1].ContentSequence[0].MeasuredValueSequence[0].NumericValue = "-1"
    verdict = compare_native(TWO_PHANTOMS, [broken])

    assert isinstance(verdict, Partial)
    assert "a dose report of this study cannot be read" in verdict.sentences


def test_a_type_that_differs_is_no_other_value():
    """Pages call a spiral by many names; the same dose twice is the harm."""
    row = replace(SPIRAL, acquisition_type=kind(CTAcquisitionType.SEQUENCED))
    verdict = compare_native(replace(TWO_PHANTOMS, events=(row,)), [scanner_report(SPIRAL_ROW)])

    assert isinstance(verdict, CoversAll)


PERSON = VerifyingObserver("Roe^Jane", "Example Hospital", "20200312081500")


def test_a_report_that_is_not_believed_any_more_is_replaced_and_never_worthier():
    earlier = ours(TWO_PHANTOMS)
    waits = replace(TO_REVIEW, missing=())
    verdict = compare_native(waits, [earlier], verified=False, disbelieved=frozenset({str(earlier.SOPInstanceUID)}))

    assert isinstance(compare_native(waits, [earlier], verified=False), Worthier)
    assert isinstance(verdict, Predecessor)
    assert len(verdict.parsed.known_events) == 3


def test_a_report_that_is_not_believed_any_more_stands_where_the_new_one_states_the_same():
    earlier = ours(TWO_PHANTOMS)
    disbelieved = frozenset({str(earlier.SOPInstanceUID)})

    assert isinstance(compare_native(TWO_PHANTOMS, [earlier], disbelieved=disbelieved), AlreadyOurs)


def test_what_a_person_answers_for_is_held_back_by_no_report_of_ours():
    incomplete = replace(ONE_ROW, missing=("page 2 of 2 has not arrived",))
    earlier = ours(TWO_PHANTOMS)

    assert isinstance(compare_native(incomplete, [earlier]), Worthier)
    assert isinstance(compare_native(incomplete, [earlier], attested=True), Predecessor)


def test_what_a_person_answers_for_takes_the_place_of_the_same_values_that_wait():
    incomplete = replace(ONE_ROW, missing=("page 2 of 2 has not arrived",))
    waits = ours(incomplete, verified=False)
    stands = rdsr(incomplete, source(), verified=True, verifying_observer=PERSON)

    assert isinstance(compare_native(incomplete, [waits]), AlreadyOurs)
    assert isinstance(compare_native(incomplete, [waits], attested=True), Predecessor)
    assert isinstance(compare_native(incomplete, [stands], attested=True), AlreadyOurs)
    assert isinstance(compare_native(ONE_ROW, [ours(ONE_ROW)], attested=True), AlreadyOurs)


def test_what_a_person_answered_for_is_worth_more_than_what_waits():
    stands = rdsr(FROM_HEADERS, source(), verified=True, verifying_observer=PERSON)
    other = replace(FROM_HEADERS, missing=("1 localizers",))

    assert isinstance(compare_native(other, [stands], verified=False), Worthier)
    assert isinstance(compare_native(TWO_PHANTOMS, [stands]), Predecessor)


def test_a_person_answers_for_a_report_beside_a_scanners_own_that_says_something_else():
    lacks = scanner_report(LOCALIZER_ROW, SPIRAL_ROW)
    waits = ours(TWO_PHANTOMS, verified=False)

    assert isinstance(compare_native(TWO_PHANTOMS, [lacks, waits]), Partial)
    assert isinstance(compare_native(TWO_PHANTOMS, [lacks, waits], attested=True), Predecessor)
    assert isinstance(compare_native(TWO_PHANTOMS, [lacks], attested=True), NoNative)
    assert isinstance(compare_native(TWO_PHANTOMS, [scanner_report(*ALL_ROWS)], attested=True), CoversAll)
