"""Pages -> one dose report: which rows count, what each row means, and what arithmetic says of it.

Knows page readings and the template; must not know pixels or engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches

from ocr_service.dose.proof import arithmetic_text
from ocr_service.dose.quantities import DOSES, MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    Finding,
    IrradiationEvent,
    Phantom,
    Reading,
    Scanner,
    Witness,
    WitnessKind,
    doubt,
    note,
)
from ocr_service.screen.paging import Merged, merge
from ocr_service.screen.readings import CellReading, PageReading, RowReading, judge
from ocr_service.screen.table_checks import broken_rules
from ocr_service.screen.values import (
    PHANTOM_TOTALS,
    decimal_of,
    meaning_of,
    phantoms,
    printed,
    proven_number,
    rows_of_totals,
)
from ocr_service.screen.words import concept_of, meaning
from ocr_service.templates.schema import Template
from ocr_service.templates.wording import fold

NEARLY = 0.6  # how alike two words are, by difflib
TYPES = {kind.name.lower(): kind for kind in CTAcquisitionType}
# Console's text and images may still vouch for these; what stays unproven then is found by the report's checks.
SETTLED_LATER = frozenset({Quantity.MEAN_CTDIVOL, Quantity.DLP, Quantity.DLP_TOTAL, *PHANTOM_TOTALS})
_NAMED = {
    Quantity.ACQUISITION_TYPE, Quantity.MEAN_CTDIVOL, Quantity.DLP, Quantity.PHANTOM, Quantity.SERIES_NUMBER,
    Quantity.ACQUISITION_PROTOCOL, Quantity.SCANNING_RANGE, Quantity.KVP,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assembled:
    """The report of all pages, what was found on the way, and the cells that it comes from."""

    report: CTDoseReport
    findings: tuple[Finding, ...]
    cells: tuple[CellReading, ...] = ()


def assemble(template: Template, pages: Sequence[PageReading], study_instance_uid: str, scanner: Scanner) -> Assembled:
    """Merge the pages of one unit and say what their rows mean. Pages come oldest first."""
    merged = merge(template, pages)
    merged = _with_marker(_with_arithmetic(merged))
    findings = [*merged.findings, *broken_rules(template.checks, merged.rows, merged.fields)]
    events = []
    for number, row in enumerate(merged.rows, start=1):
        event, more = _event(row, f"row {number}")
        events.append(event)
        findings += more
    for quantity, cell in merged.fields.items():
        findings += _unproven(quantity, cell, "page")
    report = CTDoseReport(
        study_instance_uid=study_instance_uid,
        scanner=scanner,
        events=tuple(events),
        dlp_total=_number(merged.fields.get(Quantity.DLP_TOTAL)),
        phantom_totals=tuple(
            (phantom, total)
            for quantity, phantom in PHANTOM_TOTALS.items()
            if (total := _number(merged.fields.get(quantity))) is not None
        ),
        template=template.versioned,
        missing=merged.missing,
    )
    cells = (*merged.fields.values(), *(cell for row in merged.rows for cell in row.cells.values()))
    return Assembled(report, tuple(findings), cells)


def _with_arithmetic(merged: Merged) -> Merged:
    """Let an exact sum vouch for the one number of it that is not proven yet."""
    rows, fields = list(merged.rows), dict(merged.fields)
    for quantity, members in rows_of_totals(rows).items():
        total = fields.get(quantity)
        if total is None or not members or not printed(total):
            continue
        cells = [rows[i].cells[Quantity.DLP] for i in members]
        needed = arithmetic_text([proven_number(c) for c in cells], proven_number(total))
        if needed is None:
            continue
        for i in members:
            cell = rows[i].cells[Quantity.DLP]
            if not cell.proven:
                rows[i] = replace(rows[i], cells={**rows[i].cells, Quantity.DLP: _vouched(cell, needed)})
        if not total.proven:
            fields[quantity] = _vouched(total, needed)
    return replace(merged, rows=tuple(rows), fields=fields)


def _with_marker(merged: Merged) -> Merged:
    """Let a closed sum vouch for the page marker: rows of a page that is not there would be missing in the total.

    Closed are proven rows that add up exactly to the proven total of the examination, or each to the total of its
    phantom. That a total equals its only row says nothing of either number, but each is proven by itself here, and
    what is asked is whether another row is missing.
    """
    marker = merged.fields.get(Quantity.PAGE_MARKER)
    if marker is None or marker.proven or not printed(marker) or not _closed(merged):
        return merged
    evidence = marker.evidence
    for text in {witness.text for witness in evidence.witnesses}:
        evidence = evidence.and_witness(Witness(WitnessKind.ARITHMETIC, text))
    return replace(merged, fields={**merged.fields, Quantity.PAGE_MARKER: judge(replace(marker, evidence=evidence))})


def _closed(merged: Merged) -> bool:
    sums = rows_of_totals(merged.rows)
    stated = sums.pop(Quantity.DLP_TOTAL)
    if not stated:
        return False
    if printed(merged.fields.get(Quantity.DLP_TOTAL)):
        return _adds_up(merged, Quantity.DLP_TOTAL, stated)
    everyone = sum(len(members) for members in sums.values()) == len(stated)
    return everyone and all(_adds_up(merged, total, members) for total, members in sums.items() if members)


def _adds_up(merged: Merged, quantity: Quantity, members: Sequence[int]) -> bool:
    """Are the rows and their total all proven, and is the sum exact?"""
    total = merged.fields.get(quantity)
    values = [proven_number(merged.rows[i].cells[Quantity.DLP]) for i in members]
    known = [value for value in values if value is not None]
    return total is not None and len(known) == len(values) and proven_number(total) == sum(known)


def _vouched(cell: CellReading, needed: Decimal) -> CellReading:
    evidence = cell.evidence
    for witness in cell.evidence.witnesses:
        value = decimal_of(meaning(cell.cell, cell.choices, witness.text).value)
        if value == needed:
            evidence = evidence.and_witness(Witness(WitnessKind.ARITHMETIC, witness.text))
    return judge(replace(cell, evidence=evidence))


def _event(row: RowReading, where: str) -> tuple[IrradiationEvent, list[Finding]]:
    cells = row.cells
    findings = [f for quantity, cell in cells.items() for f in _unproven(quantity, cell, where)]
    phantom, more = _phantom(cells, where)
    findings += more
    kind, more = _type(cells, where)
    findings += more
    protocol = _text(cells.get(Quantity.ACQUISITION_PROTOCOL))
    if protocol is None and row.group is not None and (part := meaning_of(row.group)) is not None:
        name = dict(part.parts).get("protocol", part.value)
        protocol = Reading(name, name, evidence=row.group.evidence, proven=row.group.proven)
    others = tuple(
        (quantity, reading)
        for quantity, cell in cells.items()
        if quantity not in _NAMED and (reading := _text(cell)) is not None
    )
    event = IrradiationEvent(
        acquisition_type=kind,
        mean_ctdivol=_number(cells.get(Quantity.MEAN_CTDIVOL)),
        dlp=_number(cells.get(Quantity.DLP)),
        phantom=phantom,
        series_number=_text(cells.get(Quantity.SERIES_NUMBER)),
        protocol=protocol,
        scanning_range=_text(cells.get(Quantity.SCANNING_RANGE)),
        kvp=_number(cells.get(Quantity.KVP)),
        others=others,
    )
    return event, findings


def _unproven(quantity: Quantity, cell: CellReading, where: str) -> list[Finding]:
    if cell.proven or (cell.text and quantity in SETTLED_LATER):
        return []
    why = cell.evidence.broken_crop or "its witnesses do not suffice"
    finding = doubt if quantity in MUST_BE_PROVEN else note
    place = "the page" if where == "page" else where
    return [finding(f"{where}, {quantity.value}", f"{quantity.value} of {place} is not proven: {why}")]


def _number(cell: CellReading | None) -> Reading[Decimal] | None:
    part = meaning_of(cell)
    value = decimal_of(part.value) if part else None
    if cell is None or part is None or value is None:
        return None
    return Reading(value, part.value, evidence=cell.evidence, proven=cell.proven)


def _text(cell: CellReading | None) -> Reading[str] | None:
    if cell is None or not cell.text:
        return None
    return Reading(cell.text, cell.text, evidence=cell.evidence, proven=cell.proven)


def _phantom(cells: Mapping[Quantity, CellReading], where: str) -> tuple[Reading[Phantom] | None, list[Finding]]:
    told = phantoms(cells)
    if not told:
        return None, []
    if len({reading.value for reading in told}) > 1:
        return told[0], [doubt(f"{where}, phantom", f"{where} names two different phantoms")]
    return next((reading for reading in told if reading.proven), told[0]), []


def _type(cells: Mapping[Quantity, CellReading], where: str) -> tuple[Reading[CTAcquisitionType] | None, list[Finding]]:
    cell = cells.get(Quantity.ACQUISITION_TYPE)
    if cell is None:
        protocol = cells.get(Quantity.ACQUISITION_PROTOCOL)
        told = concept_of(protocol.choices, protocol.text) if protocol is not None else None
        if protocol is None or told not in TYPES:
            return None, _perhaps_a_type(protocol, cells, where)
        return Reading(TYPES[told], protocol.text, evidence=protocol.evidence, proven=protocol.proven), []
    part = meaning_of(cell)
    if part is None:
        return None, []
    if part.concept != "sequenced_or_stationary":
        return Reading(TYPES[part.concept], cell.text, evidence=cell.evidence, proven=cell.proven), []
    return _by_range(cell, cells.get(Quantity.SCANNING_RANGE), where)


def _perhaps_a_type(protocol: CellReading | None, cells: Mapping[Quantity, CellReading], where: str) -> list[Finding]:
    """A name that is not proven may be the word of a type (Topogram), which would be lost.

    So it may in a row without dose, as localizers are, and where a reader saw nearly such a word.
    """
    if protocol is None or not protocol.choices or protocol.proven:
        return []
    words = [fold(word) for words in protocol.choices.values() for word in words]
    near = any(get_close_matches(fold(text), words, n=1, cutoff=NEARLY) for _, text in protocol.evidence.seen)
    if not near and any(printed(cells.get(quantity)) for quantity in DOSES):
        return []
    sentence = f"the name of {where} is not proven, and it may say the type"
    return [doubt(f"{where}, acquisition_type", sentence)]


def _by_range(
    cell: CellReading, scanning_range: CellReading | None, where: str
) -> tuple[Reading[CTAcquisitionType] | None, list[Finding]]:
    """An axial row that starts where it ends moved no table: Stationary."""
    if scanning_range is not None and not scanning_range.text and not scanning_range.proven:
        # The word alone means Sequenced; unproven, because a range that ends where it starts would say otherwise.
        plain = Reading(CTAcquisitionType.SEQUENCED, cell.text, evidence=cell.evidence)
        return plain, [doubt(f"{where}, acquisition_type", f"{where} is axial, and its range cannot be read")]
    if scanning_range is None or not scanning_range.text:
        return None, [note(f"{where}, acquisition_type", f"{where} is axial, with or without table movement")]
    stays = _stays(scanning_range.text)
    kind = CTAcquisitionType.STATIONARY if stays else CTAcquisitionType.SEQUENCED
    # Two readers may differ in a position and yet agree that the table moved: that is all the type needs.
    told = {witness.kind: _stays(witness.text) for witness in scanning_range.evidence.witnesses}
    agreed = len(told) >= 2 and set(told.values()) == {stays} and not scanning_range.evidence.broken_crop
    known = scanning_range.proven or agreed
    reading = Reading(kind, cell.text, evidence=cell.evidence, proven=cell.proven and known)
    if cell.proven and not known:
        return reading, [
            doubt(
                f"{where}, acquisition_type",
                f"{where} is axial, and its range that tells which is not proven",
            )
        ]
    return reading, []


def _stays(scanning_range: str) -> bool:
    """Does the range end where it starts? S and I of zero are one place."""
    start, _, end = scanning_range.partition("-")
    if start == end:
        return True
    first, last = decimal_of(start[1:]), decimal_of(end[1:])
    return first is not None and first == last == 0
