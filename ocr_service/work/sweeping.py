"""Sweeps of the archives: from time to time in `serve`, or once by `ocr-service fetch`.

Knows archives, days and the clock; must not know how an archive is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from ocr_service import equipment
from ocr_service.config import Config, Pacs
from ocr_service.errors import NetworkError, OutputError, StoreError
from ocr_service.network.pace import Pace
from ocr_service.network.retriever import StudyLooked
from ocr_service.network.sweep import Days, PartLooked, Period, sweep, swept
from ocr_service.work.archives import MemoryOfWhatIsHere, StoreMemory
from ocr_service.work.inbox import open_inbox
from ocr_service.work.store import open_store

log = structlog.get_logger()


class Sweeper:
    """What sweeps work with, for as many of them as there are. TemplateError, StoreError."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._library = equipment.library(config.templates)
        self._inbox = open_inbox(config)
        self._store = open_store(config)

    def fetch(
        self,
        pacs: Pacs,
        period: Period,
        stopped: Callable[[float], bool],
        *,
        without_screens: bool = False,
        removed_too: bool = False,
    ) -> Iterator[StudyLooked | PartLooked]:
        """One sweep of an archive into our inbox. PeerUnavailable, PeerRefused, OutputError, StoreError.

        removed_too: bring also what was here, and was removed when its time was over.
        """
        pace = Pace.of(pacs, datetime.now, time.monotonic, stopped)
        yield from sweep(
            pacs,
            self._config.receiver.ae_title,
            self._library,
            self._inbox,
            (MemoryOfWhatIsHere if removed_too else StoreMemory)(self._store),
            period,
            pace,
            without_screens=without_screens,
            largest=self._config.receiver.max_object,
        )


def fetch(
    config: Config,
    pacs: Pacs,
    period: Period,
    stopped: Callable[[float], bool],
    *,
    without_screens: bool = False,
    removed_too: bool = False,
) -> Iterator[StudyLooked | PartLooked]:
    """A single sweep; the faults of `Sweeper` and of its `fetch`."""
    yield from Sweeper(config).fetch(pacs, period, stopped, without_screens=without_screens, removed_too=removed_too)


def last_days(pacs: Pacs) -> Days:
    """The days that `watch` looks at each time: studies are sent late, and grow."""
    today = datetime.now().astimezone().date()
    return Days(today - timedelta(days=pacs.look_back.days), today, again=True)


def watch(config: Config, stopped: Callable[[float], bool]) -> None:
    """Sweep each archive every so often, until `stopped`, which waits so many seconds, says so."""
    due = {pacs.name: 0.0 for pacs in config.pacs if pacs.watch is not None}
    sweeper = Sweeper(config)
    while not stopped(1.0):
        for pacs in config.pacs:
            if pacs.watch is None or time.monotonic() < due[pacs.name]:
                continue
            try:
                total = swept(sweeper.fetch(pacs, last_days(pacs), stopped))
                log.info("swept", pacs=pacs.name, studies=total.studies, kept=total.kept, faults=total.faults)
            except (NetworkError, OutputError, StoreError) as error:
                log.warning("sweep_failed", pacs=pacs.name, why=str(error))
            due[pacs.name] = time.monotonic() + pacs.watch.total_seconds()
