"""The heading of a dose table on a page that no template knows: which lines it takes, and what each column is called.

Knows phrases, rules and the vocabulary; must not know rows or templates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ocr_service.author import vocabulary
from ocr_service.author.phrases import Line, Page, Phrase, shared
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.screen import layout

IsFixed = Callable[[Phrase], bool | None]
"""Do all screens show the same words at the same place? None where only one screen is at hand."""

NEAR = 1.5  # letter heights between two lines of one heading
WORD_GAP = 1.5  # letter heights between two words of one name
TALLEST = 8  # letter heights: no heading between two rules is higher


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands over one column: names from top to bottom, and units in a phrase of their own."""

    names: tuple[Phrase, ...]
    units: tuple[Phrase, ...] = ()

    @property
    def parts(self) -> tuple[Phrase, ...]:
        """Names, then units."""
        return (*self.names, *self.units)

    @property
    def quantity(self) -> Quantity | None:
        """What the names stand for together, else the one that is known: but a word more makes another dose."""
        told = meaning(self.names)
        known = {quantity for name in self.names if (quantity := meaning([name])) is not None}
        alone = known.pop() if len(known) == 1 else None
        return told or (alone if alone not in DOSES else None)


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    """The lines of the heading on the page, counted from 0, its columns, and words that span several of them."""

    first: int
    last: int
    columns: tuple[Heading, ...]
    spanning: tuple[Phrase, ...] = ()


def meaning(names: Sequence[Phrase]) -> Quantity | None:
    """What one or several words of a heading stand for."""
    words = " ".join(phrase.text for phrase in names)
    return vocabulary.heading(words) if words else None


def find_heading(page: Page, is_fixed: IsFixed) -> HeadingBlock | None:
    """The heading block; None where no line holds CTDIvol or DLP beside another known heading."""
    lines = page.lines
    known = [[vocabulary.heading(phrase.text) for phrase in line] for line in lines]
    scores = [sum(told is not None for told in line) if any(told in DOSES for told in line) else 0 for line in known]
    best = max(range(len(lines)), key=lambda index: scores[index], default=-1)
    if best < 0 or scores[best] < 2:
        return None
    first, last = _extent(page, lines, best, is_fixed)
    columns, spanning = _columns(lines[first : last + 1])
    return HeadingBlock(first, last, tuple(columns), tuple(spanning))


def _extent(page: Page, lines: Sequence[Line], best: int, is_fixed: IsFixed) -> tuple[int, int]:
    """The first and the last line: all between two rules that frame the best one, else all that belong to it."""
    framed = _frame(page, lines, best)
    if framed is not None:
        return framed
    first = last = best
    while first > 0 and _belongs(page, lines[first - 1], lines[best], lines[first], is_fixed):
        first -= 1
    while last + 1 < len(lines) and _belongs(page, lines[last + 1], lines[best], lines[last], is_fixed):
        last += 1
    return first, last


def _frame(page: Page, lines: Sequence[Line], best: int) -> tuple[int, int] | None:
    box, tall = layout.around([p.box for p in lines[best]]), _tall(lines[best])
    wide = [rule for rule in page.level if 2 * shared(rule, box) >= box.right - box.left]
    above = [rule.bottom for rule in wide if rule.bottom <= box.top]
    below = [rule.top for rule in wide if rule.top >= box.bottom]
    if not above or not below or min(below) - max(above) > TALLEST * tall:
        return None
    inside = [i for i, line in enumerate(lines) if max(above) <= line[0].box.top and line[0].box.bottom <= min(below)]
    return None if any(_has_number(lines[i]) for i in inside) else (inside[0], inside[-1])


def _tall(line: Line) -> int:
    return max(phrase.box.bottom - phrase.box.top for phrase in line)


def _has_number(line: Line) -> bool:
    return any(phrase.text == "-" or vocabulary.NUMBERS.match(phrase.text) for phrase in line)


def _belongs(page: Page, line: Line, best: Line, beside: Line, is_fixed: IsFixed) -> bool:
    """Is the line near, without a rule between, and made of units, of names' other halves, or of fixed words?"""
    upper, lower = sorted((line, beside), key=lambda one: one[0].box.top)
    top, bottom = max(p.box.bottom for p in upper), min(p.box.top for p in lower)
    if bottom - top > NEAR * _tall(best) or _has_number(line) or _is_ruled(page, top, bottom, best):
        return False
    if all(vocabulary.is_unit(phrase.text) or _completes(phrase, best) for phrase in line):
        return True
    named = [phrase for phrase in line if vocabulary.heading(phrase.text) or vocabulary.is_unit(phrase.text)]
    under = {id(other) for phrase in line for other in best if shared(phrase.box, other.box) > 0}
    # One line of several words that stand under as many headings: the heading's other line, if they are always there.
    return len(line) > 1 and len(under) >= len(line) and (2 * len(named) >= len(line) or all(map(is_fixed, line)))


def _is_ruled(page: Page, top: int, bottom: int, line: Line) -> bool:
    box = layout.around([p.box for p in line])
    return any(top - 2 <= rule.top <= bottom + 2 and shared(rule, box) > 0 for rule in page.level)


def _completes(phrase: Phrase, heading: Line) -> bool:
    others = [other for other in heading if shared(phrase.box, other.box) > 0]
    return any(meaning(pair) is not None for other in others for pair in ((phrase, other), (other, phrase)))


def _columns(lines: Sequence[Line]) -> tuple[list[Heading], list[Phrase]]:
    """Phrases of the heading lines that stand one above the other are one heading; what spans two of them is none."""
    stacks: list[list[Phrase]] = []
    spanning: list[Phrase] = []
    for number, line in enumerate(lines):
        for phrase in line:
            if any(_spans(phrase, below) for below in lines[number + 1 :]):
                spanning.append(phrase)
                continue
            over = [stack for stack in stacks if any(p not in line and shared(p.box, phrase.box) > 0 for p in stack)]
            below = [other for other_line in lines[number + 1 :] for other in other_line]
            together = next(iter(over), None) or _same_box(phrase, stacks, below) or _beside(phrase, line, stacks)
            if together is not None:
                together.append(phrase)
            else:
                stacks.append([phrase])
    return [_heading(stack) for stack in stacks], spanning


def _spans(phrase: Phrase, below: Line) -> bool:
    return sum(shared(phrase.box, other.box) > 0 for other in below) > 1


def _heading(stack: Sequence[Phrase]) -> Heading:
    if len(stack) == 1:
        return Heading(tuple(stack))
    units = tuple(phrase for phrase in stack if vocabulary.is_unit(phrase.text) and not _is_name(phrase, stack))
    return Heading(tuple(phrase for phrase in stack if phrase not in units), units)


def _is_name(phrase: Phrase, stack: Sequence[Phrase]) -> bool:
    """`kV` and `mAs` are units and names: names where they stand in a stack over or under another name."""
    known = vocabulary.heading(phrase.text)
    above = [other for other in stack if other is not phrase and other.box.top < phrase.box.top]
    return known is not None and (not above or meaning(above) not in (None, known))


def _same_box(phrase: Phrase, stacks: Sequence[list[Phrase]], below: Sequence[Phrase]) -> list[Phrase] | None:
    """The heading that the detector saw in one box with the phrase, where both are one name.

    Both make one word of the vocabulary, or one of them is not known and stands close: `Eff.` before `CTDIvol` makes
    another quantity of it. Not where something else stands under each of the two.
    """
    if vocabulary.is_unit(phrase.text):
        return None
    for stack in stacks:
        last = stack[-1]
        if last.part_of == phrase.part_of is not None:
            known = next((told for one in stack if (told := vocabulary.heading(one.text)) is not None), None)
            apart = [known, vocabulary.heading(phrase.text)]
            near = shared(last.box, phrase.box) >= -WORD_GAP * (phrase.box.bottom - phrase.box.top)
            under, own = ({id(p) for p in below if shared(p.box, one.box) > 0} for one in (last, phrase))
            if under and own and not under & own:
                continue
            if apart == [None, None] or (None in apart and near) or meaning((last, phrase)) is not None:
                return stack
    return None


def _beside(phrase: Phrase, line: Line, stacks: Sequence[list[Phrase]]) -> list[Phrase] | None:
    """The heading that a unit stands right behind, on the same line."""
    if not vocabulary.is_unit(phrase.text) or vocabulary.heading(phrase.text) is not None:
        return None
    before = [stack for stack in stacks if stack[-1] in line and stack[-1].box.right <= phrase.box.left]
    nearest = max(before, key=lambda stack: stack[-1].box.right, default=None)
    tall = phrase.box.bottom - phrase.box.top
    if nearest is None or phrase.box.left - nearest[-1].box.right > 2.5 * tall:
        return None
    return nearest


def by_line(headings: Sequence[Heading], lines: int) -> dict[int, list[Heading]]:
    """The headings of rows that take several lines, by the line of the row (from 0): each name of a stack is one."""
    tops = _tops([name for heading in headings for name in heading.names])
    found: dict[int, list[Heading]] = {line: [] for line in range(lines)}
    for heading in headings:
        for number, names in enumerate(_parts(heading, lines)):
            # Where the heading has as many lines as a row, a name tells the values of its own line.
            own = sum(top <= names[0].box.top for top in tops) - 1 if len(tops) == lines else number
            units = [u for u in heading.units if _nearest(u, heading.names) in names]
            found[own].append(Heading(tuple(names), tuple(units)))
    return found


def _tops(names: Sequence[Phrase]) -> list[int]:
    """The tops of the heading's lines."""
    tops: list[int] = []
    for name in sorted(names, key=lambda phrase: phrase.box.top):
        if not tops or name.box.top - tops[-1] > 0.7 * (name.box.bottom - name.box.top):
            tops.append(name.box.top)
    return tops


def _parts(heading: Heading, lines: int) -> list[list[Phrase]]:
    """The names of a stack, one a line; names of one line stay together, and so do those that are one word."""
    rows: list[list[Phrase]] = []
    for name in heading.names:
        if rows and (abs(rows[-1][0].box.top - name.box.top) < 6 or len(rows) == lines):
            rows[-1].append(name)
        else:
            rows.append([name])
    return rows


def _nearest(unit: Phrase, names: Sequence[Phrase]) -> Phrase:
    """The name that the unit stands under or behind."""
    before = [name for name in names if name.box.top <= unit.box.top + 4] or list(names)
    return max(before, key=lambda name: (name.box.top, name.box.left))
