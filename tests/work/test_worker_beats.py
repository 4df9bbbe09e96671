"""Which workers are dead: those whose beat stands still, whatever their clocks say."""

from __future__ import annotations

from ocr_service.work.workflow import silent


def test_a_worker_is_dead_when_its_beat_has_stood_still_for_a_minute():
    heard: dict[str, tuple[float, float]] = {}

    assert silent({"b": 5.0}, heard, 100.0) == []
    assert silent({"b": 5.0}, heard, 159.0) == []
    assert silent({"b": 5.0}, heard, 160.0) == ["b"]


def test_a_worker_whose_clock_is_behind_or_goes_backwards_lives():
    heard: dict[str, tuple[float, float]] = {}
    beats = [5.0, 10.0, 3.0, 8.0]

    assert [silent({"b": beat}, heard, 100.0 + 59 * place) for place, beat in enumerate(beats)] == [[]] * 4
