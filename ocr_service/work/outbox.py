"""The outbox: documents of ours as files, synced, under their final names.

Knows files; must not know what goes where. Names are digests and UIDs that we computed ourselves.
"""

from __future__ import annotations

import os
from pathlib import Path

from ocr_service.errors import OutputError
from ocr_service.work.output import folder_of, reason
from ocr_service.work.spool import put, sync_folder


class Outbox:
    """Documents below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a document is."""
        return self.folder / name

    def read(self, name: str) -> bytes:
        """A document's bytes. OutputError."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise OutputError(f"the document {name} of the outbox cannot be read: {reason(error)}") from error

    def take_in(self, name: str, drafts: Path) -> None:
        """Give a draft its place, for good; one that stands there already is the same. OutputError."""
        place, draft = self.folder / name, drafts / name
        try:
            if not draft.is_file():
                if place.is_file():
                    return
                raise OutputError(f"the draft {name} is gone")
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            self._make(place.parent)
            draft.replace(place)
            sync_folder(place.parent)
        except OSError as error:
            raise OutputError(f"the document {name} could not be put into the outbox: {reason(error)}") from error

    def add(self, encoded: bytes, study_instance_uid: str, sop_instance_uid: str) -> str:
        """Put a document there; its name. OutputError."""
        name = f"{folder_of(study_instance_uid)}/{sop_instance_uid}.dcm"
        place = self.folder / name
        try:
            self._make(place.parent)
            put(place, encoded)
        except OSError as error:
            raise OutputError(f"the document {name} could not be put into the outbox: {reason(error)}") from error
        return name

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            sync_folder(folder.parent)
