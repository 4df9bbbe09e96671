"""The inbox: an object is ours when its file and its row are, and only then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocr_service.errors import OutputError, StoreError
from ocr_service.network.arrivals import Arrival, Step
from ocr_service.work import spool as spool_module
from ocr_service.work.inbox import DurableInbox
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store
from ocr_service.work.tables import metadata, objects, steps
from tests.work.stores import row, rows


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


@pytest.fixture
def inbox(store: Store, spool: Spool) -> DurableInbox:
    return DurableInbox(spool, store, "machine-1")


def arrival(uid: str = "1.1", **told: str) -> Arrival:
    values = {"calling_ae": "CT", "address": "127.0.0.1"} | told
    return Arrival((b"meta", b"body"), "1.2", uid, "1.2.840.10008.1.2.1", **values)


def files(spool: Spool) -> list[Path]:
    return [path for path in spool.folder.rglob("*") if path.is_file()]


def test_an_object_is_kept_with_its_row(inbox, store, spool):
    inbox.keep(arrival())

    one = row(store, objects)
    assert spool.path(one.name).read_bytes() == b"metabody"
    assert (one.state, one.calling_ae, one.machine, one.bytes) == ("kept", "CT", "machine-1", 8)


def test_whoever_sends_it_it_is_the_same_object(inbox, store):
    inbox.keep(arrival())
    inbox.keep(Arrival((b"other meta", b"body"), "1.2", "1.1", "1.2.840.10008.1.2.1", "GATEWAY", "127.0.0.1"))

    assert len({one.digest for one in rows(store, objects)}) == 1


def test_what_a_peer_says_fits_into_its_column(inbox, store):
    inbox.keep(arrival("1." * 100, calling_ae="A" * 100, address="f" * 100))

    assert len(row(store, objects).sop_instance_uid) == 64


def test_a_peer_that_sends_nonsense_costs_no_other(inbox, store):
    inbox.keep(arrival("1.\0002"))

    assert row(store, objects).sop_instance_uid == "1.2"


def test_many_at_once_are_all_kept(inbox, store, spool):
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: inbox.keep(arrival(f"1.{number}")), range(64)))

    assert {one.name for one in rows(store, objects)} == {
        path.relative_to(spool.folder).as_posix() for path in files(spool)
    }
    assert len(files(spool)) == 64


def test_a_step_is_kept_with_its_row(inbox, store):
    inbox.keep_step(Step("1.5", (b"meta", b"body"), True, "CT", "127.0.0.1"))

    assert row(store, steps).name.startswith("steps/")


def test_without_a_database_nothing_is_kept(inbox, store, spool):
    with store.begin() as connection:
        metadata.drop_all(connection)
    with pytest.raises(StoreError):
        inbox.keep(arrival())
    with store.begin() as connection:
        metadata.create_all(connection)
    inbox.keep(arrival())

    assert len(rows(store, objects)) == 1


def test_on_a_full_disk_nothing_is_kept_and_it_goes_on_by_itself(inbox, store, spool, monkeypatch):
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(spool_module, "sync_folder", no_space)
        with pytest.raises(OutputError, match="No space"):
            inbox.keep(arrival())
    assert files(spool) == rows(store, objects) == []
    inbox.keep(arrival())

    assert len(rows(store, objects)) == 1
