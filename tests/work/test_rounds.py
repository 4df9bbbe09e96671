"""All groups of a run in rounds: in which order, with what known, and what is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocr_service.dose.proof import Unreadable
from ocr_service.screen.fonts import Console, FontKey, Fonts, OwnGlyph
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.rounds import FIRST, LONGEST, Done, Job, in_rounds
from ocr_service.work.site_letters import GroupLetters, SiteLetters
from ocr_service.work.unit import Converted
from tests.screen.lettered import ACME, KEY, fonts_of, glyph_of

# The rounds themselves.

Told_ = dict[int, list[GroupLetters]]


def group(number: int) -> tuple[UnitFiles, ...]:
    return (UnitFiles(f"1.{number}", ()),)


def line(number: int, rdsr: str | None) -> Converted:
    return Converted(f"1.{number}", (), (), Unreadable("read"), rdsr, 0, is_new=rdsr is not None)


class Carried:
    """Carries out jobs as it is told: what each group tells of its letters at its first reading, at its second, ..."""

    def __init__(self, told: Told_, out: Path) -> None:
        self.told, self.out = told, out
        self.jobs: list[Job] = []
        self.sizes: list[int] = []

    def __call__(self, jobs: Sequence[Job]) -> Any:
        self.sizes.append(len(jobs))
        for job in jobs:
            self.jobs.append(job)
            number = int(job.group[0].study_instance_uid.split(".")[1])
            letters = self.told.get(number, [])
            its = letters.pop(0) if letters else GroupLetters()
            if its.waiting and not job.last:
                yield Done((), its)
                continue
            name = f"{number}.{len(self.jobs)}.dcm"
            (self.out / name).write_text("an RDSR")
            yield Done((line(number, name),), replace(its, waiting=False))


def carried(tmp_path: Path, count: int, told: Told_) -> tuple[Carried, list[str], SiteLetters]:
    out = tmp_path / "out"
    out.mkdir()
    run, letters = Carried(told, out), SiteLetters()
    groups = [group(number) for number in range(count)]
    lines = [one.rdsr or "" for some in in_rounds(groups, run, letters, out) for one in some]
    return run, lines, letters


def test_every_round_is_twice_as_long_as_the_one_before_up_to_the_longest(tmp_path: Path) -> None:
    run, lines, _ = carried(tmp_path, 1000, {})

    assert run.sizes == [8, 16, 32, 64, 128, 256, 256, 240]
    assert run.sizes[0] == FIRST
    assert max(run.sizes) == LONGEST
    assert len(lines) == 1000


def test_each_round_knows_what_the_ones_before_learned(tmp_path: Path) -> None:
    run, _, _ = carried(tmp_path, 30, {3: [GroupLetters(fonts_of("7.1"))]})

    assert [job.letters is not None for job in run.jobs] == [False] * 8 + [True] * 22


def test_what_waits_comes_once_more_at_the_end_and_nothing_twice(tmp_path: Path) -> None:
    run, lines, _ = carried(tmp_path, 10, {2: [GroupLetters(waiting=True)], 9: [GroupLetters(waiting=True)]})

    assert run.sizes == [8, 2, 2]
    assert [name.split(".")[0] for name in lines] == ["0", "1", "3", "4", "5", "6", "7", "8", "2", "9"]
    assert [job.last for job in run.jobs] == [False] * 10 + [True] * 2


def test_a_run_of_one_group_waits_for_nothing(tmp_path: Path) -> None:
    run, lines, _ = carried(tmp_path, 1, {0: [GroupLetters(waiting=True)]})

    assert [job.last for job in run.jobs] == [True]
    assert len(lines) == 1


SEVEN = OwnGlyph(KEY.template, ACME, glyph_of("7"))
EIGHT = OwnGlyph(KEY.template, ACME, glyph_of("8"))


def against(sign: str, shape: str) -> Fonts:
    """Evidence that a shape is this sign, and also another one."""
    fonts = Fonts()
    for number, one in enumerate((shape, sign)):
        cells = next(iter(fonts_of(shape)[KEY].glyphs[glyph_of(shape)].values()))
        fonts.font(FontKey(KEY.template, Console(*_console()), KEY.height + number)).add(glyph_of(shape), one, cells)
    return fonts


def _console() -> tuple[str, str, str]:
    return ACME.manufacturer, ACME.model_name, ACME.software_versions


def test_what_rests_on_a_withdrawn_letter_is_taken_back_and_read_again(tmp_path: Path) -> None:
    told = {1: [GroupLetters(trusted=frozenset({SEVEN}))], 4: [GroupLetters(against("1", "7"))]}
    run, lines, letters = carried(tmp_path, 6, told)

    assert [name.split(".")[0] for name in lines] == ["0", "1", "2", "3", "4", "5", "1"]
    assert [job.again for job in run.jobs] == [False] * 6 + [True]
    assert not (tmp_path / "out" / lines[1]).exists()
    assert (tmp_path / "out" / lines[-1]).exists()
    assert letters.taken_back == 1


def test_what_rests_on_other_letters_stands(tmp_path: Path) -> None:
    told = {1: [GroupLetters(trusted=frozenset({EIGHT}))], 4: [GroupLetters(against("1", "7"))]}
    _, lines, letters = carried(tmp_path, 6, told)

    assert len(lines) == 6
    assert letters.taken_back == 0


@pytest.mark.parametrize("resting", [1, 2], ids=["read before", "read in the last round"])
def test_a_letter_that_only_the_last_round_withdraws_takes_back_too(tmp_path: Path, resting: int) -> None:
    told = {
        1: [GroupLetters(trusted=frozenset({SEVEN}))] if resting == 1 else [],
        2: [GroupLetters(waiting=True), GroupLetters(trusted=frozenset({SEVEN}))],
        3: [GroupLetters(waiting=True), GroupLetters(against("1", "7"))],
    }
    run, lines, letters = carried(tmp_path, 4, told)

    taken = {1: 2, 2: 1}[resting]
    assert letters.taken_back == taken
    assert [job.again for job in run.jobs[-taken:]] == [True] * taken
    assert len({name for name in lines if (tmp_path / "out" / name).exists()}) == 4
    assert len(run.jobs[-1].group) == 1
