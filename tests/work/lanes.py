"""A destination that answers as it is told, and a worker that sends to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert

from ocr_service.network.sender import Accepted, Sent
from ocr_service.work import audit_trail, delivering
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries as sent
from tests.work.stores import DAY, PACS, desk, destination

Answer = Callable[[bytes], Sent]


class FakeLane:
    """A destination: what it got, and how it answers."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.answer: Answer = lambda _: Accepted()

    def send(self, encoded: bytes) -> Sent:
        self.got.append(encoded)
        return self.answer(encoded)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> FakeLane:
    its = FakeLane()

    @contextmanager
    def opened(*_: object) -> Iterator[FakeLane]:
        yield its

    monkeypatch.setattr(delivering, "lane", opened)
    monkeypatch.setattr(audit_trail, "delivered", lambda *_: None)
    return its


def working(store: Store, tmp_path: Path, **told: Any) -> Any:
    its = desk(store, tmp_path, destination(**told))
    inbox = SimpleNamespace(committed=None)
    return SimpleNamespace(config=its.config, store=store, outbox=its.outbox, desk=its, inbox=inbox)


def add(worker: SimpleNamespace, uid: str, **told: Any) -> int:
    path = worker.outbox.path(f"folder/{uid}.dcm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(uid.encode())
    values = {
        "unit": "unit", "destination": PACS, "kind": "rdsr", "file": f"folder/{uid}.dcm", "sop_instance_uid": uid,
        "state": "waiting", "day": DAY, "created_at": time.time(),
    }  # fmt: skip
    with worker.store.begin() as connection:
        key = connection.execute(insert(sent).values(**(values | told))).inserted_primary_key
    assert key is not None
    return int(key[0])
