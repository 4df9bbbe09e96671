"""A report that is held back while an older one is at its destination."""

from __future__ import annotations

import time

from ocr_service.work.ledger import close_books
from tests.work.hospital import Hospital


def test_the_books_close_where_a_held_report_is_doubted_and_an_older_one_stands(tmp_path, monkeypatch):
    h = Hospital(tmp_path)
    h.receive("1.1", "1.2.3")
    h.verified("1.2.3", "9.1")
    h.deliver(monkeypatch)
    h = Hospital(tmp_path, commissioning=5)
    h.receive("1.2", "1.2.3")
    unit = h.verified("1.2.3", "9.2", dlp="110.0", rows="r2", examination="e2")
    assert h.unit(unit).held == "commissioning"
    h.receive("1.3", "1.2.3")
    h.in_review("1.2.3", rows="r3", examination="e3")
    row = h.unit(unit)
    print(row.outcome, row.held, row.sop_instance_uid)
    books = close_books(h.config, h.desk.store, time.time, lambda s: None)
    assert [f for f in books.faults if "trail" not in f.sentence] == [], books.faults
    assert row.sop_instance_uid == "9.1"
