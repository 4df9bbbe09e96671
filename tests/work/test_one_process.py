"""A process for jobs that come one at a time: what costs a job, and what is no job's fault."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from ocr_service.errors import EngineAway, EngineError, OutputError
from ocr_service.work.workers import OneProcess
from tests.work.jobs import begin, dies_at_once, work

LONG = 60.0


@pytest.fixture
def process():
    its = OneProcess(begin, ())
    yield its
    its.close()


def test_a_death_costs_one_job(process):
    with pytest.raises(EngineError, match="died") as told:
        process.do(work, ("killed", ""), LONG)

    assert not isinstance(told.value, EngineAway)
    assert process.do(work, ("a", ""), LONG) == "a done"


def test_a_job_that_takes_too_long_costs_itself(process, tmp_path):
    process.do(work, ("a", ""), LONG)
    with pytest.raises(EngineError, match="stopped after"):
        process.do(work, ("hangs", str(tmp_path / "pid")), 0.2)

    assert process.do(work, ("b", ""), LONG) == "b done"


def test_what_a_job_raises_is_raised_and_costs_no_process(process):
    with pytest.raises(OutputError, match="full"):
        process.do(work, ("disk full", ""), LONG)

    assert process.do(work, ("a", ""), LONG) == "a done"


def test_a_process_that_cannot_begin_is_no_jobs_fault():
    process = OneProcess(dies_at_once, ())
    for _ in range(2):
        with pytest.raises(EngineAway):
            process.do(work, ("a", ""), LONG)
    process.close()


def test_a_job_that_is_broken_off_at_the_end_is_not_at_fault(process, tmp_path):
    mark, heard = tmp_path / "pid", []

    def asks() -> None:
        try:
            process.do(work, ("hangs", str(mark)), LONG)
        except EngineError as error:
            heard.append(type(error))

    thread = Thread(target=asks)
    thread.start()
    until = time.monotonic() + LONG
    while not (mark.exists() and mark.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    process.close()
    thread.join()

    assert heard == [EngineAway]
    with pytest.raises(EngineAway):
        process.do(work, ("a", ""), LONG)
