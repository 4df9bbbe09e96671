"""The RDSR of a decided unit: who answers for it, what it takes the place of, and that it is written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ocr_service.dose.corrections import ActKind
from ocr_service.dose.proof import NeedsReview, Verified
from ocr_service.dose.report import doubt
from ocr_service.pipeline import WORTHIER, Skipped
from ocr_service.rdsr.native import AlreadyOurs, Predecessor
from ocr_service.rdsr.parse import ParsedReport, parse
from ocr_service.work import lines, linked, output
from tests.work.deciding import EVERYTHING, MISREAD, Desk, outcome


def test_what_is_confirmed_is_written_with_the_name_of_the_person(desk: Desk) -> None:
    desk.decide()
    line = desk.written()
    ds = desk.document(line.rdsr)

    assert lines.outcome_name(line.outcome) == "verified"
    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert ds.VerifyingObserverSequence[0].VerifyingObserverName == "Tanaka^Ichiro"
    assert (ds.ContentDate, ds.ContentTime) == ("20260301", "101500")


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
