"""Rows of the outbox for tests: they are put there, they end, they are tried again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from ocr_service.work import deliveries
from ocr_service.work.deliveries import Batch, Document
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries as sent
from tests.work.stores import DAY, NOW, PACS, row


def document(uid: str) -> Document:
    return Document(f"folder/{uid}.dcm", uid)


def add(store: Store, uid: str, state: str = "waiting", **told: Any) -> int:
    values = {
        "unit": "unit",
        "destination": PACS,
        "kind": "rdsr",
        "file": f"folder/{uid}.dcm",
        "sop_instance_uid": uid,
        "state": state,
        "day": DAY,
        "created_at": NOW,
        "acknowledged_at": NOW if state == "acknowledged" else None,
    }
    with store.begin() as connection:
        key = connection.execute(insert(sent).values(**(values | told))).inserted_primary_key
    assert key is not None
    return int(key[0])


def ended(store: Store, number: int, state: str = "acknowledged") -> None:
    deliveries.ended(store, number, state, NOW)


def again(store: Store, *numbers: int) -> int:
    with store.begin() as connection:
        return deliveries.again(connection, numbers, NOW)


def got(store: Store, number: int) -> Any:
    return deliveries.get(store, number)


def started(store: Store) -> list[Batch]:
    batches: list[Batch] = []
    while deliveries.start_waiting(store, batches.append, NOW):
        pass
    return batches


def of(store: Store, uid: str, kind: str = "rdsr") -> Any:
    return row(store, sent, sent.c.sop_instance_uid == uid, sent.c.kind == kind)
