"""Pages whose cells have typed letters, as the engines read them: no picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box, Evidence, PageRef, Witness, WitnessKind
from ocr_service.screen.fonts import Console, Fonts
from ocr_service.screen.lessons import School, taught, vouched
from ocr_service.screen.readings import CellReading, PageReading, RowReading, judge
from ocr_service.templates.schema import Cell
from tests.screen.lettered import ACME, KEY, glyph_of, letters

PPOCR, TESSERACT, LETTERS = WitnessKind.PPOCR, WitnessKind.TESSERACT, WitnessKind.LETTERS
NUMBER: dict[str, object] = {"type": "decimal", "pattern": r"\d{1,4}\.\d{1,2}", "unit": "mGy.cm"}
# Worse than any template may be: with it a number without its point is a number too.
LOOSE: dict[str, object] = {"type": "text", "pattern": r"\d{1,5}(\.\d{1,2})?"}
TEXT: dict[str, object] = {"type": "text", "pattern": r"[A-Za-z0-9. ]+"}
CHOICES = {"body": ("Body",), "head": ("Head",)}
CHOICE: dict[str, object] = {"type": "choice", "choices": "phantoms"}
PRIVATE = {**TEXT, "same_as_header": ["PatientID"]}


def school(study: str = "1.1", console: Console = ACME, *, is_exact: bool = True) -> School:
    return School(KEY.template, console, study, is_exact)


def cell(
    printed: str,
    ppocr: str | None = None,
    tesseract: str | None = None,
    spec: Mapping[str, object] = NUMBER,
    more: Iterable[Witness] = (),
    study: str = "1.1",
    **how: Any,
) -> CellReading:
    """A cell that shows `printed`, as the engines read it; None for one that abstains."""
    told = [Witness(kind, text) for kind, text in ((PPOCR, ppocr), (TESSERACT, tesseract)) if text is not None]
    seen = tuple((witness.kind.value, witness.text) for witness in told)
    evidence = Evidence(PageRef(f"{study}.9"), Box(0, 0, 9, 9), seen, (*told, *more))
    read = CellReading(Cell.model_validate(spec), CHOICES, replace(evidence, **how), "", False, letters(printed))
    return judge(read)


def page(*cells: CellReading, study: str = "1.1", **more: Any) -> PageReading:
    """A page with these cells, one a row, each at a place of its own."""
    placed = [
        replace(one, evidence=replace(one.evidence, page=PageRef(f"{study}.9"), box=Box(0, 20 * n, 90, 20 * n + 9)))
        for n, one in enumerate(cells)
    ]
    rows = tuple(RowReading({Quantity.DLP: one}) for one in placed)
    return PageReading(PageRef(f"{study}.9"), "dose", {}, rows, (), **more)


def both(text: str, **more: Any) -> CellReading:
    """A cell that both engines read right."""
    return cell(text, text, text, **more)


def learned(*cells: CellReading, study: str = "1.1") -> Fonts:
    return taught([(school(study), page(*cells, study=study))])


def shown(fonts: Fonts, sign: str) -> set[str]:
    """The signs that proven cells show this shape as."""
    return set(fonts[KEY].glyphs.get(glyph_of(sign), {})) if KEY in set(fonts) else set()


def heard(fonts: Fonts, *cells: CellReading, **more: Any) -> list[CellReading]:
    (told,) = vouched([(school(), page(*cells, **more))], fonts)
    return [row.cells[Quantity.DLP] for row in told.rows]
