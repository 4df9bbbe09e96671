"""The service's commands: what they answer, with which exit code, and that nothing of a patient is in it."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pynetdicom import AE, evt
from sqlalchemy import delete

from ocr_service.config import Config, load_config
from ocr_service.dose.proof import Unreadable
from ocr_service.network.asking import FIND
from ocr_service.network.reaching import reach_pacs
from ocr_service.network.sender import Refused, Unavailable
from ocr_service.work import health, settings
from ocr_service.work.audit_trail import open_trail
from ocr_service.work.metrics import PartState
from ocr_service.work.tables import deliveries, objects, workers
from tests.network.archives import free_port, started
from tests.operator_of import Site
from tests.work.hospital import CONSOLE, TEMPLATE

# pynetdicom leaves it to the collector to close the socket of a connection that was refused or aborted.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PERSON = "Tanaka^Ichiro"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def full(folder: Path, **more: Any) -> Config:
    """A configuration with something of everything."""
    tls = {"ca": folder / "ca.pem", "certificate": folder / "own.pem", "key": folder / "own.key"}
    peer = {"ae_title": "PACS", "host": "pacs.example", "port": 104}
    told: dict[str, Any] = {
        "data": folder / "data",
        "database": "postgresql://ocr:geheim@db/ocr",
        "receiver": {
            "port": False,
            "tls": {"certificate": folder / "c.pem", "key": folder / "k.pem", "client_ca": folder / "a.pem"},
            "allow": [{"ae_title": "*", "address": "10.1.0.0/16"}, {"ae_title": "CT1", "address": ["::1", "10.2.0.1"]}],
        },
        "mpps": {"forward": peer},
        "pacs": [peer | {"name": "one", "watch": "5m", "tls": tls}, peer | {"name": "two", "hours": "19:00-06:30"}],
        "destination": [
            peer | {"name": "dose", "station": ["CT 1"], "correction": "reject_then_new"},
            {"name": "web", "kind": "stow", "url": "https://dose.example/dicom", "token": "geheim"},
        ],
        "operation": {"http_port": False},
    }
    return Config(**(told | more))


def test_config_show_is_a_file_that_says_the_same_without_secrets(tmp_path: Path):
    config = full(tmp_path)

    shown = settings.as_toml(config)

    assert "geheim" not in shown
    assert "# token is set, and not shown" in shown
    path = tmp_path / "shown.toml"
    path.write_text(shown, encoding="utf-8")
    again = load_config(path)
    bare = {"database": config.database, "destination": config.destination}
    assert again.model_copy(update=bare) == config
    assert again.destination[0] == config.destination[0]


def test_config_show_names_every_key(site: Site):
    code, shown = site.does("config", "show")

    assert code == 0
    told = tomllib.loads(shown)
    for name, section in Config.model_fields.items():
        kind = section.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys = {key for key in kind.model_fields if f"# {key} is not set" not in shown}
            assert keys <= told[name].keys()
        else:
            assert name in told or f"# {name} is not set" in shown


def test_a_misspelled_key_is_told_with_its_place(site: Site):
    site.write("\n[reading2]\n")

    code, said = site.does("config", "check")

    assert code == 2
    assert re.search(r"ocr_service\.toml: reading2: there is no such key", said)


def test_config_check_finds_what_a_model_cannot_see(site: Site):
    key = site.folder / "key.pem"
    key.write_text("no key")
    key.chmod(0o644)
    templates = site.folder / "templates"
    (templates / "acme").mkdir(parents=True)
    (templates / "acme" / "bad.yaml").write_text("name: 7\n")
    open_trail(site.config).started(0.0)
    open_trail(site.config).stopped(1.0)
    (trail,) = (site.folder / "data" / "audit").glob("*.xmll")
    trail.write_bytes(trail.read_bytes().replace(b"machine-1", b"machine-2", 1))
    site.config = full(
        site.folder,
        templates=templates,
        receiver={"port": 11112, "tls": {"certificate": str(key), "key": str(key), "client_ca": str(key)}},
        keeping={"minimum_free": "900 TiB"},
    )
    site.write()

    code, said = site.does("config", "check")

    assert code == 2
    assert "data: the spool has" in said
    assert "data: the audit trail: audit-1970-01.xmll:2: this line does not follow" in said
    assert re.search(r"templates: .*bad\.yaml:1", said)
    assert "receiver.tls: certificate, key or client_ca cannot be used" in said
    assert "receiver.tls.key: others than the service may read the private key" in said
    assert "receiver.allow: it is empty" in said
    assert "pacs one: tls: ca, certificate or key cannot be used (No such file or directory)" in said
    assert "geheim" not in said


def test_config_check_says_what_becomes_of_reports_that_go_nowhere(site: Site):
    told = "there is none, so that no report is sent anywhere"
    site.config = site.config.model_copy(update={"destination": ()})
    site.write()
    assert f"{told}, and nothing of them is ever removed: add" in site.does("config", "check")[1]

    keeping = site.config.keeping.model_copy(update={"unacknowledged": False})
    site.config = site.config.model_copy(update={"keeping": keeping})
    site.write()
    assert f"{told}: add" in site.does("config", "check")[1]


def test_config_check_asks_peers_only_when_told_to(site: Site):
    silent = free_port()
    ae = AE("ODD")
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.add_supported_context(FIND["study"])
    with started(ae, free_port(), [(evt.EVT_C_FIND, lambda _: iter([(0x0000, None)]))]) as port:
        peer = {"ae_title": "ODD", "host": "127.0.0.1", "timeout": "5s"}
        site.config = site.config.model_copy(
            update={
                "receiver": full(site.folder).receiver.model_copy(update={"port": 11112, "tls": None}),
                "destination": Config(destination=[peer | {"name": "gone", "port": silent}]).destination,
                "pacs": Config(pacs=[peer | {"name": "here", "port": port}]).pacs,
            }
        )
        site.write()
        assert site.does("config", "check") == (0, "nothing is wrong with it\n")

        code, said = site.does("config", "check", "--connect")

    assert code == 5
    assert "database: answers\npacs here: answers\n" in said
    assert re.search(rf"destination gone: .*{silent}", said)


@pytest.mark.parametrize(
    ("models", "status", "told"),
    [
        ((), 0x0000, "answers, but does not let us ask (C-FIND): odd (ODD at"),
        (FIND.values(), 0xA900, "answers, but does not let us ask (C-FIND): odd refuses a question at {level} level"),
        (FIND.values(), 0x0000, ""),
    ],
)
@pytest.mark.parametrize(("root", "level"), [("study", "STUDY"), ("patient", "PATIENT")])
def test_an_archive_that_answers_is_also_asked_whether_it_lets_us_ask(
    models: Iterable[str], status: int, told: str, root: str, level: str
):
    ae = AE("ODD")
    for context in ("1.2.840.10008.1.1", *models):
        ae.add_supported_context(context)
    with started(ae, 0, [(evt.EVT_C_FIND, lambda _: iter([(status, None)]))]) as port:
        peer = {"name": "odd", "ae_title": "ODD", "host": "127.0.0.1", "port": port, "timeout": "5s", "root": root}
        (pacs,) = Config(pacs=[peer]).pacs

        why = reach_pacs(pacs, "OCR_TEST")

    wanted = told.format(level=level)
    assert why.startswith(wanted)
    assert bool(why) == bool(wanted)


def test_status_says_what_waits_and_that_nothing_answers(site: Site, monkeypatch: pytest.MonkeyPatch):
    filled(site, monkeypatch)

    code, said = site.does("status")

    assert code == 3
    assert "in review: 2" in said
    assert "failed objects: 1" in said
    assert "kept beyond retention, for nobody has their report: 0" in said
    assert "destination pacs: 1 waiting, 1 refused, 0 failed" in said
    assert "it is not there" in said
    told = json.loads(site.does("status", "--json")[1])
    assert told["answers"] is False
    assert told["today"]["units"] == {"verified": 2, "needs_review": 1, "unreadable": 1}


def test_status_believes_a_service_that_answers(site: Site):
    port = free_port()
    operation = site.config.operation.model_copy(update={"http_port": port})
    site.config = site.config.model_copy(update={"operation": operation})
    site.write()
    alive = {"receiver-1": PartState(True), "worker-1": PartState(True)}
    with site.desk.store.begin() as connection:
        connection.execute(workers.insert().values(executor="machine-1-1", beat_at=time.time()))
    answering = health.answer_http(site.config, lambda: alive)
    assert answering is not None
    try:
        code, said = site.does("status")
        assert (code, "service: answers" in said, "part worker-1: runs" in said) == (0, True, True)
        alive["worker-1"] = PartState(False)
        code, said = site.does("status")
        assert (code, "wrong: worker-1 is not running" in said) == (3, True)
    finally:
        answering.close()
    code, said = site.does("status")
    assert (code, f"DOES NOT ANSWER at 127.0.0.1:{port}" in said) == (3, True)


def filled(site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """One unit of each kind that waits; the name of the one in review."""
    site.receive("1.1", "1.10")
    site.verified("1.10", "9.1")
    site.deliver(monkeypatch, Refused(0xA900, "it does not like it"))
    site.receive("2.1", "1.20")
    site.verified("1.20", "9.2")
    site.deliver(monkeypatch, Unavailable("it is not there"))
    site.receive("3.1", "1.30")
    unit = site.in_review("1.30")
    site.receive("4.1", "1.40")
    site.read("1.40", Unreadable("no template matches this object"))
    site.receive("5.1", "1.50")
    site.change(objects, objects.c.sop_instance_uid == "5.1", state="failed", why="it ends in the middle")
    return unit


def test_the_queue_shows_each_thing_that_waits_with_its_reason(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit = filled(site, monkeypatch)

    code, said = site.does("queue")

    assert code == 0
    (line,) = [line for line in said.splitlines() if unit in line]
    assert line.startswith(f"review\t{unit}\t")
    assert f"{TEMPLATE}\t{CONSOLE}\tthe total differs\t" in line
    assert str(site.folder / "data" / "spool" / "objects") in line
    told = json.loads(site.does("queue", "--json")[1])
    assert [(row["kind"], row["why"]) for row in told] == [
        ("review", "the total differs"),
        ("review", "no template matches this object"),
        ("failed", "it ends in the middle"),
        ("delivery", "pacs: refused: it does not like it"),
        ("delivery", "pacs: it is not there"),
    ]
    assert all((site.folder / "data" / "spool" / name).is_file() for row in told for name in row["where"])


def test_one_unit_is_shown_with_its_rows_findings_acts_and_deliveries(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit = filled(site, monkeypatch)
    assert site.does("reject", unit, "--person", PERSON, "--why", "it is a copy", "--yes")[0] == 0

    code, said = site.does("queue", unit[:8])

    assert code == 0
    assert "doubt dlp_total: the total differs" in said
    assert f"{PERSON} reject: it is a copy\n" in said
    told = json.loads(site.does("queue", unit, "--json")[1])
    assert (told["outcome"], told["dlp_total"], told["events"][0]["dlp"]) == ("needs_review", "100.0", "100.0")
    sent = site.rows(deliveries)[0].unit
    assert "delivery 1: rdsr to pacs refused, 1 attempts it does not like it" in site.does("queue", sent)[1]


def test_retry_sends_what_was_refused(site: Site, monkeypatch: pytest.MonkeyPatch):
    filled(site, monkeypatch)

    code, said = site.does("retry", "1")

    assert (code, said) == (0, "1 studies and deliveries are tried again\n")
    assert site.rows(deliveries)[0].state == "waiting"
    assert site.does("retry", "nobody")[0] == 2


def test_the_ledger_says_by_its_exit_code_whether_the_books_close(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.receive("1.1", "1.10")
    site.verified("1.10", "9.1")
    site.deliver(monkeypatch)
    code, said = site.does("ledger")
    assert (code, "every object, unit and report is accounted for" in said) == (0, True)
    day = site.rows(objects)[0].day
    assert [one["day"] for one in json.loads(site.does("ledger", "--day", day, "--json")[1])["days"]] == [day]
    assert site.does("ledger", "--day", "yesterday")[0] == 2

    with site.desk.store.begin() as connection:
        connection.execute(delete(deliveries))
    monkeypatch.setattr("ocr_service.work.ledger.AGAIN", 0.0)
    code, said = site.does("ledger")

    assert code == 3
    assert "its report has 0 rows for destination pacs, and 1 are due" in said
    assert "THE BOOKS DO NOT CLOSE" in said
