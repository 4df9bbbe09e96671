"""Cells and template -> what one page says, each value with its evidence.

Knows areas, columns and readers; must not know other pages or what the study's other objects say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import DOSES, MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Box, Evidence, Finding, PageRef, WitnessKind, doubt, note
from ocr_service.screen import layout
from ocr_service.screen.anchors import MORE_GAPS, NO_LETTERS, PHRASE_GAPS, Phrases, Placed, place_anchors
from ocr_service.screen.asking import Asked, Place, Words, read_all
from ocr_service.screen.glyphs import Letters, letters_on
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.lettering import Lettering
from ocr_service.screen.lines import GroupLine, LineKind, kind_of_line
from ocr_service.screen.places import Columns, area, by_column
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import Choices, FixedWords, Found, PageReading, RowReading
from ocr_service.screen.sheet import Sheet
from ocr_service.screen.unexplained import unexplained
from ocr_service.screen.words import canonical, lookalikes
from ocr_service.templates.edges import SIDES
from ocr_service.templates.schema import Cell, PageLayout, TableLayout, Template, ValueType

NEIGHBOUR = 0.75  # letter heights: a number nearer to other ink of its row may have a part there


@dataclass(frozen=True, slots=True)
class _Row:
    """An event row before it is read, and the number of its group line (None: it has none)."""

    cells: Mapping[Quantity, Asked]
    group: int | None
    lines: int = 1


@dataclass(slots=True)
class _Table:
    """The table's lines before they are read."""

    rows: list[_Row] = field(default_factory=list)
    groups: list[Asked] = field(default_factory=list)
    claimed: list[Box] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


# Where a cell stands that is in no row: a field, or (counted down from there) a group line.
_FIELD, _GROUP = -1, -2


def find_page(
    template: Template,
    ink: Ink,
    pixels: Pixels,
    readers: Readers,
    lettering: Lettering = NO_LETTERS,
    *,
    thoroughly: bool = False,
) -> Sheet | None:
    """The page under the layout whose required anchors are all there.

    Of several the one with most anchors, and of these the one with most fields that fit.
    thoroughly: with more cuts of the lines, both engines, and words that differ in one letter or so.
    """
    phrases = Phrases(ink, pixels, readers, MORE_GAPS if thoroughly else PHRASE_GAPS, lettering)
    best: dict[str, Mapping[str, Placed]] = {}
    for kind, spec in template.pages.items():
        places = place_anchors(spec, phrases, thoroughly=thoroughly)
        if all(name in places for name, anchor in spec.anchors.items() if anchor.required):
            best[kind] = places
    if not best:
        return None
    most = max(len(places) for places in best.values())
    sheets = [
        Sheet(template, kind, places, ink, pixels, readers, lettering, phrases.seen)
        for kind, places in best.items()
        if len(places) == most
    ]
    return sheets[0] if len(sheets) == 1 else max(sheets, key=_fitting_fields)


def _fitting_fields(sheet: Sheet) -> int:
    """How many fields hold what they should, as PP-OCR reads them."""
    inked = [(cell, cell.run.box) for cell in _fields(sheet).values() if cell.run is not None]
    texts = sheet.first_texts([box for _, box in inked])
    return sum(canonical(c.cell, c.choices, text) is not None for (c, _), text in zip(inked, texts, strict=True))


def read_page(sheet: Sheet, page: PageRef) -> PageReading:
    """Read every field and every row of one page; whoever is asked is asked once for all of it."""
    fields = _fields(sheet)
    table = _table(sheet)
    explained: list[Run] = []
    if sheet.spec.table is not None:
        claimed = [*table.claimed, *(shape for cell in fields.values() for shape in cell.shapes)]
        findings, explained = unexplained(sheet, sheet.spec.table, claimed)
        table.findings += findings
    asked: dict[Place, Asked] = {(_FIELD, quantity): cell for quantity, cell in fields.items()}
    for index, row in enumerate(table.rows):
        asked.update({(index, quantity): cell for quantity, cell in row.cells.items()})
    for number, group in enumerate(table.groups):
        asked[(_GROUP - number, Quantity.ACQUISITION_PROTOCOL)] = group
    words = [*_anchor_words(sheet), *(Words(run, sheet.spec.table.also) for run in explained if sheet.spec.table)]
    found, read = read_all(sheet, words, asked, page)
    rows = tuple(
        RowReading(
            {quantity: cell for (i, quantity), cell in read.items() if i == index},
            None if row.group is None else read[(_GROUP - row.group, Quantity.ACQUISITION_PROTOCOL)],
        )
        for index, row in enumerate(table.rows)
    )
    told = {quantity: cell for (index, quantity), cell in read.items() if index == _FIELD}
    anchors = dict(zip(sheet.places, found, strict=False))
    others, seen = found[len(anchors) :], _seen(sheet, found)
    return PageReading(page, sheet.kind, told, rows, tuple(table.findings), anchors, others, seen)


def _seen(sheet: Sheet, found: Sequence[FixedWords]) -> tuple[tuple[Letters, str], ...]:
    """What PP-OCR alone read on the page beside its fixed words, as far as no letters are known to say it."""
    boxes = {words.box for words in found}
    told = ((sheet.letters(box), text) for box, text in sheet.seen.items() if text and box not in boxes)
    return tuple((letters, text) for letters, text in told if sheet.lettering.placing(letters) is None)


def _anchor_words(sheet: Sheet) -> Iterator[Words]:
    """What must be asked to prove the anchors; of those that only place things one asking is enough."""
    dose, anchors = _dose_anchors(sheet.spec), sheet.spec.anchors
    return (Words(place.run, anchors[name].text, name in dose) for name, place in sheet.places.items())


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


def anchor_findings(spec: PageLayout, found: Found) -> list[Finding]:
    """A doubt for each anchor of a dose that is not proven, a note for each other one that only an engine read.

    Words that only place things and whose letters are known are not asked again, and nothing is to be said of them.
    """
    dose = _dose_anchors(spec)
    findings = []
    for name, anchor in found.items():
        known = any(witness.kind is WitnessKind.LETTERS for witness in anchor.evidence.witnesses)
        if not anchor.proven and (name in dose or not known):
            finding = doubt if name in dose else note
            findings.append(finding(name, f"the words of the anchor {name} are not proven: {_why(anchor.evidence)}"))
    return findings


def _why(evidence: Evidence) -> str:
    verdict = settle(evidence)
    return "" if isinstance(verdict, Proven) else verdict.why


def _choices(template: Template, cell: Cell) -> Choices:
    return template.choices[cell.choices] if cell.choices else {}


def _fields(sheet: Sheet) -> dict[Quantity, Asked]:
    boxes = sheet.boxes
    fields: dict[Quantity, Asked] = {}
    for quantity, cell in sheet.spec.fields.items():
        place = area(cell.area, boxes)
        identifies = bool(cell.same_as_header)
        fields[quantity] = _identifier(sheet, cell, place) if identifies else _field(sheet, cell, place)
    return fields


def _field(sheet: Sheet, cell: Cell, place: Box | None) -> Asked:
    choices = _choices(sheet.template, cell)
    shapes = sheet.ink.inside(place) if place is not None else []
    if not shapes or place is None:
        return Asked(cell, choices, None)
    crossing = any(not layout.covers(place, s) for s in sheet.ink.touching(place))
    run = Run(layout.around(shapes), tuple(shapes))
    return Asked(cell, choices, run, "ink crosses the field's edge" if crossing else _struck(sheet, run))


def _identifier(sheet: Sheet, cell: Cell, place: Box | None) -> Asked:
    """The phrase of the area that says the identifier: its label moves with the console's letters and language."""
    found = [run for run in layout.page_phrases(sheet.ink, 1.5) if place is not None and layout.inside(place, run.box)]
    letters = [sheet.lettering.spelled(letters_on(sheet.ink, run)) for run in found]
    spelled = [() if one is None else [look for text, _ in one.texts() for look in lookalikes(text)] for one in letters]
    for run, told in zip(found, spelled, strict=True):
        if any(canonical(cell, {}, text) is not None for text in told):
            return Asked(cell, {}, run, _struck(sheet, run))
    unknown = [run for run, told in zip(found, spelled, strict=True) if not told]
    for run, text in zip(unknown, sheet.first_texts([run.box for run in unknown]), strict=True):
        if canonical(cell, {}, text) is not None:
            return Asked(cell, {}, run, _struck(sheet, run))
    return Asked(cell, {}, None)


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
    for line in layout.rows(sheet.ink.inside(place)):
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
                table.groups.append(Asked(cell, {}, Run(layout.around(line), tuple(line))))
        table.claimed += line
    return table


def _cells(
    sheet: Sheet, spec: TableLayout, line: Sequence[Box], columns: Columns, table: _Table
) -> dict[Quantity, Asked]:
    """Give each word of the line to its column; ink of no column is a doubt."""
    members, strays = by_column(line, columns)
    for word in strays:
        table.findings.append(doubt("rows", f"ink at x {word.box.left}, y {word.box.top} belongs to no column"))
    cells: dict[Quantity, Asked] = {}
    for quantity, (left, right) in columns.items():
        cell, shapes = spec.columns[quantity], tuple(members.get(quantity, ()))
        run = Run(layout.around(shapes), shapes) if shapes else None
        whole = run is None or (left <= run.box.left and run.box.right <= right)
        broken = _struck(sheet, run) if whole else "ink crosses the column's edge"
        if quantity in DOSES and run is not None and not layout.stands_alone(run, line, NEIGHBOUR):
            broken = "the number runs into its neighbour"
        cells[quantity] = Asked(cell, _choices(sheet.template, cell), run, broken)
    return cells
