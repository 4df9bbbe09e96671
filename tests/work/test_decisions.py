"""What a person decided counts for what they saw: confirmed, corrected or rejected, and read anew each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocr_service.dose.corrections import Act, ActKind, parse_correction
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTDoseReport, FindingKind, doubt
from ocr_service.pipeline import Context, Ending, FromHeader, Skipped, native_first
from ocr_service.rdsr.native import NoNative, OtherValue, Partial
from ocr_service.rdsr.parse import parse
from ocr_service.work import lines, unit
from ocr_service.work.decisions import CHANGED, NOTHING_TO_CONFIRM, decided, printed_in
from tests.rdsr.reports import FROM_HEADERS, TWO_PHANTOMS
from tests.rdsr.test_native import ALL_ROWS, LOCALIZER_ROW, SPIRAL_ROW, scanner_report
from tests.screen import typed
from tests.work.deciding import EVERYTHING, FIRST, MISREAD_SPIRAL, SECOND, Desk, dlp, doubts, outcome


def test_a_page_in_doubt_waits_until_a_person_confirms_it(desk: Desk) -> None:
    before, after = desk.read(), desk.decide()
    told = [finding.sentence for finding in outcome(after).findings]

    assert isinstance(outcome(before), NeedsReview)
    assert before.act is None
    assert isinstance(outcome(after), Verified)
    assert after.act == desk.acts[-1]
    for finding in outcome(before).findings:
        if finding.kind is FindingKind.DOUBT:
            assert f"a person confirmed in spite of this: {finding.sentence}" in told


def test_what_a_person_proves_teaches_no_letters(desk: Desk) -> None:
    before = desk.read()
    desk.decide("2.dlp=498.4", "dlp_total=618.5")
    assert before.ending is not None
    after, _ = decided(before.ending, desk.acts, Context(), "1.2.3")

    assert isinstance(after.outcome, Verified)
    assert after.letters is before.ending.letters


def test_a_correction_sets_the_value_and_confirms_all_else(desk: Desk) -> None:
    read = desk.decide("2.dlp=498.4", "dlp_total=618.5")
    parsed = parse(desk.document(desk.written(read).rdsr))
    total, event = parsed.report.dlp_total, parsed.report.events[1].dlp

    assert isinstance(outcome(read), Verified)
    assert total is not None
    assert event is not None
    assert (event.text, event.source.name, total.text, total.source.name) == ("498.4", "MANUAL", "618.5", "MANUAL")


def test_a_digit_typed_wrongly_is_a_doubt_until_a_person_looks_again(desk: Desk) -> None:
    wrong = desk.decide("2.dlp=498.5", "dlp_total=618.5")

    assert isinstance(outcome(wrong), NeedsReview)
    assert doubts(wrong) == ["dlp_total"]
    assert wrong.act is None
    assert desk.written(wrong).rdsr is None
    insisting = desk.decide(moment=SECOND)
    assert isinstance(outcome(insisting), Verified)
    assert (dlp(insisting, 2).text, dlp(insisting, 2).source.name) == ("498.5", "MANUAL")


def test_a_wrong_digit_can_be_mended_by_a_second_correction(desk: Desk) -> None:
    desk.decide("2.dlp=498.5", "dlp_total=618.5")
    mended = desk.decide("2.dlp=498.4", moment=SECOND)

    assert isinstance(outcome(mended), Verified)
    assert dlp(mended, 2).text == "498.4"


def test_a_check_of_the_template_sees_what_was_typed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {}, template=typed.TEMPLATE + "  - {between: mean_ctdivol, least: 1, most: 100}\n")

    assert doubts(desk.decide("2.mean_ctdivol=112")) == ["row 2, mean_ctdivol"]


def test_a_decision_about_other_rows_decides_nothing(desk: Desk) -> None:
    desk.decide()
    desk.page = typed.dose_page([*typed.ROWS, {14: "Helical", 120: "1.0", 240: "10.0", 360: "Body"}], "628.5")
    read = desk.read()

    assert isinstance(outcome(read), NeedsReview)
    assert CHANGED in outcome(read).findings
    assert read.act is None
    again = desk.decide(moment=SECOND)
    assert isinstance(outcome(again), Verified)
    assert len(outcome(again).report.events) == 4


def test_a_correction_is_not_laid_on_other_rows(desk: Desk) -> None:
    desk.decide("2.dlp=498.4")
    desk.page = typed.dose_page([*typed.ROWS[::-1]], "618.5")

    assert dlp(desk.read(), 2).source.name == "READ_FROM_SCREEN"


def test_a_row_that_nobody_can_have_seen_decides_nothing(desk: Desk) -> None:
    read = desk.decide("9.dlp=1.0")

    assert CHANGED in outcome(read).findings
    assert read.act is None


def test_what_a_person_rejects_is_not_reported(desk: Desk) -> None:
    desk.emit = EVERYTHING
    read = desk.decide(kind=ActKind.REJECT)
    line = desk.written(read)

    assert isinstance(outcome(read), Skipped)
    assert outcome(read).sop_instance_uids == ()
    assert (lines.outcome_name(line.outcome), line.rdsr) == ("skipped", None)
    assert not desk.out.exists()
    assert isinstance(outcome(desk.decide(moment=SECOND)), Verified)  # on second thoughts


def test_a_doubt_that_the_person_was_not_shown_stays(desk: Desk) -> None:
    read = desk.read()
    assert read.ending is not None
    late = doubt("native", "row 3 is not in the scanner's own dose report")
    ending = replace(read.ending, outcome=replace(outcome(read), findings=(*outcome(read).findings, late)))
    act = Act(ActKind.CONFIRM, "Tanaka^Ichiro", FIRST, read.printed, doubts=frozenset(doubts(read)))

    shown, _ = decided(ending, [replace(act, doubts=None)], Context(), "1.2.3")
    unseen, _ = decided(ending, [act], Context(), "1.2.3")
    assert isinstance(shown.outcome, Verified)
    assert isinstance(unseen.outcome, NeedsReview)
    assert [f for f in unseen.outcome.findings if f.kind is FindingKind.DOUBT] == [late]


@pytest.mark.parametrize("kind", [FromHeader, NeedsReview])
def test_a_report_of_headers_can_be_confirmed(kind: type, tmp_path: Path) -> None:
    found = doubt("event 1", "the images of event 1 may be more or less than one event")
    fresh = kind(FROM_HEADERS, (found,) if kind is NeedsReview else ())
    act = Act(ActKind.CONFIRM, "Tanaka^Ichiro", FIRST, printed_in(fresh))
    ending, by = decided(Ending(fresh), [act], Context(), "1.2.3")

    assert isinstance(ending.outcome, Verified)
    assert by == act
    assert all(f.kind is FindingKind.NOTE for f in ending.outcome.findings)


def test_what_cannot_be_read_can_be_rejected_and_nothing_else() -> None:
    fresh = Ending(Unreadable("no template matches this object"))
    reject = Act(ActKind.REJECT, "Tanaka^Ichiro", FIRST, "")

    ending, by = decided(fresh, [reject], Context(), "1.2.3")
    assert isinstance(ending.outcome, Skipped)
    assert ending.outcome.report.study_instance_uid == "1.2.3"
    assert by == reject
    confirmed, by = decided(fresh, [replace(reject, kind=ActKind.CONFIRM)], Context(), "1.2.3")
    assert (confirmed.outcome.findings, by) == ((NOTHING_TO_CONFIRM,), None)
    stale, by = decided(fresh, [replace(reject, seen="ab")], Context(), "1.2.3")
    assert (stale.outcome.findings, by) == ((CHANGED,), None)


def test_without_acts_a_reading_stays_as_it_is(desk: Desk) -> None:
    ending = desk.read().ending

    assert ending is not None
    assert decided(ending, [], Context(), "1.2.3") == (ending, None)


def beside(report: CTDoseReport, context: Context, *corrections: str) -> tuple[Ending, Ending]:
    """The ending of a report beside the scanner's own, before and after a person's act."""
    fresh = native_first(NeedsReview(report, ()), context)
    kind = ActKind.CORRECT if corrections else ActKind.CONFIRM
    act = Act(kind, "Tanaka^Ichiro", FIRST, printed_in(fresh.outcome), tuple(map(parse_correction, corrections)))
    return fresh, decided(fresh, [act], context, report.study_instance_uid)[0]


def test_a_correction_that_agrees_with_the_scanners_own_report_leaves_nothing_to_report() -> None:
    misread = replace(TWO_PHANTOMS, events=(*TWO_PHANTOMS.events[:1], MISREAD_SPIRAL, *TWO_PHANTOMS.events[2:]))
    before, after = beside(misread, Context(dose_reports=(scanner_report(*ALL_ROWS),)), "2.dlp=498.42")

    assert isinstance(before.native, OtherValue)
    assert isinstance(after.outcome, Skipped)
    assert after.outcome.sop_instance_uids == ("1.2.840.50",)


def test_where_the_scanner_has_reported_the_dose_since_no_decision_is_asked_for() -> None:
    fresh = native_first(Verified(TWO_PHANTOMS, ()), Context(dose_reports=(scanner_report(*ALL_ROWS),)))
    act = Act(ActKind.CONFIRM, "Tanaka^Ichiro", FIRST, "other rows")

    assert isinstance(fresh.outcome, Skipped)
    assert decided(fresh, [act], Context(), TWO_PHANTOMS.study_instance_uid) == (fresh, None)


def test_a_person_confirms_a_row_that_the_scanners_own_report_lacks() -> None:
    before, after = beside(TWO_PHANTOMS, Context(dose_reports=(scanner_report(LOCALIZER_ROW, SPIRAL_ROW),)))

    assert isinstance(before.native, Partial)
    assert isinstance(after.outcome, Verified)
    assert isinstance(after.native, NoNative)


def test_a_correction_that_contradicts_the_scanners_own_report_is_a_doubt() -> None:
    context = Context(dose_reports=(scanner_report(LOCALIZER_ROW, SPIRAL_ROW),))
    _, after = beside(TWO_PHANTOMS, context, "2.dlp=489.42")
    told = [finding for finding in after.outcome.findings if finding.kind is FindingKind.DOUBT]

    assert isinstance(after.outcome, NeedsReview)
    assert [finding.where for finding in told] == ["native"]
    assert "DLP is 489.42 on the screen, 498.417 in the scanner's own report" in told[0].sentence


def test_a_fault_can_be_rejected_like_anything_that_cannot_be_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {})
    broken = replace(desk.workplace(), library=None)  # type: ignore[arg-type]
    act = Act(ActKind.REJECT, "Tanaka^Ichiro", FIRST, "")

    assert isinstance(outcome(unit.read(desk.files(), broken)), Unreadable)
    assert isinstance(outcome(unit.read(desk.files(), broken, acts=[act])), Skipped)
