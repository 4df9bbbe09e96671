"""Every transfer syntax gives the same samples."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from ocr_service.screen.pixels import dose_screens
from tests.screen.pages import (
    INK,
    PAGE,
    picture,
    rewritten,
    saved,
    two_levels,
)


def in_memory(ds, syntax):
    """The object written in another native syntax and read again."""
    buffer = pydicom.filebase.DicomBytesIO()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1.99"], ids=["implicit", "deflated"])
@pytest.mark.parametrize("pixels", [PAGE, PAGE.astype(np.int16) * 4], ids=["8 bit", "16 bit signed"])
def test_native_syntaxes_give_the_same_picture(syntax, pixels):
    assert np.array_equal(picture(in_memory(saved(pixels), syntax)) > 127, INK)


@pytest.mark.parametrize("pixels", [PAGE, PAGE.astype(np.uint16) * 16], ids=["8 bit", "16 bit"])
def test_big_endian_gives_the_same_picture(pixels, tmp_path):
    ds = rewritten(saved(pixels), tmp_path, "dcmconv", "+tb")

    assert ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    two_levels(ds)


def test_deflated_by_dcmtk_gives_the_same_picture(tmp_path):
    two_levels(rewritten(saved(PAGE), tmp_path, "dcmconv", "+td"))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name[:12])
@pytest.mark.parametrize("pixels", [PAGE, PAGE.astype(np.uint16) * 16], ids=["8 bit", "16 bit"])
def test_lossless_compression_gives_the_same_picture(syntax, pixels):
    ds = saved(pixels, BitsStored=8 if pixels is PAGE else 12)
    ds.compress(syntax, generate_instance_uid=False)

    two_levels(ds)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name[:12])
@pytest.mark.parametrize("stored", [12, 16])
def test_signed_pixels_survive_compression(syntax, stored):
    """GE: 0 and 1023 signed, a window one wide."""
    values = np.where(INK, 1023, 0).astype(np.int16)
    ds = saved(values, BitsStored=stored, RescaleIntercept=-1024, RescaleSlope=1, WindowCenter=-2, WindowWidth=1)
    ds.compress(syntax, generate_instance_uid=False)

    two_levels(ds)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name[:12])
def test_negative_values_survive_compression(syntax):
    values = np.where(INK, 1023, -1024).astype(np.int16)
    ds = saved(values, WindowCenter=0, WindowWidth=1)
    ds.compress(syntax, generate_instance_uid=False)

    two_levels(ds)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name[:12])
def test_colour_survives_lossless_compression(syntax):
    ds = saved(np.stack([PAGE // 2, PAGE, PAGE // 5], axis=-1))
    ds.compress(syntax, generate_instance_uid=False)

    two_levels(ds)


@pytest.mark.parametrize(
    "command",
    [
        ("dcmcjpeg", "+e1"),
        ("dcmcjpeg", "+el"),
        ("dcmcjpls", "+el"),
        ("dcmcrle",),
    ],
    ids=["JPEG lossless SV1", "JPEG lossless process 14", "JPEG-LS", "RLE"],
)
@pytest.mark.parametrize("pixels", [PAGE, PAGE.astype(np.uint16) * 16], ids=["8 bit", "12 bit"])
def test_lossless_files_of_dcmtk_give_the_same_picture(command, pixels, tmp_path):
    ds = rewritten(saved(pixels, BitsStored=8 if pixels is PAGE else 12), tmp_path, *command)

    assert ds.file_meta.TransferSyntaxUID.is_encapsulated
    two_levels(ds)


@pytest.mark.parametrize("command", [("dcmcjpeg", "+e1"), ("dcmcjpls", "+el"), ("dcmcrle",)], ids=lambda c: c[0])
def test_colour_files_of_dcmtk_give_the_same_picture(command, tmp_path):
    two_levels(rewritten(saved(np.stack([PAGE // 2, PAGE, PAGE // 5], axis=-1)), tmp_path, *command))


@pytest.mark.parametrize(
    ("pixels", "command"),
    [
        (PAGE, ("dcmcjpeg", "+eb", "+q", "90")),
        (PAGE.astype(np.uint16) * 16, ("dcmcjpeg", "+ee", "+q", "90")),
        (np.stack([PAGE] * 3, axis=-1), ("dcmcjpeg", "+eb", "+q", "90")),
        (np.stack([PAGE] * 3, axis=-1), ("dcmcjpeg", "+eb", "+cr")),
        (PAGE, ("dcmcjpls", "+en", "+md", "3")),
    ],
    ids=["baseline", "extended 12 bit", "baseline YBR_FULL_422", "baseline RGB", "JPEG-LS near"],
)
def test_lossy_files_differ_little(pixels, command, tmp_path):
    shown = picture(rewritten(saved(pixels, BitsStored=8 if pixels.dtype == np.uint8 else 12), tmp_path, *command))

    assert np.array_equal(shown > 127, INK)
    assert np.mean(np.abs(shown.astype(int) - PAGE)) < 8


@pytest.mark.parametrize(("syntax", "option"), [(JPEG2000, "j2k_psnr"), (JPEGLSNearLossless, "jls_error")])
def test_lossy_pages_by_pydicom_differ_little(syntax, option):
    ds = saved(PAGE)
    ds.compress(syntax, generate_instance_uid=False, **{option: [40] if option == "j2k_psnr" else 3})

    assert np.array_equal(picture(ds) > 127, INK)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, None], ids=str)
def test_every_frame_is_a_page(syntax):
    ds = saved(np.stack([PAGE, np.flipud(PAGE), PAGE]))
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)
    screens = dose_screens(ds)

    assert [screen.frame for screen in screens] == [1, 2, 3]
    assert np.array_equal(screens[0].pixels, PAGE)
    assert np.array_equal(screens[1].pixels, np.flipud(PAGE))


def test_a_frame_in_several_fragments_is_one_page():
    ds = saved(PAGE)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    (frame,) = pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = pydicom.encaps.encapsulate([frame], fragments_per_frame=4, has_bot=False)

    two_levels(ds)


def test_one_bit_pixels_are_two_levels():
    pages = np.stack([PAGE[:, :255], PAGE[:, 1:]])  # 255 columns: the second page begins within a byte
    ds = saved(pages, BitsAllocated=1, BitsStored=1, HighBit=0)
    ds.PixelData = np.packbits(pages.ravel() > 0, bitorder="little").tobytes()

    assert np.array_equal(picture(ds, 2), PAGE[:, 1:])
