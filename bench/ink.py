"""Texts of a drawn page as things to act on: find them, take them back, write others, reach their letters.

Knows canvases; must not know why a page is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from letters import Canvas, Glyph, Written, set_line

from bench.studies import Study

Place = tuple[Canvas, Written]


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of a text with the row and column where its ink begins."""

    text: str
    glyph: Glyph
    top: int
    left: int


def letters_of(text: Written) -> list[Letter]:
    """The inked letters of a text, in order."""
    marks = set_line(text.style, text.text).marks
    baseline = text.top + text.style.face.caps
    shown = [letter for letter in text.text if letter != " "]
    return [
        Letter(letter, glyph, baseline - glyph.top, text.box[0] + left)
        for letter, (glyph, left) in zip(shown, marks, strict=True)
    ]


def erase(canvas: Canvas, text: Written) -> None:
    """Take a text back: what was under it shows again."""
    x0, y0, x1, y1 = text.box
    canvas.pixels[y0 : y1 + 1, x0 : x1 + 1] = text.under
    canvas.written.remove(text)


def rewrite(canvas: Canvas, old: Written, new: str, *, right: int = 0, down: int = 0, at: str = "middle") -> None:
    """Put another text in the place of one, or the same one elsewhere."""
    erase(canvas, old)
    x = {"left": old.box[0], "right": old.box[2], "middle": (old.box[0] + old.box[2] + 1) // 2}[at]
    canvas.write(old.style, new, x + right, old.top + down, at=at, level=old.level)


def containing(study: Study, values: Iterable[str]) -> list[Place]:
    """The texts in which one of the numbers stands as a number of its own."""
    found: list[Place] = []
    wanted = [value for value in values if value]
    if not wanted:
        return found
    pattern = re.compile(r"(?<![\d.])(?:" + "|".join(map(re.escape, wanted)) + r")(?![\d.])")
    for page in study.pages:
        found += [(page, text) for text in page.written if pattern.search(text.text)]
    return found


def dose_cells(study: Study) -> list[Place]:
    """The cells of CTDIvol and DLP: in one line with another value of the same row."""
    found: list[Place] = []
    for event in study.events:
        for page, text in containing(study, [event.mean_ctdivol or ""]):
            other = containing(study, [event.dlp or ""])
            beside = [(p, t) for p, t in other if p is page and t.top == text.top and t is not text]
            if beside:
                found += [(page, text), *beside]
    unique: list[Place] = []
    for place in found:
        if not any(place[1] is other for _, other in unique):
            unique.append(place)
    return unique


def totals(study: Study) -> list[Place]:
    """The printed totals: where no other dose of a row stands in the same line."""
    cells = [text for _, text in dose_cells(study)]
    found = containing(study, study.totals)
    return [(page, text) for page, text in found if not any(text is cell for cell in cells)][-2:]


def line_of(page: Canvas, text: Written) -> list[Written]:
    """All texts of the same row of letters, left to right."""
    return sorted((other for other in page.written if other.top == text.top), key=lambda other: other.box[0])


def matching(study: Study, patterns: Sequence[str]) -> list[Place]:
    """The texts that fit one of the patterns whole."""
    return [
        (page, text)
        for page in study.pages
        for text in page.written
        if any(re.fullmatch(pattern, text.text) for pattern in patterns)
    ]
