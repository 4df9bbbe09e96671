"""What a template may not say, because a wrong number would look right."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr_service.errors import TemplateError
from tests.screen.typed import TEMPLATE, library


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("          heading: dlp\n", "", "a dose column needs `heading`"),
        ("          heading: ctdivol\n", "", "a dose column needs `heading`"),
        ("also: [legend]", "also: ['12.5']", "is a number: a value may not be explained away"),
        ("within: 0.1", "within: -1", "is below zero"),
        ("spiral: [Helical]", "helical: [Helical]", "'helical' is no concept of acquisition_type"),
        ("head: [Head]", "heads: [Head]", "'heads' is no concept of phantom; did you mean head?"),
        ("body: [Body]", "body: [HeAd]", "also means 'head'"),
        ("head: [Head]\n    body: [Body]", "head: [Bodl]\n    body: [BodI]", "also means 'head'"),
    ],
)
def test_a_template_that_could_make_a_wrong_number_look_right_is_refused(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in TEMPLATE
    with pytest.raises(TemplateError, match=r"acme/dose\.yaml:\d+: ") as refused:
        library(tmp_path, TEMPLATE.replace(old, new))
    assert sentence in str(refused.value)
