"""Others take what we write: a real archive (Orthanc) by way of DCMTK, and two validators, for every sample."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from pydicom import dcmread

from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Crop, Readers
from ocr_service.templates.library import load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive, lines
from tests.study.headers import spiral
from tests.work import consoles

SAMPLES = Path(__file__).parent.parent / "sample_sc"
EVERYTHING = frozenset({"verified", "header", "review"})
TCP_NODELAY = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK waits 40 ms for each answer
pytestmark = pytest.mark.dicom_tools


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=60, check=False, env=TCP_NODELAY
    )


def tools(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install dicom3tools dcmtk orthanc")


@dataclass(frozen=True)
class Orthanc:
    """A running archive: its ports on this machine."""

    dicom: int
    http: int

    def asked(self, path: str) -> bytes:
        with urlopen(f"http://127.0.0.1:{self.http}{path}") as answer:
            return bytes(answer.read())


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive of our own, with a configuration of our own and no plugin."""
    tools("Orthanc", "storescu", "findscu", "getscu")
    folder = tmp_path_factory.mktemp("orthanc")
    here = Orthanc(free_port(), free_port())
    configuration = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "Plugins": [],
        "DicomAet": "ORTHANC", "DicomPort": here.dicom, "HttpPort": here.http, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    command = ["Orthanc", str(folder / "orthanc.json")]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if "Orthanc has started" in line:
                break
        assert process.poll() is None, (folder / "log").read_text()
        yield here
        process.terminate()
        process.stdout.read()


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An RDSR of each outcome: from a page, from a page whose total is wrong, from images alone."""
    folder = tmp_path_factory.mktemp("emitted")
    consoles.saved(consoles.screen(study=1), folder / "in" / "1.dcm")
    consoles.saved(consoles.screen(study=2, pixels=consoles.drawn(consoles.ROWS[:1])), folder / "in" / "2.dcm")
    for number, image in enumerate(spiral(places=range(3))):
        image.StudyInstanceUID = f"{consoles.ROOT}.3"
        consoles.saved(image, folder / "in" / "images" / f"{number}.dcm")
    library = consoles.library(folder / "templates")
    _, endings = archive.convert([folder / "in"], library, consoles.readers(), folder / "out", EVERYTHING)
    told = {lines.outcome_name(ending.outcome): ending.rdsr for ending in endings}
    return {name: folder / "out" / rdsr for name, rdsr in told.items() if rdsr}


@dataclass
class Remembering:
    """An engine that is asked once for a crop; the second engine is its memory."""

    engine: PPOCR
    known: dict[bytes, str] = field(default_factory=dict)

    def read(self, crops: Sequence[Crop], preparations: Sequence[tuple[str, ...]] | None = None) -> list[str]:
        keys = [repr(crop.shape).encode() + crop.tobytes() for crop in crops]
        fresh = {key: crop for key, crop in zip(keys, crops, strict=True) if key not in self.known}
        self.known |= dict(zip(fresh, self.engine.read(list(fresh.values())), strict=True))
        return [self.known[key] for key in keys]


def data_set(file: bytes) -> bytes:
    """The file without its file meta information, in which each sender writes its own name."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


@pytest.mark.parametrize("outcome", ["verified", "needs_review", "header"])
def test_an_archive_stores_finds_and_returns_the_rdsr(
    outcome: str, orthanc: Orthanc, emitted: dict[str, Path], tmp_path: Path
) -> None:
    ds = dcmread(emitted[outcome])
    peer = ("-aec", "ORTHANC", "127.0.0.1", str(orthanc.dicom))
    stored = run("storescu", *peer, str(emitted[outcome]))
    assert stored.returncode == 0, stored.stderr

    study = ("-k", f"StudyInstanceUID={ds.StudyInstanceUID}")
    series = ("-k", "QueryRetrieveLevel=SERIES", "-k", "Modality=SR", "-k", "SeriesInstanceUID")
    found = run("findscu", "-S", *series, *study, *peer)
    assert found.returncode == 0
    assert str(ds.SeriesInstanceUID) in found.stdout + found.stderr

    keys = ("-k", f"SeriesInstanceUID={ds.SeriesInstanceUID}", "-k", f"SOPInstanceUID={ds.SOPInstanceUID}")
    got = run("getscu", "-S", "-od", str(tmp_path), "-k", "QueryRetrieveLevel=IMAGE", *study, *keys, *peer)
    assert got.returncode == 0, got.stderr
    (returned,) = tmp_path.iterdir()
    assert dcmread(returned) == ds

    (identifier,) = [
        one for one in json.loads(orthanc.asked("/instances"))
        if json.loads(orthanc.asked(f"/instances/{one}"))["MainDicomTags"]["SOPInstanceUID"] == ds.SOPInstanceUID
    ]  # fmt: skip
    kept = orthanc.asked(f"/instances/{identifier}/file")
    assert data_set(kept) == data_set(emitted[outcome].read_bytes())


def test_every_rdsr_of_every_sample_passes_both_validators(tmp_path: Path) -> None:
    """One engine in the place of both is enough here: it is the documents that are tried."""
    tools("dciodvfy", "dsrdump")
    library = load_templates(shipped_templates())
    ppocr = Remembering(PPOCR(threads=1))
    readers = Readers(ppocr, ppocr, (("none",),))
    _, endings = archive.convert([SAMPLES], library, readers, tmp_path, EVERYTHING)
    told = [(lines.outcome_name(ending.outcome), ending.rdsr) for ending in endings]
    written = [tmp_path / rdsr for _, rdsr in told if rdsr]

    assert {outcome for outcome, _ in told} == {"verified", "needs_review", "header", "skipped", "unreadable"}
    assert sorted(written) == sorted(tmp_path.rglob("*.dcm"))
    assert len(written) >= 30
    for file in written:
        checked = run("dciodvfy", "-new", str(file))
        said = (checked.stdout + checked.stderr).splitlines()
        assert "XRayRadiationDoseSR" in said
        assert [line for line in said if line.startswith("Error")] == []
        shown = run("dsrdump", str(file))
        assert shown.returncode == 0
        assert [line for line in shown.stderr.splitlines() if line.startswith(("E:", "F:"))] == []
