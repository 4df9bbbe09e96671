"""How many values of held-out screens are read, and how many wrong: `python -m bench.accuracy`.

Draws reports of every family with random rows in random fonts, with and without faults, and converts them with the
real engines; or scores a folder of screens that has a truth.json (`--truth DIR`). Exit 1 where a verified report
states a wrong value, or where a page was verified that never may be.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter

import cv2
import numpy as np

from bench import faces, running, tables
from bench.consoles import FAMILIES, draw
from bench.faults import FAULTS, Allowed
from bench.scoring import Answer, Expected, Score, answer_of, score, truths
from bench.studies import DoesNotFit, Study, moved


@dataclass(frozen=True, slots=True)
class Task:
    """One report to draw and read."""

    family: str
    fault: str
    number: int
    seed: int
    fonts: tuple[str, ...]
    keep: Path

    @property
    def key(self) -> str:
        return f"{self.family}/{self.fault}/{self.seed}-{self.number}"


@dataclass(frozen=True, slots=True)
class Read:
    """How one report ended.

    bad: wrong values where verified, or that it was verified at all. near: wrong values that count as proven, but
    did not leave the house, because something else was in doubt.
    """

    family: str
    fault: str
    key: str
    font: str
    outcome: str
    values: int
    rows: int
    exact: int
    wrong: tuple[str, ...]
    bad: tuple[str, ...]
    near: tuple[str, ...]
    noticed: bool
    doubts: tuple[str, ...]
    seconds: float


def drawn(task: Task) -> Study | None:
    """The study of a task, its fault in place; None where the fault applies to none of 20 drawings."""
    for attempt in range(20):
        rng = Random(f"{task.key}/{attempt}")
        try:
            study = draw(task.family, f"bench/{task.key}", rng, task.fonts)
        except DoesNotFit:
            return None
        if FAULTS[task.fault].change(rng, study):
            return study
    return None


def work(task: Task) -> Read | None:
    """Draw, convert and score one report; what went wrong is kept as DICOM and PNG."""
    study = drawn(task)
    if study is None:
        return None
    files = study.files()
    began = perf_counter()
    answers = running.read(files)
    spent = perf_counter() - began
    answer = answers[0] if len(answers) == 1 else Answer("unreadable", None, (), (f"{len(answers)} units",))
    result = score(Expected(study.events, study.dlp_total), answer)
    read = judged(task, study.font, answer, result, spent)
    if read.bad or read.near:
        keep(task.keep / task.key.replace("/", "_"), study, files, read)
    return read


def judged(task: Task, font: str, answer: Answer, result: Score, seconds: float = 0) -> Read:
    """Say what is wrong with an answer under the fault's rule."""
    verified = answer.outcome == "verified"
    allowed = FAULTS[task.fault].allowed
    bad = result.wrong if verified else ()
    if verified and allowed is Allowed.REFUSED:
        bad = (f"verified, which a page with the fault {task.fault} never may be", *bad)
    return Read(
        task.family, task.fault, task.key, font, answer.outcome, result.values, result.rows, result.exact,
        result.wrong, bad, () if verified else result.proven, verified and allowed is Allowed.NOTICED,
        answer.doubts, seconds,
    )  # fmt: skip


def keep(folder: Path, study: Study, files: Sequence[bytes], read: Read) -> None:
    """Save a screen for a person to look at: objects, pictures, what was expected and what was said."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (content, page) in enumerate(zip(files, study.pages, strict=True), start=1):
        (folder / f"{number:02d}.dcm").write_bytes(content)
        levels = moved(page.pixels, *study.shift)
        cv2.imwrite(
            str(folder / f"{number:02d}.png"), np.ascontiguousarray(levels[..., ::-1]) if levels.ndim == 3 else levels
        )
    told = {**asdict(read), "dlp_total": study.dlp_total, "events": [asdict(event) for event in study.events]}
    (folder / "read.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


def tasks(options: argparse.Namespace) -> list[Task]:
    """Every family with every fault; plain reports `--plain` times as many. Mixed, so that a part says something."""
    fonts = tuple(name for name in faces.names() if not options.fonts or any(word in name for word in options.fonts))
    made = [
        Task(family, fault, number, options.seed, fonts, options.keep)
        for family in options.families
        for fault in options.faults
        for number in range(options.count * (options.plain if fault == "none" else 1))
    ]
    Random(options.seed).shuffle(made)
    return made


def results(made: Sequence[Task], jobs: int) -> Iterator[Read | None]:
    """Work through the tasks in this process or in several, engines loaded once in each."""
    if jobs == 1:
        yield from map(work, made)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, task) for task in made]):
            yield done.result()


def score_folder(folder: Path, out: Path) -> list[Read]:
    """Convert a folder of screens and compare with its truth.json."""
    known, reads = truths(folder), []
    for done in running.convert([folder], out):
        kind, expected = known.pop(str(done.study_instance_uid), ("", None))
        if expected is None:
            continue
        answer = answer_of(done, out)
        task = Task(kind, "none", 0, 0, (), out)
        read = judged(task, "its own", answer, score(expected, answer), done.milliseconds / 1000)
        reads.append(read)
    nothing = Answer("unreadable", None, (), ("no line of the report speaks of it",))
    for kind, expected in known.values():
        reads.append(judged(Task(kind, "none", 0, 0, (), out), "its own", nothing, score(expected, nothing)))
    return reads


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2, help="reports for each family and fault")
    parser.add_argument("--plain", type=int, default=10, help="so many times more without a fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--fonts", nargs="+", default=[], help="only fonts whose name contains one of these words")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("bench_out"), help="failing screens go here")
    parser.add_argument("--truth", type=Path, help="score this folder of screens instead, by its truth.json")
    return parser.parse_args()


def main() -> None:
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    options = arguments()
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.truth:
        reads = score_folder(options.truth, options.keep / "rdsr")
    else:
        reads = []
        made = tasks(options)
        with (options.keep / "reads.jsonl").open("w", encoding="utf-8") as journal:
            for number, read in enumerate(results(made, options.jobs), start=1):
                if read is not None:
                    reads.append(read)
                    journal.write(json.dumps(asdict(read), ensure_ascii=False) + "\n")
                    journal.flush()
                print(f"\r{number} of {len(made)}", end="", file=sys.stderr)
    print("\n" + tables.report(reads))
    sys.exit(any(read.bad for read in reads))


if __name__ == "__main__":
    main()
