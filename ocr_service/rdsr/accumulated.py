"""CT Accumulated Dose Data: the totals of a report as TID 10012.

Knows the rows of the template and how a total comes about; must not know how an event is written.

A printed total stands as printed. Where there is none, the sum of what is known is written and the comment
says so; where no row's DLP is known, the total is unknown. Different phantoms have sub-totals (row 3a), and
the total is the plain sum. Where all events have one phantom there are none: a page's total of that phantom is
then a line of the comment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from highdicom.sr import ContentItem

from ocr_service.dose.report import CTDoseReport, IrradiationEvent, Phantom
from ocr_service.rdsr import codes
from ocr_service.rdsr.acquisition import dose_string
from ocr_service.rdsr.content import ContentItems
from ocr_service.rdsr.printed import decimal_string
from ocr_service.rdsr.words import (
    SUM_OF_PHANTOMS,
    SUMMED_SUB_TOTALS,
    comment,
    has_dose_item,
    printed_sub_total,
    shown,
    stands,
    statements,
    sub_total_of,
    sum_of_events,
    total_values,
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What TID 10012 states: the total and sub-totals per phantom (None: unknown), and the comment's lines."""

    total: str | None
    sub_totals: tuple[tuple[Phantom, str | None], ...]
    lines: tuple[str, ...]


def totals(report: CTDoseReport, verified: bool) -> Totals:
    """The report's totals: printed, else added up from what stands."""
    lines = statements(total_values(report, verified))
    printed = [
        (phantom, text)
        for phantom, reading in report.phantom_totals
        if (text := dose_string(reading, verified)) is not None
    ]
    rows = _by_phantom(report, verified)
    sub_totals: Sequence[tuple[Phantom, str | None]] = ()
    if len({*rows, *(phantom for phantom, _ in printed)}) < 2:
        lines += [printed_sub_total(phantom, text) for phantom, text in printed]
    elif printed:
        sub_totals = printed
    else:
        sub_totals, told = _summed(rows)
        lines += told
    total = dose_string(report.dlp_total, verified)
    if total is None and printed and len(printed) == len(report.phantom_totals):
        total = decimal_string(sum((Decimal(text) for _, text in printed), Decimal(0)))
        lines.append(SUM_OF_PHANTOMS)
    if total is None:
        known = _known_dlps(report.events)
        if known:
            total = decimal_string(sum(known, Decimal(0)))
            lines.append(sum_of_events(len(known), len(report.events)))
    return Totals(total, tuple(sub_totals), tuple(lines))


def _by_phantom(report: CTDoseReport, verified: bool) -> dict[Phantom, list[IrradiationEvent]]:
    """The events by the phantom that their CT Dose is written with; those of no known phantom are left out."""
    rows: dict[Phantom, list[IrradiationEvent]] = {}
    for event in report.events:
        if event.phantom is not None and shown(event.phantom, verified) and has_dose_item(event, verified):
            rows.setdefault(event.phantom.value, []).append(event)
    return rows


def _summed(
    rows: Mapping[Phantom, Sequence[IrradiationEvent]],
) -> tuple[Sequence[tuple[Phantom, str | None]], Sequence[str]]:
    """One sum a phantom, and what is to be said of them.

    Summed are the rows whose phantom and DLP stand. A sub-total of none is unknown, one of some says of how many.
    """
    sums: list[tuple[Phantom, str | None]] = []
    lines = [SUMMED_SUB_TOTALS]
    for phantom in (phantom for phantom in Phantom if phantom in rows):
        known = _known_dlps([event for event in rows[phantom] if stands(event.phantom)])
        sums.append((phantom, decimal_string(sum(known, Decimal(0))) if known else None))
        if len(known) < len(rows[phantom]):
            lines.append(sub_total_of(phantom, len(known), len(rows[phantom])))
    return sums, lines


def _known_dlps(events: Sequence[IrradiationEvent]) -> list[Decimal]:
    return [event.dlp.value for event in events if event.dlp is not None and stands(event.dlp)]


def ct_accumulated_dose(items: ContentItems, report: CTDoseReport, device: ContentItem, verified: bool) -> ContentItem:
    """TID 10012, rows 1 to 13; `device` is the irradiating one (TID 1021)."""
    stated = totals(report, verified)
    told = [
        items.num(codes.TOTAL_NUMBER_OF_EVENTS, str(len(report.events)), codes.EVENTS),
        items.num(codes.DLP_TOTAL, stated.total, codes.MGY_CM),
    ]
    for phantom, text in stated.sub_totals:
        whose = items.code(codes.CTDIW_PHANTOM_TYPE, codes.PHANTOMS[phantom], "HAS PROPERTIES")
        told.append(items.num(codes.DLP_SUB_TOTAL, text, codes.MGY_CM, children=[whose]))
    if stated.lines:
        told.append(items.text(codes.COMMENT, comment(stated.lines)))
    told.append(device)
    return items.container(codes.CT_ACCUMULATED_DOSE_DATA, told, template="10012")
