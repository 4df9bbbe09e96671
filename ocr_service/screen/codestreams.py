"""What a compressed frame says of itself before it is decoded, and RLE, which needs no library.

A decoder believes the frame, not the object: a frame of a hundred bytes can ask it for gigabytes. So the
frame's own size must be the object's, and the frame must have its end.
Knows ISO 10918-1, 14495-1, 15444-1 markers and PS3.5 annex G; must not know what the pixels mean.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_service.errors import PixelError
from ocr_service.screen.pixel_header import AGAIN, PixelHeader, foreign_errors

_END = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000
_SOF = frozenset((0xC0, 0xC1, 0xC3, 0xF7))  # baseline, extended, lossless, JPEG-LS
_LOSSLESS_SOF = frozenset((0xC3, 0xF7))
# What may stand before a frame header: tables, restart interval, comment, JPEG-LS parameters, APPn. Not
# DHP or another SOF: they begin frames of another size.
_BEFORE_SOF = frozenset((0xC4, 0xCC, 0xDB, 0xDD, 0xF8, 0xFE, *range(0xE0, 0xF0)))
# Tiles, precincts and layers cost a decoder memory and time each, however few bytes describe them: 160 bytes
# can ask OpenJPEG for gigabytes. Real encoders use some hundred tiles at most, precincts of 2**7, 20 layers.
_MOST_TILES = 4096
_LEAST_PRECINCT_EXPONENT = 5
_MOST_LAYERS = 64


@dataclass(frozen=True, slots=True)
class FrameSize:
    """What a compressed frame states: rows and columns in pixels, components, bits of a sample.

    `photometric_interpretation` is empty unless the frame itself says whether it is RGB or YBR_FULL.
    """

    rows: int
    columns: int
    components: int
    precision: int
    photometric_interpretation: str = ""

    def must_equal(self, header: PixelHeader) -> None:
        """Raise PixelError unless the frame is as large as the object's header says."""
        if (self.rows, self.columns) != (header.rows, header.columns):
            raise PixelError(
                f"a compressed frame says it has {self.rows} rows and {self.columns} columns, but Rows "
                f"(0028,0010) and Columns (0028,0011) say {header.rows} and {header.columns}; {AGAIN}"
            )
        if self.components != header.samples_per_pixel:
            raise PixelError(
                f"a compressed frame says it has {self.components} components, but SamplesPerPixel "
                f"(0028,0002) says {header.samples_per_pixel}; {AGAIN}"
            )
        if not 1 <= self.precision <= 16:
            raise PixelError(f"a compressed frame says it has {self.precision} bits a sample; {AGAIN}")


def jpeg_size(frame: bytes) -> FrameSize:
    """The size in the frame header of a JPEG or JPEG-LS frame (ISO 10918-1 B.2.2, 14495-1 C.2.2)."""
    _must_end(frame, "JPEG")
    with foreign_errors("the markers of a JPEG frame cannot be followed"):
        if frame[:2] != b"\xff\xd8":
            raise ValueError("no SOI")
        at = 2
        colour = ""
        while frame[at + 1] not in _SOF:
            if frame[at + 1] not in _BEFORE_SOF:
                raise ValueError("no such segment before a frame header")
            length = _segment_length(frame, at)
            colour = _colour_of_application_segment(frame[at : at + 2 + length]) or colour
            at += 2 + length
        start, precision, rows, columns, components = struct.unpack_from(">BxxBHHB", frame, at + 1)
        ids = bytes(frame[at + 10 : at + 10 + 3 * components : 3])
        # A scan for each component at most; bytes in a scan never look like its marker.
        if frame.count(b"\xff\xda", at) > components:
            raise ValueError("more scans than components")
    if start != 0xF7 and 8 * len(frame) < _fewest_bits(start, rows, columns):
        raise PixelError(f"a JPEG frame of {len(frame)} bytes cannot hold {rows} rows; it was cut off, {AGAIN}")
    if ids in (b"RGB", b"rgb"):
        colour = "RGB"
    elif start in _LOSSLESS_SOF:
        colour = ""
    return FrameSize(rows, columns, components, precision, colour if components == 3 else "")


def jpeg_ls_scans(frame: bytes) -> list[tuple[int, int]]:
    """The number of components and NEAR of each scan of a JPEG-LS frame (ISO 14495-1 C.2.3)."""
    found = []
    with foreign_errors("the scans of a JPEG-LS frame cannot be followed"):
        at = frame.find(b"\xff\xda")
        while at >= 0:
            components = frame[at + 4]
            found.append((components, frame[at + 5 + 2 * components]))
            at = frame.find(b"\xff\xda", at + 2)
    return found


def jpeg_2000_size(frame: bytes) -> FrameSize:
    """The size in the SIZ segment of a JPEG 2000 frame (ISO 15444-1 A.5.1), with or without JP2 boxes."""
    _must_end(frame, "JPEG 2000")
    with foreign_errors("the markers of a JPEG 2000 frame cannot be followed"):
        at = frame.index(b"\xff\x4f\xff\x51")
        if at and frame[4:8] != b"jP  ":
            raise ValueError("no SOC")
        size = struct.unpack_from(">8IH", frame, at + 8)
        x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = size
        parts = frame[at + 42 : at + 42 + 3 * components]
        tiles = -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y)
        if tiles > _MOST_TILES:
            raise ValueError("too many tiles")
        if len(set(parts[0::3])) != 1 or set(parts[1::3]) | set(parts[2::3]) != {1}:
            raise ValueError("components of different size")
        _must_be_modest(frame, at + 2)
    return FrameSize(y1 - y0, x1 - x0, components, (parts[0] & 0x7F) + 1)


def unpack_rle(frame: bytes, header: PixelHeader) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Samples (rows, columns, samples per pixel) of an RLE frame (PS3.5 annex G); PixelError where short."""
    width = max(1, header.bits_allocated // 8)
    pixels = header.rows * header.columns
    with foreign_errors("the header of an RLE frame cannot be read"):
        count, *offsets = struct.unpack_from("<16I", frame)
    if header.bits_allocated == 1 or count != width * header.samples_per_pixel:
        raise PixelError(
            f"an RLE frame has {count} segments, but BitsAllocated (0028,0100) and SamplesPerPixel "
            f"(0028,0002) need {width * header.samples_per_pixel}; {AGAIN}"
        )
    ends = [*offsets[1:count], len(frame)]
    words = np.empty((header.samples_per_pixel, width, pixels), np.uint8)
    for segment, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        plane = _unpack_bits(frame[start:end], pixels) if 64 <= start <= end <= len(frame) else b""
        if len(plane) != pixels:
            raise PixelError(f"an RLE segment gives {len(plane)} of {pixels} bytes, it was cut off; {AGAIN}")
        # The most significant byte comes first; little endian words have it last.
        words[segment // width, width - 1 - segment % width] = np.frombuffer(plane, np.uint8)
    shape = (header.rows, header.columns, header.samples_per_pixel)
    by_pixel = np.ascontiguousarray(words.transpose(2, 0, 1))
    return by_pixel.reshape(shape) if width == 1 else by_pixel.view("<u2").astype(np.uint16).reshape(shape)


def _unpack_bits(segment: bytes, most: int) -> bytes:
    """PackBits as PS3.5 G.3.1 has it, ended at `most` bytes however much the segment promises."""
    unpacked = bytearray()
    at, end = 0, len(segment) - 1
    while at < end and len(unpacked) < most:
        control = segment[at]
        if control < 128:
            unpacked += segment[at + 1 : at + 2 + control]
            at += control + 2
        elif control > 128:
            unpacked += segment[at + 1 : at + 2] * (257 - control)
            at += 2
        else:
            at += 1
    return bytes(unpacked[:most])


def _must_end(frame: bytes, kind: str) -> None:
    # Decoders fill what is missing with black, and a lost row of the table would look like an empty one.
    if not frame.rstrip(b"\0").endswith(_END) and not frame.endswith(_END):
        raise PixelError(f"a {kind} frame has no end: it was cut off on its way; {AGAIN}")


def _segment_length(stream: bytes, at: int) -> int:
    """The length of the marker segment at `at`, the two bytes of the marker not counted."""
    marker, length = struct.unpack_from(">HH", stream, at)
    if marker < 0xFF00 or length < 2:
        raise ValueError("no marker segment")
    return int(length)


def _colour_of_application_segment(segment: bytes) -> str:
    """JFIF is YCbCr; the Adobe segment says which. Empty for other segments."""
    marker, content = segment[1], segment[4:]
    if marker == 0xE0 and content.startswith(b"JFIF"):
        return "YBR_FULL"
    if marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12:
        return "YBR_FULL" if content[11] == 1 else "RGB"
    return ""


def _fewest_bits(start: int, rows: int, columns: int) -> int:
    """What a frame needs at least: a code for each sample, or two for each block of eight by eight.

    The decoder fills what is missing in silence, and takes as long for it.
    """
    return rows * columns if start in _LOSSLESS_SOF else 2 * -(-rows // 8) * -(-columns // 8)


def _must_be_modest(frame: bytes, at: int) -> None:
    """Follow the main and tile-part headers; raise ValueError where they ask for more than an image needs."""
    part = 0
    while frame[at : at + 2] != _END and at < len(frame) - 1:
        marker = frame[at : at + 2]
        if marker == b"\xff\x93":  # SOD: what follows are packets up to the end of the tile-part
            if part == 0:
                return
            if part < at:
                raise ValueError("a tile-part that ends in its own header")
            at, part = part, 0
            continue
        length = _segment_length(frame, at)
        content = frame[at + 4 : at + 2 + length]
        if marker == b"\xff\x90":
            tile_part = int.from_bytes(content[2:6], "big")
            part = at + tile_part if tile_part >= 14 else 0
        if marker == b"\xff\x5f" or (marker == b"\xff\x52" and _layers(content) > _MOST_LAYERS):
            raise ValueError("changes of progression, or too many layers")
        exponents = _precinct_exponents(marker, content)
        if any(min(e & 0xF, e >> 4) < _LEAST_PRECINCT_EXPONENT for e in exponents):
            raise ValueError("tiny precincts")
        at += 2 + length


def _layers(content: bytes) -> int:
    """Quality layers of a COD segment (ISO 15444-1 A.6.1)."""
    return int.from_bytes(content[2:4], "big")


def _precinct_exponents(marker: bytes, content: bytes) -> bytes:
    """The precinct sizes of a COD or COC segment (ISO 15444-1 A.6.1, A.6.2), a byte a resolution level."""
    if marker == b"\xff\x52" and content[:1] and content[0] & 1:
        return content[10:]
    if marker == b"\xff\x53" and content[1:2] and content[1] & 1:
        return content[7:]
    return b""
