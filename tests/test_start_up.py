"""What a command loads: only what it uses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "sample_sc"
ENGINES = {"onnxruntime", "pytesseract", "rapidocr", "tesserocr"}


def loaded_by(program: str, *arguments: str) -> set[str]:
    """The names of the packages that a fresh process has loaded when the program has ended."""
    telling = (
        f"import json, sys\n{program}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    command = [sys.executable, "-c", telling, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_the_command_line_and_no_library_that_only_a_command_needs():
    program = "from ocr_service.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass"

    loaded = loaded_by(program, "convert", "--help")

    assert "typer" in loaded
    assert not loaded & {"cv2", "highdicom", "numpy", "pydicom", "rich", "yaml", *ENGINES}


CONVERT = """
from pathlib import Path
from ocr_service import equipment
from ocr_service.cli import EMITTED
from ocr_service.work import archive
_, endings = archive.convert([Path(sys.argv[1])], *equipment.both(None), Path(sys.argv[2]), frozenset(EMITTED))
assert [ending.rdsr is not None for ending in endings] == [True]
"""


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_a_run_that_asks_no_reader_loads_no_engine(tmp_path):
    """Engines are built with the readers and loaded when the first crop is asked: headers tell this study's dose."""
    loaded = loaded_by(CONVERT, str(SAMPLES / "ge" / "header_only"), str(tmp_path))

    assert "highdicom" in loaded
    assert not loaded & ENGINES


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_a_run_that_asks_a_reader_loads_the_engines(tmp_path):
    """Without it the test above would pass for names that nothing has."""
    loaded = loaded_by(CONVERT, str(SAMPLES / "ge" / "bolus_tracking"), str(tmp_path))

    assert {"onnxruntime", "rapidocr"} <= loaded
    assert loaded & {"pytesseract", "tesserocr"}
