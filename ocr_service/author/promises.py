"""What a draft promises: checks that all its screens keep, and examples for a person to compare and confirm.

Knows what several screens show together; must not know where anything stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from ocr_service.author import vocabulary
from ocr_service.author.patterns import quoted, value_of
from ocr_service.author.tables import Column, Table
from ocr_service.author.together import Drafted, Together
from ocr_service.dose.quantities import Quantity
from ocr_service.templates.examples import NOTHING, TOLD_BY_DEFAULT

WITHIN = Decimal("0.5")  # mGy.cm: what rounding may come to
MOST_EXAMPLES = 3
TOLD = {
    "series_number": Quantity.SERIES_NUMBER,
    "acquisition_type": Quantity.ACQUISITION_TYPE,
    "mean_ctdivol": Quantity.MEAN_CTDIVOL,
    "dlp": Quantity.DLP,
    "phantom": Quantity.PHANTOM,
    "kvp": Quantity.KVP,
}
CONCEPTS: dict[str, Callable[[str], str | None]] = {
    "acquisition_type": vocabulary.acquisition_type,
    "phantom": vocabulary.phantom,
}


def checks(seen: Together) -> Iterator[str]:
    """The checks that hold on all screens, and a comment on the total where it does not hold."""
    found = [*_sums(seen), *_increasing(seen)]
    if any(not line.startswith("#") for line in found):
        yield "checks:  # CHECK: these hold on your screens; must they hold on all?"
    yield from found


def _sums(seen: Together) -> Iterator[str]:
    differences = []
    for screen in seen.screens:
        total = _total(screen.table)
        rows = [number for text in _texts(screen.table, Quantity.DLP) if (number := _number(text)) is not None]
        if total is not None:
            differences.append((abs(sum(rows, Decimal(0)) - total), screen.name))
    if not differences:
        return
    most, name = max(differences)
    if most <= WITHIN:
        yield f"  - {{sum_of: dlp, equals: dlp_total, within: {WITHIN}}}"
    else:
        yield f"# CHECK: the rows of {name} miss the printed total by {most}: of what is it the sum? Without"
        yield f"# - {{sum_of: dlp, equals: dlp_total, within: {WITHIN}}} nothing vouches for the number of rows."


def _increasing(seen: Together) -> Iterator[str]:
    numbers = [[_number(text) for text in _texts(s.table, Quantity.SERIES_NUMBER)] for s in seen.screens]
    pairs = [pair for column in numbers for pair in pairwise(column)]
    if len(pairs) > 2 and all(a is not None and b is not None and a < b for a, b in pairs):
        yield "  - {increasing: series_number}"


def _column(table: Table, quantity: Quantity) -> Column | None:
    return next((column for column in table.columns if column.quantity is quantity), None)


def _texts(table: Table, quantity: Quantity) -> list[str]:
    column = _column(table, quantity)
    return column.texts if column is not None else []


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(value_of(text))
    except InvalidOperation:
        return None


def _total(table: Table) -> Decimal | None:
    return next((_number(t.number.text) for t in table.totals if t.quantity is Quantity.DLP_TOTAL), None)


def example_comments(seen: Together) -> Iterator[str]:
    """Examples as comments: what was read, for a person to compare with the screens and to uncomment."""
    yield "# CHECK: examples prove the template. These are as read by one engine: compare each number with the screen,"
    yield "# put the files beside the template, then take the `# ` away."
    yield "# examples:"
    for screen in sorted(seen.screens, key=lambda s: -len(s.table.columns[0].cells))[:MOST_EXAMPLES]:
        yield from (f"#   {line}" for line in _example(screen))


def _example(screen: Drafted) -> Iterator[str]:
    table = screen.table
    told = [key for key in TOLD if _is_told(table, key)]
    yield f"- file: {quoted(screen.name)}"
    total = next((t for t in table.totals if t.quantity is Quantity.DLP_TOTAL), None)
    if total is not None:
        yield f"  dlp_total: {value_of(total.number.text)}"
    if tuple(told) != TOLD_BY_DEFAULT:
        yield f"  columns: [{', '.join(told)}]"
    yield "  rows:"
    columns = [(key, _column(table, TOLD[key])) for key in told]
    for row in range(len(table.columns[0].cells)):
        yield f"    - [{', '.join(_word(key, column, row) for key, column in columns)}]"


def _is_told(table: Table, key: str) -> bool:
    """Is there anything in the column, and is each of its words known where it must be?"""
    texts = _texts(table, TOLD[key])
    known = CONCEPTS.get(key)
    return bool(texts) and (known is None or all(known(text) for text in texts))


def _word(key: str, column: Column | None, row: int) -> str:
    text = column.row_texts[row] if column is not None and row < len(column.cells) else ""
    if text in ("", "-"):
        return quoted(NOTHING)
    if key in CONCEPTS:
        return CONCEPTS[key](text) or quoted(text)
    return value_of(text) if vocabulary.NUMBERS.match(text) else quoted(text)
