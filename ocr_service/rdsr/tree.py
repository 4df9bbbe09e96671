"""The content tree of somebody's structured report, read with care.

Knows value types and code sequences as they are met in the wild (SRT beside SCT, units spelled in two ways,
sequences without items); must not know templates or dose.

Whatever a broken document makes pydicom raise leaves this module as BrokenObject.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Final

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from ocr_service.dose.report import CodedConcept
from ocr_service.errors import BrokenObject

# Named one by one: bytes that end too early, values of another kind, text in no known letters, endless nesting.
_MALFORMED: Final = (
    InvalidDicomError,
    AttributeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    OSError,
    NotImplementedError,
    RecursionError,
    struct.error,
)


@contextmanager
def malformed_is_broken() -> Iterator[None]:
    """Turn what a malformed data set raises into BrokenObject; the text names the kind, never a value."""
    try:
        yield
    except BrokenObject:
        raise
    except _MALFORMED as error:
        raise BrokenObject(f"the structured report is malformed ({type(error).__name__})") from error


def text_of(ds: Dataset, keyword: str) -> str:
    """The element as text without padding; "" where it is absent or empty, values joined by a backslash."""
    value = ds.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part) for part in values).strip(" \x00")


def first_item(ds: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence; None where there is none."""
    sequence = ds.get(keyword)
    if not sequence:
        return None
    item = sequence[0]
    if not isinstance(item, Dataset):
        raise TypeError(f"{keyword} is no sequence")
    return item


def concept_of(ds: Dataset, keyword: str) -> CodedConcept | None:
    """The code in a code sequence; None where it has no item or the item no value."""
    item = first_item(ds, keyword)
    if item is None:
        return None
    value = next((text for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if (text := text_of(item, name))), "")
    if not value:
        return None
    return CodedConcept(value, text_of(item, "CodingSchemeDesignator"), text_of(item, "CodeMeaning"))


class Node:
    """One content item and those below it, looked through once."""

    def __init__(self, ds: Dataset) -> None:
        self._ds = ds
        self._by_name: dict[tuple[str, str], list[Node]] | None = None

    def all(self, name: CodedConcept) -> list[Node]:
        """The items directly below with this concept name (code value and scheme), in their order."""
        if self._by_name is None:
            self._by_name = {}
            for item in self._ds.get("ContentSequence") or ():
                theirs = concept_of(item, "ConceptNameCodeSequence")
                if theirs is not None:
                    self._by_name.setdefault((theirs.value, theirs.scheme), []).append(Node(item))
        return self._by_name.get((name.value, name.scheme), [])

    def find(self, *path: CodedConcept) -> Node | None:
        """The first item at the end of the path, one concept a level."""
        node: Node | None = self
        for name in path:
            if node is None:
                return None
            node = next(iter(node.all(name)), None)
        return node

    def text(self, *path: CodedConcept) -> str:
        """The value of the TEXT, UIDREF, DATETIME or PNAME item at the end of the path; "" where none is."""
        node = self.find(*path)
        if node is None:
            return ""
        for keyword in ("TextValue", "UID", "DateTime", "PersonName"):
            if text := text_of(node._ds, keyword):
                return text
        return ""

    def code(self, *path: CodedConcept) -> CodedConcept | None:
        """The value of the CODE item at the end of the path."""
        node = self.find(*path)
        return None if node is None else node.value_code()

    def value_code(self) -> CodedConcept | None:
        """The value of this CODE item."""
        return concept_of(self._ds, "ConceptCodeSequence")

    def number(self, unit: CodedConcept, *path: CodedConcept) -> str | None:
        """The decimal string of the NUM item at the end of the path; None where it is absent or unknown.

        Raises ValueError for a value that is no single finite number, or stands in another unit.
        """
        node = self.find(*path)
        measured = None if node is None else first_item(node._ds, "MeasuredValueSequence")
        if measured is None:
            return None
        text = text_of(measured, "NumericValue")
        if not text:
            return None
        try:
            finite = Decimal(text).is_finite()
        except InvalidOperation:
            finite = False
        if not finite:
            raise ValueError("a numeric value is no number")
        theirs = concept_of(measured, "MeasurementUnitsCodeSequence")
        if theirs is not None and _folded(theirs.value) != _folded(unit.value):
            raise ValueError("a numeric value stands in an unexpected unit")
        return text


def _folded(unit: str) -> str:
    """Siemens and GE write mGycm for mGy.cm and leave out the braces of annotations."""
    return "".join(letter for letter in unit if letter.isalnum() or letter == "%").lower()
