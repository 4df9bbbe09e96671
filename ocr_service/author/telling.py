"""What was read of one object, in words: lines of a table, sentences, the foot of a picture.

Knows readings and endings; must not know terminals or pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from ocr_service.author.reading import ObjectView, PageView
from ocr_service.dose.proof import NeedsReview, Unproven, Unreadable, Verified, settle
from ocr_service.dose.quantities import MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Finding, FindingKind, Witness
from ocr_service.pipeline import FromHeader, Outcome, Skipped
from ocr_service.screen.readings import CellReading

MOST_NOTES = 4  # at the foot of a picture; the command prints all


@dataclass(frozen=True, slots=True)
class CellLine:
    """One cell: where it stands, what it says, and who vouches for it."""

    where: str
    quantity: str
    text: str
    proven: str
    vouched: str
    box: str

    @property
    def is_open(self) -> bool:
        """Does the cell want a person's eye?"""
        return self.proven == "no"


def cell_lines(view: PageView) -> Iterator[CellLine]:
    """Every field, then every row of a page, cell by cell."""
    if view.reading is None:
        return
    yield from _lines("page", view.reading.fields)
    for number, row in enumerate(view.reading.rows, start=1):
        yield from _lines(f"row {number}", row.cells)


def _lines(where: str, cells: Mapping[Quantity, CellReading]) -> Iterator[CellLine]:
    for quantity, cell in cells.items():
        box = cell.evidence.box
        place = f"{box.left},{box.top} {box.right},{box.bottom}" if box else ""
        yield CellLine(where, quantity.value, cell.text, "yes" if cell.proven else "no", vouched(cell), place)


def vouched(cell: CellReading) -> str:
    """The witnesses of a cell; where they do not suffice, why, and what each reader saw."""
    if cell.evidence.drawn:
        return "no ink" if cell.evidence.box is None else "a dash"
    if cell.proven:
        return _witnesses(cell.evidence.witnesses, cell.text)
    verdict = settle(cell.evidence)
    why = verdict.why if isinstance(verdict, Unproven) else "proven only together with another value"
    known = {(witness.kind.value, witness.text) for witness in cell.evidence.witnesses}
    saw = "; ".join(f"{reader} saw {text!r}" for reader, text in cell.evidence.seen if (reader, text) not in known)
    mended = "mended by look-alike letters" if cell.evidence.repaired else ""
    return "; ".join(part for part in (why, saw, mended) if part)


def _witnesses(witnesses: tuple[Witness, ...], text: str) -> str:
    """`ppocr, tesseract` where all say the cell's text; `ppocr '1'` for one that says another."""
    return ", ".join(w.kind.value if w.text == text else f"{w.kind.value} {w.text!r}" for w in witnesses)


def counts(view: ObjectView) -> tuple[int, int]:
    """How many cells of the object state what must be proven, and how many of them are."""
    readings = [page.reading for page in view.pages if page.reading is not None]
    cells = [item for reading in readings for item in reading.fields.items()]
    cells += [item for reading in readings for row in reading.rows for item in row.cells.items()]
    stated = [cell for quantity, cell in cells if quantity in MUST_BE_PROVEN and not cell.evidence.drawn]
    return len(stated), sum(cell.proven for cell in stated)


def name_of(outcome: Outcome) -> str:
    """The outcome in words."""
    match outcome:
        case Verified():
            return "verified"
        case NeedsReview():
            return "needs review"
        case Unreadable():
            return "unreadable"
        case FromHeader():
            return "from image headers"
        case Skipped():
            return "skipped: the scanner has reported this dose itself"
        case _:
            assert_never(outcome)


def doubts_of(outcome: Outcome) -> list[Finding]:
    """The findings that send the report to a person."""
    return [finding for finding in outcome.findings if finding.kind is FindingKind.DOUBT]


def page_title(view: PageView) -> str:
    """Which template the page was read by, and as which kind of page."""
    if view.page is None:
        return "no template's words stand on this page"
    template = view.page.template
    return f"{template.name} r{template.revision}, page {view.page.sheet.kind}"


def foot(view: PageView, whole: ObjectView) -> tuple[str, ...]:
    """The foot of the page's picture: template, outcome, every doubt, the first notes."""
    outcome = whole.ending.outcome
    doubts = doubts_of(outcome)
    notes = [finding for finding in outcome.findings if finding not in doubts]
    told = [f"doubt: {finding.sentence}" for finding in doubts] + [f"note: {n.sentence}" for n in notes[:MOST_NOTES]]
    more = [f"and {len(notes) - MOST_NOTES} more"] if len(notes) > MOST_NOTES else []
    return (f"{page_title(view)}: {name_of(outcome)}", *told, *more)
