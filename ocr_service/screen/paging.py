"""Which pages make one examination, and which of their rows count once.

Pages with the same marker and rows are one page; a later page of the same kind that holds all rows of an earlier one,
at least one, stands for both; pages without a common row continue each other; anything else is a doubt.
Knows page markers and rows; must not know what a row means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ocr_service.dose.quantities import MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Finding, FindingKind, doubt
from ocr_service.screen.copies import Likeness, likeness, states_dose, united
from ocr_service.screen.readings import CellReading, PageReading, RowReading
from ocr_service.templates.schema import Template

TOTALS = (Quantity.DLP_TOTAL, Quantity.DLP_TOTAL_HEAD, Quantity.DLP_TOTAL_BODY)


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows and fields of all pages that count, and what is missing."""

    rows: tuple[RowReading, ...]
    fields: Mapping[Quantity, CellReading]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]


class _Relation(Enum):
    """How a later page stands to an earlier one of its kind."""

    REPEATED = "it holds all rows of the earlier one"
    OVERLAPS = "it holds some of them"
    CONTINUES = "it holds none of them"


def merge(template: Template, pages: Sequence[PageReading]) -> Merged:
    """The pages of one unit, oldest first, as one: each row once, whatever was saved how often."""
    kept, findings = _without_repeats(template, pages)
    marker_findings, missing, ordered = _by_marker(template, kept)
    fields, more = _fields(ordered)
    findings += [*marker_findings, *more, *(finding for page in ordered for finding in page.findings)]
    rows = tuple(row for page in ordered for row in page.rows)
    if not rows:
        findings.append(doubt("rows", "no row of the dose table was found"))
    return Merged(rows, fields, tuple(findings), missing)


def _fields(pages: Sequence[PageReading]) -> tuple[dict[Quantity, CellReading], list[Finding]]:
    """What the pages state beside the table; two different dose values, or proven others, are a doubt."""
    fields: dict[Quantity, CellReading] = {}
    findings = []
    for page in pages:
        for quantity, cell in page.fields.items():
            old = fields.get(quantity)
            if quantity is Quantity.PAGE_MARKER:
                # One that is not proven is what has to be vouched for; a blank one was dealt with before.
                fields[quantity] = cell if old is None or old.proven else old
                continue
            if old is not None and _disagree(quantity, old, cell):
                findings.append(doubt(quantity.value, f"two pages state a different {quantity.value}"))
            if old is None or not old.text or (cell.text and cell.proven >= old.proven):
                fields[quantity] = cell
    return fields, findings


def _disagree(quantity: Quantity, old: CellReading, new: CellReading) -> bool:
    told = bool(old.text and new.text) and old.text != new.text
    return told and (quantity in MUST_BE_PROVEN or (old.proven and new.proven))


def _marker(page: PageReading) -> tuple[str, str]:
    """The page's number and the number of pages as printed; two empty texts where there is no marker."""
    cell = page.fields.get(Quantity.PAGE_MARKER)
    number, _, total = "".join(cell.text.split()).partition("/") if cell is not None else ("", "", "")
    return number, total


def _without_repeats(template: Template, pages: Sequence[PageReading]) -> tuple[list[PageReading], list[Finding]]:
    kept: list[PageReading] = []
    findings: list[Finding] = []
    for page in pages:
        news = page
        for old in [old for old in kept if old.kind == page.kind]:
            if template.pages[old.kind].table is None:
                if _marker(old)[0] == _marker(news)[0]:
                    kept.remove(old)  # a summary saved again: the later one is the last word
                    news = _after(old, news)
                continue
            relation, sentence = _relation(old, news)
            if sentence:
                findings.append(doubt("pages", sentence))
            if relation is _Relation.REPEATED:
                kept.remove(old)
                news = replace(_after(old, news), rows=_with_best(old.rows, news.rows))
            elif relation is _Relation.OVERLAPS:
                news = replace(news, rows=tuple(row for row in news.rows if not _among(row, old.rows)))
        kept.append(news)
    return kept, findings


def _after(old: PageReading, new: PageReading) -> PageReading:
    """The later copy with what the earlier one leaves behind: its doubts, and the totals of the same rows.

    A doubt of an earlier anchor goes: there the later page proves its own. All others stay (another patient's number,
    a page that was cut), since cells of the earlier page may go on.
    """
    doubts = [f for f in old.findings if f.kind is FindingKind.DOUBT and f.where not in old.anchors]
    totals = {
        quantity: old.fields[quantity]
        for quantity in TOTALS
        if quantity in old.fields and old.fields[quantity].text and len(old.rows) == len(new.rows)
    }
    own = {quantity: cell for quantity, cell in new.fields.items() if cell.text or quantity not in totals}
    findings = tuple(dict.fromkeys((*new.findings, *doubts)))
    return replace(new, findings=findings, fields={**totals, **own})


def _relation(old: PageReading, new: PageReading) -> tuple[_Relation, str]:
    """The relation, and a sentence where it is a doubt."""
    (number, total), (later, later_total) = _marker(old), _marker(new)
    if not old.rows or not new.rows:
        # Nobody knows which rows stood there: with the same marker it may be the same page.
        same = bool(number) and number == later
        return _Relation.CONTINUES, "two pages carry the same marker, and one shows no row" if same else ""
    apart = bool(number and later) and number != later
    pairs, unlike = _paired(old.rows, new.rows, told_apart=apart)
    if not pairs:
        if number and (number, total) == (later, later_total):
            return _Relation.CONTINUES, "two pages carry the same marker and different rows"
        return _Relation.CONTINUES, ""
    if len(pairs) < len(old.rows):
        return _Relation.OVERLAPS, "two pages share some of their rows, not all"
    if apart and len(new.rows) == len(old.rows):
        return _Relation.OVERLAPS, "two pages of different numbers show the same rows"
    return _Relation.REPEATED, "a page was saved twice, and its copies read differently" if unlike else ""


def _paired(
    old: Sequence[RowReading], new: Sequence[RowReading], *, told_apart: bool
) -> tuple[list[tuple[RowReading, RowReading]], bool]:
    """Each earlier row with the later one that is or may be the same, and whether any pair is read differently.

    told_apart: their markers say that the pages are two, so that only equal rows with a dose are the same.
    """
    left = list(new)
    pairs: list[tuple[RowReading, RowReading]] = []
    unlike = False
    for wanted in (Likeness.EQUAL,) if told_apart else (Likeness.EQUAL, Likeness.LIKE):
        for row in old:
            if any(row is first for first, _ in pairs) or (told_apart and not states_dose(row)):
                continue
            found = next((other for other in left if likeness(row, other) is wanted), None)
            if found is not None:
                left = [other for other in left if other is not found]
                pairs.append((row, found))
                unlike |= wanted is Likeness.LIKE
    return pairs, unlike


def _with_best(old: Sequence[RowReading], new: Sequence[RowReading]) -> tuple[RowReading, ...]:
    """The later page's rows, each with the cells that its earlier copy proves and it does not."""
    copies = {id(later): earlier for earlier, later in _paired(old, new, told_apart=False)[0]}
    return tuple(united(copies[id(row)], row) if id(row) in copies else row for row in new)


def _among(row: RowReading, rows: Sequence[RowReading]) -> bool:
    return any(likeness(other, row) is not Likeness.OTHER for other in rows)


def _by_marker(
    template: Template, pages: Sequence[PageReading]
) -> tuple[list[Finding], tuple[str, ...], list[PageReading]]:
    """Order the pages by their markers; a missing marked page is a doubt."""
    if template.complete_by == "quiet":
        return [], (), list(pages)
    if template.complete_by == "total" or all(_has_no_marker(page) for page in pages):
        return _by_total(pages), (), list(pages)
    numbers: dict[int, PageReading] = {}
    totals: set[int] = set()
    for page in pages:
        number, total = _marker(page)
        if not number.isdigit() or not total.isdigit():
            sentence = "a page without a legible page marker: whether pages are missing is unknown"
            return [doubt("pages", sentence)], (), list(pages)
        if int(number) in numbers:
            return [doubt("pages", f"two pages carry the number {number}")], (), list(pages)
        numbers[int(number)] = page
        totals.add(int(total))
    if len(totals) > 1:
        return [doubt("pages", "the page markers name different numbers of pages")], (), list(pages)
    count = max(totals, default=0)
    if any(number < 1 or number > count for number in numbers):
        return [doubt("pages", "a page marker counts beyond its own number of pages")], (), list(pages)
    absent = sorted(set(range(1, count + 1)) - set(numbers))
    missing = tuple(f"page {number} of {count} is missing" for number in absent)
    return [doubt("pages", sentence) for sentence in missing], missing, [numbers[n] for n in sorted(numbers)]


def _has_no_marker(page: PageReading) -> bool:
    """Is the place of the marker proven empty, or does this kind of page have none?"""
    cell = page.fields.get(Quantity.PAGE_MARKER)
    return cell is None or (cell.proven and not cell.text)


def _by_total(pages: Sequence[PageReading]) -> list[Finding]:
    """Without markers the total is the examination's last word: it must be there (its sum is checked elsewhere)."""
    if any(page.fields[total].text for page in pages for total in TOTALS if total in page.fields):
        return []
    return [doubt("pages", "no page states the total: whether pages are missing is unknown")]
