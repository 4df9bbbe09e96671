"""What cells and rows come to: numbers, phantoms, and which rows a total is the sum of.

Knows cell readings and the parts of their texts; must not know pages, templates or checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Phantom, Reading
from ocr_service.screen.readings import CellReading, RowReading
from ocr_service.screen.words import Meaning, meaning

PHANTOMS = {"head": Phantom.HEAD, "body": Phantom.BODY}
PHANTOM_TOTALS = {Quantity.DLP_TOTAL_HEAD: Phantom.HEAD, Quantity.DLP_TOTAL_BODY: Phantom.BODY}
# A second opinion on which phantom: the word beside the number, where no column of its own tells it.
PHANTOM_BESIDE = (Quantity.MEAN_CTDIVOL, Quantity.DLP)


def printed(cell: CellReading | None) -> bool:
    """Is there ink that is more than a dash?"""
    return cell is not None and not cell.evidence.drawn


def proven_number(cell: CellReading) -> Decimal | None:
    """The cell's number where it is proven."""
    part = meaning_of(cell)
    return decimal_of(part.value) if cell.proven and part else None


def phantom_of(row: RowReading) -> Phantom | None:
    """The row's phantom where it is proven."""
    return next((told.value for told in phantoms(row.cells) if told.proven), None)


def phantoms(cells: Mapping[Quantity, CellReading]) -> list[Reading[Phantom]]:
    """Each cell of the row that names a phantom."""
    told: list[Reading[Phantom]] = []
    for quantity in (Quantity.PHANTOM, *PHANTOM_BESIDE):
        cell, part = cells.get(quantity), meaning_of(cells.get(quantity))
        if cell is not None and part and part.concept in PHANTOMS:
            text = dict(part.parts).get("phantom", part.value)
            told.append(Reading(PHANTOMS[part.concept], text, evidence=cell.evidence, proven=cell.proven))
    return told


def meaning_of(cell: CellReading | None) -> Meaning | None:
    """The parts of the cell's text; None where it has none that fits."""
    if cell is None or not cell.text:
        return None
    try:
        return meaning(cell.cell, cell.choices, cell.text)
    except ValueError:
        return None


def decimal_of(text: str) -> Decimal | None:
    """The text as a number; None where it is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def rows_of_totals(rows: Sequence[RowReading]) -> dict[Quantity, list[int]]:
    """Which rows each total is the sum of: all with a DLP, or those of the total's phantom."""
    stated = [i for i, row in enumerate(rows) if printed(row.cells.get(Quantity.DLP))]
    return {
        Quantity.DLP_TOTAL: stated,
        **{total: [i for i in stated if phantom_of(rows[i]) is who] for total, who in PHANTOM_TOTALS.items()},
    }
