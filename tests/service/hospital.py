"""A hospital on this machine: a service and its archive, studies of their own, and what is to come of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import Row

from ocr_service.rdsr.parse import ParsedReport, parse
from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive
from ocr_service.work.outbox import Outbox
from ocr_service.work.placing import Desk
from ocr_service.work.rejecting import Rejecting
from ocr_service.work.tables import deliveries, objects, studies, units
from tests.service.living import RDSR, Orthanc, Service, installed, orthanc, settings
from tests.service.waiting import ENVIRONMENT, OURS, PATIENCE, until
from tests.work.archives import Asleep

SAMPLES = Path(__file__).parents[2] / "sample_sc"
PERSON = "Tanaka^Ichiro"
DICOMS_OWN = "1.2.840.10008."


def tools(*names: str) -> None:
    """Skip where a tool is missing."""
    for name in names:
        if not installed(name):
            pytest.skip(f"{name} is not installed: apt-get install dcmtk orthanc")


def run(*command: str | Path) -> str:
    """A command of DCMTK's, which ends well; what it says."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# Studies ---------------------------------------------------------------------------------------------------


def uid_of(*words: object) -> str:
    """A UID for these words."""
    return "2.25." + str(int(sha256(" ".join(map(str, words)).encode()).hexdigest()[:30], 16))


def study_of(folder: str, number: object, *files: int, **header: Any) -> list[Dataset]:
    """The objects of a sample as those of a study of their own: other UIDs and other times, the same pages.

    files: the numbers of those that are wanted; none is all.
    """
    told: list[Dataset] = []
    fraction = int(uid_of(number)[5:]) % 1_000_000

    def renamed(_: Dataset, element: DataElement) -> None:
        if element.VR == "UI" and element.value and not str(element.value).startswith(DICOMS_OWN):
            element.value = uid_of(element.value, number)

    for path in sorted((SAMPLES / folder).glob("*.dcm")):
        if files and int(path.stem) not in files:
            continue
        ds = dcmread(path)
        ds.walk(renamed)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        for keyword in ("ContentTime", "AcquisitionTime"):
            if ds.get(keyword):
                setattr(ds, keyword, f"{str(ds[keyword].value)[:6]}.{fraction:06d}")
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        told.append(ds)
    assert told
    return told


def uid(told: Sequence[Dataset]) -> str:
    """The study that the objects are of."""
    return str(told[0].StudyInstanceUID)


def saved(told: Sequence[Dataset], folder: Path) -> list[Path]:
    """The objects as files of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03d}.dcm" for number in range(len(told))]
    for ds, path in zip(told, paths, strict=True):
        ds.save_as(path, enforce_file_format=True)
    return paths


def plain(told: Sequence[Dataset]) -> list[Dataset]:
    """The same without compression, for archives that take no other."""
    plainly: list[Dataset] = []
    for ds in told:
        buffer = DicomBytesIO()
        if ds.file_meta.TransferSyntaxUID.is_encapsulated:
            ds.decompress(generate_instance_uid=False)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(buffer, enforce_file_format=True)
        buffer.seek(0)
        plainly.append(dcmread(buffer))
    return plainly


def converted(told: Sequence[Dataset], folder: Path) -> ParsedReport:
    """The RDSR that `convert` makes of the objects, by the letters that ship alone, read back."""
    saved(told, folder / "in")
    readers = Readers(Asleep(), Asleep(), (("none",),))
    readers.use(load_fonts(shipped_templates()))
    library, emit = load_templates(shipped_templates()), frozenset({"verified", "header"})
    no_audit = archive.SiteRules(audit_one_in=0)
    _, endings = archive.convert([folder / "in"], library, readers, folder / "out", emit, rules=no_audit)
    (rdsr,) = [ending.rdsr for ending in endings if ending.rdsr]
    return parse(dcmread(folder / "out" / rdsr))


_numbers = count(1)


def sent(port: int, told: Sequence[Dataset], folder: Path, *options: str | Path, to: str = OURS) -> None:
    """A modality sends the objects in their own encodings, by DCMTK."""
    tools("dcmsend")
    paths = saved(told, folder / f"sent-{next(_numbers)}")
    run("dcmsend", *options, "-aec", to, "--decompress-never", "127.0.0.1", str(port), *paths)


# The hospital ----------------------------------------------------------------------------------------------


@dataclass
class Hospital:
    """A running service and the archive that it sends to."""

    folder: Path
    service: Service
    pacs: Orthanc

    def takes(self, told: Sequence[Dataset]) -> str:
        """A modality sends the objects to the service; their study."""
        sent(self.service.port, told, self.folder)
        return uid(told)

    def unit(self, study: str, *outcomes: str, units_of_it: int = 1) -> Row[Any]:
        """The study's (only) unit, once it is of one of these outcomes and nothing of it is under way."""

        def found() -> Row[Any] | None:
            told = self.units(study)
            done = len(told) == units_of_it and told[0].outcome in outcomes and self.is_at_rest(study)
            return told[0] if done else None

        try:
            return until(found, f"a unit {' or '.join(outcomes)}")
        except AssertionError:
            told = [(row.outcome, row.held, row.report[-600:]) for row in self.units(study)]
            sending = [(row.kind, row.state, row.why) for row in self.deliveries(study)]
            due = [tuple(row) for row in self.service.studies(studies.c.study == study)]
            raise AssertionError(f"{told} {sending} {due}\n{self.service.said()[-3000:]}") from None

    def is_at_rest(self, study: str) -> bool:
        """Is nothing of it to be sorted, read or sent any more?"""
        if self.service.objects(objects.c.state == "kept"):
            return False
        rows = self.service.studies(studies.c.study == study)
        sending = [one for one in self.deliveries(study) if one.state == "waiting" and one.kind != "manual"]
        blocked = {one.id for one in self.deliveries(study) if one.kind == "manual" and one.state == "waiting"}
        sending = [one for one in sending if one.after not in blocked]
        return bool(rows) and rows[0].state == "read" and rows[0].due_at is None and not sending

    def units(self, study: str) -> list[Row[Any]]:
        """Its units."""
        return self.service.units(units.c.study == study)

    def deliveries(self, study: str) -> list[Row[Any]]:
        """What went where of it, in order."""
        names = [one.id for one in self.units(study)]
        return sorted(self.service.deliveries(deliveries.c.unit.in_(names)), key=lambda row: row.id)

    def held(self, study: str, sop_class: str = RDSR) -> list[Dataset]:
        """The study's objects of a class in the archive, the latest content last."""
        return held(self.pacs, study, sop_class)

    def reports(self, study: str) -> list[ParsedReport]:
        """The study's dose reports in the archive, the latest last."""
        return [parse(ds) for ds in self.held(study)]

    @cached_property
    def desk(self) -> Desk:
        """Where persons decide."""
        outbox = Outbox(self.service.outbox)
        rejecting = Rejecting(outbox, lambda: datetime.now().astimezone())
        return Desk(self.service.store, outbox, self.service.config, rejecting)


def held(pacs: Orthanc, study: str, sop_class: str = RDSR) -> list[Dataset]:
    """The study's objects of a class in an archive, the latest content last."""
    query = {"Level": "Instance", "Query": {"StudyInstanceUID": study}}
    found = []
    for one in pacs.rest("/tools/find", query):
        with urlopen(f"http://127.0.0.1:{pacs.http}/instances/{one}/file", timeout=30) as answer:
            ds = dcmread(DicomBytesIO(answer.read()))
        if ds.SOPClassUID == sop_class:
            found.append(ds)
    return sorted(found, key=lambda ds: (str(ds.get("ContentDate")), str(ds.get("ContentTime"))))


def quick(folder: Path, destinations: Sequence[dict[str, Any]] = (), **sections: Any) -> Service:
    """A service with one receiver process and a quiet time of a second; not started."""
    sections["reading"] = {"quiet": "1s", **sections.get("reading", {})}
    sections["receiver"] = {"processes": 1, **sections.get("receiver", {})}
    return Service(folder, settings(folder, destinations, **sections))


@contextmanager
def running(*services: Service) -> Iterator[None]:
    """They run while the block lasts; they start beside each other."""
    try:
        for one in services:
            one.start(wait=False)
        for one in services:
            until(one.is_ready, "the service's start")
        yield
    finally:
        for one in services:
            one.close()


@contextmanager
def hospital(folder: Path, **sections: Any) -> Iterator[Hospital]:
    """A hospital with one archive, to which reports are sent."""
    tools("Orthanc", "dcmsend")
    with orthanc(folder / "pacs") as pacs:
        service = quick(folder / "service", [pacs.destination()], **sections)
        with running(service):
            yield Hospital(folder, service, pacs)
