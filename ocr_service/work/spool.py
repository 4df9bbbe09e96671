"""The spool: received objects as files, kept so that no loss of power takes them back.

Knows files and folders; must not know DICOM or databases. File names are ours: the day and a random number.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from ocr_service.errors import OutputError


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the spool. name: relative to it; digest: SHA-256, hexadecimal."""

    name: str
    digest: str
    bytes: int


class Spool:
    """Received files below one folder. Used from many threads and processes."""

    def __init__(self, folder: Path, minimum_free: int = 0) -> None:
        self.folder = folder
        self._minimum_free = minimum_free
        self._days: set[str] = set()

    def keep(self, encoded: Sequence[bytes | memoryview], day: str, kind: str = "objects") -> Kept:
        """Write one file, whole and synced, and its name in its folder, synced too. OutputError."""
        name = f"{kind}/{day}/{token_hex(16)}.dcm"
        path = self.folder / name
        half = path.with_suffix(".part")
        digest = sha256()
        try:
            self._make(path.parent)
            try:
                with half.open("wb", buffering=0) as file:
                    for part in encoded:
                        digest.update(part)
                        _write(file.fileno(), part)
                    os.fsync(file.fileno())
                half.rename(path)
                sync_folder(path.parent)
            except OSError:
                for left in (half, path):
                    with suppress(OSError):
                        left.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise OutputError(f"an object could not be kept in the spool: {error.strerror}") from error
        return Kept(name, digest.hexdigest(), sum(len(part) for part in encoded))

    def path(self, name: str) -> Path:
        """Where a file of the spool is."""
        return self.folder / name

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone is gone. OutputError."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"a file of the spool could not be removed: {error.strerror}") from error

    def replace(self, name: str, encoded: bytes) -> None:
        """Put other bytes in the place of a file, in one step. OutputError."""
        path = self.folder / name
        half = path.with_suffix(f".{os.getpid()}.part")
        try:
            with half.open("wb") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
            half.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                half.unlink(missing_ok=True)
            raise OutputError(f"a file of the spool could not be replaced: {error.strerror}") from error

    def full(self) -> str | None:
        """Why no more is taken: too little free space. None where there is enough. OutputError."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise OutputError(f"the spool's free space cannot be asked: {error.strerror}") from error
        if free >= self._minimum_free:
            return None
        least = self._minimum_free / 2**20
        return f"the spool has {free / 2**20:.0f} MiB of free space, less than keeping.minimum_free ({least:.0f} MiB)"

    def _make(self, folder: Path) -> None:
        """Make a folder that outlives a loss of power: each new name is synced in the folder above it."""
        if folder.as_posix() in self._days:
            return
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        for one in missing:
            sync_folder(one.parent)
        self._days.add(folder.as_posix())


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlive a loss of power. OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _write(file: int, part: bytes | memoryview) -> None:
    left = memoryview(part).cast("B")
    while left:
        left = left[os.write(file, left) :]
