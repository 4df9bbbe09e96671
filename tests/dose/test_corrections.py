"""A person proves what they confirm or type; what they type wrongly is seen where a sum can show it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.checks import unproven_values
from ocr_service.dose.corrections import (
    Act,
    ActKind,
    Correction,
    confirmed,
    corrected,
    parse_correction,
    printed_digest,
    sums_that_differ,
    typing_errors,
)
from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Evidence,
    IrradiationEvent,
    Phantom,
    Reading,
    Scanner,
    Source,
    Witness,
    WitnessKind,
    doubt,
)
from ocr_service.rdsr.codes import ACQUISITION_TYPES

MOMENT = "20260301101500+0900"
SEEN = Evidence(witnesses=(Witness(WitnessKind.PPOCR, "84.81"), Witness(WitnessKind.TESSERACT, "64.81")))


def number(text: str, *, proven: bool = False) -> Reading[Decimal]:
    return Reading(Decimal(text), text, evidence=SEEN, proven=proven)


def row(dlp: str, phantom: Phantom | None = Phantom.BODY) -> IrradiationEvent:
    return IrradiationEvent(
        acquisition_type=Reading(CTAcquisitionType.SPIRAL, "Helical"),
        mean_ctdivol=number("11.2"),
        dlp=number(dlp),
        phantom=None if phantom is None else Reading(phantom, phantom.name),
        series_number=Reading("2", "2"),
        protocol=Reading("Th0rax", "Th0rax"),
    )


def report(*dlps: str, total: str | None = None) -> CTDoseReport:
    return CTDoseReport("1.2.3", Scanner("ACME", "CT 1"), tuple(map(row, dlps)), number(total) if total else None)


TWO_ROWS = report("498.4", "120.1", total="618.5")


def act(kind: ActKind = ActKind.CONFIRM, **values: object) -> Act:
    return Act(**({"kind": kind, "person": "Tanaka^Ichiro", "moment": MOMENT, "seen": "0"} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2.dlp=123.4", Correction(2, "dlp", "123.4")),
        (" 2.mean_ctdivol= 12 ", Correction(2, "mean_ctdivol", "12")),
        ("dlp_total=600.1", Correction(None, "dlp_total", "600.1")),
        ("dlp_total_head=600.1", Correction(None, "dlp_total_head", "600.1")),
        ("3.phantom=head", Correction(3, "phantom", "head")),
        ("1.acquisition_type=constant_angle", Correction(1, "acquisition_type", "constant_angle")),
        ("1.acquisition_type=Constant Angle", Correction(1, "acquisition_type", "constant_angle")),
        ("1.acquisition_type= SPIRAL ", Correction(1, "acquisition_type", "spiral")),
        ("3.phantom=Body", Correction(3, "phantom", "body")),
        ("2.mean ctdivol=12", Correction(2, "mean_ctdivol", "12")),
        ("2.Mean CTDIvol = 12", Correction(2, "mean_ctdivol", "12")),
        ("2.dlp=1\n", Correction(2, "dlp", "1")),  # a line's end belongs to no value
    ],
)
def test_a_correction_is_written_as_row_quantity_and_value(text, told):
    assert parse_correction(text) == told
    assert parse_correction(str(told)) == told


_NONE = "is no correction: that is ROW.QUANTITY=VALUE"
_NUMBER = "a number stands as printed, with a point, as 123.4"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", f"'' {_NONE}"), ("dlp", f"'dlp' {_NONE}"), ("2.dlp", f"'2.dlp' {_NONE}"),
        ("x.dlp=1", f"'x.dlp=1' {_NONE}"),
        ("2.dlp=", f"'' is no dlp: {_NUMBER}"), ("2.dlp=12,3", f"'12,3' is no dlp: {_NUMBER}"),
        ("2.dlp=-1", "'-1' is no dlp"), ("2.dlp=1e3", "'1e3' is no dlp"), ("2.dlp=١٢", "'١٢' is no dlp"),
        ("2.dlp=NaN", "'NaN' is no dlp"), ("2.dlp=123456789012345678", "'123456789012345678' is no dlp"),
        ("0.dlp=1", "there is no row 0: rows count from 1"),
        ("dlp=1", "'dlp' of the report cannot be set: what can is dlp_total, dlp_total_head, dlp_total_body"),
        ("2.kvp=120", "'kvp' of a row cannot be set: what can is mean_ctdivol, dlp, phantom, acquisition_type"),
        ("2.dlp_total=1", "'dlp_total' of a row cannot be set"),
        ("2.phantom=neck", "'neck' is no phantom: it is one of head, body"),
        ("2.phantom=3", "'3' is no phantom: it is one of"),
        ("2.acquisition_type=Helical", "'Helical' is no acquisition_type: it is one of sequenced, spiral, const"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_repeated_with_what_can(text, told):
    with pytest.raises(ValueError, match=rf"\A{re.escape(told)}") as refused:
        parse_correction(text)
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize("kind", CTAcquisitionType)
def test_an_acquisition_type_is_taken_as_reports_name_it_and_by_its_code(kind):
    for text in (ACQUISITION_TYPES[kind].meaning, ACQUISITION_TYPES[kind].meaning.upper(), kind.value, kind.name):
        assert parse_correction(f"1.acquisition_type={text}").text == kind.name.lower()


def test_a_typed_value_is_a_manual_entry_that_the_person_proves():
    told = corrected(TWO_ROWS, [Correction(2, "dlp", "130.1")]).events[1].dlp

    assert told is not None
    assert (told.value, told.text, told.source, told.proven) == (Decimal("130.1"), "130.1", Source.MANUAL, True)
    assert settle(told.evidence) == Proven("130.1")
    assert set(SEEN.witnesses) < set(told.evidence.witnesses)


def test_of_two_persons_who_type_one_value_the_last_one_counts():
    first = corrected(TWO_ROWS, [Correction(2, "dlp", "130.1")])
    told = corrected(first, [Correction(2, "dlp", "120.1")]).events[1].dlp

    assert told is not None
    assert settle(told.evidence) == Proven("120.1")


def test_a_person_may_type_what_nobody_could_read_and_where_only_a_dash_was_seen():
    dash = Reading(Decimal(0), "-", evidence=Evidence(drawn=True), proven=True)
    shown = replace(TWO_ROWS, events=(replace(row("1"), dlp=None, mean_ctdivol=dash),), dlp_total=None)
    told = corrected(
        shown, [Correction(1, "dlp", "5"), Correction(1, "mean_ctdivol", "0.4"), Correction(None, "dlp_total", "5")]
    )

    assert told.events[0].mean_ctdivol is not None
    assert told.events[0].dlp is not None
    assert settle(told.events[0].mean_ctdivol.evidence) == Proven("0.4")
    assert (told.events[0].dlp.value, told.printed_total) == (Decimal(5), Decimal(5))


def test_phantom_type_and_totals_of_a_phantom_can_be_set():
    told = corrected(
        TWO_ROWS,
        [
            Correction(1, "phantom", "head"),
            Correction(1, "acquisition_type", "sequenced"),
            Correction(None, "dlp_total_head", "498.4"),
        ],
    )
    event = told.events[0]

    assert event.phantom is not None
    assert event.acquisition_type is not None
    assert (event.phantom.value, event.acquisition_type.value) == (Phantom.HEAD, CTAcquisitionType.SEQUENCED)
    assert [(phantom, total.text) for phantom, total in told.phantom_totals] == [(Phantom.HEAD, "498.4")]
    assert told.events[1] == TWO_ROWS.events[1]


def test_a_row_that_is_not_there_cannot_be_corrected():
    with pytest.raises(ValueError, match="there is no row 3: the report has 2"):
        corrected(TWO_ROWS, [Correction(3, "dlp", "1")])


def test_what_a_person_confirms_is_proven_by_that_person_and_still_read_from_the_screen():
    told = confirmed(replace(TWO_ROWS, phantom_totals=((Phantom.BODY, number("618.5")),)))

    assert unproven_values(told) == []
    assert unproven_values(TWO_ROWS) != []
    for reading in (told.dlp_total, told.phantom_totals[0][1], told.events[0].dlp, told.events[0].acquisition_type):
        assert reading is not None
        assert (reading.proven, reading.source) == (True, Source.READ_FROM_SCREEN)
        assert settle(reading.evidence) == Proven(reading.text)


def test_what_was_proven_before_needs_no_person_and_descriptions_stay_as_they_were():
    proven = replace(row("498.4"), dlp=number("498.4", proven=True))
    told = confirmed(replace(TWO_ROWS, events=(proven,))).events[0]

    assert told.dlp == proven.dlp
    assert told.protocol == proven.protocol
    assert told.series_number == proven.series_number


def test_what_is_printed_is_the_same_whoever_proves_it():
    assert printed_digest(confirmed(TWO_ROWS)) == printed_digest(TWO_ROWS)
    assert printed_digest(replace(TWO_ROWS, study_instance_uid="1.2.4", template="other")) == printed_digest(TWO_ROWS)
    assert len(printed_digest(TWO_ROWS)) == 64


@pytest.mark.parametrize(
    "text",
    ["1.dlp=498.5", "1.mean_ctdivol=11.20", "2.phantom=head", "1.acquisition_type=sequenced", "dlp_total=618.4",
     "dlp_total_head=1", "dlp_total_body=1"],
)  # fmt: skip
def test_whatever_can_be_set_changes_what_is_printed(text):
    assert printed_digest(corrected(TWO_ROWS, [parse_correction(text)])) != printed_digest(TWO_ROWS)


def test_the_total_of_one_phantom_is_not_that_of_another():
    head, body = (replace(TWO_ROWS, phantom_totals=((phantom, number("1")),)) for phantom in Phantom)

    assert printed_digest(head) != printed_digest(body)


TENTHS = st.integers(1, 99_999).map(lambda tenths: f"{tenths / 10:.1f}")


@st.composite
def mistyped(draw: st.DrawFn) -> tuple[CTDoseReport, Correction, CTDoseReport]:
    """A page whose rows add up, one of its DLP with another digit, and what was read: the truth or anything."""
    dlps = draw(st.lists(TENTHS, min_size=2, max_size=6))
    true = report(*dlps, total=str(sum(map(Decimal, dlps))))
    number = draw(st.integers(0, len(dlps) - 1))
    place = draw(st.sampled_from([i for i, sign in enumerate(dlps[number]) if sign != "."]))
    digit = draw(st.sampled_from([sign for sign in "0123456789" if sign != dlps[number][place]]))
    text = dlps[number][:place] + digit + dlps[number][place + 1 :]
    read = list(dlps)
    read[number] = draw(st.sampled_from([dlps[number], text, draw(TENTHS)]))
    return true, Correction(number + 1, "dlp", text), report(*read, total=true.dlp_total.text if true.dlp_total else "")


@given(mistyped())
def test_a_digit_typed_wrongly_in_one_dlp_is_always_a_doubt_where_a_total_is_printed(case):
    """Whatever was read before, were it the very same wrong number."""
    true, correction, read = case
    wrong = corrected(read, [correction])

    assert sums_that_differ(true) == []
    assert [finding.where for finding in typing_errors(read, wrong, [correction])] == ["dlp_total"]


@given(st.lists(TENTHS, min_size=2, max_size=6), st.data())
def test_a_value_typed_rightly_where_another_was_read_is_no_doubt(dlps, data):
    place = data.draw(st.integers(0, len(dlps) - 1))
    read = [*dlps[:place], data.draw(TENTHS), *dlps[place + 1 :]]
    before = report(*read, total=str(sum(map(Decimal, dlps))))
    correction = Correction(place + 1, "dlp", dlps[place])

    assert typing_errors(before, corrected(before, [correction]), [correction]) == []


def test_a_total_that_differed_before_is_no_error_of_who_sets_something_else():
    before = report("498.4", "120.1", total="700.0")
    correction = Correction(1, "mean_ctdivol", "11.3")

    assert typing_errors(before, corrected(before, [correction]), [correction]) == []


def test_a_phantom_set_wrongly_is_seen_where_totals_per_phantom_are_printed():
    totals = ((Phantom.HEAD, number("120.1")), (Phantom.BODY, number("498.4")))
    page = replace(report("498.4"), events=(row("498.4"), row("120.1", Phantom.HEAD)), phantom_totals=totals)
    correction = Correction(2, "phantom", "body")

    assert sums_that_differ(page) == []
    found = typing_errors(page, corrected(page, [correction]), [correction])
    assert [finding.where for finding in found] == ["dlp_total_head", "dlp_total_body"]


def test_a_row_without_a_phantom_is_part_of_nobody_knows_which_total():
    totals = ((Phantom.HEAD, number("120.1")), (Phantom.BODY, number("498.4")))
    page = replace(report("498.4"), events=(row("498.4"), row("120.1", None)), phantom_totals=totals)

    assert sums_that_differ(page) == []


def test_half_a_dose_that_was_typed_is_a_doubt():
    empty = replace(TWO_ROWS, events=(IrradiationEvent(),), dlp_total=None)
    correction = Correction(1, "dlp", "5.0")

    found = typing_errors(empty, corrected(empty, [correction]), [correction])
    assert [finding.where for finding in found] == ["row 1, mean_ctdivol"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"person": " "}, "who decides is named"),
        ({"person": "A\\B"}, "who decides is named"),
        ({"person": "A\nB"}, "who decides is named"),
        ({"organization": ""}, "who decides is named"),
        ({"moment": "20260301"}, "DT with its seconds"),
        ({"moment": "20260231101500"}, "DT with its seconds"),
        ({"moment": "2026-03-01T10:15:00"}, "DT with its seconds"),
        ({"corrections": (Correction(1, "dlp", "1"),)}, "sets at least one value"),
        ({"kind": ActKind.CORRECT}, "sets at least one value"),
        (
            {"kind": ActKind.CORRECT, "corrections": (Correction(1, "dlp", "1"), Correction(1, "dlp", "2"))},
            "set once",
        ),
    ],
)
def test_an_act_says_who_decided_what_and_when(values, why):
    with pytest.raises(ValueError, match=why):
        act(**values)


def test_a_doubt_that_came_up_later_was_not_shown():
    late = doubt("native", "row 1 is not in the scanner's own dose report")

    assert act().was_shown(late)
    assert act(doubts=frozenset({"native"})).was_shown(late)
    assert not act(doubts=frozenset({"row 1, dlp"})).was_shown(late)


def test_what_is_printed_was_shown_with_its_own_doubts():
    for where in ("row 1, dlp", "event 2, mean_ctdivol", "dlp_total", "page, dlp_total"):
        assert act(doubts=frozenset()).was_shown(doubt(where, "not proven"))
    for where in (Quantity.PATIENT_ID.value, "page, page_marker"):
        assert not act(doubts=frozenset()).was_shown(doubt(where, "another patient's, or incomplete"))
