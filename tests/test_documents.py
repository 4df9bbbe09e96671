"""What the guides and the deployment files say is what the program does."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from pydicom.uid import UID
from typer.main import get_command

from ocr_service import service
from ocr_service.cli import app
from ocr_service.config import Config
from ocr_service.network import contexts, wanted_classes
from ocr_service.network.asking import FIND
from ocr_service.network.sender import StoreLane

CHECKOUT = Path(__file__).parents[1]
DEPLOY = CHECKOUT / "docs" / "deploy"
CONFORMANCE = (CHECKOUT / "docs" / "conformance.md").read_text(encoding="utf-8")
OPERATION = (CHECKOUT / "docs" / "operation.md").read_text(encoding="utf-8")
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def section(number: str) -> str:
    """A chapter of the conformance statement."""
    return re.split(r"\n#+ ", CONFORMANCE.partition(f" {number} ")[2])[0]


def uids(text: str) -> set[str]:
    return set(re.findall(r"\| `([\d.]+)` \|", text))


def named_otherwise(text: str) -> list[str]:
    """Rows whose name is not the standard's for their UID."""
    wrong = []
    for name, uid in re.findall(r"^\| ([^|]+) \| `([\d.]+)` \|", text, re.MULTILINE):
        standard = UID(uid).name.replace("Query/Retrieve Information Model", "Q/R")
        wrong += [] if name == standard else [f"{uid}: {name}, not {standard}"]
    return wrong


def test_the_statement_names_what_the_receiver_takes() -> None:
    taken = contexts.supported_contexts()
    syntaxes = {str(syntax) for context in taken for syntax in context.transfer_syntax or ()}

    assert uids(section("2.2")) == {str(context.abstract_syntax) for context in taken} | syntaxes


@pytest.mark.parametrize(
    ("word", "classes"),
    [("all below", contexts.IMAGES), ("those without pixels", contexts.DOCUMENTS), ("little endian", ())],
)
def test_the_statement_says_in_which_transfer_syntaxes(word: str, classes: tuple[str, ...]) -> None:
    here = section("2.2")
    told = {line.split("`")[1] for line in here.splitlines() if line.endswith(f"| {word} |")}
    tag = {"all below": "all", "those without pixels": "without pixels"}.get(word, word)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in here.splitlines() if line.startswith("| ")]
    syntaxes = {row[1].strip("`") for row in rows if len(row) == 3 and tag in row[2].split(", ")}
    offered = [one for one in contexts.supported_contexts() if str(one.abstract_syntax) in told]

    assert told >= set(map(str, classes))
    assert offered != []
    assert {frozenset(map(str, one.transfer_syntax or ())) for one in offered} == {frozenset(syntaxes)}


def test_the_statement_names_what_the_retriever_asks_and_takes() -> None:
    models = {f"{uid.rpartition('.')[0]}.{last}" for uid in FIND.values() for last in (1, 2, 3)}

    assert uids(section("2.3")) == models | {str(name) for name, _ in wanted_classes.taken()}


def test_what_an_archive_is_asked_to_move_to_us_is_taken() -> None:
    """By C-MOVE all that is fetched comes to the receiver."""
    ours = {str(context.abstract_syntax) for context in contexts.supported_contexts()}

    assert {str(name) for name, _ in wanted_classes.taken()} <= ours


def test_the_statement_names_what_the_sender_sends() -> None:
    peer = Config.model_validate(
        {"destination": [{"name": "a", "ae_title": "A", "host": "a", "port": 1}]}
    ).destination[0].peer  # fmt: skip
    offered = set(StoreLane(peer, "US")._sop_classes)

    assert uids(section("2.4")) == offered | {contexts.COMMITMENT}


def test_the_statement_calls_things_by_the_standards_names() -> None:
    assert named_otherwise(section("2.2") + section("2.3") + section("2.4")) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [("max_associations", "50"), ("max_pdu", "1 MiB"), ("timeout", "30 s"), ("idle", "5 min")],
)
def test_the_statement_knows_the_defaults(key: str, told: str) -> None:
    assert f"`receiver.{key}` ({told})" in CONFORMANCE
    number, _, unit = told.partition(" ")
    seconds = {"s": 1, "min": 60, "MiB": 2**20, "": 1}[unit] * int(number)
    value = getattr(Config().receiver, key)
    assert (value.total_seconds() if hasattr(value, "total_seconds") else value) == seconds


def test_each_row_of_what_is_asked_of_a_consumer_names_a_test_that_is_there() -> None:
    rows = [line for line in section("6.").splitlines() if line.startswith("| ")][1:]
    told = [re.search(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in rows]
    missing = []
    for row, found in zip(rows, told, strict=True):
        if found is None:
            assert "| not done |" in row
            continue
        tree = ast.parse((CHECKOUT / found[1]).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        missing += [] if found[2] in names else [found[0]]

    assert len(rows) >= 15
    assert missing == []


@pytest.mark.parametrize(
    "page", [*sorted(CHECKOUT.glob("docs/*.md")), CHECKOUT / "README.md"], ids=lambda one: one.name
)
def test_every_link_and_every_named_file_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    files = re.findall(r"`((?:tests|docs|sample_sc)/[\w/.-]+\.\w+)`", text)

    assert [link for link in links if link and not (page.parent / link).exists()] == []
    assert [file for file in files if not (CHECKOUT / file).exists()] == []


def test_no_command_of_the_guides_is_unknown() -> None:
    command = get_command(app)
    known = set(getattr(command, "commands", {}))
    told = set(re.findall(r"`(?:/\S*/)?ocr-service ([a-z]+)", OPERATION + README))

    if "status" not in known:
        pytest.skip("the service's commands are not there yet")
    assert told - known == set()


def unit() -> RawConfigParser:
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "ocr-service.service")
    return parser


def test_systemd_waits_longer_than_a_part_is_given() -> None:
    here = unit()["Service"]

    assert int(here["TimeoutStopSec"]) > service.GRACE
    assert here["Restart"] == "on-failure"


def test_systemd_lets_it_write_into_its_data_folder_only() -> None:
    here = unit()["Service"]

    assert here["ProtectSystem"] == "strict"
    assert Path(here["ReadWritePaths"]) == Config().data == Path("/var/lib") / here["StateDirectory"]
    assert here["NoNewPrivileges"] == "yes"
    assert here["User"] not in ("", "root")


def test_systemd_starts_a_command_that_is_there(tmp_path: Path) -> None:
    program, command, option, _ = unit()["Service"]["ExecStart"].split()

    assert program.endswith("/bin/ocr-service")
    assert command in getattr(get_command(app), "commands", {})
    assert option == "--config"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    told = (DEPLOY / "ocr-service.service").read_text(encoding="utf-8")
    tried = tmp_path / "ocr-service.service"
    tried.write_text(told.replace(program, "/bin/true").replace("=ocr-service\nGroup", "=daemon\nGroup"))
    done = subprocess.run(["systemd-analyze", "verify", str(tried)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def dockerfile() -> list[list[str]]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_what_the_image_is_built_of_is_there_and_enough_for_a_wheel(tmp_path: Path) -> None:
    copied = [word for line in dockerfile() if line[0] == "COPY" and "--from" not in line[1] for word in line[1:-1]]
    for name in copied:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    assert list((tmp_path / "dist").glob("ocr_service-*.whl")) != []


def test_the_image_runs_as_nobody_special_and_asks_for_its_health() -> None:
    lines = dockerfile()
    last = max(at for at, line in enumerate(lines) if line[0] == "FROM")
    final = {line[0]: line[1:] for line in lines[last:]}

    assert final["USER"] == ["ocr-service"]
    assert any("tesseract-ocr" in line for line in lines)
    assert f":{Config().operation.http_port}/health" in " ".join(final["HEALTHCHECK"])
    assert final["CMD"] == ['["ocr-service",', '"serve"]']
    assert {int(port) for port in final["EXPOSE"]} == {Config().receiver.port, Config().operation.http_port}


def test_the_services_of_the_compose_file_know_each_other() -> None:
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    ours = told["services"]["ocr-service"]
    config = Config(**tomllib.loads(told["configs"]["ocr_service"]["content"]))
    orthanc = json.loads((DEPLOY / told["configs"]["orthanc"]["file"]).read_text(encoding="utf-8"))
    (destination,), (pacs,) = config.destination, config.pacs
    volumes = {one.partition(":")[0] for service in told["services"].values() for one in service["volumes"]}

    assert (DEPLOY / ours["build"]["context"]).resolve() == CHECKOUT
    assert (CHECKOUT / ours["build"]["dockerfile"]).is_file()
    assert set(ours["depends_on"]) <= set(told["services"])
    assert ours["environment"]["OCR_SERVICE_DATABASE"].partition("@")[2] == "database/ocr"
    assert destination.host == pacs.host == "orthanc"
    assert destination.port == pacs.port == orthanc["DicomPort"]
    assert destination.ae_title == orthanc["DicomAet"]
    assert orthanc["DicomModalities"]["ocr_service"][0] == config.receiver.ae_title
    assert orthanc["DicomModalities"]["ocr_service"][2] == config.receiver.port
    assert volumes == set(told["volumes"])
