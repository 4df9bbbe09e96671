"""The service killed with SIGKILL: at every step of the durable path, and at random moments under load.

What was acknowledged is never lost, and each study's report is at the PACS exactly once. `python -m bench.soak` does
the same a hundred times.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.service.living import installed
from tests.service.trials import STEPS, dies_at, killed_at_random

pytestmark = [
    pytest.mark.slow,
    pytest.mark.dicom_tools,
    pytest.mark.skipif(not installed("Orthanc"), reason="Orthanc is not installed"),
]


@pytest.mark.parametrize("half", [0, 7], ids=["from C-STORE to reading", "from reading to the PACS"])
def test_the_service_dies_once_at_every_step_of_the_durable_path(half, tmp_path):
    assert dies_at(tmp_path, dict(islice(STEPS.items(), half, half + 7)))["kills"] == 7


def test_the_service_and_its_processes_are_killed_at_random_moments_under_load(tmp_path):
    done = killed_at_random(tmp_path, kills=10, seed=20261126, most=20)

    assert [done[kind] for kind in ("whole", "supervisor", "receiver", "worker", "below")] == [4, 2, 2, 1, 1]
    assert done["studies"] >= 10
