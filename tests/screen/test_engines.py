"""The real engines, and engines that crash, hang or talk garbage."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ocr_service.dose.report import Witness, WitnessKind
from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.engines import MOST_FAULTS, survive, trial_cell
from ocr_service.screen.ppocr import PPOCR, filled_up
from ocr_service.screen.preprocess import Crop
from ocr_service.screen.readers import Question, Readers
from ocr_service.screen.running import Engine
from ocr_service.screen.tesseract import (
    VOTES,
    TesseractCommand,
    TesseractLibrary,
    language_data,
    tesseract,
)

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(language_data() is None, reason="Tesseract is not installed"),
]
needs_library = pytest.mark.skipif(find_spec("tesserocr") is None, reason="tesserocr is not installed")
BLANK = np.zeros((20, 40), np.uint8)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    """A program named tesseract that stands before the real one."""
    file = tmp_path / "tesseract"
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}{os.pathsep}{before}"
    yield file
    os.environ["PATH"] = before


def says(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("kind", [Engine.PYTESSERACT, pytest.param(Engine.TESSEROCR, marks=needs_library)])
def test_tesseract_reads_a_cell_as_a_process_and_as_a_library(kind: Engine) -> None:
    assert tesseract(kind).read([trial_cell(), BLANK, trial_cell()]) == ["12.34", "", "12.34"]


@needs_library
def test_the_library_is_taken_where_it_is_installed() -> None:
    assert isinstance(tesseract(), TesseractLibrary)


def test_each_crop_has_its_own_preparation() -> None:
    cell = trial_cell()

    assert TesseractCommand().read([cell] * len(VOTES), VOTES)[0] == "12.34"


def test_ppocr_reads_a_cell_alone_and_among_others_alike() -> None:
    reader, cell = PPOCR(), trial_cell()
    wide = np.pad(cell, ((0, 0), (0, 400)))

    assert reader.read([cell]) == ["12.34"]
    assert reader.read([wide, cell, BLANK, cell])[1:] == ["12.34", "", "12.34"]


def test_crops_are_filled_up_to_few_widths_and_lose_nothing() -> None:
    for width in range(1, 200, 7):
        crop = np.full((48, width), 255, np.uint8)
        filled = filled_up(crop)
        assert filled.shape[1] % 12 == 0
        assert int(filled.sum()) == int(crop.sum())


def test_ppocr_needs_no_network() -> None:
    """In a process where every name look-up and connection is refused."""
    script = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'urllib.Request'):\n"
        "        raise PermissionError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from ocr_service.screen.engines import trial_cell\n"
        "from ocr_service.screen.ppocr import PPOCR\n"
        "print(PPOCR().read([trial_cell()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.returncode) == ("['12.34']", 0)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 3", "crashed"),
        ("kill -SEGV $$", "crashed"),
        ("sleep 60", "gave no answer in 1 s"),
        ("printf 'level\\tpage_num\\ttext\\n1\\tone\\tx\\n' > $2.tsv", "no table of words"),
        ("printf '\\377\\376' > $2.tsv", "no table of words"),
    ],
    ids=["exit code", "segmentation fault", "hang", "garbage words", "garbage bytes"],
)
def test_a_broken_tesseract_is_one_clear_error(program: Path, script: str, sentence: str) -> None:
    says(program, f'[ "$1" = --version ] && echo tesseract 5.3.0 && exit\n{script}')
    with pytest.raises(EngineError, match=sentence):
        TesseractCommand(timeout=1).read([trial_cell()])


@pytest.mark.parametrize(
    ("script", "sentence"), [("exit 3", "crashed"), ("sleep 60", "gave no answer in 1 s"), ("echo", "no version")]
)
def test_a_tesseract_that_cannot_say_its_version_is_one_clear_error(program: Path, script: str, sentence: str) -> None:
    says(program, script)
    with pytest.raises(EngineError, match=sentence):
        TesseractCommand(timeout=1).read([trial_cell()])


def test_a_broken_tesseract_leaves_ppocr_as_the_only_witness(program: Path) -> None:
    says(program, "exit 3")
    readers = Readers(PPOCR(), TesseractCommand(timeout=5), VOTES)
    (answer,) = readers.ask([Question(trial_cell(), lambda text: text or None)])

    assert answer.witnesses == (Witness(WitnessKind.PPOCR, "12.34"),)
    assert "tesseract gave no answer" in readers.take_faults()[0]


def test_where_tesseract_is_missing_the_error_names_the_command_that_installs_it(tmp_path: Path) -> None:
    before = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        with pytest.raises(EngineMissing, match="apt-get install tesseract-ocr"):
            TesseractCommand()
    finally:
        os.environ["PATH"] = before


def test_a_crop_that_breaks_the_engine_costs_only_itself() -> None:
    poison = np.full((20, 40), 99, np.uint8)

    def read(crops: Sequence[Crop]) -> list[str]:
        if any(np.array_equal(crop, poison) for crop in crops):
            raise EngineError("crashed")
        return ["ok"] * len(crops)

    good = np.full((20, 40), 200, np.uint8)
    assert survive([good] * 5 + [poison] + [good] * 7, read, trial_cell()) == ["ok"] * 5 + [""] + ["ok"] * 7


def test_an_engine_that_always_fails_is_given_up_at_once() -> None:
    runs: list[int] = []

    def read(crops: Sequence[Crop]) -> list[str]:
        runs.append(len(crops))
        raise EngineError("crashed")

    with pytest.raises(EngineError):
        survive([trial_cell()] * 60, read, trial_cell())
    assert len(runs) <= 2 < MOST_FAULTS
