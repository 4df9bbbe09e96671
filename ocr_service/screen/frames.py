"""Frames of Pixel Data, decoded: bytes of any transfer syntax in, samples out.

One decoder a transfer syntax, so that the same object gives the same samples on every machine. Before a
decoder sees a frame, the frame's own header must state the size that the object states.
Knows PS3.5 section 8 and annex A, and the decoders; must not know windows, colours' meaning or letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import jpeg_ls
import numpy as np
import pydicom
from libjpeg.utils import decode_pixel_data as decode_jpeg
from numpy.typing import NDArray
from openjpeg.utils import decode_pixel_data as decode_jpeg_2000
from pydicom import encaps, uid

from ocr_service.errors import PixelError
from ocr_service.screen import codestreams
from ocr_service.screen.pixel_header import AGAIN, PixelHeader, attribute, foreign_errors

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_NATIVE = frozenset(
    str(u)
    for u in (
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
    )
)
_JPEG = frozenset(str(u) for u in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1))
_JPEG_LS = frozenset(str(u) for u in (uid.JPEGLSLossless, uid.JPEGLSNearLossless))
_JPEG_2000 = frozenset(str(u) for u in (uid.JPEG2000Lossless, uid.JPEG2000))
_LOSSY = frozenset(str(u) for u in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame as stored.

    `samples` is (rows, columns, samples per pixel), unsigned 8 or 16 bit words as they stand in the object,
    bits beyond Bits Stored included; `bits_stored` and `high_bit` say where the value lies in a word;
    `photometric_interpretation` is what the samples are, which a JPEG may know better than the header.
    """

    samples: Samples
    bits_stored: int
    high_bit: int
    photometric_interpretation: str


def frames(ds: pydicom.Dataset, header: PixelHeader) -> Iterator[Frame]:
    """Decode frame after frame of Pixel Data (PS3.5 8 and A.4), holding one at a time.

    Raises PixelError: unknown transfer syntax, too few or too many bytes or frames, a lying or broken frame.
    """
    element = ds["PixelData"]
    if not isinstance(element.value, bytes):
        raise PixelError(f"PixelData (7FE0,0010) holds no bytes; {AGAIN}")
    if header.transfer_syntax in _NATIVE:
        if element.is_undefined_length:
            raise PixelError(
                f"PixelData (7FE0,0010) is encapsulated, but TransferSyntaxUID (0002,0010) says it is not; {AGAIN}"
            )
        return _native_frames(element.value, str(element.VR), header)
    if header.transfer_syntax in _JPEG | _JPEG_LS | _JPEG_2000 | {str(uid.RLELossless)}:
        return _encapsulated_frames(ds, header)
    raise PixelError(
        "nothing here decodes the TransferSyntaxUID (0002,0010) "
        f"{_uid_only(header.transfer_syntax)}; have it sent as Explicit VR Little Endian"
    )


def is_lossy(ds: pydicom.Dataset, header: PixelHeader) -> bool:
    """Whether compression has changed the pixels, here or before (PS3.3 C.7.6.1.1.5)."""
    return header.transfer_syntax in _LOSSY or str(attribute(ds, "LossyImageCompression")).strip() == "01"


def swapped_words(words: bytes) -> bytes:
    """The bytes of 16-bit big endian words in little endian order; a last odd byte is dropped."""
    return np.frombuffer(words[: len(words) // 2 * 2], ">u2").astype("<u2").tobytes()


def _uid_only(text: str) -> str:
    return text if len(text) <= 64 and all(c in "0123456789." for c in text) else "(no UID)"


# Native pixels --------------------------------------------------------------------------------------------


def _native_frames(pixel_data: bytes, vr: str, header: PixelHeader) -> Iterator[Frame]:
    bits = header.samples * header.bits_allocated
    if header.photometric_interpretation == "YBR_FULL_422":
        bits = bits // 3 * 2
    needed = -(-bits * header.frames // 8)
    if len(pixel_data) < needed:
        raise PixelError(
            f"PixelData (7FE0,0010) holds {len(pixel_data)} bytes where Rows, Columns and NumberOfFrames "
            f"need {needed}; the object was cut off on its way, {AGAIN}"
        )
    if len(pixel_data) - (needed + needed % 2) >= max(1, bits // 8):
        raise PixelError(
            f"PixelData (7FE0,0010) holds {len(pixel_data)} bytes, more frames than the {header.frames} that "
            f"NumberOfFrames (0028,0008) states; {AGAIN}"
        )
    if not header.little_endian and header.bits_allocated < 16 and vr == "OW":
        pixel_data = swapped_words(pixel_data)
    return (_native_frame(pixel_data, index, bits, header) for index in range(header.frames))


def _native_frame(pixel_data: bytes, index: int, bits: int, header: PixelHeader) -> Frame:
    samples: Samples
    if header.bits_allocated == 1:
        start = index * bits
        packed = np.frombuffer(pixel_data, np.uint8, -(-(start + bits) // 8) - start // 8, start // 8)
        samples = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + bits]
    elif header.bits_allocated == 8:
        samples = np.frombuffer(pixel_data, np.uint8, bits // 8, index * bits // 8)
    else:
        order = "<u2" if header.little_endian else ">u2"
        words = np.frombuffer(pixel_data, order, bits // 16, index * bits // 8)
        samples = words.astype(np.uint16, copy=False)
    photometric = header.photometric_interpretation
    planar = header.planar_configuration == 1
    if photometric == "YBR_FULL_422":
        samples, photometric, planar = _every_chrominance(samples), "YBR_FULL", False
    return Frame(_shaped(samples, header, planar), header.bits_stored, header.high_bit, photometric)


def _every_chrominance(samples: Samples) -> Samples:
    """Y1 Y2 Cb Cr becomes Y1 Cb Cr Y2 Cb Cr (PS3.3 C.7.6.3.1.2)."""
    pairs = samples[: samples.size // 4 * 4].reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(-1)


def _shaped(samples: Samples, header: PixelHeader, planar: bool) -> Samples:
    if samples.size != header.samples:
        raise PixelError(f"Columns (0028,0011) is {header.columns}, which YBR_FULL_422 cannot hold; {AGAIN}")
    if planar:
        planes = samples.reshape(header.samples_per_pixel, header.rows, header.columns)
        return planes.transpose(1, 2, 0)
    return samples.reshape(header.rows, header.columns, header.samples_per_pixel)


# Encapsulated frames --------------------------------------------------------------------------------------


def _encapsulated_frames(ds: pydicom.Dataset, header: PixelHeader) -> Iterator[Frame]:
    offsets, lengths = attribute(ds, "ExtendedOffsetTable"), attribute(ds, "ExtendedOffsetTableLengths")
    extended = (offsets, lengths) if isinstance(offsets, bytes) and isinstance(lengths, bytes) else None
    with foreign_errors("the fragments of PixelData (7FE0,0010) cannot be told apart"):
        encoded = list(
            islice(
                encaps.generate_frames(ds.PixelData, number_of_frames=header.frames, extended_offsets=extended),
                header.frames + 1,
            )
        )
    if len(encoded) != header.frames:
        more = "more" if len(encoded) > header.frames else f"only {len(encoded)}"
        raise PixelError(
            f"NumberOfFrames (0028,0008) states {header.frames}, PixelData (7FE0,0010) holds {more}; {AGAIN}"
        )
    return (_decoded(frame, header) for frame in encoded)


def _decoded(frame: bytes, header: PixelHeader) -> Frame:
    if header.transfer_syntax in _JPEG_2000:
        return _jpeg_2000(frame, header)
    if header.transfer_syntax in _JPEG_LS:
        return _jpeg_ls(frame, header)
    if header.transfer_syntax in _JPEG:
        return _jpeg(frame, header)
    samples = codestreams.unpack_rle(frame, header)
    return Frame(samples, header.bits_stored, header.high_bit, header.photometric_interpretation)


def _jpeg(frame: bytes, header: PixelHeader) -> Frame:
    stated = codestreams.jpeg_size(frame)
    stated.must_equal(header)
    with foreign_errors("a JPEG frame cannot be decoded"):
        decoded = decode_jpeg(frame, version=2)
    return _from_decoder(decoded, header, stated, planar=False)


def _jpeg_ls(frame: bytes, header: PixelHeader) -> Frame:
    stated = codestreams.jpeg_size(frame)
    stated.must_equal(header)
    scans = codestreams.jpeg_ls_scans(frame)
    planar = stated.components > 1 and any(components == 1 for components, _ in scans)
    # CharLS, which alone knows colours plane by plane, never ends over some damaged frames that are near lossless.
    if planar and any(near for _, near in scans):
        raise PixelError(f"nothing here decodes near-lossless JPEG-LS colour plane by plane; {AGAIN} uncompressed")
    with foreign_errors("a JPEG-LS frame cannot be decoded"):
        decoded = jpeg_ls.decode_pixel_data(frame)[0] if planar else decode_jpeg(frame, version=2)
    return _from_decoder(decoded, header, stated, planar)


def _jpeg_2000(frame: bytes, header: PixelHeader) -> Frame:
    stated = codestreams.jpeg_2000_size(frame)
    stated.must_equal(header)
    with foreign_errors("a JPEG 2000 frame cannot be decoded"):
        decoded = decode_jpeg_2000(frame, version=2)
    return _from_decoder(decoded, header, stated, planar=False)


def _from_decoder(
    decoded: bytes | bytearray | NDArray[np.uint8],
    header: PixelHeader,
    stated: codestreams.FrameSize,
    planar: bool,
) -> Frame:
    """A decoder gives little endian words as wide as its precision needs, values in the low bits."""
    words = bytes(decoded)
    if len(words) not in (header.samples, 2 * header.samples):
        raise PixelError(f"a frame decodes to {len(words)} bytes, which is not its stated size; {AGAIN}")
    samples: Samples
    if len(words) == header.samples:
        samples = np.frombuffer(words, np.uint8)
    else:
        samples = np.frombuffer(words, "<u2").astype(np.uint16, copy=False)
    # An encoder may state more bits than Bits Stored; what it states is what it wrote. Signed values keep
    # theirs, because the sign is at Bits Stored whatever stands above it.
    bits = header.bits_stored if header.signed else max(header.bits_stored, stated.precision)
    bits = min(bits, 8 * samples.itemsize)
    photometric = stated.photometric_interpretation or header.photometric_interpretation
    return Frame(_shaped(samples, header, planar), bits, bits - 1, photometric)
