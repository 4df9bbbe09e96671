"""Pages typed for the tests of this room, and readers that know the words they were typed with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import generate_uid

from ocr_service.dose.report import Box
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library, load_templates
from tests.screen.pages import saved

Word = tuple[int, int, str]  # left, base line, text
HEADING: tuple[Word, ...] = (
    (20, 30, "Dose Page"),
    (20, 80, "Type"),
    (150, 80, "CTDIvol"),
    (280, 80, "DLP"),
    (400, 80, "Phantom"),
    (150, 100, "mGy"),
    (280, 100, "mGycm"),
)
ROWS: tuple[Word, ...] = (
    (20, 130, "Spiral"), (150, 130, "12"), (280, 130, "345"), (400, 130, "Body"),
    (20, 155, "Axial"), (150, 155, "48"), (280, 155, "679"), (400, 155, "Head"),
)  # fmt: skip
TOTAL: tuple[Word, ...] = ((150, 200, "Total"), (280, 200, "1024"))
PAGE = (*HEADING, *ROWS, *TOTAL)

TEMPLATE = r"""title: Acme dose page
status: drawn
revision: 1
match: {Manufacturer: ACME*, SeriesDescription: Dose*}
screen: {rows: 256, columns: 512}
choices:
  types: {spiral: [Spiral], sequenced: [Axial]}
  phantoms: {head: [Head], body: [Body]}
pages:
  dose:
    anchors:
      ctdivol: {text: CTDIvol, area: {left: 120, top: 50, right: 260, bottom: 90}}
      ctdivol_unit: {text: mGy, area: {left: 120, top: ctdivol.bottom, right: 260, bottom: ctdivol.bottom + 30}}
      dlp: {text: DLP, area: {left: ctdivol.right, top: 50, right: 380, bottom: 90}}
      dlp_unit: {text: mGycm, area: {left: ctdivol.right, top: dlp.bottom, right: 380, bottom: dlp.bottom + 30}}
      total: {text: Total, area: {left: 120, top: dlp.bottom, right: 260, bottom: 256}, floating: true}
    fields:
      dlp_total:
        area: {left: total.right + 1, top: total.top - 6, right: 400, bottom: total.bottom + 6}
        type: decimal
        unit: mGy.cm
        pattern: '\d{1,5}'
    table:
      area: {left: 0, top: dlp_unit.bottom + 2, right: 512, bottom: 256}
      also: [Type, Phantom]
      columns:
        acquisition_type: {left: 0, right: ctdivol.left - 20, type: choice, choices: types}
        mean_ctdivol:
          {left: ctdivol.left - 20, right: dlp.left - 20, type: decimal, unit: mGy, pattern: '\d{1,4}',
           heading: [ctdivol, ctdivol_unit]}
        dlp:
          {left: dlp.left - 20, right: 390, type: decimal, unit: mGy.cm, pattern: '\d{1,5}',
           heading: [dlp, dlp_unit]}
        phantom: {left: 390, right: 512, type: choice, choices: phantoms}
checks:
  - {sum_of: dlp, equals: dlp_total}
"""
EXAMPLE = """examples:
  - file: page.dcm
    dlp_total: 1024
    rows:
      - [spiral, 12, 345, body]
      - [sequenced, 48, 679, head]
"""


def typed(words: Iterable[Word] = PAGE, rows: int = 256, columns: int = 512) -> NDArray[np.uint8]:
    """The words on dark ground, uint8 (rows, columns)."""
    page = np.zeros((rows, columns), np.uint8)
    for left, base, text in words:
        cv2.putText(page, text, (left, base), cv2.FONT_HERSHEY_PLAIN, 1.0, 255, 1, cv2.LINE_8)
    return np.where(page > 127, 255, 0).astype(np.uint8)


def box_of(word: Word) -> Box:
    """Where the letters of the word stand on the page."""
    return _inked(typed([word]))


def _inked(pixels: NDArray[np.uint8]) -> Box:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _key(pixels: NDArray[np.uint8]) -> bytes:
    if not pixels.any():
        return b""
    box = _inked(pixels)
    cut = pixels[box.top : box.bottom, box.left : box.right]
    return repr(cut.shape).encode() + cut.tobytes()


@dataclass
class Typist:
    """An engine that reads what it typed; of the words it is `blind` to it sees nothing."""

    words: Sequence[Word] = PAGE
    blind: tuple[str, ...] = ()
    known: dict[bytes, str] = field(default_factory=dict)

    def read(self, crops: Sequence[NDArray[np.uint8]], *_: object) -> list[str]:
        """The typed word of each crop, "" for anything else."""
        if not self.known:
            self.known = {_key(typed([word])): word[2] for word in self.words}
        texts = [self.known.get(_key(crop), "") for crop in crops]
        return ["" if text in self.blind else text for text in texts]


def readers(words: Sequence[Word] = PAGE, blind: tuple[str, ...] = ()) -> Readers:
    """Both engines as typists; the second is blind to some words."""
    return Readers(Typist(words), Typist(words, blind), ((), (), (), (), ()))


def screen(words: Iterable[Word] = PAGE, **header: Any) -> Dataset:
    """The object that a console would save."""
    ds = saved(typed(words))
    ds.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    ds.Manufacturer, ds.SeriesDescription = "ACME Medical", "Dose 1"
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def library(folder: Path, text: str = TEMPLATE, name: str = "acme") -> Library:
    """The templates of a folder that holds this one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_templates(folder)
