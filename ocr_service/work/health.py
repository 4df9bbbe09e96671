"""`/health` and `/metrics`, answered by the process that watches the others.

Knows what is asked of a service by those who watch it; must not know how its parts work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from prometheus_client import CollectorRegistry, make_wsgi_app

from ocr_service.config import Config
from ocr_service.errors import OutputError, StoreError
from ocr_service.work.metrics import Collector
from ocr_service.work.spool import Spool
from ocr_service.work.store import open_store


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base)
        """Requests are nobody's news."""


class Answering:
    """The HTTP server, in a thread."""

    def __init__(self, server: WSGIServer) -> None:
        self._server = server
        self.port = int(server.server_port)
        self._thread = Thread(target=server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()


def answer_http(config: Config, parts: Callable[[], Mapping[str, bool]]) -> Answering | None:
    """Answer `/health` and `/metrics`; None where no port is configured. parts: which processes are alive."""
    told = config.operation
    if told.http_port is None:
        return None
    store = open_store(config)
    registry = CollectorRegistry()
    registry.register(Collector(store, parts))
    metrics = make_wsgi_app(registry)

    def health() -> tuple[str, dict[str, object]]:
        alive = dict(parts())
        wrong = [f"{name} is not running" for name, lives in alive.items() if not lives]
        try:
            with store.begin(reading=True):
                pass
            full = Spool(config.data / "spool", config.keeping.minimum_free).full()
            wrong += [full] if full else []
        except (StoreError, OutputError) as error:
            wrong.append(str(error))
        return ("503 Service Unavailable" if wrong else "200 OK"), {"ok": not wrong, "wrong": wrong, "parts": alive}

    return Answering(make_server(told.http_host, told.http_port, _app(metrics, health), handler_class=_Silent))


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


def _app(metrics: WSGIApplication, health: Callable[[], tuple[str, dict[str, object]]]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                return metrics(environ, start)
            case "/health":
                status, told = health()
                start(status, [("Content-Type", "application/json")])
                return [json.dumps(told).encode()]
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"there is /health, and /metrics\n"]

    return answer
