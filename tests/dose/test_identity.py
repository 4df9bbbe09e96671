"""A burnt-in identifier contradicts only where it names somebody else."""

from __future__ import annotations

import pytest

from ocr_service.dose.identity import contradicts


@pytest.mark.parametrize(
    ("burnt_in", "header"),
    [
        ("29989389", "29989389"),
        ("0029989389", "29989389"),
        ("29989389", ""),
        ("ABC-12345678", "abc-123456789"),
        ("O012I", "00121"),
    ],
    ids=["equal", "leading zeros", "no header", "truncated", "look-alikes"],
)
def test_the_same_identifier_in_another_spelling_is_no_contradiction(burnt_in: str, header: str) -> None:
    assert not contradicts(burnt_in, header)


@pytest.mark.parametrize(("burnt_in", "header"), [("29989389", "29989388"), ("2998", "29989389"), ("1", "2")])
def test_another_identifier_is_a_contradiction(burnt_in: str, header: str) -> None:
    assert contradicts(burnt_in, header)
