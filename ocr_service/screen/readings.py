"""What was read of one page: cells, rows and anchors, each with its evidence and its letters.

Knows evidence and how it is settled; must not know pixels, readers or other pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box, Evidence, Finding, PageRef
from ocr_service.screen.glyphs import Letters
from ocr_service.screen.words import repaired
from ocr_service.templates.schema import Cell

Choices = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CellReading:
    """One cell: its layout, the evidence, the text it comes to ("" for an empty one), and whether that is proven.

    letters: the glyphs of its ink; None where it has none.
    """

    cell: Cell
    choices: Choices
    evidence: Evidence
    text: str
    proven: bool
    letters: Letters | None = None


@dataclass(frozen=True, slots=True)
class RowReading:
    """One event row of the table, with the protocol of its group where the layout has groups."""

    cells: Mapping[Quantity, CellReading]
    group: CellReading | None = None


@dataclass(frozen=True, slots=True)
class FixedWords:
    """Words of the template that stand on the page, an anchor or an explained text, and what vouches for them."""

    text: tuple[str, ...]
    box: Box
    evidence: Evidence
    proven: bool
    letters: Letters | None = None


Found = Mapping[str, FixedWords]


@dataclass(frozen=True, slots=True)
class PageReading:
    """All that one page says, where its anchors stand, and which other words of the template it shows."""

    page: PageRef
    kind: str
    fields: Mapping[Quantity, CellReading]
    rows: tuple[RowReading, ...]
    findings: tuple[Finding, ...]
    anchors: Found = field(default_factory=dict)
    explained: tuple[FixedWords, ...] = ()
    seen: tuple[tuple[Letters, str], ...] = ()  # what PP-OCR alone read to find places: it proves nothing

    def cells(self) -> Iterator[CellReading]:
        """Every field and every cell of every row, and each group once."""
        yield from self.fields.values()
        groups: dict[int, CellReading] = {}
        for row in self.rows:
            yield from row.cells.values()
            if row.group is not None:
                groups.setdefault(id(row.group), row.group)
        yield from groups.values()

    def inked(self) -> Iterator[CellReading | FixedWords]:
        """All cells and fixed words whose letters were looked at."""
        told: tuple[CellReading | FixedWords, ...] = (*self.cells(), *self.anchors.values(), *self.explained)
        yield from (one for one in told if one.letters is not None)


def judge(reading: CellReading) -> CellReading:
    """Settle the cell by its witnesses; with none, a look-alike repair may still give a reading to show."""
    verdict = settle(reading.evidence)
    if isinstance(verdict, Proven):
        return replace(reading, text=verdict.text, proven=True)
    text, evidence = verdict.text, reading.evidence
    for _, seen in evidence.seen:
        mended = repaired(reading.cell, seen) if not text else None
        if mended:
            text, evidence = mended, replace(evidence, repaired=True)
    return replace(reading, text=text, proven=False, evidence=evidence)
