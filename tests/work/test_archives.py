"""What archives are asked for, and what sweeps remember."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset

from ocr_service.config import Pacs
from ocr_service.network.arrivals import Arrival
from ocr_service.work import archives
from ocr_service.work.archives import StoreMemory
from ocr_service.work.tables import fetched
from tests.work.stores import NOW, STUDY, add_object, row

PACS = Pacs(ae_title="PACS", host="127.0.0.1", port=104, name="pacs")


def test_what_ever_arrived_was_had_but_not_what_an_answer_told(store):
    memory = StoreMemory(store)
    add_object(store, "1.1", state="dropped")
    add_object(store, "1.2", via="context:answer:pacs")
    add_object(store, "1.3", via="context:pacs")

    assert [memory.had(f"1.{number}") for number in (1, 2, 3, 4)] == [True, False, True, False]


def test_what_was_seen_is_remembered_by_archive_and_the_newest_counts(store):
    memory = StoreMemory(store, lambda: NOW)
    memory.saw("pacs", STUDY, 3)
    memory.saw("pacs", STUDY, 0)

    assert (memory.seen("pacs", STUDY), memory.seen("other", STUDY), memory.seen("pacs", "1")) == (0, None, None)
    assert row(store, fetched).at == NOW


def test_a_day_that_was_gone_through_is_done(store):
    memory = StoreMemory(store)
    memory.done("pacs", date(2023, 11, 14))

    assert memory.is_done("pacs", date(2023, 11, 14))
    assert not memory.is_done("pacs", date(2023, 11, 15))


class FakeInbox:
    def __init__(self) -> None:
        self.got: list[Arrival] = []

    def keep(self, arrival: Arrival) -> None:
        self.got.append(arrival)


@pytest.fixture
def worker(store) -> Any:
    sorts = iter([2, 1])
    config = SimpleNamespace(pacs=(PACS,), receiver=SimpleNamespace(ae_title="OCR", max_object=2**20), templates=None)
    return SimpleNamespace(config=config, store=store, inbox=FakeInbox(), library=None, sort_out=lambda: next(sorts, 0))


def answered(monkeypatch: pytest.MonkeyPatch, *uids: str) -> None:
    """An archive that sends one report and tells the headers of images."""
    headers = []
    for uid in uids:
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
        headers.append(header)

    def asked(_: object, __: str, ___: str, ____: object, inbox: Any, *_____: object, **______: object) -> Any:
        inbox.keep(Arrival((b"report",), "1.2", "9.9", "1.2.840.10008.1.2.1", "PACS", "127.0.0.1"))
        return SimpleNamespace(headers=headers, kept=["9.9"], why=())

    monkeypatch.setattr(archives, "context_of_study", asked)


def test_what_an_archive_has_is_kept_as_context(worker, monkeypatch):
    answered(monkeypatch, "1.1")

    assert archives.ask(worker, STUDY) == 2
    assert [one.via for one in worker.inbox.got] == ["context:pacs", "context:answer:pacs"]


def test_an_answer_about_an_object_that_is_here_is_not_kept(worker, store, monkeypatch):
    answered(monkeypatch, "1.1", "1.2")
    add_object(store, "1.1")
    archives.ask(worker, STUDY)

    assert [one.sop_instance_uid for one in worker.inbox.got] == ["9.9", "1.2"]


def test_beside_pages_that_came_back_what_was_removed_is_asked_for_again(worker, store, monkeypatch):
    """Else a scanner's own report that was removed would be doubled by ours, and no image vouch for a number."""
    answered(monkeypatch, "1.1", "1.2")
    asked: list[bool] = []
    told = archives.context_of_study

    def context(pacs: Pacs, ours: str, study: str, library: Any, inbox: Any, had: Any, **more: Any) -> Any:
        asked.append(had("1.3"))
        return told(pacs, ours, study, library, inbox, had, **more)

    monkeypatch.setattr(archives, "context_of_study", context)
    for uid, more in (("1.1", {"via": "context:answer:pacs"}), ("1.2", {"state": "dropped"}), ("1.3", {})):
        add_object(store, uid, role="image", on_disk=False, **more)
    archives.ask(worker, STUDY)
    assert (asked, [one.sop_instance_uid for one in worker.inbox.got]) == ([True], ["9.9"]), "no page is here"

    add_object(store, "1.9")
    archives.ask(worker, STUDY)

    assert asked == [True, False]
    assert [one.sop_instance_uid for one in worker.inbox.got[1:]] == ["9.9", "1.1"]


def test_an_archive_that_is_no_source_of_context_is_not_asked(worker):
    worker.config.pacs = (PACS.model_copy(update={"context": False}),)

    assert archives.ask(worker, STUDY) == 0
