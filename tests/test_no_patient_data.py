"""Nothing of a patient leaves a run but in the RDSR itself: no log, message, file name or line of the report."""

from __future__ import annotations

import json
import logging
import random
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Readers
from ocr_service.screen.tesseract import VOTES, tesseract
from ocr_service.templates.library import load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive, lines
from ocr_service.work.output import ReportFile

SAMPLES = Path(__file__).parent.parent / "sample_sc"
# A verified page, one with another patient's number burnt in, one without a template, a native report, images.
FOLDERS = ("siemens/no_letters", "ge/other_patient", "other/unknown_maker", "ge/native_report", "ge/header_only")
SECRETS = {
    "PatientName": "Quibblewick^Zephyrine",
    "PatientID": "ZZ9PLURALZALPHA",
    "PatientBirthDate": "19110203",
    "AccessionNumber": "ACCQQ4711XX",
    "ReferringPhysicianName": "Fizzlebottom^Ozymandias",
}
BURNT_IN = "58206971"  # the number of another patient on a page
WORDS = (
    "quibblewick",
    "zephyrine",
    "zz9pluralzalpha",
    "19110203",
    "accqq4711xx",
    "fizzlebottom",
    "ozymandias",
    BURNT_IN,
)
EVERYTHING = frozenset({"verified", "header", "review"})

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed"),
]


def named(path: Path) -> Dataset:
    ds = dcmread(path)
    for keyword, value in SECRETS.items():
        setattr(ds, keyword, value)
    return ds


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of patients with unlikely names, and broken copies of them."""
    folder = tmp_path_factory.mktemp("in")
    rng = random.Random(1)
    for number, path in enumerate(file for name in FOLDERS for file in sorted((SAMPLES / name).glob("*.dcm"))[:6]):
        place = folder / f"{number:03d}.dcm"
        named(path).save_as(place)
        if "native" in path.parent.name:
            continue  # it is skipped only where all of the study can be read
        content = bytearray(place.read_bytes())
        (folder / f"{number:03d}_cut.dcm").write_bytes(content[: rng.randrange(400, 1500)])
        for _ in range(20):
            content[rng.randrange(400, 1500)] = rng.randrange(256)
        (folder / f"{number:03d}_damaged.dcm").write_bytes(content)
    return folder


def betrayed(text: str) -> list[str]:
    return [word for word in WORDS if word in text.lower()]


def test_no_log_message_file_name_or_report_names_the_patient(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("pydicom", "RapidOCR", "highdicom", "ocr_service"):
        caplog.set_level(logging.DEBUG, logger=name)
    library = load_templates(shipped_templates())
    readers = Readers(PPOCR(), tesseract(), VOTES)
    with warnings.catch_warnings(record=True) as warned, ReportFile(tmp_path / "report.jsonl") as kept:
        warnings.simplefilter("always")
        stock, endings = archive.convert([source], library, readers, tmp_path / "out", EVERYTHING)
        for ending in endings:
            kept.add(lines.line(ending))
            print(*lines.table_cells(ending), lines.counts(stock))
    report = (tmp_path / "report.jsonl").read_text()
    outcomes = {json.loads(line)["outcome"] for line in report.splitlines()}
    said = capfd.readouterr()
    logged = "\n".join(f"{record.name} {record.getMessage()} {record.exc_text}" for record in caplog.records)
    names = "\n".join(str(path) for path in (tmp_path / "out").rglob("*"))

    assert {"unreadable", "needs_review"} <= outcomes  # the burnt-in numbers are not those of the changed headers
    assert betrayed(report) == []
    assert betrayed(said.out + said.err) == []
    assert betrayed(logged) == []
    assert betrayed("\n".join(str(one.message) for one in warned)) == []
    assert betrayed(names) == []
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm"))
    assert b"Quibblewick" in written  # the RDSR itself is the patient's


def test_the_command_names_no_patient_with_worker_processes_either(source: Path, tmp_path: Path) -> None:
    few = tmp_path / "in"
    few.mkdir()
    for path in sorted(source.glob("*_*.dcm")):
        (few / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-X", "dev", "-c", "from ocr_service.cli import main; main()", "convert", str(few)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--jobs", "2"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 3
    assert betrayed(done.stdout + done.stderr) == []
    assert "Traceback" not in done.stderr
