"""What a person decided counts for what they saw: confirmed, corrected or rejected, and read anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from ocr_service.dose.corrections import Act, ActKind, parse_correction
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTDoseReport, FindingKind, doubt
from ocr_service.pipeline import WORTHIER, Context, Ending, FromHeader, Skipped, native_first
from ocr_service.rdsr.native import AlreadyOurs, NoNative, OtherValue, Partial, Predecessor
from ocr_service.rdsr.parse import ParsedReport, parse
from ocr_service.screen.readers import Readers
from ocr_service.work import lines, linked, output, unit
from ocr_service.work.decisions import CHANGED, NOTHING_TO_CONFIRM, decided, printed_in
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.unit import Converted, ReadUnit, Workplace
from tests.rdsr.reports import FROM_HEADERS, SPIRAL, TWO_PHANTOMS, dose
from tests.rdsr.test_native import ALL_ROWS, LOCALIZER_ROW, SPIRAL_ROW, scanner_report
from tests.screen import typed
from tests.screen.typed import TypedReader
from tests.work import consoles

EVERYTHING = frozenset({"verified", "header", "review"})
MISREAD = {"498.4": "493.4"}  # by one of the two engines: a contradiction
MISREAD_SPIRAL = replace(SPIRAL, dlp=dose("408.42", proven=False))
FIRST, SECOND = "20260301101500", "20260301111500"


@dataclass
class Desk:
    """A folder with the typed page of one study, its workplace, and what was decided about it so far."""

    folder: Path
    mistakes: dict[str, str]
    page: Any = None
    study: str = "1.2.3"
    patient: str = "P1"
    template: str = typed.TEMPLATE
    emit: frozenset[str] = frozenset({"verified"})
    drafts: Path | None = None
    acts: tuple[Act, ...] = ()
    disbelieved: frozenset[str] = frozenset()

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def workplace(self) -> Workplace:
        (self.folder / "templates").mkdir(parents=True, exist_ok=True)
        its = Readers(TypedReader(self.mistakes), TypedReader(), (("none",),))
        library, clock = typed.library(self.folder / "templates", self.template), count().__next__
        return Workplace(library, its, self.out, self.emit, clock, drafts=self.drafts)

    def files(self) -> UnitFiles:
        page = typed.dose_page() if self.page is None else self.page
        ds = typed.dose_object(page, StudyInstanceUID=self.study, PatientID=self.patient)
        path = consoles.saved(ds, self.folder / "in" / f"{self.study}.dcm")
        return UnitFiles(self.study, (path,))

    def read(self) -> ReadUnit:
        return unit.read(self.files(), self.workplace(), acts=self.acts, disbelieved=self.disbelieved)

    def decide(self, *corrections: str, kind: ActKind | None = None, moment: str = FIRST, **more: Any) -> ReadUnit:
        """A person looks at what stands now, and decides."""
        set_ = tuple(map(parse_correction, corrections))
        chosen = kind or (ActKind.CORRECT if set_ else ActKind.CONFIRM)
        ending = self.read().ending
        assert ending is not None
        act = Act(chosen, "Tanaka^Ichiro", moment, printed_in(ending.outcome), set_, **more)
        self.acts = (*self.acts, act)
        return self.read()

    def written(self, read: ReadUnit | None = None) -> Converted:
        (line,) = unit.written(read or self.read(), self.workplace())
        return line

    def document(self, name: str | None, folder: Path | None = None) -> Dataset:
        assert name is not None
        (found,) = (ds for ds in output.earlier(self.study, folder or self.out) if ds.SOPInstanceUID == Path(name).stem)
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One engine reads `493.4` where the page says 498.4, and the sum settles nothing: a second cell is in doubt."""
    return Desk(tmp_path, {**MISREAD, "618.5": "613.5"})


def outcome(read: ReadUnit) -> Any:
    assert read.ending is not None
    return read.ending.outcome


def doubts(read: ReadUnit) -> list[str]:
    return [finding.where for finding in outcome(read).findings if finding.kind is FindingKind.DOUBT]


def dlp(read: ReadUnit, row: int) -> Any:
    return outcome(read).report.events[row - 1].dlp


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


def test_what_is_confirmed_is_written_with_the_name_of_the_person(desk: Desk) -> None:
    desk.decide()
    line = desk.written()
    ds = desk.document(line.rdsr)

    assert lines.outcome_name(line.outcome) == "verified"
    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert ds.VerifyingObserverSequence[0].VerifyingObserverName == "Tanaka^Ichiro"
    assert (ds.ContentDate, ds.ContentTime) == ("20260301", "101500")


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


def test_what_was_typed_and_is_in_doubt_is_written_as_what_waits(desk: Desk) -> None:
    desk.emit = EVERYTHING
    desk.decide("2.dlp=498.5", "dlp_total=618.5")
    ds = desk.document(desk.written().rdsr)

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert parse(ds).in_doubt == ("dlp_total",)


def test_who_confirms_a_report_answers_for_nothing_that_is_in_doubt_afterwards(desk: Desk) -> None:
    desk.emit = EVERYTHING
    read = desk.decide()
    assert read.ending is not None
    late = NeedsReview(outcome(read).report, (doubt("linked", "the same rows lie in a study of another patient"),))
    ds = desk.document(desk.written(replace(read, ending=replace(read.ending, outcome=late))).rdsr)

    assert ds.VerificationFlag == "UNVERIFIED"
    assert "ParticipantSequence" not in ds


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


def in_turn(desk: Desk, *steps: Sequence[str]) -> list[ParsedReport]:
    """The documents that follow each other, each after one more decision."""
    found = [parse(desk.document(desk.written().rdsr))]
    for number, corrections in enumerate(steps):
        read = desk.decide(*corrections, moment=f"2026030110150{number}")
        found.append(parse(desk.document(desk.written(read).rdsr)))
    return found


def test_each_corrected_report_takes_the_place_of_the_one_before_and_keeps_its_events(desk: Desk) -> None:
    desk.emit = EVERYTHING
    waits, first, second = in_turn(desk, ["2.dlp=498.4", "dlp_total=618.5"], ["2.acquisition_type=sequenced"])

    assert (waits.complete, first.verified, second.verified) == (False, True, True)
    assert first.predecessors == (waits.sop_instance_uid,)
    assert second.predecessors == (first.sop_instance_uid,)
    assert waits.event_uids == first.event_uids == second.event_uids
    assert waits.content_moment < first.content_moment < second.content_moment


def test_a_decided_report_is_written_once(desk: Desk) -> None:
    desk.emit = EVERYTHING
    _, confirmed = in_turn(desk, ["2.dlp=498.4", "dlp_total=618.5"])
    again = desk.read()

    assert again.ending is not None
    assert isinstance(again.ending.native, AlreadyOurs)
    line = desk.written(again)
    assert line.rdsr is not None
    assert (Path(line.rdsr).stem, line.is_new) == (confirmed.sop_instance_uid, False)
    assert len(list(desk.out.rglob("*.dcm"))) == 2


def test_a_correction_replaces_a_report_that_no_person_has_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {})
    machine, mended = in_turn(desk, ["2.mean_ctdivol=11.3"])

    assert machine.complete
    assert mended.predecessors == (machine.sop_instance_uid,)


def test_a_confirmed_report_of_the_same_values_stands(tmp_path: Path) -> None:
    """A person who confirms what is proven changes no byte, and nothing is taken back anywhere."""
    machine, confirmed = in_turn(Desk(tmp_path, {}), [])

    assert confirmed.sop_instance_uid == machine.sop_instance_uid


def test_a_report_that_is_not_believed_any_more_gives_way_to_one_that_waits(desk: Desk) -> None:
    desk.emit = EVERYTHING
    desk.mistakes = {}
    good = parse(desk.document(desk.written().rdsr))
    desk.mistakes = {**MISREAD, "618.5": "613.5"}
    held = desk.read()
    desk.disbelieved = frozenset({good.sop_instance_uid})
    read = desk.read()

    assert held.ending is not None
    assert read.ending is not None
    assert desk.written(held).rdsr == f"{output.folder_of(desk.study)}/{good.sop_instance_uid}.dcm"
    assert isinstance(read.ending.native, Predecessor)
    waits = parse(desk.document(desk.written(read).rdsr))
    assert waits.predecessors == (good.sop_instance_uid,)
    assert waits.event_uids == good.event_uids


def test_what_a_person_confirms_takes_the_place_of_a_verified_report(desk: Desk) -> None:
    desk.emit = EVERYTHING
    desk.mistakes = {}
    good = parse(desk.document(desk.written().rdsr))
    desk.mistakes = {"498.4": "493.4", "618.5": "613.5"}
    assert WORTHIER in outcome(desk.read()).findings
    read = desk.decide("2.dlp=497.4", "dlp_total=617.5")

    assert WORTHIER not in outcome(read).findings
    assert parse(desk.document(desk.written(read).rdsr)).predecessors == (good.sop_instance_uid,)


def test_drafts_are_written_beside_the_outbox_and_follow_what_lies_in_it(desk: Desk) -> None:
    desk.emit, desk.drafts = EVERYTHING, desk.folder / "drafts"
    waits = desk.written()
    assert not desk.out.exists()
    assert waits.is_new
    place = desk.out / str(waits.rdsr)
    place.parent.mkdir(parents=True)
    (desk.drafts / str(waits.rdsr)).rename(place)

    line = desk.written(desk.decide("2.dlp=498.4", "dlp_total=618.5"))
    parsed = parse(desk.document(line.rdsr, desk.drafts))
    assert parsed.predecessors == (place.stem,)
    assert [path.name for path in desk.out.rglob("*.dcm")] == [place.name]
    assert desk.written().rdsr == line.rdsr  # the same bytes again, until it lies in the outbox


def test_linked_orders_are_the_same_examination_whatever_a_person_set(tmp_path: Path) -> None:
    one, other = Desk(tmp_path, {}), Desk(tmp_path, {}, study="1.2.4")
    first, second = one.decide("2.mean_ctdivol=11.3"), other.read()

    told = linked.told_once([first, second], tmp_path / "out")
    assert [type(outcome(read)) for read in told] == [Verified, Skipped]


def test_an_order_that_a_person_rejected_stands_for_no_other(desk: Desk) -> None:
    other = replace(desk, study="1.2.4")
    first, second = desk.decide(kind=ActKind.REJECT), other.read()

    assert first.printed == second.printed
    assert linked.told_once([first, second], desk.out) == [first, second]


def test_whose_page_it_is_stays_decided_when_it_turns_up_under_another_patient(tmp_path: Path) -> None:
    one, other = Desk(tmp_path, {}), Desk(tmp_path, {}, study="1.2.4", patient="P2")
    first, second = one.decide(), other.read()

    told = linked.told_once([first, second], tmp_path / "out")
    assert [type(outcome(read)) for read in told] == [Verified, NeedsReview]


def test_a_fault_can_be_rejected_like_anything_that_cannot_be_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {})
    broken = replace(desk.workplace(), library=None)  # type: ignore[arg-type]
    act = Act(ActKind.REJECT, "Tanaka^Ichiro", FIRST, "")

    assert isinstance(outcome(unit.read(desk.files(), broken)), Unreadable)
    assert isinstance(outcome(unit.read(desk.files(), broken, acts=[act])), Skipped)
