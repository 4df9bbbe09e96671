"""Tuning tries preparations on the examples, says which reads best, and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ocr_service.author.checking import Case, cases_of
from ocr_service.author.tuning import STEPS, Trial, search, trial, with_template
from ocr_service.cli import app
from ocr_service.dose.report import WitnessKind
from ocr_service.errors import UsageError
from ocr_service.printing import print_trials
from tests.author.typed import EXAMPLE, TEMPLATE, library, readers, screen


def tuned(folder: Path, helps: str | None = None, example: str = EXAMPLE) -> list[Trial]:
    """All trials where the second engine is blind to a number, unless the crops are prepared by the step that helps."""
    known = library(folder, TEMPLATE + example)
    (template,) = known.templates
    cases = [Case((screen(),), template.examples[0])]

    def read(prepared, objects):
        blind = () if helps is None or helps in prepared.prepare else ("345", "1024")
        plain = prepared.model_copy(update={"prepare": ()})  # typists know letters as they were typed
        return with_template(known, readers(blind=blind))(plain, objects)

    return list(search(template, cases, read))


def test_the_step_that_helps_is_the_best_and_no_further_one_is_added(tmp_path):
    best = min(tuned(tmp_path, "bold"), key=lambda one: one.rank)

    assert best.steps == ("bold",)
    assert best.line == "prepare: [bold]"
    assert (best.values, best.exact, best.proven, best.wrong, best.verified) == (9, 9, 9, 0, 1)


def test_where_nothing_helps_no_step_is_the_best(tmp_path):
    trials = tuned(tmp_path, "nothing of the kind")
    best = min(trials, key=lambda one: one.rank)

    assert best.steps == ()
    assert {one.steps for one in trials} >= {(), *((step,) for step in STEPS)}


def test_each_engine_is_counted_by_its_own_words(tmp_path):
    (plain,) = [one for one in tuned(tmp_path, "bold") if one.steps == ()]

    assert dict(zip((WitnessKind.PPOCR, WitnessKind.TESSERACT), plain.by_engine, strict=True)) == {
        WitnessKind.PPOCR: 9,
        WitnessKind.TESSERACT: 7,
    }


def test_a_proven_value_that_the_example_says_otherwise_is_wrong_and_ranks_last(tmp_path):
    (plain,) = [one for one in tuned(tmp_path, example=EXAMPLE.replace("345", "346")) if one.steps == ()]
    better = Trial((), values=9, exact=1, proven=1)

    assert (plain.exact, plain.wrong) == (8, 1)
    assert plain.rank > better.rank


def test_a_page_that_is_not_read_counts_all_its_values_as_not_read(tmp_path):
    known = library(tmp_path, TEMPLATE + EXAMPLE)
    (template,) = known.templates
    read = with_template(known, readers(words=()))
    nothing = trial(template, (), [Case((screen(),), template.examples[0])], read)

    assert (nothing.values, nothing.exact, nothing.wrong) == (9, 0, 0)


def test_tuning_leaves_the_template_alone(tmp_path):
    tuned(tmp_path, "bold")

    assert (tmp_path / "acme.yaml").read_text(encoding="utf-8") == TEMPLATE + EXAMPLE


def test_the_best_setting_is_printed_first_with_the_line_to_write(tmp_path, capsys):
    from rich.console import Console

    trials = tuned(tmp_path, "bold")
    (template,) = library(tmp_path, TEMPLATE + EXAMPLE).templates
    print_trials(template, trials, Console(width=100))
    told = capsys.readouterr().out.splitlines()

    assert told[0] == "9 values; of these, by setting, best first:"
    assert told[2].split()[:4] == ["[bold]", "9", "9", "0"]
    assert any("[] (as it is)" in line for line in told)
    assert told[-1] == "write into acme.yaml: prepare: [bold]"


def test_only_examples_with_rows_and_files_at_hand_are_cases(tmp_path):
    (template,) = library(tmp_path, TEMPLATE + EXAMPLE).templates

    assert cases_of(template, (tmp_path,), lambda path: screen()) == []
    (tmp_path / "page.dcm").touch()
    assert len(cases_of(template, (tmp_path,), lambda path: screen())) == 1


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_a_template_without_examples_cannot_be_tuned(tmp_path):
    library(tmp_path)
    told = CliRunner().invoke(app, ["template", "tune", "acme", "--templates", str(tmp_path)])

    assert isinstance(told.exception, UsageError)
    assert "acme has no example that is at hand" in str(told.exception)
