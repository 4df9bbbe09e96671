"""Typed pages: text in letters that a reader without any engine can read, so that rules are tested and not engines.

A letter is a frame of 5 x 9 px with its number in dents of both sides; a point and a dash look like a console's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from ocr_service.pipeline import Ending, read_unit
from ocr_service.screen.readers import Crop, Readers
from ocr_service.templates.library import Library, load_templates
from tests.screen.pages import saved

PITCH, WIDTH, HEIGHT = 7, 5, 9
Page = NDArray[np.uint8]

TEMPLATE = r"""title: Acme dose page
status: drawn
revision: 1
match:
  Manufacturer: ACME*
  SeriesDescription: Dose
screen: {rows: 256, columns: 512}
choices:
  types:
    spiral: [Helical]
    constant_angle: [Scout]
  phantoms:
    head: [Head]
    body: [Body]
pages:
  dose:
    anchors:
      title: {text: Dose Report, area: {left: 0, top: 0, right: 512, bottom: 30}}
      type: {text: Type, area: {left: 0, top: 30, right: 80, bottom: 60}}
      ctdivol: {text: CTDIvol, area: {left: 80, top: 30, right: 260, bottom: 60}}
      dlp: {text: DLP, area: {left: ctdivol.right, top: 30, right: 400, bottom: 60}}
      phantom: {text: Phantom, area: {left: dlp.right, top: 30, right: 512, bottom: 60}}
      total: {text: Total, area: {left: 0, top: dlp.bottom, right: 200, bottom: 230}, floating: true, required: false}
    fields:
      dlp_total:
        area: {left: total.right + 1, top: total.top - 3, right: 400, bottom: total.bottom + 3}
        type: decimal
        unit: mGy.cm
        pattern: '\d{1,4}\.\d'
        blank: empty
    table:
      area: {left: 0, top: dlp.bottom + 2, right: 512, bottom: 220}
      also: [legend]
      columns:
        acquisition_type: {left: 0, right: ctdivol.left - 10, type: choice, choices: types, heading: type}
        mean_ctdivol:
          left: ctdivol.left - 10
          right: dlp.left - 10
          type: decimal
          unit: mGy
          pattern: '\d{1,3}\.\d'
          blank: empty
          heading: ctdivol
        dlp:
          left: dlp.left - 10
          right: phantom.left - 10
          type: decimal
          unit: mGy.cm
          pattern: '\d{1,4}\.\d'
          blank: empty
          heading: dlp
        phantom: {left: phantom.left - 10, right: 512, type: choice, choices: phantoms, blank: empty, heading: phantom}
checks:
  - {sum_of: dlp, equals: dlp_total, within: 0.1}
"""

# The same with a labelled patient ID in the top right corner.
WITH_ID = TEMPLATE.replace(
    "    fields:\n",
    r"""    fields:
      patient_id:
        area: {left: 300, top: 0, right: 512, bottom: 30}
        type: text
        pattern: 'ID:(?P<value>\d+)'
        blank: empty
        same_as_header: PatientID
""",
)

HEADINGS = {14: "Type", 120: "CTDIvol", 240: "DLP", 360: "Phantom"}
ROWS: tuple[dict[int, str], ...] = (
    {14: "Scout"},
    {14: "Helical", 120: "11.2", 240: "498.4", 360: "Body"},
    {14: "Helical", 120: "7.5", 240: "120.1", 360: "Body"},
)
TOTAL = "618.5"


def glyph(letter: str) -> Page:
    """The bitmap of one letter: uint8 (9, 5)."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    if letter == ".":
        drawn[-2:, :2] = 255
        return drawn
    if letter == "-":
        drawn[4:6, :] = 255
        return drawn
    drawn[[0, -1], :] = 255
    drawn[:, [0, -1]] = 255
    code = ord(letter)
    if letter.isdigit():
        # Digits differ as much as a console's do: Hamming's (7, 4) code, and a notch that no letter has.
        value = int(letter)
        a, b, c, d = (value >> bit & 1 for bit in range(4))
        code = value | (a ^ b ^ d) << 4 | (a ^ c ^ d) << 5 | (b ^ c ^ d) << 6
        drawn[0, 2] = 0
    for bit in range(7):
        if code >> bit & 1:
            drawn[1 + bit, 1:4] = 255  # thrice: no single pixel makes another letter of it
    return drawn


GLYPHS = {glyph(letter).tobytes(): letter for letter in map(chr, range(33, 127))}


def typed(page: Page, x: int, y: int, text: str, level: int = 255) -> None:
    """Type the text on the page with its top left at (x, y)."""
    for number, letter in enumerate(text):
        if letter != " ":
            left = x + number * PITCH
            place = page[y : y + HEIGHT, left : left + WIDTH]
            shown = glyph(letter)[: place.shape[0], : place.shape[1]]
            place[shown > 0] = level


def blank(rows: int = 256, columns: int = 512) -> Page:
    return np.zeros((rows, columns), np.uint8)


def dose_page(
    rows: Sequence[Mapping[int, str]] = ROWS,
    total: str | None = TOTAL,
    headings: Mapping[int, str] = HEADINGS,
) -> Page:
    """A page of the template above: a title, headings, a row each 15 px, and the total below them."""
    page = blank()
    typed(page, 200, 10, "Dose Report")
    for x, text in headings.items():
        typed(page, x, 40, text)
    for number, row in enumerate(rows):
        for x, text in row.items():
            typed(page, x, 60 + 15 * number, text)
    if total is not None:
        typed(page, 120, 60 + 15 * len(rows) + 6, "Total")
        typed(page, 240, 60 + 15 * len(rows) + 6, total)
    return page


@dataclass
class TypedReader:
    """Reads typed letters exactly, but for the words and the letters it is told to mistake."""

    mistakes: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        self.asked += len(crops)
        texts = [reading(crop) for crop in crops]
        swapped = str.maketrans(dict(self.letters))
        return [self.mistakes.get(text, text).translate(swapped) for text in texts]


def reading(crop: Crop) -> str:
    ink = np.where(crop > max(20, int(crop.max()) // 2), 255, 0).astype(np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return ""
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cut = np.pad(cut, ((max(0, HEIGHT - cut.shape[0]), 0), (0, PITCH)))[:HEIGHT]
    cells = [cut[:, left : left + WIDTH] for left in range(0, cut.shape[1] - PITCH, PITCH)]
    letters = [" " if not cell.any() else GLYPHS.get(np.ascontiguousarray(cell).tobytes(), "?") for cell in cells]
    return "".join(letters)


def library(folder: Path, text: str = TEMPLATE) -> Library:
    (folder / "acme").mkdir(exist_ok=True)
    (folder / "acme" / "dose.yaml").write_text(text)
    return load_templates(folder)


def dose_object(page: Page, **header: object) -> Dataset:
    told = {
        "Manufacturer": "ACME",
        "SeriesDescription": "Dose",
        "StudyInstanceUID": "1.2.3",
        "StudyDate": "20200101",
        "SeriesInstanceUID": "1.2",
    }
    return saved(page, **{**told, **header})


def read(
    page: Page,
    folder: Path,
    mistaken_by_one: Mapping[str, str] | None = None,
    text: str = TEMPLATE,
    swapped_by_one: Mapping[str, str] | None = None,
) -> Ending:
    """The ending of a unit of one typed page; `mistaken_by_one`, `swapped_by_one`: what Tesseract reads wrongly."""
    second = TypedReader(mistaken_by_one or {}, swapped_by_one or {})
    readers = Readers(TypedReader(), second, (("none",), ("stretch",)))
    return read_unit([dose_object(page)], library(folder, text), readers)
