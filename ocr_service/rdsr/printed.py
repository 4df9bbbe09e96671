"""What a page prints, as values of DICOM text: a number as it stood there, a text in one line.

Knows value representations (PS3.5); must not know content items or what a value means. Pure.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

LONGEST_DS: Final = 16  # PS3.5, table 6.2-1
_PLAIN = re.compile(r"\d+(\.\d+)?|\.\d+")
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f]+")


def decimal_string(value: Decimal, printed: str = "") -> str:
    """Write a number as a DICOM decimal string, as printed where the print is one.

    Raises ValueError for what is no number or has more than 16 digits before its point.
    """
    if not value.is_finite():
        raise ValueError(f"not a number: {value}")
    if len(printed) <= LONGEST_DS and _PLAIN.fullmatch(printed) and Decimal(printed) == value:
        return printed
    text = format(value, "f")
    places = LONGEST_DS
    while len(text) > LONGEST_DS:
        if places < 0:
            raise ValueError(f"too long for a decimal string: {text}")
        text = format(value, f".{places}f")
        places -= 1
    return text


def one_line(text: str) -> str:
    """The text without control characters, line breaks and space at its ends."""
    return " ".join(_NOT_PRINTED.sub(" ", text).split())
