"""A dose series in, its RDSR in the archive: on SQLite and PostgreSQL, with several workers and several machines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from pydicom import dcmread

from ocr_service.rdsr.parse import parse
from ocr_service.work.tables import objects
from tests.service.hospital import Hospital, converted, held, hospital, quick, run, running, sent, study_of, tools, uid
from tests.service.living import POSTGRESQL, orthanc, postgresql

pytestmark = pytest.mark.dicom_tools
FOLDERS = ("ge/scout_and_helical", "ge/two_pages", "ge/comments_and_sequence", "ge/multi_frame")


@contextmanager
def on_sqlite(folder: Path) -> Iterator[tuple[Hospital, ...]]:
    """One machine with two workers."""
    with hospital(folder, operation={"workers": 2}) as told:
        yield (told,)


@contextmanager
def on_postgresql(folder: Path) -> Iterator[tuple[Hospital, ...]]:
    """Two machines with two workers each on one database, with one data folder."""
    if not POSTGRESQL:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    tools("Orthanc", "dcmsend")
    # Not in pytest's folder: every other run of pytest's closes that to PostgreSQL's user anew.
    with TemporaryDirectory() as own, postgresql(Path(own)) as cluster, orthanc(folder / "pacs") as pacs:
        shared = {"data": folder / "data", "database": cluster.database("ocr")}
        machines = tuple(
            quick(folder / name, [pacs.destination()], operation={"workers": 2, "machine": name}, **shared)
            for name in ("first", "second")
        )
        with running(*machines):
            yield tuple(Hospital(one.folder, one, pacs) for one in machines)


@pytest.fixture(scope="module", params=[on_sqlite, on_postgresql], ids=["sqlite", "postgresql"])
def machines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Hospital]]:
    with request.param(tmp_path_factory.mktemp("databases")) as told:
        yield told


def test_a_dose_series_sent_to_us_is_an_rdsr_that_anyone_finds_and_fetches(
    machines: Sequence[Hospital], tmp_path: Path
) -> None:
    tools("findscu", "getscu")
    here, told = machines[0], study_of("ge/two_pages", tmp_path)
    study = here.takes(told)
    here.unit(study, "verified")

    peer = ("-aec", "ORTHANC", "127.0.0.1", str(here.pacs.port))
    keys = ("-k", f"StudyInstanceUID={study}", "-k", "Modality=SR", "-k", "SeriesInstanceUID")
    found = run("findscu", "-S", "-k", "QueryRetrieveLevel=SERIES", *keys, *peer)
    (series,) = set(re.findall(r"\(0020,000e\) UI \[([0-9.]+)", found))
    which = ("-k", f"StudyInstanceUID={study}", "-k", f"SeriesInstanceUID={series}")
    got = tmp_path / "got"
    got.mkdir()
    run("getscu", "-S", "-od", got, "-k", "QueryRetrieveLevel=SERIES", *which, *peer)
    (file,) = got.iterdir()

    assert parse(dcmread(file)) == converted(told, tmp_path)


def test_nothing_is_doubled_whoever_takes_what(machines: Sequence[Hospital], tmp_path: Path) -> None:
    told = [study_of(FOLDERS[number % len(FOLDERS)], f"{tmp_path} {number}") for number in range(8)]
    # Each machine is sent every study by a caller of its own, at once, with its pages in another order.
    callers = [
        Thread(target=sent, args=(machine.service.port, pages[::step], tmp_path / f"{place} {step}"))
        for pages in told
        for place, machine in enumerate(machines)
        for step in (1, -1)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for pages in told:
        machines[0].unit(uid(pages), "verified")

    assert [len(held(machines[0].pacs, uid(pages))) for pages in told] == [1] * len(told)
    rows = machines[0].service.objects(objects.c.study.in_([uid(pages) for pages in told]))
    used = [row.sop_instance_uid for row in rows if row.state == "in_use"]
    assert sorted(used) == sorted(str(page.SOPInstanceUID) for pages in told for page in pages)
    assert len(rows) == sum(map(len, told)) * len(machines) * 2
    assert {row.state for row in rows} == {"in_use", "duplicate"}
    assert {row.machine for row in rows} == {machine.service.config.operation.machine for machine in machines}
