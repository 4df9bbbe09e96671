"""Is a study's dose already reported? A scanner's own RDSR comes first; one of ours is done or is replaced.

Knows parsed reports and how printed numbers compare with exact ones; must not know how either was read or made.

An RDSR that other software made from the same screen is neither the scanner's word nor ours: it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pydicom.dataset import Dataset

from ocr_service.dose.report import (
    CTAcquisitionType,
    CTDoseReport,
    IrradiationEvent,
    Origin,
    Phantom,
    Reading,
    Scanner,
)
from ocr_service.errors import BrokenObject
from ocr_service.rdsr.parse import ParsedReport, parse, states_ct_dose
from ocr_service.rdsr.printed import decimal_string, one_line
from ocr_service.rdsr.words import shown, stands


@dataclass(frozen=True, slots=True)
class NoNative:
    """Nobody has reported this dose yet."""


@dataclass(frozen=True, slots=True)
class CoversAll:
    """The scanner's own RDSRs state every row that states dose: nothing is to be emitted."""

    sop_instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """The scanner's own RDSRs lack rows; one sentence each."""

    sop_instance_uids: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherValue:
    """The scanner's own RDSRs state another value than the screen; one sentence each."""

    sop_instance_uids: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlreadyOurs:
    """A report of ours states the same events and values: done."""

    parsed: ParsedReport


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A report of ours states something else: the new one takes its place and keeps its event UIDs."""

    parsed: ParsedReport


@dataclass(frozen=True, slots=True)
class Worthier:
    """A report of ours stands that says more than the new one could: nothing takes its place."""

    parsed: ParsedReport


NativeVerdict = NoNative | CoversAll | Partial | OtherValue | AlreadyOurs | Predecessor | Worthier


def compare_native(
    screen_report: CTDoseReport,
    sr_objects: Sequence[Dataset],
    *,
    verified: bool = True,
    attested: bool = False,
    disbelieved: frozenset[str] = frozenset(),
) -> NativeVerdict:
    """Compare a report with the structured reports of its study.

    verified: would the document be written as verified? One of ours with the same values that still waits for
    a person is replaced then. Objects that are no CT dose report, of another study or another scanner, are
    passed over; one that is CT dose and cannot be read makes the cover partial, since nobody knows what it says.
    attested: a person answers for the report. It is reported beside a scanner's own that lacks or contradicts it,
    no report of ours is worthier, and one that still waits for a person is replaced.
    disbelieved: SOP Instance UIDs of reports of ours that are not believed any more. They are never worthier.
    """
    parsed: list[ParsedReport] = []
    broken: list[str] = []
    for ds in sr_objects:
        try:
            if states_ct_dose(ds):
                parsed.append(parse(ds))
        except BrokenObject:
            broken.append("a dose report of this study cannot be read")
    here = [p for p in parsed if p.report.study_instance_uid == screen_report.study_instance_uid]
    native = [p for p in here if not p.ours and not p.converter and _names_scanner(p.devices, screen_report.scanner)]
    if native or broken:
        cover = _cover(screen_report, native, broken)
        if isinstance(cover, CoversAll) or not attested:
            return cover
    ours = [p for p in here if p.ours and p.report.scanner.may_be(screen_report.scanner)]
    if not ours:
        return NoNative()
    newest = _newest(ours)
    wanted = verified and screen_report.origin is Origin.SCREEN and not screen_report.missing
    stated = _stated(newest.report, verified), _stated(screen_report, verified)
    same = newest.complete == wanted and stated[0] == stated[1]
    stands = newest.complete or newest.attested
    if same and (stands or not attested):
        return AlreadyOurs(newest)
    # What is verified says more than screens that wait, and these more than image headers.
    worth = 2 if stands else int(newest.report.origin is Origin.SCREEN)
    own = 2 if wanted else int(screen_report.origin is Origin.SCREEN)
    bound = attested or newest.sop_instance_uid in disbelieved
    return Predecessor(newest) if bound or own >= worth else Worthier(newest)


def _names_scanner(devices: Sequence[Scanner], scanner: Scanner) -> bool:
    """Is one of the devices this scanner? By serial number where both tell one, else by make and model.

    A maker's name is spelled in many ways and changes with its owner: the first word of it is enough. That a
    wrong match hides another scanner's dose is held off by the values, which have to be the same.
    """
    serial = scanner.serial_number.strip()
    told = {device.serial_number.strip() for device in devices} - {""}
    if serial and told:
        return serial in told
    make, model, _ = scanner.identity
    for device in devices:
        other_make, other_model, _ = device.identity
        same_model = model.upper() == other_model.upper()
        if same_model and (not make or not other_make or make.split()[0] == other_make.split()[0]):
            return True
    return False


def _newest(ours: Sequence[ParsedReport]) -> ParsedReport:
    """The one that no other names as its predecessor; of several, the last in its series."""
    replaced = {uid for p in ours for uid in p.predecessors}
    heads = [p for p in ours if p.sop_instance_uid not in replaced] or list(ours)
    return max(heads, key=lambda p: (p.instance_number, p.sop_instance_uid))


def _stated(report: CTDoseReport, verified: bool) -> tuple[object, ...]:
    """What makes two reports of ours the same: dose values, types, phantoms, their proof, and the rows."""

    def said(reading: Reading[Any] | None) -> tuple[object, ...] | None:
        if reading is None or not shown(reading, verified):
            return None
        value = reading.value
        if isinstance(value, Decimal):
            value = Decimal(decimal_string(value, reading.text.strip()))
        return value, stands(reading)

    rows = tuple(
        tuple(said(told) for told in (e.acquisition_type, e.mean_ctdivol, e.dlp, e.phantom)) for e in report.events
    )
    totals = {phantom: said(total) for phantom, total in report.phantom_totals}
    told_totals = [(phantom, totals[phantom]) for phantom in Phantom if totals.get(phantom)]
    missing = [one_line(sentence) for sentence in report.missing]
    return report.origin, report.scope, missing, rows, said(report.dlp_total), told_totals


def _cover(screen: CTDoseReport, native: Sequence[ParsedReport], broken: Sequence[str]) -> NativeVerdict:
    """Do the scanner's own reports, taken together, state every row of the screen that states dose?"""
    uids = tuple(p.sop_instance_uid for p in native)
    left = _dose_events(native)
    unmatched: list[tuple[int, IrradiationEvent]] = []
    for number, row in enumerate(screen.events, start=1):
        if not row.has_dose:
            continue
        index = next((i for i, event in enumerate(left) if not _differences(row, event)), None)
        if index is None:
            unmatched.append((number, row))
        else:
            del left[index]
    if not unmatched and not broken:
        return CoversAll(uids)
    other: list[str] = []
    lacking = list(broken)
    for number, row in unmatched:
        index = next((i for i, event in enumerate(left) if _may_be(row, event)), None)
        if index is None:
            lacking.append(f"row {number} is not in the scanner's own dose report")
        else:
            other += (f"row {number}: {difference}" for difference in _differences(row, left.pop(index)))
    return OtherValue(uids, (*other, *lacking)) if other else Partial(uids, tuple(lacking))


def _dose_events(native: Sequence[ParsedReport]) -> list[IrradiationEvent]:
    """The events that state dose, each once: a later report repeats those of an earlier one."""
    seen: set[str] = set()
    events = []
    for event in (event for p in native for event in p.report.events):
        uid = event.irradiation_event_uid
        if not event.has_dose or (uid is not None and uid in seen):
            continue
        if uid is not None:
            seen.add(uid)
        events.append(event)
    return events


def _may_be(row: IrradiationEvent, event: IrradiationEvent) -> bool:
    """Could the event be the row, its values aside? A localizer is never another acquisition."""
    kinds = (row.acquisition_type, event.acquisition_type)
    angles = [kind.value is CTAcquisitionType.CONSTANT_ANGLE for kind in kinds if kind is not None]
    return len(set(angles)) < 2


def _differences(row: IrradiationEvent, event: IrradiationEvent) -> list[str]:
    """What the scanner's own event states otherwise than the row, in words."""
    found = [] if _may_be(row, event) else ["one is a localizer, the other is none"]
    for name, printed, exact in (
        ("Mean CTDIvol", row.mean_ctdivol, event.mean_ctdivol),
        ("DLP", row.dlp, event.dlp),
    ):
        if printed is None:
            continue
        if exact is None:
            found.append(f"the scanner's own report has no {name}, the screen says {printed.value}")
        elif not _rounds_to(exact.value, printed.value):
            found.append(f"{name} is {printed.value} on the screen, {exact.value} in the scanner's own report")
    if row.phantom is not None and event.phantom is not None and row.phantom.value is not event.phantom.value:
        found.append(
            f"the phantom is {row.phantom.value.name.lower()} on the screen, "
            f"{event.phantom.value.name.lower()} in the scanner's own report"
        )
    return found


def _rounds_to(exact: Decimal, printed: Decimal) -> bool:
    """Are the two equal at the precision of the coarser one? A page may also cut digits off."""
    places = max(_exponent(exact), _exponent(printed))
    unit = Decimal(1).scaleb(places)
    cut = places > _exponent(exact) and abs(exact - printed) < unit
    return cut or exact.quantize(unit, ROUND_HALF_UP) == printed.quantize(unit, ROUND_HALF_UP)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0
