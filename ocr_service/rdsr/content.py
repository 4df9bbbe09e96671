"""Content items of a structured report (PS3.3 C.17.3): highdicom's, and what it cannot write of a number.

Knows value types and relationships; must not know templates, dose, or what an item means.

Every item is one of `highdicom.sr.value_types`, every code a `highdicom.sr.CodedConcept`, so that highdicom checks
value types, relationships and codes as they are made. Below it this file reaches for numbers alone: they stand as
they were printed, a decimal string without a Floating Point Value, which would say more than the page did; and a
number nobody told is an empty Measured Value Sequence with its reason (CID 42).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, TypeVar

import highdicom.sr
from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DateTimeContentItem,
    NumContentItem,
    TextContentItem,
    UIDRefContentItem,
)

from ocr_service.dose.report import CodedConcept
from ocr_service.rdsr.codes import VALUE_UNKNOWN

Relation = Literal["CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES"]

Item = TypeVar("Item", bound=ContentItem)


@lru_cache(maxsize=1024)
def coded(concept: CodedConcept) -> highdicom.sr.CodedConcept:
    """One item of a code sequence (PS3.3, table 8.8-1), made once a process: never change it."""
    return highdicom.sr.CodedConcept(concept.value, concept.scheme, concept.meaning)


class PrintedNumber(NumContentItem):
    """A NUM item of a decimal string, or of a value that nobody told (None).

    highdicom's own takes an int or a float: 274.90 becomes 274.9 with a Floating Point Value beside it, and an
    unknown value has no form.
    """

    def __init__(self, name: CodedConcept, number: str | None, unit: CodedConcept, relation: Relation) -> None:
        reason = coded(VALUE_UNKNOWN) if number is None else None
        super().__init__(coded(name), 0, coded(unit), qualifier=reason, relationship_type=relation)
        if number is None:
            self.MeasuredValueSequence = []
        else:
            self.MeasuredValueSequence[0].NumericValue = number


class ContentItems:
    """Makes the content items of one document.

    state_unknown: does a container hold the numbers that nobody told?
    """

    def __init__(self, *, state_unknown: bool = True) -> None:
        self._state_unknown = state_unknown
        self.texts: list[str] = []  # all text written, for whoever chooses the character set

    def coded(self, concept: CodedConcept) -> highdicom.sr.CodedConcept:
        """One item of a code sequence."""
        self.texts.append(concept.meaning)
        return coded(concept)

    def text(
        self, name: CodedConcept, text: str, relation: Relation = "CONTAINS", children: Sequence[ContentItem] = ()
    ) -> ContentItem:
        """A TEXT item; `text` may not be empty."""
        self.texts.append(text)
        return _with(TextContentItem(self.coded(name), text, relation), children)

    def code(
        self,
        name: CodedConcept,
        value: CodedConcept,
        relation: Relation = "CONTAINS",
        children: Sequence[ContentItem] = (),
    ) -> ContentItem:
        """A CODE item."""
        return _with(CodeContentItem(self.coded(name), self.coded(value), relation), children)

    def uidref(self, name: CodedConcept, uid: str, relation: Relation = "CONTAINS") -> ContentItem:
        """A UIDREF item."""
        return UIDRefContentItem(self.coded(name), uid, relation)

    def datetime(self, name: CodedConcept, moment: str, relation: Relation = "CONTAINS") -> ContentItem:
        """A DATETIME item; `moment` is a DT of any precision."""
        return DateTimeContentItem(self.coded(name), moment, relation)

    def scope(self, name: CodedConcept, scope: CodedConcept, named_by: CodedConcept, uid: str) -> ContentItem:
        """A CODE item of the observation context, and the UID of what it means."""
        return self.code(name, scope, "HAS OBS CONTEXT", [self.uidref(named_by, uid, "HAS PROPERTIES")])

    def num(
        self,
        name: CodedConcept,
        number: str | None,
        unit: CodedConcept,
        children: Sequence[ContentItem] = (),
    ) -> ContentItem:
        """A NUM item of the decimal string `number`, or None for a value that nobody told."""
        return _with(PrintedNumber(name, number, unit, "CONTAINS"), children)

    def container(
        self,
        name: CodedConcept,
        children: Iterable[ContentItem],
        template: str | None = None,
        relation: Relation | None = "CONTAINS",
    ) -> ContainerContentItem:
        """A CONTAINER of separate items; `template` names an included template (DCMR), the root has no relation."""
        item = ContainerContentItem(self.coded(name), False, template, relation)
        return _with(item, [child for child in children if self._state_unknown or _tells(child)])


def _tells(item: ContentItem) -> bool:
    """Is the item anything but a number that nobody told?"""
    return not isinstance(item, PrintedNumber) or bool(item.MeasuredValueSequence)


def _with(item: Item, children: Sequence[ContentItem]) -> Item:
    """The item with its children, which highdicom checks here once; by attribute it would check them twice."""
    if children:
        item.add_new("ContentSequence", "SQ", ContentSequence(children))
    return item
