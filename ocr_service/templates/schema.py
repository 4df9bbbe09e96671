"""The template language: one YAML file describes one layout.

Knows the words an author may write; must not know pixels, engines or files. The loader hands over plain text
scalars and reports every complaint made here with file and line.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ocr_service.dose.quantities import Quantity

SIDES = ("left", "top", "right", "bottom")
_EDGE = re.compile(
    r"(?:(?P<anchor>[a-z][a-z0-9_]*)\.(?P<side>left|top|right|bottom)\s*(?:(?P<sign>[+-])\s*(?P<n>\d+))?|(?P<pixel>\d+))"
)
_ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Words = Annotated[tuple[str, ...], _ONE_OR_MORE]


class Model(BaseModel):
    """Strict and frozen: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Edge(Model):
    """One edge: a pixel of the template's screen, or an anchor's side plus or minus some pixels."""

    anchor: str = ""
    side: str = ""
    offset: int = 0


def parse_edge(text: object) -> object:
    """Read ``12`` or ``anchor.right + 4``."""
    if not isinstance(text, str):
        return text
    match = _EDGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no edge: write a number or `anchor.side + n` (sides: {', '.join(SIDES)})")
    if match["pixel"] is not None:
        return Edge(offset=int(match["pixel"]))
    offset = int(match["n"] or 0) * (-1 if match["sign"] == "-" else 1)
    return Edge(anchor=match["anchor"], side=match["side"], offset=offset)


Edges = Annotated[Edge, BeforeValidator(parse_edge)]


class Area(Model):
    """A rectangle by its four edges; right and bottom are exclusive."""

    left: Edges
    top: Edges
    right: Edges
    bottom: Edges


class Anchor(Model):
    """Fixed words of the page: they prove that it is the one the template means, and measure its shift.

    `area` is where the words may stand; `floating` ones (a total line below the rows) may stand anywhere in it.
    """

    text: Words
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
    the group `value` where there is one, a group `phantom` or `range` names a second quantity of the same cell.
    """

    type: ValueType
    unit: str | None = None
    pattern: str | None = None
    blank: Blank = Blank.NEVER
    choices: str | None = None
    same_as_header: str | None = None

    @property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled; the type's own where the author gave none."""
        return re.compile(self.pattern or DEFAULT_PATTERNS[self.type])

    @field_validator("pattern")
    @classmethod
    def _pattern_is_exact(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if expression.fullmatch(""):
            raise ValueError(f"{pattern!r} fits the empty text; say `blank` for a cell that may be empty")
        if unescaped_point(pattern) and re.search(r"\\d|\[0-9", pattern):
            raise ValueError(f"{pattern!r} has a point that fits any letter; write \\. for a decimal point")
        return pattern

    @model_validator(mode="after")
    def _choice_names_choices(self) -> Cell:
        if self.type is ValueType.CHOICE and not self.choices:
            raise ValueError("a choice needs `choices`, the name of a list of words")
        return self


def unescaped_point(pattern: str) -> bool:
    """Does the pattern hold a ``.`` that is neither escaped nor in brackets?"""
    stripped = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
    return "." in stripped


class FieldLayout(Cell):
    """One value at one place of the page."""

    area: Area


class ColumnLayout(Cell):
    """One column of the table: its left and right edge, and the anchors that are its heading and unit."""

    left: Edges
    right: Edges
    heading: Words = ()


class TableLayout(Model):
    """The rows of dose: an area, its columns, and the lines in it that are no event.

    `lines` are patterns of explained text lines; `group` is a pattern whose group `protocol` names the protocol
    of the rows below; `repeats_heading` says that the heading line stands again above each group.
    """

    area: Area
    columns: dict[Quantity, ColumnLayout]
    lines: Words = ()
    group: str | None = None
    repeats_heading: bool = False


class PageLayout(Model):
    """One kind of page of the layout."""

    anchors: dict[str, Anchor]
    fields: dict[Quantity, FieldLayout] = Field(default_factory=dict)
    table: TableLayout | None = None

    @model_validator(mode="after")
    def _edges_name_anchors(self) -> PageLayout:
        places = [(f"fields.{name.value}", field.area) for name, field in self.fields.items()]
        edges = [(f"{path}.{side}", getattr(area, side)) for path, area in places for side in SIDES]
        if self.table is not None:
            edges += [(f"table.area.{side}", getattr(self.table.area, side)) for side in SIDES]
            for name, column in self.table.columns.items():
                edges += [(f"table.columns.{name.value}.{side}", getattr(column, side)) for side in ("left", "right")]
                edges += [(f"table.columns.{name.value}.heading", Edge(anchor=word)) for word in column.heading]
        for path, edge in edges:
            if edge.anchor and edge.anchor not in self.anchors:
                raise ValueError(f"{path}: there is no anchor {edge.anchor!r}; anchors are {', '.join(self.anchors)}")
        return self


class ScreenSize(Model):
    """The page in pixels, as the template's numbers mean it."""

    rows: int
    columns: int


class Companion(Model):
    """Pages of the same series that are no dose tables: recognised and named, never unreadable."""

    name: str
    match: dict[str, Words]


class Sums(Model):
    """The rows of `sum_of` add up to the field `equals`, within a rounding (mGy.cm)."""

    sum_of: Quantity
    equals: Quantity
    within: str = "0"


class Increasing(Model):
    """The column's numbers grow from row to row."""

    increasing: Quantity


class Between(Model):
    """Each number of the column lies between the two, both allowed."""

    between: Quantity
    least: str
    most: str


class CloseTo(Model):
    """The product of two columns is close to a third, within a part of it (0.1 is 10 %)."""

    product_of: tuple[Quantity, Quantity]
    close_to: Quantity
    within: str


Check = Sums | Increasing | Between | CloseTo


class Example(Model):
    """A screen and what must be read from it: the template's own proof."""

    file: str
    dlp_total: str | None = None
    rows: tuple[tuple[str, ...], ...] = ()


class Template(Model):
    """One layout."""

    name: str = ""
    title: str
    status: Literal["drawn", "confirmed"]
    revision: int
    extends: str | None = None
    match: dict[str, Words]
    screen: ScreenSize
    prepare: Words = ()
    choices: dict[str, dict[str, Words]] = Field(default_factory=dict)
    pages: dict[str, PageLayout]
    companions: tuple[Companion, ...] = ()
    witnesses: tuple[Literal["comments", "exposure_sequence", "private_text", "images"], ...] = ()
    must_agree: bool = False
    checks: tuple[Check, ...] = ()
    complete_by: Literal["marker", "total", "quiet"] = "quiet"
    target_region: dict[str, str] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    refuses: Words = ()

    @model_validator(mode="after")
    def _choices_exist(self) -> Template:
        for page_name, page in self.pages.items():
            cells: dict[Quantity, Cell] = {**page.fields}
            if page.table is not None:
                cells.update(page.table.columns)
            for quantity, cell in cells.items():
                if cell.choices is not None and cell.choices not in self.choices:
                    raise ValueError(
                        f"pages.{page_name}: {quantity.value}: there is no list of choices {cell.choices!r}"
                    )
                if cell.unit is not None and cell.unit != quantity.unit:
                    raise ValueError(
                        f"pages.{page_name}: {quantity.value}: the unit is {quantity.unit or 'none'}, not {cell.unit}"
                    )
        return self
