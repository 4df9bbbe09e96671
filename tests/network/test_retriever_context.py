"""What is asked for one unit, and what neither a sweep nor that may leave behind: logs of a patient, threads."""

from __future__ import annotations

import gc
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ocr_service.network.retriever import context_of_study
from ocr_service.network.sweep import Accessions
from tests.network.archives import OURS, Kept, free_port, pacs_at
from tests.network.odd_pacs import (
    LIBRARY,
    STUDY,
    OddPacs,
    image,
    objects,
    page,
    swept,
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


@pytest.mark.parametrize("odd", ["hang", "dribble"])
def test_context_is_bounded_in_time_and_its_failure_is_a_value(odd: str) -> None:
    pacs, kept = OddPacs(objects(), at={("SERIES", STUDY): odd}), Kept()
    with pacs.running() as port:
        begun = time.monotonic()
        told = context_of_study(pacs_at(port), OURS, STUDY, LIBRARY, kept, kept.had, seconds=1.0)
        took = time.monotonic() - begun
    nobody = context_of_study(pacs_at(free_port()), OURS, STUDY, LIBRARY, kept, kept.had)
    assert (told.kept, told.headers, len(told.why)) == ((), (), 1)
    assert took < 15  # it would hang for twenty
    assert "cannot be reached" in nobody.why[0]


def test_context_is_reports_and_three_images_of_each_series_and_nothing_twice() -> None:
    pacs, kept = OddPacs(objects()), Kept()
    with pacs.running() as port:
        told = context_of_study(pacs_at(port), OURS, STUDY, LIBRARY, kept, kept.had)
        again = context_of_study(pacs_at(port), OURS, STUDY, LIBRARY, kept, kept.had)
    assert set(told.kept) == {f"{STUDY}.997.1", *(f"{STUDY}.2.{number}" for number in (1, 6, 12))}
    assert (again.kept, again.why, told.why) == ((), (), ())


def test_no_image_moves_where_the_answers_tell_what_headers_would() -> None:
    told: dict[str, Any] = {
        "CTDIvol": 12.5, "KVP": 120, "ExposureModulationType": "NONE",
        "ImagePositionPatient": [0, 0, 1], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    }  # fmt: skip
    pacs, kept = OddPacs([page(), *(image(number=number, **told) for number in range(1, 13))]), Kept()
    with pacs.running() as port:
        context = context_of_study(pacs_at(port), OURS, STUDY, LIBRARY, kept, kept.had)
    assert len(context.headers) == 12
    assert {float(header.CTDIvol) for header in context.headers} == {12.5}
    assert context.kept == ()


def test_nothing_of_a_patient_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pacs, kept = OddPacs(objects(), at={("SERIES", STUDY): 0xA900}, junk=("SECRET",)), Kept()
    with capture_logs() as logs:
        studies, parts = swept(pacs, kept, Accessions(("ACCESSION1", "ACCESSION2")), root="patient")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("pynetdicom")]
    said = json.dumps(logs, default=str) + repr(studies) + repr(parts) + repr(ours) + repr(Accessions(("ACCESSION1",)))
    assert len(logs) >= 2
    assert studies
    assert "SECRET" not in said
    assert "ACCESSION" not in said


def test_no_association_or_thread_outlives_a_sweep() -> None:
    before = threading.active_count()
    swept(OddPacs(objects(), at={("IMAGE", STUDY): "hang"}), Kept(), timeout="1s")
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before
