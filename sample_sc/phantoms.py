"""Small pictures of a round phantom for the axial images, reformats and localizers of the samples.

64 x 64, 16 bit, computed in whole numbers. Must not know doses.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

SIZE = 64


def axial(ds: Dataset, number: int) -> Dataset:
    """Put a water disc with a bone dot that wanders from slice to slice into `ds`."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    pixels = np.where(x**2 + y**2 < 28**2, 1024, 24)
    dot = (x - number % 9 + 4) ** 2 + (y - 12) ** 2 < 16
    return _store(ds, np.where(dot, 1900, pixels))


def coronal(ds: Dataset, number: int) -> Dataset:
    """Put a water block with a rod into `ds`: a coronal reformat or a localizer."""
    y, x = np.mgrid[:SIZE, :SIZE]
    pixels = np.where((x > 4) & (x < 60) & (y > 2), 1024, 24)
    return _store(ds, np.where(np.abs(x - 28 - number) < 3, 1900, pixels))


def _store(ds: Dataset, pixels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Dataset:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds
