"""A UID stays: whoever reads the screen, however well, nothing is counted twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    IrradiationEvent,
    Origin,
    Phantom,
    Scanner,
    Source,
)
from ocr_service.rdsr.identity import (
    KnownEvent,
    device_uid,
    identified,
    irradiation_event_uids,
    series_instance_uid,
    uid_of,
    uid_of_bytes,
)
from tests.rdsr.reports import (
    AXIAL,
    LOCALIZER,
    ONE_SPIRAL,
    SCANNER,
    SPIRAL,
    STUDY,
    TWO_PHANTOMS,
    dose,
    kind,
    phantom,
    printed,
)


def known(report: CTDoseReport) -> tuple[KnownEvent, ...]:
    """The events of an earlier report, with names of their own."""
    return tuple(KnownEvent(f"1.2.{index}", event) for index, event in enumerate(report.events, start=1))


def uids(*events: IrradiationEvent, study: str = STUDY, scanner: Scanner = SCANNER) -> tuple[str, ...]:
    return irradiation_event_uids(CTDoseReport(study, scanner, events))


def test_the_uids_of_today_are_those_of_every_day():
    """A change here renames every event in every archive."""
    assert uids(LOCALIZER, SPIRAL) == (
        "2.25.229176082109379519728055859003592936433",
        "2.25.18358476106678589720778163317575485888",
    )
    assert series_instance_uid(STUDY, SCANNER) == "2.25.148450547327723443236120962092082800240"


@given(st.binary(max_size=64))
def test_a_uid_is_a_valid_one_of_a_uuid(content):
    uid = uid_of_bytes(content)
    root, _, number = uid.rpartition(".")

    assert root == "2.25"
    assert len(uid) <= 44
    assert str(int(number)) == number
    assert int(number) >> 76 & 0xF == 8  # the UUID's version


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_no_two_lists_of_words_have_the_same_uid(one, other):
    assert (uid_of(*one) == uid_of(*other)) == (one == other)


def test_values_ranges_protocol_and_template_do_not_name_an_event():
    other = replace(
        SPIRAL,
        mean_ctdivol=dose("1"),
        dlp=None,
        protocol=None,
        scanning_range=printed("S1-I2"),
        phantom=phantom(Phantom.HEAD),
        parameters=replace(SPIRAL.parameters, start="20200101000000"),
    )

    assert uids(other) == uids(SPIRAL)
    assert irradiation_event_uids(replace(ONE_SPIRAL, template="x", dlp_total=None)) == uids(LOCALIZER, SPIRAL)


def test_study_scanner_series_and_type_name_an_event():
    different = {
        uids(SPIRAL),
        uids(SPIRAL, study="1.2.3"),
        uids(SPIRAL, scanner=replace(SCANNER, serial_number="4712")),
        uids(SPIRAL, scanner=replace(SCANNER, model_name="Scan 16")),
        uids(replace(SPIRAL, series_number=printed("3"))),
        uids(replace(SPIRAL, acquisition_type=kind(CTAcquisitionType.SEQUENCED))),
    }

    assert len(different) == 6


def test_a_scanner_is_its_maker_model_and_serial_number_else_its_station():
    spelled = replace(SCANNER, manufacturer=" example  medical ", software_versions="9")
    stationed = replace(SCANNER, serial_number="", station_name="CT1")

    assert uids(SPIRAL, scanner=spelled) == uids(SPIRAL)
    assert device_uid(spelled) == device_uid(SCANNER)
    assert device_uid(stationed) != device_uid(replace(stationed, station_name="CT2"))
    assert device_uid(replace(SCANNER, device_uid="1.2.3")) == "1.2.3"


def test_what_is_unproven_does_not_name_an_event():
    shaky = replace(SPIRAL, series_number=printed("7", proven=False))

    assert uids(shaky) == uids(replace(SPIRAL, series_number=None))


def test_events_of_the_same_key_are_told_apart_by_their_order():
    assert len(set(uids(AXIAL, AXIAL, AXIAL))) == 3
    assert uids(AXIAL, AXIAL)[0] == uids(AXIAL)[0]


def test_a_header_names_its_own_event():
    named = replace(SPIRAL, irradiation_event_uid="1.2.840.1")

    assert uids(LOCALIZER, named)[1] == "1.2.840.1"


def test_a_header_that_gives_two_rows_one_uid_names_only_the_first():
    named = replace(SPIRAL, irradiation_event_uid="1.2.840.1")
    first, second = uids(named, named)

    assert first == "1.2.840.1"
    assert second.startswith("2.25.")


def test_an_event_keeps_the_uid_of_an_earlier_report_whatever_is_read_better_now():
    better = tuple(
        replace(e, mean_ctdivol=dose("1.5"), irradiation_event_uid="1.2.840.9", scanning_range=None)
        for e in TWO_PHANTOMS.events
    )

    report = replace(TWO_PHANTOMS, events=better)
    assert irradiation_event_uids(report, known=known(TWO_PHANTOMS)) == ("1.2.1", "1.2.2", "1.2.3")


def test_a_row_that_was_missing_gets_a_uid_of_its_own_and_moves_no_other():
    earlier = known(replace(TWO_PHANTOMS, events=(LOCALIZER, AXIAL)))
    later = replace(TWO_PHANTOMS, events=(LOCALIZER, SPIRAL, AXIAL))
    first, second, third = irradiation_event_uids(later, known=earlier)

    assert (first, third) == ("1.2.1", "1.2.2")
    assert second.startswith("2.25.")


def test_a_screen_found_later_keeps_the_uids_that_the_headers_gave():
    """Page and header number the series differently: that says nothing."""
    of_header = replace(
        SPIRAL,
        mean_ctdivol=dose("14.5", told_by=Source.COPIED_FROM_IMAGE),
        dlp=None,
        series_number=printed("201", told_by=Source.COPIED_FROM_IMAGE),
    )
    earlier = known(replace(ONE_SPIRAL, events=(of_header,), origin=Origin.HEADER))
    first, second = irradiation_event_uids(ONE_SPIRAL, known=earlier)

    assert second == "1.2.1"
    assert first.startswith("2.25.")


def test_a_type_that_was_misread_and_is_typed_now_does_not_rename_the_event():
    misread = replace(SPIRAL, acquisition_type=kind(CTAcquisitionType.SEQUENCED, proven=False))
    earlier = known(replace(ONE_SPIRAL, events=(misread,)))

    assert irradiation_event_uids(replace(ONE_SPIRAL, events=(SPIRAL,)), known=earlier) == ("1.2.1",)


def test_a_fresh_uid_is_never_one_that_another_row_already_has():
    (usual,) = uids(AXIAL)
    earlier = [KnownEvent(usual, AXIAL)]
    found = irradiation_event_uids(replace(ONE_SPIRAL, events=(AXIAL, AXIAL)), known=earlier)

    assert len(set(found)) == 2
    assert usual in found


def test_an_identified_report_has_a_uid_for_every_event():
    report = identified(TWO_PHANTOMS)

    assert tuple(event.irradiation_event_uid for event in report.events) == irradiation_event_uids(TWO_PHANTOMS)
    assert identified(report) == report


events = st.builds(
    IrradiationEvent,
    acquisition_type=st.none() | st.builds(kind, st.sampled_from(CTAcquisitionType), proven=st.booleans()),
    series_number=st.none() | st.builds(printed, st.sampled_from("123"), proven=st.booleans()),
    dlp=st.none() | st.builds(dose, st.integers(1, 3).map(str)),
    irradiation_event_uid=st.none() | st.sampled_from(["1.2.1", "1.2.2", "1.9"]),
)
reports = st.lists(events, min_size=1, max_size=6).map(lambda rows: CTDoseReport(STUDY, SCANNER, tuple(rows)))


@given(reports, reports)
def test_no_two_events_of_a_report_have_the_same_uid_and_the_order_of_known_ones_is_kept(report, earlier):
    names = known(earlier)
    found = irradiation_event_uids(report, known=names)
    numbers = [int(uid.rpartition(".")[2]) for uid in found if uid in {event.uid for event in names}]

    assert len(found) == len(report.events) == len(set(found))
    kept = [uid for uid, e in zip(found, report.events, strict=True) if uid != e.irradiation_event_uid]
    assert [n for n in kept if n.startswith("1.2.")] == sorted(n for n in kept if n.startswith("1.2."))
    assert all(number >= 1 for number in numbers)
    assert irradiation_event_uids(report, known=names) == found


@given(reports)
def test_a_report_read_again_has_the_uids_of_the_first_reading(report):
    first = identified(report)
    earlier = [KnownEvent(str(e.irradiation_event_uid), e) for e in first.events]

    assert irradiation_event_uids(report, known=earlier) == irradiation_event_uids(first)
    assert all(isinstance(e.dlp.value, Decimal) for e in first.events if e.dlp)
