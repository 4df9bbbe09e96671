"""Archives whose console's letters are registered, and a page that a person has to look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_service.work import placing
from ocr_service.work.store import Store
from tests.work import stores
from tests.work.archives import (
    LEARNED,
    Site,
    readers,
)
from tests.work.deciding import MISREAD, Desk
from tests.work.lanes import peer  # noqa: F401 (a fixture, for every module)
from tests.work.stores import emptied, postgresql, postgresql_programs


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template folder with the font that a first run registered."""
    site = Site(tmp_path_factory.mktemp("trained"))
    for study in range(1, LEARNED + 1):
        site.add(study)
    site.convert(readers())
    return site.templates


@pytest.fixture
def site(tmp_path: Path, trained: Path) -> Site:
    """A site whose console's letters are registered."""
    its = Site(tmp_path)
    its.templates.mkdir()
    (its.templates / "acme").mkdir()
    (its.templates / "acme" / "dose.font").write_bytes((trained / "acme" / "dose.font").read_bytes())
    return its


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One engine reads `493.4` where the page says 498.4, and the sum settles nothing: a second cell is in doubt."""
    return Desk(tmp_path, {**MISREAD, "618.5": "613.5"})


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL of these tests' own."""
    if postgresql_programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied: that is quicker than making them for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.sqlite"
    emptied(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty database, of each kind that the service knows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "db.sqlite")
        told = Store(f"sqlite:///{tmp_path / 'db.sqlite'}")
    else:
        told = emptied(request.getfixturevalue("postgresql_url"))
    yield told
    told.close()


@pytest.fixture
def its(store: Store, tmp_path: Path) -> placing.Desk:
    """What recording needs, with a store that has a study with one object."""
    stores.add_study(store)
    stores.add_object(store, "1.1")
    return stores.desk(store, tmp_path)
