"""What persons decided about a unit, laid on a fresh reading of it.

Knows a reading and the acts of persons; must not know where either is kept.

An act decides only about the rows that its person saw, with what earlier acts set in them: where other rows are read
now, a person has to look again. What speaks against a report that a person confirmed is told as a note. What a person
typed is checked once more: a total that does not fit any longer waits for a second look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ocr_service.dose.corrections import Act, ActKind, confirmed, corrected, printed_digest, typing_errors
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified, prove
from ocr_service.dose.report import CTDoseReport, Finding, FindingKind, Scanner, doubt, note
from ocr_service.pipeline import WORTHIER, Context, Ending, Outcome, Skipped, broken_checks, doubted, native_first
from ocr_service.rdsr.native import CoversAll, OtherValue, Partial, compare_native

REJECTED = note("rejected", "a person decided that this unit is not to be reported")
CHANGED = doubt("decision", "the reading has changed since a person decided: a person has to look again")
NOTHING_TO_CONFIRM = note("decision", "a unit that cannot be read can only be rejected: there is nothing to confirm")
IN_SPITE = "a person confirmed in spite of this"


def printed_in(outcome: Outcome) -> str:
    """The digest of what an outcome says as printed, which a person who looks at it sees; "" where nothing was read."""
    return "" if isinstance(outcome, Unreadable) else printed_digest(outcome.report)


def decided(
    ending: Ending, acts: Sequence[Act], context: Context, study_instance_uid: str
) -> tuple[Ending, Act | None]:
    """The ending after the acts, oldest first, and the act that decided it; None where none did.

    The last act decides, unless what was typed in it leaves a doubt. Where it is about other rows than those that are
    read now the fresh reading stands, with a doubt. Nothing that a person proves teaches letters: the ending's letters
    stay as they are.
    """
    if not acts:
        return ending, None
    fresh = ending.outcome
    if isinstance(fresh, Unreadable):
        return _decided_unreadable(ending, fresh, acts[-1], study_instance_uid)
    if isinstance(ending.native, CoversAll) and isinstance(fresh, Skipped) and acts[-1].kind is not ActKind.CORRECT:
        return ending, None  # the scanner has reported it since: there is nothing left to decide
    report, findings, last = fresh.report, fresh.findings, None
    for act in acts:
        last = act if act.seen == printed_digest(report) else None
        if last is None or act.kind is ActKind.REJECT:
            continue
        try:
            report, findings = _confirmed(report, findings, act, ending, context)
        except ValueError:  # it names a row that nobody can have seen
            last = None
    if last is None:
        return replace(ending, outcome=doubted(fresh, [CHANGED])), None
    if last.kind is ActKind.REJECT:
        return replace(ending, outcome=Skipped(report, (), (*findings, REJECTED))), last
    outcome = prove(report, (finding for finding in findings if finding != WORTHIER))
    after = _native_last(ending, outcome, context)
    return after, None if isinstance(after.outcome, NeedsReview) else last


def _decided_unreadable(
    ending: Ending, outcome: Unreadable, act: Act, study_instance_uid: str
) -> tuple[Ending, Act | None]:
    if act.seen:
        return replace(ending, outcome=doubted(outcome, [CHANGED])), None
    if act.kind is not ActKind.REJECT:
        return replace(ending, outcome=doubted(outcome, [NOTHING_TO_CONFIRM])), None
    nothing = CTDoseReport(study_instance_uid, Scanner("", ""), ())
    told = (*outcome.findings, note("unit", outcome.why), REJECTED)
    return replace(ending, outcome=Skipped(nothing, (), tuple(dict.fromkeys(told)))), act


def _confirmed(
    before: CTDoseReport, findings: Sequence[Finding], act: Act, ending: Ending, context: Context
) -> tuple[CTDoseReport, tuple[Finding, ...]]:
    """The report after one act that confirms it, and what is to be said of it. ValueError where it lacks a row."""
    after = confirmed(corrected(before, act.corrections))
    told = [_in_spite(finding) if _stops(finding) and act.was_shown(finding) else finding for finding in findings]
    if act.corrections:
        told += typing_errors(before, after, act.corrections)
        known = [*broken_checks(ending.checks, before), *_against_native(before, context)]
        more = [*broken_checks(ending.checks, after), *_against_native(after, context)]
        told += [finding for finding in more if finding not in known]
    return after, tuple(dict.fromkeys(told))


def _stops(finding: Finding) -> bool:
    return finding.kind is FindingKind.DOUBT


def _in_spite(finding: Finding) -> Finding:
    return note(finding.where, f"{IN_SPITE}: {finding.sentence}")


def _against_native(report: CTDoseReport, context: Context) -> list[Finding]:
    """What the scanner's own reports say otherwise."""
    verdict = compare_native(report, context.dose_reports, disbelieved=context.disbelieved)
    said = verdict.sentences if isinstance(verdict, Partial | OtherValue) else ()
    return [doubt("native", sentence) for sentence in said]


def _native_last(ending: Ending, outcome: Verified | NeedsReview, context: Context) -> Ending:
    """Compared again with the study's dose reports, for a person may have set what they state."""
    verified = isinstance(outcome, Verified)
    compared = native_first(outcome, context, attested=verified)
    if not verified and isinstance(compared.native, Partial | OtherValue):
        compared = replace(compared, outcome=outcome)  # its sentences are told already
    return replace(ending, outcome=compared.outcome, native=compared.native)
