"""Objects through the whole service: associations in, RDSRs at a real Orthanc out.

`python -m bench.through` starts Orthanc and the service, sends dose screens of as many studies over several
associations at once, and prints what was lost or refused, objects a second, the time from C-STORE to the RDSR at
Orthanc (median and 99th percentile), and the service's memory. Needs DCMTK and Orthanc. No template of the samples is
new here: `commissioning` is off.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parent.parent
SCREEN = ROOT / "sample_sc" / "ge" / "scout_and_helical" / "01.dcm"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
UID = "1.2.826.0.1.3680043.8.498.77"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def study(number: int, original: Dataset) -> Dataset:
    """The same screen of another examination: its own UIDs, patient and time."""
    ds = original
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = (f"{UID}.{kind}.{number}" for kind in (1, 2, 3))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    moment = f"{8 + number // 3600 % 12:02d}{number // 60 % 60:02d}{number % 60:02d}"
    for keyword in ("ContentTime", "AcquisitionTime", "StudyTime", "SeriesTime"):
        if keyword in ds:
            setattr(ds, keyword, moment)
    return ds


def write_studies(folder: Path, count: int, lanes: int) -> list[Path]:
    """One object a study, shared out to a folder an association."""
    original = dcmread(SCREEN)
    original.decompress()
    original.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    folders = [folder / f"{lane}" for lane in range(lanes)]
    for one in folders:
        one.mkdir(parents=True)
    for number in range(count):
        study(number, original).save_as(folders[number % lanes] / f"{number}.dcm")
    return folders


@contextmanager
def orthanc(folder: Path) -> Iterator[tuple[int, int]]:
    """A fresh Orthanc: its DICOM and HTTP ports."""
    dicom, http = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "AuthenticationEnabled": False,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    command = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([command, str(folder / "orthanc.json")], env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        _until(lambda: _answers(http), 30)
        yield dicom, http
    finally:
        process.terminate()
        process.wait()


@contextmanager
def service(folder: Path, pacs: int, workers: int, receivers: int, database: str) -> Iterator[tuple[int, int]]:
    """The service with its own data folder: its DICOM port and the number of its process."""
    port = free_port()
    (folder / "bench.toml").write_text(
        f"""data = "{folder}/data"
[receiver]
port = {port}
processes = {receivers}
[[receiver.allow]]
ae_title = "*"
address = "127.0.0.1/32"
[reading]
commissioning = 0
settle = "0s"
quiet = "1s"
[keeping]
minimum_free = "100 MiB"
[operation]
workers = {workers}
http_port = false
log_format = "json"
[[destination]]
name = "pacs"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = {pacs}
"""
    )
    environment = ENVIRONMENT | ({"OCR_SERVICE_DATABASE": database} if database else {})
    command = [sys.executable, "-c", "from ocr_service.cli import main; main()", "serve", "--config", "bench.toml"]
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log, start_new_session=True)
    try:
        _until(lambda: (folder / "service.log").read_text().count("receiver_started") == receivers, 60)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def send(folder: Path, port: int) -> int:
    """One association; how many objects were not taken."""
    command = ["storescu", "-q", "+sd", "-aec", "OCR_SERVICE", "127.0.0.1", str(port), str(folder)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return done.returncode


def memory(pid: int) -> int:
    """Bytes of resident memory of a process and all below it."""
    told = subprocess.run(["ps", "-o", "rss=", "--sid", str(pid)], capture_output=True, text=True, check=False)
    return sum(int(line) for line in told.stdout.split()) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=2000)
    parser.add_argument("--associations", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--receivers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; empty: SQLite")
    told = parser.parse_args()
    with TemporaryDirectory(prefix="bench-through-") as name:
        folder = Path(name)
        folders = write_studies(folder / "in", told.objects, told.associations)
        with (
            orthanc(folder) as (dicom, http),
            service(folder, dicom, told.workers, told.receivers, told.database) as (port, pid),
        ):
            _run(told, folder, folders, (port, pid, http))


def _run(told: argparse.Namespace, folder: Path, folders: list[Path], where: tuple[int, int, int]) -> None:
    port, pid, http = where
    began, least = time.time(), memory(pid)
    with ThreadPoolExecutor(told.associations) as pool:
        refused = sum(code != 0 for code in pool.map(lambda one: send(one, port), folders))
    sent = time.time() - began
    most, there = 0, 0
    while time.time() - began < told.seconds and there < told.objects:
        most = max(most, memory(pid))
        there = int(json.load(urlopen(f"http://127.0.0.1:{http}/statistics"))["CountInstances"])
        time.sleep(0.5)
    print(f"{told.objects} objects over {told.associations} associations in {sent:.1f} s: {told.objects / sent:.0f}/s")
    print(f"associations that ended badly: {refused}; RDSRs at Orthanc: {there} after {time.time() - began:.0f} s")
    print(f"memory of all processes: {least / 2**20:.0f} MiB before, at most {most / 2**20:.0f} MiB")
    if not told.database:
        _ages(folder / "data" / "ocr-service.sqlite")


def _ages(database: Path) -> None:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        ages = [
            row[0]
            for row in connection.execute(
                "SELECT d.acknowledged_at - s.opened_at FROM ocr_deliveries d JOIN ocr_units u ON u.id = d.unit "
                "JOIN ocr_studies s ON s.study = u.study WHERE d.acknowledged_at IS NOT NULL"
            )
        ]
        states = connection.execute("SELECT state, count(*) FROM ocr_objects GROUP BY state").fetchall()
        outcomes = connection.execute("SELECT outcome, count(*) FROM ocr_units GROUP BY outcome").fetchall()
    if len(ages) > 1:
        print(f"C-STORE to RDSR at Orthanc: median {median(ages):.1f} s, p99 {quantiles(ages, n=100)[98]:.1f} s")
    print(f"objects {dict(states)}, units {dict(outcomes)}")


def _answers(port: int) -> bool:
    try:
        return bool(urlopen(f"http://127.0.0.1:{port}/system", timeout=1).status == 200)
    except OSError:
        return False


def _until(true: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise SystemExit("it did not start in time")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
