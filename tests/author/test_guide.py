"""The guide for authors is complete: each key, each quantity and each command stands in it, and its page loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer.main
from pydantic import BaseModel

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
