"""Archives that are away or odd, and answers that say nothing of the object."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset

from ocr_service.config import Pacs
from ocr_service.network import stow
from ocr_service.network.arrivals import Committed
from ocr_service.network.retriever import StudyContext
from ocr_service.network.sender import Unavailable
from ocr_service.network.sent import judged
from ocr_service.work import archives, commitments, deliveries, delivering
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import objects
from ocr_service.work.tables import studies as table
from tests.work.hospital import Hospital
from tests.work.lanes import add, working
from tests.work.stores import DAY, NOW, PACS, add_study, add_unit, row, rows


def corrected(worker):
    return Plan("unit", Document("folder/2.dcm", "2"), False, worker.desk.rejecting.note, time.time(), DAY)


def test_a_report_that_the_pacs_said_it_does_not_have_needs_no_person(store, tmp_path, peer):
    add_study(store)
    add_unit(store)
    w = working(store, tmp_path, correction="manual")
    n = add(w, "1")
    peer.answer = lambda _: judged(42752, "PACS")
    delivering.try_round(w, PACS, [n])
    with store.begin() as c:
        deliveries.plan(c, corrected(w), w.config.destination)
    assert [r.kind for r in rows(store, sent)] == ["rdsr", "rdsr"], [(r.kind, r.state) for r in rows(store, sent)]


@pytest.mark.parametrize("code", [500, 503, 504])
def test_a_web_server_that_fails_over_one_object_keeps_no_lane_and_may_have_it(code):
    answer: Any = SimpleNamespace(status_code=code, headers={}, content=b"")
    told = stow._judged(answer, None, "1.2", "pacs")
    assert isinstance(told, Unavailable)
    assert told.answered
    assert told.begun


def service(tmp_path, monkeypatch, contexts):
    h = Hospital(tmp_path)
    pacs = tuple(Pacs(name=n, ae_title=n.upper(), host="127.0.0.1", port=104) for n in contexts)
    cfg = h.config.model_copy(update={"pacs": pacs})

    def context(p, *a, **k):
        told = contexts[p.name]
        return told() if callable(told) else told

    monkeypatch.setattr(archives, "context_of_study", context)
    w = SimpleNamespace(
        config=cfg, store=h.desk.store, inbox=h.inbox, spool=h.inbox._spool, library=None, sort_out=lambda: 0
    )
    h.receive("1.1", "1.2.3")
    h.verified("1.2.3", "9.1")
    return (h, w)


def header(**k):
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = "1.7"
    ds.StudyInstanceUID = "1.2.3"
    return ds


def test_one_archive_that_is_away_lets_no_study_be_read_again_every_minute(tmp_path, monkeypatch):
    up = StudyContext((), (header(),), ())
    down = StudyContext((), (), ("B cannot be reached",))
    h, w = service(tmp_path, monkeypatch, {"a": up, "b": down})
    read = 0
    for minute in range(5):
        read += archives.ask_again(w, time.time() + 60 * minute)
        with h.desk.store.begin() as c:
            from sqlalchemy import update

            c.execute(update(table).values(due_at=None, state="read"))
    assert read <= 1, (read, len(h.rows(objects)))


def test_an_archives_odd_answer_stops_no_worker(tmp_path, monkeypatch):

    def odd():
        raise ValueError("an answer that nobody foresaw")

    _h, w = service(tmp_path, monkeypatch, {"a": odd})
    archives.ask_again(w, time.time())


def test_a_commitment_that_another_title_of_the_pacs_reports_is_not_lost_without_a_word(store, capsys):
    add_study(store)
    add_unit(store)
    from sqlalchemy import insert

    with store.begin() as c:
        c.execute(
            insert(sent).values(
                unit="unit",
                destination=PACS,
                kind="rdsr",
                file="f",
                sop_instance_uid="1",
                state="waiting",
                day=DAY,
                created_at=NOW,
                committing="2.25.1",
            )
        )
    commitments.committed(store, Committed("2.25.1", ("1",), (), "PACS_SC"), NOW, {PACS: "PACS"})
    out = capsys.readouterr()
    assert row(store, sent).state == "acknowledged" or out.out + out.err, "neither heard nor told"
