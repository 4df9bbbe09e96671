"""Whatever a file holds, loading it gives a template or a complaint with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocr_service.errors import TemplateError
from ocr_service.templates.library import load_template
from tests.templates.pages import PAGE, written

NAUGHTY = st.sampled_from(
    [*"{}[]:,-?&*!|>'\"%@`#\\\n\t ~<=.\0\x85\u2028\ufeff", "- ", ": ", "? ", "\n  ", "---\n", "...\n", "%YAML 9" * 2,
     '"\\U00110000"', '"\\ud800"', "<<: {}", "&a ", "*a", "!!python/none ", "1.10", "extends: acme/dose", "match",
     "pattern: '(((a?){9}){9})'", "pattern: 'a{99999999999}'", "(?P<value>", "9" * 5000, "é", "dlp", "null", "''"]
)  # fmt: skip


def template_or_complaint(folder: Path, text: str) -> None:
    path = written(folder, text, "any")
    try:
        load_template(path, folder)
    except TemplateError as error:
        said = str(error)
    else:
        return
    assert re.match(r"(?:any|acme/dose)\.yaml:[1-9]\d*: ", said)
    assert said.encode("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    written(folder)
    return folder


@settings(max_examples=300, deadline=None)
@example(text="extends: " + "0" * 300)
@given(text=st.one_of(st.text(), st.lists(NAUGHTY).map("".join)))
@example(text="%YAML " + "9" * 5000 + ".1\n---\na: b")
@example(text="? {a: b}\n: c")
@example(text="extends: acme/dose")
def test_any_text_is_a_template_or_a_complaint(folder, text):
    template_or_complaint(folder, text)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_mutated_template_is_a_template_or_a_complaint(folder, data):
    text = PAGE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.one_of(NAUGHTY, st.text(max_size=3))) + text[start + length :]
    template_or_complaint(folder, text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_value_of_any_other_kind_is_a_template_or_a_complaint(folder, data):
    lines = PAGE.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    odd = data.draw(
        st.sampled_from(["[]", "{}", "[[a]]", "{a: b}", "-1", "''", "x.left", "9999999", "['', a]", "~", ""])
    )
    lines[number] = re.sub(r": [^:{]*$|: \{.*$|(?<=: )[^:,{}]+(?=[,}])", f": {odd}", lines[number], count=1)
    template_or_complaint(folder, "\n".join(lines))


def test_a_word_of_absurd_length_is_refused_at_once(folder):
    template_or_complaint(folder, PAGE.replace("  Manufacturer:", f"  ? {'M' * 500_000}\n  :"))
