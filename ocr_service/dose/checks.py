"""What must be true of a report -> findings, each one sentence a physicist understands.

Knows the numbers of a report; must not know pixels, templates or headers. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from ocr_service.dose.proof import CONTRADICTION, Proven, settle
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import CTDoseReport, Finding, IrradiationEvent, Reading, doubt, note


def findings_of(report: CTDoseReport, within: Decimal) -> list[Finding]:
    """Everything that speaks against the report, or that its reader should know.

    within: by how much the rows' sum may miss the printed total (mGy.cm).
    """
    found = [total_differs(report, within), total_not_printed(report), *half_doses(report), *unproven_values(report)]
    return [finding for finding in found if finding is not None]


def sum_of_rows(events: Iterable[IrradiationEvent]) -> Decimal:
    """The rows' DLP added up (mGy.cm)."""
    return sum((event.dlp.value for event in events if event.dlp is not None), Decimal(0))


def rounding(printed: Iterable[str]) -> Decimal:
    """How far a sum of printed numbers may miss the sum of what was measured: half of each one's last place."""
    places = (len(text.partition(".")[2]) for text in printed)
    return sum((Decimal(5).scaleb(-place - 1) for place in places), Decimal(0))


def total_differs(report: CTDoseReport, within: Decimal) -> Finding | None:
    """Compare the printed total DLP with the sum of the rows."""
    printed = report.printed_total
    if printed is None:
        return None
    rows = sum_of_rows(report.events)
    texts = [event.dlp.text for event in report.events if event.dlp is not None]
    totals = [report.dlp_total] if report.dlp_total is not None else [total for _, total in report.phantom_totals]
    if abs(rows - printed) <= min(within, rounding([*texts, *(total.text for total in totals)])):
        return None
    return doubt("dlp_total", f"the rows add up to {rows} mGy.cm, the screen says {printed}")


def total_not_printed(report: CTDoseReport) -> Finding | None:
    """A page without a total is read all the same; the report's total is then ours."""
    if report.printed_total is not None:
        return None
    return note("dlp_total", "the screen prints no total DLP: the total is the sum of the rows")


def half_doses(report: CTDoseReport) -> list[Finding]:
    """Consoles print CTDIvol and DLP of a row, or neither: where one is blank it may have slid out of its column."""
    found = []
    for number, event in enumerate(report.events, start=1):
        stated = {"mean_ctdivol": event.mean_ctdivol, "dlp": event.dlp}
        missing = [name for name, reading in stated.items() if reading is None]
        if len(missing) == 1:
            (present,) = set(stated) - set(missing)
            found.append(doubt(f"row {number}, {missing[0]}", f"row {number} states {present} and no {missing[0]}"))
    return found


def why(reading: Reading[Any]) -> str:
    """Why the reading is not proven, in words without its text."""
    verdict = settle(reading.evidence)
    if isinstance(verdict, Proven):
        return "only together with another value"
    if verdict.why.startswith(CONTRADICTION):
        return CONTRADICTION
    return verdict.why


def unproven_values(report: CTDoseReport) -> list[Finding]:
    """No dose value, phantom or acquisition type leaves unproven, whatever else was found."""
    found: list[Finding] = []
    totals = [report.dlp_total, *(total for _, total in report.phantom_totals)]
    found += [doubt("dlp_total", f"a total DLP is not proven: {why(t)}") for t in totals if t and not t.proven]
    for number, event in enumerate(report.events, start=1):
        values = (("mean_ctdivol", event.mean_ctdivol), ("dlp", event.dlp), ("phantom", event.phantom))
        for name, reading in values:
            if isinstance(reading, Reading) and not reading.proven:
                found.append(doubt(f"row {number}, {name}", f"{name} of row {number} is not proven: {why(reading)}"))
    return found


def column(report: CTDoseReport, quantity: Quantity) -> list[tuple[int, Decimal]]:
    """The numbers of one column with their rows, counted from 1; rows that state none are left out."""
    numbers = []
    for number, event in enumerate(report.events, start=1):
        value = _number(event, quantity)
        if value is not None:
            numbers.append((number, value))
    return numbers


def does_not_increase(report: CTDoseReport, quantity: Quantity) -> list[Finding]:
    """A doubt for each row whose number is not greater than the one before it."""
    numbers = column(report, quantity)
    return [
        doubt(f"row {row}, {quantity.value}", f"{quantity.value} of row {row} is not greater than the one before it")
        for (_, before), (row, value) in pairwise(numbers)
        if value <= before
    ]


def lies_outside(report: CTDoseReport, quantity: Quantity, least: Decimal, most: Decimal) -> list[Finding]:
    """A doubt for each row whose number is below `least` or above `most`."""
    return [
        doubt(f"row {row}, {quantity.value}", f"{quantity.value} of row {row} is {value}, not from {least} to {most}")
        for row, value in column(report, quantity)
        if not least <= value <= most
    ]


def product_differs(
    report: CTDoseReport, factors: Sequence[Quantity], product: Quantity, within: Decimal
) -> list[Finding]:
    """A doubt for each row whose product of two numbers is not close to a third.

    within: the part of the third by which the product may miss it (0.1 is 10 %).
    """
    columns = [dict(column(report, quantity)) for quantity in (*factors, product)]
    names = " times ".join(quantity.value for quantity in factors)
    found = []
    for row in sorted(set.intersection(*(set(numbers) for numbers in columns))):
        *several, expected = (numbers[row] for numbers in columns)
        made = Decimal(1)
        for factor in several:
            made *= factor
        if abs(made - expected) > within * abs(expected):
            sentence = f"{names} of row {row} is {made}, {product.value} is {expected}"
            found.append(doubt(f"row {row}, {product.value}", sentence))
    return found


def _number(event: IrradiationEvent, quantity: Quantity) -> Decimal | None:
    named: dict[Quantity, Reading[Any] | None] = {
        Quantity.MEAN_CTDIVOL: event.mean_ctdivol,
        Quantity.DLP: event.dlp,
        Quantity.KVP: event.kvp,
        Quantity.SERIES_NUMBER: event.series_number,
    }
    reading = named.get(quantity) or dict(event.others).get(quantity)
    try:
        return None if reading is None else Decimal(reading.text)
    except InvalidOperation:
        return None
