"""The engines look after the letters: who is read twice, and what comes of two readings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.proof import NeedsReview, Verified
from ocr_service.dose.report import Box, CTDoseReport, Evidence, Finding, FindingKind, PageRef, Scanner, doubt, note
from ocr_service.pipeline import Ending
from ocr_service.screen.fonts import Fonts, OwnGlyph
from ocr_service.screen.lessons import OTHERWISE, LettersTold
from ocr_service.screen.readings import CellReading
from ocr_service.templates.schema import Cell, ValueType
from ocr_service.work.auditing import Audit, audited, compared, is_sampled
from tests.screen.lettered import ACME, KEY, UNHURRIED, fonts_of, glyph_of

REPORT = CTDoseReport("1.2.3", Scanner("ACME", "CT 1"), ())
TRUSTED = frozenset({OwnGlyph(KEY.template, ACME, glyph_of("7"))})
PLACE = PageRef("1.2.3.4"), Box(0, 0, 9, 9)
OTHER_PLACE = PageRef("1.2.3.4"), Box(0, 20, 9, 29)


def cell(text: str, *, proven: bool = True) -> CellReading:
    return CellReading(Cell.model_construct(type=ValueType.DECIMAL), {}, Evidence(), text, proven)


def told(text: str = "7.1", *, proven: bool = True, trusted=TRUSTED, fonts: Fonts | None = None) -> LettersTold:
    return LettersTold(fonts or Fonts(), trusted, cells={PLACE: cell(text, proven=proven), OTHER_PLACE: cell("2")})


def ending(letters: LettersTold, *findings: Finding) -> Ending:
    doubtful = any(finding.kind is FindingKind.DOUBT for finding in findings)
    return Ending((NeedsReview if doubtful else Verified)(REPORT, findings), letters=letters)


class Again:
    """The engines' reading, and how often they were asked for it."""

    def __init__(self, its: Ending) -> None:
        self.its, self.times = its, 0

    def __call__(self) -> Ending:
        self.times += 1
        return self.its


def by_engines(text: str = "7.1", *findings: Finding, proven: bool = True, fonts: Fonts | None = None) -> Again:
    return Again(ending(told(text, proven=proven, trusted=frozenset(), fonts=fonts), *findings))


UNREAD = doubt("row 1, dlp", "it is not proven"), doubt("row 2, dlp", "it is not proven")


@UNHURRIED
@given(st.integers(1, 60))
def test_about_one_unit_in_so_many_is_audited_and_always_the_same_ones(one_in: int) -> None:
    units = [f"1.2.{number}" for number in range(2000)]
    sampled = [is_sampled(unit, one_in) for unit in units]

    assert sampled == [is_sampled(unit, one_in) for unit in units]
    assert 0.4 * 2000 / one_in < sum(sampled) < 1.8 * 2000 / one_in


def test_a_site_may_audit_none_or_all() -> None:
    assert not any(is_sampled(str(number), 0) for number in range(100))
    assert all(is_sampled(str(number), 1) for number in range(100))


def test_a_verified_unit_outside_the_sample_is_read_once() -> None:
    its, again = ending(told()), by_engines()

    assert audited(its, again, sampled=False) == (its, None)
    assert again.times == 0


@pytest.mark.parametrize("findings", [(), UNREAD])
def test_what_the_engines_read_themselves_needs_no_audit(findings: tuple[Finding, ...]) -> None:
    its, again = ending(told(trusted=frozenset()), *findings), by_engines()

    assert audited(its, again, sampled=True) == (its, None)
    assert again.times == 0


def test_an_audit_that_agrees_leaves_the_ending_as_it_is() -> None:
    its, again = ending(told()), by_engines()
    after, audit = audited(its, again, sampled=True)

    assert audit == Audit(2, 0)
    assert after.outcome == its.outcome
    assert after.letters.trusted == TRUSTED


def test_an_audit_that_disagrees_sends_a_verified_unit_to_a_person() -> None:
    after, audit = audited(ending(told("7.1")), by_engines("1.1"), sampled=True)

    assert audit == Audit(2, 1)
    assert isinstance(after.outcome, NeedsReview)
    (finding,) = after.outcome.findings
    assert finding.kind is FindingKind.DOUBT
    assert finding.where == "letters"
    assert finding.sentence.startswith("audit: in 1 of 2 cells the engines agree on another text")
    assert after.letters.trusted == TRUSTED  # so that it is taken back when the letter is withdrawn


@pytest.mark.parametrize("sampled", [False, True])
def test_every_unit_of_letters_that_is_not_verified_is_read_by_the_engines_too(sampled: bool) -> None:
    again = by_engines("7.1", note("row 1", "all is read"))
    after, audit = audited(ending(told(), *UNREAD), again, sampled=sampled)

    assert again.times == 1
    assert audit == Audit(2, 0, sampled=sampled)
    assert after.outcome == again.its.outcome
    assert after.letters.trusted == frozenset()


def test_engines_that_leave_more_in_doubt_do_not_replace_the_letters() -> None:
    its = ending(told(), UNREAD[0])
    after, _ = audited(its, by_engines("7.1", *UNREAD, proven=False), sampled=False)

    assert after.outcome == its.outcome
    assert after.letters.trusted == TRUSTED


def test_where_both_are_in_doubt_and_differ_a_person_is_told_of_it() -> None:
    after, audit = audited(ending(told("7.1"), *UNREAD), by_engines("1.1", UNREAD[0]), sampled=False)

    assert audit == Audit(2, 1, sampled=False)
    assert isinstance(after.outcome, NeedsReview)
    assert "letters" in [finding.where for finding in after.outcome.findings]


@pytest.mark.parametrize("second", ["7.1", "1.1"])
def test_what_the_second_reading_teaches_is_learned_whatever_becomes_of_it(second: str) -> None:
    after, _ = audited(ending(told(fonts=fonts_of("2.2"))), by_engines(second, fonts=fonts_of("7.1")), sampled=True)
    whole = fonts_of("2.2").merged(fonts_of("7.1"))

    assert {key: after.letters.fonts[key] for key in after.letters.fonts} == {key: whole[key] for key in whole}


def test_only_cells_that_the_engines_prove_are_compared() -> None:
    assert compared(told("7.1"), told("1.1", proven=False)) == Audit(1, 0)
    assert compared(told("7.1", proven=False), told("1.1")) == Audit(2, 0)  # no letters say otherwise
    assert compared(told("7.1"), replace(told(), cells={})) == Audit(0, 0)
    assert compared(told("7.1"), told("1.1")) == Audit(2, 1)


def test_a_blank_that_only_one_reading_has_is_no_alarm() -> None:
    """Letters read `60/86` where both engines read `60 /86`: no letter of it is another one."""
    its, audit = audited(ending(told("60/86")), by_engines("60 /86"), sampled=True)

    assert audit == Audit(cells=2, different=0)
    assert isinstance(its.outcome, Verified)


def test_letters_that_contradict_what_the_engines_prove_are_an_alarm_though_they_prove_nothing_themselves() -> None:
    """One pixel is out of a digit: its glyph is unknown, the others speak against the engines."""
    broken = replace(cell("9.3", proven=False), evidence=Evidence(broken_crop=OTHERWISE))
    its = LettersTold(Fonts(), TRUSTED, cells={PLACE: broken})
    engines = Again(ending(LettersTold(Fonts(), cells={PLACE: cell("9.3")})))
    after, audit = audited(ending(its, *UNREAD), engines, sampled=False)

    assert audit == Audit(1, 1, sampled=False)
    assert isinstance(after.outcome, NeedsReview)


def test_an_identifier_that_only_the_engines_doubt_is_a_doubt_of_the_audited_unit() -> None:
    foreign = doubt("patient_id", "the patient_id on the page is not the PatientID of the header")
    after, audit = audited(ending(told()), by_engines("7.1", foreign), sampled=True)

    assert audit == Audit(2, 0)
    assert foreign in after.outcome.findings
    assert isinstance(after.outcome, NeedsReview)


def test_a_page_marker_that_young_letters_read_is_shown_to_the_engines_where_it_keeps_the_unit_waiting() -> None:
    its = ending(replace(told(trusted=frozenset()), unasked=True), *UNREAD)
    again = by_engines()
    after, _ = audited(its, again, sampled=False)

    assert again.times == 1
    assert isinstance(after.outcome, Verified)
