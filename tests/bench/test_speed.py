"""The ratios that were promised are judged by the quickest plain way, and a long run is made of unlike studies."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from bench import memory, scanners, speed
from bench.speed import FLOOR, FONTS, PLAIN_CELLS, PLAIN_ONE, PLAIN_PAGE, READY, Unit


def unit(template="ge/dose-report", **seconds):
    first, second = speed.ENGINES
    names = {
        "a": FONTS, "b": first, "bb": second, "c": PLAIN_PAGE, "cc": PLAIN_ONE, "d": PLAIN_CELLS, "e": FLOOR, "r": READY
    }  # fmt: skip
    return Unit((Path("1.dcm"),), template, Dataset(), b"", [], {names[key]: list(t) for key, t in seconds.items()})


UNIT = {"a": (0.02, 0.03, 0.02), "b": (0.3,), "bb": (0.5,), "c": (2.0,), "cc": (0.4, 0.4), "e": (0.01,), "r": (0.001,)}


def verdicts(units):
    lines = [line.split() for line in speed.bars(units).splitlines()]
    return {words[0]: words[-1] for words in lines if words[-1] in ("yes", "no")}


def test_each_bar_is_kept_or_not():
    told = verdicts([unit(**UNIT, d=(1.0,)), unit(**UNIT), unit(**UNIT)])

    assert told == {"d/a": "yes", "c/a": "yes", "a/e": "yes", "b/c": "yes", "b'/c": "no"}


def test_the_quicker_plain_page_counts():
    assert speed.ratio([unit(**UNIT)], (PLAIN_PAGE, PLAIN_ONE), (FONTS,)) == pytest.approx(20)


def test_what_was_not_timed_keeps_no_bar():
    assert verdicts([unit(**UNIT)])["d/a"] == "no"


def test_all_templates_are_timed_alike():
    units = [unit("ge/a"), unit("ge/a"), unit("ge/a"), unit("canon/b")]

    assert [one.template for one in speed.mixed(units, 3)] == ["ge/a", "canon/b", "ge/a"]


def test_a_long_run_repeats_pages_as_other_studies_of_other_days(tmp_path):
    drawn = scanners.draw_scanners(["philips_exam_summary"], 1, 2, tmp_path / "drawn")
    (tmp_path / "many").mkdir()
    memory.many(drawn, 5, tmp_path / "many")
    made = [dcmread(path) for path in sorted((tmp_path / "many").iterdir())]

    assert len(made) == 5
    assert len({ds.SOPInstanceUID for ds in made} | {study.study_instance_uid for study in drawn}) == 7
    assert len({(ds.StudyInstanceUID, ds.StudyDate) for ds in made}) == 5
    assert {bytes(ds.pixel_array) for ds in made} == {bytes(dcmread(study.files[0]).pixel_array) for study in drawn}
