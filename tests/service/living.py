"""The real service, and what stands around it: a console that sends, Debian's Orthanc, a PostgreSQL, and deadlines.

`Service` is `ocr-service serve` in a process group of its own. `Console` sends studies made of the sample screens,
and keeps what was acknowledged. `Orthanc` is asked over its REST interface what it holds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from sqlalchemy import Row, select

from ocr_service.config import load_config
from ocr_service.errors import StoreError
from ocr_service.work.store import Store, database_url
from ocr_service.work.tables import deliveries, objects, studies, units

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_sc"
UIDS = "1.2.826.0.1.3680043.8.498.55"
OURS = "OCR_SERVICE"
RDSR = "1.2.840.10008.5.1.4.1.1.88.67"
KOS = "1.2.840.10008.5.1.4.1.1.88.59"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK and Orthanc wait 40 ms for each answer
PATIENCE = 60.0  # seconds: on a loaded machine everything is slow
SERVE = "from ocr_service.cli import main; main()"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    """One that nobody has at the moment."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def until(true: Callable[[], Any], what: str = "it", seconds: float = PATIENCE, pause: float = 0.1) -> Any:
    """Wait until something is true, and return it. AssertionError with `what` where the deadline passes first."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(pause)
    return found


def installed(*names: str) -> bool:
    """Are these programs there?"""
    return all(shutil.which(name) for name in names)


# Configuration ---------------------------------------------------------------------------------------------


def toml(told: Mapping[str, Any]) -> str:
    """A configuration as text. Values are strings, numbers, booleans, lists of these, tables, and lists of tables."""
    lines: list[str] = []
    _table(told, "", lines)
    return "\n".join(lines) + "\n"


def _table(told: Mapping[str, Any], path: str, lines: list[str]) -> None:
    below = []
    for key, value in told.items():
        if isinstance(value, Mapping) or (isinstance(value, list) and value and isinstance(value[0], Mapping)):
            below.append((key, value))
        elif value is not None:
            lines.append(f"{key} = {json.dumps(str(value) if isinstance(value, Path) else value)}")
    for key, value in below:
        name = f"{path}.{key}".lstrip(".")
        for one in value if isinstance(value, list) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            _table(one, name, lines)


def settings(folder: Path, destinations: Sequence[Mapping[str, Any]] = (), **sections: Mapping[str, Any]) -> dict:
    """A configuration for tests: everyone on loopback may call, and nothing is waited for long.

    sections: values by key, put over those of the section (`reading={"quiet": "5s"}`), or `database="..."`.
    """
    told: dict[str, Any] = {
        "data": folder / "data",
        "receiver": {
            "port": free_port(), "host": "127.0.0.1", "timeout": "10s",
            "allow": [{"ae_title": "*", "address": "127.0.0.1/32"}],
        },
        "reading": {"commissioning": 0, "settle": "0s", "quiet": "2s", "audit_one_in": 0},
        "keeping": {"minimum_free": "50 MiB"},
        "operation": {"http_port": free_port(), "log_format": "json"},
        "destination": [dict(one) for one in destinations],
    }  # fmt: skip
    for name, section in sections.items():
        told[name] = {**told.get(name, {}), **section} if isinstance(section, Mapping) else section
    return told


# The service -----------------------------------------------------------------------------------------------


class Service:
    """`ocr-service serve` of one configuration, in a process group of its own: it can be killed whole, and started anew."""

    def __init__(self, folder: Path, told: dict[str, Any]) -> None:
        self.folder, self.told = folder, told
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ocr_service.toml"
        self.file.write_text(toml(told))
        self.port = int(told["receiver"]["port"])
        self.http_port = int(told["operation"]["http_port"])
        self.log = folder / "log"
        self.config = load_config(self.file)
        self.spool = self.config.data / "spool"
        self.outbox = self.config.data / "outbox"
        self.process: subprocess.Popen[bytes] | None = None
        self._store: Store | None = None

    def start(self, *, wait: bool = True, environment: Mapping[str, str] | None = None) -> Service:
        """Start it; wait: until it answers a C-ECHO and its worker lives."""
        assert self.process is None, "it runs already"
        path = os.pathsep.join(filter(None, ((environment or {}).get("PYTHONPATH"), str(ROOT))))
        env = {**ENVIRONMENT, **(environment or {}), "PYTHONPATH": path}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, "serve", "--config", str(self.file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        if wait:
            until(self.is_ready, "the service's start")
        return self

    @property
    def runs(self) -> bool:
        """Is its first process alive?"""
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Does it take associations, and are all its parts alive?"""
        assert self.runs, f"the service ended:\n{self.said()[-3000:]}"
        return self.health().get("ok", False) and echoes(self.port)

    def health(self) -> dict[str, Any]:
        """What `/health` says; empty where it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}/health", timeout=5) as answer:
                return dict(json.load(answer))
        except URLError as error:
            with suppress(OSError, ValueError, AttributeError):
                return dict(json.load(error))  # type: ignore[arg-type]  # 503 has a body too
            return {}
        except (OSError, ValueError):
            return {}

    def kill(self) -> None:
        """SIGKILL for all its processes at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            until(lambda: not self.processes(), "the end of the killed processes", pause=0.01)
            self.process = None

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, as a service manager does; the exit code. What is not over in time is killed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = -9
        self.kill()
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        if self._store is not None:
            self._store.close()

    def said(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def processes(self) -> list[int]:
        """All living processes of its group."""
        return [pid for pid, stat in _stats().items() if self.process is not None and stat[2] == self.process.pid]

    def children(self) -> dict[str, list[int]]:
        """Its processes by what they are: receiver, worker, below (a worker's own: they sort and read)."""
        assert self.process is not None
        stats, found = _stats(), {"receiver": [], "worker": [], "below": []}
        listening = _listening(self.port)
        direct = [pid for pid, stat in stats.items() if stat[1] == self.process.pid and not _is_tracker(pid)]
        for pid in direct:
            mine = [one for one, stat in stats.items() if stat[1] == pid and not _is_tracker(one)]
            found["receiver" if _sockets(pid) & listening else "worker"].append(pid)
            found["below"] += mine
        return found

    # Its records

    @property
    def store(self) -> Store:
        """Its database, as it opens it itself."""
        if self._store is None:
            self._store = Store(database_url(self.config))
        return self._store

    def rows(self, table: Any, *where: Any) -> list[Row[Any]]:
        """Rows of one of its tables."""
        with self.store.begin(reading=True) as connection:
            return list(connection.execute(select(table).where(*where)))

    def objects(self, *where: Any) -> list[Row[Any]]:
        """Rows of objects."""
        return self.rows(objects, *where)

    def units(self, *where: Any) -> list[Row[Any]]:
        """Rows of units."""
        return self.rows(units, *where)

    def deliveries(self, *where: Any) -> list[Row[Any]]:
        """Rows of deliveries."""
        return self.rows(deliveries, *where)

    def studies(self, *where: Any) -> list[Row[Any]]:
        """Rows of studies."""
        return self.rows(studies, *where)

    def unfinished(self, which: Sequence[str]) -> str:
        """Which of these studies has not ended and been delivered, and why; "" where all have."""
        try:
            known = {row.study: row for row in self.studies()}
            theirs = self.units()
            waiting = [row for row in self.deliveries() if row.state == "waiting" and row.kind != "manual"]
            kept = self.objects(objects.c.state == "kept")
        except StoreError as error:
            return str(error)
        if kept:
            return f"{len(kept)} objects were not looked at"
        for study in which:
            row = known.get(study)
            if row is None or row.due_at is not None or row.state not in ("read", "failed"):
                return f"{study}: {row}"
            ids = {unit.id for unit in theirs if unit.study == study}
            if not ids:
                return f"{study} has no unit"
            late = [one for one in waiting if one.unit in ids]
            if late:
                return f"{study}: {late[0]}"
        return ""

    def ended(self, which: Sequence[str], seconds: float = PATIENCE) -> None:
        """Wait until each of these studies has ended and its documents are delivered."""
        end = time.monotonic() + seconds
        while left := self.unfinished(which):
            assert time.monotonic() < end, f"after {seconds:.0f} s: {left}\n{self.said()[-4000:]}"
            time.sleep(0.2)

    def lost(self, acknowledged: Mapping[str, bytes] | Sequence[str]) -> list[str]:
        """Of what was acknowledged: the objects that the records or the spool do not account for, and why."""
        rows: dict[str, list[Row[Any]]] = {}
        for row in self.objects():
            rows.setdefault(row.sop_instance_uid, []).append(row)
        told = [f"{uid} has no row" for uid in acknowledged if uid not in rows]
        for uid, mine in rows.items():
            for row in mine:
                if row.on_disk and not (self.spool / row.name).is_file():
                    told.append(f"{uid} has no file, state {row.state}")
                if row.state == "duplicate" and all(one.state == "duplicate" for one in mine):
                    told.append(f"{uid} is a duplicate of nothing")
        return told


@contextmanager
def living(folder: Path, told: dict[str, Any] | None = None, **how: Any) -> Iterator[Service]:
    """A running service; nothing of it is left at the end."""
    service = Service(folder, told if told is not None else settings(folder))
    try:
        yield service.start(**how)
    finally:
        service.close()


def echoes(port: int, called: str = OURS, calling: str = "CONSOLE") -> bool:
    """Does the AE answer a C-ECHO?"""
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 5
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate("127.0.0.1", port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay)])
    if not assoc.is_established:
        return False
    try:
        return "Status" in assoc.send_c_echo()
    except (RuntimeError, ValueError):
        return False
    finally:
        assoc.release()


def _no_delay(event: evt.Event) -> None:
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _stats() -> dict[int, tuple[str, int, int]]:
    """State, parent and process group of each living process, by its number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            told = (folder / "stat").read_text().rpartition(")")[2].split()
            if told[0] not in "ZX":
                found[int(folder.name)] = (told[0], int(told[1]), int(told[2]))
    return found


def _is_tracker(pid: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


def _listening(port: int) -> set[str]:
    """The sockets that listen at a port, as the links in /proc/PID/fd name them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    told = [line.split() for line in lines]
    return {f"socket:[{one[9]}]" for one in told if one[3] == "0A" and int(one[1].rpartition(":")[2], 16) == port}


def _sockets(pid: int) -> set[str]:
    found = set()
    for fd in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            found.add(os.readlink(fd))
    return found


# Studies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Study:
    """A study made of sample screens. pages: in the console's order."""

    uid: str
    pages: tuple[Dataset, ...]

    @property
    def uids(self) -> list[str]:
        """Its objects' SOP Instance UIDs."""
        return [str(page.SOPInstanceUID) for page in self.pages]


ONE_PAGE = ("ge/scout_and_helical", "ge/comments_and_sequence", "ge/many_rows")  # read by registered letters: quick
TWO_PAGES = ("ge/two_pages", "ge/two_series")


@lru_cache(maxsize=32)
def sample(name: str) -> tuple[Dataset, ...]:
    """The objects of one folder of sample_sc, in the order of their names."""
    return tuple(dcmread(file) for file in sorted((SAMPLES / name).glob("*.dcm")))


def study(number: int, name: str = ONE_PAGE[0]) -> Study:
    """A study that no other number gives: its UIDs and times are its own; the patient and the dose are the sample's.

    Without times of their own, studies of the same rows would be one examination under linked orders.
    """
    uid = f"{UIDS}.{number}"
    pages = []
    hours, minutes = divmod(number // 60 % 1440, 60)
    for place, ds in enumerate(sample(name), start=1):
        page = deepcopy(ds)
        page.StudyInstanceUID, page.SeriesInstanceUID = uid, f"{uid}.{int(ds.SeriesNumber or 1)}"
        page.SOPInstanceUID = page.file_meta.MediaStorageSOPInstanceUID = f"{uid}.1.{place}"
        page.StudyID = str(number % 10**8)  # the Patient ID and Accession Number stand on pages too
        moment = f"{hours:02d}{minutes:02d}{number % 60:02d}.{number % 10**6:06d}"
        for keyword in ("StudyTime", "SeriesTime", "ContentTime", "AcquisitionTime"):
            if keyword in page:
                setattr(page, keyword, moment)
        if "InstanceNumber" in page:
            page.InstanceNumber = place
        pages.append(page)
    return Study(uid, tuple(pages))


# A console -------------------------------------------------------------------------------------------------


@dataclass
class Console:
    """A modality that sends to us, and keeps what each object was answered. Used from many threads."""

    port: int
    ae_title: str = "CONSOLE"
    acknowledged: dict[str, int] = field(default_factory=dict)  # by SOP Instance UID: how often with 0x0000
    answers: list[tuple[str, int | None]] = field(default_factory=list)  # in order; None: the association broke
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, *pages: Dataset, called: str = OURS) -> list[int | None]:
        """Send over one association; what each was answered, None where the association is not there (any more)."""
        with self.association(pages, called) as assoc:
            return [self.store(assoc, page) for page in pages]

    def send_all(self, *pages: Dataset, seconds: float = PATIENCE, stopped: threading.Event | None = None) -> None:
        """Send until each was answered 0x0000, over as many associations as that takes."""
        end = time.monotonic() + seconds
        left = list(pages)
        while left and not (stopped is not None and stopped.is_set()):
            answers = self.send(*left)
            left = [page for page, answer in zip(left, answers, strict=True) if answer != 0x0000]
            if left:
                assert time.monotonic() < end, f"not taken after {seconds:.0f} s: {self.answers[-3:]}"
                time.sleep(0.2)

    def store(self, assoc: Any, page: Dataset) -> int | None:
        """Send one object; its status."""
        status = None
        if assoc.is_established:
            with suppress(RuntimeError, ValueError, OSError):
                told = assoc.send_c_store(page)
                status = int(told.Status) if "Status" in told else None
        uid = str(page.SOPInstanceUID)
        with self._lock:
            self.answers.append((uid, status))
            if status == 0x0000:
                self.acknowledged[uid] = self.acknowledged.get(uid, 0) + 1
        return status

    @contextmanager
    def association(self, pages: Sequence[Dataset], called: str = OURS) -> Iterator[Any]:
        """An association for these objects; it need not be established."""
        ae = AE(ae_title=self.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
        ae.connection_timeout = 5
        for kind, syntax in sorted({(str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)) for ds in pages}):
            ae.add_requested_context(kind, syntax)
        assoc = ae.associate("127.0.0.1", self.port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay)])
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()


# Orthanc ---------------------------------------------------------------------------------------------------


class Orthanc:
    """Debian's Orthanc as the PACS. It can be started late, stopped, and started again at the same ports."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.port, self.http = folder, free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        configuration = {
            "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "Plugins": [],
            "DicomAet": "ORTHANC", "DicomPort": self.port, "HttpPort": self.http, "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True, "OverwriteInstances": False, **options,
        }  # fmt: skip
        (folder / "orthanc.json").write_text(json.dumps(configuration))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Orthanc:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["Orthanc", str(self.folder / "orthanc.json")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True,
            )  # fmt: skip
        until(lambda: self._answers() and echoes(self.port, "ORTHANC"), "Orthanc's start")
        return self

    def stop(self) -> None:
        """Stop it; what it holds stays."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def destination(self, name: str = "pacs", **told: Any) -> dict[str, Any]:
        """It as a `[[destination]]`."""
        return {
            "name": name, "ae_title": "ORTHANC", "host": "127.0.0.1", "port": self.port, "timeout": "10s",
            "retry_first": "1s", "retry_most": "2s", **told,
        }  # fmt: skip

    def rest(self, path: str, body: Any = None) -> Any:
        """What its REST interface answers."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"http://127.0.0.1:{self.http}{path}", data), timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def instances(self, study: str, sop_class: str = RDSR) -> list[dict[str, str]]:
        """The tags of all objects of a class in a study."""
        query = {"StudyInstanceUID": study}
        found = self.rest("/tools/find", {"Level": "Instance", "Expand": True, "Query": query, "Limit": 10000})
        told = [self.rest(f"/instances/{one['ID']}/simplified-tags") for one in found]
        return [one for one in told if one["SOPClassUID"] == sop_class]

    def reports(self) -> dict[str, list[str]]:
        """The SOP Instance UIDs of all RDSRs, by Study Instance UID."""
        told: dict[str, list[str]] = {}
        for name in self.rest("/instances"):
            tags = self.rest(f"/instances/{name}/simplified-tags")
            if tags["SOPClassUID"] == RDSR:
                told.setdefault(tags["StudyInstanceUID"], []).append(tags["SOPInstanceUID"])
        return told

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        with suppress(OSError):
            return bool(self.rest("/system"))
        return False


@contextmanager
def orthanc(folder: Path, **options: Any) -> Iterator[Orthanc]:
    """A running Orthanc."""
    here = Orthanc(folder, **options)
    try:
        yield here.start()
    finally:
        here.stop()


# PostgreSQL ------------------------------------------------------------------------------------------------


class PostgreSQL:
    """A cluster of its own, in a folder, as an unprivileged user: it does not run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.data, self.bin = folder / "cluster", POSTGRESQL[-1]
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            for above in folder.parents:  # pytest's temporary folders are closed to others
                if above.stat().st_uid == 0 and above not in (Path("/"), Path("/tmp")):  # noqa: S108
                    above.chmod(above.stat().st_mode | 0o011)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "ocr", "-E", "UTF8", "--no-locale")
        told = (
            f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n"
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(told)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> PostgreSQL:
        """Start it, and wait until it takes connections."""
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "server.log"), "-w", "start")
        return self

    def restart(self, mode: str = "immediate") -> None:
        """Restart it; immediate: without a clean end, as after a loss of power."""
        self.stop(mode)
        self.start()

    def stop(self, mode: str = "immediate") -> None:
        """Stop it."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def database(self, name: str = "postgres") -> str:
        """The URL of a database, which is made where it is not there."""
        if name != "postgres":
            self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ocr", name)
        return f"postgresql://ocr@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    """A running cluster."""
    here = PostgreSQL(folder).start()
    try:
        yield here
    finally:
        here.stop()
