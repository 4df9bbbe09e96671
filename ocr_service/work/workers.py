"""Jobs on several processes: results in the order of the jobs, and a process that dies costs only its own job.

Knows processes; must not know what a job is.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from ocr_service.errors import EngineError, NotBegun

J = TypeVar("J")
R = TypeVar("R")

_STARTS = 60  # seconds in which a process has begun, or never will
_AHEAD = 16  # jobs a process may be ahead of the oldest that is not done: results wait in memory for their turn


class Processes:
    """`count` processes that each begin with `begin(*arguments)`, for several lists of jobs one after the other.

    They end with the context, at once where it is left by an error or early. What they are given can be pickled.
    """

    def __init__(self, count: int, begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
        self._lanes = [_Lane(begin, arguments) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            lane.end(at_once=kind is not None)

    def results(self, jobs: Sequence[J], work: Callable[[J], R], died: Callable[[J], R]) -> Iterator[R]:
        """The result of each job, in the jobs' order.

        A job whose process dies is done again while no other runs, in a fresh process; where that dies too, its
        result is `died(job)`. What `work` raises is raised here. EngineError where a process cannot begin.
        """
        return _in_order(jobs, self._lanes, work, died)


def _in_order(jobs: Sequence[J], lanes: Sequence[_Lane], work: Callable[[J], R], died: Callable[[J], R]) -> Iterator[R]:
    waiting, again, free = deque(range(len(jobs))), deque[int](), deque(lanes)
    running: dict[Future[R], tuple[int, _Lane]] = {}
    results: dict[int, R] = {}
    for number in range(len(jobs)):
        while number not in results:
            if again and not running:
                index = again.popleft()
                results[index] = _alone(jobs[index], lanes[0], work, died)
                continue
            while free and waiting and not again and waiting[0] < number + _AHEAD * len(lanes):
                lane, index = free.popleft(), waiting.popleft()
                running[lane.submit(work, jobs[index])] = index, lane
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index, lane = running.pop(future)
                free.append(lane)
                try:
                    results[index] = future.result()
                except BrokenProcessPool:
                    lane.renew()
                    again.append(index)
        yield results.pop(number)


def _alone(job: J, lane: _Lane, work: Callable[[J], R], died: Callable[[J], R]) -> R:
    lane.renew()
    try:
        return lane.submit(work, job).result()
    except BrokenProcessPool:
        lane.renew()
        return died(job)


class OneProcess:
    """A process for jobs that come one at a time, from any thread, over years.

    One that dies, or that takes too long over a job, costs that job; the next one has a fresh process.
    """

    def __init__(self, begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
        self._lane = _Lane(begin, arguments)
        self._one_at_a_time = Lock()

    def do(self, work: Callable[[J], R], job: J, seconds: float) -> R:
        """The job's result. EngineError where its process dies or hangs, NotBegun; what `work` raises, too."""
        with self._one_at_a_time:
            future = self._lane.submit(work, job)
            try:
                return future.result(seconds)
            except BrokenProcessPool:
                self._lane.renew()
                raise EngineError("the process that worked on this died") from None
            except TimeoutError:
                if future.done():  # the job's own
                    raise
                self._lane.kill()
                raise EngineError(f"the process that worked on this was stopped after {seconds:.0f} s") from None

    def close(self) -> None:
        """End the process, in the middle of its job too."""
        self._lane.end(at_once=True)


class _Lane:
    """One process, and a fresh one after it. A pool of one: where it breaks, it is known which job it was on."""

    def __init__(self, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._begin = partial(_begin, begin, *arguments)
        self._pool: ProcessPoolExecutor | None = None
        self._pid: Future[int] | None = None

    def submit(self, work: Callable[[J], R], job: J) -> Future[R]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), self._begin)
            with _without_ctrl_c():
                self._pid = self._pool.submit(os.getpid)
        try:
            return self._pool.submit(work, job)
        except BrokenProcessPool:
            self.renew()
            return self.submit(work, job)

    def renew(self) -> None:
        """Leave the process, where it is dead, for a fresh one. NotBegun."""
        pool, pid, self._pool, self._pid = self._pool, self._pid, None, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        if pid is not None and pid.done() and not pid.cancelled() and pid.exception() is not None:
            raise NotBegun("a worker process ended before it could begin; run with --jobs 1, which says why")

    def kill(self) -> None:
        """End the process, which does not listen; the next job has a fresh one."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, BrokenProcessPool):
                os.kill(self._pid.result(_STARTS), signal.SIGKILL)
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._pid = None

    def end(self, *, at_once: bool) -> None:
        """End the process, in the middle of its job where it is to be at once."""
        if self._pool is None or self._pid is None:
            return
        if at_once:
            with contextlib.suppress(ProcessLookupError, BrokenProcessPool):
                os.kill(self._pid.result(), signal.SIGTERM)
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """A process that starts here never sees Ctrl-C: that is the parent's to answer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(begin: Callable[..., None], *arguments: Any) -> None:
    """The first thing in a process: where the parent dies, nobody waits for more work."""
    Thread(target=end_with_parent, daemon=True).start()
    begin(*arguments)


def end_with_parent() -> None:
    """Wait for the parent's end, and end too: for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
