"""A unit's ending as one JSON object: the line of `convert --report`.

Knows the words of that report; must not know files. Numbers are the strings on the screen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from ocr_service.dose.proof import NeedsReview, Unreadable, Verified, name
from ocr_service.dose.report import CTDoseReport, Finding, FindingKind, IrradiationEvent, Phantom, Reading, doubt
from ocr_service.pipeline import FromHeader, Outcome, Skipped
from ocr_service.work.inventory import Inventory
from ocr_service.work.unit import Converted


def outcome_name(outcome: Outcome) -> str:
    """The outcome's word in reports."""
    match outcome:
        case Verified():
            return "verified"
        case NeedsReview():
            return "needs_review"
        case Unreadable():
            return "unreadable"
        case FromHeader():
            return "header"
        case Skipped():
            return "skipped"
        case _:
            assert_never(outcome)


def line(converted: Converted) -> str:
    """One line of JSON Lines."""
    return json.dumps(as_json(converted), ensure_ascii=False)


def as_json(converted: Converted) -> dict[str, Any]:
    """The same as an object of strings, lists, numbers and None."""
    outcome = converted.outcome
    report = None if isinstance(outcome, Unreadable) else outcome.report
    findings = outcome.findings
    if isinstance(outcome, Unreadable) and outcome.why not in [finding.sentence for finding in findings]:
        findings = (doubt("unit", outcome.why), *findings)
    return {
        "study_instance_uid": converted.study_instance_uid,
        "series_instance_uids": list(converted.series_instance_uids),
        "sop_instance_uids": list(converted.sop_instance_uids),
        "outcome": outcome_name(outcome),
        "template": (report.template or None) if report else None,
        "rdsr": converted.rdsr,
        "dlp_total": total_text(report) if report else None,
        "events": [event_line(event) for event in report.events] if report else [],
        "findings": [
            {"kind": finding.kind.value, "where": finding.where, "sentence": finding.sentence} for finding in findings
        ],
        "milliseconds": converted.milliseconds,
        "files": [str(path) for path in converted.files],
    }


def failed_line(study_instance_uid: str, why: str) -> str:
    """The line of a study that could not be read."""
    told = as_json(Converted(study_instance_uid, (), (), Unreadable(why), None, 0))
    return json.dumps(told | {"outcome": "failed"}, ensure_ascii=False)


def total_text(report: CTDoseReport) -> str | None:
    """The printed total, else the plain sum of the totals per phantom, else None."""
    if report.dlp_total is not None:
        return report.dlp_total.text
    return None if report.printed_total is None else str(report.printed_total)


def event_line(event: IrradiationEvent) -> dict[str, Any]:
    """One event of the report; `proven` is true where every dose value, phantom and type it prints is proven."""
    told: list[Reading[Any] | None] = [event.acquisition_type, event.mean_ctdivol, event.dlp, event.phantom]
    return {
        "series_number": _text(event.series_number),
        "acquisition_type": event.acquisition_type.value.value if event.acquisition_type else None,
        "mean_ctdivol": _text(event.mean_ctdivol),
        "dlp": _text(event.dlp),
        "phantom": _phantom(event.phantom),
        "scanning_range": _text(event.scanning_range),
        "kvp": _text(event.kvp),
        "proven": all(reading.proven for reading in told if reading is not None),
    }


def _text(reading: Reading[Any] | None) -> str | None:
    return None if reading is None else reading.text


def _phantom(reading: Reading[Phantom] | None) -> str | None:
    return None if reading is None else reading.value.name.lower()


_FIRST = ("patient_id", "accession_number", "identity", "native", "linked", "pages", "dlp_total", "template", "objects")


def headline(findings: Sequence[Finding]) -> str:
    """The doubt that says most: whose page it is and whether it is whole, before cells that nobody could prove."""
    doubts = [finding for finding in findings if finding.kind is FindingKind.DOUBT]
    known = [finding for where in _FIRST for finding in doubts if finding.where == where]
    return next((finding.sentence for finding in (*known, *doubts)), "")


def vouching(report: CTDoseReport) -> str:
    """Who vouches for the dose values that are proven, in words, and how many of all that are printed are."""
    told = [report.dlp_total, *(total for _, total in report.phantom_totals)]
    told += [reading for event in report.events for reading in (event.mean_ctdivol, event.dlp)]
    printed = [reading for reading in told if reading is not None]
    proven = [reading for reading in printed if reading.proven]
    kinds = {witness.kind for reading in proven for witness in reading.evidence.witnesses}
    return f"{len(proven)} of {len(printed)}: {name(kinds)}" if kinds else f"{len(proven)} of {len(printed)}"


def table_cells(converted: Converted) -> tuple[str, str, str, str, str]:
    """Template, number of events, total, proof, and the first reason or the RDSR's path: a row of the closing table."""
    outcome = converted.outcome
    if isinstance(outcome, Unreadable):
        return "", "", "", "", outcome.why
    why = headline(outcome.findings)
    if isinstance(outcome, Skipped):
        known = [finding.sentence for finding in outcome.findings if finding.where in ("linked", "rejected")]
        why = known[0] if known else "the scanner has reported this dose itself"
    told = converted.rdsr or why or "not written"
    report = outcome.report
    return report.template, str(len(report.events)), total_text(report) or "", vouching(report), told


def tally(outcomes: Iterable[str]) -> str:
    """How many units ended how, as one sentence."""
    told = Counter(outcomes)
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.most_common()) or "nothing to convert"


def counts(stock: Inventory) -> str:
    """What lay in the input, as one sentence: what is nowhere to be seen elsewhere is counted here."""
    found = stock.found
    told = [
        f"{len(stock.units)} units",
        f"{len(stock.broken)} broken objects",
        f"{stock.companions} companion pages",
        f"{stock.context} other objects",
        f"{stock.not_dicom} files that are not DICOM",
    ]
    rare = (
        (stock.looked_at, "objects whose headers tell nothing: their pages were looked at"),
        (stock.copies + found.repeated, "copies of a file that counts once"),
        (found.special, "links, pipes and devices that lead to no file"),
        (found.read_dicomdirs, "DICOMDIR whose files were taken"),
        (found.broken_dicomdirs, "DICOMDIR that cannot be read: its folder was walked"),
        (found.missing, "files that a DICOMDIR names and that are not there"),
    )
    return ", ".join([*told, *(f"{count} {what}" for count, what in rare if count)])
