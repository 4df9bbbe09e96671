"""Batch conversion of files: each unit read, proven, and written.

Knows folders and outcomes; must not know how a screen is read. Whatever is found ends in a line of the report or
in a count: nothing is lost, and one bad file never stops the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ocr_service.dose.proof import Unreadable
from ocr_service.errors import BrokenObject, OutputError, UsageError
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.work import linked, output, unit
from ocr_service.work.discovery import discover
from ocr_service.work.inventory import Broken, Inventory, UnitFiles, take_stock
from ocr_service.work.objects import Identity, identity_of, quiet, read_object
from ocr_service.work.unit import AS_SHIPPED, Converted, SiteRules, Workplace
from ocr_service.work.workers import on_processes

__all__ = ["AS_SHIPPED", "Converted", "SiteRules", "Workers", "convert", "convert_group"]

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
) -> tuple[Inventory, Iterator[Converted]]:
    """Everything below the paths: what was found, and each unit's ending as it comes.

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

    def endings() -> Iterator[Converted]:
        for broken in stock.broken:
            yield unit.broken_line(broken)
        for group in _converted(groups, Workplace(library, readers, out, emit, perf_counter, rules), workers):
            yield from group

    return stock, endings()


def _converted(
    groups: Sequence[tuple[UnitFiles, ...]], workplace: Workplace, workers: Workers | None
) -> Iterator[tuple[Converted, ...]]:
    if workers is None:
        return (convert_group(group, workplace) for group in groups)
    begin = (workers.equip, workplace.out, workplace.emit, workplace.rules)
    return on_processes(groups, workers.count, _begin, begin, _convert_here, _died)


_here: Workplace | None = None  # of a worker process


def _begin(equip: Callable[[], tuple[Library, Readers]], out: Path, emit: frozenset[str], rules: SiteRules) -> None:
    global _here  # noqa: PLW0603 (what a worker process builds once has no other place to stay)
    library, readers = equip()
    _here = Workplace(library, readers, out, emit, perf_counter, rules)


def _convert_here(group: tuple[UnitFiles, ...]) -> tuple[Converted, ...]:
    assert _here is not None
    return convert_group(group, _here)


def convert_group(group: Iterable[UnitFiles], workplace: Workplace) -> tuple[Converted, ...]:
    """Units that may be one examination under several studies: read, told once, written. OutputError."""
    with quiet():
        read = linked.told_once([unit.read(files, workplace) for files in group], workplace.out)
        return tuple(line for one in read for line in unit.written(one, workplace))


def _died(group: tuple[UnitFiles, ...]) -> tuple[Converted, ...]:
    """The lines of units whose process died; their headers were read before."""
    return tuple(_died_line(files) for files in group)


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
