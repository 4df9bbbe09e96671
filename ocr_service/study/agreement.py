"""When does a stated number agree with a printed one?

Knows rounding and what may stand beside a number in a cell; must not know where either comes from. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation

FAR = Decimal("0.1")  # of the printed number: beyond it a difference is no rounding and no averaging
_PRINTED = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(\D*)")
_UNITS = {"", "mgy", "mgycm", "mgy*cm", "mgy.cm", "mgy-cm"}


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A cell's text taken apart: the number as printed, and the letter of a phantom beside it ("" where none)."""

    text: str
    mark: str

    @property
    def value(self) -> Decimal:
        """The number."""
        return Decimal(self.text)


def printed_number(text: str) -> PrintedNumber | None:
    """The one number of a cell's text, such as `71.37S`, `277.1mGy*cm` or `13.76(a)`; None where it is another text."""
    match = _PRINTED.fullmatch(text.strip())
    if match is None:
        return None
    beside = "".join(match[2].split())
    return PrintedNumber(match[1], "" if beside.casefold() in _UNITS else beside.strip("()[]"))


def equal_as_printed(printed: Decimal, stated: Decimal) -> bool:
    """Is the stated number the printed one after rounding to its precision, half up or half even?"""
    try:
        return any(_rounded(stated, printed, how) == printed for how in (ROUND_HALF_UP, ROUND_HALF_EVEN))
    except InvalidOperation:  # more digits than any dose has
        return False


def consistent(printed: Decimal, stated: Decimal) -> bool:
    """Could both be the same number, each rounded in its own way?"""
    return equal_as_printed(printed, stated) or equal_as_printed(stated, printed)


def far_apart(printed: Decimal, stated: Decimal) -> bool:
    """Do they differ by more than 10 % of the printed one?"""
    return abs(printed - stated) > FAR * printed


def decimals(number: Decimal) -> int:
    """How many digits stand after the point."""
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _rounded(number: Decimal, like: Decimal, how: str) -> Decimal:
    exponent = like.as_tuple().exponent
    assert isinstance(exponent, int)
    return number.quantize(Decimal(1).scaleb(exponent), rounding=how)
