"""The main job with the real engines: dose screens in, proven RDSRs out, on samples with known truth."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ocr_service.dose.proof import Verified
from ocr_service.rdsr.parse import parse
from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Readers
from ocr_service.screen.tesseract import VOTES, TesseractCommand
from ocr_service.templates.library import Library, load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive, lines
from ocr_service.work.archive import Converted

SAMPLES = Path(__file__).parent.parent / "sample_sc"
TRUTH: dict[str, dict[str, Any]] = {one["folder"]: one for one in json.loads((SAMPLES / "truth.json").read_text())}
FOLDERS = (
    "ge/scout_and_helical",
    "philips/exam_summary",
    "siemens/no_letters",
    "ge/wrong_total",
    "ge/missing_page",
    "ge/brivo",
)

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed"),
]


@pytest.fixture(scope="module")
def library() -> Library:
    return load_templates(shipped_templates())


@pytest.fixture(scope="module")
def readers() -> Readers:
    return Readers(PPOCR(), TesseractCommand(), VOTES)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rdsr")


@pytest.fixture(scope="module")
def converted(library: Library, readers: Readers, out: Path) -> dict[str, Converted]:
    emit = frozenset({"verified", "review"})
    endings = {}
    for folder in FOLDERS:
        _, found = archive.convert([SAMPLES / folder], library, readers, out, emit)
        (endings[folder],) = list(found)
    return endings


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_verified_report_states_a_wrong_value(converted: dict[str, Converted], folder: str) -> None:
    ending, truth = converted[folder], TRUTH[folder]
    said = json.loads(lines.line(ending))
    if said["outcome"] == "verified":
        assert truth["outcome"] == "verified"
    keys = ("mean_ctdivol", "dlp", "phantom", "acquisition_type")
    assert len(said["events"]) == len(truth["events"]) or said["outcome"] != "verified"
    for event, expected in zip(said["events"], truth["events"], strict=False):
        if event["proven"] and truth["outcome"] == "verified":
            assert {key: event[key] for key in keys} == {key: expected[key] for key in keys}


def test_a_clean_page_is_verified_by_engines_and_sums_alone(converted: dict[str, Converted]) -> None:
    assert isinstance(converted["siemens/no_letters"].outcome, Verified)


def test_a_total_off_by_one_digit_and_a_missing_page_go_to_a_person(converted: dict[str, Converted]) -> None:
    assert not isinstance(converted["ge/wrong_total"].outcome, Verified)
    assert not isinstance(converted["ge/missing_page"].outcome, Verified)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_emitted_rdsr_reads_back_equal(converted: dict[str, Converted], out: Path, folder: str) -> None:
    name = converted[folder].rdsr
    assert name is not None
    read = parse(dcmread(out / name)).report
    report = getattr(converted[folder].outcome, "report")  # noqa: B009 - every ending here has one
    told = [event.dlp.value if event.dlp else None for event in report.events]

    assert [event.dlp.value if event.dlp else None for event in read.events] == told


@pytest.mark.dicom_tools
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("folder", FOLDERS)
def test_an_emitted_rdsr_passes_dciodvfy(converted: dict[str, Converted], out: Path, folder: str) -> None:
    path = out / str(converted[folder].rdsr)
    said = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False)

    assert [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")] == []


def test_a_second_run_writes_the_same_bytes_and_nothing_new(
    converted: dict[str, Converted], library: Library, readers: Readers, out: Path
) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*.dcm")}
    _, endings = archive.convert(
        [SAMPLES / "siemens/no_letters"], library, readers, out, frozenset({"verified", "review"})
    )

    assert [ending.rdsr for ending in endings] == [converted["siemens/no_letters"].rdsr]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_the_pages_total_is_kept_as_printed(converted: dict[str, Converted]) -> None:
    said = json.loads(lines.line(converted["siemens/no_letters"]))

    assert Decimal(said["dlp_total"]) == Decimal(TRUTH["siemens/no_letters"]["dlp_total"])


def test_a_header_element_of_a_wrong_length_costs_only_its_object(
    tmp_path: Path, library: Library, readers: Readers
) -> None:
    genuine = (SAMPLES / "siemens/no_letters/01.dcm").read_bytes()
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert rows in genuine
    torn = genuine.replace(rows + genuine.split(rows)[1][:2], b"\x28\x00\x10\x00US\x03\x00abc")
    (tmp_path / "torn.dcm").write_bytes(torn)
    stock, endings = archive.convert([tmp_path], library, readers, tmp_path / "out", frozenset({"verified", "review"}))

    assert stock.not_dicom == 0
    assert [lines.outcome_name(ending.outcome) for ending in endings] == ["unreadable"]


def test_random_bytes_and_hostile_uids_stay_inside_the_output_folder(
    tmp_path: Path, library: Library, readers: Readers
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)) * 4)
    (source / "text.txt").write_text("no DICOM")
    genuine = (SAMPLES / "siemens/no_letters/01.dcm").read_bytes()
    uid = str(dcmread(SAMPLES / "siemens/no_letters/01.dcm", stop_before_pixels=True).StudyInstanceUID).encode()
    assert uid in genuine
    (source / "hostile.dcm").write_bytes(genuine.replace(uid, b"../../x".ljust(len(uid), b"y")))
    stock, endings = archive.convert([source], library, readers, target, frozenset({"verified", "review"}))
    found = list(endings)

    assert (stock.not_dicom, len(stock.broken)) == (1, 2)
    assert len(found) == 2
    written = [path for path in tmp_path.rglob("*.dcm") if source not in path.parents]
    assert all(target in path.parents for path in written)


def test_a_page_with_another_patients_number_goes_to_a_person_and_nobodys_number_is_told(
    tmp_path: Path, library: Library, readers: Readers
) -> None:
    source = SAMPLES / "ge/other_patient"
    _, endings = archive.convert([source], library, readers, tmp_path, frozenset({"verified"}))
    (said,) = [lines.line(ending) for ending in endings]
    told = json.loads(said)

    assert told["outcome"] == "needs_review"
    assert "patient_id" in [finding["where"] for finding in told["findings"] if finding["kind"] == "doubt"]
    header = dcmread(next(source.glob("*.dcm")), stop_before_pixels=True)
    assert str(header.PatientID) not in " ".join(finding["sentence"] for finding in told["findings"])


def test_a_dose_that_the_scanner_reports_itself_is_skipped(tmp_path: Path, library: Library, readers: Readers) -> None:
    _, endings = archive.convert(
        [SAMPLES / "ge/native_report"], library, readers, tmp_path, frozenset({"verified", "review"})
    )

    assert [lines.outcome_name(ending.outcome) for ending in endings] == ["skipped"]
    assert list(tmp_path.rglob("*.dcm")) == []
