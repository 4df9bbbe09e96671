"""What may poison a registered font: screens whose letters change, fonts whose signs are exchanged, lost pixels.

Also values that a person states wrongly. Knows glyphs, fonts and pixels; must not know how a reading is judged.
Screens are files without compression.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from bench.scoring import Expected
from ocr_service.author.expected import DLP, DLP_TOTAL, EVENT_KEYS, MEAN_CTDIVOL
from ocr_service.dose.report import Box
from ocr_service.pipeline import console_of
from ocr_service.screen import layout
from ocr_service.screen.fonts import Font, Fonts, contradictory
from ocr_service.screen.glyphs import Glyph, letters_of
from ocr_service.screen.layout import Run
from ocr_service.screen.pixels import dose_screens

NEW_SOFTWARE = "BENCH 2.0"
POINT = 3  # rows of a point at most
DESCRIBED = ("series_number", "mean_ctdivol", "dlp", "scanning_range", "kvp")

Signs = Mapping[Glyph, str]
Levels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Letter:
    """One glyph on a page, and the sign that the console's font says it is."""

    sign: str
    glyph: Glyph
    box: Box


def exchanged(text: str, pair: str) -> str:
    """The text with two digits in each other's place."""
    return text.translate(str.maketrans(pair, pair[::-1]))


def swapped_font(fonts: Fonts, pair: str) -> Fonts:
    """The fonts with the signs of two digits in each other's place."""
    whole = Fonts()
    for key in fonts:
        font, other = fonts[key], whole.font(key)
        for told, glyphs in ((False, font.glyphs), (True, font.told)):
            for glyph, signs in glyphs.items():
                for sign, seen in signs.items():
                    other.add(glyph, exchanged(sign, pair), seen, told=told)
        other.merge(Font(widest_gap=font.widest_gap, narrowest_blank=font.narrowest_blank))
    return whole


def swapped_truth(expected: Expected, pair: str) -> Expected:
    """What stands on the pages after two digits have changed places."""

    def of(text: str | None) -> str | None:
        return None if text is None else exchanged(text, pair)

    events = tuple(
        replace(event, **{name: of(getattr(event, name)) for name in DESCRIBED}) for event in expected.events
    )
    return replace(expected, events=events, dlp_total=of(expected.dlp_total))


def signs_of(fonts: Fonts, ds: Dataset) -> Signs:
    """The glyphs of the object's console that stand for one single sign."""
    signs: dict[Glyph, str] = {}
    for key in fonts:
        if key.console == console_of(ds):
            for glyph, known in fonts[key].glyphs.items():
                if not contradictory(known):
                    signs[glyph] = min(known)
    return signs


def phrases_of(ds: Dataset, signs: Signs) -> Iterator[list[Letter]]:
    """The letters of each phrase of the first page, each taken alone; the sign of unknown ones is empty."""
    ink = layout.find_ink(layout.flat(dose_screens(ds)[0].pixels))
    for phrase in layout.phrases(ink.shapes):
        glyphs = [letters_of(Run(box, (box,)), ink.mask).glyphs[0] for box in phrase.shapes]
        yield [Letter(signs.get(glyph, ""), glyph, box) for glyph, box in zip(glyphs, phrase.shapes, strict=True)]


def draw_swapped(ds: Dataset, signs: Signs, pair: str) -> int:
    """Draw two digits in each other's shape; how many letters were changed."""
    pixels, changed = np.array(ds.pixel_array), 0
    for letters in phrases_of(ds, signs):
        for letter in letters:
            shape = (
                _shape(exchanged(letter.sign, pair), letter.glyph, signs)
                if letter.sign and letter.sign in pair
                else None
            )
            if shape is not None:
                _draw(pixels, letter, shape)
                changed += 1
    ds.PixelData = pixels.tobytes()
    return changed


def _shape(sign: str, near: Glyph, signs: Signs) -> Glyph | None:
    """The sign's glyph that is as high, and about as wide."""
    same = [glyph for glyph, its in signs.items() if its == sign and glyph.rows == near.rows]
    return min(same, key=lambda glyph: abs(glyph.columns - near.columns), default=None)


def _draw(pixels: Levels, letter: Letter, shape: Glyph) -> None:
    box, bitmap = letter.box, letter.glyph.bitmap
    cut = pixels[box.top : box.bottom, box.left : box.right]
    colour = cut[tuple(np.argwhere(bitmap)[0])].copy()
    blank = np.argwhere(~bitmap)
    cut[...] = cut[tuple(blank[0])] if len(blank) else pixels.min()
    pixels[box.top : box.top + shape.rows, box.left : box.left + shape.columns][shape.bitmap] = colour


def pixel_out(ds: Dataset, signs: Signs, rng: Random, cells: int) -> int:
    """Take one pixel out of a digit of so many numbers of the page; how many it had."""
    pixels = np.array(ds.pixel_array)
    numbers = [letters for letters in phrases_of(ds, signs) if _is_number(letters)]
    chosen = rng.sample(numbers, min(cells, len(numbers)))
    for letters in chosen:
        letter = rng.choice([one for one in letters if one.sign.isdigit()])
        y, x = (int(place) for place in rng.choice(np.argwhere(letter.glyph.bitmap).tolist()))
        pixels[letter.box.top + y, letter.box.left + x] = pixels.min()
    ds.PixelData = pixels.tobytes()
    return len(chosen)


def _is_number(letters: Sequence[Letter]) -> bool:
    """Digits, and points between them."""
    digits = [one for one in letters if one.sign.isdigit()]
    return bool(digits) and all(one in digits or one.glyph.rows <= POINT for one in letters)


Change = Callable[[Dataset], int]


def altered(paths: Sequence[Path], place: Path, change: Change) -> int:
    """Copies of the files, each changed; how much was changed. Compressed ones are copied as they are."""
    changed = 0
    for number, path in enumerate(paths):
        ds = dcmread(path)
        if not ds.file_meta.TransferSyntaxUID.is_compressed:
            changed += change(ds)
        place.mkdir(parents=True, exist_ok=True)
        ds.save_as(place / f"{number:05d}.dcm")
    return changed


def stated(truth: Mapping[str, Expected], share: float, rng: Random, pair: str = "") -> tuple[list[str], int]:
    """What a person states of each study, as lines of a report, and how many of its doses are wrong by a digit.

    pair: two digits that this person takes for each other, always; without it any digit is taken for any.
    """
    lines, wrong = [], 0
    for study, expected in truth.items():
        told = [{key: getattr(event, key) for key in EVENT_KEYS} for event in expected.events]
        total = {DLP_TOTAL: expected.dlp_total}
        for values, key in [*((event, key) for event in told for key in (MEAN_CTDIVOL, DLP)), (total, DLP_TOTAL)]:
            text = values[key]
            if text is not None and rng.random() < share:
                values[key] = _mistaken(text, rng, pair)
                wrong += values[key] != text
        unit = {"study_instance_uid": study, "sop_instance_uids": [], **total, "events": told}
        lines.append(json.dumps(unit))
    return lines, wrong


def _mistaken(text: str, rng: Random, pair: str) -> str:
    if pair:
        return exchanged(text, pair)
    place = rng.choice([place for place, letter in enumerate(text) if letter.isdigit()])
    other = rng.choice([digit for digit in "0123456789" if digit != text[place]])
    return text[:place] + other + text[place + 1 :]


def updated(ds: Dataset) -> int:
    """The console has another software version."""
    ds.SoftwareVersions = NEW_SOFTWARE
    return 1
