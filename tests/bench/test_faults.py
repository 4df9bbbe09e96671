"""The screens of the bench: random, but the same each time, and a fault is really on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from bench import faces, ink, misprints, running
from bench.accuracy import Task, drawn
from bench.consoles import FAMILIES, draw
from bench.faults import FAULTS
from bench.scoring import Expected, score

from letters import FONT_FOLDER  # isort: skip - found by bench

FONTS = ("75dpi/helvR10", "75dpi/helvR12", "75dpi/helvB12", "75dpi/courR14", "misc/9x15", "100dpi/helvR12")

pytestmark = pytest.mark.skipif(
    not all((FONT_FOLDER / f"{name}.pcf.gz").is_file() for name in FONTS),
    reason="needs xfonts-base, xfonts-75dpi and xfonts-100dpi",
)


def must_draw(task):
    study = drawn(task)
    assert study is not None, "the layout has room for these letters"
    return study


def task(family, fault="none", number=0):
    return Task(family, fault, number, 7, FONTS, Path())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_always_draws_the_same_files(family):
    one, other = must_draw(task(family)), must_draw(task(family))

    assert one.files() == other.files()
    assert one.files() != must_draw(task(family, number=1)).files()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_expected_stands_on_the_pages(family):
    study = must_draw(task(family))
    texts = " ".join(text.text for page in study.pages for text in page.written)

    for event in study.events:
        assert all(value in texts for value in (event.mean_ctdivol, event.dlp) if value)
    assert all(total in texts for total in study.totals)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"none"}))
def test_a_fault_changes_what_is_saved(fault):
    """In at least two families, and wherever it says that it applies."""
    changed = 0
    for family in FAMILIES:
        for attempt in range(6):
            rng = Random(f"{family} {attempt}")
            study = draw(family, "bench/test", rng, FONTS)
            before = study.files()
            if FAULTS[fault].change(rng, study):
                assert study.files() != before
                changed += 1
                break

    assert changed >= 2


def test_one_pixel_is_one_pixel():
    study = must_draw(task("ge"))
    before = [page.pixels.copy() for page in study.pages]

    assert misprints.pixel_out(Random(1), study)
    assert sum(np.count_nonzero(a != b.pixels) for a, b in zip(before, study.pages, strict=True)) == 1


def test_a_text_taken_back_leaves_the_page_as_it_was():
    study = must_draw(task("philips_exam_summary"))
    page, text = ink.dose_cells(study)[0]
    before = page.pixels.copy()

    ink.rewrite(page, text, text.text, at="left")

    assert (page.pixels == before).all()


def test_a_missing_point_takes_all_ink_of_the_point():
    study = must_draw(task("ge"))
    texts = [text for _, text in ink.dose_cells(study)]
    before = {id(page): page.pixels.copy() for page in study.pages}

    assert misprints.point_out(Random(1), study)
    sizes = {int(np.count_nonzero(before[id(page)] != page.pixels)) for page in study.pages} - {0}
    assert sizes == {int(texts[0].style.face.glyph(".").ink.sum())}


def test_letters_of_truetype_fonts_have_no_grey_edges():
    if not faces.is_installed("dejavu/DejaVuSans"):
        pytest.skip("no TrueType font is installed")
    letters = faces.letters_of("dejavu/DejaVuSans:13")

    assert letters.glyph("8").ink.dtype == bool
    assert letters.caps in faces.CAPITALS


@pytest.mark.engines
def test_a_drawn_report_is_read_by_the_real_engines_and_nothing_verified_is_wrong():
    study = must_draw(replace(task("ge"), fonts=("75dpi/helvB12",)))
    (answer,) = running.read(study.files())
    result = score(Expected(study.events, study.dlp_total), answer)

    assert answer.outcome in ("verified", "needs_review")
    assert answer.outcome != "verified" or result.wrong == ()
    assert result.exact > 0
