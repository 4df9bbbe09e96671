"""A header that is missing, absurd or beyond the bounds is named before anything is decoded."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from ocr_service.screen.pixels import Bounds, dose_screens
from tests.screen.pages import (
    PAGE,
    compressed,
    ends_well,
    refused,
    saved,
)

COMPRESSED = [RLELossless, JPEGLSLossless, JPEG2000Lossless]


@pytest.mark.parametrize(
    "keyword",
    [
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "SamplesPerPixel",
        "PixelRepresentation",
        "PhotometricInterpretation",
    ],
)
def test_a_missing_attribute_is_named(keyword):
    ds = saved(PAGE)
    delattr(ds, keyword)

    assert "missing" in refused(ds, keyword)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 0),
        ("Rows", 8193),
        ("Columns", 65535),
        ("NumberOfFrames", 0),
        ("NumberOfFrames", -3),
        ("NumberOfFrames", 65),
        ("SamplesPerPixel", 2),
        ("SamplesPerPixel", 4),
        ("BitsAllocated", 32),
        ("BitsAllocated", 12),
        ("BitsStored", 9),
        ("HighBit", 15),
        ("PixelRepresentation", 7),
        ("PhotometricInterpretation", "RGB"),
        ("PhotometricInterpretation", "HSV"),
    ],
)
def test_an_absurd_attribute_is_named(keyword, value):
    ds = saved(PAGE)
    setattr(ds, keyword, value)

    refused(ds, keyword)


def test_the_text_of_an_error_repeats_nothing_the_sender_wrote():
    ds = saved(PAGE)
    ds.PhotometricInterpretation = "SECRET NAME"

    assert "SECRET" not in refused(ds, "PhotometricInterpretation")


@pytest.mark.parametrize("syntax", [None, *COMPRESSED], ids=str)
def test_the_greatest_page_a_header_can_claim_is_refused(syntax):
    ds = saved(PAGE) if syntax is None else compressed(syntax)[0]
    ds.Rows = ds.Columns = 65535

    refused(ds, "Rows")


def test_many_large_frames_are_refused_before_decoding():
    ds = saved(PAGE)
    ds.Rows = ds.Columns = 8192
    ds.NumberOfFrames = 64

    refused(ds, "bytes decoded")


def test_bounds_can_be_narrower():
    refused(saved(PAGE), "Rows", Bounds(rows=100))
    refused(saved(PAGE), "Columns", Bounds(columns=100))
    refused(saved(np.stack([PAGE] * 3)), "NumberOfFrames", Bounds(frames=2))
    refused(saved(PAGE), "bytes decoded", Bounds(decoded_bytes=1000))


def test_an_object_without_pixels_says_so():
    ds = saved(PAGE)
    del ds.PixelData

    refused(ds, "neither PixelData")


def test_pixels_in_floating_point_say_so():
    ds = saved(PAGE)
    ds.FloatPixelData = ds.PixelData
    del ds.PixelData

    refused(ds, "FloatPixelData")


def test_an_empty_data_set_says_so():
    refused(pydicom.Dataset(), "neither PixelData")


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.103", "1.2.3", "not a UID \n"])
def test_a_transfer_syntax_nobody_decodes_is_named(uid):
    ds = saved(PAGE)
    value = uid.encode()
    tag = pydicom.tag.Tag("TransferSyntaxUID")
    ds.file_meta[tag] = pydicom.dataelem.RawDataElement(tag, "UI", len(value), value, 0, False, True)

    assert "\n" not in refused(ds, "TransferSyntaxUID")


def test_encapsulated_pixels_under_a_native_syntax_are_refused():
    ds, _ = compressed(RLELossless)
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian

    refused(ds, "encapsulated")


def test_a_data_set_without_file_meta_information_is_read_as_it_stands():
    ds = saved(PAGE)
    del ds.file_meta

    assert np.array_equal(dose_screens(ds)[0].pixels, PAGE)


NUMBERS = st.one_of(st.integers(0, 65535), st.sampled_from([0, 1, 8, 16, 160, 256, 65535]))


@settings(max_examples=300, deadline=5000)
@given(
    header=st.dictionaries(
        st.sampled_from(
            [
                "Rows",
                "Columns",
                "BitsAllocated",
                "BitsStored",
                "HighBit",
                "PixelRepresentation",
                "SamplesPerPixel",
                "PlanarConfiguration",
                "PixelPaddingValue",
            ]
        ),
        NUMBERS,
    ),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL_422", "PALETTE COLOR", "X"]),
    raw=st.dictionaries(
        st.sampled_from(["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "NumberOfFrames"]),
        st.sampled_from([b"", b"0", b"-1", b"1e308 ", b"nan ", b"inf ", b"1\\2 ", b"abc ", b"\xff\x00", b"9" * 40]),
    ),
    length=st.integers(0, 3 * PAGE.size),
)
def test_headers_of_any_numbers_end_well(header, photometric, raw, length):
    ds = saved(PAGE, **header, PhotometricInterpretation=photometric)
    ds.PixelData = (PAGE.tobytes() * 3)[:length]
    for keyword, value in raw.items():
        tag = pydicom.tag.Tag(keyword)
        vr = "IS" if keyword == "NumberOfFrames" else "DS"
        ds[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(value), value, 0, False, True)
    ends_well(ds)
