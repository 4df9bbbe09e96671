"""Pixels into data sets, in every way that a console, a PACS or a router may write them.

Takes drawn levels (uint8) and gives the bytes of a DICOM file. Knows PS3.5; must not know makers.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
)

Levels = NDArray[np.uint8]


class DcmtkMissing(Exception):
    """DCMTK's dcmcjpeg, which makes the JPEG files, is not installed."""


def _describe(ds: Dataset, pixels: NDArray[np.generic], photometric: str, stored: int) -> Dataset:
    """Set Image Pixel (PS3.3 C.7.6.3) for `pixels` of (rows, columns) or (rows, columns, 3)."""
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = 8 * pixels.dtype.itemsize
    ds.BitsStored, ds.HighBit = stored, stored - 1
    ds.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def grey(ds: Dataset, levels: Levels) -> Dataset:
    """MONOCHROME2, 8 bit."""
    return _describe(ds, levels, "MONOCHROME2", 8)


def inverted(ds: Dataset, levels: Levels) -> Dataset:
    """MONOCHROME1, 8 bit: the same picture, stored as its negative."""
    return _describe(ds, 255 - levels, "MONOCHROME1", 8)


def signed(ds: Dataset, levels: Levels, stored: int = 16) -> Dataset:
    """Signed 0 and 1023 under intercept -1024 and a window one wide, as GE consoles save them."""
    pixels = (levels > 0).astype(np.int16) * 1023
    ds.WindowCenter, ds.WindowWidth = "-2", "1"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    return _describe(ds, pixels, "MONOCHROME2", stored)


def two_values(ds: Dataset, levels: Levels) -> Dataset:
    """Signed, black below zero and letters above it, window 0 / 1, as Toshiba consoles save them."""
    pixels = np.where(levels > 0, 1500, -1500).astype(np.int16)
    ds.WindowCenter, ds.WindowWidth = "0", "1"
    return _describe(ds, pixels, "MONOCHROME2", 16)


def twelve_bit(ds: Dataset, levels: Levels) -> Dataset:
    """Unsigned, 12 of 16 bits, with a rescale to below zero."""
    pixels = (levels.astype(np.uint32) * 4095 // 255).astype(np.uint16)
    ds.WindowCenter, ds.WindowWidth = "1024", "4096"
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    return _describe(ds, pixels, "MONOCHROME2", 12)


def rgb(ds: Dataset, levels: Levels, planar: int = 0) -> Dataset:
    """RGB from grey (rows, columns) or colour (rows, columns, 3); planar 1 stores plane after plane."""
    colours = levels if levels.ndim == 3 else np.repeat(levels[:, :, None], 3, axis=2)
    _describe(ds, colours, "RGB", 8)
    if planar:
        ds.PlanarConfiguration = 1
        ds.PixelData = np.ascontiguousarray(colours.transpose(2, 0, 1)).tobytes()
    return ds


def ybr_full(ds: Dataset, levels: Levels) -> Dataset:
    """YBR_FULL (PS3.3 C.7.6.3.1.2) from colour (rows, columns, 3)."""
    colour = levels.astype(float)
    to_ybr = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    pixels = np.rint(colour @ to_ybr.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)
    return _describe(ds, pixels, "YBR_FULL", 8)


def palette(ds: Dataset, levels: Levels) -> Dataset:
    """PALETTE COLOR: index 0 is dark blue, 1 white; the 16-bit tables hold 256 entries."""
    _describe(ds, (levels > 0).astype(np.uint8), "PALETTE COLOR", 8)
    for colour, dark in (("Red", 0), ("Green", 0), ("Blue", 0x4000)):
        table = np.zeros(256, "<u2")
        table[:2] = dark, 0xFFFF
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    return ds


def overlay_only(ds: Dataset, levels: Levels) -> Dataset:
    """All of the page in overlay plane 6000 (PS3.3 C.9.2); the 12-bit pixels are zero everywhere."""
    _describe(ds, np.zeros(levels.shape, np.uint16), "MONOCHROME2", 12)
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    ds.add_new(0x60000010, "US", levels.shape[0])
    ds.add_new(0x60000011, "US", levels.shape[1])
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(levels.ravel() > 0, bitorder="little").tobytes())
    return ds


def frames(ds: Dataset, pages: list[Levels]) -> Dataset:
    """Several pages as the frames of one object (PS3.3 A.8.3), 8 bit."""
    ds.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    grey(ds, pages[0])
    ds.NumberOfFrames = len(pages)
    ds.PixelData = b"".join(page.tobytes() for page in pages)
    ds.PageNumberVector = list(range(1, len(pages) + 1))
    ds.FrameIncrementPointer = 0x00182001
    ds.PresentationLUTShape = "IDENTITY"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    return ds


def doubled(levels: Levels) -> Levels:
    """Every pixel four times: a page saved at twice its size."""
    return levels.repeat(2, axis=0).repeat(2, axis=1)


def plain(ds: Dataset) -> bytes:
    """Explicit VR Little Endian, or the syntax that the file meta names already."""
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def implicit(ds: Dataset) -> bytes:
    """Implicit VR Little Endian."""
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return plain(ds)


def deflated(ds: Dataset) -> bytes:
    """Deflated Explicit VR Little Endian."""
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return plain(ds)


def rle(ds: Dataset) -> bytes:
    """RLE Lossless."""
    return _compressed(ds, RLELossless, "pydicom")


def jpeg_2000(ds: Dataset) -> bytes:
    """JPEG 2000, lossless only."""
    return _compressed(ds, JPEG2000Lossless, "pylibjpeg")


def jpeg_ls(ds: Dataset) -> bytes:
    """JPEG-LS, lossless."""
    return _compressed(ds, JPEGLSLossless, "pyjpegls")


def _compressed(ds: Dataset, syntax: UID, plugin: str) -> bytes:
    ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    return plain(ds)


def jpeg_lossless(ds: Dataset) -> bytes:
    """JPEG Lossless, first-order prediction, by DCMTK."""
    return _by_dcmtk(ds, JPEGLosslessSV1, "--encode-lossless-sv1")


def jpeg_baseline(ds: Dataset) -> bytes:
    """JPEG Baseline of quality 95, by DCMTK; colour becomes YBR_FULL_422."""
    return _by_dcmtk(ds, JPEGBaseline8Bit, "--encode-baseline", "--quality", "95")


def _by_dcmtk(ds: Dataset, syntax: UID, *options: str) -> bytes:
    """Take only the compressed pixels from DCMTK, so that its version stands nowhere in the file."""
    if shutil.which("dcmcjpeg") is None:
        raise DcmtkMissing("dcmcjpeg is missing: apt-get install dcmtk")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "plain.dcm"), Path(folder, "jpeg.dcm")
        source.write_bytes(plain(ds))
        subprocess.run(["dcmcjpeg", *options, source, target], check=True, capture_output=True)
        made = dcmread(target)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = made.PixelData
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.PhotometricInterpretation = made.PhotometricInterpretation
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if keyword in made:
            ds[keyword] = made[keyword]
    return plain(ds)
