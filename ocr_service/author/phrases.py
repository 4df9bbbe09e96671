"""The words of a page that no template knows, as PP-OCR finds and reads them, and the rules between them.

Knows pixels, boxes and readers; must not know what a word means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, PHRASE_GAPS
from ocr_service.screen.layout import Pixels, Run
from ocr_service.screen.readers import Readers

FindText = Callable[[Pixels], Sequence[Box]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand together, as PP-OCR read them; a dash is the text `-`.

    `part_of` is the text box of the detector: it joins what the service would cut into several phrases.
    """

    box: Box
    text: str
    part_of: Box | None = None


Line = list[Phrase]


@dataclass(frozen=True, slots=True)
class Page:
    """All phrases of one page, its rules, and its size in px.

    wide: what the service's wider cut makes of phrases that stand close together, read in one piece; words: the
    boxes of the words of each phrase, by its box.
    """

    phrases: tuple[Phrase, ...]
    rows: int
    columns: int
    rules: tuple[Box, ...] = ()
    wide: tuple[Phrase, ...] = ()
    words: Mapping[Box, tuple[Box, ...]] = field(default_factory=dict)

    @property
    def lines(self) -> list[Line]:
        """The phrases line by line, each from left to right."""
        by_box = {phrase.box: phrase for phrase in self.phrases}
        return [[by_box[box] for box in line] for line in layout.rows(list(by_box))]

    @property
    def upright(self) -> tuple[Box, ...]:
        """The rules that part columns."""
        return tuple(rule for rule in self.rules if is_upright(rule))

    @property
    def level(self) -> tuple[Box, ...]:
        """The rules that part lines."""
        return tuple(rule for rule in self.rules if rule.right - rule.left > 4 * (rule.bottom - rule.top))

    def whole(self, phrases: Sequence[Phrase]) -> list[Phrase]:
        """The phrases in the pieces of the wider cut; those that it joins with none of the others as they are."""
        found: list[Phrase] = []
        for phrase in phrases:
            piece = next((wide for wide in self.wide if layout.covers(wide.box, phrase.box)), phrase)
            if piece not in found:
                found.append(piece)
        return found

    def split(self, phrase: Phrase, first: int) -> tuple[Phrase, Phrase] | None:
        """The phrase parted before its word of this number; None where its words cannot be told one by one."""
        texts, boxes = phrase.text.split(), self.words.get(phrase.box, ())
        if len(texts) != len(boxes) or not 0 < first < len(texts):
            return None
        parts = ((texts[:first], boxes[:first]), (texts[first:], boxes[first:]))
        before, behind = (Phrase(layout.around(own), " ".join(said)) for said, own in parts)
        return before, behind


def is_upright(rule: Box) -> bool:
    """Does the rule run down the page?"""
    return rule.bottom - rule.top > 4 * (rule.right - rule.left)


def page_of(pixels: Pixels, find_text: FindText, readers: Readers) -> Page:
    """Every phrase of the page with its text, and the detector's box that it is part of."""
    pixels = layout.flat(pixels)
    ink = layout.find_ink(pixels)
    # Anchors and cells are what the service's own cut makes; the detector tells which of them belong together.
    boxes = find_text(pixels)
    upright = [rule for rule in ink.rules if is_upright(rule)]
    near, wide = (
        [run for phrase in layout.phrases(ink.shapes, gap) for run in _parted(phrase, upright)] for gap in PHRASE_GAPS
    )
    dashes = [run.box for run in near if layout.is_dash(run, ink.mask)]
    words = [run.box for run in near if run.box not in dashes]
    pieces = [run.box for run in wide if run.box not in (*words, *dashes)]
    texts = dict(zip([*words, *pieces], _read(pixels, [*words, *pieces], readers), strict=True))
    found = [Phrase(box, texts[box], _seen(box, boxes)) for box in words if texts[box]]
    found += [Phrase(box, "-") for box in dashes]
    rows, columns = pixels.shape
    joined_ = tuple(Phrase(box, texts[box], _seen(box, boxes)) for box in pieces if texts[box])
    parts = {run.box: tuple(word.box for word in layout.words(run.shapes)) for run in near}
    return Page(tuple(found), rows, columns, ink.rules, joined_, parts)


def _read(pixels: Pixels, boxes: Sequence[Box], readers: Readers) -> list[str]:
    return readers.read_first([layout.crop(pixels, box, MARGIN) for box in boxes])


def _seen(box: Box, boxes: Sequence[Box]) -> Box | None:
    return next((seen for seen in boxes if layout.inside(seen, box)), None)


def _parted(run: Run, upright: Sequence[Box]) -> list[Run]:
    """Cut the run where a rule stands between two of its letters: cells of a frame stand close together."""
    places = sorted(
        rule.left
        for rule in upright
        if run.box.left < rule.left < run.box.right and rule.top < run.box.bottom and run.box.top < rule.bottom
    )
    parts: list[list[Box]] = [[] for _ in range(len(places) + 1)]
    for shape in run.shapes:
        parts[sum(place < shape.left for place in places)].append(shape)
    return [Run(layout.around(shapes), tuple(shapes)) for shapes in parts if shapes]


def shared(a: Box, b: Box) -> int:
    """How many columns of pixels the two have in common; negative: how far they are apart."""
    return min(a.right, b.right) - max(a.left, b.left)
