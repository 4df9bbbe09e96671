"""What a person decides about a unit is seen in the archive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from sqlalchemy import Row

from ocr_service.dose.corrections import ActKind, parse_correction
from ocr_service.dose.report import Source
from ocr_service.work import persons
from tests.service.hospital import PERSON, Hospital, hospital, study_of
from tests.service.waiting import until

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with hospital(tmp_path_factory.mktemp("persons")) as told:
        yield told


def decided(here: Hospital, study: str, unit: Row[Any], kind: ActKind, *told: str) -> Row[Any]:
    """A person decides; the unit when it was read again with that."""
    corrections = [parse_correction(one) for one in told]
    before = unit.read_at
    persons.decide(
        here.desk, unit.id, kind, PERSON, time.time(), corrections=corrections, organization="Radiology, Example"
    )
    until(lambda: here.units(study)[0].read_at > before, "another reading")
    return here.unit(study, "verified", "needs_review", "skipped")


def observer(ds: Dataset) -> tuple[str, str]:
    (told,) = ds.VerifyingObserverSequence
    return str(told.VerifyingObserverName), str(told.VerifyingOrganization)


def ctdivols(here: Hospital, study: str) -> Sequence[Sequence[Decimal]]:
    return [
        [event.mean_ctdivol.value for event in one.report.events if event.mean_ctdivol] for one in here.reports(study)
    ]


def test_a_report_in_doubt_is_sent_when_a_person_confirms_it_and_names_the_person(
    here: Hospital, tmp_path: Path
) -> None:
    study = here.takes(study_of("ge/wrong_total", tmp_path))
    unit = here.unit(study, "needs_review")
    assert here.held(study) == []

    assert decided(here, study, unit, ActKind.CONFIRM).outcome == "verified"
    (ds,) = here.held(study)
    assert ds.VerificationFlag == "VERIFIED"
    assert observer(ds) == (PERSON, "Radiology, Example")


def test_a_report_that_was_delivered_and_is_corrected_has_a_successor(here: Hospital, tmp_path: Path) -> None:
    study = here.takes(study_of("ge/scout_and_helical", tmp_path))
    unit = here.unit(study, "verified")
    assert decided(here, study, unit, ActKind.CORRECT, "2.mean_ctdivol=17.69").outcome == "verified"

    first, second = here.reports(study)
    assert ctdivols(here, study) == [[Decimal("17.96")], [Decimal("17.69")]]
    assert second.predecessors == (first.sop_instance_uid,)
    assert second.event_uids == first.event_uids
    assert (first.verified, second.verified) == (False, True)
    assert Source.MANUAL in second.sources
    old, new = here.held(study)
    assert observer(new) == (PERSON, "Radiology, Example")
    assert (old.ContentDate, old.ContentTime) < (new.ContentDate, new.ContentTime)


def test_a_typing_error_that_the_total_shows_waits_for_a_second_look(here: Hospital, tmp_path: Path) -> None:
    study = here.takes(study_of("ge/many_rows", tmp_path))
    unit = here.unit(study, "verified")
    read = decided(here, study, unit, ActKind.CORRECT, "2.dlp=1.23")

    assert read.outcome == "needs_review"
    assert len(here.held(study)) == 1


def test_a_report_that_a_person_rejects_is_never_sent(here: Hospital, tmp_path: Path) -> None:
    study = here.takes(study_of("ge/wrong_total", tmp_path))
    unit = here.unit(study, "needs_review")

    assert decided(here, study, unit, ActKind.REJECT).outcome == "skipped"
    assert here.held(study) == []
    assert here.deliveries(study) == []
