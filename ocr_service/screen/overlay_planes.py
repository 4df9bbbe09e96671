"""Overlay planes (60xx,eeee) found in an object and burned into its pages.

Some consoles leave the pixels empty and draw the whole page in an overlay. Ink of an overlay is never
dropped in silence: what cannot be placed is an error or a note.
Knows PS3.3 C.9.2 and the retired planes in unused bits of the pixels; must not know windows or letters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray

from ocr_service.errors import PixelError
from ocr_service.screen.frames import Frame, swapped_words
from ocr_service.screen.pixel_header import AGAIN, Bounds, PixelHeader, foreign_errors, whole_number

_GROUPS = range(0x6000, 0x6020, 2)
BRIGHT = 255


@dataclass(frozen=True, slots=True, eq=False)
class OverlayPlane:
    """One graphics overlay.

    `bits` is bool (frames, rows, columns), empty where the plane stands in bit `bit_position` of the pixels.
    `top` and `left` are the overlay's first row and column in the page, 0-based, negative where it begins
    outside. `first_frame` is the 1-based frame of its first plane; None: its one plane is on every frame.
    """

    group: int
    bits: NDArray[np.bool_]
    top: int
    left: int
    first_frame: int | None
    bit_position: int | None = None

    def on_frame(self, number: int, frame: Frame | None) -> NDArray[np.bool_] | None:
        """The plane (rows, columns) that lies on the 1-based frame `number`; None where there is none."""
        if self.bit_position is not None:
            if frame is None or self.bit_position >= 8 * frame.samples.itemsize:
                return None
            in_pixels: NDArray[np.bool_] = (frame.samples[:, :, 0] & (1 << self.bit_position)) != 0
            return in_pixels
        index = 0 if self.first_frame is None else number - self.first_frame
        if not 0 <= index < len(self.bits):
            return None
        plane: NDArray[np.bool_] = self.bits[index]
        return plane

    @property
    def last_frame(self) -> int:
        """The greatest 1-based frame number that this overlay lies on, 1 where it lies on every frame."""
        return 1 if self.first_frame is None else self.first_frame + len(self.bits) - 1


def overlay_planes(ds: pydicom.Dataset, header: PixelHeader | None, bounds: Bounds) -> tuple[OverlayPlane, ...]:
    """Every graphics overlay of an object; regions of interest (type R) are left out.

    Raises PixelError where an overlay is there but cut off, absurd or beyond the bounds.
    """
    planes = (_plane(ds, group, header, bounds) for group in _GROUPS)
    return tuple(plane for plane in planes if plane is not None)


def burn_in(
    page: NDArray[np.uint8],
    planes: tuple[OverlayPlane, ...],
    number: int,
    frame: Frame | None,
    bounds: Bounds,
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Draw the overlays of the 1-based frame `number` on a page (rows, columns), full bright; and the notes.

    The page grows to the right and below, dark, as far as an overlay has ink there.
    """
    notes = []
    for plane in planes:
        bits = plane.on_frame(number, frame)
        if bits is None or not bits.any():
            continue
        top, left = max(0, -plane.top), max(0, -plane.left)
        inside = bits[top:, left:]
        row, column = max(0, plane.top), max(0, plane.left)
        ink_rows, ink_columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        if np.count_nonzero(inside) < np.count_nonzero(bits):
            notes.append(f"overlay {plane.group:04X} begins outside the page; that part of it is not shown")
        if not ink_rows.size:
            continue
        rows = max(page.shape[0], row + int(ink_rows[-1]) + 1)
        columns = max(page.shape[1], column + int(ink_columns[-1]) + 1)
        if (rows, columns) != page.shape:
            _must_be_within(rows, columns, 1, plane.group, bounds)
            page = np.pad(page, ((0, rows - page.shape[0]), (0, columns - page.shape[1])))
            notes.append(f"overlay {plane.group:04X} is larger than the image; the page was enlarged")
        inside = inside[: rows - row, : columns - column]
        page = page.copy()
        page[row : row + inside.shape[0], column : column + inside.shape[1]][inside] = BRIGHT
    return page, tuple(notes)


def _plane(ds: pydicom.Dataset, group: int, header: PixelHeader | None, bounds: Bounds) -> OverlayPlane | None:
    if (group, 0x3000) not in ds and (group, 0x0102) not in ds:
        return None
    kind = _value(ds, group, 0x0040)
    if str(kind).strip() == "R":
        return None
    top, left = _origin(_value(ds, group, 0x0050), group)
    first_frame = _number(ds, group, 0x0051)
    words = _value(ds, group, 0x3000)
    if not words:
        position = _number(ds, group, 0x0102)
        if header is None or position is None or not _is_unused(position, header):
            return None
        return OverlayPlane(group, np.zeros((0, 0, 0), np.bool_), 0, 0, None, position)
    rows, columns = _needed(ds, group, 0x0010), _needed(ds, group, 0x0011)
    count = _number(ds, group, 0x0015)
    frames = 1 if count is None else count
    _must_be_within(rows, columns, frames, group, bounds)
    if first_frame is None and frames > 1:
        first_frame = 1
    if first_frame is not None and not 1 <= first_frame <= bounds.frames:
        raise PixelError(f"ImageFrameOrigin ({group:04X},0051) is {first_frame}, which is no frame; {AGAIN}")
    bits = _unpacked(words, _swapped(ds, group, header), rows * columns * frames, group)
    return OverlayPlane(group, bits.reshape(frames, rows, columns), top, left, first_frame)


def _unpacked(words: object, swapped: bool, count: int, group: int) -> NDArray[np.bool_]:
    """The bits of Overlay Data, first bit lowest, no gap between rows or frames (PS3.5 8.1.2)."""
    packed = words if isinstance(words, bytes) else b""
    if len(packed) * 8 < count:
        raise PixelError(
            f"OverlayData ({group:04X},3000) holds {len(packed)} bytes where its rows and columns need "
            f"{-(-count // 8)}; the object was cut off on its way, {AGAIN}"
        )
    if swapped:
        packed = swapped_words(packed + b"\0" * (len(packed) % 2))
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=count, bitorder="little").view(np.bool_)


def _swapped(ds: pydicom.Dataset, group: int, header: PixelHeader | None) -> bool:
    """Whether Overlay Data is in words of big endian order."""
    little_endian = header.little_endian if header is not None else ds.original_encoding[1] is not False
    return not little_endian and str(ds[group, 0x3000].VR) == "OW"


def _is_unused(position: int, header: PixelHeader) -> bool:
    """Whether a bit of an allocated word is outside the value, so that an overlay can be in it (retired)."""
    lowest = header.high_bit - header.bits_stored + 1
    return 0 <= position < header.bits_allocated and not lowest <= position <= header.high_bit


def _must_be_within(rows: int, columns: int, frames: int, group: int, bounds: Bounds) -> None:
    sizes = ((rows, bounds.rows), (columns, bounds.columns), (frames, bounds.frames))
    if any(not 1 <= n <= most for n, most in sizes) or rows * columns * frames > bounds.decoded_bytes:
        raise PixelError(
            f"overlay {group:04X} has {rows} rows, {columns} columns and {frames} frames, beyond the "
            f"{bounds.rows}, {bounds.columns} and {bounds.frames} allowed; {AGAIN}"
        )


def _origin(value: object, group: int) -> tuple[int, int]:
    """Overlay Origin as 0-based row and column; a missing one is the upper left corner."""
    if value is None or value == "":
        return 0, 0
    with foreign_errors(f"OverlayOrigin ({group:04X},0050) is not two numbers"):
        row, column = (int(v) for v in value)  # type: ignore[attr-defined]
    return row - 1, column - 1


def _needed(ds: pydicom.Dataset, group: int, element: int) -> int:
    number = _number(ds, group, element)
    if number is None:
        raise PixelError(f"overlay {group:04X} has no ({group:04X},{element:04X}), so no size; {AGAIN}")
    return number


def _number(ds: pydicom.Dataset, group: int, element: int) -> int | None:
    return whole_number(_value(ds, group, element), f"({group:04X},{element:04X})")


def _value(ds: pydicom.Dataset, group: int, element: int) -> object:
    with foreign_errors(f"({group:04X},{element:04X}) of an overlay cannot be read"):
        value: object = ds[group, element].value if (group, element) in ds else None
    return value
