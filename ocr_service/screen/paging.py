"""Which pages make one examination, and which of their rows count once.

Knows page markers and rows; must not know what a row means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Finding, doubt
from ocr_service.screen.extract import CellReading, PageReading, RowReading
from ocr_service.templates.schema import Template

Row = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows and fields of all pages that count, and what is missing."""

    rows: tuple[RowReading, ...]
    fields: Mapping[Quantity, CellReading]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]


def merge(template: Template, pages: Sequence[PageReading]) -> Merged:
    """Pages saved twice count once, a page that holds all rows of an earlier one replaces it, others continue it."""
    kept, findings = _without_repeats(pages)
    marker_findings, missing, ordered = _by_marker(template, kept)
    findings += marker_findings
    fields: dict[Quantity, CellReading] = {}
    for page in ordered:
        for quantity, cell in page.fields.items():
            old = fields.get(quantity)
            if quantity is Quantity.PAGE_MARKER and old is not None and not old.proven:
                continue
            if (
                old is not None
                and old.text
                and cell.text
                and quantity is not Quantity.PAGE_MARKER
                and old.text != cell.text
            ):
                findings.append(doubt(quantity.value, f"two pages state a different {quantity.value}"))
            if old is None or cell.text:
                fields[quantity] = cell
        findings += page.findings
    rows = tuple(row for page in ordered for row in page.rows)
    if not rows:
        findings.append(doubt("rows", "no row of the dose table was found"))
    return Merged(rows, fields, tuple(findings), missing)


def _row(row: RowReading) -> Row:
    return tuple((quantity.value, cell.text) for quantity, cell in row.cells.items())


def _marker(page: PageReading) -> str:
    cell = page.fields.get(Quantity.PAGE_MARKER)
    return "".join(cell.text.split()) if cell is not None else ""


def _without_repeats(pages: Sequence[PageReading]) -> tuple[list[PageReading], list[Finding]]:
    kept: list[PageReading] = []
    findings: list[Finding] = []
    for page in pages:
        rows = [_row(row) for row in page.rows]
        for index, old in enumerate(kept):
            if old.kind != page.kind:
                continue
            old_rows = [_row(row) for row in old.rows]
            same_marker = _marker(old) == _marker(page)
            if _supersedes(rows, old_rows, same_marker):
                kept[index] = page
                break
            if same_marker and _marker(page) and rows != old_rows:
                findings.append(doubt("pages", "two pages carry the same marker and different rows"))
            elif set(rows) & set(old_rows):
                findings.append(doubt("pages", "two pages share some of their rows, not all"))
        else:
            kept.append(page)
    return kept, findings


def _supersedes(rows: Sequence[Row], old: Sequence[Row], same_marker: bool) -> bool:
    """Does a later page say all that the earlier one says? Pages without rows are the same by their marker alone."""
    if not rows or not old:
        return not rows and not old and same_marker
    return rows[: len(old)] == old and (same_marker or len(rows) > len(old))


def _by_marker(
    template: Template, pages: Sequence[PageReading]
) -> tuple[list[Finding], tuple[str, ...], list[PageReading]]:
    """Order the pages by their markers; a missing marked page is a doubt."""
    if template.complete_by != "marker":
        return [], (), list(pages)
    numbers: dict[int, PageReading] = {}
    totals: set[int] = set()
    for page in pages:
        number, _, total = _marker(page).partition("/")
        if number.isdigit() and total.isdigit():
            numbers[int(number)] = page
            totals.add(int(total))
    if len(numbers) < len(pages):
        return (
            [doubt("pages", "a page without a legible page marker: whether pages are missing is unknown")],
            (),
            list(pages),
        )
    if len(totals) > 1:
        return [doubt("pages", "the page markers name different numbers of pages")], (), list(pages)
    absent = sorted(set(range(1, max(totals, default=0) + 1)) - set(numbers))
    missing = tuple(f"page {number} of {max(totals)} is missing" for number in absent)
    return [doubt("pages", sentence) for sentence in missing], missing, [numbers[n] for n in sorted(numbers)]
