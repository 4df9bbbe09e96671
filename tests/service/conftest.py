"""What all tests of the running service need."""

from __future__ import annotations

import gc
import warnings

import pytest


def pytest_collection_modifyitems(items):
    """pynetdicom forgets the socket of a connection that is refused; so it is while the service is dead."""
    for item in items:
        if item.path.parent.name == "service":
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))


@pytest.fixture(autouse=True)
def no_forgotten_sockets():
    """Collect them here, not in somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
