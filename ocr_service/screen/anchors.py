"""Anchors: the fixed words that prove a page is the one its template means, and that carry its edges.

Knows phrases and the template's words; must not know values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box, Evidence
from ocr_service.screen import layout
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.readers import Question, Readers
from ocr_service.screen.words import fold
from ocr_service.templates.schema import Anchor, Area, Edge, PageLayout, TableLayout

MARGIN = 10  # px of dark ground around each crop: engines read letters at the edge badly
PHRASE_GAPS = (0.9, 1.5)  # letter heights


@dataclass(frozen=True, slots=True)
class FoundAnchor:
    """Where an anchor stands, what vouches for it, and whether that is enough."""

    box: Box
    evidence: Evidence
    proven: bool


Found = Mapping[str, FoundAnchor]


def edge(place: Edge, found: Found) -> int | None:
    """The edge in pixels of this page; None where its anchor was not found."""
    if not place.anchor:
        return place.offset
    anchor = found.get(place.anchor)
    return None if anchor is None else int(getattr(anchor.box, place.side)) + place.offset


def area(place: Area, found: Found) -> Box | None:
    """The area in pixels of this page; None where one of its anchors was not found or it is turned inside out."""
    left, top = edge(place.left, found), edge(place.top, found)
    right, bottom = edge(place.right, found), edge(place.bottom, found)
    if left is None or top is None or right is None or bottom is None or right <= left or bottom <= top:
        return None
    return Box(left, top, right, bottom)


Columns = Mapping[Quantity, tuple[int, int]]


def columns_of(table: TableLayout, found: Found) -> Columns:
    """Left and right edge of each column on this page; columns whose anchors are missing are left out."""
    places: dict[Quantity, tuple[int, int]] = {}
    for quantity, column in table.columns.items():
        left, right = edge(column.left, found), edge(column.right, found)
        if left is not None and right is not None and left < right:
            places[quantity] = (left, right)
    return places


def owners(word: Run, columns: Columns) -> list[Quantity]:
    """The columns that the middle of the word stands in."""
    middle = (word.box.left + word.box.right) / 2
    return [quantity for quantity, (left, right) in columns.items() if left <= middle < right]


def by_column(line: Sequence[Box], columns: Columns) -> tuple[dict[Quantity, list[Box]], list[Run]]:
    """The line's shapes by the column that the middle of their word stands in, and the words of no single column."""
    members: dict[Quantity, list[Box]] = {}
    strays: list[Run] = []
    for word in layout.words(line):
        owner = owners(word, columns)
        if len(owner) == 1:
            members.setdefault(owner[0], []).extend(word.shapes)
        else:
            strays.append(word)
    return members, strays


def find_anchors(page: PageLayout, ink: Ink, pixels: Pixels, readers: Readers) -> dict[str, FoundAnchor]:
    """Find the page's anchors by their words; anchors that stand relative to others come after them."""
    # Fixed-pitch consoles leave wide gaps within a phrase, others narrow ones between columns: both cuts are tried.
    cuts = [run for gap in PHRASE_GAPS for run in layout.phrases(ink.shapes, gap)]
    phrases = list({run.box: run for run in cuts}.values())
    found: dict[str, FoundAnchor] = {}
    waiting = dict(page.anchors)
    while waiting:
        ready = {name: anchor for name, anchor in waiting.items() if area(anchor.area, found) is not None}
        if not ready:
            break
        found.update(_find(ready, phrases, pixels, readers, found))
        for name in ready:
            del waiting[name]
    return found


def _find(
    anchors: Mapping[str, Anchor], phrases: list[Run], pixels: Pixels, readers: Readers, known: Found
) -> dict[str, FoundAnchor]:
    candidates: dict[str, list[Run]] = {}
    for name, anchor in anchors.items():
        place = area(anchor.area, known)
        candidates[name] = [run for run in phrases if place is not None and layout.inside(place, run.box)]
    runs = list({run.box: run for members in candidates.values() for run in members}.values())
    texts = readers.read_first([layout.crop(pixels, run.box, MARGIN) for run in runs])
    seen = {run.box: fold(text) for run, text in zip(runs, texts, strict=True)}
    chosen: dict[str, list[Run]] = {}
    for name, anchor in anchors.items():
        words = {fold(text) for text in anchor.text}
        hits = [run for run in candidates[name] if seen[run.box] in words]
        # Where PP-OCR knows none, Tesseract may: then all candidates are asked, and one voice is no proof.
        chosen[name] = hits[:1] or candidates[name]
    return _prove(anchors, chosen, pixels, readers)


def _prove(
    anchors: Mapping[str, Anchor], chosen: Mapping[str, list[Run]], pixels: Pixels, readers: Readers
) -> dict[str, FoundAnchor]:
    asked = [(name, run) for name, runs in chosen.items() for run in runs]
    answers = readers.ask(
        [Question(layout.crop(pixels, run.box, MARGIN), same_word(anchors[name].text)) for name, run in asked]
    )
    found: dict[str, FoundAnchor] = {}
    for (name, run), answer in zip(asked, answers, strict=True):
        if not answer.witnesses:
            continue
        evidence = Evidence(box=run.box, seen=answer.seen, witnesses=answer.witnesses)
        candidate = FoundAnchor(run.box, evidence, isinstance(settle(evidence), Proven))
        if name not in found or (candidate.proven and not found[name].proven):
            found[name] = candidate
    return found


def same_word(words: tuple[str, ...]) -> Callable[[str], str | None]:
    """A reader's text as the one of `words` it equals after folding, else None."""
    known = {fold(word): word for word in words}
    return lambda text: known.get(fold(text))
