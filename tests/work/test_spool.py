"""The spool: a file is whole and there, or not there at all."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from ocr_service.errors import OutputError
from ocr_service.work import spool as module
from ocr_service.work.spool import Spool

DAY = "2023-11-14"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def files(spool: Spool) -> list[str]:
    return sorted(path.relative_to(spool.folder).as_posix() for path in spool.folder.rglob("*") if path.is_file())


def no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_file_has_its_name_only_when_it_is_settled(spool):
    kept = spool.lay([b"head", memoryview(b"body")], DAY, head=1)
    assert [name.endswith(".part") for name in files(spool)] == [True]
    spool.settle([kept.name])

    assert files(spool) == [kept.name]
    assert spool.path(kept.name).read_bytes() == b"headbody"
    assert (kept.bytes, kept.digest) == (8, sha256(b"body").hexdigest())


def test_a_full_disk_leaves_nothing(spool, monkeypatch):
    monkeypatch.setattr(module, "_write", no_space)
    with pytest.raises(OutputError, match="No space left"):
        spool.lay([b"body"], DAY)

    assert files(spool) == []


def test_files_are_settled_all_or_none(spool, monkeypatch):
    several = [spool.lay([b"body"], DAY).name for _ in range(3)]
    monkeypatch.setattr(module, "sync_folder", no_space)
    with pytest.raises(OutputError):
        spool.settle(several)

    assert files(spool) == []


def test_a_new_day_outlives_a_loss_of_power(spool, monkeypatch):
    synced: list[Path] = []
    monkeypatch.setattr(module, "sync_folder", synced.append)
    kept = spool.lay([b"body"], DAY)
    spool.settle([kept.name])

    assert {spool.folder, spool.folder / "objects", spool.folder / "objects" / DAY} <= set(synced)


def test_a_day_that_another_process_has_just_made_is_synced_too(spool, monkeypatch):
    """That one may not have come to it, and what lies below is acknowledged."""
    (spool.folder / "objects" / DAY).mkdir(parents=True)
    synced: list[Path] = []
    monkeypatch.setattr(module, "sync_folder", synced.append)
    spool.lay([b"body"], DAY)

    assert spool.folder / "objects" in synced


def test_what_is_gone_is_removed(spool):
    spool.remove("objects/no/such.dcm")


def test_a_file_is_replaced_in_one_step(spool, monkeypatch):
    kept = spool.lay([b"body"], DAY)
    spool.settle([kept.name])
    spool.replace(kept.name, b"other")
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OutputError):
        spool.replace(kept.name, b"third")

    assert files(spool) == [kept.name]
    assert spool.path(kept.name).read_bytes() == b"other"


def test_too_little_space_is_told(tmp_path):
    assert Spool(tmp_path).full() is None
    assert "minimum_free" in str(Spool(tmp_path, 2**62).full())
    with pytest.raises(OutputError):
        Spool(tmp_path / "none").full()
