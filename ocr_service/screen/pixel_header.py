"""What an object's header says of its pixels, checked before anything is decoded.

Every later step may rely on these numbers: they are whole, within the bounds, and agree with each other.
Knows attributes of the Image Pixel module (PS3.3 C.7.6.3); must not know encodings, windows or letters.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pydicom
from pydicom import datadict
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ocr_service.errors import PixelError

# Everything pydicom and the decoders are known to raise on bytes that lie. struct.error has no better parent.
_FOREIGN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
AGAIN = "export the page again from the console or the PACS"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one object may ask for: rows and columns in pixels, frames, bytes of all frames decoded."""

    rows: int = 8192
    columns: int = 8192
    frames: int = 64
    decoded_bytes: int = 256 * 2**20


@dataclass(frozen=True, slots=True)
class PixelHeader:
    """The Image Pixel module (PS3.3 C.7.6.3) of one object, in its own words, checked."""

    rows: int
    columns: int
    frames: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar_configuration: int
    photometric_interpretation: str
    transfer_syntax: str
    little_endian: bool

    @property
    def samples(self) -> int:
        """Samples of one frame."""
        return self.rows * self.columns * self.samples_per_pixel


@contextmanager
def foreign_errors(what_failed: str) -> Iterator[None]:
    """Map what pydicom or a decoder raises to a PixelError; their warnings say nothing a reader could use."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _FOREIGN as error:
        raise PixelError(f"{what_failed} ({type(error).__name__}); {AGAIN}") from error


def named(keyword: str) -> str:
    """A DICOM keyword with its tag, as error texts show it: ``Rows (0028,0010)``."""
    tag = datadict.tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def whole_number(value: object, name: str) -> int | None:
    """One whole number out of an element's value; None where it is absent or empty.

    Raises PixelError where there is something else.
    """
    if value is None or value == "":
        return None
    with foreign_errors(f"{name} is no whole number"):
        number = int(value)  # type: ignore[call-overload]
        if number != value and str(number) != str(value).strip():
            raise ValueError(name)
    return int(number)


def attribute(ds: pydicom.Dataset, keyword: str) -> object:
    """The value of an element, None where it is absent; PixelError where its bytes cannot be understood."""
    with foreign_errors(f"{named(keyword)} cannot be read"):
        value: object = ds.get(keyword)
    return value


def has_pixels(ds: pydicom.Dataset) -> bool:
    """Whether there is anything in Pixel Data; pixels as floating point numbers are refused."""
    for keyword in ("FloatPixelData", "DoubleFloatPixelData"):
        if keyword in ds:
            raise PixelError(f"the pixels are in {named(keyword)}, which no dose screen uses; {AGAIN}")
    return bool(attribute(ds, "PixelData"))


def pixel_header(ds: pydicom.Dataset, bounds: Bounds) -> PixelHeader:
    """Read and check what the header says of the pixels.

    Raises PixelError with a sentence that names the attribute: missing, absurd, or beyond the bounds.
    """
    allocated = _one_of(ds, "BitsAllocated", (1, 8, 16))
    stored = _within(ds, "BitsStored", 1, allocated)
    transfer_syntax, little_endian = _encoding(ds)
    frames = whole_number(attribute(ds, "NumberOfFrames"), named("NumberOfFrames"))
    header = PixelHeader(
        rows=_within(ds, "Rows", 1, bounds.rows),
        columns=_within(ds, "Columns", 1, bounds.columns),
        frames=1 if frames is None else _checked(frames, "NumberOfFrames", 1, bounds.frames),
        samples_per_pixel=_one_of(ds, "SamplesPerPixel", (1, 3)),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_high_bit(ds, stored, allocated),
        signed=_one_of(ds, "PixelRepresentation", (0, 1)) == 1,
        planar_configuration=_planar_configuration(ds),
        photometric_interpretation=_photometric_interpretation(ds),
        transfer_syntax=transfer_syntax,
        little_endian=little_endian,
    )
    decoded = header.samples * header.frames * max(1, header.bits_allocated // 8)
    if decoded > bounds.decoded_bytes:
        raise PixelError(
            f"Rows x Columns x NumberOfFrames need {decoded} bytes decoded, more than the "
            f"{bounds.decoded_bytes} allowed; send the pages as single frames, or raise the bound"
        )
    return header


def _within(ds: pydicom.Dataset, keyword: str, least: int, most: int) -> int:
    number = whole_number(attribute(ds, keyword), named(keyword))
    if number is None:
        raise PixelError(f"{named(keyword)} is missing; {AGAIN}")
    return _checked(number, keyword, least, most)


def _checked(number: int, keyword: str, least: int, most: int) -> int:
    if not least <= number <= most:
        raise PixelError(f"{named(keyword)} is {number}, not in {least} to {most}; {AGAIN}")
    return number


def _one_of(ds: pydicom.Dataset, keyword: str, allowed: tuple[int, ...]) -> int:
    number = _within(ds, keyword, min(allowed), max(allowed))
    if number not in allowed:
        raise PixelError(f"{named(keyword)} is {number}, not one of {allowed}; {AGAIN}")
    return number


def _high_bit(ds: pydicom.Dataset, stored: int, allocated: int) -> int:
    """High Bit; where it is missing, the only value that PS3.5 8.1.1 still allows."""
    number = whole_number(attribute(ds, "HighBit"), named("HighBit"))
    return stored - 1 if number is None else _checked(number, "HighBit", stored - 1, allocated - 1)


def _planar_configuration(ds: pydicom.Dataset) -> int:
    number = whole_number(attribute(ds, "PlanarConfiguration"), named("PlanarConfiguration"))
    return 0 if number is None else _checked(number, "PlanarConfiguration", 0, 1)


def _photometric_interpretation(ds: pydicom.Dataset) -> str:
    """Photometric Interpretation, checked against Samples per Pixel."""
    words = str(attribute(ds, "PhotometricInterpretation") or "").strip()
    if not words:
        raise PixelError(f"{named('PhotometricInterpretation')} is missing; {AGAIN}")
    known = _GREY if attribute(ds, "SamplesPerPixel") == 1 else _COLOUR
    if words not in known:
        # The attribute is a code string of the sender's making: only known words are repeated in a text.
        said = words if words in _GREY + _COLOUR else "unknown"
        raise PixelError(
            f"{named('PhotometricInterpretation')} is {said}, which does not fit "
            f"{named('SamplesPerPixel')}; it must be one of {', '.join(known)}"
        )
    return words


def _encoding(ds: pydicom.Dataset) -> tuple[str, bool]:
    """Transfer syntax UID and byte order; without file meta information, as the data set was read."""
    meta = getattr(ds, "file_meta", None)
    with foreign_errors("TransferSyntaxUID (0002,0010) cannot be read"):
        uid = str(meta.get("TransferSyntaxUID") or "") if meta is not None else ""
    if uid:
        return uid, uid != "1.2.840.10008.1.2.2"
    implicit, little_endian = ds.original_encoding
    native = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return str(native), little_endian is not False
