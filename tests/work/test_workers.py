"""Work on several processes: the same results in the same order, and a death costs one job."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ocr_service.errors import EngineError, OutputError
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library, load_templates
from ocr_service.work import archive, lines
from ocr_service.work.archive import DIED
from ocr_service.work.workers import Processes
from tests.work import consoles
from tests.work.jobs import begin, died, dies_at_once, work

DEADLY = "13.13"  # the number that ends a process which reads it
EVERYTHING = frozenset({"verified", "review"})


def results(jobs: list[tuple[str, str]], count: int, start: Callable[[], None] = begin) -> list[str]:
    with Processes(count, start, ()) as processes:
        return list(processes.results(jobs, work, died))


def test_processes_take_one_list_of_jobs_after_the_other():
    with Processes(2, begin, ()) as processes:
        for names in (["a", "b", "c"], [], ["d"]):
            jobs = [(name, "") for name in names]
            assert list(processes.results(jobs, work, died)) == [f"{name} done" for name in names]


def test_results_come_in_the_order_of_the_jobs():
    jobs = [(str(number), "") for number in range(40)]

    assert results(jobs, 2) == [f"{number} done" for number in range(40)]


def test_a_job_that_kills_its_process_is_tried_again_and_costs_no_other(tmp_path):
    kinds = ["a", "segfault", "b", "once", "c", "killed", "d"]
    jobs = [(kind, str(tmp_path / "mark")) for kind in kinds]

    assert results(jobs, 2) == [
        "a done", "segfault died", "b done", "once done", "c done", "killed died", "d done",
    ]  # fmt: skip


def test_a_process_that_cannot_begin_is_an_error_and_no_endless_loop():
    with pytest.raises(EngineError, match="--jobs 1"):
        results([("a", "")], 1, dies_at_once)


def test_an_output_that_cannot_be_written_ends_the_run():
    with pytest.raises(OutputError, match="full"):
        results([("a", ""), ("disk full", "")], 1)


def left_early(mark: Path) -> None:
    with Processes(2, begin, ()) as processes:
        assert next(iter(processes.results([("a", ""), ("hangs", str(mark)), ("b", "")], work, died))) == "a done"
        while not (mark.exists() and mark.read_text()):
            os.sched_yield()
        raise KeyboardInterrupt


def test_processes_end_with_a_run_that_is_left_early(tmp_path):
    mark = tmp_path / "pid"
    with pytest.raises(KeyboardInterrupt):
        left_early(mark)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


class Dying(consoles.Knowing):
    """An engine that takes its process with it at one number."""

    def read(self, crops, preparations=None):
        if any(consoles.is_word(crop, DEADLY) for crop in crops):
            os._exit(139)
        return super().read(crops, preparations)


def equip(templates: Path) -> tuple[Library, Readers]:
    return load_templates(templates), Readers(Dying(), Dying(), (("none",),))


def converted(folder: Path, out: Path, jobs: int) -> list[dict[str, object]]:
    library = consoles.library(folder / "templates")
    workers = archive.Workers(jobs, partial(equip, folder / "templates")) if jobs > 1 else None
    _, endings = archive.convert([folder / "in"], library, consoles.readers(), out, EVERYTHING, workers)
    return [lines.as_json(ending) | {"milliseconds": 0} for ending in endings]


def test_any_number_of_jobs_gives_the_same_bytes_and_lines(tmp_path):
    for study in range(1, 8):
        consoles.saved(consoles.screen(study=study), tmp_path / "in" / f"{study}.dcm")
    consoles.saved(consoles.screen(study=5, number=2), tmp_path / "in" / "saved_again.dcm")
    (tmp_path / "in" / "broken.dcm").write_bytes((tmp_path / "in" / "1.dcm").read_bytes()[:700])
    told = [converted(tmp_path, tmp_path / f"out{jobs}", jobs) for jobs in (1, 2)]
    written = [
        {
            path.relative_to(tmp_path / f"out{jobs}"): path.read_bytes()
            for path in (tmp_path / f"out{jobs}").rglob("*.dcm")
        }
        for jobs in (1, 2)
    ]

    assert told[0] == told[1]
    assert written[0] == written[1]
    assert len(told[0]) == 8
    assert len(written[0]) == 7


def test_a_page_that_kills_its_reader_is_unreadable_and_all_others_are_done(tmp_path):
    rows = (("2", "Helical", DEADLY, "498.4", "Body"),)
    consoles.saved(consoles.screen(study=2, pixels=consoles.drawn(rows, "")), tmp_path / "in" / "deadly.dcm")
    for study in (1, 3, 4, 5):
        consoles.saved(consoles.screen(study=study), tmp_path / "in" / f"{study}.dcm")
    told = converted(tmp_path, tmp_path / "out", 2)

    assert [one["outcome"] for one in told] == ["verified", "unreadable", "verified", "verified", "verified"]
    assert told[1]["findings"] == [{"kind": "doubt", "where": "unit", "sentence": DIED}]
    assert told[1]["sop_instance_uids"] == [f"{consoles.ROOT}.2.1.1"]


@pytest.mark.engines
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_ctrl_c_ends_a_run_without_a_word_of_python_and_keeps_its_lines(tmp_path):
    samples = Path(__file__).parents[2] / "sample_sc"
    report = tmp_path / "report.jsonl"
    command = [sys.executable, "-c", "from ocr_service.cli import main; main()", "convert"]
    options = ["--out", str(tmp_path / "out"), "--report", str(report), "--jobs", "2"]
    running = subprocess.Popen(
        [*command, str(samples), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    part = tmp_path / "report.jsonl.part"
    while running.poll() is None and not (part.exists() and part.read_text().count("\n")):
        os.sched_yield()
    os.killpg(running.pid, signal.SIGINT)
    said, complained = running.communicate(timeout=60)

    assert running.returncode in (1, 130)
    assert b"Traceback" not in said + complained
    assert part.read_text().endswith("}\n")
    assert not report.exists()
