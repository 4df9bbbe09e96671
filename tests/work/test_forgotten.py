"""Studies that the records say are being read, and no workflow reads: they are begun anew, and no others."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from ocr_service.work import forgotten
from ocr_service.work.store import Store
from ocr_service.work.studies import Due, digest_of
from ocr_service.work.tables import acts, studies
from tests.work.stores import NOW, STUDY, add_object, add_study, add_unit, row


def decided(store: Store, at: float) -> None:
    with store.begin() as connection:
        connection.execute(insert(acts).values(at=at, person="Tanaka^Ichiro", kind="confirm", unit="unit"))


def begun_anew(store: Store) -> str:
    """The cause that the study is due for now; "" where it is not."""
    forgotten.begin_anew(store, lambda _: {}, NOW + 100)
    it = row(store, studies)
    return it.cause if it.due_at is not None else ""


def test_a_study_that_nobody_reads_any_more_is_begun_anew(store):
    add_study(store, state="open", cause="quiet")
    add_object(store, "1.1")

    assert begun_anew(store).startswith("anew:")


def test_a_study_that_a_workflow_reads_is_left_to_it(store):
    add_study(store, state="open", cause="quiet")
    add_object(store, "1.1")
    with store.begin(reading=True) as connection:
        name = Due(STUDY, digest_of(connection, STUDY), "quiet").workflow_id

    assert forgotten.begin_anew(store, lambda _: {name: "PENDING"}, NOW) == (0, 0)
    assert row(store, studies).due_at is None


def test_a_decision_that_no_reading_has_heard_of_is_read_with_once_more(store):
    add_study(store, state="read", cause="act:1")
    add_unit(store)
    decided(store, NOW + 1)

    assert begun_anew(store).startswith("anew:")


@pytest.mark.parametrize(
    ("study", "at"),
    [
        ({"state": "read", "cause": "act:1"}, NOW - 1),
        ({"state": "read", "cause": "quiet"}, NOW + 1),
        ({"state": "open", "cause": ""}, NOW - 1),
        ({"state": "failed", "cause": "quiet"}, NOW - 1),
    ],
    ids=["it was read with it", "it was read for another cause since", "nothing in it tells a dose", "it failed"],
)
def test_what_is_not_being_read_is_left_alone(store, study, at):
    add_study(store, **study)
    add_unit(store)
    decided(store, at)

    assert begun_anew(store) == ""
