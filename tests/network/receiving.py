"""A receiver on this machine for tests: an inbox that remembers, callers of DCMTK, certificates of openssl."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from ocr_service.config import Config
from ocr_service.network.arrivals import Arrival, Committed, Step
from ocr_service.network.listening import Listening, listen
from ocr_service.network.receiver import Receiver, serve_receiver

TCP_NODELAY = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK waits 40 ms for each answer
UID = "1.2.826.0.1.3680043.10.9"
ANYONE = [{"ae_title": "*", "address": "127.0.0.1"}]


@dataclass
class RememberingInbox:
    """Keeps in memory; `fault` is raised, `gate` is waited for, `why_full` is told."""

    arrivals: list[Arrival] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    told: list[Committed] = field(default_factory=list)
    fault: Exception | None = None
    gate: threading.Event | None = None
    why_full: str | None = None

    def keep(self, arrival: Arrival) -> None:
        self._trouble()
        self.arrivals.append(arrival)

    def keep_step(self, step: Step) -> None:
        self._trouble()
        self.steps.append(step)

    def committed(self, told: Committed) -> None:
        self._trouble()
        self.told.append(told)

    def full(self) -> str | None:
        return self.why_full

    def _trouble(self) -> None:
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.fault is not None:
            raise self.fault


def config(mpps: dict[str, Any] | None = None, **receiver: Any) -> Config:
    """Anyone of this machine may call."""
    told = {"host": "127.0.0.1", "allow": ANYONE, "timeout": "8s", "idle": "20s", **receiver}
    return Config.model_validate({"receiver": told, "mpps": mpps or {}})


@dataclass(frozen=True)
class Running:
    """A receiver and what it was given."""

    receiver: Receiver
    inbox: RememberingInbox

    @property
    def port(self) -> int:
        port = self.receiver.ports[0]
        assert port is not None
        return port

    @property
    def tls_port(self) -> int:
        port = self.receiver.ports[1]
        assert port is not None
        return port


@contextmanager
def running(told: Config | None = None) -> Iterator[Running]:
    """A receiver at free ports; afterwards no thread of it is left."""
    told = told or config()
    before = threads()
    inbox = RememberingInbox()
    listening = listen(told.receiver, plain_port=0, tls_port=0)
    with loud_again():
        receiver = serve_receiver(told, inbox, listening)
        try:
            yield Running(receiver, inbox)
        finally:
            receiver.stop(grace=2)
            listening.close()
            wait_until(lambda: threads() <= before)


@contextmanager
def loud_again() -> Iterator[None]:
    """A receiver quiets libraries for its whole process, which here is that of other tests too."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "pynetdicom")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


class FolderInbox(RememberingInbox):
    """Keeps files, for a process that is killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def keep(self, arrival: Arrival) -> None:
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        (self.folder / f"{name}.part").write_bytes(b"".join(arrival.encoded))
        (self.folder / f"{name}.part").rename(self.folder / f"{name}.dcm")


def serve_alone(told: Config, listening: Listening, share: int, folder: Path) -> None:
    """A receiver process, until it is killed."""
    serve_receiver(told, FolderInbox(folder), listening, share)
    (folder / f"{os.getpid()}.ready").touch()
    threading.Event().wait()


def threads() -> set[int]:
    """All that run now."""
    return {thread.ident or 0 for thread in threading.enumerate()}


def wait_until(true: Callable[[], bool], seconds: float = 15) -> None:
    """Until it is true, or the test fails."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def tools(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install dcmtk openssl")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
        env=TCP_NODELAY,
    )


def storescu(port: int, *words: str | Path, ae: str = "OCR_SERVICE") -> subprocess.CompletedProcess[str]:
    """Send files: its options, then the files."""
    options = [word for word in words if not isinstance(word, Path) or word.suffix == ".pem"]
    files = [word for word in words if word not in options]
    return run("storescu", "-v", *options, "-aec", ae, "127.0.0.1", str(port), *files)


def capture(number: int = 1, rows: int = 16) -> Dataset:
    """A small secondary capture with a patient who must not be told of."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, f"{UID}.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{UID}.100", f"{UID}.200"
    ds.PatientName, ds.PatientID, ds.AccessionNumber = "Secret^Name", "SECRETID", "SECRETACC"
    ds.Modality, ds.Rows, ds.Columns = "OT", rows, 16
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelData = bytes(range(16)) * rows
    return ds


def saved(ds: Dataset, path: Path) -> Path:
    ds.save_as(path, enforce_file_format=True)
    return path


def calling(
    port: int, contexts: list[PresentationContext] | None = None, ae: str = "CALLER", **more: Any
) -> Association:
    """An association of a caller of pynetdicom's."""
    contexts = contexts or [build_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)]
    assoc = AE(ae).associate("127.0.0.1", port, contexts=contexts, ae_title="OCR_SERVICE", **more)
    _SOCKETS[assoc] = assoc.dul.socket.socket if assoc.dul.socket else None
    return assoc


def gone(*associations: Association) -> None:
    """Release them, and close what pynetdicom leaves open where the other side went first."""
    for assoc in associations:
        assoc.release()
        assoc.dul.join(5)
        left = _SOCKETS.pop(assoc)
        if left is not None:
            left.close()


@contextmanager
def associated(
    port: int, contexts: list[PresentationContext] | None = None, ae: str = "CALLER", **more: Any
) -> Iterator[Association]:
    """The same, released at the end."""
    assoc = calling(port, contexts, ae, **more)
    try:
        yield assoc
    finally:
        gone(assoc)


_SOCKETS: dict[Association, Any] = {}


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it signed for us and for a caller; a stranger signed his own."""

    authority: Path
    ours: tuple[Path, Path]
    callers: tuple[Path, Path]
    strangers: tuple[Path, Path]

    @property
    def server(self) -> dict[str, Any]:
        """The words of [receiver.tls]."""
        return {"certificate": self.ours[1], "key": self.ours[0], "client_ca": self.authority}


def certificates(folder: Path) -> Certificates:
    """Made by openssl: the key first, then the certificate."""
    authority = _signed(folder, "authority", ())
    by = ("-CA", str(authority[1]), "-CAkey", str(authority[0]))
    return Certificates(
        authority[1], _signed(folder, "ours", by), _signed(folder, "caller", by), _signed(folder, "stranger", ())
    )


def _signed(folder: Path, name: str, by: tuple[str, ...]) -> tuple[Path, Path]:
    key, certificate = folder / f"{name}-key.pem", folder / f"{name}.pem"
    made = run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate, *by,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return key, certificate
