"""Frames that lie, are cut off or are noise end in a PixelError, quickly and in bounded memory."""

from __future__ import annotations

import random
import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from ocr_service.screen.pixels import dose_screens
from tests.screen.pages import (
    PAGE,
    compressed,
    encapsulated,
    ends_well,
    refused,
    rewritten,
    saved,
)

COMPRESSED = [RLELossless, JPEGLSLossless, JPEG2000Lossless]


@pytest.mark.parametrize("length", [0, 1, 100, PAGE.size - 2])
def test_pixels_cut_off_are_refused(length):
    ds = saved(PAGE)
    ds.PixelData = PAGE.tobytes()[:length]

    refused(ds, "PixelData")


def test_a_frame_more_than_the_header_says_is_no_padding():
    """A page nobody asks for is a page lost."""
    ds = saved(np.stack([PAGE, PAGE]))
    ds.NumberOfFrames = 1

    refused(ds, "more frames")


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_compressed_frames_are_counted(syntax):
    ds = saved(np.stack([PAGE, PAGE]))
    ds.compress(syntax, generate_instance_uid=False)
    ds.NumberOfFrames = 1
    refused(ds, "NumberOfFrames")
    ds.NumberOfFrames = 3
    refused(ds, "NumberOfFrames")


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_frame_cut_off_is_refused(syntax, share):
    """Decoders fill the rest with black: a lost row would look like an empty one."""
    ds, frame = compressed(syntax)
    cut = frame[: int(len(frame) * share)]

    refused(encapsulated([cut], syntax, ds), "cut off|cannot be|needs?")


@pytest.mark.parametrize("option", ["+eb", "+e1"])
def test_a_jpeg_frame_cut_off_is_refused(option, tmp_path):
    ds = rewritten(saved(PAGE), tmp_path, "dcmcjpeg", option)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))

    refused(encapsulated([frame[: len(frame) // 2]], ds.file_meta.TransferSyntaxUID, ds), "cut off")


def test_fragments_cut_off_are_refused():
    ds, _ = compressed(JPEG2000Lossless)
    ds.PixelData = ds.PixelData[:200]
    ds["PixelData"].is_undefined_length = True

    refused(ds, "fragments|cut off|NumberOfFrames")


# Frames that lie -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_frame_of_another_size_is_refused(syntax):
    _, frame = compressed(syntax, np.zeros((128, 128), np.uint8))

    refused(encapsulated([frame], syntax, saved(PAGE)), "compressed frame says|cut off")


def test_a_jpeg_2000_frame_that_claims_gigabytes_is_refused():
    ds, frame = compressed(JPEG2000Lossless)
    huge = bytearray(frame)
    huge[8:16] = huge[24:32] = struct.pack(">II", 2**31, 2**31)

    refused(encapsulated([bytes(huge)], JPEG2000Lossless, ds), "compressed frame says")


def test_a_jpeg_2000_frame_in_a_million_tiles_is_refused():
    ds, frame = compressed(JPEG2000Lossless)
    tiles = bytearray(frame)
    tiles[24:32] = struct.pack(">II", 1, 1)

    refused(encapsulated([bytes(tiles)], JPEG2000Lossless, ds), "JPEG 2000")


@pytest.mark.parametrize("marker", [b"\xff\x52", b"\xff\x53"], ids=["COD", "COC"])
def test_a_jpeg_2000_frame_in_a_million_precincts_is_refused(marker):
    ds, frame = compressed(JPEG2000Lossless)
    at = frame.index(b"\xff\x52")
    length = struct.unpack_from(">H", frame, at + 2)[0]
    content = frame[at + 4 : at + 2 + length]
    levels = content[5]
    if marker == b"\xff\x52":
        tiny = bytes([content[0] | 1]) + content[1:10] + bytes(levels + 1)
    else:
        tiny = bytes([0, 1]) + content[5:10] + bytes(levels + 1)
    segment = marker + struct.pack(">H", len(tiny) + 2) + tiny
    end = at + 2 + length
    kept = at if marker == b"\xff\x52" else end
    lying = frame[:kept] + segment + frame[end:]

    refused(encapsulated([lying], JPEG2000Lossless, ds), "JPEG 2000")


@pytest.mark.parametrize("segment", ["layers", "progression"])
def test_a_jpeg_2000_frame_of_endless_packets_is_refused(segment):
    ds, frame = compressed(JPEG2000Lossless)
    lying = bytearray(frame)
    at = frame.index(b"\xff\x52")
    if segment == "layers":
        lying[at + 6 : at + 8] = b"\xff\xff"
    else:
        lying[at:at] = b"\xff\x5f\x00\x09" + bytes(7)

    refused(encapsulated([bytes(lying)], JPEG2000Lossless, ds), "JPEG 2000")


def jpeg(tmp_path, option):
    """The object as dcmcjpeg writes it, its frame up to the first scan, and the header of that scan."""
    ds = rewritten(saved(np.zeros((1024, 1024), np.uint8)), tmp_path, "dcmcjpeg", option)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    at = frame.index(b"\xff\xda")
    return ds, frame[:at], frame[at : at + 10]


@pytest.mark.parametrize("option", ["+eb", "+e1"])
def test_a_jpeg_frame_with_scan_after_scan_is_refused(option, tmp_path):
    """The decoder fills each scan, however short, in the time of a whole one."""
    ds, beginning, scan = jpeg(tmp_path, option)
    lying = beginning + (scan + bytes(5000)) * 40 + b"\xff\xd9"

    refused(encapsulated([lying], ds.file_meta.TransferSyntaxUID, ds), "markers of a JPEG")


@pytest.mark.parametrize("option", ["+eb", "+e1"])
def test_a_jpeg_frame_with_an_end_but_no_middle_is_refused(option, tmp_path):
    ds, beginning, scan = jpeg(tmp_path, option)

    refused(encapsulated([beginning + scan + b"\0\xff\xd9"], ds.file_meta.TransferSyntaxUID, ds), "cannot hold")


def test_a_jpeg_frame_of_frames_is_refused(tmp_path):
    """A hierarchy (DHP) may hold a frame larger than the first one says."""
    ds, beginning, scan = jpeg(tmp_path, "+eb")
    at = beginning.index(b"\xff\xc0")
    lying = beginning[:at] + b"\xff\xde" + beginning[at + 2 :] + scan + bytes(9000) + b"\xff\xd9"

    refused(encapsulated([lying], ds.file_meta.TransferSyntaxUID, ds), "markers of a JPEG")


def test_a_jpeg_ls_frame_that_claims_more_is_refused():
    ds, frame = compressed(JPEGLSLossless)
    huge = bytearray(frame)
    at = frame.index(b"\xff\xf7") + 5
    huge[at : at + 4] = b"\xff\xff\xff\xff"

    refused(encapsulated([bytes(huge)], JPEGLSLossless, ds), "compressed frame says")


def test_an_rle_frame_that_promises_too_much_gives_no_more_than_the_page():
    ds = saved(PAGE)
    bomb = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 2_000_000
    (screen,) = dose_screens(encapsulated([bomb], RLELossless, ds))

    assert not screen.pixels.any()


@pytest.mark.parametrize("header", [(0,), (2, 64, 70), (16, 64), (1, 3), (1, 2**31)])
def test_an_rle_header_that_lies_is_refused(header):
    words = struct.pack("<16I", *header, *[0] * (16 - len(header)))

    refused(encapsulated([words + b"\x81\x00" * 400], RLELossless, saved(PAGE)), "RLE")


def palette_of(segments, bits=16):
    ds = saved(PAGE, PhotometricInterpretation="PALETTE COLOR")
    words = struct.pack(f"<{len(segments)}H", *segments)
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
        setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", words)
    return ds


@pytest.mark.parametrize(
    "segments",
    [
        [1, 65535, 9] * 5000,
        [0, 1, 7] + [2, 65535, 0, 0] * 5000,
        [2, 1, 0, 0],
        [0, 1, 0, 2, 65535, 6, 0],
        [0, 0] * 5000,
        [9, 9, 9],
        [0, 60000],
    ],
)
def test_a_segmented_palette_that_never_ends_is_bounded(segments):
    start = time.monotonic()
    ends_well(palette_of(segments))
    assert time.monotonic() - start < 3


def test_a_palette_without_tables_is_refused():
    refused(saved(PAGE, PhotometricInterpretation="PALETTE COLOR"), "PaletteColorLookupTable")


def test_a_palette_cut_off_is_refused():
    ds = palette_of([0, 1, 2])
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableData", b"\x01\x02\x03\x04")

    refused(ds, "has 2 entries where its descriptor says 256")


# Noise -----------------------------------------------------------------------------------------------------

SYNTAXES = [None, RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1]
BEGINNINGS = {
    JPEG2000Lossless: compressed(JPEG2000Lossless)[1],
    JPEGLSLossless: compressed(JPEGLSLossless)[1],
    RLELossless: compressed(RLELossless)[1],
}


@settings(max_examples=200, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(syntax=st.sampled_from(SYNTAXES), noise=st.binary(max_size=3000), whole=st.booleans())
@example(syntax=JPEGBaseline8Bit, noise=b"\xff\xd8\xff\xd9", whole=True)
@example(syntax=JPEG2000Lossless, noise=b"\xff\x4f\xff\x51\xff\xd9", whole=True)
def test_random_bytes_for_pixels_end_well(syntax, noise, whole):
    ds = saved(PAGE)
    if syntax is None:
        ds.PixelData = noise
        ends_well(ds)
        return
    ds = encapsulated([BEGINNINGS.get(syntax, b"\xff\xd8") + noise + b"\xff\xd9"], syntax, ds)
    if not whole:
        ds.PixelData = ds.PixelData[: len(noise)] + noise
        ds["PixelData"].is_undefined_length = True
    ends_well(ds)


@settings(max_examples=300, deadline=5000)
@given(seed=st.integers(0, 2**32), syntax=st.sampled_from(list(BEGINNINGS)))
def test_frames_with_changed_bytes_end_well(seed, syntax):
    change = random.Random(seed)
    frame = bytearray(BEGINNINGS[syntax])
    for _ in range(change.randint(1, 6)):
        frame[change.randrange(min(len(frame), change.choice((60, 200, 10**6))))] = change.randrange(256)
    ends_well(encapsulated([bytes(frame)], syntax, saved(PAGE)))


def test_a_damaged_near_lossless_frame_ends():
    """CharLS 2.4 looks for the end of such a frame for ever."""
    ds, frame = compressed(JPEGLSLossless)
    at = frame.index(b"\xff\xda")
    for seed in range(30):
        change = random.Random(seed)
        damaged = bytearray(frame)
        damaged[at + 7] = 67
        for _ in range(4):
            damaged[change.randrange(at + 10, len(damaged) - 2)] = change.randrange(256)
        ends_well(encapsulated([bytes(damaged)], JPEGLSLossless, ds))
