"""Pages drawn for the tests of this room, as the objects a console would save."""

from __future__ import annotations

import shutil
import subprocess
import time
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from ocr_service.errors import PixelError
from ocr_service.screen.pixels import Bounds, DoseScreen, dose_screens

LINES = ("Dose Report", "2 Helical 17.95 1299.58", "3 Axial 4.10 61.38", "Total DLP: 1360.96")


def letters(rows=160, columns=256, level=255):
    """Letters of one level on a ground of 0, uint8 (rows, columns)."""
    page = np.zeros((rows, columns), np.uint8)
    for line, text in enumerate(LINES):
        cv2.putText(page, text, (6, 30 + 32 * line), cv2.FONT_HERSHEY_PLAIN, 1.0, 255, 1, cv2.LINE_8)
    return np.where(page > 0, level, 0).astype(np.uint8)


PAGE = letters()
INK = PAGE > 0


def saved(pixels, syntax=ExplicitVRLittleEndian, **header):
    """An object of uint8, int16 or uint16 pixels (rows, columns); samples come last, frames first."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    colour = pixels.shape[-1] == 3
    shape = pixels.shape[:-1] if colour else pixels.shape
    ds.Rows, ds.Columns = shape[-2:]
    if len(shape) == 3:
        ds.NumberOfFrames = shape[0]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    ds["PixelData"].VR = "OW"
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    if "BitsStored" in header and "HighBit" not in header:
        ds.HighBit = max(0, ds.BitsStored - 1)
    return ds


def encapsulated(frames, syntax, like):
    """The header of `like` with these encoded frames as its Pixel Data."""
    ds = like.copy()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = encapsulate(list(frames))
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def rewritten(ds, tmp_path: Path, *command: str) -> pydicom.Dataset:
    """The object as a DCMTK command writes it; the test is skipped where the command is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    before, after = tmp_path / "before.dcm", tmp_path / "after.dcm"
    ds.save_as(before, enforce_file_format=True)
    subprocess.run([*command, str(before), str(after)], check=True, capture_output=True)
    return pydicom.dcmread(after)


def with_overlay(ds, bits, group=0x6000, origin=(1, 1), kind="G", **more):
    """Add an overlay plane: bits is bool (rows, columns) or (frames, rows, columns)."""
    ds.add_new((group, 0x0010), "US", bits.shape[-2])
    ds.add_new((group, 0x0011), "US", bits.shape[-1])
    if bits.ndim == 3:
        ds.add_new((group, 0x0015), "IS", bits.shape[0])
    ds.add_new((group, 0x0040), "CS", kind)
    ds.add_new((group, 0x0050), "SS", list(origin))
    if "first_frame" in more:
        ds.add_new((group, 0x0051), "US", more["first_frame"])
    ds.add_new((group, 0x0100), "US", 1)
    ds.add_new((group, 0x0102), "US", 0)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    ds.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    return ds


def picture(ds, frame=1):
    return dose_screens(ds)[frame - 1].pixels


def two_levels(ds):
    """The object shows the drawn page and nothing else."""
    assert np.array_equal(picture(ds), PAGE)


def compressed(syntax, page=PAGE):
    """The object compressed by pydicom, and its one encoded frame."""
    ds = saved(page)
    ds.compress(syntax, generate_instance_uid=False)
    return ds, next(generate_frames(ds.PixelData, number_of_frames=1))


def refused(ds, match, bounds=None):
    """The object ends in a PixelError with this text, within seconds and 64 MB."""
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(PixelError, match=match) as error:
        dose_screens(ds, bounds or Bounds())
    seconds, (_, peak) = time.monotonic() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 3
    assert peak < 64 * 2**20
    return str(error.value)


def ends_well(ds):
    """A clear ending: pages of the right type, or a PixelError of one line."""
    sentence = "."
    try:
        assert all(isinstance(screen, DoseScreen) for screen in dose_screens(ds))
    except PixelError as error:
        sentence = str(error)
    assert sentence
    assert "\n" not in sentence
