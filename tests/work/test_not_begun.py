"""A process that cannot begin is no object's fault."""

from __future__ import annotations

import pytest

from ocr_service.errors import EngineError, NotBegun
from ocr_service.work.workers import OneProcess
from tests.work import jobs


def test_a_process_that_cannot_begin_is_told_apart_from_one_that_dies_of_its_job():
    with pytest.raises(NotBegun):
        OneProcess(jobs.dies_at_once, ()).do(jobs.work, ("well", ""), 30)

    one = OneProcess(jobs.begin, ())
    with pytest.raises(EngineError) as told:
        one.do(jobs.work, ("killed", ""), 30)
    assert not isinstance(told.value, NotBegun)
    assert one.do(jobs.work, ("well", ""), 30) == "well done"
    one.close()
