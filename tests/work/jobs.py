"""Jobs for worker processes: light to import, for every process does so."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from ocr_service.errors import OutputError


def begin(*_: object) -> None:
    """A process that needs nothing."""


def dies_at_once() -> None:
    os._exit(1)


def work(job: tuple[str, str]) -> str:
    """What a job says to do: the word itself, or a way to die, once or always."""
    kind, place = job
    if kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "once" and not Path(place).exists():
        Path(place).touch()
        os._exit(7)
    if kind == "disk full":
        raise OutputError("the disk is full")
    if kind == "hangs":
        Path(place).write_text(str(os.getpid()))
        threading.Event().wait()
    return f"{kind} done"


def died(job: tuple[str, str]) -> str:
    return f"{job[0]} died"
