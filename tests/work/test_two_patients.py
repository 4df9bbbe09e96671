"""Objects of one study that name two patients; and what a person decided of a unit whose scanner is better known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocr_service.dose.corrections import ActKind, parse_correction
from ocr_service.dose.identity import IdentityRule
from ocr_service.work import persons
from ocr_service.work.tables import deliveries, units
from ocr_service.work.unit import TWO_PATIENTS, SiteRules
from ocr_service.work.worker import Worker
from tests.service.hospital import study_of
from tests.work import consoles
from tests.work import reading_worker as working
from tests.work.archives import NO_AUDIT, Asleep, Site, page, readers, rows_of

STUDY = 70


def add_second_page(site: Site, **header: Any) -> None:
    """The console saved the same page once more."""
    told = {"SeriesDescription": "Dose", "SoftwareVersions": "V1"} | header
    ds = consoles.screen(number=2, study=STUDY, pixels=page(rows_of(STUDY)), **told)
    consoles.saved(ds, site.folder / "in" / "second.dcm")


def line(site: Site, rules: SiteRules = NO_AUDIT) -> dict[str, Any]:
    site.add(STUDY)
    (only,) = site.convert(readers(Asleep(), Asleep()), rules=rules).lines
    return dict(only)


def doubts(line: dict[str, Any]) -> list[str]:
    return [one["sentence"] for one in line["findings"] if one["kind"] == "doubt"]


def test_pages_of_one_patient_are_verified(site):
    add_second_page(site)
    told = line(site)

    assert (told["outcome"], doubts(told)) == ("verified", [])


def test_pages_that_name_two_patients_are_a_doubt(site):
    add_second_page(site, PatientID="P2", PatientName="Other^One")
    told = line(site)

    assert told["outcome"] == "needs_review"
    assert TWO_PATIENTS.sentence in doubts(told)
    assert "Other" not in str(told)


def test_a_site_that_compares_no_identities_is_told_of_none(site):
    add_second_page(site, PatientID="P2", PatientName="Other^One")
    told = line(site, SiteRules(identity=IdentityRule.OFF, audit_one_in=0))

    assert TWO_PATIENTS.sentence not in doubts(told)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    its = working.open_worker(tmp_path)
    yield its
    its.close()


def test_what_a_person_decided_holds_when_images_name_the_scanner_better(worker):
    """Of two studies, one report is rejected and one corrected; then images come whose headers have a serial number."""
    decided = {"rejected": ActKind.REJECT, "corrected": ActKind.CORRECT}
    known = {name: study_of("ge/with_images", name) for name in decided}
    for name, act in decided.items():
        screen, *images = known[name]
        for ds in (screen, *images):
            ds.DeviceSerialNumber = "SN123"
        del screen.DeviceSerialNumber
        working.receive(worker, screen)
        working.read_all(worker)
        working.acknowledged(worker, time.time())
        (unit,) = working.rows(worker, units, units.c.study == str(screen.StudyInstanceUID))
        corrections = [parse_correction("1.phantom=head")] if act is ActKind.CORRECT else []
        why = "the wrong patient" if act is ActKind.REJECT else ""
        persons.decide(worker.desk, unit.id, act, "Tanaka^Ichiro", time.time(), why=why, corrections=corrections)
        working.read_all(worker)
        before = phantoms(worker, unit.id)
        working.receive(worker, *images)
        working.read_all(worker)
        (again,) = working.rows(worker, units, units.c.study == str(screen.StudyInstanceUID))

        assert (again.id, again.scanner.endswith("SN123")) == (unit.id, True)
        assert again.outcome == ("skipped" if act is ActKind.REJECT else "verified")
        assert phantoms(worker, unit.id) == before


def phantoms(worker: Worker, unit: str) -> list[Any]:
    """By the unit's report that counts, the phantom of each event; nothing where none counts."""
    which = (deliveries.c.unit == unit, deliveries.c.kind == "rdsr", deliveries.c.superseded.is_(False))
    told = [working.report(worker, one.file).report for one in working.rows(worker, deliveries, *which)]
    return [event.phantom.value if event.phantom else None for report in told for event in report.events]
