"""`fetch`: what it brings, what it says of its way, and that no accession number is in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from pydicom import Dataset

from ocr_service.config import Config
from ocr_service.work.tables import objects
from tests.network.archives import free_port
from tests.network.odd_pacs import ROOT, OddPacs, image, page
from tests.operator_of import Site

# pynetdicom leaves it to the collector to close the socket of a connection that was refused or aborted.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(autouse=True)
def quiet_libraries() -> Iterator[None]:
    """`fetch` sets up all loggers; other tests listen to some, and the place that they write to ends with the test."""
    names = ("pynetdicom", "pydicom", "dbos", "urllib3", "PIL", "dicomweb_client")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def archive(site: Site, port: int) -> None:
    told = {"name": "odd", "ae_title": "ODD", "host": "127.0.0.1", "port": port, "timeout": "5s", "rate": 1000.0}
    site.config = site.config.model_copy(update={"pacs": Config(pacs=[told]).pacs})
    site.write()


def test_fetch_brings_what_an_archive_has_and_does_not_ask_for_it_again(site: Site):
    objects_there: list[Dataset] = [page(), image(), page(study=2)]
    with OddPacs(objects_there).running() as port:
        archive(site, port)
        code, said = site.does("fetch", "--study-date", "20200102")
        assert code == 0, said
        assert "2020-01-02: 2 studies; so far 2 objects brought" in said
        assert len(site.rows(objects)) == 2
        code, said = site.does("fetch", "--study-date", "20200102")
        assert (code, "0 objects brought" in said) == (0, True)
        code, said = site.does("fetch", "--pacs", "odd", "--study", f"{ROOT}.1")
        assert (code, "number 1 of the list: 1 studies" in said) == (0, True)


def retired(site: Site) -> None:
    """All objects that are here are removed, as when their time is over."""
    for row in site.rows(objects):
        (site.config.data / "spool" / row.name).unlink(missing_ok=True)
        site.change(objects, objects.c.id == row.id, state="in_use", on_disk=False)


@pytest.mark.parametrize("by", [("--study", f"{ROOT}.1"), ("--accession", "A1")])
def test_fetch_brings_removed_objects_of_a_named_study_again_and_only_once(site: Site, by: tuple[str, str]):
    with OddPacs([page(AccessionNumber="A1"), page(study=2)]).running() as port:
        archive(site, port)
        assert site.does("fetch", "--study-date", "20200102")[0] == 0
        retired(site)
        for words in (("--study-date", "20200102", "--again"), by):
            code, said = site.does("fetch", *words)
            assert (code, "0 objects brought" in said) == (0, True), said

        code, said = site.does("fetch", *by, "--again")
        assert (code, "1 studies, 1 with dose series, 0 known already; 1 objects brought" in said) == (0, True), said
        assert [row.on_disk for row in site.rows(objects)] == [False, False, True]
        for words in ((*by, "--again"), by, ("--study-date", "20200102", "--again")):
            assert "; 0 objects brought" in site.does("fetch", *words)[1].splitlines()[-1]


def test_fetch_does_not_bring_again_what_was_of_no_use(site: Site):
    with OddPacs([page()]).running() as port:
        archive(site, port)
        assert site.does("fetch", "--study", f"{ROOT}.1")[0] == 0
        site.change(objects, objects.c.id == 1, state="dropped", on_disk=False)

        assert "; 0 objects brought" in site.does("fetch", "--study", f"{ROOT}.1", "--again")[1]


def test_fetch_never_says_an_accession_number(site: Site):
    with OddPacs([page(AccessionNumber="A4711")]).running() as port:
        archive(site, port)
        code, said = site.does("fetch", "--accession", "A4711", "--accession", "A4712")

    assert code == 0, said
    assert "number 1 of the list: 1 studies" in said
    assert "number 2 of the list: the archive has no such study\n" in said
    assert "A471" not in said


def test_fetch_says_that_days_are_done_and_nothing_of_days_without_studies(site: Site):
    with OddPacs([page()]).running() as port:
        archive(site, port)
        code, said = site.does("fetch", "--study-date", "20200101-20200103")
        assert (code, [line[:10] for line in said.splitlines()]) == (0, ["2020-01-02", "odd: 1 stu"])

        code, said = site.does("fetch", "--study-date", "20200101-20200104")
        assert code == 0
        assert said.splitlines()[1:] == ["3 days were looked at before, and are done: --again looks at them, too"]
        assert "looked at before" not in site.does("fetch", "--study-date", "20200101-20200104", "--again")[1]


def test_fetch_says_how_to_go_on_where_the_archive_is_not_there(site: Site):
    archive(site, free_port())

    code, said = site.does("fetch", "--study-date", "20200101-20200109")

    assert code == 5
    assert "run the same command again: it goes on where it was" in said


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--study-date", "2020"),
        ("--study-date", "20200102-20200101"),
        ("--study-date", "20200230"),
        ("--study-date", "20200102", "--study", "1.2"),
        ("--watch", "often"),
        ("--watch", "5m", "--study", "1.2", "--again"),
        ("--pacs", "other", "--study", "1.2"),
    ],
)
def test_fetch_needs_to_know_where_and_what(site: Site, words: tuple[str, ...]):
    archive(site, 104)

    assert site.does("fetch", *words)[0] == 2


def test_fetch_stops_at_ctrl_c_and_says_how_to_go_on(site: Site, monkeypatch: pytest.MonkeyPatch):
    archive(site, 104)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ocr_service.work.sweeping.fetch", interrupted)
    code, said = site.does("fetch", "--study-date", "20200102")

    assert code == 130
    assert "it goes on where it was" in said
