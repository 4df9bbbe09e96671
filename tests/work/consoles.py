"""A console that never was: its template, its pages as objects, and a reader that knows every word drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from ocr_service.screen.readers import Crop, Readers
from ocr_service.templates.library import Library, load_templates

TEMPLATE = r"""title: Acme dose page
status: drawn
revision: 1
match: {Manufacturer: ACME*, SeriesDescription: Dose*}
screen: {rows: 192, columns: 256}
choices:
  types: {spiral: [Helical], sequenced: [Axial]}
  phantoms: {head: [Head], body: [Body]}
pages:
  dose:
    anchors:
      title: {text: [Dose], area: {left: 0, top: 0, right: 256, bottom: 30}}
      ctdivol: {text: [CTDIvol], area: {left: 80, top: 24, right: 160, bottom: 50}}
      ctdivol_unit: {text: [mGy], area: {left: 80, top: 44, right: 160, bottom: 72}}
      dlp: {text: [DLP], area: {left: 150, top: 24, right: 215, bottom: 50}}
      dlp_unit: {text: [mGycm], area: {left: 150, top: 44, right: 215, bottom: 72}}
      total: {text: [Total], area: {left: 0, top: dlp_unit.bottom, right: 100, bottom: 192}, required: false}
    fields:
      dlp_total:
        area: {left: total.right + 2, top: total.top - 4, right: 256, bottom: total.bottom + 4}
        type: decimal
        unit: mGy.cm
        pattern: '\d{1,5}\.\d'
        blank: empty
    table:
      area: {left: 0, top: dlp_unit.bottom + 2, right: 256, bottom: 192}
      lines: ['Total.*']
      columns:
        series_number: {left: 0, right: 24, type: integer, pattern: '\d{1,3}'}
        acquisition_type: {left: 24, right: 88, type: choice, choices: types}
        mean_ctdivol:
          {left: 88, right: 148, type: decimal, unit: mGy, pattern: '\d{1,3}\.\d\d', heading: [ctdivol, ctdivol_unit]}
        dlp: {left: 148, right: 205, type: decimal, unit: mGy.cm, pattern: '\d{1,5}\.\d', heading: [dlp, dlp_unit]}
        phantom: {left: 205, right: 256, type: choice, choices: phantoms}
checks:
  - {sum_of: dlp, equals: dlp_total, within: 0.1}
complete_by: total
"""
PLACES = (6, 28, 92, 152, 209)
HEADINGS = ((6, 20, "Dose"), (92, 42, "CTDIvol"), (92, 64, "mGy"), (152, 42, "DLP"), (152, 64, "mGycm"))
Row = tuple[str, str, str, str, str]
ROWS: tuple[Row, ...] = (("2", "Helical", "11.20", "498.4", "Body"), ("3", "Axial", "4.10", "61.3", "Head"))
WORDS = {text for _, _, text in HEADINGS} | {"Total", "559.7"} | {word for row in ROWS for word in row}
ROOT = "1.2.826.0.1.3680043.8.498.77"


def library(folder: Path) -> Library:
    """The template alone, loaded from the folder, which is made."""
    (folder / "acme").mkdir(parents=True, exist_ok=True)
    (folder / "acme" / "dose.yaml").write_text(TEMPLATE)
    return load_templates(folder)


def drawn(rows: Sequence[Row] = ROWS, total: str = "559.7") -> np.ndarray:
    """The page, uint8 (192, 256)."""
    words = [*HEADINGS]
    words += [(x, 86 + 18 * n, word) for n, row in enumerate(rows) for x, word in zip(PLACES, row, strict=True)]
    if total:
        words += [(6, 86 + 18 * len(rows), "Total"), (152, 86 + 18 * len(rows), total)]
    page = np.zeros((192, 256), np.uint8)
    for x, y, word in words:
        _put(page, x, y, word)
    return page


def _put(page: np.ndarray, x: int, y: int, word: str) -> None:
    cv2.putText(page, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1, cv2.LINE_8)


def screen(number: int = 1, study: int = 1, pixels: np.ndarray | None = None, **header: Any) -> Dataset:
    """The page as the console saves it: one object of the study."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.SOPInstanceUID = f"{ROOT}.{study}.1.{number}"
    ds.StudyDate = ds.ContentDate = "20240301"
    ds.StudyTime, ds.ContentTime = "101500", f"1020{number:02d}.{study:03d}"
    ds.AccessionNumber, ds.Modality, ds.Manufacturer = "A17", "CT", "ACME"
    ds.ReferringPhysicianName = ""
    ds.SeriesDescription, ds.ManufacturerModelName = "Dose page", "Roadrunner"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Doe^Jane", "P1", "19700101", "F"
    ds.DeviceSerialNumber = "77"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.1"
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", "999", str(number)
    page = drawn() if pixels is None else pixels
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = page.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = page.tobytes()
    ds["PixelData"].VR = "OB"
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def saved(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """The object as a file of the transfer syntax."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax == ExplicitVRLittleEndian or syntax.startswith("1.2.840.10008.1.2.1"):
        ds.file_meta.TransferSyntaxUID = UID(syntax)
    else:
        ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


@lru_cache(maxsize=4096)
def _shape(word: str) -> bytes:
    page = np.zeros((64, 256), np.uint8)
    _put(page, 10, 40, word)
    return _ink(page)


def _ink(crop: np.ndarray) -> bytes:
    ink = np.argwhere(crop > 127)
    if not len(ink):
        return b""
    (top, left), (bottom, right) = ink.min(0), ink.max(0) + 1
    part = crop[top:bottom, left:right] > 127
    return repr(part.shape).encode() + np.packbits(part).tobytes()


@dataclass
class Knowing:
    """An engine that reads the words it was told, letter by letter as they are drawn, and nothing else."""

    words: frozenset[str] = frozenset(WORDS)

    def read(self, crops: Sequence[Crop], preparations: Sequence[tuple[str, ...]] | None = None) -> list[str]:
        known = {_shape(word): word for word in self.words}
        return [known.get(_ink(crop), "") for crop in crops]


def readers() -> Readers:
    """Both engines, which know every word of these pages."""
    return Readers(Knowing(), Knowing(), (("none",),))


def is_word(crop: np.ndarray, word: str) -> bool:
    """Shows the crop this word, drawn as on these pages?"""
    return _ink(crop) == _shape(word)
