"""Batch conversion of files: each unit read, proven, and written.

Knows folders and outcomes; must not know how a screen is read. Whatever is found ends in a line of the report or
in a count: nothing is lost, and one bad file never stops the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ocr_service.dose.proof import NeedsReview, Unreadable
from ocr_service.errors import BrokenObject, OutputError, UsageError
from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.fonts import Fonts
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.work import linked, output, unit
from ocr_service.work.discovery import discover
from ocr_service.work.inventory import Broken, Inventory, UnitFiles, take_stock
from ocr_service.work.objects import Identity, identity_of, quiet, read_object
from ocr_service.work.rounds import Done, Job, Run, in_rounds
from ocr_service.work.site_letters import GroupLetters, SiteLetters
from ocr_service.work.unit import AS_SHIPPED, Converted, ReadUnit, SiteRules, Workplace
from ocr_service.work.workers import Processes

__all__ = ["AS_SHIPPED", "Converted", "SiteLetters", "SiteRules", "Workers", "convert", "convert_group"]

DIED = (
    "the process that read this unit died, and died again when it read nothing else: its files break a decoder or "
    "an OCR engine, or need more memory than there is; look at them with `template explain FILE`"
)


@dataclass(frozen=True, slots=True)
class Workers:
    """How many processes share the work, and what each builds for itself once: a function that can be pickled."""

    count: int
    equip: Callable[[], tuple[Library, Readers]]


def convert(
    paths: Sequence[Path],
    library: Library,
    readers: Readers,
    out: Path,
    emit: frozenset[str],
    workers: Workers | None = None,
    rules: SiteRules = AS_SHIPPED,
    letters: SiteLetters | None = None,
) -> tuple[Inventory, Iterator[Converted]]:
    """Everything below the paths: what was found, and each unit's ending as it comes.

    letters: where what is learned of the consoles' letters is kept, and told in the end; for this run only where None.
    The endings and their order are the same with and without workers. UsageError where a path is not there or
    `out` is no folder; OutputError, from the iterator too, where it cannot be written.
    """
    _must_be_folder(out)
    found = discover(paths, out)
    stock = take_stock(found.files, library)
    stock.found = found
    stock.broken += [
        Broken(Identity(), "a file or folder of the input may not be opened", path) for path in found.closed
    ]
    groups = linked.groups(stock.units)
    kept = letters if letters is not None else SiteLetters()
    kept.known = readers.fonts

    def endings() -> Iterator[Converted]:
        for broken in stock.broken:
            yield unit.broken_line(broken)
        workplace = Workplace(library, readers, out, emit, perf_counter, rules)
        with _runner(workplace, workers) as run:
            for group in in_rounds(groups, run, kept, out):
                yield from group

    return stock, endings()


@contextmanager
def _runner(workplace: Workplace, workers: Workers | None) -> Iterator[Run]:
    """Who carries out jobs: this process, or several others."""
    if workers is None:
        here = _Desk(workplace)
        try:
            yield lambda jobs: map(here.carry_out, jobs)
        finally:
            here.forget()
        return
    begin = (workers.equip, workplace.out, workplace.emit, workplace.rules)
    with Processes(workers.count, _begin, begin) as processes:
        yield lambda jobs: processes.results(jobs, _carry_out_here, _died)


class _Desk:
    """One process's place of work: it reads by the letters of each job's round."""

    def __init__(self, workplace: Workplace) -> None:
        self.known = workplace.readers.fonts
        self._workplace = workplace
        self._letters: Path | None = None

    def carry_out(self, job: Job) -> Done:
        """OutputError."""
        if job.letters != self._letters and job.letters is not None:
            self._workplace.readers.use(self.known.merged(load_fonts(job.letters)))
        self._letters = job.letters
        return convert_group(job, self._workplace)

    def forget(self) -> None:
        """What was learned belongs to the run."""
        if self._letters is not None:
            self._workplace.readers.use(self.known)


_here: _Desk | None = None  # of a worker process


def _begin(equip: Callable[[], tuple[Library, Readers]], out: Path, emit: frozenset[str], rules: SiteRules) -> None:
    global _here  # noqa: PLW0603 (what a worker process builds once has no other place to stay)
    library, readers = equip()
    _here = _Desk(Workplace(library, readers, out, emit, perf_counter, rules))


def _carry_out_here(job: Job) -> Done:
    assert _here is not None
    return _here.carry_out(job)


def convert_group(job: Job, workplace: Workplace) -> Done:
    """Units that may be one examination under several studies: read, told once, written. OutputError."""
    with quiet():
        read = [unit.read(files, workplace, first=job.first and not place) for place, files in enumerate(job.group)]
        if job.again:
            read = [unit.read_again(one) for one in read]
        told = linked.told_once(read, workplace.out)
        letters = _letters_of(read, told, last=job.last)
        if letters.waiting:
            return Done((), letters)
        return Done(tuple(line for one in told for line in unit.written(one, workplace)), letters)


def _letters_of(read: Sequence[ReadUnit], told: Sequence[ReadUnit], *, last: bool) -> GroupLetters:
    """told: the same once linked orders were told once; the page of two studies teaches as one."""
    kept = [after for before, after in zip(read, told, strict=True) if not linked.was_skipped(before, after)]
    endings = [one.ending for one in read if one.ending is not None]
    waiting = any(isinstance(ending.outcome, NeedsReview) and ending.letters.waiting for ending in endings)
    return GroupLetters(
        Fonts().merged(*(one.ending.letters.fonts for one in kept if one.ending is not None)),
        frozenset(one for ending in endings for one in ending.letters.trusted | ending.letters.leant),
        waiting and not last,
        sum(bool(ending.letters.trusted) for ending in endings),
        tuple(one.audit for one in read if one.audit is not None),
    )


def _died(job: Job) -> Done:
    """The lines of units whose process died; their headers were read before."""
    return Done(tuple(_died_line(files) for files in job.group))


def _died_line(files: UnitFiles) -> Converted:
    told = []
    for path in files.screens or files.images:
        try:
            told.append(identity_of(read_object(path, pixels=False)))
        except BrokenObject:
            continue
    series = tuple(dict.fromkeys(one.series_instance_uid for one in told if one.series_instance_uid))
    instances = tuple(dict.fromkeys(one.sop_instance_uid for one in told if one.sop_instance_uid))
    return Converted(
        files.study_instance_uid, series, instances, Unreadable(DIED), None, 0, files.screens or files.images
    )


def _must_be_folder(out: Path) -> None:
    """Make the output folder before any work is done. UsageError, OutputError."""
    try:
        if out.exists() and not out.is_dir():
            raise UsageError(f"--out {out} is a file; name a folder")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {out} cannot be made: {output.reason(error)}") from error
