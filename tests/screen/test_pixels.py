"""Whatever the console saves, the page has bright letters on a dark ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from ocr_service.screen.pixels import DoseScreen, dose_screens
from tests.screen.pages import (
    INK,
    PAGE,
    picture,
    saved,
    two_levels,
)

SHARED = Path(__file__).resolve().parents[3] / "shared"


def test_a_dose_screen_is_eight_bit_contiguous_and_cannot_be_changed():
    (screen,) = dose_screens(saved(PAGE))

    assert screen.pixels.dtype == np.uint8
    assert screen.pixels.shape == (160, 256)
    assert screen.frame == 1
    assert screen.notes == ()
    assert screen.pixels.flags.c_contiguous
    assert screen.sop_instance_uid == "1.2.826.0.1.3680043.8.498.1"
    with pytest.raises(ValueError, match="read-only"):
        screen.pixels[0, 0] = 1


def test_making_a_dose_screen_does_not_lock_its_makers_picture():
    mine = PAGE.copy()
    DoseScreen(mine, "1.2", 1)
    mine[0, 0] = 7


def test_a_dose_screen_of_another_type_is_refused():
    with pytest.raises(ValueError, match="uint8"):
        DoseScreen(PAGE.astype(np.uint16), "1.2", 1)


# Colour ----------------------------------------------------------------------------------------------------


def coloured(letter, ground=(0, 0, 0)):
    return np.where(INK[..., None], np.uint8(letter), np.uint8(ground))


@pytest.mark.parametrize("planar", [0, 1])
def test_planes_and_pixels_interleaved_are_the_same_page(planar):
    colours = coloured((255, 40, 7))
    ds = saved(np.ascontiguousarray(colours.transpose(2, 0, 1)) if planar else colours)
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 160, 256, 3
    ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", planar
    ds.pop("NumberOfFrames", None)

    two_levels(ds)


@pytest.mark.parametrize("letter", [(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 0), (255, 255, 255)])
def test_letters_of_any_colour_are_bright(letter):
    two_levels(saved(coloured(letter)))


@pytest.mark.parametrize(
    ("letter", "ground"),
    [((255, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 255)), ((0, 0, 0), (255, 255, 255))],
)
def test_letters_that_differ_in_colour_only_are_bright(letter, ground):
    (screen,) = dose_screens(saved(coloured(letter, ground)))

    assert np.array_equal(screen.pixels, PAGE)
    assert bool(screen.notes) == (letter != (0, 0, 0))


def test_navy_bars_stay_dark_and_two_intensities_stay_two():
    """Philips: bars 64, rows in 210 and 245 by turns; the cells' letters may stand on the bars."""
    colours = coloured((210, 210, 210))
    colours[80:][INK[80:]] = 245
    colours[4:36][~INK[4:36]] = (21, 39, 64)

    assert sorted(np.unique(picture(saved(colours)))) == [0, 64, 210, 245]


@pytest.mark.parametrize("kind", ["YBR_FULL", "YBR_FULL_422"])
def test_luma_and_chroma_become_colours(kind):
    ybr = np.zeros((160, 256, 3), np.uint8)
    ybr[...] = (0, 128, 128)
    ybr[INK] = (255, 128, 128)
    ds = saved(ybr, PhotometricInterpretation=kind)
    if kind == "YBR_FULL_422":
        y, chroma = ybr[:, :, 0].reshape(160, 128, 2), ybr[:, ::2, 1:]
        ds.PixelData = np.concatenate([y, chroma], axis=2).tobytes()

    two_levels(ds)


def test_red_letters_in_luma_and_chroma_are_bright():
    ybr = np.where(INK[..., None], np.array([76, 85, 255], np.uint8), np.array([0, 128, 128], np.uint8))

    assert np.array_equal(picture(saved(ybr, PhotometricInterpretation="YBR_FULL")) > 250, INK)


# Light and dark --------------------------------------------------------------------------------------------


def test_monochrome1_is_inverted():
    two_levels(saved(255 - PAGE, PhotometricInterpretation="MONOCHROME1"))


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("page", [PAGE, 255 - PAGE], ids=["dark", "light"])
def test_the_page_itself_says_which_is_ground(kind, page):
    two_levels(saved(page, PhotometricInterpretation=kind))


def test_a_few_letters_on_a_light_page_are_found():
    sparse = np.full((512, 512), 255, np.uint8)
    sparse[100:110, 100:140] = 255 - PAGE[20:30, 6:46]

    assert np.array_equal(picture(saved(sparse)), 255 - sparse)


def test_bars_and_rules_do_not_turn_the_page():
    page = PAGE.copy()
    page[2:16] = page[140:158] = 200
    page[::32] = 128

    assert np.array_equal(picture(saved(page)), page)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_an_empty_page_stays_empty(level, dtype):
    (screen,) = dose_screens(saved(np.full((64, 64), level, dtype)))

    assert not screen.pixels.any()
    assert screen.notes == ()


def test_the_noise_of_an_empty_compressed_page_is_not_raised():
    noise = np.random.default_rng(7).integers(0, 4, (64, 64), np.uint8)

    assert picture(saved(noise, LossyImageCompression="01")).max() < 16


# Pages of consoles -----------------------------------------------------------------------------------------

SCREENS = sorted(SHARED.glob("screens/encodings/*/*.dcm"))


@pytest.mark.skipif(not SCREENS, reason="the folder of drawn screens is not beside the project")
@pytest.mark.parametrize("file", SCREENS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_console_pages_of_every_encoding_show_their_letters(file):
    ds = pydicom.dcmread(file)
    (screen,) = dose_screens(ds)

    assert 0.005 < np.mean(screen.pixels > 127) < 0.2
    assert screen.notes == ()
    if ds.get("LossyImageCompression") != "01":
        assert np.unique(screen.pixels).size == 2


@pytest.mark.skipif(not (SHARED / "real").is_dir(), reason="the folder of real objects is not beside the project")
def test_a_real_page_keeps_its_bars_dark_and_its_rows_in_two_greys():
    (screen,) = dose_screens(pydicom.dcmread(SHARED / "real/philips_ingenuity/S4010/I50"))

    assert screen.pixels.shape == (512, 650)
    assert {0, 64, 210, 223, 245} <= set(np.unique(screen.pixels).tolist())
    assert screen.notes == ()
