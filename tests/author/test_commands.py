"""The commands of authors, with the real engines: read, draw, check, explain, draft; and what doctor says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ocr_service import equipment
from ocr_service.cli import app
from ocr_service.errors import EngineMissing, OutputError
from ocr_service.printing import save_pages
from ocr_service.templates.library import check_examples, load_templates
from ocr_service.templates.shipped import shipped_templates

SAMPLES = Path(__file__).parents[2] / "sample_sc"
UNKNOWN = SAMPLES / "other/unknown_maker/01.dcm"
GE = SAMPLES / "ge/bolus_tracking/01.dcm"
engines = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed"),
]


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_help_imports_nothing_heavy():
    heavy = ("pydicom", "cv2", "numpy", "rapidocr", "onnxruntime", "pydantic", "highdicom")
    code = f"import sys, ocr_service.cli; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"


def test_every_shipped_template_has_an_example_with_rows():
    library = load_templates(shipped_templates())

    assert check_examples(library) == ()
    assert [t.name for t in library.templates if not any(example.rows for example in t.examples)] == []


def test_a_missing_engine_stops_none_of_the_others():
    class Fine:
        def read(self, crops, *_):
            return ["12.34" for _ in crops]

    def missing():
        raise EngineMissing("Tesseract is not installed; install it with: sudo apt-get install tesseract-ocr")

    trials = list(equipment.try_engines((("tesseract", missing), ("ppocr", Fine))))

    assert [trial.passed for trial in trials] == [False, True]
    assert "sudo apt-get install tesseract-ocr" in trials[0].sentence
    assert trials[1].sentence == "Fine: reads the built-in cell 12.34 as '12.34'"


def test_an_engine_that_reads_something_else_has_failed():
    class Wrong:
        def read(self, crops, *_):
            return ["12.84" for _ in crops]

    (trial,) = equipment.try_engines((("ppocr", Wrong),))

    assert not trial.passed
    assert "which is wrong" in trial.sentence


def test_each_page_of_an_object_is_a_picture_of_its_own(tmp_path):
    pictures = [np.zeros((4, 4, 3), np.uint8)] * 2
    names = save_pages(pictures, tmp_path / "new" / "page.png")

    assert [path.name for path in names] == ["page.png", "page-2.png"]
    assert all(cv2.imread(str(path)) is not None for path in names)


def test_a_picture_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not be written"):
        save_pages([np.zeros((4, 4, 3), np.uint8)], tmp_path / "file" / "page.png")


def test_versions_say_what_is_not_installed():
    told = dict(equipment.versions())

    assert told["ocr_service"]
    assert {"Python", "pydicom", "rapidocr", "onnxruntime", "tesserocr", "highdicom"} <= set(told)


def test_a_template_that_nobody_knows_is_named_with_the_nearest_one():
    result = CliRunner().invoke(app, ["template", "check", "ge/dose-raport"])

    assert "did you mean ge/dose-report?" in str(result.exception)


class TestWithEngines:
    """Each test reads at least one screen."""

    pytestmark = engines

    def test_doctor_tries_both_engines(self):
        told = run("doctor").output

        assert told.count("reads the built-in cell 12.34 as '12.34'") == 2

    def test_read_prints_each_row_in_100_columns_and_draws_the_page(self, tmp_path):
        picture = tmp_path / "page.png"
        told = run("read", GE, "--draw", picture).output

        assert max(len(line.rstrip()) for line in told.splitlines() if str(tmp_path) not in line) <= 100
        assert "row 4" in told
        assert "S62.500-I588.750" in told
        assert "outcome: verified" in told
        drawn = cv2.imread(str(picture))
        assert drawn is not None
        assert drawn.shape[1] == 3 * 512

    def test_a_template_is_drawn_on_a_page(self, tmp_path):
        run("template", "draw", GE, "-o", tmp_path / "page.png")

        assert cv2.imread(str(tmp_path / "page.png")) is not None

    def test_explain_says_which_words_stand_on_the_page(self):
        told = run("template", "explain", GE).output

        assert "ge/dose-report reads this page" in told
        assert "12 of 12 anchors found" in told

    def test_a_draft_of_an_unknown_makers_page_reads_its_rows(self, tmp_path):
        templates, out = tmp_path / "templates", tmp_path / "out"
        run("template", "new", UNKNOWN, "-o", templates / "new.yaml")
        result = CliRunner().invoke(
            app,
            [
                "convert",
                str(UNKNOWN),
                "--templates",
                str(templates),
                "--out",
                str(out),
                "--report",
                str(out / "r.jsonl"),
            ],
        )
        told = json.loads((out / "r.jsonl").read_text())

        assert result.exit_code in (0, 3)
        assert told["template"] == "new r1"
        assert told["dlp_total"] == "366.0"
        assert [(e["acquisition_type"], e["mean_ctdivol"], e["dlp"]) for e in told["events"]] == [
            ("113805", "0.11", "4.3"),
            ("116152004", "8.42", "361.7"),
        ]

    def test_a_draft_of_a_page_with_units_below_the_headings_reads_all_of_it(self, tmp_path):
        from pydicom import dcmread

        ds = dcmread(GE)
        ds.Manufacturer = "Example Imaging"
        ds.save_as(tmp_path / "page.dcm")
        templates, out = tmp_path / "templates", tmp_path / "out"
        run("template", "new", tmp_path / "page.dcm", "-o", templates / "new.yaml")
        run("convert", tmp_path / "page.dcm", "--templates", templates, "--out", out, "--report", out / "r.jsonl")
        told = json.loads((out / "r.jsonl").read_text())
        (truth,) = [t for t in json.loads((SAMPLES / "truth.json").read_text()) if t["folder"] == "ge/bolus_tracking"]

        assert (told["outcome"], told["dlp_total"]) == ("verified", truth["dlp_total"])
        keys = ("series_number", "acquisition_type", "scanning_range", "mean_ctdivol", "dlp", "phantom")
        assert [[e[key] for key in keys] for e in told["events"]] == [[e[key] for key in keys] for e in truth["events"]]

    def test_a_draft_without_a_place_is_printed(self):
        assert run("template", "new", UNKNOWN).output.startswith("# A draft by")

    @pytest.mark.parametrize("name", [template.name for template in load_templates(shipped_templates()).templates])
    def test_every_example_of_a_shipped_template_is_read_as_expected(self, name):
        told = run("template", "check", name).output

        assert "as expected" in told
        assert "0 of these wrong" in told

    def test_check_shows_screens_with_their_pictures(self, tmp_path):
        told = run(
            "template", "check", "philips/exam-summary", "--screens", SAMPLES / "ge/bolus_tracking",
            "--pictures", tmp_path,
        ).output  # fmt: skip

        assert "screens: 1: 1 verified; 15 dose values, 15 of them proven" in told
        assert [path.name for path in tmp_path.iterdir()] == ["001.png"]

    def test_an_example_that_is_not_read_as_it_says_fails_the_check(self, tmp_path):
        templates = tmp_path / "templates"
        drafted = run("template", "new", GE, "-o", templates / "mine.yaml")
        assert "the header fits ge/dose-report already" in drafted.output
        shutil.copy(GE, templates / "page.dcm")
        with (templates / "mine.yaml").open("a") as file:
            file.write("examples:\n  - {file: page.dcm, dlp_total: 947.86}\n")
        told = run("template", "check", "mine", "--templates", templates, code=4).output

        assert "dlp_total should be 947.86, and 947.85 was read, proven" in told
        assert "it should end as verified" in told  # the shipped template matches the page too: two for one page
