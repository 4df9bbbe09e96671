"""A DICOM object becomes dose screens: one picture a page, bright letters on dark ground.

The picture shows what a viewer would show, and more where the object's own window hides letters: ink that is
in the object and not in the picture would be a row that nobody misses.
Knows windows, colours, polarity and overlays; must not know templates, words or what a page says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray

from ocr_service.errors import PixelError
from ocr_service.screen import lookup_tables
from ocr_service.screen.frames import Frame, frames, is_lossy
from ocr_service.screen.lookup_tables import Table
from ocr_service.screen.overlay_planes import OverlayPlane, burn_in, overlay_planes
from ocr_service.screen.pixel_header import (
    AGAIN,
    Bounds,
    PixelHeader,
    attribute,
    has_pixels,
    named,
    pixel_header,
    whole_number,
)

__all__ = ["Bounds", "DoseScreen", "dose_screens"]

_CLEAR = 32  # of 255: a page whose brightest ink is nearer to its ground is dark to an eye and to a threshold
_SEEN = 16  # of 255: ink nearer to its ground is not seen beside clear ink
_INK = 1 / 8  # of the greatest distance from the ground: what is nearer is soft edges and noise
_NOISE = 1 / 16  # of the range of values: what lossy compression makes of an empty page
_ROWS_AT_ONCE = 256  # look-ups widen each pixel to eight bytes for a moment


Patterns = NDArray[np.uint8] | NDArray[np.uint16]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class DoseScreen:
    """One page.

    `pixels` is uint8 (rows, columns), bright letters on dark ground, C-contiguous, read-only.
    `frame` is 1-based. `notes` say what was done that a person should know. `lossy`: was it compressed with loss?
    """

    pixels: NDArray[np.uint8]
    sop_instance_uid: str
    frame: int
    notes: tuple[str, ...] = ()
    lossy: bool = False

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 2:
            found = f"{self.pixels.dtype} {self.pixels.shape}"
            raise ValueError(f"a dose screen is uint8 (rows, columns), not {found}")
        view = np.ascontiguousarray(self.pixels).view()
        view.flags.writeable = False
        object.__setattr__(self, "pixels", view)


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """A page on its way: brightness (rows, columns), and which pixels are padding around it."""

    shown: NDArray[np.uint8]
    padding: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()


def dose_screens(ds: pydicom.Dataset, bounds: Bounds = Bounds()) -> tuple[DoseScreen, ...]:  # noqa: B008
    """Decode every page of an object, overlays burned in. A page without ink is dark, and no error.

    Raises PixelError, before anything large is allocated, where the object has no pixels, asks for more than
    the bounds, lies about its size or cannot be decoded.
    """
    header = pixel_header(ds, bounds) if has_pixels(ds) else None
    planes = overlay_planes(ds, header, bounds)
    uid = str(attribute(ds, "SOPInstanceUID") or "")
    if header is None:
        return tuple(_overlay_only(ds, planes, uid, bounds))
    screens = []
    for number, frame in enumerate(frames(ds, header), 1):
        page = _bright_on_dark(_page(frame, ds, header))
        pixels, notes = burn_in(page.shown, planes, number, frame, bounds)
        screens.append(DoseScreen(pixels, uid, number, page.notes + notes, is_lossy(ds, header)))
    return tuple(screens)


def _overlay_only(ds: pydicom.Dataset, planes: tuple[OverlayPlane, ...], uid: str, bounds: Bounds) -> list[DoseScreen]:
    """Pages of an object that has overlays and no pixels."""
    if not planes:
        raise PixelError(f"the object has neither {named('PixelData')} nor an overlay; {AGAIN}")
    count = max(plane.last_frame for plane in planes)
    if count > bounds.frames:
        raise PixelError(f"the overlays have {count} frames, more than the {bounds.frames} allowed; {AGAIN}")
    rows = whole_number(attribute(ds, "Rows"), named("Rows")) or 1
    columns = whole_number(attribute(ds, "Columns"), named("Columns")) or 1
    if not (1 <= rows <= bounds.rows and 1 <= columns <= bounds.columns):
        size = f"{named('Rows')} and {named('Columns')} are {rows} and {columns}"
        raise PixelError(f"{size}, beyond the {bounds.rows} and {bounds.columns} allowed; {AGAIN}")
    rows = max(rows, *(plane.bits.shape[1] for plane in planes))
    columns = max(columns, *(plane.bits.shape[2] for plane in planes))
    screens = []
    for number in range(1, count + 1):
        ground = np.zeros((rows, columns), np.uint8)
        pixels, notes = burn_in(ground, planes, number, None, bounds)
        screens.append(DoseScreen(pixels, uid, number, notes))
    return screens


# From samples to brightness -------------------------------------------------------------------------------


def _page(frame: Frame, ds: pydicom.Dataset, header: PixelHeader) -> _Page:
    if header.samples_per_pixel == 3:
        return _colour_page(_red_green_blue(frame), is_lossy(ds, header))
    patterns = _patterns(frame)
    if frame.photometric_interpretation == "PALETTE COLOR":
        table = lookup_tables.palette(ds, lookup_tables.stored_values(frame, header), header)
        return _colour_page(_look_up(_eight_bit(table), patterns), is_lossy(ds, header))
    return _grey_page(patterns, frame, ds, header)


def _red_green_blue(frame: Frame) -> NDArray[np.uint8]:
    """Samples (rows, columns, 3) as red, green and blue of eight bits."""
    samples = frame.samples
    if samples.dtype != np.uint8:
        samples = samples >> np.uint16(max(0, frame.high_bit - 7))
    eight_bit = samples.astype(np.uint8, copy=False)
    if frame.photometric_interpretation not in ("YBR_FULL", "YBR_FULL_422"):
        return eight_bit
    in_order = np.ascontiguousarray(eight_bit[:, :, [0, 2, 1]])  # OpenCV has Cr before Cb
    return cv2.cvtColor(in_order, cv2.COLOR_YCrCb2RGB).astype(np.uint8, copy=False)


def _colour_page(colours: NDArray[np.uint8], lossy: bool) -> _Page:
    """The greatest of red, green and blue, so that letters of any colour stay bright; not luma.

    Where that hides ink (red on white, white on full blue), the distance from the colour of the ground.
    """
    brightest = np.maximum(np.maximum(colours[:, :, 0], colours[:, :, 1]), colours[:, :, 2])
    channels = [np.ascontiguousarray(colours[:, :, i]) for i in range(3)]
    ground = [int(_histogram(channel, 256).argmax()) for channel in channels]
    distance = np.zeros_like(brightest)
    for channel, level in zip(channels, ground, strict=True):
        np.maximum(distance, _distance(channel, level), out=distance)
    farthest = int(distance.max())
    if farthest <= (256 * _NOISE if lossy else 0):
        return _Page(brightest)
    ink = distance >= max(1, farthest * _INK)
    if not _hides(ink, _distance(brightest, max(ground)) >= _SEEN):
        return _Page(brightest)
    return _Page(distance, None, ("letters differ from the ground in colour only; their distance is shown",))


def _patterns(frame: Frame) -> Patterns:
    """The stored bits of each pixel, brought down to bit 0 (PS3.5 8.1.1), unused bits cleared."""
    samples = frame.samples[:, :, 0]
    lowest, mask = frame.high_bit + 1 - frame.bits_stored, 2**frame.bits_stored - 1
    if samples.dtype == np.uint8:
        return (samples >> np.uint8(lowest)) & np.uint8(mask)
    return (samples >> np.uint16(lowest)) & np.uint16(mask)


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The stored values of a page: those that are there, of thousands that could be.

    stored: the number that each means; patterns: the bits of each; counts: how many pixels have it; size: how many
    patterns there could be. Up to 256 all are taken as there.
    """

    stored: Table
    patterns: NDArray[np.intp]
    counts: NDArray[np.int64]
    size: int

    def by_pattern(self, told: NDArray[T]) -> NDArray[T]:
        """What is told of each value, as a table of all patterns."""
        table = np.zeros(self.size, told.dtype)
        table[self.patterns] = told
        return table


def _values(patterns: Patterns, frame: Frame, header: PixelHeader) -> _Values:
    stored = lookup_tables.stored_values(frame, header)
    counts = _histogram(patterns, stored.size)
    there = np.flatnonzero(counts) if stored.size > 256 else np.arange(stored.size)
    return _Values(stored[there], there, counts[there], stored.size)


def _grey_page(patterns: Patterns, frame: Frame, ds: pydicom.Dataset, header: PixelHeader) -> _Page:
    """Rescale, window, MONOCHROME1 and padding; the full range where the window hides ink."""
    values = _values(patterns, frame, header)
    padding_values = _padding_values(values, ds, header)
    padding = _frame_of_padding(padding_values, patterns, values)
    page_counts = np.where(padding_values, 0, values.counts)
    if padding is not None or (not padding_values[values.counts.argmax()] and np.count_nonzero(page_counts) > 1):
        values = replace(values, counts=page_counts)
    asked = lookup_tables.as_the_object_asks(lookup_tables.rescaled(values.stored, ds, header), ds, frame, header)
    noise = values.size * _NOISE if is_lossy(ds, header) else 0.0
    notes: tuple[str, ...] = ()
    if values.counts.any() and (asked is None or _table_hides_ink(values, asked, patterns, noise)):
        if asked is not None or lookup_tables.numbers(ds, "WindowWidth"):
            notes = ("as the object asks to be shown it hides ink; the full range of its values is shown",)
        asked = lookup_tables.full_range(values.stored, values.counts > 0)
    brightness = _eight_bit(asked if asked is not None else np.zeros_like(values.stored))
    if frame.photometric_interpretation == "MONOCHROME1":
        brightness = 255 - brightness
    return _Page(_look_up(values.by_pattern(brightness), patterns), padding, notes)


def _table_hides_ink(values: _Values, asked: Table, patterns: Patterns, noise: float) -> bool:
    """Whether brightness as asked for hides ink of the stored values; the ground is the most frequent."""
    ground = int(values.counts.argmax())
    differs = np.abs(values.stored - values.stored[ground]) * (values.counts > 0)
    if differs.max() <= noise:
        return False
    ink = (differs > 0) & (differs >= differs.max() * _INK)
    shown = np.abs(asked - asked[ground])
    if not np.any(ink & (shown >= _CLEAR)):
        return True
    if not np.any(ink & (shown < _SEEN)):
        return False
    return _hides(*(_look_up(values.by_pattern(told), patterns) for told in (ink, shown >= _SEEN)))


def _hides(ink: NDArray[np.bool_], seen: NDArray[np.bool_]) -> bool:
    """Whether a piece of ink has no pixel that is seen.

    A piece is a set of touching pixels: a window that only takes the soft edges from letters hides nothing.
    """
    if not np.any(ink & ~seen):
        return False
    count, pieces = cv2.connectedComponents(ink.view(np.uint8), connectivity=8)
    found = np.zeros(count, np.bool_)
    found[0] = True
    found[pieces[seen]] = True
    return not found.all()


def _distance(brightness: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    return cv2.absdiff(brightness, np.full_like(brightness, level)).astype(np.uint8, copy=False)


def _eight_bit(brightness: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(np.rint(brightness), 0, 255).astype(np.uint8)
    return rounded


def _look_up(table: NDArray[T], patterns: Patterns) -> NDArray[T]:
    """The table's entry for each pixel; some rows at a time, because indices are eight bytes each."""
    looked_up = np.empty(patterns.shape + table.shape[1:], table.dtype)
    for at in range(0, len(patterns), _ROWS_AT_ONCE):
        looked_up[at : at + _ROWS_AT_ONCE] = np.take(table, patterns[at : at + _ROWS_AT_ONCE], axis=0)
    return looked_up


def _histogram(patterns: Patterns, size: int) -> NDArray[np.int64]:
    """How many pixels have each value."""
    # Small numbers of both signs lie together where the highest bit is turned: the fewer to count into, the quicker.
    sign = patterns.dtype.type(0 if patterns.dtype == np.uint8 else 0x8000)
    counts = np.zeros(size, np.int64)
    for at in range(0, len(patterns), _ROWS_AT_ONCE):  # OpenCV counts in floats, exactly for so many pixels
        part = patterns[at : at + _ROWS_AT_ONCE] ^ sign
        first, end = int(part.min()), int(part.max()) + 1
        found = cv2.calcHist([part], [0], None, [end - first], [first, end]).ravel().astype(np.int64)
        counts[np.arange(first, end) ^ int(sign)] += found
    return counts


# Padding and polarity -------------------------------------------------------------------------------------


def _padding_values(values: _Values, ds: pydicom.Dataset, header: PixelHeader) -> NDArray[np.bool_]:
    """Which stored values are Pixel Padding Value, or in its range (PS3.3 C.7.5.1.1.2)."""
    value = whole_number(attribute(ds, "PixelPaddingValue"), named("PixelPaddingValue"))
    if value is None:
        return np.zeros(values.stored.size, np.bool_)
    limit = whole_number(attribute(ds, "PixelPaddingRangeLimit"), named("PixelPaddingRangeLimit"))
    low, high = (_as_stored(v, values.size, header) for v in (value, value if limit is None else limit))
    return (values.stored >= min(low, high)) & (values.stored <= max(low, high))


def _as_stored(value: int, size: int, header: PixelHeader) -> int:
    """The value in Bits Stored bits: writers give -32768 as 32768, or the reverse."""
    pattern = value % size
    return pattern - size if header.signed and pattern >= size // 2 else pattern


def _frame_of_padding(
    padding_values: NDArray[np.bool_], patterns: Patterns, values: _Values
) -> NDArray[np.bool_] | None:
    """Padding (rows, columns) where it lies around the page; None where it lies within, or is nowhere.

    Headers name ordinary values as padding, even that of the letters: within the page it is a value like any.
    """
    if not values.counts[padding_values].any():
        return None
    padding = _look_up(values.by_pattern(padding_values), patterns)
    rows, columns = np.flatnonzero(~padding.all(1)), np.flatnonzero(~padding.all(0))
    if not rows.size or padding[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].any():
        return None
    return padding


def _bright_on_dark(page: _Page) -> _Page:
    """Invert a page whose ground is light; padding, and a page of one brightness, become dark.

    The ground is light where most pixels are brighter than the middle between the 1st and the 99th
    percentile, or between the extremes where letters cover less than a hundredth of the page.
    """
    counts = _histogram(page.shown, 256)
    if page.padding is not None:
        counts -= np.bincount(page.shown[page.padding], minlength=256)
    share = np.cumsum(counts) / counts.sum()
    dark, bright = int(np.searchsorted(share, 0.01)), int(np.searchsorted(share, 0.99))
    if bright - dark < _CLEAR:
        dark, bright = int(np.flatnonzero(counts)[0]), int(np.flatnonzero(counts)[-1])
    if dark == bright:
        return replace(page, shown=np.zeros_like(page.shown))
    # Extremes as near to each other as this are the noise of an empty page: all of it is ground.
    middle = (dark + bright) // 2 if bright - dark >= _CLEAR else 127
    shown = page.shown
    if counts[middle + 1 :].sum() * 2 > counts.sum():
        shown = 255 - shown
    if page.padding is not None:
        shown = np.where(page.padding, np.uint8(0), shown)
    return replace(page, shown=shown)
