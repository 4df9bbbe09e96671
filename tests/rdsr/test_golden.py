"""A document is what it was: the format changes only on purpose."""

from __future__ import annotations

import pytest

from tests.rdsr.golden import GOLDEN, document, dump
from tests.rdsr.reports import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_every_kind_is_what_it_was(kind):
    """Where it is meant to differ: `python -m tests.rdsr.golden`, and look at the difference."""
    assert dump(document(kind)) == (GOLDEN / f"{kind}.txt").read_text(encoding="utf-8")


def test_no_golden_document_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(KINDS)
