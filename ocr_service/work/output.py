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
            half.write_bytes(encoded)
            half.replace(place)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"the RDSR could not be written below {out}: {reason(error)}") from error
    return name


def take_back(name: str, out: Path) -> None:
    """Remove an RDSR that this run wrote and that may not stand. OutputError."""
    try:
        (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"an RDSR that may not stand could not be removed below {out}: {reason(error)}") from error


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

    def add(self, line: str) -> None:
        """Write one line, at once."""
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
                self._half.replace(self._path)
        except OSError as fault:
            if kind is None:
                raise self._failed(fault) from fault

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"the report {self._path} could not be written: {reason(error)}")
