"""A dose table on a page that no template knows: heading, columns, rows of one or several lines, totals, footers.

Knows phrases, boxes and the vocabulary; must not know templates, YAML or engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ocr_service.author import totals, vocabulary
from ocr_service.author.headings import Heading, HeadingBlock, IsFixed, by_line, find_heading, meaning
from ocr_service.author.phrases import Line, Page, Phrase, shared
from ocr_service.author.totals import Total
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout

LONGEST_COUNT = 3  # letters of the number or letter that counts the rows
NEAR = 3.5  # letter heights from one row to the next
NEAR_LINE = 1.6  # the same from one line of a row to its next


@dataclass(slots=True)
class Column:
    """A column: the phrases of its heading (units too), what it seems to state, and its texts row by row.

    `line` is the line of each row that it stands on, from 0.
    """

    heading: tuple[Phrase, ...]
    quantity: Quantity | None
    cells: list[tuple[Phrase, ...]] = field(default_factory=list)
    line: int = 0

    @property
    def span(self) -> Box:
        """The box around heading and cells."""
        return layout.around([p.box for phrases in (self.heading, *self.cells) for p in phrases])

    @property
    def inked(self) -> Box:
        """The box around the cells alone; around the heading where there are none."""
        boxes = [phrase.box for cell in self.cells for phrase in cell]
        return layout.around(boxes) if boxes else self.span

    @property
    def texts(self) -> list[str]:
        """The texts that are neither missing nor a dash."""
        return [text for text in self.row_texts if text not in ("", "-")]

    @property
    def row_texts(self) -> list[str]:
        """One text a row; "" where nothing stands."""
        return [" ".join(phrase.text for phrase in cell) for cell in self.cells]

    @property
    def has_dashes(self) -> bool:
        """Does a dash stand in it?"""
        return any(phrase.text == "-" for cell in self.cells for phrase in cell)

    @property
    def has_gaps(self) -> bool:
        """Does nothing stand in one of its rows?"""
        return any(not cell for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Table:
    """All that was made out on one page.

    texts: lines between the rows that state no event; tail: what stands below the rows, line by line, and is no
    total; also: words in the heading and beside the totals that are no heading and no label.
    """

    columns: tuple[Column, ...]
    totals: tuple[Total, ...]
    title: Phrase | None
    marker: Phrase | None
    patient_id: Phrase | None
    texts: tuple[Phrase, ...]
    also: tuple[Phrase, ...]
    tail: tuple[tuple[Phrase, ...], ...]
    lines: int  # of one row
    bottom: int  # of the last row or total
    upright: tuple[Box, ...] = ()  # rules that part columns

    @property
    def base(self) -> Box:
        """The heading that all places are measured from: DLP's, else CTDIvol's."""
        named = {column.quantity: column.heading[0].box for column in self.columns if column.heading}
        return named.get(Quantity.DLP) or named[Quantity.MEAN_CTDIVOL]


@dataclass(frozen=True, slots=True)
class NoTable:
    """No dose table was made out; `why` is a sentence."""

    why: str


@dataclass(slots=True)
class _Rows:
    """The lines below the heading, sorted: rows with their further lines, totals, texts between rows, the tail."""

    rows: list[list[Line]] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    texts: list[Line] = field(default_factory=list)
    tail: list[Line] = field(default_factory=list)


def find_table(page: Page, is_fixed: IsFixed, lines_of_row: int | None = None) -> Table | NoTable:
    """Make out the dose table. lines_of_row: how many lines each row takes, where other pages have told it."""
    block = find_heading(page, is_fixed)
    if block is None:
        return NoTable("no line holds a heading for CTDIvol or DLP beside another known heading")
    lines = page.lines
    first = min(block.columns, key=lambda heading: heading.names[0].box.left)
    sorted_ = _sorted(lines[block.last + 1 :], block, first, lines_of_row)
    if not sorted_.rows:
        return NoTable("no row of numbers stands below the heading")
    count = lines_of_row or lines_of(sorted_.rows)
    columns = _columns(block, sorted_.rows, count, page.upright)
    if not any(column.quantity in DOSES for column in columns):
        return NoTable("no heading of the table says CTDIvol or DLP")
    above = [phrase for line in lines[: block.first] for phrase in line]
    printed = [total for line in lines[: block.first] for total in totals.totals_of(line, below=False)]
    kept = tuple(_with_label(total, page) for total in totals.best([*sorted_.totals, *printed]).values())
    named = page.whole(above)
    marker = next((p for p in [*(p for line in sorted_.tail for p in page.whole(line)), *named] if _is_marker(p)), None)
    last = [line for row in sorted_.rows for line in row] + [[t.number] for t in kept if t.below]
    return Table(
        tuple(sorted(columns, key=lambda column: (column.line, column.span.left))),
        kept,
        next((phrase for phrase in reversed(named) if vocabulary.is_title(phrase.text)), None),
        marker,
        next((phrase for phrase in named if vocabulary.patient_id_label(phrase.text)), None),
        tuple(_line(page.whole(text)) for text in sorted_.texts),
        (*block.spanning, *(p for total in kept if total.below for p in total.beside)),
        tuple(tuple(p for p in page.whole(line) if p != marker) for line in sorted_.tail),
        count,
        max(phrase.box.bottom for line in last for phrase in line),
        page.upright,
    )


def lines_of(rows: Sequence[Sequence[Line]]) -> int:
    """How many lines most rows take."""
    return Counter(len(row) for row in rows).most_common(1)[0][0]


def _line(line: Line) -> Phrase:
    return Phrase(layout.around([p.box for p in line]), " ".join(p.text for p in line))


def _sorted(lines: Sequence[Line], block: HeadingBlock, first: Heading, lines_of_row: int | None) -> _Rows:
    """Walk down from the heading: what is near is a row, a further line of it, a total or a text; the rest is tail."""
    found = _Rows()
    waiting: list[Line] = []
    tall = max(p.box.bottom - p.box.top for heading in block.columns for p in heading.names)
    bottom = max(p.box.bottom for heading in block.columns for p in heading.parts)
    for line in lines:
        gap = min(p.box.top for p in line) - bottom
        below = totals.totals_of(line, below=True) if found.rows and len(line) <= 1 + len(block.columns) // 2 else []
        if below:
            found.totals += below
        elif gap <= NEAR * tall and _is_row(line, block, first):
            found.texts += waiting
            waiting = []
            found.rows.append([line])
        elif found.rows and not waiting and gap <= NEAR_LINE * tall and _continues(line, found, first, lines_of_row):
            found.rows[-1].append(line)
        else:
            waiting.append(line)
            if gap > NEAR * tall:
                continue
        bottom = max(p.box.bottom for p in line)
    found.tail = waiting
    return found


def _is_number(phrase: Phrase) -> bool:
    return phrase.text == "-" or vocabulary.NUMBERS.match(phrase.text) is not None


def _is_row(line: Line, block: HeadingBlock, first: Heading) -> bool:
    """A row has a number in a column of dose, or begins under the first heading and has a number under another."""
    owners = [(phrase, _owner(phrase, block.columns)) for phrase in line]
    if len({id(owner) for _, owner in owners}) < 2:
        return False
    if any(_says_dose(owner) and vocabulary.DOSE.fullmatch(phrase.text) for phrase, owner in owners):
        return owners[0][1] is first or len({id(owner) for _, owner in owners}) > 2
    return owners[0][1] is first and any(_is_number(phrase) for phrase, _ in owners)


def _says_dose(heading: Heading) -> bool:
    return heading.quantity in DOSES or any(meaning([name]) in DOSES for name in heading.names)


def _continues(line: Line, found: _Rows, first: Heading, lines_of_row: int | None) -> bool:
    """A further line of a row begins right of the row's first column."""
    if totals.totals_of(line, below=True) or (lines_of_row is not None and len(found.rows[-1]) >= lines_of_row):
        return False
    begin = max([*(p.box.right for p in first.names), *(row[0][0].box.right for row in found.rows)])
    return line[0].box.left >= begin


def _owner(phrase: Phrase, headings: Sequence[Heading]) -> Heading:
    """The heading that the phrase stands under, else the nearest."""
    return max(headings, key=lambda heading: shared(phrase.box, layout.around([p.box for p in heading.parts])))


def _columns(block: HeadingBlock, rows: Sequence[Sequence[Line]], lines: int, upright: Sequence[Box]) -> list[Column]:
    """One column a heading; where rows take several lines, one a heading and line."""
    if lines == 1:
        columns = [Column(heading.parts, heading.quantity) for heading in block.columns]
        for row in rows:
            _take(row[0], columns, upright)
        return _with_first_words(columns)
    found: list[Column] = []
    for number, headings in by_line(block.columns, lines).items():
        columns = [Column(heading.parts, heading.quantity, line=number) for heading in headings]
        nameless = [Column(h.parts, None, line=number) for h in block.columns if not _among(h, headings)]
        for row in rows:
            _take(row[number] if number < len(row) else [], [*columns, *nameless], upright)
        found += columns
        found += [_without_heading(column) for column in nameless if any(column.cells)]
    return found


def _among(heading: Heading, others: Sequence[Heading]) -> bool:
    """Does one of the names of the heading stand on this line?"""
    return any(name in other.names for other in others for name in heading.names)


def _without_heading(column: Column) -> Column:
    """A column of a further line over which nothing is written: its words may tell what it is."""
    texts = column.texts
    told: Quantity | None = None
    if texts and all(vocabulary.phantom(text) for text in texts):
        told = Quantity.PHANTOM
    elif texts and all(vocabulary.acquisition_type(text) for text in texts):
        told = Quantity.ACQUISITION_TYPE
    return Column((), told, column.cells, column.line)


def _take(line: Line, columns: Sequence[Column], upright: Sequence[Box]) -> None:
    """Give each phrase of a row to the column that it stands under; no rule stands between the two."""
    boxes = [layout.around([p.box for p in column.heading]) for column in columns]
    members: dict[int, list[Phrase]] = {}
    for phrase in line:
        open_ = [i for i, box in enumerate(boxes) if not _is_parted(phrase.box, box, upright)] or range(len(boxes))
        members.setdefault(max(open_, key=lambda i: shared(phrase.box, boxes[i])), []).append(phrase)
    for index, column in enumerate(columns):
        column.cells.append(tuple(members.get(index, ())))


def _is_parted(cell: Box, heading: Box, upright: Sequence[Box]) -> bool:
    left, right = sorted(((cell.left + cell.right) // 2, (heading.left + heading.right) // 2))
    return any(left < rule.left < right and rule.top < cell.bottom and cell.top < rule.bottom for rule in upright)


def _with_first_words(columns: list[Column]) -> list[Column]:
    """Part the first column where two kinds of words stand under its heading: a count, or names without a heading."""
    first = min(columns, key=lambda column: column.span.left)
    heading = layout.around([phrase.box for phrase in first.heading])
    pairs = [cell for cell in first.cells if len(cell) > 1]
    counted = len(pairs) == len(first.cells) and all(len(cell[0].text) <= LONGEST_COUNT for cell in pairs)
    if counted and not any(column.quantity is Quantity.SERIES_NUMBER for column in columns):
        before = Column((), Quantity.SERIES_NUMBER, [cell[:1] for cell in first.cells])
        first.cells[:] = [cell[1:] for cell in first.cells]
        return [before, *columns]
    if pairs and all(shared(cell[0].box, heading) <= 0 for cell in pairs):
        outside = [tuple(p for p in cell if shared(p.box, heading) <= 0) for cell in first.cells]
        before = Column((), Quantity.ACQUISITION_PROTOCOL, outside)
        first.cells[:] = [tuple(p for p in cell if shared(p.box, heading) > 0) for cell in first.cells]
        return [before, *columns]
    return columns


def _with_label(total: Total, page: Page) -> Total:
    """The total with its label in one piece: joined where the wider cut does so, cut off where no cut parts the number.

    The service finds the words of a label one by one, so that a narrow space before the number is enough.
    """
    if not total.label:
        words = total.number.text.split()
        first = next((i for i, word in enumerate(words) if vocabulary.NUMBERS.match(word)), 0)
        parts = page.split(total.number, first)
        return total if parts is None else replace(total, label=parts[:1], number=parts[1])
    pieces = page.whole(total.label)
    if any(layout.touches(piece.box, total.number.box) for piece in pieces):
        return total
    beside = tuple(p for p in total.beside if not any(layout.covers(piece.box, p.box) for piece in pieces))
    return replace(total, label=tuple(pieces), beside=beside)


def _is_marker(phrase: Phrase) -> bool:
    return vocabulary.PAGE_MARKER.fullmatch(phrase.text) is not None
