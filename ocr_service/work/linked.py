"""Linked orders: the same examination under several studies is reported once.

Knows when screens were made and what they say; must not know how they were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ocr_service.dose.corrections import ActKind
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import doubt, note
from ocr_service.pipeline import Skipped
from ocr_service.study import attributes
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.output import earlier
from ocr_service.work.unit import ReadUnit


def groups(units: Sequence[UnitFiles]) -> list[tuple[UnitFiles, ...]]:
    """Units of one scanner whose screens were made at the same times, together; every other unit alone."""
    found: dict[object, list[UnitFiles]] = {}
    for number, unit in enumerate(units):
        timed = bool(unit.moments) and all(unit.moments) and any(map(any, unit.named))
        key = (unit.named, tuple(sorted(set(unit.moments)))) if timed else number
        found.setdefault(key, []).append(unit)
    return [tuple(group) for group in found.values()]


def told_once(read: Sequence[ReadUnit], out: Path) -> list[ReadUnit]:
    """Of units with the same rows the first is reported, the others are skipped with a reference to it.

    One that was reported by an earlier run stays the one. The same page under two patients is a doubt of both.
    """
    told = list(read)
    if len(told) < 2:
        return told
    order = sorted(range(len(told)), key=lambda index: _rank(told[index], out))
    leaders: list[int] = []
    for index in order:
        leader = next((one for one in leaders if _same_rows(told[one], told[index])), None)
        if leader is None:
            leaders.append(index)
        elif _patient(told[leader]) != _patient(told[index]):
            told[leader], told[index] = _of_two_patients(told[leader]), _of_two_patients(told[index])
        else:
            told[index] = _skipped(told[index], told[leader])
    return told


def was_skipped(before: ReadUnit, after: ReadUnit) -> bool:
    """Is the unit told by another one of its group?"""
    return after.ending is not before.ending and after.ending is not None and isinstance(after.ending.outcome, Skipped)


def _rank(read: ReadUnit, out: Path) -> tuple[bool, bool]:
    """What was reported before goes first, then what is verified: none waits while its equal is thrown away."""
    verified = read.ending is not None and isinstance(read.ending.outcome, Verified)
    return not earlier(read.files.study_instance_uid, out), not verified


def _skipped(read: ReadUnit, leader: ReadUnit) -> ReadUnit:
    assert read.ending is not None
    outcome = read.ending.outcome
    if isinstance(outcome, Unreadable | Skipped) or read.broken or read.files.broken:
        return read
    study = leader.files.study_instance_uid
    told = note("linked", f"the same rows and times are reported under another study, {study}")
    instances = tuple(str(ds.SOPInstanceUID) for ds in leader.objects)
    skipped = Skipped(outcome.report, instances, (*outcome.findings, told))
    return replace(read, ending=replace(read.ending, outcome=skipped))


def _of_two_patients(read: ReadUnit) -> ReadUnit:
    assert read.ending is not None
    outcome = read.ending.outcome
    if isinstance(outcome, Unreadable) or read.act is not None:  # a person has decided whose it is
        return read
    told = doubt("linked", "the same rows and times lie in a study of another patient")
    if told in outcome.findings:
        return read
    return replace(read, ending=replace(read.ending, outcome=NeedsReview(outcome.report, (*outcome.findings, told))))


def _is_rejected(read: ReadUnit) -> bool:
    return read.act is not None and read.act.kind is ActKind.REJECT


def _patient(read: ReadUnit) -> str:
    return attributes.text(read.objects[-1], "PatientID")


def _same_rows(one: ReadUnit, other: ReadUnit) -> bool:
    """Do both print the same, at least one row that states dose? What a person set since makes no difference.

    One that a person rejected is reported nowhere, so none is left out in favour of it.
    """
    if one.ending is None or other.ending is None or one.files.study_instance_uid == other.files.study_instance_uid:
        return False
    first, second = one.ending.outcome, other.ending.outcome
    if isinstance(first, Unreadable) or isinstance(second, Unreadable) or _is_rejected(one) or _is_rejected(other):
        return False
    told = any(event.has_dose for event in first.report.events)
    return told and one.printed == other.printed
