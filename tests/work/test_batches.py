"""Documents that go to one destination together: which of them, and when."""

from __future__ import annotations

import pytest

from ocr_service.work import deliveries
from ocr_service.work.deliveries import Batch
from tests.work.outbox_rows import add, again, ended, of, started
from tests.work.stores import NOW, PACS, add_study, add_unit


@pytest.fixture(autouse=True)
def unit(store) -> None:
    add_study(store)
    add_unit(store)


def test_whoever_dies_between_start_and_row_starts_the_same_again(store):
    add(store, "1")
    names = []

    def dies(batch: Batch) -> None:
        names.append(batch.workflow_id)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            deliveries.start_waiting(store, dies, NOW)

    assert names[0] == names[1]
    assert of(store, "1").batch == ""


def test_a_document_that_no_batch_has_yet_wakes_those_of_its_lane(store):
    add(store, "1", batch="b", next_at=NOW + 1000)
    add(store, "2", batch="other", destination="other")
    waits = add(store, "3")
    again(store, waits)
    names: list[str] = []
    deliveries.woken(store, names.append)
    deliveries.woken(store, names.append)

    assert names == ["b"]


def test_what_comes_while_a_lane_has_enough_batches_collects(store):
    batches: list[Batch] = []
    for number in range(5):
        add(store, str(number))
        deliveries.start_waiting(store, batches.append, NOW)
    add(store, "x", destination="other")
    assert [len(batch.numbers) for batch in batches] == [1] * deliveries.BATCHES

    assert [batch.lane for batch in started(store)] == ["other"]
    for number in batches[0].numbers:
        ended(store, number)
    assert [len(batch.numbers) for batch in started(store)] == [5 - deliveries.BATCHES]


def test_a_lane_takes_as_many_together_as_one_connection_is_worth(store):
    for number in range(deliveries.TOGETHER + 1):
        add(store, str(number))
    add(store, "x", destination="other")
    batches = started(store)

    told = [(batch.lane, len(batch.numbers)) for batch in batches]
    assert told == [(PACS, deliveries.TOGETHER), (PACS, 1), ("other", 1)]
    assert len({batch.workflow_id for batch in batches}) == 3
