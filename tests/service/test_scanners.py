"""A scanner that nobody has accepted yet: its first reports wait for a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ocr_service.dose.corrections import ActKind
from ocr_service.work import persons
from ocr_service.work.tables import scanners
from tests.service.hospital import PERSON, Hospital, hospital, study_of, uid
from tests.service.waiting import until

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with hospital(tmp_path_factory.mktemp("scanners"), reading={"commissioning": 5}) as told:
        yield told


def test_first_reports_are_held_until_a_person_accepts_the_scanner(here: Hospital, tmp_path: Path) -> None:
    studies = [here.takes(study_of("ge/scout_and_helical", f"{tmp_path} {number}")) for number in range(2)]
    units = [here.unit(study, "verified") for study in studies]

    assert [unit.held for unit in units] == ["commissioning"] * 2
    assert [here.held(study) for study in studies] == [[], []]

    assert persons.accept(here.desk, units[0].template, units[0].console, PERSON, time.time()) == 2
    for study in studies:
        assert here.unit(study, "verified").held == ""
        assert len(until(partial(here.held, study), "the report that was held")) == 1
    third = here.takes(study_of("ge/scout_and_helical", f"{tmp_path} third"))
    assert here.unit(third, "verified").held == ""
    assert len(here.held(third)) == 1
    (scanner,) = here.service.rows(scanners, scanners.c.console == units[0].console)
    assert scanner.accepted_by == PERSON


def test_five_reports_confirmed_as_they_were_read_accept_a_scanner(here: Hospital, tmp_path: Path) -> None:
    told = [study_of("ge/many_rows", f"{tmp_path} {number}") for number in range(6)]
    for pages in told:
        here.takes(pages)
    studies = [uid(pages) for pages in told]
    units = [here.unit(study, "verified") for study in studies]
    assert [unit.held for unit in units] == ["commissioning"] * 6

    for unit in units[:4]:
        persons.decide(here.desk, unit.id, ActKind.CONFIRM, PERSON, time.time())
    for study in studies[:4]:
        until(partial(here.held, study), "a report that a person confirmed")
        here.unit(study, "verified")
    assert [here.units(study)[0].held for study in studies] == [""] * 4 + ["commissioning"] * 2
    assert [here.held(study) for study in studies[4:]] == [[], []]

    persons.decide(here.desk, units[4].id, ActKind.CONFIRM, PERSON, time.time())
    for study in studies:
        until(partial(here.held, study), "the reports that were held")
        assert here.unit(study, "verified").held == ""
    # Each of them is sent once: signed by who confirmed it, and as it was read where nobody did.
    assert [len(here.held(study)) for study in studies] == [1] * 6
    assert [here.held(study)[0].VerificationFlag for study in studies] == ["VERIFIED"] * 5 + ["UNVERIFIED"]
