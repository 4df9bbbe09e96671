"""Cells and template -> what one page says, each value with its evidence.

Knows areas, columns and readers; must not know other pages or what the study's other objects say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Box, Evidence, Finding, PageRef, doubt, note
from ocr_service.screen import anchors as anchoring
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, Columns, Found, by_column, columns_of
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.lines import LineKind, kind_of_line
from ocr_service.screen.readers import Question, Readers
from ocr_service.screen.words import canonical, repaired
from ocr_service.templates.schema import SIDES, Blank, Cell, PageLayout, TableLayout, Template, ValueType

Choices = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CellReading:
    """One cell: its layout, the evidence, the text it comes to ("" for an empty one), and whether that is proven."""

    cell: Cell
    choices: Choices
    evidence: Evidence
    text: str
    proven: bool


@dataclass(frozen=True, slots=True)
class RowReading:
    """One event row of the table, with the protocol of its group where the layout has groups."""

    cells: Mapping[Quantity, CellReading]
    group: str = ""


@dataclass(frozen=True, slots=True)
class PageReading:
    """All that one page says."""

    page: PageRef
    kind: str
    fields: Mapping[Quantity, CellReading]
    rows: tuple[RowReading, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Asked:
    """A cell before it is read."""

    cell: Cell
    choices: Choices
    run: Run | None
    broken: str = ""


def find_page(
    template: Template, ink: Ink, pixels: Pixels, readers: Readers
) -> tuple[str, dict[str, anchoring.FoundAnchor]] | None:
    """Which kind of page of the template this is: the one whose required anchors are all there."""
    best: tuple[str, dict[str, anchoring.FoundAnchor]] | None = None
    for name, page in template.pages.items():
        found = anchoring.find_anchors(page, ink, pixels, readers)
        if all(anchor in found for anchor, spec in page.anchors.items() if spec.required) and (
            best is None or len(found) > len(best[1])
        ):
            best = (name, found)
    return best


def read_page(
    template: Template, kind: str, found: Found, ink: Ink, pixels: Pixels, page: PageRef, readers: Readers
) -> PageReading:
    """Read every field and every row of one page."""
    spec = template.pages[kind]
    findings = _anchor_findings(spec, found)
    asked: dict[tuple[int, Quantity], _Asked] = {}
    for quantity, field in spec.fields.items():
        place = anchoring.area(field.area, found)
        if field.same_as_header is not None:
            asked[(-1, quantity)] = _identifier(field, place, ink, pixels, readers)
        else:
            asked[(-1, quantity)] = _field(field, _choices(template, field), place, ink)
    groups: list[str] = []
    if spec.table is not None:
        columns = columns_of(spec.table, found)
        rows, extra = _rows(spec, spec.table, found, columns, ink, pixels, readers)
        findings += extra
        for index, (line, group) in enumerate(rows):
            groups.append(group)
            cells, more = _cells(template, spec.table, line, columns)
            findings += more
            asked.update({(index, quantity): cell for quantity, cell in cells.items()})
    read = _read(asked, ink, pixels, page, readers)
    table = tuple(
        RowReading({q: c for (i, q), c in read.items() if i == index}, group) for index, group in enumerate(groups)
    )
    fields = {quantity: cell for (index, quantity), cell in read.items() if index == -1}
    return PageReading(page, kind, fields, table, tuple(findings))


def _anchor_findings(spec: PageLayout, found: Found) -> list[Finding]:
    """Heading and unit of CTDIvol and DLP, and a total's label, must be proven; other anchors only place things."""
    dose: set[str] = set()
    for quantity, column in spec.table.columns.items() if spec.table else ():
        if quantity in (Quantity.MEAN_CTDIVOL, Quantity.DLP):
            dose.update(column.heading)
    for quantity, field in spec.fields.items():
        if quantity in MUST_BE_PROVEN and quantity is not Quantity.PAGE_MARKER:
            dose.update({getattr(field.area, side).anchor for side in SIDES} - {""})
    findings = []
    for name in spec.anchors:
        anchor = found.get(name)
        if anchor is None and spec.anchors[name].required:
            findings.append(doubt(name, f"the words {name} do not stand where the template says"))
        elif anchor is not None and not anchor.proven:
            finding = doubt if name in dose else note
            findings.append(finding(name, f"the words of the anchor {name} are not proven: {_why(anchor.evidence)}"))
    return findings


def _why(evidence: Evidence) -> str:
    verdict = settle(evidence)
    return "" if isinstance(verdict, Proven) else verdict.why


def _choices(template: Template, cell: Cell) -> Choices:
    return template.choices[cell.choices] if cell.choices else {}


def _field(cell: Cell, choices: Choices, place: Box | None, ink: Ink) -> _Asked:
    shapes = [shape for shape in ink.shapes if place is not None and layout.inside(place, shape)]
    if not shapes or place is None:
        return _Asked(cell, choices, None)
    box = layout.around(shapes)
    crossing = [s for s in ink.shapes if layout.touches(place, s) and not layout.covers(place, s)]
    return _Asked(cell, choices, Run(box, tuple(shapes)), "ink crosses the field's edge" if crossing else "")


def _identifier(cell: Cell, place: Box | None, ink: Ink, pixels: Pixels, readers: Readers) -> _Asked:
    """The phrase of the area that says the identifier: its label moves with the console's letters and language."""
    found = [] if place is None else [run for run in layout.phrases(ink.shapes, 1.5) if layout.inside(place, run.box)]
    for run, text in zip(found, readers.read_first([layout.crop(pixels, r.box, MARGIN) for r in found]), strict=True):
        if canonical(cell, {}, text) is not None:
            return _Asked(cell, {}, run)
    return _Asked(cell, {}, None)


def _rows(
    spec: PageLayout,
    table: TableLayout,
    found: Found,
    columns: Columns,
    ink: Ink,
    pixels: Pixels,
    readers: Readers,
) -> tuple[list[tuple[list[Box], str]], list[Finding]]:
    """The event rows of the table with their group, and a doubt for each line nobody understands."""
    place = anchoring.area(table.area, found)
    if place is None:
        return [], [doubt("table", "the table's area could not be found: an anchor of its edges is missing")]
    shapes = [shape for shape in ink.shapes if layout.inside(place, shape)]
    rows: list[tuple[list[Box], str]] = []
    findings: list[Finding] = []
    group = ""
    for line in layout.rows(shapes):
        line_kind = kind_of_line(spec, table, line, found, columns, pixels, readers)
        match line_kind:
            case LineKind.EVENT:
                rows.append((line, group))
            case LineKind.EXPLAINED:
                pass
            case LineKind.UNKNOWN:
                findings.append(doubt("rows", f"the line at y {line[0].top} is not understood"))
            case str():
                group = line_kind
    return rows, findings


def _cells(
    template: Template, table: TableLayout, line: Sequence[Box], columns: Columns
) -> tuple[dict[Quantity, _Asked], list[Finding]]:
    """Give each word of the row to its column; ink of no column is a doubt."""
    members, strays = by_column(line, columns)
    findings = [doubt("rows", f"ink at x {word.box.left}, y {word.box.top} belongs to no column") for word in strays]
    asked: dict[Quantity, _Asked] = {}
    for quantity, (left, right) in columns.items():
        cell, shapes = table.columns[quantity], tuple(members.get(quantity, ()))
        run = Run(layout.around(shapes), shapes) if shapes else None
        whole = run is None or (left <= run.box.left and run.box.right <= right)
        asked[quantity] = _Asked(cell, _choices(template, cell), run, "" if whole else "ink crosses the column's edge")
    return asked, findings


def _read(
    asked: Mapping[tuple[int, Quantity], _Asked], ink: Ink, pixels: Pixels, page: PageRef, readers: Readers
) -> dict[tuple[int, Quantity], CellReading]:
    read = {key: _without_reader(one, ink, page) for key, one in asked.items()}
    open_ = [key for key, cell in read.items() if cell is None]
    answers = readers.ask([_question(asked[key], key[1], pixels) for key in open_])
    done: dict[tuple[int, Quantity], CellReading] = {key: cell for key, cell in read.items() if cell is not None}
    for key, answer in zip(open_, answers, strict=True):
        one = asked[key]
        assert one.run is not None
        evidence = Evidence(page, one.run.box, answer.seen, answer.witnesses, one.broken)
        done[key] = judge(CellReading(one.cell, one.choices, _with_points(evidence, one, ink), "", False))
    return {key: done[key] for key in asked}


def _without_reader(one: _Asked, ink: Ink, page: PageRef) -> CellReading | None:
    """What the ink alone tells: an empty cell, or a dash where the column allows one."""
    if one.run is None:
        allowed = one.cell.blank in (Blank.EMPTY, Blank.EITHER)
        evidence = Evidence(page, drawn=allowed, broken_crop="" if allowed else "nothing stands where a value must")
        return CellReading(one.cell, one.choices, evidence, "", allowed)
    if one.cell.blank in (Blank.DASH, Blank.EITHER) and layout.is_dash(one.run, ink.mask):
        return CellReading(one.cell, one.choices, Evidence(page, one.run.box, drawn=True), "", True)
    return None


def _question(one: _Asked, quantity: Quantity, pixels: Pixels) -> Question:
    assert one.run is not None
    vote = quantity in MUST_BE_PROVEN or quantity is Quantity.SCANNING_RANGE  # the range tells the type of axial rows
    crop = layout.crop(pixels, one.run.box, MARGIN)
    return Question(crop, lambda text: canonical(one.cell, one.choices, text), vote)


def _with_points(evidence: Evidence, one: _Asked, ink: Ink) -> Evidence:
    """Points are counted on the page itself; another number of them in the text makes the crop worth nothing."""
    assert one.run is not None
    if evidence.broken_crop or one.cell.type is not ValueType.DECIMAL:
        return evidence
    drawn = layout.points(one.run, ink.mask)
    if any(witness.text.count(".") != drawn for witness in evidence.witnesses):
        return replace(evidence, broken_crop=f"the page shows {drawn} points here, the text another number")
    return evidence


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
