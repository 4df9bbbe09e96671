"""The template language: one YAML file describes one layout.

Knows the words an author may write; must not know pixels, engines or files. The loader hands over plain text
scalars and reports every complaint made here with file and line.

`match` is what the header must say: every keyword of it. `any_of` lists further sets of keywords, one of which must
fit as well; so one layout is found by its image type on one console and by the name of its series on another.

A table's column ends at an edge, or at `next`: where the next column begins, whichever that is on this page. With
`stacked` the heading takes several lines, and each event as many lines of values in the same order. Both together
describe consoles that print the same columns in many orders: a column whose heading is not on the page is left out.
Where the lines of the heading are not those of the rows, each column says its `line`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.dose.report import CTAcquisitionType, Phantom
from ocr_service.templates.checks import Check
from ocr_service.templates.edges import NEXT, PAGE, SIDES, Area, Edge, Edges, RightEdges, crossed
from ocr_service.templates.examples import Example
from ocr_service.templates.wording import (
    Complaint,
    Model,
    SomeWords,
    Word,
    Words,
    compiled,
    did_you_mean,
    fold,
    unescaped_point,
)

# Steps that a template may name for all its crops, before each reader's own; screen/preprocess.py carries them out.
Step = Literal["stretch", "close_points", "bold", "soften_little", "soften", "threshold"]
# Words that say beside a dose heading that it is another quantity: `also` may not explain them away.
QUALIFIERS = frozenset({"eff", "effective", "exp", "expected", "e", "ssde", "air", "w", "ref", "mean", "max", "min"})


MOST_LINES = 4  # of one event


class Anchor(Model):
    """Fixed words of the page: they prove that it is the one the template means, and measure its shift.

    `area` is where the words may stand; `floating` ones (a total line below the rows) may stand anywhere in it.
    """

    text: SomeWords
    area: Area
    floating: bool = False
    required: bool = True


class ValueType(Enum):
    """How the text of a cell is read."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"
    TIME = "time"


class Blank(Enum):
    """What an empty value looks like: no ink at all, a dash, either, or never empty."""

    NEVER = "never"
    EMPTY = "empty"
    DASH = "dash"
    EITHER = "either"


DEFAULT_PATTERNS = {
    ValueType.INTEGER: r"\d{1,6}",
    ValueType.DECIMAL: r"\d{1,5}\.\d{1,3}",
    ValueType.TEXT: r"\S.*",
    ValueType.CHOICE: r"\S.*",
    ValueType.DATE: r"\S.*\d.*",
    ValueType.TIME: r"\d{1,2}:\d\d(?::\d\d)?",
}


class Cell(Model):
    """What a field or a column holds.

    `pattern` is a regular expression for the whole text with blanks removed (text keeps them); the number is
    the group `value` where there is one, a group `phantom` names a second quantity of the same cell. A group `beside`
    is what stands on the same line and is no part of the value; the pattern must fit without it too.
    """

    type: ValueType
    unit: str | None = None
    pattern: str | None = None
    blank: Blank = Blank.NEVER
    choices: str | None = None
    same_as_header: Words = ()

    @property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled; the type's own where the author gave none."""
        return re.compile(self.pattern or DEFAULT_PATTERNS[self.type])

    @field_validator("pattern")
    @classmethod
    def _pattern_is_exact(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        compiled(pattern)
        if unescaped_point(pattern) and re.search(r"\\d|\[0-9", pattern):
            raise ValueError(f"{pattern!r} has a point that fits any letter; write \\. for a decimal point")
        return pattern

    @model_validator(mode="after")
    def _choice_names_choices(self) -> Cell:
        if self.type is ValueType.CHOICE and not self.choices:
            raise Complaint("a choice needs `choices`, the name of a list of words", "choices")
        if self.pattern and "phantom" in re.compile(self.pattern).groupindex and not self.choices:
            raise Complaint("the group `phantom` needs `choices`, the name of a list of words", "pattern")
        return self


class FieldLayout(Cell):
    """One value at one place of the page."""

    area: Area


class ColumnLayout(Cell):
    """One column of the table: its left and right edge, and the anchors that are its heading and unit.

    `line` is the line of each event that the column stands on, counted from 1, where events take several lines.
    """

    left: Edges
    right: RightEdges
    heading: Words = ()
    line: int | None = Field(default=None, ge=1, le=MOST_LINES)

    @model_validator(mode="after")
    def _has_an_inside(self) -> ColumnLayout:
        if self.right.side != NEXT and crossed(self.left, self.right):
            raise Complaint("right is not beyond left, so nothing lies between", "right")
        return self


class TableLayout(Model):
    """The rows of dose: an area, its columns, and the lines in it that are no event.

    `also` are words in and below the heading that are no anchor; `lines` are patterns of explained text lines;
    `group` is a pattern whose group `protocol` names the protocol of the rows below; `repeats_heading` says that
    the heading line stands again above each group; `stacked` that the heading takes several lines and each event as
    many, which begin right of the first column but for the first. Where columns say their `line`, that counts and
    not the line of their heading.
    """

    area: Area
    columns: dict[Quantity, ColumnLayout]
    also: Words = ()
    lines: Words = ()
    group: str | None = None
    repeats_heading: bool = False
    stacked: bool = False

    @model_validator(mode="after")
    def _stacked_lines_begin_with_a_word(self) -> TableLayout:
        first = next(iter(self.columns.values()), None)
        lined = {quantity: column.line for quantity, column in self.columns.items() if column.line is not None}
        if lined and not self.stacked:
            raise Complaint("a column has a `line` only where rows are `stacked`", "columns", next(iter(lined)).value)
        if lined and (first is None or first.line not in (None, 1)):
            raise Complaint("the first column stands on the first line: its word begins the event", "stacked")
        if self.stacked and not lined and (first is None or first.heading):
            raise Complaint("the first column of stacked lines has no heading: its word begins the event", "stacked")
        return self

    @field_validator("also")
    @classmethod
    def _also_qualifies_nothing(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if any(letter.isdigit() for letter in word) and not any(letter.isalpha() for letter in word):
                raise ValueError(f"{word!r} is a number: a value may not be explained away")
            if word.strip(" .*:()[]").casefold() in QUALIFIERS:
                raise ValueError(f"{word!r} makes another quantity of a dose heading; make it an anchor of its own")
        return words

    @model_validator(mode="after")
    def _doses_have_headings(self) -> TableLayout:
        for quantity in DOSES:
            if quantity in self.columns and not self.columns[quantity].heading:
                sentence = "a dose column needs `heading`, the anchors that say what it is and in which unit"
                raise Complaint(sentence, "columns", quantity.value)
        return self

    @model_validator(mode="after")
    def _lines_are_patterns(self) -> TableLayout:
        try:
            for pattern in self.lines:
                compiled(pattern)
        except ValueError as error:
            raise Complaint(str(error), "lines") from None
        return self

    @field_validator("group")
    @classmethod
    def _group_names_the_protocol(cls, group: str | None) -> str | None:
        if group is not None and "protocol" not in compiled(group).groupindex:
            raise ValueError("the pattern has no group `protocol`: write (?P<protocol>...) around the name")
        return group


class PageLayout(Model):
    """One kind of page of the layout."""

    anchors: Annotated[dict[str, Anchor], Field(min_length=1)]
    fields: dict[Quantity, FieldLayout] = Field(default_factory=dict)
    table: TableLayout | None = None

    def cells(self) -> Iterator[tuple[Quantity, Cell]]:
        """All fields, then all columns; a quantity may be both."""
        yield from self.fields.items()
        yield from (self.table.columns if self.table is not None else {}).items()

    def edges(self) -> Iterator[tuple[tuple[str, ...], Edge]]:
        """Each edge that may hang on an anchor, and each heading's anchor, with its place on the page."""
        areas: list[tuple[tuple[str, ...], Area]]
        areas = [(("anchors", name, "area"), anchor.area) for name, anchor in self.anchors.items()]
        areas += [(("fields", name.value, "area"), field.area) for name, field in self.fields.items()]
        columns = self.table.columns if self.table is not None else {}
        if self.table is not None:
            areas.append((("table", "area"), self.table.area))
        for place, area in areas:
            yield from (((*place, side), getattr(area, side)) for side in SIDES)
        for name, column in columns.items():
            place = ("table", "columns", name.value)
            yield (*place, "left"), column.left
            yield (*place, "right"), column.right
            yield from (((*place, "heading"), Edge(anchor=word)) for word in column.heading)

    @model_validator(mode="after")
    def _edges_name_anchors(self) -> PageLayout:
        if PAGE in self.anchors:
            raise Complaint(f"{PAGE!r} is the page itself; give the anchor another name", "anchors", PAGE)
        hangs_on: dict[str, set[str]] = {}
        for place, edge in self.edges():
            if edge.anchor == PAGE and place[-1] != "heading":
                continue
            if edge.anchor and edge.anchor not in self.anchors:
                near = did_you_mean(edge.anchor, self.anchors) or f"; anchors are {', '.join(self.anchors)}"
                raise Complaint(f"there is no anchor {edge.anchor!r}{near}", *place)
            if edge.anchor and place[0] == "anchors":
                hangs_on.setdefault(place[1], set()).add(edge.anchor)
        try:
            TopologicalSorter(hangs_on).prepare()
        except CycleError as error:
            first, *others = error.args[1]
            raise Complaint(f"the anchors {' and '.join(others)} hang on each other", "anchors", first) from None
        return self


class ScreenSize(Model):
    """The page in pixels, as the template's numbers mean it.

    A page of another size is scaled to it; where `larger` is `kept`, one that is larger and wider in proportion is
    not: its console writes the same letters on a larger page.
    """

    rows: int = Field(ge=1, le=16384)
    columns: int = Field(ge=1, le=16384)
    larger: Literal["scaled", "kept"] = "scaled"

    def of(self, page: tuple[int, int]) -> tuple[int, int]:
        """The size (rows, columns) in which a page of this size is read."""
        is_larger = page[0] > self.rows and page[1] > self.columns
        is_wider = page[0] * self.columns < page[1] * self.rows
        return page if self.larger == "kept" and is_larger and is_wider else (self.rows, self.columns)


class Companion(Model):
    """Pages of the same series that are no dose tables: recognised and named, never unreadable."""

    name: Word
    match: dict[str, SomeWords]


def _concepts(quantity: Quantity, cell: Cell) -> tuple[str, ...]:
    """What the words of a cell may mean: types of CID 10013, or the two phantoms; none where nobody asks."""
    if "phantom" in cell.expression.groupindex or quantity is Quantity.PHANTOM:
        return tuple(phantom.name.lower() for phantom in Phantom)
    if quantity in (Quantity.ACQUISITION_TYPE, Quantity.ACQUISITION_PROTOCOL):
        return (*(kind.name.lower() for kind in CTAcquisitionType), "sequenced_or_stationary")
    return ()


class Template(Model):
    """One layout."""

    name: str = ""
    title: Word
    status: Literal["drawn", "confirmed"]
    revision: int = Field(ge=1)
    extends: str | None = None
    match: dict[str, SomeWords]
    any_of: Annotated[tuple[dict[str, SomeWords], ...], Field(min_length=1)] | None = None
    screen: ScreenSize
    prepare: tuple[Step, ...] = ()
    choices: dict[str, dict[str, SomeWords]] = Field(default_factory=dict)
    pages: Annotated[dict[str, PageLayout], Field(min_length=1)]
    companions: tuple[Companion, ...] = ()
    witnesses: tuple[Literal["comments", "exposure_sequence", "private_text", "images"], ...] = ()
    must_agree: bool = False
    checks: tuple[Check, ...] = ()
    complete_by: Literal["marker", "total", "quiet"] = "quiet"
    target_region: dict[str, str] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    refuses: Words = ()

    @property
    def versioned(self) -> str:
        """Name and revision, as reports tell them."""
        return f"{self.name} r{self.revision}"

    @model_validator(mode="after")
    def _cells_are_sound(self) -> Template:
        for page_name, page in self.pages.items():
            for quantity, cell in page.cells():
                kind = ("fields",) if isinstance(cell, FieldLayout) else ("table", "columns")
                place = ("pages", page_name, *kind, quantity.value)
                if cell.choices is not None and cell.choices not in self.choices:
                    near = did_you_mean(cell.choices, self.choices)
                    raise Complaint(f"there is no list of choices {cell.choices!r}{near}", *place, "choices")
                if cell.unit is not None and cell.unit != quantity.unit:
                    unit = f"the unit is {quantity.unit}" if quantity.unit else "it has no unit"
                    raise Complaint(f"{unit}, not {cell.unit!r}", *place, "unit")
        return self

    @model_validator(mode="after")
    def _a_word_has_one_meaning(self) -> Template:
        for name, concepts in self.choices.items():
            owner: dict[str, str] = {}
            for concept, words in concepts.items():
                for word in words:
                    known = fold(word)
                    if owner.setdefault(known, concept) != concept:
                        other = owner[known]
                        raise Complaint(f"the word {word!r} also means {other!r}", "choices", name, concept)
        return self

    @model_validator(mode="after")
    def _choices_name_concepts(self) -> Template:
        for page in self.pages.values():
            for quantity, cell in page.cells():
                known = _concepts(quantity, cell)
                for concept in self.choices.get(cell.choices or "", {}) if known else ():
                    if concept not in known:
                        near = did_you_mean(concept, known) or f"; it may be {', '.join(known)}"
                        sentence = f"{concept!r} is no concept of {quantity.value}{near}"
                        raise Complaint(sentence, "choices", str(cell.choices), concept)
        return self

    @model_validator(mode="after")
    def _checks_are_of_cells(self) -> Template:
        known = {quantity.value for page in self.pages.values() for quantity, _ in page.cells()}
        if known & {Quantity.DLP_TOTAL_HEAD.value, Quantity.DLP_TOTAL_BODY.value}:
            known.add(Quantity.DLP_TOTAL.value)  # totals of each phantom add up to it
        for index, check in enumerate(self.checks):
            for key, about in check:
                for quantity in about if isinstance(about, tuple) else (about,):
                    if isinstance(quantity, Quantity) and quantity.value not in known:
                        sentence = f"no page holds {quantity.value}{did_you_mean(quantity.value, known)}"
                        raise Complaint(sentence, "checks", str(index), key)
        return self
