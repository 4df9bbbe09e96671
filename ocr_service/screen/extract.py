"""Cells and template -> what one page says, each value with its evidence.

Knows areas, columns and readers; must not know other pages or what the study's other objects say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import DOSES, MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Box, Evidence, Finding, PageRef, doubt, note
from ocr_service.screen import layout
from ocr_service.screen.anchors import (
    MORE_GAPS,
    PHRASE_GAPS,
    Found,
    Phrases,
    Placed,
    found_anchors,
    place_anchors,
    same_word,
)
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.lines import GroupLine, LineKind, kind_of_line
from ocr_service.screen.pitch import stretched
from ocr_service.screen.places import Columns, area, by_column
from ocr_service.screen.readers import Answer, Question, Readers
from ocr_service.screen.shapes import misread
from ocr_service.screen.sheet import Sheet
from ocr_service.screen.unexplained import unexplained
from ocr_service.screen.words import canonical, repaired, with_drawn_points
from ocr_service.templates.edges import SIDES
from ocr_service.templates.schema import Blank, Cell, PageLayout, TableLayout, Template, ValueType

NEIGHBOUR = 0.75  # letter heights: a number nearer to other ink of its row may have a part there
SMALL = 9  # px: in lower letters both engines have agreed on a wrong digit
Choices = Mapping[str, tuple[str, ...]]
_Place = tuple[int, Quantity]  # the row, and the column or field
# The range tells the type of axial rows; of other descriptive values one asking is enough.
VOTED = MUST_BE_PROVEN | {Quantity.SCANNING_RANGE}


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
    group: CellReading | None = None


@dataclass(frozen=True, slots=True)
class PageReading:
    """All that one page says, and where its anchors stand."""

    page: PageRef
    kind: str
    fields: Mapping[Quantity, CellReading]
    rows: tuple[RowReading, ...]
    findings: tuple[Finding, ...]
    anchors: Found = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A cell before it is read."""

    cell: Cell
    choices: Choices
    run: Run | None
    broken: str = ""

    @property
    def shapes(self) -> tuple[Box, ...]:
        """The ink that belongs to the cell."""
        return self.run.shapes if self.run is not None else ()


@dataclass(frozen=True, slots=True)
class _Row:
    """An event row before it is read, and the number of its group line (None: it has none)."""

    cells: Mapping[Quantity, _Asked]
    group: int | None
    lines: int = 1


@dataclass(slots=True)
class _Table:
    """The table's lines before they are read."""

    rows: list[_Row] = field(default_factory=list)
    groups: list[_Asked] = field(default_factory=list)
    claimed: list[Box] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


# Where a cell stands that is in no row: a field, or (counted down from there) a group line.
_FIELD, _GROUP = -1, -2
_NUMBERS = (ValueType.DECIMAL, ValueType.INTEGER)
_TORN = "two digits stand so far apart that a point may be missing"
_ODD = "a digit looks like another one of this page"


def find_page(
    template: Template, ink: Ink, pixels: Pixels, readers: Readers, *, thoroughly: bool = False
) -> Sheet | None:
    """The page under the layout whose required anchors are all there.

    Of several the one with most anchors, and of these the one with most fields that fit.
    thoroughly: with more cuts of the lines, both engines, and words that differ in one letter or so.
    """
    phrases = Phrases(ink, pixels, readers, MORE_GAPS if thoroughly else PHRASE_GAPS)
    best: dict[str, Mapping[str, Placed]] = {}
    for kind, spec in template.pages.items():
        places = place_anchors(spec, phrases, thoroughly=thoroughly)
        if all(name in places for name, anchor in spec.anchors.items() if anchor.required):
            best[kind] = places
    if not best:
        return None
    most = max(len(places) for places in best.values())
    sheets = [
        Sheet(template, kind, places, ink, pixels, readers) for kind, places in best.items() if len(places) == most
    ]
    return sheets[0] if len(sheets) == 1 else max(sheets, key=_fitting_fields)


def _fitting_fields(sheet: Sheet) -> int:
    """How many fields hold what they should, as PP-OCR reads them."""
    inked = [(cell, cell.run.box) for cell in _fields(sheet).values() if cell.run is not None]
    texts = sheet.first_texts([box for _, box in inked])
    return sum(canonical(c.cell, c.choices, text) is not None for (c, _), text in zip(inked, texts, strict=True))


def read_page(sheet: Sheet, page: PageRef) -> PageReading:
    """Read every field and every row of one page; both engines are asked once for all of it."""
    fields = _fields(sheet)
    table = _table(sheet)
    if sheet.spec.table is not None:
        claimed = [*table.claimed, *(shape for cell in fields.values() for shape in cell.shapes)]
        table.findings += unexplained(sheet, sheet.spec.table, claimed)
    asked: dict[_Place, _Asked] = {(_FIELD, quantity): cell for quantity, cell in fields.items()}
    for index, row in enumerate(table.rows):
        asked.update({(index, quantity): cell for quantity, cell in row.cells.items()})
    for number, group in enumerate(table.groups):
        asked[(_GROUP - number, Quantity.ACQUISITION_PROTOCOL)] = group
    found, read = _read(sheet, asked, page)
    rows = tuple(
        RowReading(
            {quantity: cell for (i, quantity), cell in read.items() if i == index},
            None if row.group is None else read[(_GROUP - row.group, Quantity.ACQUISITION_PROTOCOL)],
        )
        for index, row in enumerate(table.rows)
    )
    told = {quantity: cell for (index, quantity), cell in read.items() if index == _FIELD}
    findings = (*_anchor_findings(sheet.spec, found), *table.findings)
    return PageReading(page, sheet.kind, told, rows, findings, found)


def _dose_anchors(spec: PageLayout) -> set[str]:
    """The anchors that must be proven like values: heading and unit of CTDIvol and DLP, and labels of totals."""
    names: set[str] = set()
    for quantity, column in spec.table.columns.items() if spec.table else ():
        if quantity in DOSES:
            names.update(column.heading)
    for quantity, cell in spec.fields.items():
        if quantity in MUST_BE_PROVEN and quantity is not Quantity.PAGE_MARKER:
            names.update({getattr(cell.area, side).anchor for side in SIDES})
    return names & set(spec.anchors)


def _anchor_findings(spec: PageLayout, found: Found) -> list[Finding]:
    dose = _dose_anchors(spec)
    findings = []
    for name, anchor in found.items():
        if not anchor.proven:
            finding = doubt if name in dose else note
            findings.append(finding(name, f"the words of the anchor {name} are not proven: {_why(anchor.evidence)}"))
    return findings


def _why(evidence: Evidence) -> str:
    verdict = settle(evidence)
    return "" if isinstance(verdict, Proven) else verdict.why


def _choices(template: Template, cell: Cell) -> Choices:
    return template.choices[cell.choices] if cell.choices else {}


def _fields(sheet: Sheet) -> dict[Quantity, _Asked]:
    boxes = sheet.boxes
    fields: dict[Quantity, _Asked] = {}
    for quantity, cell in sheet.spec.fields.items():
        place = area(cell.area, boxes)
        identifies = bool(cell.same_as_header)
        fields[quantity] = _identifier(sheet, cell, place) if identifies else _field(sheet, cell, place)
    return fields


def _field(sheet: Sheet, cell: Cell, place: Box | None) -> _Asked:
    choices = _choices(sheet.template, cell)
    shapes = [shape for shape in sheet.ink.shapes if place is not None and layout.inside(place, shape)]
    if not shapes or place is None:
        return _Asked(cell, choices, None)
    crossing = any(layout.touches(place, s) and not layout.covers(place, s) for s in sheet.ink.shapes)
    run = Run(layout.around(shapes), tuple(shapes))
    return _Asked(cell, choices, run, "ink crosses the field's edge" if crossing else _struck(sheet, run))


def _identifier(sheet: Sheet, cell: Cell, place: Box | None) -> _Asked:
    """The phrase of the area that says the identifier: its label moves with the console's letters and language."""
    found = [
        run for run in layout.phrases(sheet.ink.shapes, 1.5) if place is not None and layout.inside(place, run.box)
    ]
    for run, text in zip(found, sheet.first_texts([run.box for run in found]), strict=True):
        if canonical(cell, {}, text) is not None:
            return _Asked(cell, {}, run, _struck(sheet, run))
    return _Asked(cell, {}, None)


def _struck(sheet: Sheet, run: Run | None) -> str:
    """A rule through the letters hides a part of them."""
    if run is None:
        return ""
    box = run.box
    for rule in sheet.ink.rules:
        across = box.top < rule.top and rule.bottom < box.bottom
        down = box.left < rule.left and rule.right < box.right
        if (across or down) and layout.touches(box, rule):
            return "a rule runs through the letters"
    return ""


def _table(sheet: Sheet) -> _Table:
    """The event rows of the table with their groups, and a doubt for each line nobody understands."""
    table, spec = _Table(), sheet.spec.table
    if spec is None:
        return table
    place = area(spec.area, sheet.boxes)
    if place is None:
        table.findings.append(doubt("table", "the table's area could not be found: an anchor of its edges is missing"))
        return table
    stack = sheet.stack()
    for line in layout.rows([shape for shape in sheet.ink.shapes if layout.inside(place, shape)]):
        kind = kind_of_line(sheet, spec, line, stack)
        match kind:
            case LineKind.EVENT:
                cells = _cells(sheet, spec, line, stack[0], table)
                for further in stack[1:]:
                    cells.update(_cells(sheet, spec, [], further, table))
                table.rows.append(_Row(cells, len(table.groups) - 1 if table.groups else None))
            case LineKind.CONTINUED if table.rows and table.rows[-1].lines < len(stack):
                row = table.rows[-1]
                cells = {**row.cells, **_cells(sheet, spec, line, stack[row.lines], table)}
                table.rows[-1] = _Row(cells, row.group, row.lines + 1)
            case LineKind.MIXED:
                continue
            case LineKind.EXPLAINED:
                pass
            case LineKind.UNKNOWN | LineKind.CONTINUED:
                table.findings.append(doubt("rows", f"the line at y {line[0].top} is not understood"))
            case GroupLine():
                cell = Cell.model_construct(type=ValueType.TEXT, pattern=spec.group)  # checked with the table
                table.groups.append(_Asked(cell, {}, Run(layout.around(line), tuple(line))))
        table.claimed += line
    return table


def _cells(
    sheet: Sheet, spec: TableLayout, line: Sequence[Box], columns: Columns, table: _Table
) -> dict[Quantity, _Asked]:
    """Give each word of the line to its column; ink of no column is a doubt."""
    members, strays = by_column(line, columns)
    for word in strays:
        table.findings.append(doubt("rows", f"ink at x {word.box.left}, y {word.box.top} belongs to no column"))
    cells: dict[Quantity, _Asked] = {}
    for quantity, (left, right) in columns.items():
        cell, shapes = spec.columns[quantity], tuple(members.get(quantity, ()))
        run = Run(layout.around(shapes), shapes) if shapes else None
        whole = run is None or (left <= run.box.left and run.box.right <= right)
        broken = _struck(sheet, run) if whole else "ink crosses the column's edge"
        if quantity in DOSES and run is not None and not layout.stands_alone(run, line, NEIGHBOUR):
            broken = "the number runs into its neighbour"
        cells[quantity] = _Asked(cell, _choices(sheet.template, cell), run, broken)
    return cells


def _read(sheet: Sheet, asked: Mapping[_Place, _Asked], page: PageRef) -> tuple[Found, dict[_Place, CellReading]]:
    read = {key: _without_reader(one, sheet.ink, page) for key, one in asked.items()}
    open_ = [key for key, cell in read.items() if cell is None]
    of_anchors = _questions_of_anchors(sheet)
    answers = sheet.readers.ask([*of_anchors, *(_question(sheet, asked[key], key[1]) for key in open_)])
    found = found_anchors(sheet.places, answers[: len(of_anchors)])
    done: dict[_Place, CellReading] = {key: cell for key, cell in read.items() if cell is not None}
    for key, answer in zip(open_, answers[len(of_anchors) :], strict=True):
        done[key] = _judged(asked[key], answer, page, sheet.ink)
    _with_page(asked, done, sheet.ink)
    return found, {key: done[key] for key in asked}


def _judged(one: _Asked, answer: Answer, page: PageRef, ink: Ink) -> CellReading:
    assert one.run is not None
    evidence = Evidence(page, one.run.box, answer.seen, answer.witnesses, one.broken, unsteady=not answer.steady)
    return judge(CellReading(one.cell, one.choices, _with_points(evidence, one, ink), "", False))


def _without_reader(one: _Asked, ink: Ink, page: PageRef) -> CellReading | None:
    """What the ink alone tells: an empty cell, or a dash where the column allows one."""
    if one.run is None:
        allowed = one.cell.blank in (Blank.EMPTY, Blank.EITHER)
        evidence = Evidence(page, drawn=allowed, broken_crop="" if allowed else "nothing stands where a value must")
        return CellReading(one.cell, one.choices, evidence, "", allowed)
    if one.cell.blank in (Blank.DASH, Blank.EITHER) and layout.is_dash(one.run, ink.mask):
        return CellReading(one.cell, one.choices, Evidence(page, one.run.box, drawn=True), "", True)
    return None


def _questions_of_anchors(sheet: Sheet) -> list[Question]:
    """What must be asked to prove the anchors; of those that only place things one asking is enough."""
    dose, anchors = _dose_anchors(sheet.spec), sheet.spec.anchors
    return [
        Question(
            sheet.crop(place.run.box),
            same_word(anchors[name].text),
            vote=name in dose,
        )
        for name, place in sheet.places.items()
    ]


def _question(sheet: Sheet, one: _Asked, quantity: Quantity) -> Question:
    assert one.run is not None
    drawn = layout.points(one.run, sheet.ink.mask) if one.cell.type is ValueType.DECIMAL else 0

    def known(text: str) -> str | None:
        return canonical(one.cell, one.choices, with_drawn_points(text, drawn))

    small = layout.letter_height(one.run.shapes) < SMALL or layout.is_soft(sheet.pixels, one.run.box)
    voted = quantity in VOTED
    return Question(sheet.crop(one.run.box), known, voted, small=small and voted)


def _with_points(evidence: Evidence, one: _Asked, ink: Ink) -> Evidence:
    """Points are counted on the page itself: a text with another number of them is no witness."""
    assert one.run is not None
    told = evidence.witnesses
    if evidence.broken_crop or not told or one.cell.type is not ValueType.DECIMAL:
        return evidence
    drawn = layout.points(one.run, ink.mask)
    told = tuple(witness for witness in told if witness.text.count(".") == drawn)
    if not told:
        return replace(evidence, broken_crop=f"the page shows {drawn} points here, the text another number")
    return replace(evidence, witnesses=told)


def _with_page(asked: Mapping[_Place, _Asked], done: dict[_Place, CellReading], ink: Ink) -> None:
    """What the page's numbers say of each other: a lost point, or a digit that is another one. No reader can know."""
    numbers = {
        key: (run, done[key].text)
        for key, one in asked.items()
        if (run := one.run) is not None and one.cell.type in _NUMBERS and done[key].text
    }
    sure = {key: number for key, number in numbers.items() if done[key].proven}  # a misread cell accuses no other
    torn, odd = stretched(list(numbers.values())), misread(list(sure.values()), ink.mask)
    for why, places, found in ((_TORN, list(numbers), torn), (_ODD, list(sure), odd)):
        for index in found:
            cell = done[places[index]]
            evidence = replace(cell.evidence, broken_crop=cell.evidence.broken_crop or why)
            done[places[index]] = judge(replace(cell, evidence=evidence))


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
