"""A modality sends an object as it is, a gateway sends it compressed: it is one object, and no doubt."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from ocr_service.work.encodings import say_the_same
from ocr_service.work.objects import read_object
from tests.work import consoles


def coloured(**header: Any) -> Dataset:
    """The page in colour, with what gateways stumble on: a private element, a sequence, letters with umlauts."""
    page = consoles.drawn()
    ds = consoles.screen(pixels=page, PatientName="Jäger^Jörg", **header)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.PixelData = np.stack([page, page // 2, 255 - page], axis=-1).tobytes()
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "77477000", "SCT", "CT"
    ds.ProcedureCodeSequence = [item]
    ds.private_block(0x0091, "ACME 1", create=True).add_new(1, "FD", 1.5)
    return ds


def grey(**header: Any) -> Dataset:
    return consoles.screen(**header)


def read(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    return read_object(consoles.saved(ds, path, syntax), pixels=True)


def re_encoded(ds: Dataset, path: Path, syntax: str) -> Dataset:
    """As a gateway of pydicom's writes it without compression."""
    ds.ensure_file_meta()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.save_as(path, enforce_file_format=True)
    return read_object(path, pixels=True)


@pytest.mark.parametrize("page", [grey, coloured])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_a_page_compressed_without_loss_says_the_same(syntax: str, page: Callable[[], Dataset], tmp_path: Path) -> None:
    plain, compressed = read(page(), tmp_path / "1.dcm"), read(page(), tmp_path / "2.dcm", syntax)

    assert plain.PixelData != compressed.PixelData
    assert say_the_same(plain, compressed)
    assert say_the_same(compressed, plain)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_page_in_another_byte_order_or_without_value_representations_says_the_same(
    syntax: str, tmp_path: Path
) -> None:
    plain = read(coloured(), tmp_path / "1.dcm")
    other = re_encoded(coloured(), tmp_path / "2.dcm", syntax)

    assert say_the_same(plain, other)


@pytest.mark.dicom_tools
@pytest.mark.parametrize("command", [("dcmcrle",), ("dcmcjpeg", "+e1"), ("dcmcjpls",), ("dcmconv", "+ti")])
@pytest.mark.parametrize("page", [grey, coloured])
def test_what_a_gateway_of_dcmtk_makes_of_a_page_says_the_same(
    page: Callable[[], Dataset], command: tuple[str, ...], tmp_path: Path
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: apt-get install dcmtk")
    before, after = consoles.saved(page(), tmp_path / "1.dcm"), tmp_path / "2.dcm"
    subprocess.run([*command, str(before), str(after)], check=True, timeout=30)

    assert say_the_same(read_object(before, pixels=True), read_object(after, pixels=True))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("page", [grey, coloured])
def test_one_pixel_more_says_something_else(syntax: str, page: Callable[[], Dataset], tmp_path: Path) -> None:
    plain, changed = page(), page()
    changed.PixelData = bytes([changed.PixelData[0] ^ 1]) + changed.PixelData[1:]

    assert not say_the_same(read(plain, tmp_path / "1.dcm"), read(changed, tmp_path / "2.dcm", syntax))


@pytest.mark.parametrize(
    "change",
    [
        {"PatientName": "Jaeger^Joerg"},
        {"SeriesNumber": "998"},
        {"ImageComments": "more"},
        {"WindowCenter": "3"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_header_says_something_else(change: dict[str, object], tmp_path: Path) -> None:
    plain, changed = read(coloured(), tmp_path / "1.dcm"), coloured()
    for keyword, value in change.items():
        setattr(changed, keyword, value)

    assert not say_the_same(plain, read(changed, tmp_path / "2.dcm", RLELossless))


def test_another_private_value_and_another_item_say_something_else(tmp_path: Path) -> None:
    plain, value, item = read(coloured(), tmp_path / "1.dcm"), coloured(), coloured()
    value[0x0091, 0x1001].value = 1.25
    item.ProcedureCodeSequence[0].CodeMeaning = "MR"

    assert not say_the_same(plain, re_encoded(value, tmp_path / "2.dcm", ImplicitVRLittleEndian))
    assert not say_the_same(plain, re_encoded(item, tmp_path / "3.dcm", ImplicitVRLittleEndian))


def test_colours_taken_for_others_and_a_page_less_say_something_else(tmp_path: Path) -> None:
    plain, other = read(coloured(), tmp_path / "1.dcm"), coloured()
    other.PhotometricInterpretation = "YBR_FULL"
    two = grey()
    two.NumberOfFrames, two.PixelData = 2, two.PixelData * 2

    assert not say_the_same(plain, re_encoded(other, tmp_path / "2.dcm", ExplicitVRLittleEndian))
    assert not say_the_same(read(grey(), tmp_path / "3.dcm"), read(two, tmp_path / "4.dcm"))


def test_pixels_that_cannot_be_decoded_are_not_the_same(tmp_path: Path) -> None:
    plain, broken = read(grey(), tmp_path / "1.dcm"), read(grey(), tmp_path / "2.dcm", RLELossless)
    broken.PixelData = broken.PixelData[:40] + bytes(len(broken.PixelData) - 40)

    assert not say_the_same(plain, broken)
