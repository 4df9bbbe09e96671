"""Totals of dose on a page that no template knows: a label, a number behind it, and the unit.

Knows phrases and the vocabulary; must not know the table or templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ocr_service.author import vocabulary
from ocr_service.author.phrases import Line, Phrase
from ocr_service.dose.quantities import Quantity

_ENDS_WITH_NUMBER = re.compile(r"\d+(?:\.\d+)? ?(?:mGy.{0,4})?$", re.IGNORECASE)
UNIT_GAP = 2.5  # letter heights between a number and its unit


@dataclass(frozen=True, slots=True)
class Total:
    """A total DLP: the phrases of its label that say so, its number, the unit behind it, and what else stands there.

    No label where one phrase holds both: then nothing parts label and number, and `number` is the whole phrase.
    """

    quantity: Quantity
    label: tuple[Phrase, ...]
    number: Phrase
    unit: Phrase | None
    below: bool
    beside: tuple[Phrase, ...] = ()

    @property
    def anchor(self) -> Phrase:
        """The word of the label that stands nearest to the number."""
        return self.label[-1] if self.label else self.number


def totals_of(line: Line, *, below: bool) -> list[Total]:
    """Each total DLP of the line."""
    found = []
    for words, number, behind in _segments(line):
        text = " ".join(phrase.text for phrase in (*words, number))
        if not (vocabulary.is_total(text) or (vocabulary.says_dlp(text) and not below)):
            continue
        says = [p for p in words if vocabulary.says_dlp(p.text) or vocabulary.is_total(p.text)]
        unit = behind[0] if behind and _is_unit_of(number, behind[0]) else None
        rest = [p for p in (*words, *behind) if p not in says and p is not unit]
        if says or _holds_both(number):
            found.append(Total(_quantity(text), tuple(says), number, unit, below, tuple(rest)))
    return found


def _segments(line: Line) -> Iterator[tuple[list[Phrase], Phrase, list[Phrase]]]:
    """The line cut behind each number: the words before it, the number, and what stands behind the line's last one."""
    words: list[Phrase] = []
    parts: list[tuple[list[Phrase], Phrase]] = []
    for phrase in line:
        if vocabulary.NUMBERS.match(phrase.text) or _holds_both(phrase):
            parts.append((words, phrase))
            words = []
        else:
            words.append(phrase)
    for index, (before, number) in enumerate(parts):
        following = parts[index + 1][0] if index + 1 < len(parts) else words
        if index and before and _is_unit_of(parts[index - 1][1], before[0]):
            before = before[1:]
        yield before, number, following if index + 1 == len(parts) else following[:1]


def _holds_both(phrase: Phrase) -> bool:
    """Does the phrase say a total and end with its number?"""
    says = vocabulary.is_total(phrase.text) or vocabulary.says_dlp(phrase.text)
    return says and _ENDS_WITH_NUMBER.search(phrase.text) is not None


def _is_unit_of(number: Phrase, behind: Phrase) -> bool:
    tall = number.box.bottom - number.box.top
    return vocabulary.is_unit(behind.text) and 0 <= behind.box.left - number.box.right <= UNIT_GAP * tall


def _quantity(text: str) -> Quantity:
    """Which total: of one phantom where the words name it."""
    phantom = vocabulary.phantom(text) if not vocabulary.says_both_phantoms(text) else None
    by_phantom = {"head": Quantity.DLP_TOTAL_HEAD, "body": Quantity.DLP_TOTAL_BODY}
    return by_phantom.get(phantom or "", Quantity.DLP_TOTAL)


def best(totals: Sequence[Total]) -> dict[Quantity, Total]:
    """One total a quantity: of several the one that says DLP."""
    kept: dict[Quantity, Total] = {}
    for total in totals:
        old = kept.get(total.quantity)
        if old is None or (_says(total) and not _says(old)):
            kept[total.quantity] = total
    return kept


def _says(total: Total) -> bool:
    return any(vocabulary.says_dlp(phrase.text) for phrase in (*total.label, total.number))
