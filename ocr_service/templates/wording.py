"""The smallest pieces of the template language: words, numbers, patterns, and how a complaint about them is made.

Knows pydantic and regular expressions; must not know layouts, files or lines.
"""

from __future__ import annotations

import math
import re
import unicodedata
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

_NUMBER = re.compile(r"-?\d{1,7}(?:\.\d{1,6})?", re.ASCII)
LONGEST_PATTERN = 500
MOST_REPEATS = 100_000  # nested counts multiply: even the test for the empty text would not end
LONGEST_WORD = 100  # no word of the language is longer, and looking for near ones takes its time
_ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Word = Annotated[str, StringConstraints(min_length=1)]
Words = Annotated[tuple[Word, ...], _ONE_OR_MORE]
SomeWords = Annotated[Words, Field(min_length=1)]


DRAWN_ALIKE = ("Il1", "Oo0")  # signs that fonts draw alike, the digit last
_READ_ALIKE = ("i|!", "")  # what engines take them for besides
ALIKE = str.maketrans(
    {sign: signs[-1] for signs, more in zip(DRAWN_ALIKE, _READ_ALIKE, strict=True) for sign in signs[:-1] + more}
)


@lru_cache(10_000)  # the words of the templates and of a run's pages come again and again
def fold(text: str) -> str:
    """A word of a cell for comparison: without blanks and case, with I, l, i, 1, | as one letter, O and 0 as one.

    Accents are left out and wide signs are plain ones: engines trained on English make something of every accent,
    those trained on Chinese write wide signs.
    """
    letters = unicodedata.normalize("NFKD", "".join(text.split()))
    return "".join(c for c in letters if not unicodedata.combining(c)).translate(ALIKE).casefold()


class Complaint(ValueError):
    """A complaint about a key below the model that makes it; the loader finds the key's line by the place."""

    def __init__(self, sentence: str, *place: str) -> None:
        super().__init__(sentence)
        self.place = place


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a complaint: the nearest valid word, where one is near."""
    near = get_close_matches(word, list(known), n=1) if len(word) <= LONGEST_WORD else []
    return f"; did you mean {near[0]}?" if near else ""


def allowance_text(text: str) -> str:
    """Let a number through that is not below zero; ValueError."""
    if decimal_text(text).startswith("-"):
        raise ValueError(f"{text!r} is below zero; an allowance is not")
    return text


def decimal_text(text: str) -> str:
    """Let a number written with a point through, as text; ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number; write one like 0.5")
    return text


Number = Annotated[str, AfterValidator(decimal_text)]
Allowance = Annotated[str, AfterValidator(allowance_text)]


class Model(BaseModel):
    """Strict and frozen: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, given: Any) -> Any:
        for key in given if isinstance(given, dict) else ():
            if key not in cls.model_fields:
                raise Complaint(f"there is no key {key!r} here{did_you_mean(str(key), cls.model_fields)}", str(key))
        return given


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that never fits the empty text; ValueError says what is wrong with it."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN} letters")
    if math.prod(int(count[:6]) for count in re.findall(r"\{([0-9]+)", pattern)) > MOST_REPEATS:
        raise ValueError(f"{pattern!r} repeats its parts too often")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of a set that it may read otherwise some day
            expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if expression.fullmatch(""):
        raise ValueError(f"{pattern!r} fits the empty text; say `blank` for a cell that may be empty")
    return expression


def unescaped_point(pattern: str) -> bool:
    """Does the pattern hold a ``.`` that is neither escaped nor in brackets?"""
    stripped = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
    return "." in stripped
