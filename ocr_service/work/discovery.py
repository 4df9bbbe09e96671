"""The files below the given paths, each once; a DICOMDIR names its own.

Knows folders, links and directory records; must not know what a file says beyond that.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue

from ocr_service.errors import InputError, UsageError
from ocr_service.work.objects import quiet, read_dicomdir

DICOMDIR = "DICOMDIR"
_OURS = re.compile(r"[0-9a-f]{16}")  # a study's folder below the output: archive.folder_of
_UNREADABLE = (
    AttributeError, BytesLengthException, InputError, LookupError, NotImplementedError, OSError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip


@dataclass(slots=True)
class Found:
    """What lay below the paths: the files in a stable order, and what stood in the way.

    special: what is neither file nor folder (a pipe, a socket, a device, a link to nothing).
    closed: files and folders that may not be opened.
    read_dicomdirs, broken_dicomdirs: those that named their files, those whose folder was walked instead.
    missing: files that a DICOMDIR names and that are not below it.
    """

    files: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)
    special: int = 0
    repeated: int = 0
    read_dicomdirs: int = 0
    broken_dicomdirs: int = 0
    missing: int = 0


def discover(paths: Iterable[Path], out: Path | None = None) -> Found:
    """All files below the paths. The output folder is no input, nor are the folders in it that we name.

    Links are followed, and a file or folder that is reached twice counts once. UsageError for a path that is not
    there.
    """
    search = _Search(out)
    for path in paths:
        try:
            path.stat()
        except FileNotFoundError as error:
            raise UsageError(f"{path} does not exist") from error
        except OSError as error:
            raise UsageError(f"{path} cannot be opened: {error.strerror}") from error
        if path.name.upper() == DICOMDIR and path.is_file():
            search.dicomdir(path)
        else:
            search.below(path)
    return search.found


class _Search:
    def __init__(self, out: Path | None) -> None:
        self.found = Found()
        self._seen: set[tuple[int, int]] = set()
        self._out = _place(out) if out is not None else None

    def below(self, root: Path) -> None:
        """The path itself, or all files below it."""
        waiting = [root]
        while waiting:
            path = waiting.pop()
            try:
                state = path.stat()
            except OSError:  # a link to nothing or to itself
                self.found.special += 1
                continue
            if stat.S_ISDIR(state.st_mode):
                if self._is_new(state) and (path == root or not self._is_output(path, state)):
                    waiting += reversed(self._listed(path))
            elif not stat.S_ISREG(state.st_mode):
                self.found.special += 1
            elif path.name.upper() != DICOMDIR or path == root:
                self._file(path, state)

    def dicomdir(self, path: Path) -> None:
        """The files that the DICOMDIR names; where it cannot be read, or none of them is there, its folder."""
        named = _referenced(path)
        there = [file for file in named or () if os.path.isfile(file)]
        if not there:
            self.found.broken_dicomdirs += 1
            self.below(path.parent)
            return
        self.found.read_dicomdirs += 1
        self.found.missing += len(named or ()) - len(there)
        for file in there:
            self.below(file)

    def _file(self, path: Path, state: os.stat_result) -> None:
        if not self._is_new(state):
            self.found.repeated += 1
        elif os.access(path, os.R_OK):
            self.found.files.append(path)
        else:
            self.found.closed.append(path)

    def _is_new(self, state: os.stat_result) -> bool:
        key = (state.st_dev, state.st_ino)
        new = key not in self._seen
        self._seen.add(key)
        return new

    def _is_output(self, path: Path, state: os.stat_result) -> bool:
        if self._out is None:
            return False
        if (state.st_dev, state.st_ino) == self._out:
            return True
        return _OURS.fullmatch(path.name) is not None and _place(path.parent) == self._out

    def _listed(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except OSError:
            self.found.closed.append(folder)
            return []


def _place(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _referenced(dicomdir: Path) -> tuple[Path, ...] | None:
    """The files that the directory records name, none outside the folder; None where they cannot be read."""
    folder = dicomdir.parent
    named: dict[Path, None] = {}
    try:
        with quiet():
            for record in read_dicomdir(dicomdir)["DirectoryRecordSequence"].value:
                parts = _components(record.get("ReferencedFileID"))
                if parts:
                    named[folder.joinpath(*parts)] = None
        inside = folder.resolve()
        return tuple(path for path in named if path.resolve().is_relative_to(inside))
    except _UNREADABLE:
        return None


def _components(file_id: object) -> Sequence[str]:
    """The components of a File ID (PS3.10 8.2); none where one of them is a way out, or no name at all."""
    parts = [str(part) for part in file_id] if isinstance(file_id, MultiValue) else [str(file_id or "")]
    good = all(part not in ("", ".", "..") and not set(part) & {"/", "\\", "\0"} for part in parts)
    return parts if good else ()
