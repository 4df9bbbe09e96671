"""`serve`: everything built from the configuration, started, watched, and stopped.

One process watches; receivers, workers and sweeps are processes of their own, so that one that dies is replaced and
stops none of the others. Knows processes and signals; must not know what any of them does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from threading import Thread

import structlog

from ocr_service.config import Config
from ocr_service.errors import OcrServiceError
from ocr_service.logs import configure_logs
from ocr_service.network.listening import Listening, listen, shares
from ocr_service.work import sending_rules
from ocr_service.work.audit_trail import open_trail
from ocr_service.work.metrics import PartState
from ocr_service.work.store import open_store
from ocr_service.work.workers import end_with_parent

UMASK = 0o027  # what is kept is for the service's user and group
GRACE = 30.0  # seconds that a part has to end by itself
_LONGEST_PAUSE = 60.0  # seconds before a part that keeps dying is started again

log = structlog.get_logger()


@dataclass(slots=True)
class Part:
    """One process of the service. pause: seconds before it is started again, where it died soon after its start."""

    name: str
    run: Callable[..., None]
    arguments: tuple[object, ...]
    process: SpawnProcess | None = None
    started: float = 0.0
    pause: float = 1.0
    starts: int = field(default=0)

    @property
    def is_alive(self) -> bool:
        """Does it run?"""
        return self.process is not None and self.process.is_alive()


class Service:
    """All parts of the service. ConfigError, TemplateError, StoreError where it cannot begin."""

    def __init__(self, config: Config) -> None:
        self.config = config
        open_store(config).close()
        self._spawn = multiprocessing.get_context("spawn")
        self._stop: Event = self._spawn.Event()
        self._asked_to_stop = False
        self.listening: Listening = listen(config.receiver)
        self.parts = [
            Part(f"receiver-{number}", run_receiver, (config, self.listening, share, self._stop))
            for number, share in enumerate(shares(config.receiver), start=1)
        ]
        self.parts += [
            Part(f"worker-{number}", run_worker, (config, number, self._stop))
            for number in range(1, config.operation.workers + 1)
        ]
        if any(pacs.watch is not None for pacs in config.pacs):
            self.parts.append(Part("sweeps", run_sweeps, (config, self._stop)))

    def start(self) -> None:
        """Start every part."""
        for part in self.parts:
            self._start(part)

    def watch(self) -> None:
        """Start again what died, until the service is to stop."""
        while not self._asked_to_stop:
            self._stop.wait(0.5)
            for part in self.parts:
                if not part.is_alive and not self._asked_to_stop:
                    self._replace(part)

    def stop(self) -> None:
        """Let `watch` end. For signals: it only sets a flag, since `_stop` is locked where they meet its waiting."""
        self._asked_to_stop = True

    def end(self) -> None:
        """Let every part end: what it has begun is done, or begun anew at the next start."""
        self._stop.set()
        until = time.monotonic() + GRACE
        for part in self.parts:
            if part.process is None:
                continue
            part.process.join(max(0.1, until - time.monotonic()))
            if part.process.is_alive():
                log.warning("part_killed", part=part.name)
                part.process.kill()
                part.process.join()
        self.listening.close()

    def state(self) -> dict[str, PartState]:
        """How its processes are, for those who watch it."""
        return {part.name: PartState(part.is_alive, max(0, part.starts - 1)) for part in self.parts}

    def _replace(self, part: Part) -> None:
        now = time.monotonic()
        lived = now - part.started
        if lived < part.pause:
            return
        code = part.process.exitcode if part.process is not None else None
        log.error("part_died", part=part.name, exit=code, lived=round(lived))
        part.pause = min(_LONGEST_PAUSE, part.pause * 2) if lived < 2 * _LONGEST_PAUSE else 1.0
        self._start(part)

    def _start(self, part: Part) -> None:
        part.process = self._spawn.Process(target=run_part, args=(part.run, part.arguments), name=part.name)
        part.process.start()
        part.started = time.monotonic()
        part.starts += 1


def serve(config: Config, said: Callable[[Service], None] = lambda _: None) -> None:
    """Run the service until SIGTERM or Ctrl-C. said: is told when all parts were started."""
    from ocr_service.work.health import answer_http

    configure_logs(config.operation.log_format)
    os.umask(UMASK)
    service = Service(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    open_trail(config).started(time.time())
    sending_rules.remember(config, time.time())
    http = None
    try:
        http = answer_http(config, service.state)
        service.start()
        log.info("service_started", parts=len(service.parts), port=service.listening.ports[0])
        said(service)
        service.watch()
    finally:
        service.end()
        if http is not None:
            http.close()
        open_trail(config).stopped(time.time())
        log.info("service_stopped")


def run_part(run: Callable[..., None], arguments: tuple[object, ...]) -> None:
    """The first thing in a part's process. Signals are the parent's to answer; where it dies, the part dies too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.umask(UMASK)
    Thread(target=end_with_parent, daemon=True).start()
    try:
        run(*arguments)
    except OcrServiceError as error:
        log.error("part_failed", why=str(error))
        os._exit(error.exit_code)
    except Exception:  # the border of a process: the fault's text may quote a header, so Python prints none
        log.error("part_failed", exc_info=True)
        os._exit(1)


def run_receiver(config: Config, listening: Listening, share: int, stop: Event) -> None:
    """Take associations until the service stops."""
    from ocr_service.network.receiver import serve_receiver
    from ocr_service.work.inbox import open_inbox

    configure_logs(config.operation.log_format)
    receiver = serve_receiver(config, open_inbox(config), listening, share)
    stop.wait()
    receiver.stop()


def run_worker(config: Config, number: int, stop: Event) -> None:
    """Carry out workflows until the service stops."""
    from ocr_service.work import working

    configure_logs(config.operation.log_format)
    working.work(config, f"{config.operation.machine}-{number}", stop.wait)
    os._exit(0)  # a thread of DBOS that waits for a destination's next try would keep the process alive till then


def run_sweeps(config: Config, stop: Event) -> None:
    """Look through the archives from time to time."""
    from ocr_service.work import sweeping

    configure_logs(config.operation.log_format)
    with suppress(KeyboardInterrupt):
        sweeping.watch(config, stop.wait)
