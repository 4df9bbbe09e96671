"""Archives that are odd: what is of use is found and brought all the same, and what goes wrong is told."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from ocr_service.network.asking import Line
from ocr_service.network.querying import studies_of_day
from ocr_service.network.sweep import Accessions, Days, Studies
from tests.network.archives import OURS, Kept, pacs_at
from tests.network.odd_pacs import (
    DAY,
    ROOT,
    STUDY,
    OddPacs,
    objects,
    of_dose,
    page,
    swept,
    uids,
)

# pynetdicom leaves it to the collector to close the socket of a connection that was refused or aborted.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What these tests leave to the collector is not left to those of another module."""
    yield
    gc.collect()


ODD: dict[str, dict[str, Any]] = {
    "nothing odd": {},
    "Modalities in Study is ignored": {"modalities": "ignored"},
    "Modalities in Study is refused": {"modalities": "refused"},
    "Modalities in Study finds nothing": {"modalities": "finds nothing"},
    "Modalities in Study is not known": {"modalities": "finds nothing", "lacks": {"ModalitiesInStudy"}},
    "Series Number is empty": {"lacks": {"SeriesNumber"}},
    "no counts": {"lacks": {"NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"}},
    "no Study UID at image level": {"lacks_at": "IMAGE"},
    "each answer twice": {"twice": True},
    "answers say that keys are not supported": {"pending": 0xFF01},
    "all but required keys are refused": {"refuses": {"STUDY", "SERIES", "IMAGE"}},
    "Study and Series UID are ignored": {"cannot_match": {"StudyInstanceUID", "SeriesInstanceUID"}},
    "the study date is ignored": {"cannot_match": {"StudyDate"}},
    "no series description, no maker": {"lacks": {"SeriesDescription", "Manufacturer"}},
}


@pytest.mark.parametrize("oddity", ODD)
def test_dose_screens_and_reports_are_found_and_brought_once_and_what_grew_is_looked_at_again(oddity: str) -> None:
    pacs, kept = OddPacs(objects(), **ODD[oddity]), Kept()
    studies, parts = swept(pacs, kept)

    assert of_dose(pacs.objects) <= set(kept.arrivals)
    assert [one.faults for one in studies] == [(), ()]
    assert [(one.place, one.studies, one.done) for one in parts] == [(DAY, 2, True)]
    assert kept.again == []
    assert {one.via for one in kept.arrivals.values()} == {"fetch:archive"}

    before, retrievals = len(kept.arrivals), pacs.retrievals
    swept(pacs, kept, Days(DAY, DAY, again=True))
    assert (len(kept.arrivals), pacs.retrievals) == (before, retrievals)

    pacs.objects.append(page(study=2, number=3))
    swept(pacs, kept, Days(DAY, DAY, again=True))
    assert f"{ROOT}.2.999.3" in kept.arrivals
    assert kept.again == []


def test_images_do_not_move_where_only_dose_screens_are_wanted() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    swept(pacs, kept)
    assert set(kept.arrivals) == of_dose(pacs.objects)


def test_first_middle_and_last_image_come_with_the_screens_where_nobody_asks_for_them_later() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    swept(pacs, kept, context=False)
    images = sorted(set(kept.arrivals) - of_dose(pacs.objects))
    assert images == [*sorted(f"{STUDY}.2.{number}" for number in (1, 6, 12)), f"{ROOT}.2.2.1"]


def test_an_unchanged_study_costs_no_further_question() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    swept(pacs, kept)
    pacs.asked.clear()
    studies, _ = swept(pacs, kept, Days(DAY, DAY, again=True))
    assert [one.unchanged for one in studies] == [True, True]
    assert set(pacs.asked) == {"STUDY"}


def test_a_done_day_is_not_asked_for_again_and_a_recent_one_is_never_done() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    swept(pacs, kept)
    assert kept.days == {("archive", DAY)}
    pacs.asked.clear()
    assert swept(pacs, kept) == ([], [])
    assert pacs.asked == []

    recent = Kept()
    swept(OddPacs(objects()), recent, look_back="36500d")
    assert recent.days == set()


@pytest.mark.parametrize("odd", ["abort", "hang", 0xC001, 0xA700])
@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
def test_one_study_that_cannot_be_asked_for_does_not_stop_the_sweep(level: str, odd: str | int) -> None:
    pacs, kept = OddPacs(objects(), at={(level, STUDY): odd}), Kept()
    studies, parts = swept(pacs, kept, timeout="2s" if odd == "hang" else "15s")
    broken = {one.study_instance_uid: one for one in studies}

    assert broken[STUDY].faults != ()
    assert broken[f"{ROOT}.2"].kept == 2
    assert [one.done for one in parts] == [False]
    assert kept.days == set()

    pacs.at = {}
    pacs.over.clear()
    swept(pacs, kept)
    assert of_dose(pacs.objects) == set(kept.arrivals)
    assert kept.days == {("archive", DAY)}


def test_blank_answers_and_junk_uids_are_told_and_the_rest_is_brought() -> None:
    pacs, kept = OddPacs(objects(), blank=True, junk=("1.2.840.", "junk", "1." + "2" * 80)), Kept()
    studies, parts = swept(pacs, kept)
    assert set(kept.arrivals) == of_dose(pacs.objects)
    assert all(one.faults for one in studies)
    assert [one.done for one in parts] == [False]


@pytest.mark.parametrize("status", [0xA700, 0xFE00])
def test_a_day_with_more_studies_than_an_archive_tells_at_once_is_asked_by_halves(status: int) -> None:
    pacs, kept = OddPacs([page(study=n) for n in range(1, 9)], most=3, most_status=status), Kept()
    _, parts = swept(pacs, kept)
    assert set(kept.arrivals) == uids(pacs.objects)
    assert [one.done for one in parts] == [True]


def test_a_round_number_of_studies_is_taken_for_a_limit_that_nobody_told() -> None:
    pacs = OddPacs([page(study=n) for n in range(1, 121)], most=100)
    with pacs.running() as port:
        line = Line(pacs_at(port), OURS)
        found = studies_of_day(line, DAY)
        line.close()
    assert {one.study_instance_uid for one in found} == {str(ds.StudyInstanceUID) for ds in pacs.objects}


def test_an_archive_that_ignores_the_study_date_and_never_ends_is_a_fault() -> None:
    old = [page(study=n, StudyDate="19990101") for n in range(1, 30)]
    pacs = OddPacs([*old, page(study=40)], cannot_match={"StudyDate"}, most=20, most_status=0xA700)
    studies, parts = swept(pacs, Kept())
    assert studies == []
    assert [fault.what for fault in parts[0].faults] == ["archive ignores the study date that it is asked for"]
    assert not parts[0].done


@pytest.mark.parametrize("strict", [False, True])
def test_a_patient_root_archive_is_asked_by_patient_only_where_it_must(strict: bool) -> None:
    pacs, kept = OddPacs(objects(), strict_patient=strict), Kept()
    _, parts = swept(pacs, kept, Days(date(2020, 1, 1), DAY), root="patient")
    assert set(kept.arrivals) == of_dose(pacs.objects)
    assert ("PATIENT" in pacs.asked) is strict
    assert [one.studies for one in parts] == [0, 2]
    assert all(one.PatientID for one in pacs.identifiers if one.QueryRetrieveLevel in ("SERIES", "IMAGE"))


def test_accession_numbers_and_uids_name_their_studies() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    studies, parts = swept(pacs, kept, Accessions(("ACCESSION2", "NOBODY")))
    assert [one.study_instance_uid for one in studies] == [f"{ROOT}.2"]
    assert [(one.place, one.studies) for one in parts] == [(1, 1), (2, 0)]
    assert [one.kept for one in swept(pacs, kept, Studies((STUDY,)))[0]] == [2]


def test_a_wildcard_in_an_accession_number_finds_nothing_but_itself() -> None:
    pacs = OddPacs(objects(), cannot_match={"AccessionNumber"})
    assert swept(pacs, Kept(), Accessions(("ACC*",)))[0] == []
