"""A storage commitment that comes while its report is taken back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from ocr_service.network.arrivals import Committed
from ocr_service.work import commitments
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries
from tests.work.stores import NOW, add_study, change, desk, emptied, row, study_read
from tests.work.test_records import record, verified


def test_a_report_that_was_taken_back_just_now_is_not_acknowledged(postgresql_url: str, tmp_path: Any) -> None:
    """SQLite has one writer: there the one is over before the other begins."""
    store, other = emptied(postgresql_url), Store(postgresql_url)
    add_study(store)
    its = desk(store, tmp_path)
    record(its, study_read(verified(its, "7.1")))
    change(store, deliveries, committing="1.2.3", sent_at=NOW)

    @event.listens_for(store.engine, "after_cursor_execute")
    def _taken_back(*told: Any) -> None:
        if told[2].startswith("SELECT") and "committing" in told[2]:
            change(other, deliveries, deliveries.c.state == "waiting", state="recalled", superseded=True)

    commitments.committed(store, Committed("1.2.3", ("7.1",), (), "PACS"), NOW)
    event.remove(store.engine, "after_cursor_execute", _taken_back)

    assert row(store, deliveries).state == "recalled"
    store.close()
    other.close()
