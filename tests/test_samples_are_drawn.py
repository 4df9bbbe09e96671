"""The samples are what their script draws, and their README and truth.json say what they are."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

SAMPLES = Path(__file__).parents[1] / "sample_sc"
TRUTH = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))
README = (SAMPLES / "README.md").read_text(encoding="utf-8")
FONTS = [Path("/usr/share/fonts/X11") / part for part in ("misc/clR7x14", "75dpi/helvB14", "100dpi/helvR12")]
BY_ANOTHER_LIBRARY = {
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLosslessSV1,
}
OUTCOMES = {"verified", "needs_review", "header", "unreadable", "skipped"}
ACQUISITION_TYPES = {"113804", "116152004", "113805", "113806", "113807", None}

pixels_are_missing = pytest.mark.filterwarnings("ignore:End of file reached:UserWarning")
a_real_value_that_is_no_cs = pytest.mark.filterwarnings("ignore:Invalid value for VR CS:UserWarning")


def folder_of(entry):
    return entry["folder"]


def files_of(entry):
    return [SAMPLES / entry["folder"] / name for name in entry["files"]]


def header(path):
    return dcmread(path, stop_before_pixels=True)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder in which the script has drawn everything anew."""
    if not all(font.with_name(font.name + ".pcf.gz").is_file() for font in FONTS):
        pytest.skip("Debian's X11 fonts are missing: apt-get install xfonts-base xfonts-75dpi xfonts-100dpi")
    if shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmcjpeg is missing: apt-get install dcmtk")
    folder = tmp_path_factory.mktemp("samples")
    command = [sys.executable, "-W", "error", SAMPLES / "draw.py", "--out", folder]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


def same_apart_from_the_coder(ours: Path, again: Path) -> bool:
    """Are two files equal, or did only another version of a foreign coder pack the same picture otherwise?"""
    if ours.read_bytes() == again.read_bytes():
        return True
    old, new = dcmread(ours), dcmread(again)
    syntax = old.file_meta.TransferSyntaxUID
    if syntax not in BY_ANOTHER_LIBRARY or syntax != new.file_meta.TransferSyntaxUID:
        return False
    error = np.abs(old.pixel_array.astype(int) - new.pixel_array).max()
    for ds in (old, new):
        del ds.PixelData
        if "LossyImageCompressionRatio" in ds:
            del ds.LossyImageCompressionRatio
    return old == new and error <= (16 if syntax == JPEGBaseline8Bit else 0)


@pytest.mark.parametrize("entry", TRUTH, ids=folder_of)
def test_a_sample_is_drawn_again_byte_for_byte(entry, drawn):
    again = sorted(path.name for path in (drawn / entry["folder"]).iterdir())

    assert again == entry["files"]
    for path in files_of(entry):
        assert same_apart_from_the_coder(path, drawn / entry["folder"] / path.name), path.name


@pytest.mark.parametrize("name", ["truth.json", "README.md"])
def test_truth_and_readme_are_as_the_script_writes_them(name, drawn):
    assert (drawn / name).read_bytes() == (SAMPLES / name).read_bytes()


def test_every_committed_file_has_its_place_in_the_truth():
    committed = set(SAMPLES.rglob("*.dcm"))

    assert committed == {path for entry in TRUTH for path in files_of(entry)}


def test_the_readme_lists_each_sample_with_its_purpose_and_outcome():
    rows = re.findall(r"^\| `(\w+/\w+)` \| (\d+) \| (.+) \| (.+) \| (\w+) \|$", README, re.MULTILINE)

    assert rows == [(e["folder"], str(len(e["files"])), e["purpose"], e["encoding"], e["outcome"]) for e in TRUTH]


def test_the_samples_show_every_outcome_and_stay_small():
    assert len(TRUTH) >= 24
    assert {entry["outcome"] for entry in TRUTH} == OUTCOMES
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*.dcm")) < 6_000_000


@pytest.mark.parametrize("entry", TRUTH, ids=folder_of)
def test_the_truth_is_written_as_texts_of_known_kinds(entry):
    numbers = [entry["dlp_total"]]
    for event in entry["events"]:
        assert event["acquisition_type"] in ACQUISITION_TYPES
        assert event["phantom"] in {"head", "body", None}
        numbers += [event["mean_ctdivol"], event["dlp"], event["kvp"]]

    assert all(number is None or re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers)


@pytest.mark.parametrize(
    "entry", [e for e in TRUTH if e["outcome"] == "verified" and e["dlp_total"] is not None], ids=folder_of
)
def test_rows_of_a_clean_sample_add_up_to_its_total_within_rounding(entry):
    printed = [Decimal(event["dlp"]) for event in entry["events"] if event["dlp"]]
    half_a_unit = sum((Decimal((0, (5,), int(dlp.as_tuple().exponent) - 1)) for dlp in printed), Decimal(0))

    assert abs(sum(printed) - Decimal(entry["dlp_total"])) <= half_a_unit


@pytest.mark.parametrize("maker", ["ge", "siemens", "toshiba", "philips"])
def test_every_digit_occurs_in_the_doses_of_a_maker(maker):
    events = [event for entry in TRUTH if entry["folder"].startswith(maker) for event in entry["events"]]

    assert set("0123456789") <= set("".join((e["mean_ctdivol"] or "") + (e["dlp"] or "") for e in events))


@pixels_are_missing
@a_real_value_that_is_no_cs
def test_every_encoding_occurs():
    headers = [header(path) for path in SAMPLES.rglob("*.dcm")]
    syntaxes = {ds.file_meta.TransferSyntaxUID.name for ds in headers}
    pictures = {(ds.PhotometricInterpretation, ds.get("PlanarConfiguration", 0)) for ds in headers if "Rows" in ds}

    assert len(syntaxes) == 8, syntaxes  # implicit, explicit, deflated, RLE, J2K, JPEG-LS, two JPEG
    assert pictures >= {
        ("MONOCHROME1", 0),
        ("MONOCHROME2", 0),
        ("PALETTE COLOR", 0),
        ("RGB", 0),
        ("RGB", 1),
        ("YBR_FULL", 0),
        ("YBR_FULL_422", 0),
    }


@pixels_are_missing
@a_real_value_that_is_no_cs
@pytest.mark.parametrize("entry", TRUTH, ids=folder_of)
def test_the_files_of_a_sample_are_one_study_of_an_invented_patient(entry):
    headers = [header(path) for path in files_of(entry)]

    assert {str(ds.StudyInstanceUID) for ds in headers} == {entry["study_instance_uid"]}
    assert {ds.PatientName.family_name for ds in headers} <= {"SAMPLE", "EXEMPLE", "MIHON", "REIDAI"}
    assert len({ds.SOPInstanceUID for ds in headers}) == len(headers)


def test_the_overlay_page_has_nothing_in_its_pixels():
    ds = dcmread(SAMPLES / "siemens/overlay_va40a/01.dcm")

    assert not ds.pixel_array.any()
    assert ds.overlay_array(0x6000).any()


def test_the_missing_pixel_is_one_pixel():
    out, whole = (dcmread(SAMPLES / f"ge/{name}/01.dcm").pixel_array for name in ("pixel_out", "wrong_total"))
    table = slice(150, 228)  # the rows of both pages are the same; headings and totals differ

    assert np.count_nonzero(out[table] != whole[table]) == 1


@pytest.mark.parametrize("module", sorted(SAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_samples_are_drawn_without_the_product(module):
    """Else a fault of the product could hide in the samples that are to find it."""
    nodes = list(ast.walk(ast.parse(module.read_bytes())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    assert not {name for name in names if name.split(".")[0] == "ocr_service"}
    assert not names & {"random", "time", "datetime", "uuid"}
