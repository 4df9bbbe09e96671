"""What stands around the service: Debian's Orthanc as the PACS, and a PostgreSQL of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.service.waiting import ENVIRONMENT, echoes, free_port, until

RDSR = "1.2.840.10008.5.1.4.1.1.88.67"
KOS = "1.2.840.10008.5.1.4.1.1.88.59"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def installed(*names: str) -> bool:
    """Are these programs there?"""
    return all(shutil.which(name) for name in names)


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

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
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
        with urlopen(Request(f"http://127.0.0.1:{self.http}{path}", data), timeout=30) as answer:
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


class PostgreSQL:
    """A cluster of its own, in a folder, as an unprivileged user: it does not run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.data, self.bin = folder / "cluster", POSTGRESQL[-1]
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            for above in folder.parents:  # pytest's temporary folders are closed to others
                if not above.stat().st_mode & 0o001:
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
