"""Linked orders in the records: one examination under several studies is reported once, and rejected once.

Knows rows; must not know how screens are read. `linked.py` is the same for an archive without records.

Who rejects a report, or takes it back, says why in words that no program understands: its numbers may be wrong, or the
patient. Linked orders show the same numbers, so a person has to look at each of them too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, func, select

from ocr_service.dose.proof import Unreadable, Verified
from ocr_service.dose.report import doubt, note
from ocr_service.pipeline import Outcome, Skipped, doubted
from ocr_service.work import studies
from ocr_service.work.decisions import REJECTED
from ocr_service.work.placing import RECALLED, is_reported, read_followers
from ocr_service.work.tables import REPORTED, units

_MAY_BE_REPORTED = (*REPORTED, "needs_review", "unreadable")  # the last ones: while their reports stand
SAYS_MORE = doubt("linked", "rows of this study are reported under another one, and it says more or other things now")

_Unit = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Examined:
    """A unit that was read. examination, patient, rows: digests, as its row has them. before: that row, where it is."""

    unit: str
    study: str
    examination: str
    patient: str
    rows: str
    by_person: bool
    before: _Unit | None


def reported_once(connection: Connection, one: Examined, outcome: Outcome, now: float) -> Outcome:
    """What becomes of a unit because of what is known of the same examination under other studies."""
    _in_turn(connection, one)
    if isinstance(outcome, Unreadable | Skipped) or not one.examination:
        return outcome
    linked = _linked(connection, one)
    strangers = [other for other in linked if other.patient != one.patient and other.outcome in _MAY_BE_REPORTED]
    if strangers and not one.by_person:
        if one.before is None or one.before.outcome != "needs_review":
            seen = f"linked:{one.unit}:{now:.0f}"
            studies.read_again(connection, [other.study for other in strangers], seen, now)
        return doubted(outcome, [doubt("linked", "the same rows and times lie in a study of another patient")])
    mine = [other for other in linked if other.patient == one.patient]
    by_scanner = [other for other in mine if _is_the_scanners(other) and other.rows == one.rows]
    if by_scanner:
        where = f"the same rows and times under another study, {by_scanner[0].study}"
        told = note("linked", f"the scanner has reported {where}")
        return Skipped(outcome.report, (), (*outcome.findings, told))
    reported = [other for other in mine if other.outcome in _MAY_BE_REPORTED and is_reported(other)]
    if reported:  # also where this one is: they said different things before
        other = reported[0]
        told = note("linked", f"the same rows and times are reported under another study, {other.study}")
        return Skipped(outcome.report, (other.sop_instance_uid,), (*outcome.findings, told))
    if one.by_person:
        return outcome
    found = []
    if refused := [other for other in linked if _is_refused(other)]:
        where = f"the same rows and times under another study, {refused[0].study}"
        found.append(doubt("linked", f"a person rejected or took back the report of {where}"))
    if _says_more(one):
        found.append(SAYS_MORE)
    return doubted(outcome, found)


def _says_more(one: Examined) -> bool:
    """Was it left to another study, and has it other rows since? Those that it had are reported there.

    Consoles save a page again after each scan. A person decides, or the other study's page comes too.
    """
    before = one.before
    if before is None:
        return False
    told = [(finding["where"], finding["sentence"]) for finding in json.loads(before.report).get("findings", ())]
    if before.outcome == "needs_review":
        return (SAYS_MORE.where, SAYS_MORE.sentence) in told
    return before.examination != one.examination and "linked" in _why_skipped(before)


def tell_linked(connection: Connection, one: Examined, outcome: Outcome, now: float) -> None:
    """What other studies say of the same examination is read again where that changes because of this unit."""
    before = one.before
    if before is not None and is_reported(before) and isinstance(outcome, Skipped):
        read_followers(connection, before, now)
    if one.examination and isinstance(outcome, Verified) and not (before and before.examination == one.examination):
        which = [other.study for other in _linked(connection, one) if other.outcome == "needs_review"]
        studies.read_again(connection, which, f"linked:{one.unit}:{now:.0f}", now)
    if not isinstance(outcome, Skipped) or not one.examination:
        return
    rejected, linked = REJECTED in outcome.findings, any(finding.where == "linked" for finding in outcome.findings)
    was = before is not None and (_is_refused(before) if rejected else _is_the_scanners(before))
    if not linked and not was:  # it was rejected now, or the scanner has reported it itself
        which = [other.study for other in _linked(connection, one) if is_reported(other)]
        studies.read_again(connection, which, f"refused:{one.unit}:{now:.0f}", now)


def _in_turn(connection: Connection, one: Examined) -> None:
    """Units of one examination are recorded one after the other: two at the same moment would not see each other.

    SQLite has one writer.
    """
    before = one.before.examination if one.before is not None else ""
    if connection.dialect.name == "postgresql":
        for name in sorted({one.examination, before} - {""}):
            connection.execute(select(func.pg_advisory_xact_lock(int(sha256(name.encode()).hexdigest()[:15], 16))))


def _linked(connection: Connection, one: Examined) -> Sequence[_Unit]:
    its = (units.c.examination == one.examination, units.c.study != one.study)
    return connection.execute(select(units).where(*its).order_by(units.c.id)).all()


def _is_refused(unit: _Unit) -> bool:
    """Did a person decide that what it says is not to be reported?"""
    return unit.held == RECALLED or "rejected" in _why_skipped(unit)


def _is_the_scanners(unit: _Unit) -> bool:
    """Was it skipped because the scanner has reported it itself?"""
    return unit.outcome == "skipped" and not {"linked", "rejected", "other"} & _why_skipped(unit)


def _why_skipped(unit: _Unit) -> set[str]:
    """Where the findings of a skipped unit are; "other" where its last reading did not end so."""
    if unit.outcome != "skipped":
        return set()
    told = json.loads(unit.report)
    if told.get("outcome") != "skipped":
        return {"other"}
    return {finding["where"] for finding in told["findings"]}
