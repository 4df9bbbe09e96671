"""How pytest-xdist spreads the tests: modules that start a service or an archive for all their tests stay together.

Its own `--dist loadgroup` finds no group with pytest 9.2 (pytest-xdist #1386), and says nothing of it; so the groups
are told by a scheduler of ours, which takes the place of `--dist load`. Everything else goes wherever there is time.
"""

from __future__ import annotations

from typing import Any

import pytest

# Modules with a fixture that takes seconds, and the names of its variants: tests of another variant may go elsewhere.
TOGETHER: dict[str, tuple[str, ...]] = {
    "tests/network/test_use_cases.py": ("orthanc", "dcmqrscp"),
    "tests/service/test_backup.py": (),
    "tests/service/test_databases.py": ("sqlite", "postgresql"),
    "tests/service/test_faults.py": (),
    "tests/service/test_late_objects.py": (),
    "tests/service/test_no_patient_data.py": (),
    "tests/service/test_persons_decide.py": (),
    "tests/service/test_recall.py": (),
    "tests/service/test_routes.py": (),
    "tests/service/test_scanners.py": (),
    "tests/service/test_use_cases.py": (),
    "tests/test_convert.py": (),
    "tests/test_orthanc.py": (),
    "tests/test_samples_are_drawn.py": (),
}


def group(nodeid: str) -> str:
    """What stays together with this test; its own name where nothing does."""
    module, _, test = nodeid.partition("::")
    if module not in TOGETHER:
        return nodeid
    told = test.partition("[")[2].rstrip("]").split("-")
    return " ".join([module, *(one for one in TOGETHER[module] if one in told)])


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist nobody asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = group
    return scheduler
