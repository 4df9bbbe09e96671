"""Pages as they are after reading, made by hand: no engine, no picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Evidence, PageRef, Scanner, Witness, WitnessKind
from ocr_service.screen.readings import CellReading, PageReading, RowReading, judge
from ocr_service.templates.schema import Cell, Template

SCANNER = Scanner("ACME", "CT 1")
ENGINES = (WitnessKind.PPOCR, WitnessKind.TESSERACT)
CELLS: Mapping[str, dict[str, object]] = {
    "series_number": {"type": "integer"},
    "acquisition_type": {"type": "choice", "choices": "types"},
    "scanning_range": {"type": "text", "blank": "dash"},
    "mean_ctdivol": {"type": "decimal", "pattern": r"\d{1,3}\.\d{2}", "unit": "mGy", "blank": "dash"},
    "dlp": {"type": "decimal", "pattern": r"\d{1,4}\.\d{2}", "unit": "mGy.cm", "blank": "dash"},
    "phantom": {"type": "choice", "choices": "phantoms", "blank": "dash"},
    "expected_dlp": {"type": "decimal", "pattern": r"\d{1,4}\.\d{2}", "unit": "mGy.cm"},
    "dlp_total": {"type": "decimal", "pattern": r"\d{1,5}\.\d{2}", "unit": "mGy.cm", "blank": "empty"},
    "dlp_total_head": {"type": "decimal", "pattern": r"-|\d{1,5}\.\d{2}", "unit": "mGy.cm", "blank": "empty"},
    "dlp_total_body": {"type": "decimal", "pattern": r"-|\d{1,5}\.\d{2}", "unit": "mGy.cm", "blank": "empty"},
    "page_marker": {"type": "text", "blank": "empty"},
    "patient_id": {"type": "text", "blank": "empty"},
}
CHOICES = {
    "types": {"constant_angle": ("Scout",), "spiral": ("Helical",)},
    "phantoms": {"head": ("Head",), "body": ("Body",)},
}
AREA = {"left": "0", "top": "0", "right": "10", "bottom": "10"}
COLUMNS = ("series_number", "acquisition_type", "scanning_range", "mean_ctdivol", "dlp", "phantom")
TOTALS = ("dlp_total", "dlp_total_head", "dlp_total_body")


def template(complete_by: str = "marker", checks: Iterable[dict[str, object]] = ()) -> Template:
    """A layout with a page of rows and a summary without a table."""
    fields = {name: {**CELLS[name], "area": AREA} for name in (*TOTALS, "page_marker", "patient_id")}
    anchors = {"title": {"text": "Dose", "area": AREA}}
    columns = {name: {**cell, "left": "0", "right": "10"} for name, cell in CELLS.items() if name not in fields}
    for dose in ("mean_ctdivol", "dlp"):
        columns[dose]["heading"] = "title"
    return Template.model_validate(
        {
            "name": "acme/dose",
            "title": "Acme",
            "status": "drawn",
            "revision": "1",
            "match": {"Manufacturer": "ACME"},
            "screen": {"rows": "512", "columns": "512"},
            "complete_by": complete_by,
            "choices": {name: {c: list(words) for c, words in lists.items()} for name, lists in CHOICES.items()},
            "checks": list(checks),
            "pages": {
                "rows": {"anchors": anchors, "fields": fields, "table": {"area": AREA, "columns": columns}},
                "summary": {"anchors": anchors, "fields": fields},
            },
        }
    )


def read(name: str, text: str, *, proven: bool = True) -> CellReading:
    """A cell that both engines, or PP-OCR alone, read as `text`; "" is a drawn dash or blank, "?" is unreadable."""
    cell = Cell.model_validate(CELLS[name])
    choices = CHOICES.get(cell.choices or "", {})
    if text == "":
        return CellReading(cell, choices, Evidence(drawn=True), "", True)
    kinds = () if text == "?" else ENGINES if proven else ENGINES[:1]
    evidence = Evidence(witnesses=tuple(Witness(kind, text) for kind in kinds))
    return judge(CellReading(cell, choices, evidence, "", False))


def row(*texts: str, unproven: Iterable[str] = (), columns: Iterable[str] = COLUMNS) -> RowReading:
    """A row with one text a column; an unproven cell is vouched for by PP-OCR alone."""
    cells = {
        Quantity(name): read(name, text, proven=name not in unproven) for name, text in zip(columns, texts, strict=True)
    }
    return RowReading(cells)


def scout(number: str = "1") -> RowReading:
    """A localizer row without a dose."""
    return row(number, "Scout", "", "", "", "")


def helical(number: str, ctdivol: str, dlp: str, phantom: str = "Body", span: str = "S1.000-I9.000") -> RowReading:
    """A spiral with a dose."""
    return row(number, "Helical", span, ctdivol, dlp, phantom)


def page(*rows: RowReading, marker: str = "", total: str = "", kind: str = "rows", **fields: str) -> PageReading:
    """A page with its rows, marker and total; further fields by name, "x?" for one that only PP-OCR reads as x."""
    told = {"page_marker": marker, "dlp_total": total, **fields}
    cells = {
        Quantity(name): read(name, text if text == "?" else text.rstrip("?"), proven=not text.endswith("?"))
        for name, text in told.items()
    }
    return PageReading(PageRef("1.2.3"), kind, cells, rows, ())
