"""The real service as the tests start, watch, ask, kill and stop it; and by its names all that stands around it.

`Service` is `ocr-service serve` in a process group of its own. `consoles.py` sends to it, `peers.py` has the PACS and
the database.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import Row, select, text

from ocr_service.config import load_config
from ocr_service.errors import StoreError
from ocr_service.work.store import Store, database_url, workflow_url
from ocr_service.work.tables import deliveries, objects, studies, units
from tests.service.consoles import ONE_PAGE, TWO_PAGES, Console, Study, sample, study
from tests.service.peers import KOS, POSTGRESQL, RDSR, Orthanc, PostgreSQL, installed, orthanc, postgresql
from tests.service.waiting import ENVIRONMENT, OURS, PATIENCE, echoes, free_port, until

__all__ = [
    "KOS", "ONE_PAGE", "OURS", "PATIENCE", "POSTGRESQL", "RDSR", "TWO_PAGES", "Console", "Orthanc", "PostgreSQL",
    "Service", "Study", "echoes", "free_port", "installed", "living", "orthanc", "postgresql", "sample", "settings",
    "study", "toml", "until",
]  # fmt: skip
ROOT = Path(__file__).parents[2]
SERVE = "from ocr_service.cli import main; main()"


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


def settings(folder: Path, destinations: Sequence[Mapping[str, Any]] = (), **sections: Any) -> dict[str, Any]:
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


class Service:
    """`ocr-service serve` of one configuration, in a process group of its own: it is killed whole, and started anew."""

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
        self._workflows: Store | None = None

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

    def kill_supervisor(self) -> None:
        """SIGKILL for the process that watches the others: they end by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        until(lambda: not self.processes(), "the end of what the supervisor had started")
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
        for store in (self._store, self._workflows):
            if store is not None:
                store.close()

    def said(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def processes(self) -> list[int]:
        """All living processes of its group."""
        return [pid for pid, stat in _stats().items() if self.process is not None and stat[2] == self.process.pid]

    def children(self) -> dict[str, list[int]]:
        """Its processes by what they are: receiver, worker, below (a worker's own: they sort and read)."""
        assert self.process is not None
        stats = _stats()
        found: dict[str, list[int]] = {"receiver": [], "worker": [], "below": []}
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

    @property
    def workflows(self) -> Store:
        """Where DBOS keeps the service's workflows."""
        if self._workflows is None:
            self._workflows = Store(workflow_url(self.config))
        return self._workflows

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

    def running(self) -> list[str]:
        """The readings that were enqueued and have not ended. StoreError."""
        schema = "dbos." if self.config.database.get_secret_value() else ""
        alive = "name = 'study' AND status NOT IN ('SUCCESS', 'ERROR')"
        left = f"SELECT workflow_uuid FROM {schema}workflow_status WHERE {alive}"
        with self.workflows.begin(reading=True) as connection:
            return list(connection.execute(text(left)).scalars())

    def unfinished(self, which: Sequence[str]) -> str:
        """Which of these studies has not ended and been delivered, and why; "" where all have."""
        try:
            known = {row.study: row for row in self.studies()}
            theirs = self.units()
            waiting = [row for row in self.deliveries() if row.state == "waiting" and row.kind != "manual"]
            kept = self.objects(objects.c.state == "kept")
            running = self.running()
        except StoreError as error:
            return str(error)
        if running:
            return f"studies are being read: {running}"
        if kept:
            return f"{len(kept)} objects were not looked at"
        for uid in which:
            row = known.get(uid)
            if row is None or row.due_at is not None or row.state not in ("read", "failed"):
                return f"{uid}: {row}"
            ids = {unit.id for unit in theirs if unit.study == uid}
            if not ids:
                return f"{uid} has no unit"
            late = [one for one in waiting if one.unit in ids]
            if late:
                return f"{uid}: {late[0]}"
        return ""

    def ended(self, which: Sequence[str], seconds: float = PATIENCE) -> None:
        """Wait until each of these studies has ended and its documents are delivered."""
        end = time.monotonic() + seconds
        while left := self.unfinished(which):
            assert time.monotonic() < end, f"after {seconds:.0f} s: {left}\n{self.said()[-4000:]}"
            time.sleep(0.2)

    def lost(self, acknowledged: Iterable[str]) -> list[str]:
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
