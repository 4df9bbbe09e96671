"""Text of a cell -> the one text it can mean, by its type and pattern.

Knows patterns, closed word lists and look-alike letters; must not know pixels or engines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

from ocr_service.templates.schema import Cell, ValueType
from ocr_service.templates.wording import ALIKE, DRAWN_ALIKE, fold

_DASHES = str.maketrans("\u2013\u2014\u2212\u2010\u2011", "-----")  # a console has one dash; an engine knows many
_LEADING_ZERO = re.compile(r"0\d")
MOST_LOOKALIKES = 3**6
_NUMBERS = (ValueType.INTEGER, ValueType.DECIMAL)


@lru_cache(10_000)
def fold_label(text: str) -> str:
    """A label for comparison: only its letters and digits, folded.

    Engines spell brackets, dots and dashes in many ways, and none of them makes another quantity or unit of a
    label. A label without any letter (`#`) is compared as it stands. Cells are compared with all their signs: there
    a stray one may be a part of something.
    """
    whole = fold(text)
    return "".join(letter for letter in whole if letter.isalnum()) or whole


@dataclass(frozen=True, slots=True)
class Meaning:
    """The parts of a cell's text: the value, and what else its pattern names."""

    value: str
    concept: str = ""  # of a choice, or of the group `phantom`
    parts: tuple[tuple[str, str], ...] = ()


def lookalikes(text: str) -> list[str]:
    """The text with each I, l and 1, O, o and 0 as any of its like; none where these are too many to tell.

    A font that draws two of them alike may know the shape by one of its names only.
    """
    signs = [next((alike for alike in DRAWN_ALIKE if sign in alike), sign) for sign in text]
    if prod(map(len, signs)) > MOST_LOOKALIKES:
        return []
    return ["".join(chosen) for chosen in product(*signs)]


def with_drawn_points(text: str, drawn: int) -> str:
    """Commas as points, where the page draws as many points as the text has of both.

    drawn: points counted on the page itself by their shape, which a comma does not have. Engines see a comma where a
    fixed pitch leaves a wide gap after the point.
    """
    return text.replace(",", ".") if text.count(",") + text.count(".") == drawn else text


def canonical(cell: Cell, choices: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    """The text in its only spelling, or None where it does not fit the cell's type and pattern."""
    if cell.type is ValueType.CHOICE:
        return _word(choices, text)
    text = text.translate(_DASHES)
    bare = " ".join(text.split()) if cell.type is ValueType.TEXT else "".join(text.split())
    match = cell.expression.fullmatch(bare)
    if match is not None and cell.type is ValueType.DECIMAL and _LEADING_ZERO.match(bare):
        return None  # no console prints 0070: its point is lost
    if match is None:
        return _range(cell, bare)
    if match.groupdict().get("beside"):
        start, end = match.span("beside")
        return canonical(cell, choices, bare[:start] + bare[end:])
    if match.groupdict().get("phantom") is None:
        return bare
    word = _word(choices, match["phantom"])
    start, end = match.span("phantom")
    return None if word is None else f"{bare[:start]}{word}{bare[end:]}"


def _range(cell: Cell, bare: str) -> str | None:
    """A scanning range prints its side, S or I, before each position: look-alikes of the two are folded there only."""
    if cell.type is not ValueType.TEXT or "[SI]" not in (cell.pattern or ""):
        return None
    unfolded = re.sub(r"(^|-)[1l|i](?=\d)", r"\1I", bare.replace(" ", ""))
    unfolded = re.sub(r"(^|-)[$s](?=\d)", r"\1S", unfolded)
    return unfolded if cell.expression.fullmatch(unfolded) else None


def _word(choices: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    folded = fold(text)
    found = {word for words in choices.values() for word in words if fold(word) == folded}
    return min(found) if found else None


def concept_of(choices: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    """The concept whose word the text is; None where it is none or several."""
    folded = fold(text)
    found = {concept for concept, words in choices.items() if any(fold(word) == folded for word in words)}
    return found.pop() if len(found) == 1 else None


def repaired(cell: Cell, text: str) -> str | None:
    """A number mended by look-alike letters, where that gives a fitting text: a reading, never a witness."""
    if cell.type not in _NUMBERS:
        return None
    mended = "".join(text.split()).translate(ALIKE)
    return mended if cell.expression.fullmatch(mended) else None


def meaning(cell: Cell, choices: Mapping[str, tuple[str, ...]], text: str) -> Meaning:
    """Take a canonical text apart. ValueError where it is not canonical."""
    if cell.type is ValueType.CHOICE:
        return Meaning(text, concept_of(choices, text) or "")
    match = cell.expression.fullmatch(text)
    if match is None:
        raise ValueError(f"not in canonical form: {text!r}")
    named = {k: v for k, v in match.groupdict().items() if v is not None}
    value = named.pop("value", text)
    concept = concept_of(choices, named["phantom"]) if "phantom" in named else None
    return Meaning(value, concept or "", tuple(sorted(named.items())))
