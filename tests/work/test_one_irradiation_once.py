"""One irradiation is reported once, however its objects name the scanner and in whichever order they come."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from ocr_service import equipment
from ocr_service.dose.report import Scanner
from ocr_service.work import archive, lines

SAMPLE = Path(__file__).parents[2] / "sample_sc" / "ge" / "with_images"
DEFAULT = frozenset({"verified", "header"})


def converted(source: Path, out: Path) -> list[dict[str, Any]]:
    _, endings = archive.convert([source], *equipment.both(None), out, DEFAULT)
    return [json.loads(lines.line(ending)) for ending in endings]


def without_serial(ds: Dataset) -> None:
    del ds.DeviceSerialNumber


def in_capitals(ds: Dataset) -> None:
    ds.ManufacturerModelName = str(ds.ManufacturerModelName).upper()


def copied(folder: Path, change: Any) -> Path:
    shutil.copytree(SAMPLE, folder)
    page = folder / "01.dcm"
    ds = dcmread(page)
    change(ds)
    ds.save_as(page)
    return folder


@pytest.mark.parametrize("change", [without_serial, in_capitals])
@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_a_page_and_images_that_name_the_scanner_otherwise_are_one_unit(tmp_path: Path, change: Any) -> None:
    said = converted(copied(tmp_path / "in", change), tmp_path / "out")

    assert [one["outcome"] for one in said] == ["verified"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_image_headers_never_take_the_place_of_a_verified_report(tmp_path: Path) -> None:
    whole = copied(tmp_path / "in", lambda ds: None)
    (first,) = converted(whole / "01.dcm", tmp_path / "out")
    (whole / "01.dcm").unlink()
    (second,) = converted(whole, tmp_path / "out")

    assert (first["outcome"], second["outcome"]) == ("verified", "header")
    assert second["rdsr"] == first["rdsr"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Scanner("GE MEDICAL SYSTEMS", "LightSpeed VCT", "77"), Scanner("GE", "LIGHTSPEED VCT"), True),
        (Scanner("GE", "LightSpeed VCT", "77"), Scanner("GE", "LightSpeed VCT", "78"), False),
        (Scanner("GE", "LightSpeed VCT"), Scanner("SIEMENS", "LightSpeed VCT"), False),
        (Scanner("GE", "A", "", "CT1"), Scanner("GE", "A", "", "CT2"), False),
        (Scanner("GE", "A", "77", "CT1"), Scanner("GE", "A", "", "CT2"), True),
        (Scanner("", ""), Scanner("GE", "A", "77"), True),
    ],
)
def test_two_headers_name_two_scanners_only_where_both_say_so(one: Scanner, other: Scanner, same: bool) -> None:
    assert one.may_be(other) is same
    assert other.may_be(one) is same
