"""The guide for authors is complete: each key, each quantity and each command stands in it, and its page loads."""

from __future__ import annotations

import contextlib
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer.main
from pydantic import BaseModel
from typer.testing import CliRunner

from bench import invented, new_layout
from ocr_service import equipment
from ocr_service.cli import app
from ocr_service.dose.quantities import Quantity
from ocr_service.templates.edges import Edge
from ocr_service.templates.library import load_template
from ocr_service.templates.schema import Template, ValueType

CHECKOUT = Path(__file__).parents[2]
GUIDE = (CHECKOUT / "docs/templates.md").read_text(encoding="utf-8")
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
# The loader gives a template its name.
NOT_WRITTEN = {"name"}


def models(kind: object) -> Iterator[type[BaseModel]]:
    """The models of the language that the type holds, itself included."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Edge:  # an edge is written as one text
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(kind):
        yield from models(part)


KEYS = sorted({key for model in models(Template) for key in model.model_fields} - NOT_WRITTEN)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_of_the_language_is_explained(key):
    assert re.search(rf"`{key}`", GUIDE), f"docs/templates.md says nothing of {key}"


def test_the_keys_are_those_of_the_whole_language():
    assert {"match", "heading", "repeats_heading", "sum_of", "outcome", "right", "rows", "product_of"} <= set(KEYS)


@pytest.mark.parametrize("quantity", Quantity)
def test_each_quantity_stands_in_the_guide_with_its_unit(quantity):
    unit = f"`{quantity.unit}`" if quantity.unit else "none"
    (row,) = [line.split("|")[2] for line in GUIDE.splitlines() if line.startswith(f"| {unit} |")]

    assert f"`{quantity.value}`" in row.replace(",", "").split()


def test_each_type_of_value_is_named():
    assert [kind.value for kind in ValueType if f"`{kind.value}`" not in GUIDE] == []


def test_the_whole_template_of_the_guide_loads(tmp_path):
    (page,) = [text for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if text.startswith("title:")]
    (tmp_path / "acme.yaml").write_text(page, encoding="utf-8")

    assert load_template(tmp_path / "acme.yaml", tmp_path).title == "Acme dose page"


def test_each_command_stands_in_the_readme():
    names = []
    for name, command in getattr(typer.main.get_command(app), "commands", {}).items():
        below = getattr(command, "commands", None)
        names += [f"{name} {word}" for word in below] if below else [name]

    assert "template new" in names
    assert [name for name in names if f"ocr-service {name}" not in README] == []


def test_each_picture_that_a_document_shows_is_there():
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", GUIDE)

    assert shown
    assert [name for name in shown if not (CHECKOUT / "docs" / name).is_file()] == []


STEPS = GUIDE.partition("## From screens to a template")[2].partition("\n## ")[0]
SHOWN, FURTHER, MOST_EDITED = 4, 20, 10


def blocks(kind: str = "") -> list[str]:
    """The steps' blocks of code of a kind, without their indent."""
    found: list[str] = []
    inside: str | None = None
    for line in STEPS.splitlines():
        _, fence, language = line.partition("```")
        if fence and inside is None:
            inside = language
            found += [""] if language == kind else []
        elif fence:
            inside = None
        elif inside == kind:
            found[-1] += textwrap.dedent(line) if kind == "" else line.removeprefix("   ")
            found[-1] += "\n"
    return found


def commands() -> list[list[str]]:
    """The commands of the steps, in their order."""
    lines = [line for text in blocks() for line in text.splitlines()]
    return [line.split() for line in lines if line.startswith(("ocr-service ", "python ", "cp "))]


def follow(words: list[str], code: int = 0) -> str:
    """Do what one command of the guide says, here."""
    match words:
        case ["python", "-m", "bench.invented", style, folder, "--count", count]:
            invented.write(style, Path(folder), int(count))
            return ""
        case ["cp", *files, folder]:
            for file in files:
                shutil.copy(file, folder)
            return ""
        case ["ocr-service", *rest]:
            result = CliRunner().invoke(app, rest, catch_exceptions=False)
            assert result.exit_code == code, result.output
            return result.output
    raise AssertionError(f"the guide says {words}, which nobody can follow here")


@pytest.mark.slow
@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_the_guide_leads_from_screens_to_a_template_that_reads_twenty_further_ones(tmp_path):
    """The bar of a new layout: only the guide's commands, ten edited lines at most, nothing wrong."""
    drawn = list(invented.studies("german", SHOWN + FURTHER))
    draw, explain, new, look, copy, check, tune = commands()
    (edit,) = blocks("yaml")
    with contextlib.chdir(tmp_path):
        follow(draw)
        follow(explain)
        follow(new)
        seen = follow(look, code=4)  # no example yet
        template = Path("mine/nordlicht.yaml")
        first = edit.splitlines()[0]
        text, edited = new_layout.edited(template.read_text(encoding="utf-8"), [(first, edit)])
        text, _ = new_layout.with_examples(text)
        template.write_text(text, encoding="utf-8")
        follow(copy)
        proven = follow(check)
        told = follow(tune)
        reads = new_layout.read(text, drawn[SHOWN:], tmp_path / "further", equipment.readers())

    (shown,) = [text for text in blocks() if "template does not know" in text]
    assert [line for line in shown.splitlines() if line.strip() not in seen] == []
    assert "0 of these wrong" in proven
    assert "values; of these, by setting, best first" in told
    assert edited <= MOST_EDITED
    assert [one for read in reads for one in read.score.wrong] == []
    assert [doubt for read in reads if not new_layout.is_understood(read) for doubt in read.answer.doubts] == []
    assert [read.study.name for read in reads if read.answer.outcome != "verified"] == []


def test_the_screens_that_the_guide_shows_are_drawn_and_not_shipped():
    assert "invented" in commands()[0][2]
    assert not (CHECKOUT / "vendor_templates/nordlicht").exists()
