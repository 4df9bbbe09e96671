"""The wheel is whole: what `pip install` brings is what the checkout has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocr_service.templates.shipped import shipped_templates

CHECKOUT = Path(__file__).parents[1]
ASK = "from ocr_service.templates.shipped import shipped_templates; print(shipped_templates())"


def files_in(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def run(*words: object, **environment: str) -> str:
    """Run Python with `words` away from the checkout, so that only what is installed is found."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_a_checkout_finds_the_templates_beside_the_package():
    assert shipped_templates() == CHECKOUT / "vendor_templates"


@pytest.mark.slow
def test_an_installed_wheel_finds_the_templates_it_carries(tmp_path):
    """Built, installed into an empty folder, asked there: the same templates and the same modules."""
    wheels, installed = tmp_path / "wheels", tmp_path / "installed"
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, CHECKOUT)
    [wheel] = wheels.glob("*.whl")
    run("-m", "pip", "install", "--no-deps", "--no-index", "--target", installed, wheel)

    found = Path(run("-c", ASK, PYTHONPATH=str(installed)))

    assert found == installed / "ocr_service" / "vendor_templates"
    assert files_in(found) == files_in(CHECKOUT / "vendor_templates")
    for name, content in files_in(CHECKOUT / "ocr_service").items():
        assert (installed / "ocr_service" / name).read_bytes() == content
