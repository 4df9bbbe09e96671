"""Tables from a stored value to the brightness a viewer would show: rescale, window, VOI LUT, palette.

A page has at most 65536 different values, so each rule is worked out once a value, not once a pixel.
Every table is float64 with one row a stored value; brightness runs from 0 (dark) to 255.
Knows PS3.3 C.11.1, C.11.2 and C.7.9; must not know where on the page a value stands.
"""

from __future__ import annotations

import numpy as np
import pydicom
from numpy.typing import NDArray

from ocr_service.errors import PixelError
from ocr_service.screen.frames import Frame, swapped_words
from ocr_service.screen.pixel_header import AGAIN, PixelHeader, attribute, foreign_errors, named

Table = NDArray[np.float64]
_RED_GREEN_BLUE = ("Red", "Green", "Blue")
# Slopes, intercepts and windows of pictures are far from these; beyond them products overflow.
_GREATEST, _LEAST = 1e12, 1e-12


def stored_values(frame: Frame, header: PixelHeader) -> Table:
    """The number that each pattern of Bits Stored bits means (PS3.5 8.1.1), by pattern."""
    patterns = np.arange(2**frame.bits_stored, dtype=np.float64)
    if header.signed:
        patterns[patterns >= 2 ** (frame.bits_stored - 1)] -= 2**frame.bits_stored
    return patterns


def rescaled(values: Table, ds: pydicom.Dataset, header: PixelHeader) -> Table:
    """Apply the Modality LUT Sequence, or Rescale Slope and Intercept (PS3.3 C.11.1)."""
    lut = _first_item(ds, "ModalityLUTSequence")
    if lut is not None:
        first, entries, _ = _lut(lut, header)
        return _looked_up(values, first, entries)
    slope, intercept = numbers(ds, "RescaleSlope"), numbers(ds, "RescaleIntercept")
    return values * (slope[0] if slope else 1.0) + (intercept[0] if intercept else 0.0)


def as_the_object_asks(values: Table, ds: pydicom.Dataset, frame: Frame, header: PixelHeader) -> Table | None:
    """Brightness by the VOI LUT Sequence, else by the first window, else as 8-bit values stand.

    `values` are rescaled. None where the object asks for nothing that can be done: no window, or a width
    below what PS3.3 C.11.2.1.2.1 and C.11.2.1.3 allow.
    """
    lut = _first_item(ds, "VOILUTSequence")
    if lut is not None:
        first, entries, bits = _lut(lut, header)
        from_lut: Table = _looked_up(values, first, entries) * (255 / (2**bits - 1))
        return from_lut
    centers, widths = numbers(ds, "WindowCenter"), numbers(ds, "WindowWidth")
    if centers and widths:
        return windowed(values, centers[0], widths[0], _voi_lut_function(ds))
    if frame.bits_stored <= 8:
        stored = stored_values(frame, header)
        as_it_stands: Table = (stored - stored.min()) * (255 / (2**frame.bits_stored - 1))
        return as_it_stands
    return None


def windowed(values: Table, center: float, width: float, function: str = "LINEAR") -> Table | None:
    """LINEAR (PS3.3 C.11.2.1.2.1), SIGMOID (C.11.2.1.3.1), LINEAR_EXACT (C.11.2.1.3.2).

    LINEAR with a width of 1 gives two values. None for a width the function does not allow.
    """
    if width < 1 if function == "LINEAR" else width <= 0:
        return None
    if function == "SIGMOID":
        sigmoid: Table = 255 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
        return sigmoid
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    slope: Table = (values - center) / width + 0.5 if width else np.zeros_like(values)
    slope[values <= center - width / 2] = 0
    slope[values > center + width / 2] = 1
    return slope * 255


def full_range(values: Table, shown: NDArray[np.bool_]) -> Table:
    """Brightness from the least to the greatest of the values `shown`; others are clipped to these."""
    least, greatest = values[shown].min(), values[shown].max()
    span = greatest - least or 1.0
    stretched: Table = np.clip((values - least) / span, 0, 1) * 255
    return stretched


def palette(ds: pydicom.Dataset, values: Table, header: PixelHeader) -> Table:
    """Red, green and blue (values, 3) that the palette gives each value (PS3.3 C.7.6.3.1.5, C.7.9.2).

    Raises PixelError where a table is missing, short or endless.
    """
    colours = []
    for colour in _RED_GREEN_BLUE:
        keyword = f"{colour}PaletteColorLookupTable"
        count, first, bits = _descriptor(attribute(ds, f"{keyword}Descriptor"), named(f"{keyword}Descriptor"))
        plain, segmented = attribute(ds, f"{keyword}Data"), attribute(ds, f"Segmented{keyword}Data")
        if plain:
            entries = _entries(plain, count, bits, header, named(f"{keyword}Data"))
        elif segmented:
            words = _words(segmented, bits, header, named(f"Segmented{keyword}Data"))
            entries = expanded_segments(words, count, bits)
        else:
            raise PixelError(f"{named(keyword + 'Data')} is missing, so the colours are unknown; {AGAIN}")
        colours.append(_looked_up(values, first, entries))
    # Some write values of 8 bits and a descriptor of 16.
    top = 255 if bits == 8 or max(c.max() for c in colours) < 256 else 65535
    return np.stack(colours, axis=1) * (255 / top)


def expanded_segments(words: NDArray[np.uint16], count: int, bits: int) -> NDArray[np.uint16]:
    """Expand a segmented palette (PS3.3 C.7.9.2) to `count` entries; PixelError where it gives fewer."""
    entries: list[int] = []
    with foreign_errors("a segmented palette cannot be expanded"):
        at = 0
        while at + 1 < words.size and len(entries) < count:
            kind, length = int(words[at]), int(words[at + 1])
            if kind == 2:
                # Copy `length` segments from a byte offset, which is in words as wide as an entry, low first.
                parts = [int(w) for w in words[at + 2 : at + 2 + (4 if bits == 8 else 2)]]
                copied = sum(part << (bits * i) for i, part in enumerate(parts)) // (bits // 8)
                for _ in range(length):
                    if words[copied] > 1 or len(entries) >= count:
                        break
                    copied = _add_segment(entries, words, copied)
                at += 2 + len(parts)
            else:
                at = _add_segment(entries, words, at)
        if len(entries) < count:
            raise ValueError("too few entries")
    return np.array(entries[:count], np.uint16)


def _add_segment(entries: list[int], words: NDArray[np.uint16], at: int) -> int:
    """Add a discrete or linear segment; where the next one begins. ValueError for another kind."""
    kind, length = int(words[at]), int(words[at + 1])
    if length == 0:
        raise ValueError("empty segment")
    if kind == 0:
        entries.extend(int(w) for w in words[at + 2 : at + 2 + length])
        return at + 2 + length
    if kind != 1:
        raise ValueError("unknown segment")
    end = int(words[at + 2])
    steps = np.linspace(entries[-1], end, length + 1)[1:]
    entries.extend(int(v) for v in np.rint(steps))
    return at + 3


def numbers(ds: pydicom.Dataset, keyword: str) -> tuple[float, ...]:
    """The numbers of a decimal string; none where it is absent, or one of them is no number or an absurd one."""
    try:
        value = attribute(ds, keyword)
        several = value if isinstance(value, pydicom.multival.MultiValue | list | tuple) else (value,)
        found = tuple(float(v) for v in several if v is not None and v != "")
    except (PixelError, TypeError, ValueError, OverflowError):
        return ()
    return found if all(number == 0 or _LEAST <= abs(number) <= _GREATEST for number in found) else ()


def _voi_lut_function(ds: pydicom.Dataset) -> str:
    function = str(attribute(ds, "VOILUTFunction") or "").strip().upper()
    return function if function in ("SIGMOID", "LINEAR_EXACT") else "LINEAR"


def _first_item(ds: pydicom.Dataset, keyword: str) -> pydicom.Dataset | None:
    sequence = attribute(ds, keyword)
    return sequence[0] if isinstance(sequence, pydicom.Sequence) and sequence else None


def _lut(item: pydicom.Dataset, header: PixelHeader) -> tuple[int, NDArray[np.uint16], int]:
    """First value mapped, entries and their bits of a Modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1)."""
    count, first, bits = _descriptor(attribute(item, "LUTDescriptor"), named("LUTDescriptor"))
    entries = _entries(attribute(item, "LUTData"), count, bits, header, named("LUTData"))
    return first, entries, bits


def _descriptor(value: object, name: str) -> tuple[int, int, int]:
    """Entries (0 means 65536), first value mapped, bits of an entry."""
    with foreign_errors(f"{name} is missing or not three numbers"):
        count, first, bits = (int(v) for v in value)  # type: ignore[attr-defined]
    if not 8 <= bits <= 16:
        raise PixelError(f"{name} says an entry has {bits} bits, not 8 to 16; {AGAIN}")
    return count % 65536 or 65536, first, bits


def _entries(data: object, count: int, bits: int, header: PixelHeader, name: str) -> NDArray[np.uint16]:
    """`count` entries of a table that is stored a byte or a word an entry; PixelError where it is short."""
    words = _words(data, 16, header, name)
    if bits == 8 and words.size < count:
        words = _words(data, 8, header, name)
    if words.size < count:
        raise PixelError(f"{name} has {words.size} entries where its descriptor says {count}; {AGAIN}")
    return words[:count]


def _words(data: object, bits: int, header: PixelHeader, name: str) -> NDArray[np.uint16]:
    """Words of 8 or 16 bits of a table in VR OW, or in VR US, which pydicom hands out as numbers."""
    with foreign_errors(f"{name} is missing or no table"):
        if isinstance(data, bytes):
            padded = data + b"\0" * (len(data) % 2)
            ordered = padded if header.little_endian else swapped_words(padded)
        else:
            ordered = np.array(data, np.int64).reshape(-1).astype("<u2").tobytes()
    return np.frombuffer(ordered, np.uint8 if bits == 8 else np.dtype("<u2")).astype(np.uint16)


def _looked_up(values: Table, first: int, entries: NDArray[np.uint16]) -> Table:
    """Values below the first mapped take the first entry, those beyond the last take the last."""
    index = np.clip(values - first, 0, entries.size - 1).astype(np.int64)
    return entries[index].astype(np.float64)
