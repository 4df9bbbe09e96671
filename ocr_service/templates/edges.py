"""Edges and areas as templates write them: a pixel, or an anchor's side plus or minus some pixels.

Knows how an edge is spelled; must not know where an anchor stands on a page.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from ocr_service.templates.wording import Complaint, Model

SIDES = ("left", "top", "right", "bottom")
NEXT = "next"  # of a right edge: where the next column begins
PAGE = "page"  # the page itself, as an anchor that is always there: `page.bottom`
_EDGE = re.compile(
    r"(?:(?P<anchor>[a-z][a-z0-9_]*)\.(?P<side>left|top|right|bottom|center)\s*(?:(?P<sign>[+-])\s*(?P<n>\d{1,5}))?|(?P<pixel>\d{1,5}))",
    re.ASCII,
)


class Edge(Model):
    """One edge: a pixel of the template's screen, or an anchor's side (or center, across) plus or minus some pixels.

    The right edge of a column may be of the side `next`: where the next column begins.
    """

    anchor: str = ""
    side: str = ""
    offset: int = 0


def parse_edge(text: object) -> object:
    """Read ``12`` or ``anchor.right + 4``."""
    if isinstance(text, Edge):
        return text
    if not isinstance(text, str):
        raise ValueError("an edge is a number or `anchor.side + n`")
    match = _EDGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no edge: write a number or `anchor.side + n` (sides: {', '.join(SIDES)}, center)"
        )
    if match["pixel"] is not None:
        return Edge(offset=int(match["pixel"]))
    offset = int(match["n"] or 0) * (-1 if match["sign"] == "-" else 1)
    return Edge(anchor=match["anchor"], side=match["side"], offset=offset)


def parse_right(text: object) -> object:
    """Read an edge, or ``next``."""
    return Edge(side=NEXT) if text == NEXT else parse_edge(text)


Edges = Annotated[Edge, BeforeValidator(parse_edge)]
RightEdges = Annotated[Edge, BeforeValidator(parse_right)]


class Area(Model):
    """A rectangle by its four edges; right and bottom are exclusive."""

    left: Edges
    top: Edges
    right: Edges
    bottom: Edges

    @model_validator(mode="after")
    def _has_an_inside(self) -> Area:
        for low, high in (("left", "right"), ("top", "bottom")):
            if crossed(getattr(self, low), getattr(self, high)):
                raise Complaint(f"{high} is not beyond {low}, so nothing lies between", high)
        return self


def crossed(low: Edge, high: Edge) -> bool:
    """Is the second edge certainly not beyond the first: both are pixels, or of one side of one anchor?"""
    return (low.anchor, low.side) == (high.anchor, high.side) and low.offset >= high.offset
