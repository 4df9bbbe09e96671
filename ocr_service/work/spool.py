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

    def lay(self, encoded: Sequence[bytes | memoryview], day: str, kind: str = "objects", head: int = 0) -> Kept:
        """Write one file beside its place, whole and synced; `settle` gives it its name. OutputError.

        head: parts at the beginning that the digest leaves out, since they say who sent the rest.
        """
        name = f"{kind}/{day}/{token_hex(16)}.dcm"
        half = _half(self.folder / name)
        digest = sha256()
        for part in encoded[head:]:
            digest.update(part)
        try:
            self._make(half.parent)
            try:
                with half.open("wb", buffering=0) as file:
                    for part in encoded:
                        _write(file.fileno(), part)
                    os.fsync(file.fileno())
            except OSError:
                _remove(half)
                raise
        except OSError as error:
            raise OutputError(f"an object could not be kept in the spool: {error.strerror}") from error
        return Kept(name, digest.hexdigest(), sum(len(part) for part in encoded))

    def settle(self, names: Sequence[str]) -> None:
        """Give files their names, for good: all of them or, with OutputError, none."""
        places = [self.folder / name for name in names]
        try:
            try:
                for place in places:
                    _half(place).rename(place)
                for folder in {place.parent for place in places}:
                    sync_folder(folder)
            except OSError:
                for place in places:
                    _remove(place)
                    _remove(_half(place))
                raise
        except OSError as error:
            raise OutputError(f"an object could not be kept in the spool: {error.strerror}") from error

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
        try:
            put(self.folder / name, encoded)
        except OSError as error:
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
        missing = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        # Another process may have made a folder, and not come to this yet.
        for one in (*missing, folder.parent, folder):
            sync_folder(one.parent)
        self._days.add(folder.as_posix())


def digest_of_data_set(content: bytes) -> str:
    """SHA-256 of a DICOM file without its file meta information, which says who sent it; of all where it has none.

    The meta's length is the value of its first element, (0002,0000), Explicit VR Little Endian (PS3.10, 7.1).
    """
    begins = content[128:138] == b"DICM\x02\x00\x00\x00UL"
    head = 144 + int.from_bytes(content[140:144], "little") if begins else 0
    return sha256(memoryview(content)[head:]).hexdigest()


def _half(place: Path) -> Path:
    return place.with_suffix(".part")


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def put(place: Path, encoded: bytes) -> None:
    """Write a file that has its name when it is whole and synced, and not before; an older one gives way. OSError."""
    half = place.with_suffix(f".{os.getpid()}.part")
    try:
        with half.open("wb") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        half.replace(place)
        sync_folder(place.parent)
    finally:
        _remove(half)


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
