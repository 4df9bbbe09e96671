"""Content items of a structured report (PS3.3 C.17.3), as data sets.

Knows value types and relationships; must not know templates, dose, or what an item means.

The numbers stand as they were printed: Numeric Value is a decimal string and no Floating Point Value is
beside it, which would say more than the page did. A number nobody told is an empty Measured Value Sequence with
its reason (CID 42). highdicom's items can write neither, and read back no empty one, so that these are plain
data sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Literal

from pydicom.dataset import Dataset

from ocr_service.dose.report import CodedConcept
from ocr_service.rdsr.codes import VALUE_UNKNOWN

Relation = Literal["CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES"]

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


class ContentItems:
    """Makes the content items of one document; items with the same code share its data set.

    state_unknown: does a container hold the numbers that nobody told?
    """

    def __init__(self, *, state_unknown: bool = True) -> None:
        self._state_unknown = state_unknown
        self.texts: list[str] = []  # all text written, for whoever chooses the character set
        self._codes: dict[CodedConcept, Dataset] = {}

    def coded(self, concept: CodedConcept) -> Dataset:
        """One item of a code sequence (PS3.3, table 8.8-1)."""
        if concept not in self._codes:
            item = Dataset()
            item.CodeValue = concept.value
            item.CodingSchemeDesignator = concept.scheme
            item.CodeMeaning = concept.meaning
            self.texts.append(concept.meaning)
            self._codes[concept] = item
        return self._codes[concept]

    def _item(self, value_type: str, relation: Relation, name: CodedConcept) -> Dataset:
        item = Dataset()
        item.RelationshipType = relation
        item.ValueType = value_type
        item.ConceptNameCodeSequence = [self.coded(name)]
        return item

    def text(
        self, name: CodedConcept, text: str, relation: Relation = "CONTAINS", children: Sequence[Dataset] = ()
    ) -> Dataset:
        """A TEXT item; `text` may not be empty."""
        item = self._item("TEXT", relation, name)
        item.TextValue = text
        self.texts.append(text)
        return _with(item, children)

    def code(
        self,
        name: CodedConcept,
        value: CodedConcept,
        relation: Relation = "CONTAINS",
        children: Sequence[Dataset] = (),
    ) -> Dataset:
        """A CODE item."""
        item = self._item("CODE", relation, name)
        item.ConceptCodeSequence = [self.coded(value)]
        return _with(item, children)

    def uidref(self, name: CodedConcept, uid: str, relation: Relation = "CONTAINS") -> Dataset:
        """A UIDREF item."""
        item = self._item("UIDREF", relation, name)
        item.UID = uid
        return item

    def datetime(self, name: CodedConcept, moment: str, relation: Relation = "CONTAINS") -> Dataset:
        """A DATETIME item; `moment` is a DT of any precision."""
        item = self._item("DATETIME", relation, name)
        item.DateTime = moment
        return item

    def scope(self, name: CodedConcept, scope: CodedConcept, named_by: CodedConcept, uid: str) -> Dataset:
        """A CODE item of the observation context, and the UID of what it means."""
        return self.code(name, scope, "HAS OBS CONTEXT", [self.uidref(named_by, uid, "HAS PROPERTIES")])

    def num(
        self,
        name: CodedConcept,
        number: str | None,
        unit: CodedConcept,
        children: Sequence[Dataset] = (),
    ) -> Dataset:
        """A NUM item of the decimal string `number`, or None for a value that nobody told."""
        item = self._item("NUM", "CONTAINS", name)
        if number is None:
            item.MeasuredValueSequence = []
            item.NumericValueQualifierCodeSequence = [self.coded(VALUE_UNKNOWN)]
        else:
            measured = Dataset()
            measured.NumericValue = number
            measured.MeasurementUnitsCodeSequence = [self.coded(unit)]
            item.MeasuredValueSequence = [measured]
        return _with(item, children)

    def container(
        self, name: CodedConcept, children: Iterable[Dataset], template: str = "", relation: str = "CONTAINS"
    ) -> Dataset:
        """A CONTAINER of separate items; `template` names the root of an included template (DCMR)."""
        item = Dataset()
        if relation:
            item.RelationshipType = relation
        item.ValueType = "CONTAINER"
        item.ConceptNameCodeSequence = [self.coded(name)]
        item.ContinuityOfContent = "SEPARATE"
        if template:
            identification = Dataset()
            identification.MappingResource = "DCMR"
            identification.TemplateIdentifier = template
            item.ContentTemplateSequence = [identification]
        return _with(item, [child for child in children if self._state_unknown or _tells(child)])


def _tells(item: Dataset) -> bool:
    """Is the item anything but a number that nobody told?"""
    return item.ValueType != "NUM" or bool(item.MeasuredValueSequence)


def _with(item: Dataset, children: Sequence[Dataset]) -> Dataset:
    if children:
        item.ContentSequence = list(children)
    return item
