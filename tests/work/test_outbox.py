"""The outbox: documents under their final names, whatever was broken off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocr_service.errors import OutputError
from ocr_service.work.outbox import Outbox
from tests.work.stores import draft


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_draft_is_taken_in_once_or_twice(outbox, tmp_path):
    name = draft(tmp_path / "drafts", "7.1")
    outbox.take_in(name, tmp_path / "drafts")
    outbox.take_in(name, tmp_path / "drafts")

    assert outbox.read(name) == b"7.1"
    assert not (tmp_path / "drafts" / name).exists()


def test_a_draft_that_is_gone_is_a_fault(outbox, tmp_path):
    with pytest.raises(OutputError, match="gone"):
        outbox.take_in("folder/7.1.dcm", tmp_path)


def test_a_full_disk_leaves_the_draft_where_it_is(outbox, tmp_path, monkeypatch):
    name = draft(tmp_path / "drafts", "7.1")
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OutputError, match="No space"):
        outbox.take_in(name, tmp_path / "drafts")

    assert (tmp_path / "drafts" / name).is_file()


def test_a_note_that_cannot_be_written_leaves_nothing(outbox, monkeypatch):
    outbox.add(b"note", "1.2", "7.1")
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OutputError):
        outbox.add(b"note", "1.2", "7.2")

    assert [path.name for path in outbox.folder.rglob("*.*")] == ["7.1.dcm"]


def test_a_document_that_is_gone_is_a_fault(outbox):
    with pytest.raises(OutputError, match="cannot be read"):
        outbox.read("folder/none.dcm")
