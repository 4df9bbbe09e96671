"""Destinations to send to: a real Orthanc, DCMTK's storescp, and fakes that misbehave in one way each."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from ocr_service.config import ClientTLS, Destination
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.sop import XRAY_RADIATION_DOSE_SR, XRayRadiationDoseSR
from tests.connections import socket_of
from tests.rdsr.reports import ONE_SPIRAL, source

OURS = "OCR_SERVICE"
TCP_NODELAY = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK and Orthanc wait 40 ms for each answer
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
PATIENCE = 20.0  # seconds: on a loaded machine programs start slowly


def report(name: str = "Example^Anna") -> XRayRadiationDoseSR:
    return rdsr(ONE_SPIRAL, source(PatientName=name), verified=True)


def data_set(file: bytes) -> bytes:
    """The file without its file meta information, in which each sender writes its own name."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def dicom(port: int, timeout: float = 10, **values: Any) -> Destination:
    return Destination(
        name="pacs", ae_title="PACS", host="127.0.0.1", port=port, timeout=timedelta(seconds=timeout), **values
    )


def stow(port: int, timeout: float = 10, scheme: str = "http", **values: Any) -> Destination:
    url = f"{scheme}://127.0.0.1:{port}/dicom-web"
    return Destination(name="web", kind="stow", url=url, timeout=timedelta(seconds=timeout), **values)


def tools(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install dcmtk orthanc openssl")


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def abort(event: evt.Event) -> int:
    """The peer ends the association."""
    event.assoc.abort()
    return 0


def cut(event: evt.Event) -> int:
    """The peer's connection breaks."""
    socket_of(event.assoc).shutdown(socket.SHUT_RDWR)
    return 0


@contextmanager
def scp(
    handlers: Sequence[tuple[Any, ...]],
    sop_classes: Sequence[str] = (XRAY_RADIATION_DOSE_SR,),
    syntaxes: str | list[str] = ExplicitVRLittleEndian,
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """A pynetdicom SCP in this process; gives its port."""
    ae = AE(ae_title="PACS")
    ae.acse_timeout = 2  # a caller that goes away before it says what it wants is not waited for
    for uid in sop_classes:
        ae.add_supported_context(uid, syntaxes)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers), ssl_context=tls)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        ae.shutdown()


@contextmanager
def tidied() -> Iterator[None]:
    """At the end, collect the sockets that pynetdicom's server forgot: those of handshakes and peers that failed."""
    yield
    for thread in threading.enumerate():
        if isinstance(thread, Association | DULServiceProvider):
            thread.join(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@dataclass
class Pacs:
    """One SCP for many tests: what it does with an object is a test's own, and it starts once."""

    port: int = 0
    on_store: Callable[[evt.Event], int] = lambda _: 0x0000
    granted: list[evt.Event] = field(default_factory=list)


@contextmanager
def pacs() -> Iterator[Pacs]:
    here = Pacs()

    def stored(event: evt.Event) -> int:
        return here.on_store(event)

    handlers = [(evt.EVT_C_STORE, stored), (evt.EVT_ACCEPTED, here.granted.append)]
    with scp(handlers, [XRAY_RADIATION_DOSE_SR, str(EnhancedSRStorage)]) as here.port:
        yield here


@contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that does with each connection what `serve` does; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def work() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                taken.append(connection)
                with suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in taken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        for connection in taken:
            connection.close()


@dataclass
class Web:
    """A web server that gives one planned answer to each POST, and remembers what it was sent."""

    code: int = 200
    body: bytes = b""
    kind: str = "application/dicom+json"
    location: str = ""
    hang: threading.Event | None = None
    port: int = 0
    requests: int = 0
    authorization: str = ""

    def plan(self, code: int, answer: object = None, kind: str = "application/dicom+json") -> None:
        self.code, self.kind = code, kind
        self.body = b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@contextmanager
def web(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    plan = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            plan.requests += 1
            plan.authorization = self.headers.get("Authorization", "")
            self.rfile.read(int(self.headers["Content-Length"]))
            if plan.hang is not None:
                plan.hang.wait(PATIENCE)
            self.send_response(plan.code)
            if plan.location:
                self.send_header("Location", plan.location)
            if plan.kind:
                self.send_header("Content-Type", plan.kind)
            self.send_header("Content-Length", str(len(plan.body)))
            self.end_headers()
            self.wfile.write(plan.body)

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    plan.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield plan
    finally:
        if plan.hang is not None:
            plan.hang.set()
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


@dataclass(frozen=True)
class Orthanc:
    """A running archive: its ports on this machine."""

    dicom: int
    http: int

    def asked(self, path: str) -> bytes:
        with urlopen(f"http://127.0.0.1:{self.http}{path}") as answer:
            return bytes(answer.read())

    def kept(self, sop_instance_uid: str) -> bytes | None:
        """The file as the archive keeps it."""
        for one in json.loads(self.asked("/instances")):
            if json.loads(self.asked(f"/instances/{one}"))["MainDicomTags"]["SOPInstanceUID"] == sop_instance_uid:
                return self.asked(f"/instances/{one}/file")
        return None


@contextmanager
def orthanc(folder: Path, our_port: int) -> Iterator[Orthanc]:
    """An archive of our own, with DICOMweb where Debian's plugin is installed; it knows us at `our_port`."""
    tools("Orthanc")
    here = Orthanc(free_port(), free_port())
    configuration = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)] if PLUGIN.exists() else [],
        "DicomAet": "PACS", "DicomPort": here.dicom, "HttpPort": here.http, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True,
        "DicomModalities": {"ours": [OURS, "127.0.0.1", our_port]},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=TCP_NODELAY,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if "Orthanc has started" in line:
                break
        log.flush()
        assert process.poll() is None, (folder / "log").read_text()
        drained = threading.Thread(target=process.stdout.read)
        drained.start()
        try:
            yield here
        finally:
            process.terminate()
            drained.join(PATIENCE)


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """DCMTK's storescp, which writes what it gets into the folder; gives its port."""
    tools("storescp")
    port = free_port()
    command = ["storescp", "-v", "-od", str(folder), *options, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=TCP_NODELAY) as process:
        try:
            until(lambda: listens(port))
            assert process.poll() is None
            yield port
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it signed: a server's certificate, one of another name, and a client's."""

    folder: Path

    def server(self, name: str = "server", *, ask: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        if ask:
            context.load_verify_locations(self.folder / "ca.crt")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, *, ca: str = "ca", shown: bool = False, check_name: bool = True) -> ClientTLS:
        return ClientTLS(
            ca=self.folder / f"{ca}.crt",
            certificate=self.folder / "client.crt" if shown else None,
            key=self.folder / "client.key" if shown else None,
            check_name=check_name,
        )


@cache
def _extensions(name: str) -> str:
    return {"server": "IP:127.0.0.1", "elsewhere": "DNS:elsewhere.example", "client": "DNS:client.example"}[name]


def certificates(folder: Path) -> Certificates:
    """Made by the openssl command."""
    tools("openssl")

    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for authority in ("ca", "stranger"):
        run(*new, "-subj", f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.crt")
    for name in ("server", "elsewhere", "client"):
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-addext", f"subjectAltName={_extensions(name)}")
        leaf = ("-addext", "basicConstraints=critical,CA:FALSE")
        run(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt", *signed, *leaf)
    return Certificates(folder)
