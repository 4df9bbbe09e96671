"""Windows, lookup tables, palettes and padding: what a stored value looks like."""

from __future__ import annotations

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_windowing

from ocr_service.screen.lookup_tables import windowed
from ocr_service.screen.pixels import dose_screens
from tests.screen.pages import (
    INK,
    PAGE,
    letters,
    picture,
    saved,
    two_levels,
)


def palette(ds, red, green, blue, bits=8, first=0, segmented=False):
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for colour, table in zip(("Red", "Green", "Blue"), (red, green, blue), strict=True):
        count = 256 if segmented else len(table)
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [count, first, bits])
        data = np.array(table, np.uint8 if bits == 8 else "<u2").tobytes()
        name = f"{'Segmented' if segmented else ''}{colour}PaletteColorLookupTableData"
        setattr(ds, name, data + b"\0" * (len(data) % 2))
    return ds


@pytest.mark.parametrize(
    ("bits", "levels"), [(8, (0, 200)), (16, (0, 200 * 257)), (16, (0, 200))], ids=["8", "16", "8 in 16"]
)
def test_a_palette_gives_its_brightest_colour(bits, levels):
    ds = palette(saved((PAGE > 0).astype(np.uint8) + 3), levels, (0, 0), (0, 9), bits, first=3)

    assert np.array_equal(picture(ds), np.where(INK, 200, 0))


def test_an_eight_bit_palette_serves_pixels_of_sixteen_bits():
    ds = palette(saved((PAGE > 0).astype(np.uint16) * 700), (0, *[255] * 699, 180), [0] * 701, [0] * 701)

    assert sorted(np.unique(picture(ds))) == [0, 180]


@pytest.mark.parametrize("bits", [8, 16])
def test_a_segmented_palette_is_expanded(bits):
    top = 2**bits - 1
    ramp = [0, 1, 0, 1, 255, top]  # one entry of 0, then 255 entries up to the top
    ds = palette(saved(PAGE), ramp, ramp, ramp, bits, segmented=True)

    two_levels(ds)


def test_a_segment_may_be_used_again():
    # Two entries; then, by reference to byte 0, the same two, and a line down to nothing.
    again = [0, 2, 0, 100, 2, 1, 0, 0, 1, 252, 255]
    ds = palette(saved(np.where(INK, 3, 2).astype(np.uint8)), again, again, again, 16, segmented=True)

    assert sorted(np.unique(picture(ds))) == [0, 100]


@pytest.mark.parametrize(
    ("dark", "bright", "header"),
    [
        (0, 1023, {"RescaleIntercept": -1024, "RescaleSlope": 1, "WindowCenter": -2, "WindowWidth": 1}),
        (-1024, 1023, {"WindowCenter": 0, "WindowWidth": 1}),
        (0, 1, {"WindowCenter": 1, "WindowWidth": 1}),
        (0, 1023, {"RescaleIntercept": -1024, "RescaleSlope": 1, "WindowCenter": -512, "WindowWidth": 1024}),
        (0, 4000, {"WindowCenter": ["2000", "40"], "WindowWidth": ["4001", "400"]}),
        (5, 9, {}),
    ],
    ids=["GE", "Toshiba", "0 and 1", "GE in a PACS", "two windows", "no window"],
)
def test_pages_in_two_values_are_two_levels_without_a_note(dark, bright, header):
    (screen,) = dose_screens(saved(np.where(INK, bright, dark).astype(np.int16), **header))

    assert np.array_equal(screen.pixels, PAGE)
    assert screen.notes == ()


@pytest.mark.parametrize("center", [3000, -3000, 1023.6])
def test_a_window_that_shows_nothing_gives_way_to_the_full_range(center):
    values = np.where(INK, 1023, 0).astype(np.int16)
    (screen,) = dose_screens(saved(values, WindowCenter=center, WindowWidth=1))

    assert np.array_equal(screen.pixels, PAGE)
    assert "full range" in screen.notes[0]


def test_a_window_that_hides_some_rows_gives_way_to_the_full_range():
    values = np.where(INK, 1000, 0).astype(np.int16)
    values[64:96][INK[64:96]] = 300
    (screen,) = dose_screens(saved(values, WindowCenter=700, WindowWidth=100))

    assert np.array_equal(screen.pixels > 0, INK)
    assert len(screen.notes) == 1


def test_a_window_that_only_hardens_soft_edges_is_kept():
    soft = cv2.GaussianBlur(PAGE, (3, 3), 0)
    (screen,) = dose_screens(saved(soft, WindowCenter=100, WindowWidth=1))

    assert set(np.unique(screen.pixels)) == {0, 255}
    assert screen.notes == ()


@pytest.mark.parametrize(
    "header",
    [
        {"WindowCenter": "40", "WindowWidth": "0"},
        {"RescaleSlope": "0", "RescaleIntercept": "0"},
        {"RescaleSlope": "1e308"},
        {"WindowCenter": "40", "WindowWidth": "1e-300", "VOILUTFunction": "LINEAR_EXACT"},
    ],
)
def test_a_rule_that_makes_no_sense_gives_way_to_the_full_range(header):
    (screen,) = dose_screens(saved(np.where(INK, 1023, 0).astype(np.int16), **header))

    assert np.array_equal(screen.pixels, PAGE)


def test_eight_bit_pages_of_0_and_1_without_a_window_are_shown():
    (screen,) = dose_screens(saved(PAGE // 255))

    assert np.array_equal(screen.pixels, PAGE)
    assert len(screen.notes) == 1


def test_eight_bit_pages_without_a_window_keep_their_levels():
    assert np.array_equal(picture(saved(letters(level=210))), letters(level=210))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (40, 400), (0.5, 1), (100, 2)])
def test_windows_are_what_pydicom_makes_of_them(function, center, width):
    ds = saved(np.zeros((1, 4096), np.uint16), BitsStored=12)
    ds.VOILUTFunction, ds.WindowCenter, ds.WindowWidth = function, center, width
    values = np.arange(4096, dtype=np.float64)

    shown = windowed(values, center, width, function)

    assert shown is not None
    assert np.allclose(shown, apply_windowing(values, ds) * (255 / 4095))


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_lookup_tables_are_applied(keyword):
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [3, 10, 16], [0, 0, 65535]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    ds = saved(np.where(INK, 12, 11).astype(np.uint16), WindowCenter=32768, WindowWidth=65536)
    setattr(ds, keyword, [item])

    two_levels(ds)


def test_twelve_bits_high_in_the_word_are_found():
    two_levels(saved(np.where(INK, 0xFFF5, 0x000A).astype(np.uint16), BitsStored=12, HighBit=15))


def test_signed_twelve_bits_are_signed():
    values = np.where(INK, 5, -5).astype(np.int16) & 0x0FFF

    two_levels(saved(values.astype(np.int16), BitsStored=12, WindowCenter=0, WindowWidth=1))


def bordered(border, ground, letter):
    values = np.where(INK, letter, ground).astype(np.int16)
    values[:, :3], values[:, -20:] = border, border
    shown = np.where(INK, 255, 0)
    shown[:, :3], shown[:, -20:] = 0, 0
    return values, shown


@pytest.mark.parametrize("padding", [-32768, 2000])
@pytest.mark.parametrize(("ground", "letter"), [(0, 1023), (1023, 0)], ids=["dark ground", "light ground"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 500, "WindowWidth": 1}], ids=["no window", "window"])
def test_padding_around_the_page_is_dark(padding, ground, letter, window):
    values, shown = bordered(padding, ground, letter)
    (screen,) = dose_screens(saved(values, **window, PixelPaddingValue=padding))

    assert np.array_equal(screen.pixels, shown)
    assert screen.notes == ()


@pytest.mark.parametrize("padding", [0, 1023])
@pytest.mark.parametrize(("ground", "letter"), [(0, 1023), (1023, 0)], ids=["dark ground", "light ground"])
def test_a_padding_value_that_ground_or_letters_have_hides_no_letter(padding, ground, letter):
    values = np.where(INK, letter, ground).astype(np.int16)

    two_levels(saved(values, PixelPaddingValue=padding))


def test_letters_in_two_levels_on_padding_stay_bright():
    values = np.where(INK, 210, 0).astype(np.int16)
    values[64:][INK[64:]] = 245
    shown = picture(saved(values, PixelPaddingValue=0))

    assert np.array_equal(shown > 127, INK)
