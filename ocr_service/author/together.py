"""What several screens of one layout show together: which words are fixed, how far they move, what may be empty.

Knows tables of pages; must not know the template language. All places are those of the screen with most columns: the
others are moved until their heading of DLP stands where its does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pydicom import Dataset

from ocr_service.author.phrases import Phrase
from ocr_service.author.tables import Column, Table
from ocr_service.author.totals import Total
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.screen.words import fold_label
from ocr_service.templates.wording import fold

FAR = 40  # px: the same words further away are others
STEADY = 3  # px: what moves less stands still
PERSONAL = ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthDate", "AccessionNumber", "StudyID")
SHORTEST_NAME = 3  # letters: shorter ones stand in too many other words
FOOT = 5  # letter heights below the table: on a single screen, what stands further down is at the page's foot


@dataclass(frozen=True, slots=True)
class Drafted:
    """One screen of a draft: the name of its file, its header, its table, its size."""

    name: str
    header: Dataset
    table: Table
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """Words that stand on the screens: each spelling as read, where they stand, how far they move, and if always."""

    words: tuple[str, ...]
    box: Box
    moves: int = 0
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class Foot:
    """A phrase below the table. fixed: same words; still: same place, however many rows stand above."""

    texts: tuple[str, ...]
    box: Box
    fixed: bool
    still: bool


@dataclass(frozen=True, slots=True)
class TotalPlace:
    """A total on all screens that have it: its label, its numbers each with its unit, moved to the label of the first.

    A unit is None where none was printed, or none in a phrase of its own.
    """

    total: Total
    label: tuple[Fixed, ...]
    values: tuple[tuple[Phrase, Phrase | None], ...]
    everywhere: bool

    @property
    def numbers(self) -> tuple[Phrase, ...]:
        """The phrases of the numbers."""
        return tuple(number for number, _ in self.values)

    @property
    def units(self) -> tuple[Phrase, ...]:
        """The units that are phrases of their own."""
        return tuple(unit for _, unit in self.values if unit is not None)

    @property
    def unit_stands(self) -> bool:
        """Does the unit stand at one place, whatever the number's width? Then it is no part of the number's area."""
        lefts = [unit.box.left for unit in self.units]
        unlike = len({len(number.text) for number in self.numbers}) > 1
        return len(lefts) == len(self.values) and max(lefts) - min(lefts) <= STEADY and unlike

    @property
    def texts(self) -> list[str]:
        """What stands in the number's area on each screen."""
        parts = [(n,) if u is None or self.unit_stands else (n, u) for n, u in self.values]
        return [" ".join(phrase.text for phrase in several) for several in parts]


class Together:
    """The screens of a draft, seen as one. ValueError for no screen."""

    def __init__(self, screens: Sequence[Drafted]) -> None:
        self.screens = tuple(screens)
        self.first = max(screens, key=lambda screen: len(screen.table.columns))
        self.others = tuple(screen for screen in screens if screen is not self.first)
        self.columns = tuple(self._merged(column) for column in self.first.table.columns)

    @property
    def base(self) -> Box:
        """Where the heading stands on the first screen that all places are measured from."""
        return self.first.table.base

    @property
    def bases(self) -> list[Box]:
        """The same on each screen, not moved."""
        return [screen.table.base for screen in self.screens]

    def _shift(self, screen: Drafted) -> tuple[int, int]:
        return self.base.left - screen.table.base.left, self.base.top - screen.table.base.top

    def _merged(self, column: Column) -> Column:
        """The column with the cells of the same column on the other screens."""
        cells = list(column.cells)
        for screen in self.others:
            same = _same_column(column, screen.table.columns)
            for cell in same.cells if same is not None else ():
                cells.append(tuple(moved(phrase, self._shift(screen)) for phrase in cell))
        return Column(column.heading, column.quantity, cells, column.line)

    def heading(self, column: Column, index: int) -> Fixed:
        """A part of the column's heading on all screens."""

        def parts(screen: Drafted) -> Sequence[Phrase]:
            same = _same_column(column, screen.table.columns)
            # A word that is read otherwise on another screen is another spelling of the same heading.
            return same.heading[index : index + 1] if same is not None else ()

        return self._followed(column.heading[index], parts, any_words=True)

    def fixed(self, phrase: Phrase, among: Callable[[Drafted], Sequence[Phrase]]) -> Fixed:
        """The phrase of the first screen, followed over the phrases of the others that say the same."""
        return self._followed(phrase, among)

    def _followed(
        self, phrase: Phrase, among: Callable[[Drafted], Sequence[Phrase]], *, any_words: bool = False
    ) -> Fixed:
        words, moves, everywhere = [phrase.text], 0, True
        for screen in self.others:
            near = [moved(other, self._shift(screen)) for other in among(screen)]
            same = [p for p in near if any_words or fold_label(p.text) == fold_label(phrase.text)]
            same = [p for p in same if _apart(p.box, phrase.box) <= FAR]
            if not same:
                everywhere = False
                continue
            nearest = min(same, key=lambda p: _apart(p.box, phrase.box))
            words.append(nearest.text)
            moves = max(moves, _apart(nearest.box, phrase.box))
        return Fixed(tuple(dict.fromkeys(words)), phrase.box, moves, everywhere)

    def totals(self) -> Iterator[TotalPlace]:
        """Each total that a screen prints, the labels moved on each other."""
        quantities = dict.fromkeys(total.quantity for screen in self.screens for total in screen.table.totals)
        for quantity in quantities:
            found = [(s, t) for s in self.screens for t in s.table.totals if t.quantity is quantity]
            screen, total = next(((s, t) for s, t in found if s is self.first), found[0])
            alike = [(s, t) for s, t in found if len(t.label) == len(total.label) and t.below == total.below]
            everywhere = len(alike) == len(self.screens)
            shifts = [_between(t.anchor.box, total.anchor.box) for _, t in alike]
            away = self._shift(screen)
            label = tuple(
                Fixed(
                    tuple(dict.fromkeys(t.label[i].text for _, t in alike)),
                    moved(total.label[i], away).box,
                    max(
                        _apart(moved(t.label[i], self._shift(s)).box, moved(total.label[i], away).box) for s, t in alike
                    ),
                    everywhere,
                )
                for i in range(len(total.label))
            )
            values = tuple(
                (moved(moved(t.number, by), away), moved(moved(t.unit, by), away) if t.unit is not None else None)
                for (_, t), by in zip(alike, shifts, strict=True)
            )
            yield TotalPlace(total, label, values, everywhere)

    def feet(self) -> list[Foot]:
        """What stands below the table, phrase by phrase."""
        groups: dict[tuple[str, int], list[tuple[Drafted, Phrase]]] = {}
        for screen in self.screens:
            for phrase in (p for line in screen.table.tail for p in line):
                place = moved(phrase, self._shift(screen))
                shape = fold_label(re.sub(r"\d+", "7", phrase.text))
                key = next((k for k in groups if k[0] == shape and abs(k[1] - place.box.left) <= FAR), None)
                groups.setdefault(key or (shape, place.box.left), []).append((screen, place))
        return [self._foot(members) for members in groups.values()]

    def _foot(self, members: Sequence[tuple[Drafted, Phrase]]) -> Foot:
        tops = [phrase.box.top for _, phrase in members]
        ends = [screen.table.bottom + self._shift(screen)[1] for screen, _ in members]
        still = max(tops) - min(tops) <= STEADY
        if max(ends) - min(ends) <= STEADY:  # as many rows on each: only the distance tells
            box = members[0][1].box
            still = still and box.top - max(ends) > FOOT * (box.bottom - box.top)
        texts = tuple(dict.fromkeys(phrase.text for _, phrase in members))
        fixed = len({fold_label(text) for text in texts}) == 1 and not any(map(self.is_personal, texts))
        return Foot(texts, min((phrase.box for _, phrase in members), key=lambda box: box.top), fixed, still)

    def texts(self) -> list[str]:
        """The lines between the rows that state no event, each once."""
        told = dict.fromkeys(phrase.text for screen in self.screens for phrase in screen.table.texts)
        return [text for text in told if not self.is_personal(text)]

    def also(self) -> list[str]:
        """Words in the heading and beside the totals that are no heading and no label, each once."""
        told = dict.fromkeys(phrase.text for screen in self.screens for phrase in screen.table.also)
        return [text for text in told if not self.is_personal(text)]

    @property
    def title(self) -> Phrase | None:
        """The title of the first screen; none where it names the patient."""
        title = self.first.table.title
        return title if title is not None and not self.is_personal(title.text) else None

    def is_personal(self, text: str) -> bool:
        """Does the text say anything that a header states of its patient? No template may repeat that."""
        told = fold(text)
        return any(word in told for screen in self.screens for word in _personal(screen.header))

    def column(self, quantity: Quantity) -> Column | None:
        """The column of a quantity, with the cells of all screens."""
        return next((column for column in self.columns if column.quantity is quantity), None)


def _personal(header: Dataset) -> Iterator[str]:
    for keyword in PERSONAL:
        for word in re.split(r"[\^=\s]+", str(header.get(keyword, "") or "")):
            if len(word) >= SHORTEST_NAME:
                yield fold(word)


def _same_column(column: Column, others: Sequence[Column]) -> Column | None:
    """The column of another screen with the same heading, else the one without a heading that states the same."""
    words = [fold_label(phrase.text) for phrase in column.heading]
    for other in others:
        if other.line != column.line or bool(other.heading) != bool(column.heading):
            continue
        if [fold_label(phrase.text) for phrase in other.heading] == words and (words or _alike(other, column)):
            return other
    same = [o for o in others if o.line == column.line and o.quantity is column.quantity is not None and o.heading]
    return same[0] if len(same) == 1 and column.heading else None


def _alike(one: Column, other: Column) -> bool:
    return one.quantity is other.quantity


def moved(phrase: Phrase, by: tuple[int, int]) -> Phrase:
    """The phrase elsewhere, never left of the page or above it."""
    box, (right, down) = phrase.box, by
    left, top = max(0, box.left + right), max(0, box.top + down)
    to = Box(left, top, max(left, box.right + right), max(top, box.bottom + down))
    return replace(phrase, box=to, part_of=None)


def _between(one: Box, other: Box) -> tuple[int, int]:
    return other.left - one.left, other.top - one.top


def _apart(one: Box, other: Box) -> int:
    return max(abs(one.left - other.left), abs(one.top - other.top))
