"""Are two rows of two pages the same row, printed or saved twice?

Knows the cells of rows as printed; must not know pages, nor what a row means.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from ocr_service.dose.quantities import DOSES
from ocr_service.screen.readings import CellReading, RowReading


class Likeness(Enum):
    """How two rows compare. LIKE: only a misreading need stand between them, or one value does."""

    EQUAL = "equal"
    LIKE = "like"
    OTHER = "other"


def likeness(one: RowReading, other: RowReading) -> Likeness:
    """Compare printed values. A cell that one page does not print, or nobody could read, says nothing.

    A copy that was compressed is misread in a cell; it must not pass for a further row and double a dose. So rows
    with a dose that differ in one proven cell only are LIKE. Rows without a dose are other rows then: localizers
    differ by their number alone, and double no dose.
    """
    pairs = [(one.cells[quantity], other.cells[quantity]) for quantity in one.cells if quantity in other.cells]
    told = [pair for pair in pairs if all(cell.text or cell.proven for cell in pair)]
    differing = [(first, second) for first, second in told if first.text != second.text]
    if (len(told) - len(differing)) * 2 < len(pairs):
        return Likeness.OTHER
    if not differing and _protocol(one) == _protocol(other):
        return Likeness.EQUAL
    proven = sum(first.proven and second.proven for first, second in differing)
    has_dose = states_dose(one) or states_dose(other)
    return Likeness.LIKE if proven <= (1 if has_dose else 0) else Likeness.OTHER


def _protocol(row: RowReading) -> str:
    return row.group.text if row.group is not None else ""


def states_dose(row: RowReading) -> bool:
    """Is a dose printed there, read or not?"""
    return any(not row.cells[quantity].evidence.drawn for quantity in DOSES if quantity in row.cells)


def united(earlier: RowReading, later: RowReading) -> RowReading:
    """One row of two copies: the later one's cells, but those that only the earlier one proves."""
    cells = {quantity: _better(earlier.cells.get(quantity), cell) for quantity, cell in later.cells.items()}
    return replace(later, cells=cells)


def _better(earlier: CellReading | None, later: CellReading) -> CellReading:
    return earlier if earlier is not None and earlier.proven and not later.proven else later
