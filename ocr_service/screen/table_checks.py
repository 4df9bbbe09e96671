"""What the rows of all pages must keep as printed -> findings: a dose at all, and each phantom's total.

Knows rows and fields; must not know pages or pixels. The sum over all rows and a template's other checks are those of
the report itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ocr_service.dose.checks import rounding
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.dose.report import Finding, doubt
from ocr_service.screen.readings import CellReading, RowReading
from ocr_service.screen.values import PHANTOM_TOTALS, decimal_of, meaning_of, phantoms, printed
from ocr_service.templates.checks import Check, Sums

Rows = Sequence[RowReading]


def broken_rules(checks: Iterable[Check], rows: Rows, fields: Mapping[Quantity, CellReading]) -> list[Finding]:
    """A doubt for each phantom's total that its rows miss, and one where the rows state no dose at all."""
    findings = list(_without_dose(rows))
    for check in checks:
        if isinstance(check, Sums):
            findings += _phantom_sum(check, rows, fields)
    return findings


def _without_dose(rows: Rows) -> Iterable[Finding]:
    """Expected, effective and air values are no Mean CTDIvol and no DLP: a page of these alone states no dose."""
    if rows and not any(quantity in row.cells for row in rows for quantity in DOSES):
        yield doubt("rows", "the pages print neither Mean CTDIvol nor DLP, only expected or other values")


def _number(cell: CellReading | None) -> Decimal | None:
    part = meaning_of(cell)
    return decimal_of(part.value) if part else None


def _phantom_sum(check: Sums, rows: Rows, fields: Mapping[Quantity, CellReading]) -> Iterable[Finding]:
    """The rows of one phantom against the total of that phantom; a dash is a total of nothing."""
    total = fields.get(check.equals)
    if check.equals not in PHANTOM_TOTALS or total is None or not printed(total):
        return
    stated = [row for row in rows if printed(row.cells.get(check.sum_of))]
    told = [phantoms(row.cells) for row in stated]
    if not all(told):
        if any(told):
            sentence = "not every row says of which phantom it is, so the phantoms' totals cannot be checked"
            yield doubt(check.equals.value, sentence)
        return
    mine = PHANTOM_TOTALS[check.equals]
    values = [
        _number(row.cells.get(check.sum_of)) for row, who in zip(stated, told, strict=True) if who[0].value is mine
    ]
    known = [value for value in values if value is not None]
    found = sum(known, Decimal(0))
    wanted = _number(total) or Decimal(0)
    if abs(found - wanted) > min(Decimal(check.within), rounding(map(str, (*known, wanted)))):
        name = mine.name.lower()
        yield doubt(
            check.equals.value, f"the rows of the {name} phantom add up to {found} mGy.cm, the screen says {wanted}"
        )
