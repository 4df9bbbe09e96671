"""Nothing of a patient leaves the service but in its documents, whatever arrives and whatever goes wrong.

A real service gets objects of a patient whose name and numbers nobody else has: good ones, broken ones, ones over
whose values pydicom complains; procedure steps too; and a PACS that answers with the patient's name. Then everything
that it wrote outside spool, outbox and database is searched, and all file names.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pynetdicom._config
import pytest
from pydicom import Dataset, dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import UID
from pynetdicom import AE, build_context, evt
from typer.main import get_command

from ocr_service.cli import app
from ocr_service.network.contexts import IMAGES, MPPS
from tests.connections import socket_of
from tests.service.consoles import Console
from tests.service.living import ROOT, SERVE, Service, settings
from tests.service.waiting import ENVIRONMENT, PATIENCE, free_port, until

SAMPLES = ROOT / "sample_sc"
# A page by registered letters, one with another patient's number burnt in, one without a template.
FOLDERS = ("ge/scout_and_helical", "ge/other_patient", "other/unknown_maker")
SECRETS = {
    "PatientName": "Quibblewick^Zephyrine",
    "PatientID": "ZZ9PLURALZALPHA",
    "PatientBirthDate": "19110203",
    "AccessionNumber": "ACCQQ4711XX",
    "ReferringPhysicianName": "Fizzlebottom^Ozymandias",
}
JUNK = b"OZYMANDIASOFFIZZLEBOTTOM"  # where a number, a date or a UID must be
# Values that stand nowhere else in a file, so that junk can take their places.
PLACES = {"StudyDate": "20010203", "KVP": "123.4567", "SeriesNumber": "98765432", "StudyInstanceUID": "1.2.84.98765.4"}
BURNT_IN = "58206971"
WORDS = (
    "quibblewick", "zephyrine", "zz9plural", "19110203", "accqq4711", "fizzlebottom", "ozyman", BURNT_IN,
)  # fmt: skip

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed"),
]


def betrayed(text: str) -> list[str]:
    return [word for word in WORDS if word in text.lower()]


def named(path: Path, number: int) -> Dataset:
    """A sample as an object of that patient, in a study of its own."""
    ds = dcmread(path)
    for keyword, value in SECRETS.items():
        setattr(ds, keyword, value)
    ds.StudyInstanceUID = f"1.2.826.0.1.3680043.10.77.{number}"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.0.1.3680043.10.77.{number}.1")
    ds.StudyTime = ds.ContentTime = f"{number % 24:02d}{number % 60:02d}{number // 60 % 60:02d}"
    return ds


def with_junk(content: bytes, value: bytes) -> bytes:
    """The same file with junk of the same length where a value was, which no pydicom would write."""
    return content.replace(value, (JUNK * 4)[: len(value)])


def sample(name: str) -> Path:
    return next((SAMPLES / name).glob("*.dcm"))


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("objects")
    rng = random.Random(1)
    found: list[Path] = []

    def add(content: bytes) -> None:
        found.append(folder / f"{len(found):03d}.dcm")
        found[-1].write_bytes(content)

    place = folder / "whole.dcm"
    for number, name in enumerate(FOLDERS, start=1):
        named(sample(name), number).save_as(place)
        add(place.read_bytes())
    content = found[0].read_bytes()
    add(content[: rng.randrange(700, 1500)])  # it ends in the middle of its header
    add(content[:-2000])  # in the middle of its pixels
    without = named(sample(FOLDERS[0]), 10)
    del without.PixelData
    without.save_as(place)
    add(place.read_bytes())
    for number, (keyword, value) in enumerate(PLACES.items(), start=20):
        ds = named(sample(FOLDERS[0]), number)
        setattr(ds, keyword, value)
        ds.save_as(place)
        add(with_junk(place.read_bytes(), value.encode()))
    for _ in range(4):
        damaged = bytearray(content)
        for _ in range(20):
            damaged[rng.randrange(500, 1500)] = rng.randrange(256)
        add(bytes(damaged))
    place.unlink()
    return found


@dataclass(frozen=True)
class Run:
    """What a run has left."""

    service: Service
    log: str
    metrics: str
    health: list[str]
    commands: str


def answers(url: str) -> str:
    try:
        with urlopen(url, timeout=10) as answer:
            return str(answer.read(), "utf-8")
    except HTTPError as error:
        return str(error.read(), "utf-8")


@pytest.fixture(scope="module")
def rude_pacs() -> Iterator[int]:
    """A PACS that refuses every other report, and quotes the patient while it does so."""
    heard: list[int] = []

    def refuse(event: evt.Event) -> Dataset:
        heard.append(1)
        told = Dataset()
        told.Status = (0x0000, 0xC123, 0xA701, 0xB000)[len(heard) % 4]
        told.ErrorComment = "Quibblewick^Zephyrine is not known"
        told.OffendingElement = [0x00100010]
        return told

    port = free_port()
    ae = AE(ae_title="RUDE")
    ae.supported_contexts = [build_context("1.2.840.10008.5.1.4.1.1.88.67")]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, refuse)])
    assert server is not None
    yield port
    server.shutdown()


def send(port: int, files: list[Path]) -> int:
    """Send files byte for byte; how many were taken."""
    pynetdicom._config.STORE_SEND_CHUNKED_DATASET = True
    try:
        taken = 0
        for file in files:
            syntax = read_file_meta_info(file).TransferSyntaxUID
            ae = AE(ae_title="CONSOLE")
            contexts = [build_context(uid, syntax) for uid in IMAGES]
            assoc = ae.associate("127.0.0.1", port, contexts=contexts, ae_title="OCR_SERVICE")
            if assoc.is_established:
                status = assoc.send_c_store(file)
                taken += status.get("Status") == 0
                assoc.release()
        return taken
    finally:
        pynetdicom._config.STORE_SEND_CHUNKED_DATASET = False


def send_step(port: int) -> None:
    """A procedure step of that patient, which the next SCP is not there to hear."""
    ds = Dataset()
    for keyword, value in SECRETS.items():
        setattr(ds, keyword, value)
    ds.ScheduledStepAttributesSequence = Sequence([Dataset()])
    ds.ScheduledStepAttributesSequence[0].AccessionNumber = SECRETS["AccessionNumber"]
    ds.PerformedProcedureStepID = "ACCQQ4711XX"
    ae = AE(ae_title="CONSOLE")
    assoc = ae.associate("127.0.0.1", port, contexts=[build_context(MPPS)], ae_title="OCR_SERVICE")
    assert assoc.is_established
    assoc.send_n_create(ds, MPPS, "1.2.3.4.5")
    assoc.send_n_set(ds, MPPS, "1.2.3.4.5")
    assoc.release()


def be_rude(port: int) -> None:
    """Bytes that are no PDU, and an association that ends in the middle of an object."""
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(b"GET /Quibblewick^Zephyrine HTTP/1.1\r\n\r\n")
    ae = AE(ae_title="CONSOLE")
    assoc = ae.associate("127.0.0.1", port, contexts=[build_context(IMAGES[0])], ae_title="OCR_SERVICE")
    socket_of(assoc).sendall(
        b"\x04\x00\x00\x00\x00\x30\x00\x00\x00\x2c\x01\x03Quibblewick^Zephyrine\x00\x00\x10\x00\x10"
    )
    assoc.abort()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, objects: list[Path], rude_pacs: int) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("service")
    pacs = {"name": "pacs", "ae_title": "RUDE", "host": "127.0.0.1", "port": rude_pacs, "retry_first": "1s",
            "retry_most": "1s"}  # fmt: skip
    away = {"ae_title": "AWAY", "host": "127.0.0.1", "port": free_port(), "timeout": "1s"}
    told = settings(
        folder,
        [pacs, {**away, "name": "away"}],
        receiver={"processes": 1},
        mpps={"forward": away},
        reading={"quiet": "1s", "emit": ["verified", "header", "review"]},
    )
    service = Service(folder, told)
    try:
        service.start(environment={"PYTHONWARNINGS": "always"})
        assert send(service.port, objects) > len(objects) / 2
        send_step(service.port)
        be_rude(service.port)
        disturb(service)
        health = [answers(f"http://127.0.0.1:{service.http_port}/health")]
        Console(service.port).send(named(sample(FOLDERS[0]), 50))
        until(lambda: ended(service), "the end of all units", 90)
        here = f"http://127.0.0.1:{service.http_port}"
        health.append(answers(f"{here}/health"))
        metrics, commands = answers(f"{here}/metrics"), asked(service)
        service.stop()
        yield Run(service, service.said(), metrics, health, commands)
    finally:
        service.close()


def disturb(service: Service) -> None:
    """The processes that sort and read are killed in the middle of it."""
    for number in service.children()["below"]:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def ended(service: Service) -> bool:
    if any(row.state == "kept" for row in service.objects()) or any(row.due_at for row in service.studies()):
        return False
    states = {row.destination + row.state for row in service.deliveries()}
    return len(service.units()) >= len(FOLDERS) and "pacswaiting" not in states and "awaywaiting" in states


def asked(service: Service) -> str:
    """What the commands say that only look; those that are there."""
    known = getattr(get_command(app), "commands", {})
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", SERVE, name, "--config", str(service.file)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, cwd=ROOT,
        )
        for name in ("status", "queue", "ledger") if name in known
    ]  # fmt: skip
    return "".join(one.communicate(timeout=PATIENCE)[0] for one in begun)


def test_the_run_was_as_bad_as_it_should_be(run: Run) -> None:
    """Else the other tests would prove nothing."""
    outcomes = {row.outcome for row in run.service.units()}
    states = {row.state for row in run.service.objects()}
    sent = {row.state for row in run.service.deliveries() if row.destination == "pacs"}

    assert {"needs_review", "unreadable"} <= outcomes
    assert {"in_use", "failed"} <= states
    assert {"acknowledged", "refused"} <= sent
    spooled = b"".join(path.read_bytes() for path in run.service.spool.rglob("*.dcm"))
    assert b"Quibblewick" in spooled
    assert JUNK[:10] in spooled
    emitted = b"".join(path.read_bytes() for path in run.service.outbox.rglob("*.dcm"))
    assert b"Quibblewick" in emitted


def test_no_log_names_the_patient(run: Run) -> None:
    lines = [json.loads(line) for line in run.log.splitlines()]

    assert betrayed(run.log) == []
    assert [line for line in lines if line["event"] == "unit"] != []
    assert "Traceback" not in run.log


def test_no_file_name_names_the_patient(run: Run) -> None:
    names = "\n".join(str(path.relative_to(run.service.folder)) for path in run.service.folder.rglob("*"))

    assert len(names.splitlines()) > 20
    assert betrayed(names) == []


def test_no_file_outside_spool_outbox_and_database_names_the_patient(run: Run) -> None:
    data = run.service.config.data
    inside = {data / "spool", data / "outbox"}
    files = [
        path for path in run.service.folder.rglob("*")
        if path.is_file() and not inside & set(path.parents) and ".sqlite" not in path.name
    ]  # fmt: skip

    assert [path.name for path in files if betrayed(path.read_bytes().decode("latin-1"))] == []


def test_no_metric_no_health_and_no_command_names_the_patient(run: Run) -> None:
    assert "ocr_service_units" in run.metrics
    assert betrayed(run.metrics) == []
    assert "1.2.826.0.1.3680043.10.77" not in run.metrics  # nor a study
    assert betrayed("".join(run.health)) == []
    assert "in review" in run.commands
    assert betrayed(run.commands) == []


def test_no_column_of_the_database_is_a_patients_name_or_number(run: Run) -> None:
    """What `tables.py` promises; reports quote what stands on a screen, so they are not looked at."""
    with closing(sqlite3.connect(run.service.config.data / "ocr-service.sqlite")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told = []
        for table in tables:
            rows = database.execute(f"SELECT * FROM {table}")
            columns = [one[0] for one in rows.description]
            told += [
                f"{table}.{column}" for row in rows for column, value in zip(columns, row, strict=True)
                if betrayed(str(value))
            ]  # fmt: skip

    assert sorted(set(told)) == []


FAULTS = """
import logging, sys, threading, time, warnings
from dbos import DBOS
from ocr_service.logs import configure_logs

configure_logs("json")

@DBOS.workflow()
def reads() -> None:
    raise KeyError("Quibblewick^Zephyrine")

DBOS(config={"name": "ocr-service", "system_database_url": "sqlite:///" + sys.argv[1], "log_level": "ERROR",
             "console_log_level": "ERROR", "enable_otlp": False})
DBOS.launch()
DBOS.register_queue("queue", polling_interval_sec=0.1)
handle = DBOS.enqueue_workflow("queue", reads)
try:
    handle.get_result()
except Exception:
    pass
logging.getLogger("dbos").error("Exception of Quibblewick", exc_info=ValueError("Zephyrine"))
DBOS.destroy()
logging.getLogger("PIL").error("ZZ9PLURALZALPHA is no image")
logging.getLogger("pydicom").error("invalid value 19110203")
warnings.warn("ACCQQ4711XX is no UID", UserWarning)
def die() -> None:
    raise RuntimeError("Fizzlebottom")
one = threading.Thread(target=die); one.start(); one.join()
raise SystemError("Ozymandias")
"""


def test_what_libraries_and_faults_say_is_told_by_its_kind_and_place(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "always", "-c", FAULTS, str(tmp_path / "dbos.sqlite")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert done.returncode == 1
    assert betrayed(done.stdout + done.stderr) == []
    assert {line.get("exception") for line in lines} >= {"ValueError", "RuntimeError", "SystemError"}
    assert {line.get("library") for line in lines} >= {"dbos", "PIL"}
    assert {line["event"] for line in lines} == {"library_fault", "library_warns", "fault"}
