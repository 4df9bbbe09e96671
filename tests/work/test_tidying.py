"""Tidying: what is not needed goes, nothing else does, and what cannot go stops no work."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, insert

from ocr_service.config import Config
from ocr_service.errors import EngineError, OutputError
from ocr_service.work import archives, forgotten, overview, tidying, workflow, working
from ocr_service.work.inbox import DurableInbox
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries, objects, steps, units
from ocr_service.work.tables import studies as table
from tests.work.stores import DAY, add_object, add_study, add_unit, change, desk, row, rows

LONG_AGO = 1.0


class FakeWorker(SimpleNamespace):
    """The parts of a worker that tidying uses; its `strip` says what it was given, or cannot."""

    def strip(self, path: Path) -> None:
        if self.fault is not None:
            raise self.fault
        self.stripped.append(path.name)


@pytest.fixture
def worker(store: Store, tmp_path: Path) -> FakeWorker:
    config = desk(store, tmp_path).config
    folders = SimpleNamespace(drafts=tmp_path / "drafts")
    (tmp_path / "spool").mkdir()
    spool = Spool(tmp_path / "spool")
    inbox = DurableInbox(spool, store, "here")
    told: dict[str, Any] = {"stripped": [], "fault": None, "name": "w"}
    return FakeWorker(config=config, store=store, spool=spool, folders=folders, inbox=inbox, **told)


def keep(worker: FakeWorker, uid: str = "1.1", **told: Any) -> Path:
    values: dict[str, Any] = {"received_at": LONG_AGO} | told
    add_object(worker.store, uid, **values)
    return laid(worker, uid)


def laid(worker: FakeWorker, uid: str) -> Path:
    path = worker.spool.path(f"objects/{DAY}/{uid}.dcm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"body")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def settled(worker: FakeWorker, **told: Any) -> None:
    values: dict[str, Any] = {"state": "read", "cause": "quiet", "last_arrival": LONG_AGO} | told
    add_study(worker.store, **values)
    add_unit(worker.store, read_at=LONG_AGO)
    with worker.store.begin() as connection:
        connection.execute(
            insert(deliveries).values(
                unit="unit", destination="pacs", kind="rdsr", file="f", sop_instance_uid="7.1", state="acknowledged",
                day=DAY, created_at=LONG_AGO, acknowledged_at=LONG_AGO,
            )
        )  # fmt: skip


def test_what_was_acknowledged_long_ago_goes(worker):
    settled(worker)
    path = keep(worker)
    tidying.tidy(worker)

    assert not path.exists()
    assert row(worker.store, objects).on_disk is False


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("study", {"state": "open"}),
        ("study", {"state": "failed"}),
        ("study", {"due_at": 5.0}),
        ("study", {"last_arrival": 9e9}),
        ("unit", {"outcome": "needs_review"}),
        ("unit", {"outcome": "failed"}),
        ("unit", {"held": "commissioning"}),
        ("unit", {"read_at": 9e9}),
        ("delivery", {"state": "waiting"}),
        ("delivery", {"state": "refused"}),
        ("delivery", {"state": "failed"}),
        ("delivery", {"acknowledged_at": 9e9}),
        ("object", {"state": "failed"}),
        ("object", {"state": "kept"}),
    ],
)
def test_what_is_not_at_rest_stays(worker, what, told):
    settled(worker)
    path = keep(worker)
    change(worker.store, {"study": table, "unit": units, "delivery": deliveries, "object": objects}[what], **told)
    tidying.tidy(worker)

    assert path.exists()


def unacknowledged(worker: FakeWorker, **told: Any) -> Path:
    """A unit at rest, whose time is over and whose report nobody was to have."""
    add_study(worker.store, state="read", cause="quiet", last_arrival=LONG_AGO)
    values: dict[str, Any] = {"read_at": LONG_AGO, "sop_instance_uid": "7.1"} | told
    add_unit(worker.store, **values)
    return keep(worker)


def configured(worker: FakeWorker, **keeping: Any) -> None:
    worker.config = Config(data=worker.config.data, keeping=keeping)


def kept_units(worker: FakeWorker) -> int:
    told = overview.status(worker.config, worker.store, time.time(), None)["waiting"]
    return int(next(one["count"] for what, one in told.items() if what.startswith("kept beyond retention")))


def test_what_nobody_but_us_has_stays_and_is_counted(worker):
    configured(worker)
    path = unacknowledged(worker)
    tidying.tidy(worker)

    assert path.exists()
    assert kept_units(worker) == 1
    change(worker.store, units, read_at=time.time())
    assert kept_units(worker) == 0, "its time is not over"


def test_what_nobody_but_us_has_goes_where_the_configuration_says_so(worker):
    configured(worker, unacknowledged=False)
    path = unacknowledged(worker)
    assert kept_units(worker) == 0
    tidying.tidy(worker)

    assert not path.exists()


@pytest.mark.parametrize(
    "told", [{"outcome": "skipped"}, {"sop_instance_uid": ""}], ids=["the scanner reported it", "it is not emitted"]
)
def test_what_has_no_report_waits_for_no_acknowledgement(worker, told):
    configured(worker)
    path = unacknowledged(worker, **told)
    tidying.tidy(worker)

    assert not path.exists()


def test_a_report_that_was_acknowledged_once_is_somebody_elses_too(worker):
    """Also where a newer rule has taken it back since."""
    settled(worker)
    change(worker.store, units, sop_instance_uid="7.1")
    change(worker.store, deliveries, state="recalled")
    path = keep(worker)
    assert kept_units(worker) == 0
    tidying.tidy(worker)

    assert not path.exists()


def test_that_an_older_report_of_the_unit_was_acknowledged_does_not_count(worker):
    """Its destination is gone from the configuration, say: nobody has what corrects it."""
    settled(worker)
    change(worker.store, units, sop_instance_uid="7.2")
    path = keep(worker)
    tidying.tidy(worker)

    assert path.exists()
    assert kept_units(worker) == 1


def test_studies_that_can_tell_no_dose_do_not_fill_the_disk(worker):
    add_study(worker.store, last_arrival=LONG_AGO)
    path = keep(worker, role="report", state="context")
    tidying.tidy(worker)

    assert not path.exists()


def test_pixels_go_once_the_study_is_read(worker):
    settled(worker, last_arrival=time.time())
    keep(worker, role="image", state="context")
    keep(worker, "1.2")
    tidying.tidy(worker)
    tidying.tidy(worker)

    assert worker.stripped == ["1.1.dcm"]


def test_pixels_that_cannot_be_dropped_on_a_full_disk_are_dropped_later(worker):
    settled(worker, last_arrival=time.time())
    keep(worker, role="image", state="context")
    worker.fault = OutputError("the disk is full")
    tidying.tidy(worker)
    worker.fault = None
    tidying.tidy(worker)

    assert worker.stripped == ["1.1.dcm"]


def test_an_object_that_kills_its_process_keeps_its_pixels(worker):
    settled(worker, last_arrival=time.time())
    keep(worker, role="image", state="context")
    worker.fault = EngineError("died")
    tidying.tidy(worker)

    assert row(worker.store, objects).pixels is False


def test_a_file_that_no_row_knows_is_taken_in_after_an_hour(worker):
    """A restored backup of the database is older than the spool: what was acknowledged since is not lost."""
    old, new = laid(worker, "1.8"), laid(worker, "1.9")
    os.utime(new)
    half = old.with_suffix(".part")
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    keep(worker, study="", state="kept")
    tidying.tidy(worker, search=False)
    assert len(rows(worker.store, objects)) == 1
    for _ in range(2):
        tidying.tidy(worker)

    assert [path.exists() for path in (old, new, half)] == [True, True, False]
    _, found = rows(worker.store, objects)
    assert (old.as_posix().endswith(found.name), found.state, found.via) == (True, "kept", "found")


def test_a_file_that_cannot_be_removed_stops_no_other(worker):
    stuck = worker.spool.path(f"objects/{DAY}/1.2.dcm")
    add_object(worker.store, "1.2", state="dropped")
    (stuck / "full").mkdir(parents=True)  # a folder is no file that can be unlinked
    gone = keep(worker, "1.3", state="duplicate")
    tidying.tidy(worker)

    assert not gone.exists()
    assert [one.on_disk for one in rows(worker.store, objects)] == [False, False]


def test_a_walk_through_many_objects_and_steps_comes_to_all_of_them(worker, monkeypatch):
    """The first ones stay, and hinder none of the others."""
    monkeypatch.setattr(tidying, "_LOOK", 2)
    monkeypatch.setattr(tidying, "_ROUNDS", 1)
    add_study(worker.store, "1.2.1", last_arrival=time.time())
    add_study(worker.store, last_arrival=LONG_AGO)
    stay = [keep(worker, f"1.{number}", study="1.2.1") for number in range(5)]
    path = keep(worker, "1.9", role="report", state="context")
    with worker.store.begin() as connection:
        for number in range(3):
            values = {"sop_instance_uid": f"5.{number}", "created": True, "calling_ae": "CT", "state": "sorted"}
            name, at = f"steps/{DAY}/{number}.dcm", LONG_AGO if number == 2 else time.time()
            connection.execute(insert(steps).values(name=name, received_at=at, **values))
    walk = tidying.Walk()
    for _ in range(2):
        tidying.tidy(worker, search=False, walk=walk)
        assert path.exists()
    tidying.tidy(worker, search=False, walk=walk)

    assert (path.exists(), [one.exists() for one in stay]) == (False, [True] * 5)
    assert len(rows(worker.store, steps)) == 2
    tidying.tidy(worker, search=False, walk=walk)
    assert walk.objects == 0, "it begins anew"


def test_what_is_looked_for_every_minute_is_found_by_an_index(empty_sqlite, tmp_path):
    """With a million objects each look without one takes seconds, and some keep receivers waiting."""
    store = Store(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'db.sqlite')}")
    asked: list[tuple[str, Any]] = []
    event.listen(store.engine, "before_cursor_execute", lambda _, __, text, values, *___: asked.append((text, values)))
    its: Any = SimpleNamespace(store=store, config=desk(store, tmp_path).config, spool=None)
    tidying._remove_dropped(its)
    tidying._retire(its, 0.0, tidying.Walk())
    tidying._retire_steps(its, 0.0, tidying.Walk())
    tidying._drop_pixels(its)
    archives.ask_again(its, 0.0)
    forgotten.begin_anew(store, lambda _: {}, 0.0)

    plans = []
    with store.begin(reading=True) as connection:
        for text, values in [one for one in asked if one[0].startswith("SELECT")]:
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            plans.append("; ".join(row[3] for row in found))
    store.close()
    assert [one for one in plans if re.search(r"SCAN ocr_(?!acts)", one)] == []  # what persons did is little
    for index in ("objects_here", "objects_useless", "objects_pixels", "studies_missed", "studies_read_now"):
        assert [one for one in plans if f"USING INDEX ocr_{index}" in one or f"INDEX ocr_{index} " in one], plans


@pytest.mark.parametrize("fault", ["beat", "tidy"])
def test_trouble_with_the_house_stops_no_work(worker, monkeypatch, fault):
    def fails(*_: object, **__: object) -> None:
        raise OutputError("a file cannot be removed")

    turns: list[int] = []

    def turn(_: object) -> int:
        turns.append(1)
        return 1

    monkeypatch.setattr(working, "TROUBLE", 0.0)
    monkeypatch.setattr(workflow, "beat", fails if fault == "beat" else lambda _: None)
    monkeypatch.setattr(workflow, "revive", lambda _: False)
    monkeypatch.setattr(tidying, "tidy", fails)
    monkeypatch.setattr(workflow, "forget", lambda _: 0)
    monkeypatch.setattr(forgotten, "begin_anew", lambda *_: (0, 0))
    monkeypatch.setattr(workflow, "turn", turn)
    rounds = iter([False] * 4 + [True])
    working._turns(worker, lambda _: next(rounds))

    assert turns
