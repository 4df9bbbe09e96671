"""What a run writes: RDSRs below the output folder, and the lines of its report.

Knows folders and bytes; must not know what they say. A file has its final name only when it is whole, so a run
that was broken off is repaired by running it again.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pydicom import Dataset

from ocr_service.errors import InputError, OutputError
from ocr_service.work.objects import read_object


def folder_of(study_instance_uid: str) -> str:
    """The folder of a study's RDSRs: a digest, since a UID from the network is never a path."""
    return sha256(study_instance_uid.encode()).hexdigest()[:16]


def names_of(study_instance_uid: str, out: Path) -> frozenset[str]:
    """The names of the study's RDSRs in the output folder, relative to it."""
    folder = folder_of(study_instance_uid)
    return frozenset(f"{folder}/{path.name}" for path in (out / folder).glob("*.dcm"))


def earlier(study_instance_uid: str, out: Path) -> list[Dataset]:
    """The RDSRs of the study that lie in the output folder already; one that cannot be read is none."""
    found = []
    for path in sorted((out / folder_of(study_instance_uid)).glob("*.dcm")):
        try:
            found.append(read_object(path, pixels=False))
        except InputError:
            continue
    return found


def write(encoded: bytes, study_instance_uid: str, sop_instance_uid: str, out: Path) -> str:
    """Write an RDSR in one step, unless it stands there already; its path relative to `out`. OutputError."""
    name = f"{folder_of(study_instance_uid)}/{sop_instance_uid}.dcm"
    place = out / name
    half = place.with_name(f"{sop_instance_uid}.{os.getpid()}.part")
    try:
        if place.is_file() and place.read_bytes() == encoded:
            return name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            half.write_bytes(encoded)  # not synced: the next run compares the bytes, and mends them
            half.replace(place)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"the RDSR could not be written below {out}: {reason(error)}") from error
    return name


class TakenBack:
    """RDSRs that this run wrote and that may not stand: set aside until their units are read again, then removed.

    A run that is broken off meanwhile leaves them where they were.
    """

    ASIDE = ".taken-back"

    def __init__(self, out: Path) -> None:
        self._out = out
        self._names: dict[int, tuple[str, ...]] = {}

    def set_aside(self, group: int, names: tuple[str, ...]) -> None:
        """OutputError."""
        self._names[group] = (*self._names.get(group, ()), *names)
        for name in names:
            self._move(name, f"{name}{self.ASIDE}")

    def drop(self, group: int) -> None:
        """The group was read again. OutputError."""
        for name in self._names.pop(group, ()):
            try:
                (self._out / f"{name}{self.ASIDE}").unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"an RDSR could not be removed below {self._out}: {reason(error)}") from error

    def restore(self) -> None:
        """What was set aside and not read again. OutputError."""
        for names in self._names.values():
            for name in names:
                self._move(f"{name}{self.ASIDE}", name)

    def _move(self, name: str, to: str) -> None:
        try:
            if (self._out / name).is_file():
                (self._out / name).replace(self._out / to)
        except OSError as error:
            raise OutputError(f"an RDSR could not be moved below {self._out}: {reason(error)}") from error


def reason(error: OSError) -> str:
    """What the operating system says, without any path."""
    return error.strerror or type(error).__name__


class ReportFile:
    """The JSON Lines of a run: written line by line to FILE.part, which becomes FILE when the run has ended.

    A run that is broken off leaves FILE.part with all lines so far, and an older FILE as it is. What is no
    ordinary file (a pipe, /dev/stdout) is written to directly. Every method raises OutputError.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._half: Path | None = None
        self._file: TextIO | None = None
        self._count = 0
        self._last: dict[object, int] = {}
        self._superseded: set[int] = set()

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        ordinary = self._path.is_file() or not self._path.exists()
        self._half = self._path.with_name(f"{self._path.name}.part") if ordinary else None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = (self._half or self._path).open("w", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error
        return self

    def add(self, line: str, about: object = None, *, again: bool = False) -> None:
        """Write one line, at once. again: it takes the place of the earlier line about the same, in the end."""
        if again and about in self._last:
            self._superseded.add(self._last[about])
        self._last[about] = self._count
        self._count += 1
        if self._file is None:
            return
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            if kind is None and self._half is not None and self._path is not None:
                self._leave_out_superseded(self._half)
                self._half.replace(self._path)
        except OSError as fault:
            if kind is None:
                raise self._failed(fault) from fault

    def _leave_out_superseded(self, half: Path) -> None:
        if not self._superseded:
            return
        whole = half.with_name(f"{half.name}.last")
        with half.open(encoding="utf-8") as old, whole.open("w", encoding="utf-8") as new:
            new.writelines(line for number, line in enumerate(old) if number not in self._superseded)
        whole.replace(half)

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"the report {self._path} could not be written: {reason(error)}")
