"""Content items of a structured report (PS3.3 C.17.3): highdicom's, and what it cannot write of a number.

Knows value types and relationships; must not know templates, dose, or what an item means.

Every item is one of `highdicom.sr.value_types`, every code a `highdicom.sr.CodedConcept`, so that highdicom checks
value types, relationships and codes as they are made. Below it this file reaches for numbers alone: they stand as
they were printed, a decimal string without a Floating Point Value, which would say more than the page did; and a
number nobody told is an empty Measured Value Sequence with its reason (CID 42).

Most items of a document are those of its other events and of every other document: equal items are one object,
made and encoded once a process. Never change an item; a copy may be changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeVar

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
from ocr_service.rdsr.encoding import is_shared, shared

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

Relation = Literal["CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES"]

Item = TypeVar("Item", bound=ContentItem)

_MOST_MADE = 512  # items of a kind that are kept, some 20 MB together; what nobody asked for longest is dropped


@lru_cache(_MOST_MADE)
def coded(concept: CodedConcept) -> highdicom.sr.CodedConcept:
    """One item of a code sequence (PS3.3, table 8.8-1), made once a process: never change it."""
    code = highdicom.sr.CodedConcept(concept.value, concept.scheme, concept.meaning)
    return shared(code, concept.value, concept.scheme, concept.meaning)


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


class Children(tuple[ContentItem, ...]):
    """The items below another, equal to others that are the same objects: data sets are slow to compare."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Children) and [*map(id, self)] == [*map(id, other)]

    def __hash__(self) -> int:
        return hash(tuple(map(id, self)))


@lru_cache(_MOST_MADE)
def _text(children: Children, name: CodedConcept, text: str, relation: Relation) -> TextContentItem:
    return _with(children, TextContentItem(coded(name), text, relation), name.meaning, text)


@lru_cache(_MOST_MADE)
def _code(children: Children, name: CodedConcept, value: CodedConcept, relation: Relation) -> CodeContentItem:
    return _with(children, CodeContentItem(coded(name), coded(value), relation), name.meaning, value.meaning)


@lru_cache(_MOST_MADE)
def _num(children: Children, name: CodedConcept, number: str | None, unit: CodedConcept) -> PrintedNumber:
    return _with(children, PrintedNumber(name, number, unit, "CONTAINS"), name.meaning, unit.meaning)


@lru_cache(_MOST_MADE)
def _container(
    children: Children, name: CodedConcept, template: str | None, relation: Relation | None
) -> ContainerContentItem:
    return _with(children, ContainerContentItem(coded(name), False, template, relation), name.meaning)


def _once(make: _lru_cache_wrapper[Item], children: Children, *told: str | CodedConcept | None) -> Item:
    """The item, made before or now. What stands above an item of this document alone is made for it alone."""
    return make(children, *told) if all(map(is_shared, children)) else make.__wrapped__(children, *told)


def _with(children: Children, item: Item, *texts: str) -> Item:
    """The item with its children, which highdicom checks here once; by attribute it would check them twice.

    texts: what the item says itself.
    """
    if children:
        item.add_new("ContentSequence", "SQ", ContentSequence(children))
    return shared(item, *texts) if all(map(is_shared, children)) else item


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
        self, name: CodedConcept, text: str, relation: Relation = "CONTAINS", children: Iterable[ContentItem] = ()
    ) -> ContentItem:
        """A TEXT item; `text` may not be empty."""
        self.texts += (name.meaning, text)
        return _once(_text, Children(children), name, text, relation)

    def code(
        self,
        name: CodedConcept,
        value: CodedConcept,
        relation: Relation = "CONTAINS",
        children: Iterable[ContentItem] = (),
    ) -> ContentItem:
        """A CODE item."""
        self.texts += (name.meaning, value.meaning)
        return _once(_code, Children(children), name, value, relation)

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
        children: Iterable[ContentItem] = (),
    ) -> ContentItem:
        """A NUM item of the decimal string `number`, or None for a value that nobody told."""
        return _once(_num, Children(children), name, number, unit)

    def container(
        self,
        name: CodedConcept,
        children: Iterable[ContentItem],
        template: str | None = None,
        relation: Relation | None = "CONTAINS",
    ) -> ContainerContentItem:
        """A CONTAINER of separate items; `template` names an included template (DCMR), the root has no relation."""
        self.texts.append(name.meaning)
        told = Children(child for child in children if self._state_unknown or _tells(child))
        return _once(_container, told, name, template, relation)


def _tells(item: ContentItem) -> bool:
    """Is the item anything but a number that nobody told?"""
    return not isinstance(item, PrintedNumber) or bool(item.MeasuredValueSequence)
