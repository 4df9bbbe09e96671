"""Requests of procedure steps find their studies, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import insert, select

from ocr_service.config import Reading
from ocr_service.work import sorting, steps, studies
from ocr_service.work.sorting import SortedStep
from ocr_service.work.store import Store
from ocr_service.work.tables import objects, step_studies
from ocr_service.work.tables import steps as rows
from ocr_service.work.tables import studies as study_rows
from tests.study.steps import item, n_create, n_set, spiral_of

STUDY, OTHER, STEP = "1.2.3", "1.2.4", "1.2.3.99"
RULES = Reading()
QUIET = RULES.quiet.total_seconds()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    told = Store(f"sqlite:///{tmp_path / 'db'}")
    told.prepare()
    yield told
    told.close()


def came(store: Store, *names: str, at: float = 100.0) -> None:
    """Requests of the step are kept."""
    row = {"received_at": at, "sop_instance_uid": STEP, "created": False, "calling_ae": "CT1"}
    with store.begin() as connection:
        for name in names:
            connection.execute(insert(rows).values(name=name, **row))


def opened(store: Store, role: str = "screen") -> None:
    """The study has an object, and was read."""
    row = {
        "name": "o", "received_at": 1.0, "day": "2026-01-01", "sop_instance_uid": "1", "sop_class_uid": "1",
        "digest": "d", "bytes": 1, "calling_ae": "CT1", "address": "", "via": "c-store", "machine": "m",
        "state": "in_use", "role": role, "study": STUDY,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(insert(study_rows).values(study=STUDY, opened_at=1.0, last_arrival=1.0, state="read"))
        connection.execute(insert(objects).values(**row))


def of(store: Store, study: str) -> list[str]:
    with store.begin(reading=True) as connection:
        return studies.steps_of(connection, study)


def digest(store: Store) -> str:
    with store.begin(reading=True) as connection:
        return studies.digest_of(connection, STUDY)


def due(store: Store) -> tuple[float | None, str]:
    with store.begin(reading=True) as connection:
        row = connection.execute(select(study_rows).where(study_rows.c.study == STUDY)).one()
    return row.due_at, row.cause


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["created first", "ended first"])
def test_a_request_that_names_no_study_is_of_those_that_another_one_of_its_step_names(
    store: Store, order: tuple[int, int]
) -> None:
    came(store, "create", "set")
    told = [SortedStep(1, (OTHER, STUDY)), SortedStep(2, ())]
    for place in order:
        steps.sort_out(store, [told[place]], RULES, 100.0)

    assert of(store, STUDY) == of(store, OTHER) == ["create", "set"]
    assert steps.kept(store) == []


def test_a_step_of_a_study_opens_it_again_and_changes_what_its_reading_is_called(store: Store) -> None:
    opened(store)
    before = digest(store)
    came(store, "create")
    steps.sort_out(store, [SortedStep(1, (STUDY,))], RULES, 100.0)
    created = digest(store)
    assert due(store) == (100.0 + QUIET, "quiet")

    came(store, "set", at=200.0)
    steps.sort_out(store, [SortedStep(2, ())], RULES, 200.0)
    assert due(store) == (200.0 + QUIET, "quiet")
    assert len({before, created, digest(store)}) == 3


def test_a_step_makes_no_study_of_its_own(store: Store) -> None:
    came(store, "create")
    steps.sort_out(store, [SortedStep(1, (STUDY,))], RULES, 100.0)

    with store.begin(reading=True) as connection:
        assert connection.execute(select(study_rows)).all() == []
        assert connection.execute(select(step_studies.c.study)).scalars().all() == [STUDY]


def test_images_without_a_screen_wait_for_one_as_long_as_ever_when_a_step_comes(store: Store) -> None:
    opened(store, role="image")
    came(store, "create")
    steps.sort_out(store, [SortedStep(1, (STUDY,))], RULES, 100.0)

    assert due(store) == (100.0 + RULES.header_after.total_seconds(), "header")


def test_a_broken_request_is_told_to_the_reading_and_one_that_killed_a_process_is_not_opened_again(
    store: Store,
) -> None:
    came(store, "create", "broken", "kills")
    steps.sort_out(store, [SortedStep(1, (STUDY,)), SortedStep(2, (), broken=True)], RULES, 100.0)
    steps.failed(store, 3)

    assert of(store, STUDY) == ["create", "broken"]
    assert steps.kept(store) == []


def kept(ds: Dataset, path: Path) -> Path:
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


def test_the_studies_of_a_request_are_those_of_its_scheduled_steps(tmp_path: Path) -> None:
    linked = [item(StudyInstanceUID=STUDY), item(StudyInstanceUID=OTHER), item(AccessionNumber="1")]
    first = kept(n_create(ScheduledStepAttributesSequence=linked), tmp_path / "1")
    last = kept(n_set(spiral_of(10.0, "104.5")), tmp_path / "2")
    broken = tmp_path / "3"
    broken.write_bytes(last.read_bytes()[:-9])

    assert sorting.sort_steps([(1, first), (2, last), (3, broken), (4, tmp_path / "none")]) == [
        SortedStep(1, (STUDY, OTHER)),
        SortedStep(2, ()),
        SortedStep(3, (), broken=True),
        SortedStep(4, (), broken=True),
    ]
