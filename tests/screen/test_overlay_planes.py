"""Overlay planes are burned into the page: real consoles keep whole pages in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from ocr_service.errors import PixelError
from ocr_service.screen.pixels import Bounds, dose_screens
from tests.screen.pages import (
    INK,
    PAGE,
    rewritten,
    saved,
    with_overlay,
)

EMPTY = np.zeros_like(PAGE)
REAL = Path(__file__).resolve().parents[3] / "shared/real/philips_ingenuity"


def without_pixels(ds):
    del ds.PixelData
    return ds


def test_a_page_in_the_overlay_only_is_shown():
    """Siemens VA40A: 16 bit pixels, 12 stored, all zero; the letters are in (6000,3000)."""
    (screen,) = dose_screens(with_overlay(saved(EMPTY.astype(np.uint16), BitsStored=12), INK))

    assert np.array_equal(screen.pixels, PAGE)
    assert screen.notes == ()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_ground_under_an_overlay_is_dark_whatever_its_level(level):
    assert np.array_equal(dose_screens(with_overlay(saved(EMPTY + np.uint8(level)), INK))[0].pixels, PAGE)


@pytest.mark.parametrize("group", range(0x6000, 0x6020, 2))
def test_every_overlay_group_is_burned_in(group):
    assert np.array_equal(dose_screens(with_overlay(saved(EMPTY), INK, group))[0].pixels, PAGE)


def test_several_overlays_and_the_pixels_make_one_page():
    left, right = INK.copy(), INK.copy()
    left[:, 90:], right[:, :180] = False, False
    middle = np.where(left | right, 0, PAGE)
    ds = with_overlay(with_overlay(saved(middle), left), right, 0x6002)

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_an_overlay_on_a_light_page_is_as_bright_as_its_letters():
    upper, lower = INK.copy(), INK.copy()
    upper[80:], lower[:80] = False, False
    ds = with_overlay(saved(np.where(upper, 0, 255).astype(np.uint8)), lower)

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_a_region_of_interest_is_no_ink():
    assert not dose_screens(with_overlay(saved(EMPTY), INK, kind="R"))[0].pixels.any()


def test_an_object_without_pixels_is_its_overlay():
    (screen,) = dose_screens(without_pixels(with_overlay(saved(EMPTY), INK)))

    assert np.array_equal(screen.pixels, PAGE)


def test_an_object_with_empty_pixels_is_its_overlay():
    ds = with_overlay(saved(EMPTY), INK)
    ds.PixelData = b""

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_an_overlay_may_begin_further_down_and_right():
    ds = with_overlay(saved(EMPTY), INK[16:112, 5:250], origin=(17, 6))

    assert np.array_equal(dose_screens(ds)[0].pixels[16:112, 5:250], PAGE[16:112, 5:250])


def test_an_overlay_may_begin_outside_the_page():
    frame = np.zeros((170, 270), bool)
    frame[10:, 14:] = INK
    (screen,) = dose_screens(with_overlay(saved(EMPTY), frame, origin=(-9, -13)))

    assert np.array_equal(screen.pixels, PAGE)
    assert screen.notes == ()


def test_overlay_ink_outside_the_page_is_noted():
    (screen,) = dose_screens(with_overlay(saved(EMPTY), INK, origin=(-30, 1)))

    assert "6000 begins outside" in screen.notes[0]


def test_the_page_grows_with_an_overlay_that_is_larger():
    (screen,) = dose_screens(with_overlay(saved(EMPTY[:100, :50]), INK))
    rows, columns = screen.pixels.shape

    assert np.array_equal(screen.pixels, PAGE[:rows, :columns])
    assert not PAGE[rows:].any()
    assert not PAGE[:, columns:].any()
    assert "larger than the image" in screen.notes[0]


def test_an_overlay_entirely_beside_the_page_is_still_shown():
    (screen,) = dose_screens(with_overlay(saved(EMPTY[:20, :20]), INK, origin=(21, 21)))

    assert screen.pixels.shape[0] > 100
    assert np.count_nonzero(screen.pixels) == np.count_nonzero(INK)


def test_an_overlay_of_one_plane_is_on_every_frame():
    screens = dose_screens(with_overlay(saved(np.stack([EMPTY, EMPTY])), INK))

    assert [bool(screen.pixels.any()) for screen in screens] == [True, True]


def test_overlay_frames_lie_on_their_frames():
    planes = np.stack([INK, np.flipud(INK)])
    screens = dose_screens(with_overlay(saved(np.stack([EMPTY] * 4)), planes, first_frame=2))

    assert [bool(screen.pixels.any()) for screen in screens] == [False, True, True, False]
    assert np.array_equal(screens[2].pixels, np.flipud(PAGE))


def test_frames_of_an_overlay_without_pixels_are_pages():
    # 35 bits a frame: the second begins within a byte.
    planes = np.zeros((2, 5, 7), bool)
    planes[0, 0, 0] = planes[1, 4, 6] = True
    ds = without_pixels(with_overlay(saved(EMPTY[:5, :7]), planes))
    screens = dose_screens(ds)

    assert [np.argwhere(screen.pixels).tolist() for screen in screens] == [[[0, 0]], [[4, 6]]]


@pytest.mark.parametrize("position", [12, 15])
@pytest.mark.parametrize("syntax", [None, RLELossless], ids=["native", "RLE"])
def test_an_overlay_in_unused_bits_of_the_pixels_is_shown(position, syntax):
    ds = saved((INK.astype(np.uint16) << position) + 7, BitsStored=12)
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", position)
    ds.add_new(0x60000040, "CS", "G")
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_a_bit_of_the_value_is_no_overlay():
    ds = saved(EMPTY.astype(np.uint16) + 16, BitsStored=12)
    ds.add_new(0x60000102, "US", 4)

    assert not dose_screens(ds)[0].pixels.any()


def test_an_overlay_on_compressed_pixels_is_shown():
    ds = with_overlay(saved(EMPTY), INK)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_an_overlay_in_big_endian_is_the_same_page(tmp_path):
    ds = rewritten(with_overlay(saved(EMPTY), INK), tmp_path, "dcmconv", "+tb")

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


def test_an_overlay_cut_off_is_refused():
    ds = with_overlay(saved(EMPTY), INK)
    ds[0x60003000].value = ds[0x60003000].value[:-2]

    with pytest.raises(PixelError, match=r"OverlayData \(6000,3000\) holds \d+ bytes"):
        dose_screens(ds)


@pytest.mark.parametrize("element", [0x0010, 0x0011])
def test_an_overlay_without_a_size_is_refused(element):
    ds = with_overlay(saved(EMPTY), INK)
    del ds[0x6000, element]

    with pytest.raises(PixelError, match="so no size"):
        dose_screens(ds)


@pytest.mark.parametrize(("element", "value"), [(0x0010, 65535), (0x0010, 0), (0x0015, 100000), (0x0015, -1)])
def test_an_absurd_overlay_is_refused(element, value):
    ds = with_overlay(saved(EMPTY), INK)
    ds.add_new((0x6000, element), "IS" if element == 0x0015 else "US", value)

    with pytest.raises(PixelError, match="overlay 6000 has"):
        dose_screens(ds)


def test_a_page_does_not_grow_beyond_the_bounds():
    ds = with_overlay(saved(EMPTY), INK, origin=(8192, 1))

    with pytest.raises(PixelError, match="beyond"):
        dose_screens(ds)


def test_more_overlay_frames_than_pages_allowed_are_refused():
    ds = without_pixels(with_overlay(saved(EMPTY), INK, first_frame=60000))

    with pytest.raises(PixelError, match="which is no frame"):
        dose_screens(ds, Bounds(frames=8))


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real objects is not beside the project")
def test_real_overlays_are_shown_at_their_place():
    ds = pydicom.dcmread(REAL / "S4010/I10")
    (screen,) = dose_screens(ds)

    assert np.array_equal(screen.pixels == 255, (screen.pixels == 255) | (ds.overlay_array(0x6000) == 1))
