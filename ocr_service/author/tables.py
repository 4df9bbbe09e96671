"""A dose table on a page that no template knows: phrases -> heading, columns, rows, total.

Knows phrases, boxes and the vocabulary; must not know templates, YAML or engines. Best for simple tables: one heading
of one or two lines, one line a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ocr_service.author import vocabulary
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, PHRASE_GAPS
from ocr_service.screen.layout import Pixels
from ocr_service.screen.readers import Readers

FindText = Callable[[Pixels], Sequence[Box]]
LONGEST_COUNT = 3  # letters of the number or letter that counts the rows


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand together, as PP-OCR read them; a dash is the text `-`.

    `part_of` is the text box of the detector: it joins what the service would cut into several phrases.
    """

    box: Box
    text: str
    part_of: Box | None = None


@dataclass(slots=True)
class Column:
    """A column: the phrases of its heading (units too), what it seems to state, and its texts row by row."""

    heading: tuple[Phrase, ...]
    quantity: Quantity | None
    cells: list[tuple[Phrase, ...]] = field(default_factory=list)

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
        told = [" ".join(phrase.text for phrase in cell) for cell in self.cells]
        return [text for text in told if text not in ("", "-")]

    @property
    def has_dashes(self) -> bool:
        """Does a dash stand in it?"""
        return any(phrase.text == "-" for cell in self.cells for phrase in cell)

    @property
    def has_gaps(self) -> bool:
        """Does nothing stand in one of its rows?"""
        return any(not cell for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Total:
    """The total DLP: its label and its number; one phrase for both where nothing parts them."""

    label: Phrase
    number: Phrase
    below: bool


@dataclass(frozen=True, slots=True)
class Table:
    """All that was made out on one page."""

    columns: tuple[Column, ...]
    total: Total | None
    title: Phrase | None
    marker: Phrase | None
    patient_id: Phrase | None
    texts: tuple[str, ...]  # lines between the rows that state no event
    also: tuple[str, ...]  # words beside the total and below the table
    bottom: int  # the first footer below the table, or the page's end


@dataclass(frozen=True, slots=True)
class NoTable:
    """No dose table was made out; `why` is a sentence."""

    why: str


def phrases_of(pixels: Pixels, find_text: FindText, readers: Readers) -> list[Phrase]:
    """Every phrase of the page with its text, and the detector's box that it is part of."""
    pixels = layout.flat(pixels)
    ink = layout.find_ink(pixels)
    # Anchors and cells are what the service's own cut makes; the detector tells which of them belong together.
    boxes = find_text(pixels)
    runs = [
        (run, next((box for box in boxes if layout.inside(box, run.box)), None))
        for run in layout.phrases(ink.shapes, min(PHRASE_GAPS))
    ]
    dashes = [run.box for run, _ in runs if layout.is_dash(run, ink.mask)]
    words = [(run, box) for run, box in runs if run.box not in dashes]
    texts = readers.read_first([layout.crop(pixels, run.box, MARGIN) for run, _ in words])
    found = [Phrase(run.box, text, box) for (run, box), text in zip(words, texts, strict=True) if text]
    return found + [Phrase(box, "-") for box in dashes]


def find_table(phrases: Sequence[Phrase], rows: int) -> Table | NoTable:
    """Make out the dose table. rows: height of the page in px."""
    lines = _lines(phrases)
    first, last = _heading_lines(lines)
    if first < 0:
        return NoTable("no line holds a heading for CTDIvol or DLP beside another known heading")
    columns = _columns(lines[first : last + 1])
    total = _total(lines[:first], below=False)
    texts: list[str] = []
    also: list[str] = []
    bottom = rows
    waiting: list[list[Phrase]] = []
    for line in lines[last + 1 :]:
        below = _total([line], below=True) if total is None else None
        if below is not None:
            total = below
            also += [p.text for p in line if p is not total.label and not layout.inside(total.number.box, p.box)]
        elif _is_row(line, columns):
            texts += [" ".join(p.text for p in text) for text in waiting]
            waiting = []
            _take_row(line, columns)
        else:
            waiting.append(line)
    if not any(column.cells for column in columns):
        return NoTable("no row of numbers stands below the heading")
    if waiting:
        bottom = min(phrase.box.top for phrase in waiting[0])
    columns = _with_first_words(columns)
    marker = next((p for line in waiting for p in line if vocabulary.PAGE_MARKER.fullmatch(p.text)), None)
    also += [phrase.text for line in waiting for phrase in line if phrase is not marker]
    above = [phrase for line in lines[:first] for phrase in line]
    whole = _whole(above)
    return Table(
        tuple(sorted(columns, key=lambda column: column.span.left)),
        total,
        next((phrase for phrase in reversed(above) if vocabulary.is_title(phrase.text)), None),
        marker,
        next((phrase for phrase in whole if vocabulary.patient_id_label(phrase.text)), None),
        tuple(texts),
        tuple(dict.fromkeys(also)),
        bottom,
    )


def _lines(phrases: Sequence[Phrase]) -> list[list[Phrase]]:
    by_box = {phrase.box: phrase for phrase in phrases}
    return [[by_box[box] for box in line] for line in layout.rows(list(by_box))]


def _whole(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The phrases as the detector saw them, in one piece."""
    boxes = dict.fromkeys(phrase.part_of for phrase in phrases if phrase.part_of is not None)
    members = [[phrase for phrase in phrases if phrase.part_of == box] for box in boxes]
    return [Phrase(layout.around([p.box for p in several]), " ".join(p.text for p in several)) for several in members]


def _heading_lines(lines: Sequence[Sequence[Phrase]]) -> tuple[int, int]:
    """The first and the last line of the heading; -1 where there is none."""
    known = [[vocabulary.heading(phrase.text) for phrase in line] for line in lines]
    scores = [sum(told is not None for told in line) if any(told in DOSES for told in line) else 0 for line in known]
    best = max(range(len(lines)), key=lambda index: scores[index], default=-1)
    if best < 0 or scores[best] < 2:
        return -1, -1
    first = last = best
    while first > 0 and _belongs(lines[first - 1], lines[best]):
        first -= 1
    while last + 1 < len(lines) and _belongs(lines[last + 1], lines[best]):
        last += 1
    return first, last


def _belongs(line: Sequence[Phrase], heading: Sequence[Phrase]) -> bool:
    """Is each phrase of the line a unit, or does it make a known heading together with the one above or below?"""
    tall = max(phrase.box.bottom - phrase.box.top for phrase in heading)
    near = min(abs(line[0].box.top - heading[0].box.bottom), abs(heading[0].box.top - line[0].box.bottom)) <= 1.5 * tall
    return near and all(vocabulary.is_unit(phrase.text) or _completes(phrase, heading) for phrase in line)


def _completes(phrase: Phrase, heading: Sequence[Phrase]) -> bool:
    others = [other for other in heading if _share(phrase.box, other.box) > 0]
    joined = [f"{a.text} {b.text}" for other in others for a, b in ((phrase, other), (other, phrase))]
    return any(vocabulary.heading(text) is not None for text in joined)


def _share(a: Box, b: Box) -> int:
    """How many columns of pixels the two have in common; negative: how far they are apart."""
    return min(a.right, b.right) - max(a.left, b.left)


def _columns(lines: Sequence[Sequence[Phrase]]) -> list[Column]:
    """Phrases of the heading lines that stand one above the other are one heading."""
    stacks: list[list[Phrase]] = []
    for line in lines:
        for phrase in line:
            over = [stack for stack in stacks if any(p not in line and _share(p.box, phrase.box) > 0 for p in stack)]
            together = next(iter(over), None) or _same_box(phrase, stacks) or _beside(phrase, line, stacks)
            if together is not None:
                together.append(phrase)
            else:
                stacks.append([phrase])
    return [Column(tuple(stack), _meaning(stack)) for stack in stacks]


def _same_box(phrase: Phrase, stacks: Sequence[list[Phrase]]) -> list[Phrase] | None:
    """The heading that the detector saw in one box with the phrase, where both make one word of the vocabulary."""
    for stack in stacks:
        if stack[-1].part_of == phrase.part_of is not None and not vocabulary.is_unit(phrase.text):
            apart = [vocabulary.heading(text) for text in (stack[-1].text, phrase.text)]
            if apart == [None, None] or vocabulary.heading(f"{stack[-1].text} {phrase.text}") is not None:
                return stack
    return None


def _beside(phrase: Phrase, line: Sequence[Phrase], stacks: Sequence[list[Phrase]]) -> list[Phrase] | None:
    """The heading that a unit stands right behind, on the same line."""
    if not vocabulary.is_unit(phrase.text) or vocabulary.heading(phrase.text) is not None:
        return None
    before = [stack for stack in stacks if stack[-1] in line and stack[-1].box.right <= phrase.box.left]
    nearest = max(before, key=lambda stack: stack[-1].box.right, default=None)
    tall = phrase.box.bottom - phrase.box.top
    if nearest is None or phrase.box.left - nearest[-1].box.right > 2.5 * tall:
        return None
    return nearest


def _meaning(stack: Sequence[Phrase]) -> Quantity | None:
    if len(stack) == 1:
        return vocabulary.heading(stack[0].text)
    words = [phrase.text for phrase in stack if not vocabulary.is_unit(phrase.text)]
    return vocabulary.heading(" ".join(words)) if words else None


def _total(lines: Sequence[Sequence[Phrase]], *, below: bool) -> Total | None:
    """The total DLP of these lines: a label with a number behind it, or one phrase that holds both."""
    found: list[Total] = []
    for line in lines:
        if not any(vocabulary.is_total(phrase.text) for phrase in line):
            continue
        for label, number in pairwise([line[0], *line]):
            says = vocabulary.says_dlp(label.text) or vocabulary.is_total(label.text)
            if label is number and says and vocabulary.NUMBERS.search(label.text):
                found.append(Total(label, label, below))
            elif says and vocabulary.NUMBERS.match(number.text):
                found.append(Total(label, _with_unit(number, line), below))
            elif vocabulary.is_total(number.text) and vocabulary.NUMBERS.search(number.text):
                found.append(Total(number, number, below))
    return max(found, key=lambda total: vocabulary.says_dlp(total.label.text), default=None)


def _with_unit(number: Phrase, line: Sequence[Phrase]) -> Phrase:
    """The number together with a unit that stands right behind it."""
    behind = [phrase for phrase in line if phrase.box.left >= number.box.right]
    tall = number.box.bottom - number.box.top
    near = behind and vocabulary.is_unit(behind[0].text) and behind[0].box.left - number.box.right <= 2 * tall
    if not near:
        return number
    return Phrase(layout.around([number.box, behind[0].box]), f"{number.text} {behind[0].text}")


def _owner(phrase: Phrase, columns: Sequence[Column]) -> Column:
    """The column whose heading the phrase stands under, else the nearest."""
    return max(columns, key=lambda column: _share(phrase.box, layout.around([p.box for p in column.heading])))


def _is_row(line: Sequence[Phrase], columns: Sequence[Column]) -> bool:
    """A row fills two columns at least, and a number or a dash stands in one of them."""
    owners = {id(_owner(phrase, columns)) for phrase in line}
    numbers = [phrase for phrase in line if phrase.text == "-" or vocabulary.NUMBERS.match(phrase.text)]
    return len(owners) >= 2 and bool(numbers)


def _take_row(line: Sequence[Phrase], columns: Sequence[Column]) -> None:
    members: dict[int, list[Phrase]] = {}
    for phrase in line:
        members.setdefault(id(_owner(phrase, columns)), []).append(phrase)
    for column in columns:
        column.cells.append(tuple(members.get(id(column), ())))


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
    if pairs and all(_share(cell[0].box, heading) <= 0 for cell in pairs):
        outside = [tuple(p for p in cell if _share(p.box, heading) <= 0) for cell in first.cells]
        before = Column((), Quantity.ACQUISITION_PROTOCOL, outside)
        first.cells[:] = [tuple(p for p in cell if _share(p.box, heading) > 0) for cell in first.cells]
        return [before, *columns]
    return columns
