"""Texts of one column -> type, unit, pattern and blank of the template language.

Knows texts and the vocabulary; must not know where anything stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocr_service.author import vocabulary
from ocr_service.author.tables import Column
from ocr_service.dose.quantities import Quantity

MARKER = r"\d{1,2} ?/ ?\d{1,2}"
_SIDED = re.compile(r"[SI]\d{1,4}\.\d{3}-[SI]\d{1,4}\.\d{3}")  # S or I before each position
_NEARLY_SIDED = re.compile(_SIDED.pattern.replace("[SI]", "[SI1l|$]")).fullmatch  # as engines confuse the sides


def quoted(text: str) -> str:
    """The text as a YAML scalar in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def kind(quantity: Quantity, column: Column) -> Iterator[str]:
    """Type, unit, pattern, blank and choices of the column, by what stands in it on all screens."""
    texts = column.texts
    known = {
        Quantity.ACQUISITION_TYPE: ("types", vocabulary.acquisition_type),
        Quantity.PHANTOM: ("phantoms", vocabulary.phantom),
    }.get(quantity)
    if known is not None and any(known[1](text) for text in texts):
        yield "type: choice"
        yield f"choices: {known[0]}"
    elif known is not None or not texts or not all(map(_is_number, texts)):
        yield "type: text"
        if quantity is Quantity.SERIES_NUMBER and texts and all(re.fullmatch("[A-Z]", text) for text in texts):
            yield "pattern: '[A-Z]'"
        if quantity is Quantity.SCANNING_RANGE and any(map(_SIDED.fullmatch, texts)) and all(map(_NEARLY_SIDED, texts)):
            yield f"pattern: {quoted(_SIDED.pattern)}"
    else:
        unit = quantity.unit
        is_whole = not any("." in text for text in texts) and unit is None
        yield f"type: {'integer' if is_whole else 'decimal'}"
        if unit is not None:
            yield f"unit: {unit}"
        yield f"pattern: {quoted(number_pattern(texts))}"
    blanks = {(False, True): "empty", (True, False): "dash", (True, True): "either"}
    blank = blanks.get((column.has_dashes, column.has_gaps))
    if blank is not None:
        yield f"blank: {blank}"


def _is_number(text: str) -> bool:
    """Is the text a number, with a unit or a letter behind it at most?"""
    before, _, behind = _parted("".join(text.split()))
    return not before and (vocabulary.is_unit(behind) or len(behind.strip("()*")) <= 1)


def number_pattern(texts: Sequence[str]) -> str:
    """A pattern for numbers like these, blanks removed; letters around the number are kept as they are."""
    parts = [_parted("".join(text.split())) for text in texts]
    places = {len(number.partition(".")[2]) for _, number, _ in parts}
    fewest, most = min(places), max(places)
    number = r"\d{1,5}"
    if most:
        several = f"{{{fewest},{most}}}" if 0 < fewest < most else f"{{{most}}}" if most > 1 else ""
        counted = rf"\.\d{several}"
        number += counted if fewest else f"(?:{counted})?"
    around = {(before, after) for before, _, after in parts}
    if around == {("", "")}:
        return number
    if len(around) == 1:
        before, after = around.pop()
        return f"{_letters(before)}(?P<value>{number}){_letters(after)}"
    return f"(?P<value>{number})[^0-9]{{0,12}}"


def _letters(text: str) -> str:
    """Letters around a number, as engines may read them: signs between letters are read in many ways, or not at all."""
    if text in ("s", "S"):
        return "[sS]"  # a lonely s is read as either
    pieces = re.findall(r"[^\W\d_]+|[^A-Za-z]+?", text)
    return "".join(re.escape(piece) if piece.isalpha() else f"(?:{re.escape(piece)})?" for piece in pieces)


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before the last number of the text, the number, and what stands behind it."""
    match = next(reversed(list(vocabulary.NUMBERS.finditer(text))), None)
    return (text, "", "") if match is None else (text[: match.start()], match[0], text[match.end() :])


def value_of(text: str) -> str:
    """The number of a text that holds one; else the text."""
    return _parted("".join(text.split()))[1] or text


def has_letters_behind(column: Column) -> bool:
    """Does a single letter stand behind the numbers? It often names the phantom."""
    return any(re.fullmatch(r"[A-Z]|\([a-z]\)", _parted("".join(text.split()))[2]) for text in column.texts)


def line_pattern(text: str) -> str:
    """A pattern for lines like this one: numbers vary, blanks may be lost."""
    return re.sub(r"\d+", r"\\d+", re.escape(text).replace("\\ ", " ?"))


def may_be_a_row(text: str) -> bool:
    """Would the service take the line for a row, whatever a pattern says?"""
    return re.search(r"\d[.,]\d", text) is not None or len(re.findall(r"\d+", text)) > 1
