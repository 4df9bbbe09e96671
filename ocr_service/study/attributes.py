"""One attribute of a header -> text, number, moment, UID or code; or nothing, where it is not of its kind.

Knows value representations (PS3.5 6.2) and what pydicom raises on bytes that lie; must not know what an
attribute means for dose. Nothing here raises: headers come from anywhere, and one broken element says nothing.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

MOST_ITEMS = 1000  # of a sequence
MOST_TEXT = 1024  # letters of a value
# Everything pydicom is known to raise where bytes are not what they claim to be.
_FOREIGN = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RuntimeError, TypeError,
    ValueError, struct.error, BytesLengthException, InvalidDicomError,
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UID = re.compile(r"\d+(?:\.\d+)+")
_DT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6}))?(?:[+-]\d{4})?")
_LARGEST, _SMALLEST = 9, -12  # decimal exponents: no quantity of a CT header lies beyond

Key = str | int | tuple[int, int]


def element(ds: Dataset, key: Key) -> DataElement | None:
    """The element, converted; None where it is absent or cannot be converted."""
    try:
        tag = _tag(key)
        if tag not in ds:
            return None
        stored = ds.get_item(tag)
        if isinstance(stored, DataElement):
            return stored
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ds[tag]
    except _FOREIGN:
        return None


@lru_cache(maxsize=4096)
def _tag(key: Key) -> BaseTag:
    return Tag(key)


def has(ds: Dataset, key: Key) -> bool:
    """Is the element there, whatever its value?"""
    return _tag(key) in ds


def text(ds: Dataset, key: Key, most: int = MOST_TEXT) -> str:
    """The value as text without control characters and outer blanks, cut at `most`; "" where it is absent."""
    found = element(ds, key)
    return "" if found is None else " ".join(as_text(found, most).split())


def words(ds: Dataset, key: Key) -> tuple[str, ...]:
    """The values of a multiple text, in upper case."""
    found = element(ds, key)
    return () if found is None else tuple(word.strip().upper() for word in as_text(found, MOST_TEXT).split("\\"))


def as_text(found: DataElement, most: int) -> str:
    """The element's value as text with its lines; bytes of an unknown kind are read as Latin 1."""
    value = found.value
    try:
        if value is None or found.VR == "SQ":
            return ""
        if isinstance(value, bytes | bytearray):
            told = bytes(value[:most]).decode("latin-1")
        elif isinstance(value, MultiValue):
            told = "\\".join(str(one) for one in islice(value, 64))
        else:
            told = str(value)
    except _FOREIGN:
        return ""
    return _CONTROL.sub(" ", told[:most]).strip()


def decimal(ds: Dataset, key: Key) -> Decimal | None:
    """The number, as short as it can be written (never a binary tail); None where it is none or absurd."""
    found = element(ds, key)
    return None if found is None else as_decimal(found)


def as_decimal(found: DataElement) -> Decimal | None:
    """The element's one number; several values are one only where they are equal."""
    value = found.value
    if found.VR == "SQ":
        return None
    if isinstance(value, MultiValue):
        several = {number(one, found.VR) for one in islice(value, 64)}
        return several.pop() if len(several) == 1 else None
    return number(value, found.VR)


def number(value: object, vr: str = "") -> Decimal | None:
    """A value of any representation as a number, or None."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, bytes | bytearray):
        value = bytes(value[:64]).decode("latin-1").strip("\x00 ")
    told = _shortest(value) if vr == "FL" and isinstance(value, float) else str(value).strip()
    if not told or len(told) > 64:
        return None
    try:
        exact = Decimal(told)
    except InvalidOperation:
        return None
    if not exact.is_finite():
        return None
    if exact and not _SMALLEST <= exact.adjusted() <= _LARGEST:
        return None
    return exact if exact else Decimal(0)


def _shortest(value: float) -> str:
    """The fewest digits that give the same single-precision number."""
    for digits in range(1, 10):
        told = f"{value:.{digits}g}"
        if struct.pack("f", float(told)) == struct.pack("f", value):
            return told
    return repr(value)


def positive(ds: Dataset, key: Key) -> Decimal | None:
    """A number above zero, or None."""
    found = decimal(ds, key)
    return found if found is not None and found > 0 else None


def numbers(ds: Dataset, key: Key, count: int) -> tuple[Decimal, ...] | None:
    """Exactly `count` numbers, or None."""
    found = element(ds, key)
    if found is None or not isinstance(found.value, MultiValue) or len(found.value) != count:
        return None
    several = [number(one, found.VR) for one in found.value]
    return tuple(one for one in several if one is not None) if None not in several else None


def uid(ds: Dataset, key: Key) -> str | None:
    """A UID that is one, else None."""
    told = text(ds, key)
    return told if len(told) <= 64 and _UID.fullmatch(told) else None


def items(ds: Dataset, key: Key, most: int = MOST_ITEMS) -> Sequence[Dataset]:
    """The items of a sequence, at most `most`; none where it is no sequence."""
    found = element(ds, key)
    if found is None or found.VR != "SQ" or found.value is None:
        return ()
    try:
        return tuple(item for item in islice(found.value, most) if isinstance(item, Dataset))
    except _FOREIGN:
        return ()


def private(ds: Dataset, group: int, creator: str, offset: int) -> DataElement | None:
    """The element (group,xx`offset`) of the block that `creator` has reserved (PS3.5 7.8.1), else None."""
    first = group << 16
    for tag in [int(tag) for tag in ds.keys()]:  # noqa: SIM118 (a data set iterates over converted elements)
        if first | 0x10 <= tag <= first | 0xFF and text(ds, tag).upper() == creator.upper():
            return element(ds, first | (tag & 0xFF) << 8 | offset)
    return None


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a header states it: DT as told (local time of the console), and for comparison."""

    told: str
    at: datetime

    def later(self, seconds: Decimal) -> Moment:
        """The moment so many seconds later, as DT in milliseconds; itself where that is beyond all years."""
        try:
            at = self.at + timedelta(microseconds=int(seconds * 1_000_000))
        except OverflowError:
            return self
        offset = re.search(r"[+-]\d{4}$", self.told)
        told = f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03d}"
        return Moment(told + (offset.group() if offset else ""), at)


def moment(told: str) -> Moment | None:
    """A DT with its seconds, else None."""
    match = _DT.fullmatch(told.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))  # noqa: DTZ001 (local time)
        at = at.replace(microsecond=int((fraction or "0").ljust(6, "0")))
    except ValueError:
        return None
    return Moment(told.strip(), at)


def moment_of(ds: Dataset, moment_key: Key, date_key: Key, time_key: Key) -> Moment | None:
    """A date and time from one attribute, else from two."""
    whole = moment(text(ds, moment_key))
    if whole is not None:
        return whole
    return moment(text(ds, date_key).replace(".", "") + text(ds, time_key).replace(":", ""))
