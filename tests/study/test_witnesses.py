"""Texts and images vouch where they agree, and are only heard where they do not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.report import CTAcquisitionType, FindingKind, Phantom, Source
from ocr_service.study.agreement import equal_as_printed, printed_number
from ocr_service.study.header import align, image_events, with_witnesses
from ocr_service.study.stated import ConsoleText, StatedDose
from tests.study.headers import (
    BODY,
    CONSOLE,
    HEAD,
    IMAGES,
    LOCALIZER,
    SPIRAL,
    P,
    T,
    localizer,
    read,
    report,
    row,
    spiral,
    told_by,
    uid,
    whole_spiral,
)

ALL = frozenset({"comments", "exposure_sequence", "private_text", "images"})
NOTE, DOUBT = FindingKind.NOTE, FindingKind.DOUBT


def stated(ctdivol=None, dlp=None, source="comments", order=1, **told) -> StatedDose:
    ctdivol, dlp = (None if value is None else Decimal(value) for value in (ctdivol, dlp))
    return StatedDose(source, order, ctdivol=ctdivol, dlp=dlp, **told)


def texts(*rows: StatedDose, total=None, **told) -> list[ConsoleText]:
    by_source = {s: tuple(r for r in rows if r.source == s) for s in ALL}
    return [
        ConsoleText(
            by_source["comments"],
            None if total is None else Decimal(total),
            sequence_rows=by_source["exposure_sequence"],
            private_rows=by_source["private_text"],
            **told,
        )
    ]


def heard(rep, told=(), images=(), sources=ALL, **options):
    """The report with its witnesses, and the kinds and places of the findings."""
    vouched, findings = with_witnesses(rep, align(rep, told, image_events(images)), sources, **options)
    return vouched, [(found.kind, found.where) for found in findings]


def test_an_equal_number_of_the_consoles_text_proves_what_one_engine_read():
    rep, findings = heard(report(row("14", "274.9")), texts(stated("14", "274.9")))
    (event,) = rep.events

    assert (event.mean_ctdivol.proven, event.dlp.proven, findings) == (True, True, [])
    assert told_by(event.dlp) == {P, CONSOLE}


def test_any_number_of_texts_is_one_witness():
    nobody = read("274.9", (CONSOLE, "274.9"))
    told = texts(*(stated("14", "274.9", source) for source in ("comments", "exposure_sequence", "private_text")))
    rep, _ = heard(report(row("14", nobody)), told)

    assert [witness.kind for witness in rep.events[0].dlp.evidence.witnesses] == [CONSOLE]
    assert not rep.events[0].dlp.proven


def test_a_source_the_template_does_not_name_vouches_for_nothing_and_is_not_compared():
    rep, findings = heard(report(row("14", "274.9")), texts(stated("14", "374.9")), sources=frozenset({"images"}))

    assert (told_by(rep.events[0].mean_ctdivol), findings) == ({P}, [])


def test_two_engines_that_differ_are_settled_by_the_consoles_text():
    wrong = read("64.81", (P, "84.81"), (T, "64.81"))
    rep, _ = heard(report(row(wrong, "274.90")), texts(stated("84.81", "274.90")))

    assert (rep.events[0].mean_ctdivol.text, rep.events[0].mean_ctdivol.value) == ("84.81", Decimal("84.81"))
    assert rep.events[0].mean_ctdivol.proven


def test_a_broken_crop_is_not_healed_by_a_text():
    broken = read("274.9")
    broken = replace(broken, evidence=replace(broken.evidence, broken_crop="ink crosses the column's edge"))
    rep, _ = heard(report(row("14", broken)), texts(stated("14", "274.9")))

    assert not rep.events[0].dlp.proven


def test_a_text_with_more_digits_is_rounded_as_the_page_prints():
    rep, findings = heard(report(row("45.8", "732")), texts(stated("45.83", "732.4", "private_text")))

    assert rep.events[0].mean_ctdivol.proven
    assert rep.events[0].dlp.proven
    assert findings == []


def test_a_digit_lost_at_the_end_is_no_rounding_where_the_column_has_finer_cells():
    told = texts(stated("15.43", "769.67"), stated("19.53", "979.01", order=2))
    rep, _ = heard(report(row("15.4", "769.67"), row("19.53", "979.01")), told)

    assert [event.mean_ctdivol.proven for event in rep.events] == [False, True]


def test_the_last_digits_differ_in_real_life_and_are_a_note():
    rep, findings = heard(report(row("11.5", "248.6")), texts(stated("11.329", "248.586", "exposure_sequence")))

    assert findings == [(NOTE, "row 1, mean_ctdivol")]
    assert (told_by(rep.events[0].mean_ctdivol), told_by(rep.events[0].dlp)) == ({P}, {P, CONSOLE})


def test_more_than_ten_percent_is_a_doubt():
    _, findings = heard(report(row("14", "274.9")), texts(stated("14", "303")))

    assert findings == [(DOUBT, "row 1, dlp")]


def test_must_agree_makes_any_difference_a_doubt():
    rep = report(row("11.5", "248.6"))

    assert heard(rep, texts(stated("11.4", "248.6")), must_agree=True)[1] == [(DOUBT, "row 1, mean_ctdivol")]


def test_swapped_columns_are_a_doubt():
    _, findings = heard(report(row("274.9", "14")), texts(stated("14", "274.9")))

    assert findings == [(DOUBT, "row 1, mean_ctdivol"), (DOUBT, "row 1, dlp")]


def test_zero_is_what_texts_write_where_they_know_nothing():
    rep = report(row("0.085", "2.2", LOCALIZER))
    told = texts(stated("0", "0", "exposure_sequence", acquisition_type=LOCALIZER))

    assert heard(rep, told)[1] == []


def test_a_dose_that_is_no_row_of_the_page_is_named():
    rep = report(row("7.2", "196.0"), row("9.3", "657.9"))
    told = texts(stated("7.2", "196.0"), stated("11.5", "248.6", order=2), stated("9.3", "657.9", order=3))

    assert heard(rep, told)[1] == [(NOTE, "rows")]
    assert heard(rep, told, must_agree=True)[1] == [(DOUBT, "rows")]


def test_the_stated_total_vouches_for_the_printed_one_and_its_unit_is_no_hindrance():
    rep = report(row("14", "274.9"), total=read("277.1", (P, "277.1mGy*cm")))
    vouched, findings = heard(rep, texts(total="277.1"))

    assert (vouched.dlp_total.proven, vouched.dlp_total.text, findings) == (True, "277.1", [])


def test_another_total_is_a_doubt_only_where_the_text_names_it_so():
    rep = report(row("14", "274.9"), total="277.1")

    assert heard(rep, texts(total="400"))[1] == [(DOUBT, "dlp_total")]
    assert heard(rep, texts(total="400", comment_total_is_named=False))[1] == []


def test_the_total_of_the_only_phantom_is_vouched_for():
    rep = replace(report(row("25.40", "208.50")), phantom_totals=((BODY, read("208.50")),))

    assert heard(rep, texts(total="208.50"))[0].phantom_totals[0][1].proven


@pytest.mark.parametrize(("phantom", "proven"), [(HEAD, True), (BODY, False), (None, False)])
def test_a_number_with_a_phantom_letter_is_vouched_for_only_with_its_phantom(phantom, proven):
    printed = row(read("45.8", (P, "45.8S")), "732", None, HEAD, letter="S")
    rep, _ = heard(report(printed), texts(stated("45.83", "732", "private_text", phantom=phantom)))

    assert rep.events[0].mean_ctdivol.proven is proven
    assert rep.events[0].dlp.proven


def test_constant_images_vouch_for_ctdivol_only():
    rep, findings = heard(report(row("10.00", "12.00")), images=whole_spiral())

    assert (told_by(rep.events[0].mean_ctdivol), told_by(rep.events[0].dlp)) == ({P, IMAGES}, {P})
    assert findings == []


def test_the_mean_of_a_complete_modulated_set_vouches_after_rounding():
    images = whole_spiral(count=4, ctdivol=[8.0, 10.0, 13.0, 9.2], ExposureModulationType="Z")
    rep, _ = heard(report(row("10.1", "12")), images=images)  # 10.05, half up

    assert rep.events[0].mean_ctdivol.proven


def test_modulated_slices_of_an_incomplete_set_are_a_note():
    rep, findings = heard(report(row("14", "274.9")), images=spiral(ExposureModulationType="Z", CTDIvol=18.4))

    assert (told_by(rep.events[0].mean_ctdivol), findings) == ({P}, [(NOTE, "row 1, mean_ctdivol")])


def test_images_that_differ_are_never_a_doubt():
    _, findings = heard(report(row("84.81", "274.90")), images=whole_spiral(), must_agree=True)

    assert findings == [(NOTE, "row 1, mean_ctdivol")]


def test_images_of_another_phantom_vouch_for_nothing():
    rep, findings = heard(report(row("10.00", "274.90", phantom=HEAD)), images=whole_spiral())

    assert (told_by(rep.events[0].mean_ctdivol), findings) == ({P}, [(NOTE, "row 1, phantom")])


def test_what_the_page_does_not_print_is_filled_in():
    told = texts(stated("14", "274.9", "exposure_sequence", irradiation_event_uid=uid("b"), acquisition_type=SPIRAL))
    rep, _ = heard(report(row("14", "274.9", None)), told, whole_spiral(IrradiationEventUID=uid("b")))
    (event,) = rep.events

    assert (event.acquisition_type.value, event.phantom.value) == (CTAcquisitionType.SPIRAL, Phantom.BODY)
    assert {event.acquisition_type.source, event.phantom.source} == {Source.COPIED_FROM_IMAGE}
    assert event.phantom.proven
    assert (event.irradiation_event_uid, event.parameters.kvp) == (uid("b"), 120)


def test_what_the_page_prints_stays_as_it_is():
    told = texts(stated("14", "274.9", "exposure_sequence", phantom=BODY))
    rep, findings = heard(report(row("14", "274.9", phantom=HEAD)), told)

    assert (rep.events[0].phantom.value, findings) == (HEAD, [(NOTE, "row 1, phantom")])


def test_sources_that_contradict_each_other_fill_in_nothing():
    told = texts(
        stated("14", "274.9", "exposure_sequence", phantom=BODY), stated("14", "274.9", "private_text", phantom=HEAD)
    )

    assert heard(report(row("14", "274.9")), told)[0].events[0].phantom is None


def test_an_event_without_dose_gets_no_phantom():
    told = texts(stated(None, None, "exposure_sequence", phantom=BODY, acquisition_type=LOCALIZER))

    assert heard(report(row(kind=LOCALIZER)), told)[0].events[0].phantom is None


def test_a_row_of_text_that_is_far_off_fills_in_nothing():
    told = texts(stated("84", "900", "exposure_sequence", phantom=BODY, irradiation_event_uid=uid("b")))
    (event,) = heard(report(row("14", "274.9")), told)[0].events

    assert (event.phantom, event.irradiation_event_uid) == (None, None)


def test_the_localizer_image_tells_of_the_localizer_row():
    rep, _ = heard(report(row(kind=LOCALIZER), row("10.00", "12.00")), images=[localizer(), *whole_spiral()])

    assert [event.parameters.start for event in rep.events] == ["20200102101200", "20200102101500"]


NUMBERS = st.decimals("0.01", "9999", places=2)


@given(NUMBERS, NUMBERS)
def test_texts_of_all_three_attributes_never_prove_a_number_alone(printed, told):
    nobody = read(str(printed), *[])
    rows = [stated(told, told, source) for source in ("comments", "exposure_sequence", "private_text")]
    rep, _ = heard(report(row(nobody, read(str(printed), (CONSOLE, str(printed))))), texts(*rows))

    assert not rep.events[0].dlp.proven


@given(NUMBERS, NUMBERS)
def test_a_number_that_differs_is_never_vouched_for(printed, told):
    rep, _ = heard(report(row(str(printed), str(printed))), texts(stated(told, told)))

    assert rep.events[0].dlp.proven is (printed == told)


@given(st.decimals("0.01", "9999", places=5), st.integers(0, 3))
def test_a_number_equals_what_is_printed_of_it(stated_number, places):
    printed = round(stated_number, places) if places else Decimal(round(stated_number))

    assert equal_as_printed(printed, stated_number)
    assert not equal_as_printed(printed + Decimal(1).scaleb(-places) * 2, stated_number)


@pytest.mark.parametrize(
    ("text", "number", "mark"),
    [("14", "14", ""), ("277.1mGy*cm", "277.1", ""), ("71.37S", "71.37", "S"), ("13.76(a)", "13.76", "a")],
)
def test_a_cell_is_a_number_and_what_stands_beside_it(text, number, mark):
    printed = printed_number(text)

    assert printed is not None
    assert (printed.text, printed.mark) == (number, mark)


@pytest.mark.parametrize("text", ["", "S", "1.2.3", "-5", "12/13", "1,5", "5 6"])
def test_other_texts_are_no_number(text):
    printed = printed_number(text)

    assert printed is None or printed.mark
