"""One object in two encodings: do both say the same?

Knows what a gateway may change of an object under its SOP Instance UID (PS3.5 6.2.2, 8 and A.4): how pixels, texts
and unknown values are written, and what it says of its own work. Must not know files or units.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag

from ocr_service.errors import PixelError
from ocr_service.screen.frames import Frame, frames
from ocr_service.screen.pixel_header import Bounds, has_pixels, pixel_header

_OF_THE_ENCODING = frozenset(
    Tag(keyword)
    for keyword in (
        "SpecificCharacterSet", "PhotometricInterpretation", "PlanarConfiguration", "LossyImageCompression",
        "LossyImageCompressionRatio", "LossyImageCompressionMethod", "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths", "PixelData", "DataSetTrailingPadding",
        "DerivationDescription", "DerivationCodeSequence",  # compressors name themselves there
    )
)  # fmt: skip
_RED_GREEN_BLUE = frozenset({"RGB", "YBR_RCT", "YBR_ICT"})  # what a decoder of JPEG 2000 gives back as RGB
# What comparing and decoding raise over elements that lie.
_FOREIGN = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, PixelError)


def say_the_same(one: Dataset, other: Dataset) -> bool:
    """Do two data sets say the same, however their files write it? Pixels are compared where both have them.

    What cannot be compared is not the same. Never raises.
    """
    try:
        return _same_elements(one, other) and _same_pixels(one, other)
    except _FOREIGN:
        return False


def _same_elements(one: Dataset, other: Dataset) -> bool:
    here, there = _told(one), _told(other)
    return here.keys() == there.keys() and all(_same(element, there[tag]) for tag, element in here.items())


def _told(ds: Dataset) -> dict[int, DataElement]:
    """The elements that no encoding changes; lengths of groups are of the encoding too."""
    return {int(one.tag): one for one in ds if one.tag not in _OF_THE_ENCODING and one.tag.element != 0}


def _same(one: DataElement, other: DataElement) -> bool:
    if one == other:
        return True
    if one.VR == other.VR == "SQ":
        return len(one.value) == len(other.value) and all(map(_same_elements, one.value, other.value))
    # An element that somebody on the way did not know was written as UN, its value as in Implicit VR Little Endian.
    return "UN" in (one.VR, other.VR) and one.VR != other.VR and _written(one) == _written(other)


def _written(element: DataElement) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_data_element(buffer, element)
    return bytes(buffer.getvalue())


def _same_pixels(one: Dataset, other: Dataset) -> bool:
    if not (has_pixels(one) and has_pixels(other)):
        return has_pixels(one) == has_pixels(other)
    return all(
        here is not None and there is not None and _same_frame(here, there)
        for here, there in zip_longest(_frames(one), _frames(other))
    )


def _frames(ds: Dataset) -> Iterator[tuple[str, NDArray[np.uint16]]]:
    """What the samples of each frame are, and their values."""
    header = pixel_header(ds, Bounds())
    for frame in frames(ds, header):
        photometric = frame.photometric_interpretation
        yield "RGB" if photometric in _RED_GREEN_BLUE else photometric, _values(frame, header.bits_stored)


def _values(frame: Frame, bits: int) -> NDArray[np.uint16]:
    """The stored bits of each sample, brought down to bit 0."""
    lowest = frame.high_bit + 1 - frame.bits_stored
    return (frame.samples.astype(np.uint16) >> np.uint16(lowest)) & np.uint16(2**bits - 1)


def _same_frame(one: tuple[str, NDArray[np.uint16]], other: tuple[str, NDArray[np.uint16]]) -> bool:
    return one[0] == other[0] and np.array_equal(one[1], other[1])
