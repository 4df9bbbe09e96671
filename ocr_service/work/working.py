"""A worker process from its start to its end: it looks for work, and carries out what it finds.

Knows the order of things and their pace; must not know what they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ocr_service.config import Config
from ocr_service.errors import EngineAway, OutputError, StoreError
from ocr_service.work import archives, forgotten, tidying, workflow
from ocr_service.work.worker import Worker

LOOK = 0.2  # seconds between two looks where there was nothing to do
BREATH = 0.05  # and where there was: what comes meanwhile is looked at together
BEAT = 5.0
TIDY = 60.0
REVIVE = 5.0
SEARCH = 3600.0  # a spool has many files
TROUBLE = 2.0

log = structlog.get_logger()


def work(config: Config, name: str, stopped: Callable[[float], bool]) -> None:
    """Work until `stopped`, which waits so many seconds, says so. StoreError where it cannot begin."""
    worker = Worker(config, name)
    try:
        workflow.launch(worker)
        try:
            _turns(worker, stopped)
        finally:
            workflow.stop()
    finally:
        worker.close()


def _turns(worker: Worker, stopped: Callable[[float], bool]) -> None:
    beaten = revived = tidied = searched = float("-inf")
    walk = tidying.Walk()
    pause = 0.0
    while not stopped(pause):
        now = time.monotonic()
        try:
            if now - beaten >= BEAT:
                beaten = now
                workflow.beat(worker)
            if now - revived >= REVIVE:
                revived = now
                if workflow.revive(worker):
                    _begin_anew(worker)
            if now - tidied >= TIDY:
                tidied = now  # first: what cannot be tidied stops no work
                search = now - searched >= SEARCH
                searched = now if search else searched
                tidying.tidy(worker, search=search, walk=walk)
                workflow.forget(worker)
                _begin_anew(worker)
                archives.ask_again(worker, time.time())
            pause = BREATH if workflow.turn(worker) else LOOK
        except (StoreError, OutputError, EngineAway) as error:
            log.warning("worker_waits", worker=worker.name, why=str(error))
            pause = TROUBLE


def _begin_anew(worker: Worker) -> None:
    read, sent = forgotten.begin_anew(worker.store, workflow.states, time.time())
    if read or sent:
        log.warning("begun_anew", studies=read, deliveries=sent)
