"""Consoles that change, pages with faults and engines that misread: no number becomes wrong by letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.screen import typed
from tests.screen.typed import TypedReader
from tests.work import consoles
from tests.work.archives import (
    AUDIT_ALL,
    Site,
    drawn_with,
    page,
    readers,
    rows_of,
    said,
    swapped,
    swapping,
    truths,
)

# A console that changes.


PAIR = "38"


def test_digits_that_a_console_swaps_without_a_new_version_are_noticed_and_not_believed(site: Site) -> None:
    """The first pages were read by registered letters and verified; they are taken back and read again."""
    studies = range(20, 24)
    for study in studies:
        site.add(study)
    changed = [[("3.1", "320.5"), ("12.4", "41.0"), ("83.1", "11.2")], rows_of(31)]
    for study, rows in zip((30, 31), changed, strict=True):
        site.add(study, rows, shown=drawn_with(rows, PAIR))
    its = [swapping(changed, PAIR) for _ in range(2)]
    told = site.convert(readers(*its))

    assert site.wrong(told) == []
    assert said(told, "is withdrawn: proven cells show it as '3' and '8'")
    again = [line for line in told.lines if any("it was read again" in f["sentence"] for f in line["findings"])]
    assert {line["outcome"] for line in again} == {"verified"}
    assert said(told, f"{len(again)} reports rested on withdrawn letters: they were taken back and read again")
    assert again
    written = {line["rdsr"] for line in told.last.values() if line["rdsr"]}
    assert set(site.written()) == written


def test_digits_that_a_new_version_swaps_are_noticed_and_not_believed(site: Site) -> None:
    studies = range(30, 36)
    for study in studies:
        site.add(study, shown=drawn_with(rows_of(study), PAIR), SoftwareVersions="V2")
    its = [swapping([rows_of(study) for study in studies], PAIR) for _ in range(2)]
    told = site.convert(readers(*its))

    assert site.wrong(told) == []
    assert said(told, "they disagree in 6")


def test_an_audit_that_disagrees_is_a_doubt_and_an_alarm(site: Site) -> None:
    """One row whose total is swapped too: no sum can tell, the engines do."""
    rows = [("3.1", "38.5")]
    site.add(30, rows, shown=drawn_with(rows, PAIR))
    told = site.convert(readers(*(swapping([rows], PAIR) for _ in range(2))), rules=AUDIT_ALL)

    by_letters, by_engines = told.lines
    doubts = [f["sentence"] for f in by_letters["findings"] if f["kind"] == "doubt"]
    assert by_letters["outcome"] == "needs_review"
    assert [sentence for sentence in doubts if sentence.startswith("audit: ") and "software updated?" in sentence]
    assert said(told, "they disagree in 1")
    assert by_engines["outcome"] == "verified"
    assert site.wrong(told) == []
    assert site.written() == [by_engines["rdsr"]]


def test_an_audit_that_agrees_says_so_and_changes_nothing(site: Site) -> None:
    for study in (30, 31):
        site.add(study)
    told = site.convert(readers(), rules=AUDIT_ALL)

    assert told.outcomes() == ["verified"] * 2
    assert said(told, "the engines read a sample of 2 units too, and they agree in all")


def test_one_swapped_page_that_no_sum_betrays_is_taken_back_when_any_other_one_is_noticed(site: Site) -> None:
    silent, loud = [("3.1", "38.5")], [("12.4", "320.5"), ("3.1", "41.0"), ("5.1", "13.2")]
    for study, rows in ((30, silent), (31, loud)):
        site.add(study, rows, shown=drawn_with(rows, PAIR))
    told = site.convert(readers(*(swapping([silent, loud], PAIR) for _ in range(2))))

    assert site.wrong(told) == []
    assert said(told, "is withdrawn")


# Faults of pages and engines.


@pytest.mark.parametrize("careful", [0, 1, 2])
def test_a_pixel_out_of_a_digit_makes_no_wrong_number(site: Site, careful: int) -> None:
    """Neither with engines that give such a digit up nor with one or two that take it for the nearest one."""
    chance = np.random.default_rng(careful)
    for study in range(30, 37):
        shown = page(rows_of(study))
        numbers = shown[70:, 110:330]
        ink = np.argwhere(numbers > 0)
        for row, column in ink[chance.choice(len(ink), 12, replace=False)]:
            numbers[row, column] = 0
        site.add(study, shown=shown)
    its = [Guessing() if number < careful else TypedReader() for number in range(2)]
    told = site.convert(readers(*its))

    assert site.wrong(told) == []
    assert len(told.last) == 7


class Guessing(TypedReader):
    """An engine that takes every shape for the letter that differs least."""

    def read(self, crops: Any, preparations: Any = None) -> list[str]:
        self.asked += len(crops)
        return [_guessed(crop) for crop in crops]


def _guessed(crop: Any) -> str:
    ink = np.where(crop > max(20, int(crop.max()) // 2), 255, 0).astype(np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return ""
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cut = np.pad(cut, ((max(0, typed.HEIGHT - cut.shape[0]), 0), (0, typed.PITCH)))[: typed.HEIGHT]
    text = ""
    for left in range(0, cut.shape[1] - typed.PITCH, typed.PITCH):
        cell = cut[:, left : left + typed.WIDTH]
        known = np.frombuffer(b"".join(typed.GLYPHS), np.uint8).reshape(-1, typed.HEIGHT, typed.WIDTH)
        nearest = int(np.count_nonzero(known != cell, axis=(1, 2)).argmin())
        text += list(typed.GLYPHS.values())[nearest] if cell.any() else " "
    return text


@pytest.mark.parametrize("wrong", ["ppocr", "tesseract"])
@pytest.mark.parametrize(("one", "other"), [("3", "8"), ("1", "7"), (".", "")])
def test_an_engine_that_misreads_one_sign_throughout_a_study_makes_no_wrong_number(
    tmp_path: Path, wrong: str, one: str, other: str
) -> None:
    """Neither with an engine beside it that gives some of these numbers up."""
    site = Site(tmp_path)
    for study in range(1, 8):
        site.add(study)
    numbers = [text for study in (1, 4) for text in truths(rows_of(study), "00")]
    misread = TypedReader({text: text.replace(one, other) for text in numbers})
    blind = TypedReader(dict.fromkeys(numbers[::2], ""))
    told = site.convert(readers(misread, blind) if wrong == "ppocr" else readers(blind, misread))

    assert site.wrong(told) == []
    assert len(told.last) == 7


def test_an_engine_that_always_misreads_a_digit_makes_no_wrong_number(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in range(1, 13):
        site.add(study)
    told = site.convert(readers(TypedReader(letters={"3": "8"}), TypedReader()))

    assert site.wrong(told) == []


def test_a_number_that_both_engines_misread_is_not_believed_once_its_letters_are_known(site: Site) -> None:
    """The old version's letters say another digit: also where everything else on the page is proven."""
    rows = rows_of(30)
    site.add(30, rows, SoftwareVersions="V2")
    number = next(text for text, _ in rows if "7" in text or "3" in text or "8" in text)
    mistaken = {number: swapped(swapped(number, "38"), "71")}
    told = site.convert(readers(TypedReader(mistaken), TypedReader(mistaken)))

    assert told.outcomes() == ["needs_review"]


def test_an_agreed_mistake_of_one_study_spreads_to_no_other(tmp_path: Path) -> None:
    """It is read before any letter is known; what it teaches wrongly is withdrawn, and nothing rests on it."""
    site = Site(tmp_path)
    for study in range(1, 21):
        site.add(study, [("7.5", "120.4"), ("6.3", "888.8")] if study == 1 else None)
    mistaken = {"7.5": "1.5"}
    told = site.convert(readers(TypedReader(mistaken), TypedReader(mistaken)))

    assert {study for study, _ in site.wrong(told)} <= {f"{consoles.ROOT}.1"}
    assert said(told, "is withdrawn: proven cells show it as '1' and '7'")
