"""The promise is counted: how many values were read, how many were wrong, and what may be said of the next ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.author.scoring import Score, scoreboard, upper_bound


# Clopper and Pearson's one-sided bounds, as tables of the beta distribution give them.
@pytest.mark.parametrize(
    ("wrong", "tried", "bound"), [(0, 1, 0.95), (0, 10, 0.2589), (1, 10, 0.3942), (2, 50, 0.1206), (5, 1000, 0.01048)]
)
def test_the_bound_is_clopper_and_pearsons(wrong, tried, bound):
    assert upper_bound(wrong, tried) == pytest.approx(bound, rel=2e-3)


@given(tried=st.integers(30, 100_000))
def test_none_wrong_is_the_rule_of_three(tried):
    assert 0.9 * 3 / tried < upper_bound(0, tried) <= 3 / tried


@given(tried=st.integers(1, 2000), wrong=st.integers(0, 20))
def test_one_wrong_more_never_lowers_the_bound(tried, wrong):
    assert upper_bound(min(wrong, tried), tried) <= upper_bound(min(wrong + 1, tried), tried) + 1e-9


def test_nothing_tried_proves_nothing():
    assert upper_bound(0, 0) == 1.0


def test_the_scoreboard_counts_scanners_screens_and_values_the_weakest_first():
    scores = [Score(10, 9, 0, "a"), Score(10, 10, 1, "a"), Score(5, 5, 0, "b")]
    line = scoreboard(scores)

    assert line.startswith("24 of 25 values proven, 1 of these wrong;")
    assert line.index("2 scanners") < line.index("3 screens") < line.index("24 values")
