"""Real archives for the tests: Debian's Orthanc and DCMTK's dcmqrscp, and a receiver of our own for C-MOVE."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from socketserver import BaseServer
from threading import Lock, Thread
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event

from ocr_service.config import Pacs
from ocr_service.network.arrivals import Arrival, Committed, Step
from ocr_service.network.pace import Pace
from ocr_service.network.wanted_classes import taken
from ocr_service.templates.library import Library, load_templates
from ocr_service.templates.shipped import shipped_templates
from tests.connections import socket_of

SAMPLES = Path(__file__).parents[2] / "sample_sc"
OURS = "OCR_TEST"
TCP_NODELAY = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK waits 40 ms for each answer


@dataclass
class Kept:
    """An inbox and the memory that belongs to it, as the service has them in one database."""

    arrivals: dict[str, Arrival] = field(default_factory=dict)
    marks: dict[tuple[str, str], int] = field(default_factory=dict)
    days: set[tuple[str, date]] = field(default_factory=set)
    again: list[str] = field(default_factory=list)
    broken: Exception | None = None
    why_full: str | None = None
    lock: Lock = field(default_factory=Lock)

    def keep(self, arrival: Arrival) -> None:
        if self.broken is not None:
            raise self.broken
        with self.lock:
            if arrival.sop_instance_uid in self.arrivals:
                self.again.append(arrival.sop_instance_uid)
            self.arrivals[arrival.sop_instance_uid] = arrival

    def keep_step(self, step: Step) -> None:
        raise AssertionError("nobody sends steps here")

    def committed(self, told: Committed) -> None:
        raise AssertionError("nobody asks for commitment here")

    def full(self) -> str | None:
        return self.why_full

    def had(self, sop_instance_uid: str) -> bool:
        return sop_instance_uid in self.arrivals

    def seen(self, pacs: str, uid: str) -> int | None:
        return self.marks.get((pacs, uid))

    def saw(self, pacs: str, uid: str, instances: int) -> None:
        self.marks[pacs, uid] = instances

    def is_done(self, pacs: str, day: date) -> bool:
        return (pacs, day) in self.days

    def done(self, pacs: str, day: date) -> None:
        self.days.add((pacs, day))

    def classes(self) -> dict[str, int]:
        """How many objects came of each SOP class, by the last part of its UID."""
        told = [one.sop_class_uid.removeprefix("1.2.840.10008.5.1.4.1.1.") for one in self.arrivals.values()]
        return {kind: told.count(kind) for kind in sorted(set(told))}


def shipped() -> Library:
    return load_templates(shipped_templates())


def at_once(now: datetime = datetime(2026, 6, 1, 12)) -> Pace:  # noqa: DTZ001 (local time)
    return Pace(1e6, "00:00-24:00", lambda: now, time.monotonic, lambda seconds: False)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def pacs_at(port: int, **told: object) -> Pacs:
    settings = {"name": "archive", "ae_title": "ARCHIVE", "host": "127.0.0.1", "port": port, "timeout": "20s"}
    return Pacs.model_validate({**settings, "context": False, **told})


@dataclass(frozen=True)
class Archive:
    """A running archive: its port, and the port to which it sends what is for us."""

    port: int
    our_port: int

    def pacs(self, **told: object) -> Pacs:
        return pacs_at(self.port, **told)


def samples(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((SAMPLES / folder).glob("*.dcm"))]


def plainly(files: Sequence[Path], folder: Path) -> list[Path]:
    """The same objects without compression, for archives that take no other."""
    written = []
    for file in files:
        ds = dcmread(file)
        if ds.file_meta.TransferSyntaxUID.is_encapsulated:
            ds.decompress(generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        written.append(folder / f"{file.parent.name}-{file.name}")
        ds.save_as(written[-1])
    return written


def sent(port: int, files: Sequence[Path]) -> None:
    """Send files as they are by DCMTK's dcmsend, which proposes what each of them needs."""
    command = ["dcmsend", "-aec", "ARCHIVE", "--decompress-never", "127.0.0.1", str(port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=TCP_NODELAY)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def started(ae: AE, port: int, handlers: Sequence[tuple[Any, ...]], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The AE listens while the block lasts; its end is not waited for half a second, as pynetdicom would."""

    def without_delay(event: Event) -> None:
        socket_of(event.assoc).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    server = ae.make_server(
        ("127.0.0.1", port), evt_handlers=[*handlers, (evt.EVT_CONN_OPEN, without_delay)], ssl_context=tls
    )
    listening = server.socket
    assert listening is not None
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        BaseServer.shutdown(server)  # pynetdicom's own wants a server that the AE started itself
        server.server_close()
        thread.join()


@contextmanager
def receiving(port: int, inbox: Kept) -> Iterator[None]:
    """Our own receiver, for C-MOVE."""

    def take(event: Event) -> int:
        meta = event.file_meta
        inbox.keep(Arrival(
            (event.encoded_dataset(),), str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID), event.assoc.requestor.ae_title, "127.0.0.1",
        ))  # fmt: skip
        return 0x0000

    ae = AE(ae_title=OURS)
    for kind, syntaxes in taken():
        ae.add_supported_context(kind, syntaxes)
    with started(ae, port, [(evt.EVT_C_STORE, take)]):
        yield


def _installed(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install dcmtk orthanc")


def _listens(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the archive does not listen")


@contextmanager
def orthanc(folder: Path) -> Iterator[Archive]:
    """Debian's Orthanc, which knows us as a modality."""
    _installed("Orthanc", "dcmsend")
    here = Archive(free_port(), free_port())
    configuration = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "Plugins": [],
        "DicomAet": "ARCHIVE", "DicomPort": here.port, "HttpPort": free_port(), "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True, "DicomModalities": {"ours": [OURS, "127.0.0.1", here.our_port]},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    command = ["Orthanc", str(folder / "orthanc.json")]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=TCP_NODELAY) as process,
    ):
        try:
            _listens(here.port, process)
            yield here
        finally:
            process.terminate()


@contextmanager
def dcmqrscp(folder: Path, ours: str = OURS, our_port: int | None = None) -> Iterator[Archive]:
    """DCMTK's image archive: it knows no Modalities in Study and few other optional keys; it sends to our_port."""
    _installed("dcmqrscp", "dcmsend")
    here = Archive(free_port(), our_port or free_port())
    (folder / "storage").mkdir(parents=True)
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {here.port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nours = ({ours}, 127.0.0.1, {here.our_port})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {folder / 'storage'} RW (500, 1024mb) ANY\nAETable END\n"
    )
    command = ["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=TCP_NODELAY) as process,
    ):
        try:
            _listens(here.port, process)
            yield here
        finally:
            process.terminate()
