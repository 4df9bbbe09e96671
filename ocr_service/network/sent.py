"""What a destination made of an object, and what a status says (PS3.4 B.2.3, PS3.7 annex C, PS3.18 I.2.2).

Knows statuses; must not know how an object travels. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

_SUCCESS = 0x0000
# PS3.7 C.4: the warnings besides 0xBxxx.
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})
# A failure that says nothing of the object: the peer was in trouble, or heard something twice. The durable caller
# asks again, with growing pauses, until it gives up.
_PASSING = frozenset({0x0110, 0x0210, 0x0213, 0xFE00})
_WORDS = {
    0x0001: "the optional service is not supported",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "it has another object of this UID",
    0x0116: "an attribute's value is out of range",
    0x0117: "invalid object instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance conflict",
    0x0120: "an attribute is missing",
    0x0121: "an attribute's value is missing",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0131: "another request has this transaction UID",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0x0213: "its resources are exhausted",
    0xFE00: "it cancelled the operation",
    0xB000: "it changed data elements",
    0xB006: "it discarded elements",
    0xB007: "the data set does not match its SOP class",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """It has the object, as it is."""


@dataclass(frozen=True, slots=True)
class Warned:
    """It has the object, and remarks something. status: DIMSE status or Warning Reason; None where it told none."""

    status: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It said no for good: the same object, sent again, is refused again. A person must mend something first."""

    status: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It does not have the object, as far as is known, and trying again can help.

    begun: was the object on its way when it fell silent, so that it may have it all the same? answered: did it say so
    itself, of this object, so that it may well take others?
    """

    why: str
    begun: bool = False
    answered: bool = False


Sent = Accepted | Warned | Refused | Unavailable


def judged(status: int, peer: str) -> Sent:
    """What a status means for the one who sent; `peer` is how the sentence calls the one who answered.

    0xA7xx and 0x0213 (resources), 0x0110 (processing failure), 0x0210 and 0xFE00 say nothing of the object, so it is
    tried again. What the standard does not name is a refusal: nobody knows that trying again would help.
    """
    said = f"{peer} answered 0x{status:04X}: {_words(status)}"
    if status == _SUCCESS:
        return Accepted()
    if status in _WARNINGS or status >> 12 == 0xB:
        return Warned(status, said)
    if status in _PASSING or status >> 8 == 0xA7:
        return Unavailable(said, answered=True)
    return Refused(status, said)


def _words(status: int) -> str:
    known = _WORDS.get(status)
    if known is not None:
        return known
    if status >> 8 == 0xA7:
        return "it is out of resources"
    if status >> 8 == 0xA9:
        return "the data set does not match its SOP class"
    if status >> 12 == 0xC:
        return "it cannot understand the object"
    return "a status that the standard does not name for this request"
