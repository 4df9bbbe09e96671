"""Archives whose console's letters are registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.work.archives import (
    LEARNED,
    Site,
    readers,
)


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
