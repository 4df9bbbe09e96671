"""All groups of a run in rounds: what one round teaches of consoles' letters is known in the next.

After them what is not verified is read once more with all that was learned, and so is what rests on a letter that was
withdrawn. Rounds are cut by the number of groups alone, so that every result is the same for any number of processes.

Knows groups, letters and their order; must not know how a group is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ocr_service.screen.font_files import keep_fonts
from ocr_service.screen.fonts import OwnGlyph
from ocr_service.work import output
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.site_letters import GroupLetters, Rested, SiteLetters
from ocr_service.work.unit import Converted

FIRST, LONGEST = 8, 256  # groups of the first round; each is twice as long as the one before, up to the longest
Group = tuple[UnitFiles, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One group to convert. letters: the folder of what was learned before its round; last: nothing comes after it.

    again: its letters were withdrawn, and an earlier report of it was taken back. first: of its scanner in this run, so
    that the engines look whether the console still draws the letters that are known.
    """

    group: Group
    letters: Path | None = None
    last: bool = False
    again: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job: the lines of its units, none where they wait for the last round."""

    lines: tuple[Converted, ...]
    letters: GroupLetters = field(default_factory=GroupLetters)


Run = Callable[[Sequence[Job]], Iterator[Done]]


def in_rounds(groups: Sequence[Group], run: Run, letters: SiteLetters, out: Path) -> Iterator[tuple[Converted, ...]]:
    """The lines of each group as it ends. run: carries out jobs, in their order."""
    held: list[int] = []
    rested = Rested()
    firsts = _firsts(groups)
    with TemporaryDirectory(prefix="ocr-service-letters-") as folder:
        for number, some in enumerate(_cut(len(groups))):
            learned = _shared(letters, Path(folder) / str(number))
            alone = len(groups) == 1
            jobs = [Job(groups[index], learned, last=alone, first=index in firsts) for index in some]
            for index, done in zip(some, run(jobs), strict=True):
                letters.take(done.letters, counts=not done.letters.waiting)
                if done.letters.waiting:
                    held.append(index)
                    continue
                rested.add(index, done.letters.trusted, _new(done))
                yield done.lines
            letters.keep()
        yield from _last(_Rest(groups, held, rested, Path(folder)), run, letters, out)


def _firsts(groups: Sequence[Group]) -> set[int]:
    """The first group of each scanner, where there are several groups."""
    known: dict[object, int] = {}
    for index, group in enumerate(groups):
        known.setdefault(group[0].scanner, index)
    return set(known.values()) if len(groups) > 1 else set()


def _cut(count: int) -> Iterator[range]:
    start, length = 0, FIRST
    while start < count:
        yield range(start, min(count, start + length))
        start, length = start + length, min(LONGEST, 2 * length)


def _shared(letters: SiteLetters, folder: Path) -> Path | None:
    """Lay what was learned where every process finds it."""
    if not letters.learned:
        return None
    keep_fonts(letters.learned, folder)
    return folder


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left after the rounds: the groups that wait, and which others rest on which letters."""

    groups: Sequence[Group]
    held: Sequence[int]
    rested: Rested
    folder: Path


def _last(rest: _Rest, run: Run, letters: SiteLetters, out: Path) -> Iterator[tuple[Converted, ...]]:
    """What waits, and what rests on letters that were withdrawn; these groups may withdraw further letters."""
    waiting = [(index, False) for index in rest.held]
    withdrawn: set[OwnGlyph] = set()
    aside = output.TakenBack(out)
    try:
        while True:
            new = letters.withdrawn().keys() - withdrawn
            withdrawn |= new
            for index, written in rest.rested.take_out(new):
                letters.taken_back += len(written)
                aside.set_aside(index, written)
                waiting.append((index, True))
            if not waiting:
                break
            learned = _shared(letters, rest.folder / f"last-{len(withdrawn)}")
            jobs = [Job(rest.groups[index], learned, last=True, again=again) for index, again in waiting]
            for (index, again), done in zip(waiting, run(jobs), strict=True):
                letters.take(done.letters, counts=not again)
                rest.rested.add(index, done.letters.trusted, _new(done))
                aside.drop(index)
                yield tuple(replace(line, again=again) for line in done.lines)
            waiting = []
    finally:
        aside.restore()
    letters.keep()


def _new(done: Done) -> list[str]:
    """The RDSRs that this run wrote of a group; those of earlier runs are theirs."""
    return [line.rdsr for line in done.lines if line.rdsr is not None and line.is_new]
