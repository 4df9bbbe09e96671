"""Whatever lies in the input, `convert` comes to its end: each file in a line or a count, and nothing else happens."""

from __future__ import annotations

import json
import logging
import random
import re
import resource
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ocr_service.cli import app
from ocr_service.errors import TemplateError
from ocr_service.templates.library import Library
from ocr_service.work import archive, lines
from ocr_service.work.inventory import Inventory
from tests.templates.pages import PAGE
from tests.work import consoles, damage

OUTCOMES = {"verified", "needs_review", "header", "unreadable", "skipped"}
EVERYTHING = frozenset({"verified", "header", "review"})
FILES_A_RUN = 20
RUNS = [(kind, run) for kind, cases in damage.DAMAGES.items() for run in range(cases // FILES_A_RUN)]
MOST_MEGABYTES = 400  # more than before all runs: one object of 30 MB inflated, several times over
YAML_CASES = 100


def megabytes() -> int:
    """The most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return consoles.library(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="module")
def memory_before(library: Library) -> int:
    damage.bases()
    return megabytes()


def accounted(stock: Inventory) -> int:
    """The files that a unit, a broken line or a count names."""
    pages = sum(len(unit.screens) for unit in stock.units)
    return pages + len(stock.broken) + stock.companions + stock.context + stock.not_dicom + stock.copies


@pytest.mark.parametrize(("kind", "run"), RUNS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_hostile_files_cost_only_themselves(
    kind: damage.Damage,
    run: int,
    library: Library,
    memory_before: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    source, out = tmp_path / "in", tmp_path / "out"
    consoles.saved(consoles.screen(study=3), source / "good.dcm")
    for number in range(FILES_A_RUN):
        case = run * FILES_A_RUN + number
        rng = random.Random(f"{kind.__name__} {case}")
        (source / f"{case}.dcm").write_bytes(kind(rng, case))
    caplog.clear()
    before = set(tmp_path.rglob("*"))
    stock, endings = archive.convert([source], library, consoles.readers(), out, EVERYTHING)
    told = [json.loads(lines.line(ending)) for ending in endings]

    assert accounted(stock) == FILES_A_RUN + 1
    assert {one["outcome"] for one in told} <= OUTCOMES
    (good,) = [one for one in told if one["study_instance_uid"] == f"{consoles.ROOT}.3"]
    assert good["outcome"] == "verified"
    sentences = [finding["sentence"] for one in told for finding in one["findings"]]
    assert [sentence for sentence in sentences if "nobody foresaw" in sentence or "\n" in sentence] == []
    assert all(one["findings"] for one in told if one["outcome"] in ("unreadable", "needs_review"))
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path not in before}
    assert [name for name in written if not re.fullmatch(r"out(/[0-9a-f]{16}(/[0-9.]+\.dcm)?)?", name)] == []
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert megabytes() - memory_before < MOST_MEGABYTES


def test_there_are_two_thousand_hostile_cases() -> None:
    assert len(RUNS) * FILES_A_RUN + YAML_CASES >= 2000


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
@pytest.mark.parametrize("run", range(4))
def test_hostile_templates_of_a_site_end_the_run_with_file_and_line(run: int, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note.txt").write_text("no DICOM")
    naughty = ("&a ", "*a", "!!python/object/apply:os.system ['touch owned']", "\0", "\t", "? ", "- [", "{" * 500,
               "a: &a [*a]", "<<: {}", "\u2028", "9" * 5000, "'(((a?){9}){9})'", "../../x")  # fmt: skip
    for case in range(YAML_CASES // 4):
        rng = random.Random(f"{run} {case}")
        text = PAGE
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(naughty) + text[at + rng.randrange(6) :]
        file = tmp_path / "templates" / f"{case}" / "acme" / "dose.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        arguments = ["--out", str(tmp_path / "out"), "--templates", str(file.parent.parent)]
        done = CliRunner().invoke(app, ["convert", str(tmp_path / "in"), *arguments])

        if done.exit_code:
            assert isinstance(done.exception, TemplateError)
            assert re.match(r"acme/dose\.yaml:\d+: ", str(done.exception))
    assert [path for path in tmp_path.rglob("*") if path.name == "owned"] == []
