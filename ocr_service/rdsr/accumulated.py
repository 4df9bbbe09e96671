"""CT Accumulated Dose Data: the totals of a report as TID 10012.

Knows the rows of the template and how a total comes about; must not know how an event is written.

A printed total stands as printed. Where there is none, the sum of what is known is written and the comment
says so; where no row's DLP is known, the total is unknown. Different phantoms have sub-totals (row 3a), and
the total is the plain sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from highdicom.sr import ContentItem

from ocr_service.dose.report import CTDoseReport, Phantom
from ocr_service.rdsr import codes
from ocr_service.rdsr.acquisition import dose_string
from ocr_service.rdsr.content import ContentItems
from ocr_service.rdsr.printed import decimal_string
from ocr_service.rdsr.words import (
    SUM_OF_PHANTOMS,
    SUMMED_SUB_TOTALS,
    comment,
    shown,
    stands,
    statements,
    sum_of_events,
    total_values,
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What TID 10012 states: the total (None: unknown), sub-totals per phantom, and the comment's lines."""

    total: str | None
    sub_totals: tuple[tuple[Phantom, str], ...]
    lines: tuple[str, ...]


def totals(report: CTDoseReport, verified: bool) -> Totals:
    """The report's totals: printed, else added up from what stands."""
    lines = statements(total_values(report, verified))
    printed = [
        (phantom, text)
        for phantom, reading in report.phantom_totals
        if (text := dose_string(reading, verified)) is not None
    ]
    sub_totals = printed or _summed_by_phantom(report)
    if sub_totals and not printed:
        lines.append(SUMMED_SUB_TOTALS)
    total = dose_string(report.dlp_total, verified)
    if total is None and printed and len(printed) == len(report.phantom_totals):
        total = decimal_string(sum((Decimal(text) for _, text in printed), Decimal(0)))
        lines.append(SUM_OF_PHANTOMS)
    if total is None:
        rows = [event.dlp.value for event in report.events if event.dlp is not None and stands(event.dlp)]
        if rows:
            total = decimal_string(sum(rows, Decimal(0)))
            lines.append(sum_of_events(len(rows), len(report.events)))
    return Totals(total, tuple(sub_totals), tuple(lines))


def _summed_by_phantom(report: CTDoseReport) -> Sequence[tuple[Phantom, str]]:
    """One sum a phantom, where the rows name more than one."""
    sums: dict[Phantom, Decimal] = {}
    for event in report.events:
        if event.dlp is None or event.phantom is None or not (stands(event.dlp) and stands(event.phantom)):
            continue
        sums[event.phantom.value] = sums.get(event.phantom.value, Decimal(0)) + event.dlp.value
    if len(sums) < 2:
        return []
    return [(phantom, decimal_string(sums[phantom])) for phantom in Phantom if phantom in sums]


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


def shows_unproven_total(report: CTDoseReport, verified: bool) -> bool:
    """Does the document state a total that nobody has proven?"""
    told = [report.dlp_total, *(total for _, total in report.phantom_totals)]
    return any(shown(reading, verified) and not stands(reading) for reading in told)
