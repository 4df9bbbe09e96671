"""Page, comment, sequence and images number the series differently: order and values say which is which."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_service.dose.report import AcquisitionParameters
from ocr_service.study.comments import parse_comment
from ocr_service.study.header import align, image_events
from ocr_service.study.stated import ConsoleText, StatedDose
from tests.study.headers import BODY, HEAD, LOCALIZER, SPIRAL, localizer, read, report, row, spiral, uid, whole_spiral


def comment(text: str) -> ConsoleText:
    told = parse_comment(text)
    return ConsoleText(told.rows, told.total, told.total_is_named)


def sequence(*rows: StatedDose) -> ConsoleText:
    return ConsoleText(sequence_rows=rows)


def stated(ctdivol=None, dlp=None, kind=SPIRAL, order=1, **told) -> StatedDose:
    ctdivol, dlp = (None if value is None else Decimal(value) for value in (ctdivol, dlp))
    return StatedDose("exposure_sequence", order, ctdivol=ctdivol, dlp=dlp, acquisition_type=kind, **told)


def orders(aligned):
    return [event.stated[0].order if event.stated else None for event in aligned.events]


def test_rows_are_paired_by_their_values_whatever_their_numbers():
    rows = report(row("0.085", "2.2", LOCALIZER), row("14", "274.9"))
    text = comment("Series #7 CTDIvol=0.085 DLP=2.2 Series #8 CTDIvol=14 DLP=274.9")

    assert orders(align(rows, [text], ())) == [1, 2]


def test_a_number_alone_pairs_nothing():
    rows = report(row("14", "274.9", series_number=read("2")), row("9", "100", series_number=read("3")))
    text = comment("Series #3 CTDIvol=14 DLP=274.9 Series #4 CTDIvol=9 DLP=100")

    assert orders(align(rows, [text], ())) == [1, 2]


def test_a_comment_that_leaves_localizers_out_is_shifted():
    rows = report(row(kind=LOCALIZER), row("7.2", "196.0"), row("11.5", "248.6"))

    assert orders(align(rows, [comment("Series #3 CTDIvol=7.2 DLP=196.0 Series #5 CTDIvol=11.5 DLP=248.6")], ())) == [
        None,
        1,
        2,
    ]


def test_events_without_dose_are_paired_in_their_order():
    rows = report(row(kind=LOCALIZER), row(kind=LOCALIZER), row("15.43", "769.67"), row("19.53", "979.01"))

    assert orders(align(rows, [comment("Event=1 Event=2 Event=3 DLP=769.67 Event=4 DLP=979.01")], ())) == [1, 2, 3, 4]


def test_values_that_differ_in_their_last_digits_are_the_same_irradiation():
    rows = report(row("7.2", "196.0"), row("11.5", "248.6"), row("9.3", "657.9"))
    text = sequence(
        stated("0", "0", LOCALIZER, 1),
        stated("7.200978", "196.01", order=2),
        stated("11.329", "248.586", order=3),
        stated("9.3157", "657.85", order=4),
    )

    assert orders(align(rows, [text], ())) == [2, 3, 4]


def test_a_lost_row_shifts_no_other():
    rows = report(row("7.2", "196.0"), row("9.3", "657.9"))
    aligned = align(rows, [comment("Event=1 DLP=196.0 Event=2 DLP=248.6 Event=3 DLP=657.9")], ())

    assert orders(aligned) == [1, 3]
    assert [one.dlp for one in aligned.unmatched] == [Decimal("248.6")]


def test_equal_rows_of_which_one_is_missing_are_paired_with_none():
    rows = report(row("7.2", "196.0"), row("7.2", "196.0"))

    assert orders(align(rows, [comment("Event=1 CTDIvol=7.2 DLP=196.0")], ())) == [None, None]


def test_equal_rows_keep_their_order():
    rows = report(row("7.2", "196.0"), row("7.2", "196.0"))

    assert orders(align(rows, [comment("Event=1 DLP=196.0 Event=2 DLP=196.0")], ())) == [1, 2]


def test_rows_whose_values_all_differ_are_paired_by_order_where_both_sides_have_as_many():
    rows = report(row(kind=LOCALIZER), row("84.81", "500"))

    assert orders(align(rows, [comment("Event=1 Event=2 CTDIvol=64.81 DLP=300")], ())) == [1, 2]


def test_a_localizer_is_never_a_spiral():
    rows = report(row("14", "274.9", LOCALIZER))

    assert align(rows, [sequence(stated(None, None, SPIRAL))], ()).events[0].stated == ()


def test_another_voltage_is_another_irradiation():
    told = stated("14", "274.9", parameters=AcquisitionParameters(kvp=Decimal(100)))
    printed = row("14", "274.9", kvp=replace(read("120"), proven=True))

    assert orders(align(report(printed), [sequence(told)], ())) == [None]


def test_the_text_of_a_later_page_goes_before_that_of_an_earlier_one():
    rows = report(row("7.2", "196.0"), row("9.3", "657.9"))
    first, second = comment("Event=1 DLP=196.0"), comment("Event=1 DLP=196.0 Event=2 DLP=657.9")
    aligned = align(rows, [first, second], ())

    assert orders(aligned) == [1, 2]
    assert aligned.unmatched == ()


def test_pages_in_two_series_each_tell_their_own_rows():
    rows = report(row("7.2", "196.0"), row("9.3", "657.9"))

    assert orders(align(rows, [comment("Event=1 DLP=196.0"), comment("Event=1 DLP=657.9")], ())) == [1, 1]


def test_images_are_paired_by_type_voltage_and_value():
    rows = report(row(kind=LOCALIZER), row("8", "100"), row("10", "274.9"))
    images = image_events([localizer(), *whole_spiral()])
    aligned = align(rows, (), images)

    assert [None if event.images is None else event.images.localizer for event in aligned.events] == [True, None, False]


def test_images_of_one_of_two_alike_rows_belong_to_neither():
    rows = report(row("8", "100"), row("9", "274.9"))
    aligned = align(rows, (), image_events(spiral(ExposureModulationType="Z")))

    assert [event.images for event in aligned.events] == [None, None]
    assert len(aligned.unmatched_images) == 1


def test_an_irradiation_event_uid_links_images_to_the_row_of_the_sequence():
    rows = report(row("8", "100"), row("9", "274.9"))
    text = sequence(
        stated("8", "100", irradiation_event_uid=uid("a")),
        stated("9", "274.9", order=2, irradiation_event_uid=uid("b")),
    )
    aligned = align(rows, [text], image_events(spiral(ExposureModulationType="Z", IrradiationEventUID=uid("b"))))

    assert [event.images is not None for event in aligned.events] == [False, True]


def test_the_phantom_decides_between_equals():
    rows = report(row("8", "100", phantom=HEAD), row("8", "100", phantom=BODY))
    aligned = align(rows, [sequence(stated("8", "100", phantom=BODY))], ())

    assert orders(aligned) == [None, 1]


VALUES = st.sampled_from(["7.2", "9.3", "11.5", "14"])


@settings(max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=6), st.lists(st.tuples(VALUES, VALUES), max_size=6))
def test_a_pairing_keeps_the_order_and_uses_each_row_once(printed, told):
    aligned = align(
        report(*(row(c, d) for c, d in printed)),
        [sequence(*(stated(c, d, order=n) for n, (c, d) in enumerate(told, start=1)))],
        (),
    )
    paired = [order for order in orders(aligned) if order is not None]

    assert paired == sorted(set(paired))


@settings(max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=6))
def test_a_text_of_the_same_rows_is_paired_row_by_row(printed):
    aligned = align(
        report(*(row(c, d) for c, d in printed)),
        [sequence(*(stated(c, d, order=n) for n, (c, d) in enumerate(printed, start=1)))],
        (),
    )

    assert orders(aligned) == list(range(1, len(printed) + 1))
