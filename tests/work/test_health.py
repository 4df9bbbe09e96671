"""`/health` says what is wrong, in time, whoever else is calling."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import insert, text

from ocr_service.config import Config
from ocr_service.errors import ConfigError
from ocr_service.work import health
from ocr_service.work.health import Answering, answer_http
from ocr_service.work.metrics import PartState
from ocr_service.work.store import Store, database_url, open_store
from ocr_service.work.tables import workers

ALIVE = {"receiver-1": PartState(True), "worker-1": PartState(True)}


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def configured(folder: Path, minimum_free: str = "1 MiB") -> Config:
    return Config.model_validate(
        {"data": folder, "operation": {"http_port": free_port()}, "keeping": {"minimum_free": minimum_free}}
    )


@contextmanager
def answering(config: Config, parts: dict[str, PartState]) -> Iterator[Answering]:
    (config.data / "spool").mkdir(parents=True, exist_ok=True)
    http = answer_http(config, lambda: parts)
    assert http is not None
    try:
        yield http
    finally:
        http.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Of a service whose worker was seen just now."""
    told = configured(tmp_path)
    beat(told, time.time())
    return told


def beat(config: Config, at: float) -> None:
    store = open_store(config)
    with store.begin() as connection:
        connection.execute(workers.delete())
        connection.execute(insert(workers).values(executor="machine-1-1", beat_at=at))
    store.close()


def asked(http: Answering, path: str = "/health") -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{http.port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def wrong(http: Answering) -> list[str]:
    status, told = asked(http)
    found = json.loads(told)
    assert (status == 200) == (found["wrong"] == []) == found["ok"]
    assert status in (200, 503)
    return list(found["wrong"])


def test_a_service_that_works_is_well(config: Config) -> None:
    with answering(config, ALIVE) as http:
        assert wrong(http) == []
        assert json.loads(asked(http)[1])["parts"] == {"receiver-1": True, "worker-1": True}


def test_a_dead_process_is_named(config: Config) -> None:
    with answering(config, {**ALIVE, "receiver-1": PartState(False, 2)}) as http:
        assert wrong(http) == ["receiver-1 is not running"]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path, "900 TiB")
    beat(config, time.time())
    with answering(config, ALIVE) as http:
        (told,) = wrong(http)
    assert "keeping.minimum_free" in told


def test_a_worker_that_is_silent_is_told(config: Config) -> None:
    beat(config, time.time() - 300)
    with answering(config, ALIVE) as http:
        (told,) = wrong(http)
    assert told.startswith("nothing was heard of the worker machine-1-1 for 30")


def test_a_worker_that_has_not_begun_is_told(tmp_path: Path) -> None:
    with answering(configured(tmp_path), ALIVE) as http:
        assert wrong(http) == ["the worker machine-1-1 has not begun to work"]


def test_a_lost_database_is_told(config: Config) -> None:
    with answering(config, ALIVE) as http:
        store = Store(database_url(config))
        with store.begin() as connection:
            connection.execute(text("DROP TABLE ocr_workers"))
        store.close()
        (told,) = wrong(http)
    assert told.startswith("the database does not answer")


def test_a_database_that_hangs_is_told_in_time_and_costs_one_thread(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(health, "_PATIENCE", 0.3)

    def hang(_: health.Health) -> list[str]:
        let_go.wait(30)
        return []

    monkeypatch.setattr(health.Health, "_silent_workers", hang)
    with answering(config, ALIVE) as http:
        before = threading.active_count()
        told = [wrong(http) for _ in range(4)]
        hanging = threading.active_count() - before
        let_go.set()
    assert told == [["the database has not answered for 0 s"]] * 4
    assert hanging <= 2


def test_a_caller_who_hangs_keeps_nobody_waiting(config: Config) -> None:
    with answering(config, ALIVE) as http, ExitStack() as callers:
        for _ in range(5):
            caller = callers.enter_context(socket.create_connection(("127.0.0.1", http.port)))
            caller.sendall(b"GET /health HTTP/1.1\r\n")  # and no more
        started = time.perf_counter()
        assert wrong(http) == []
        assert time.perf_counter() - started < 5


def test_hanging_callers_are_few_and_do_not_stay(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Handler, "timeout", 0.5)
    with answering(config, ALIVE) as http, ExitStack() as callers:
        before = threading.active_count()
        for _ in range(40):
            callers.enter_context(socket.create_connection(("127.0.0.1", http.port)))
        time.sleep(0.2)
        assert threading.active_count() - before <= 16
        time.sleep(1.5)
        assert wrong(http) == []


def test_only_two_things_are_answered_and_nothing_can_be_changed(config: Config) -> None:
    with answering(config, ALIVE) as http:
        assert asked(http, "/metrics")[0] == 200
        assert asked(http, "/")[0] == 404
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"http://127.0.0.1:{http.port}/health", b"x"), timeout=5)
        with refused.value as error:
            assert error.code == 405


def test_a_port_that_is_taken_is_told_by_its_key(config: Config) -> None:
    with answering(config, ALIVE), pytest.raises(ConfigError, match=r"operation\.http_port"):
        answer_http(config, lambda: ALIVE)


def test_no_port_is_no_answer(tmp_path: Path) -> None:
    config = Config.model_validate({"data": tmp_path, "operation": {"http_port": False}})
    assert answer_http(config, lambda: ALIVE) is None
