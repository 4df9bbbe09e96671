"""PP-OCR as a hospital has it: it reads, and tells nobody."""

from __future__ import annotations

import os
import subprocess
import sys

READS = """
from ocr_service.screen.engines import trial_cell
from ocr_service.screen.ppocr import PPOCR

print(*PPOCR(1).read([trial_cell()]))
"""


def test_onnx_runtime_keeps_nothing_to_report_to_its_maker(tmp_path):
    """Else it leaves a number of this machine, and what it is going to report, in the home of whoever runs it."""
    kept = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "ORT_DISABLE_TELEMETRY")
    environment = {name: told for name, told in os.environ.items() if name not in kept} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", READS], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "12.34"
    assert list(tmp_path.rglob("*")) == []
