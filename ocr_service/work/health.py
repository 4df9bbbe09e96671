"""`/health` and `/metrics`, answered by the process that watches the others.

Knows what is asked of a service by those who watch it; must not know how its parts work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Lock, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from prometheus_client import CollectorRegistry, make_wsgi_app
from sqlalchemy import select

from ocr_service.config import Config
from ocr_service.errors import ConfigError, OutputError, StoreError
from ocr_service.work.metrics import Collector, Parts
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store, open_store
from ocr_service.work.tables import workers

SILENT = 60.0  # seconds after which a worker that nobody hears counts as dead
_PATIENCE = 5.0  # seconds that the database has to answer
_HANGING = 10.0  # seconds that a caller may be silent
_MOST_CALLERS = 16


class _Handler(WSGIRequestHandler):
    timeout = _HANGING

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base)
        """Requests are nobody's news."""


class _Server(ThreadingMixIn, WSGIServer):
    """One thread a caller: one that hangs keeps nobody else waiting; more than a few are not let in."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._places = BoundedSemaphore(_MOST_CALLERS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the caller a thread, where there is a place."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one caller."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who went away is no news for the terminal."""


class Answering:
    """The HTTP server, in a thread."""

    def __init__(self, server: WSGIServer, close: Callable[[], None]) -> None:
        self._server, self._close = server, close
        self.port = int(server.server_port)
        self._thread = Thread(target=server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._close()


class Health:
    """What is wrong with the service, as sentences; asked from many threads. clock: seconds since 1970."""

    def __init__(self, config: Config, store: Store, parts: Parts, clock: Callable[[], float] = time.time) -> None:
        self._config, self._store, self._parts, self._clock = config, store, parts, clock
        self._asked: Future[list[str]] | None = None
        self._one_at_a_time = Lock()

    def wrong(self) -> list[str]:
        """Nothing where all is well."""
        told = [f"{name} is not running" for name, part in self._parts().items() if not part.lives]
        try:
            full = Spool(self._config.data / "spool", self._config.keeping.minimum_free).full()
            told += [full] if full else []
        except OutputError as error:
            told.append(str(error))
        return told + self._of_database()

    def _of_database(self) -> list[str]:
        with self._one_at_a_time:
            if self._asked is None or self._asked.done():  # a database that hangs keeps one thread, not one a question
                self._asked = Future()
                Thread(target=self._ask, args=(self._asked,), daemon=True).start()
            asked = self._asked
        try:
            return asked.result(_PATIENCE)
        except TooLate:
            return [f"the database has not answered for {_PATIENCE:.0f} s"]
        except StoreError as error:
            return [str(error)]

    def _ask(self, asked: Future[list[str]]) -> None:
        try:
            asked.set_result(self._silent_workers())
        except StoreError as error:
            asked.set_exception(error)
        finally:
            if not asked.done():
                asked.set_exception(StoreError("the database cannot be asked"))

    def _silent_workers(self) -> list[str]:
        """Workers of this machine of which nothing was heard. StoreError."""
        with self._store.begin(reading=True) as connection:
            beats = {row.executor: row.beat_at for row in connection.execute(select(workers))}
        told, now = [], self._clock()
        for number in range(1, self._config.operation.workers + 1):
            name = f"{self._config.operation.machine}-{number}"
            if name not in beats:
                told.append(f"the worker {name} has not begun to work")
            elif now - beats[name] > SILENT:
                told.append(f"nothing was heard of the worker {name} for {now - beats[name]:.0f} s")
        return told


def answer_http(config: Config, parts: Parts) -> Answering | None:
    """Answer `/health` and `/metrics`; None where no port is configured. ConfigError where it is taken.

    parts: the processes of the service and how they are.
    """
    told = config.operation
    if told.http_port is None:
        return None
    store = open_store(config)
    health = Health(config, store, parts)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(store, parts, config.data / "spool"))
    app = _app(make_wsgi_app(registry), health, parts)
    try:
        server = make_server(told.http_host, told.http_port, app, _Server, _Handler)
    except OSError as error:
        store.close()
        raise ConfigError(
            f"operation.http_port: {told.http_host}:{told.http_port} cannot be listened at: {error.strerror}"
        ) from error
    return Answering(server, store.close)


def ask_health(config: Config) -> dict[str, Any] | None:
    """What the service of a configuration says of itself; None where none answers."""
    told = config.operation
    if told.http_port is None:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(told.http_host, told.http_host)
    session = requests.Session()
    session.trust_env = False
    try:
        found = session.get(
            f"http://{f'[{host}]' if ':' in host else host}:{told.http_port}/health", timeout=5.0
        ).json()
    except (requests.RequestException, ValueError):
        return None
    finally:
        session.close()
    return found if isinstance(found, dict) and {"wrong", "parts"} <= found.keys() else None


def _app(metrics: WSGIApplication, health: Health, parts: Parts) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _plain(start, "405 Method Not Allowed", "GET only")
        match environ.get("PATH_INFO"):
            case "/metrics":
                return metrics(environ, start)
            case "/health":
                wrong = health.wrong()
                alive = {name: part.lives for name, part in parts().items()}
                start("503 Service Unavailable" if wrong else "200 OK", [("Content-Type", "application/json")])
                return [json.dumps({"ok": not wrong, "wrong": wrong, "parts": alive}).encode() + b"\n"]
            case _:
                return _plain(start, "404 Not Found", "there is /health, and /metrics")

    return answer


def _plain(start: StartResponse, status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain")])
    return [text.encode() + b"\n"]
