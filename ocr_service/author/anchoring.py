"""Places of a draft: anchors by name, and edges measured from them, as the template language writes them.

Knows what several screens show together and how an edge is spelled; must not know quantities' types or patterns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocr_service.author import vocabulary
from ocr_service.author.patterns import quoted
from ocr_service.author.phrases import Phrase
from ocr_service.author.tables import Column
from ocr_service.author.together import Fixed, Foot, Together, TotalPlace
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen import layout

SLACK = 12  # px: how far a word may stand from where it stood on the screens, measured from the first anchor
FIRST_SLACK = 25  # the same for the first anchor itself, which measures the shift of the page
BESIDE = 5  # px between a column's edge and the side of the values that is always the same
STEADY = 3  # px: a side of the values that moves less is always the same


@dataclass(frozen=True, slots=True)
class Named:
    """An anchor of the draft: its name, the words, where they stood, how far they move, and whether always."""

    name: str
    fixed: Fixed
    floating: bool = False

    @property
    def box(self) -> Box:
        """Where the words stand on the first screen."""
        return self.fixed.box


@dataclass(frozen=True, slots=True)
class Anchors:
    """All anchors of the page; the first one measures its shift. headings: those over columns, by their box."""

    named: tuple[Named, ...]
    headings: dict[Box, Named]
    totals: dict[Quantity, tuple[Named, ...]]

    @property
    def base(self) -> Named:
        """The anchor that the others are measured from."""
        return self.named[0]

    @property
    def lowest(self) -> Named:
        """The heading that ends lowest: rows begin below it."""
        return max(self.headings.values(), key=lambda anchor: anchor.box.bottom)


def anchors_of(seen: Together, moving: Sequence[Foot]) -> Anchors:
    """DLP's heading or CTDIvol's first, then the other headings and units, title, labels of totals, moving footers."""
    named: list[Named] = []
    headings: dict[Box, Named] = {}
    for column in sorted(seen.columns, key=_dose_first):
        for index, part in enumerate(column.heading):
            fixed = seen.heading(column, index)
            words = tuple(dict.fromkeys(vocabulary.spelled(word) for word in fixed.words))
            anchor = Named(_free(_name(column, part), named), Fixed(words, fixed.box, fixed.moves, fixed.everywhere))
            headings[part.box] = anchor
            named.append(anchor)
    title = seen.title
    if title is not None:
        fixed = seen.fixed(title, lambda screen: [screen.table.title] if screen.table.title else [])
        named.append(Named(_free("title", named), fixed))
    totals: dict[Quantity, tuple[Named, ...]] = {}
    for place in seen.totals():
        labels: list[Named] = []
        for label in place.label:
            is_last = label is place.label[-1]
            name = place.total.quantity.value.removeprefix("dlp_") if is_last else "total_dlp"
            labels.append(Named(_free(name, [*named, *labels]), label, floating=place.total.below))
        named += labels
        totals[place.total.quantity] = tuple(labels)
    for foot in moving:
        named.append(Named(_free("footer", named), Fixed(foot.texts, foot.box, 0, everywhere=False), floating=True))
    return Anchors(tuple(named), headings, totals)


def _dose_first(column: Column) -> int:
    order = (Quantity.DLP, Quantity.MEAN_CTDIVOL)
    return order.index(column.quantity) if column.quantity in order else len(order)


def _name(column: Column, part: Phrase) -> str:
    if column.quantity is None:
        letters = unicodedata.normalize("NFKD", part.text.casefold()).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
        name = plain if re.fullmatch(r"[a-z][a-z0-9_]*", plain) and plain != "page" else "heading"
    else:
        name = vocabulary.ANCHOR_NAMES.get(column.quantity, column.quantity.value)
    is_unit = vocabulary.is_unit(part.text) and len(column.heading) > 1
    return f"{name}_unit" if is_unit else name


def _free(name: str, taken: Sequence[Named]) -> str:
    names = {anchor.name for anchor in taken}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 99))) if n not in names)


def anchor_lines(anchors: Anchors, bases: Sequence[Box]) -> Iterator[str]:
    """One line an anchor. bases: where the first one stood on each screen."""
    for anchor in anchors.named:
        more = "".join((
            ", floating: true" if anchor.floating else "",
            "" if anchor.fixed.everywhere and not anchor.floating else ", required: false",
        ))  # fmt: skip
        words = ", ".join(map(quoted, anchor.fixed.words))
        yield f"      {anchor.name}: {{text: [{words}], area: {_looked_for(anchor, anchors.base, bases)}{more}}}"


def _looked_for(anchor: Named, base: Named, bases: Sequence[Box]) -> str:
    if anchor is base:
        return area(*map(str, _sides(grown(layout.around(bases), FIRST_SLACK))))
    sides = around(grown(anchor.box, SLACK + anchor.fixed.moves), base)
    if anchor.floating:
        sides[1], sides[3] = f"{base.name}.bottom", "page.bottom"
    return area(*sides)


def grown(box: Box, by: int) -> Box:
    """The box with more room on all sides, but not beyond the page's left and top."""
    return Box(max(0, box.left - by), max(0, box.top - by), box.right + by, box.bottom + by)


def _sides(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right, box.bottom


def around(box: Box, base: Named) -> list[str]:
    """Left, top, right and bottom of a box of the first screen, measured from an anchor."""
    return [measured(base, side, name) for side, name in zip(_sides(box), ("left", "top") * 2, strict=True)]


def area(left: str, top: str, right: str, bottom: str) -> str:
    """An area of four edges."""
    return f"{{left: {left}, top: {top}, right: {right}, bottom: {bottom}}}"


def measured(anchor: Named, pixel: int, side: str) -> str:
    """A pixel of the first screen, measured from the anchor's side."""
    offset = pixel - int(getattr(anchor.box, side))
    return f"{anchor.name}.{side} {'-' if offset < 0 else '+'} {abs(offset)}"


def column_edges(
    columns: Sequence[Column], anchors: Anchors, upright: Sequence[Box], width: int
) -> list[tuple[str, str]]:
    """Left and right edge of each column of one line, measured from a heading beside."""
    between = []
    for before, after in pairwise(columns):
        pixel = _between(before, after, upright)
        parts = [p for column in (after, before) for p in column.heading if p.box in anchors.headings]
        holder = anchors.headings[parts[0].box] if parts else anchors.base
        between.append(measured(holder, pixel, "left"))
    return list(zip(["0", *between], [*between, str(width)], strict=True))


def _between(before: Column, after: Column, upright: Sequence[Box]) -> int:
    """A rule, where one parts the two; else where neither's values can come, as far as the screens tell."""
    cells = before.inked, after.inked
    rules = [rule.left for rule in upright if cells[0].right <= rule.left <= cells[1].left]
    if rules:
        return rules[0]
    apart = before.span.right <= after.span.left  # else a heading stands over its neighbour's cells
    right, left = (before.span.right, after.span.left) if apart else (cells[0].right, cells[1].left)
    room = max(0, left - right)
    grows, comes = not _is_steady(before, "right"), not _is_steady(after, "left")
    if grows and not comes:
        return left - min(BESIDE, room // 2)
    if comes and not grows:
        return right + min(BESIDE, room // 2)
    return (right + left) // 2


def _is_steady(column: Column, side: str) -> bool:
    """Do all values end at one side, though they are of unlike widths?"""
    boxes = [layout.around([p.box for p in cell]) for cell in column.cells if cell]
    widths = [box.right - box.left for box in boxes]
    places = [int(getattr(box, side)) for box in boxes]
    return len(boxes) > 2 and max(widths) - min(widths) > STEADY and max(places) - min(places) <= STEADY


def total_edges(place: TotalPlace, anchor: Named, dlp: Named | None) -> list[str]:
    """The area of a total's number, measured from its label; with its unit, where that moves with the number."""
    total = place.total
    numbers = layout.around([phrase.box for phrase in place.numbers])
    words = [p.box.right for p in total.beside if p.box.right <= total.number.box.left and not total.below]
    left = max([anchor.box.right + 2, *(right + 1 for right in words)])
    behind = [p.box.left for p in total.beside if p.box.left >= numbers.right]
    if place.unit_stands:
        right = (numbers.right + min(unit.box.left for unit in place.units)) // 2
    else:
        right = max([numbers.right, *(unit.box.right for unit in place.units)]) + 2 * SLACK
    right = min([right, *((numbers.right + other) // 2 for other in behind)])
    slack = max(6, (numbers.bottom - numbers.top) // 2)
    return [
        measured(anchor, left, "right"), f"{(dlp or anchor).name}.top - {slack}",
        measured(anchor, right, "right"), f"{anchor.name}.bottom + {slack}",
    ]  # fmt: skip
