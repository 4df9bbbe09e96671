"""What goes where: one live report of a unit at each destination, whatever order things happen in."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ocr_service.network.arrivals import Committed
from ocr_service.work import commitments, deliveries
from ocr_service.work.deliveries import Plan
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries as sent
from tests.work.outbox_rows import add, again, document, ended, got, of, started
from tests.work.stores import DAY, NOW, FakeRejecting, add_study, add_unit, destination, row, rows

RULES = ("new_only", "reject_then_new", "manual")
STATES = ("waiting", "acknowledged", "refused", "failed", "recalled")


@pytest.fixture(autouse=True)
def unit(request: pytest.FixtureRequest) -> None:
    if "store" in request.fixturenames:
        add_study(request.getfixturevalue("store"))
        add_unit(request.getfixturevalue("store"))


def planned(store: Store, new: str | None, correction: str = "new_only", *, none_stays: bool = False) -> None:
    what = Plan("unit", document(new) if new else None, none_stays, FakeRejecting().note, NOW, DAY)
    with store.begin() as connection:
        deliveries.plan(connection, what, [destination(correction=correction)])


def told(store: Store) -> list[tuple[str, str, str, bool]]:
    return [(one.kind, one.sop_instance_uid, one.state, one.superseded) for one in rows(store, sent)]


def late(store: Store, number: int, correction: str) -> None:
    with store.begin() as connection:
        what = Plan("unit", None, True, FakeRejecting().note, NOW, DAY)
        deliveries.recall_late(connection, number, what, destination(correction=correction))


@pytest.mark.parametrize(("state", "correction"), list(product(STATES, RULES)))
@pytest.mark.parametrize(("new", "none_stays"), [("2", False), (None, True), (None, False), ("1", False)])
def test_planning_twice_changes_nothing_more(state, correction, new, none_stays):
    store = Store("sqlite://")
    store.prepare()
    add_study(store)
    add_unit(store)
    add(store, "1", state)

    planned(store, new, correction, none_stays=none_stays)
    once = told(store)
    planned(store, new, correction, none_stays=none_stays)

    assert told(store) == once
    store.close()


@pytest.mark.parametrize("correction", RULES)
def test_a_report_that_waits_is_never_sent_where_a_new_one_takes_its_place(store, correction):
    add(store, "1")
    planned(store, "2", correction)

    assert told(store) == [("rdsr", "1", "recalled", True), ("rdsr", "2", "waiting", False)]
    assert [batch.numbers for batch in started(store)] == [(of(store, "2").id,)]


def test_new_only_sends_the_new_one_beside_the_old_one(store):
    add(store, "1", "acknowledged")
    planned(store, "2")

    assert told(store) == [("rdsr", "1", "acknowledged", True), ("rdsr", "2", "waiting", False)]


@pytest.mark.parametrize("correction", ["reject_then_new", "manual"])
def test_the_new_one_waits_until_the_old_one_was_taken_back(store, correction):
    add(store, "1", "acknowledged")
    planned(store, "2", correction)
    new = of(store, "2")
    started(store)
    assert of(store, "2").batch == ""

    ended(store, new.after)

    assert [batch.numbers for batch in started(store)] == [(new.id,)]


@pytest.mark.parametrize("correction", ["reject_then_new", "manual"])
def test_a_third_one_also_waits_until_the_first_one_was_taken_back(store, correction):
    add(store, "1", "acknowledged")
    planned(store, "2", correction)
    first = of(store, "2").after
    planned(store, "3", correction)

    assert of(store, "3").after == first
    started(store)
    assert of(store, "3").batch == ""


@pytest.mark.parametrize("correction", RULES)
def test_a_report_that_is_valid_again_waits_until_its_own_take_back_is_done(store, correction):
    """Whoever takes it back after it was sent again would take the valid one."""
    add(store, "1", "acknowledged")
    planned(store, None, correction, none_stays=True)
    back = row(store, sent, sent.c.kind != "rdsr")
    planned(store, "1", correction)

    assert [len(batch.numbers) for batch in started(store)] == ([1] if back.kind == "rejection" else [])
    ended(store, back.id)
    (again_there,) = [one for one in rows(store, sent) if (one.kind, one.state) == ("rdsr", "waiting")]
    assert again_there.after == back.id
    assert [batch.numbers for batch in started(store)] == [(again_there.id,)]


@pytest.mark.parametrize("state", ["refused", "failed"])
def test_a_person_who_tries_everything_again_brings_no_old_report_back(store, state):
    old = add(store, "1", state)
    planned(store, "2")
    ended(store, of(store, "2").id)
    again(store, old, of(store, "2").id)

    assert started(store) == []


def test_a_report_that_was_tried_again_can_be_taken_back_and_sent_once_more(store):
    number = add(store, "1", "refused")
    again(store, number)
    ended(store, number)
    planned(store, None, "manual", none_stays=True)
    planned(store, "1")

    assert [one.state for one in rows(store, sent, sent.c.kind == "rdsr")] == ["recalled", "waiting"]


def test_a_report_that_was_given_up_has_all_its_time_again_when_a_person_asks(store):
    number = add(store, "1", "failed", created_at=NOW - 1e7, attempts=300)
    again(store, number)

    one = got(store, number)
    assert (one.state, one.created_at, one.attempts, one.turn, one.batch) == ("waiting", NOW, 0, 1, "")


def test_nothing_of_the_unit_stays_also_not_what_a_newer_one_was_sent_beside(store):
    add(store, "1", "acknowledged")
    planned(store, "2")
    ended(store, of(store, "2").id)
    planned(store, None, none_stays=True)

    assert {one.sop_instance_uid for one in rows(store, sent, sent.c.kind == "manual")} == {"1", "2"}


def test_a_report_that_is_believed_again_counts_as_there(store):
    add(store, "1", "acknowledged")
    planned(store, "2")
    planned(store, "1")

    assert told(store) == [("rdsr", "1", "acknowledged", False), ("rdsr", "2", "recalled", True)]


@pytest.mark.parametrize("end", ["refused", "failed"])
def test_where_a_rejection_fails_a_person_is_told_and_the_new_one_goes_on_after_that(store, end):
    add(store, "1", "acknowledged")
    planned(store, "2", "reject_then_new")
    ended(store, of(store, "2").after, end)

    hand = row(store, sent, sent.c.kind == "manual")
    assert (hand.state, of(store, "2").after) == ("waiting", hand.id)
    ended(store, hand.id)
    assert [batch.numbers for batch in started(store)] == [(of(store, "2").id,)]


def test_what_arrived_twice_is_no_reason_to_take_it_back(store):
    number = add(store, "1")

    assert [deliveries.ended(store, number, "acknowledged", NOW) for _ in range(2)] == [True, True]


def test_what_was_taken_back_while_it_was_under_way_is_to_be_recalled(store):
    number = add(store, "1")
    planned(store, None, none_stays=True)

    assert deliveries.ended(store, number, "acknowledged", NOW) is False


def test_a_report_that_waits_for_its_storage_commitment_is_at_the_destination(store):
    add(store, "1", committing="9.9")
    planned(store, "2", "reject_then_new")

    assert of(store, "2").after is not None


def test_a_commitment_acknowledges_what_it_names(store):
    one, two = add(store, "1", committing="9.9", batch="b"), add(store, "2", committing="9.9", batch="b")
    other = add(store, "3")
    commitments.committed(store, Committed("9.9", ("1", "3"), (("2", 0x0110),), "PACS"), NOW)

    states = [got(store, number).state for number in (one, two, other)]
    assert states == ["acknowledged", "waiting", "waiting"]
    assert "0110" in got(store, two).why
    woken: list[str] = []
    deliveries.woken(store, woken.append)
    deliveries.woken(store, woken.append)
    assert woken == ["b"]


def test_a_commitment_of_no_transaction_says_nothing(store):
    number = add(store, "1")
    commitments.committed(store, Committed("", ("1",), (), "PACS"), NOW)

    assert got(store, number).state == "waiting"


def test_a_late_arrival_is_taken_back_by_the_destinations_rule(store):
    number = add(store, "1")
    planned(store, None, none_stays=True)
    late(store, number, "reject_then_new")

    assert told(store) == [("rdsr", "1", "recalled", True), ("rejection", "1.9.1", "waiting", False)]


def test_a_late_arrival_does_not_count_what_a_newer_one_was_sent_beside(store):
    add(store, "1", "acknowledged", superseded=True)
    number = add(store, "2", "recalled", superseded=True)
    late(store, number, "new_only")

    assert {one.sop_instance_uid for one in rows(store, sent, sent.c.kind == "manual")} == {"1", "2"}


class AnyOrder(RuleBasedStateMachine):
    """One unit and one destination, which keeps what is sent to it until it is told to reject it."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.rejecting = Store("sqlite://"), FakeRejecting()
        self.store.prepare()
        add_study(self.store)
        add_unit(self.store)
        self.there: set[str] = set()
        self.under_way: list[Any] = []
        self.wanted: str | None = None
        self.count = 0

    def teardown(self) -> None:
        while self.under_way:
            self.end(self.under_way.pop(0), "acknowledged")
        for _ in range(20):
            self.start()
            while self.under_way:
                self.end(self.under_way.pop(0), "acknowledged")
            for one in rows(self.store, sent, sent.c.kind == "manual", sent.c.state == "waiting"):
                self.by_hand(one)
            again(self.store, *[one.id for one in rows(self.store, sent, sent.c.state.in_(("refused", "failed")))])
        live = [one for one in rows(self.store, sent, sent.c.kind == "rdsr") if one.state != "recalled"]
        beside = {one.sop_instance_uid for one in live if one.superseded}
        assert {one.state for one in rows(self.store, sent)} <= {"acknowledged", "recalled"}
        assert [one.sop_instance_uid for one in live if not one.superseded] == ([self.wanted] if self.wanted else [])
        assert self.there - beside == ({self.wanted} if self.wanted else set())
        assert not beside or (self.correction == "new_only" and self.wanted)
        self.store.close()

    @initialize(correction=st.sampled_from(RULES))
    def begins(self, correction: str) -> None:
        self.correction = correction

    def plan(self) -> None:
        document_ = document(self.wanted) if self.wanted else None
        what = Plan("unit", document_, self.wanted is None, self.rejecting.note, NOW, DAY)
        with self.store.begin() as connection:
            deliveries.plan(connection, what, [destination(correction=self.correction)])

    @rule(twice=st.booleans())
    def a_new_report(self, twice: bool) -> None:
        self.count += 1
        self.wanted = f"1.{self.count}"
        for _ in range(1 + twice):
            self.plan()

    @rule()
    def nothing_may_stay(self) -> None:
        self.wanted = None
        self.plan()

    @rule()
    def start(self) -> None:
        for batch in started(self.store):
            self.under_way += [got(self.store, number) for number in batch.numbers]

    @rule(place=st.integers(0, 9), state=st.sampled_from(["acknowledged", "acknowledged", "refused", "failed"]))
    def a_sending_ends(self, place: int, state: str) -> None:
        if self.under_way:
            self.end(self.under_way.pop(place % len(self.under_way)), state)

    @rule(place=st.integers(0, 9))
    def a_sending_ends_twice(self, place: int) -> None:
        if self.under_way:
            one = self.under_way.pop(place % len(self.under_way))
            self.end(one, "acknowledged")
            if got(self.store, one.id).state == "acknowledged":
                self.end(one, "acknowledged")

    @rule(place=st.integers(0, 9))
    def a_person_takes_back(self, place: int) -> None:
        found = rows(self.store, sent, sent.c.kind == "manual", sent.c.state == "waiting")
        if found:
            self.by_hand(found[place % len(found)])

    @rule()
    def a_person_tries_all_again(self) -> None:
        again(self.store, *[one.id for one in rows(self.store, sent, sent.c.state != "acknowledged")])

    def by_hand(self, one: Any) -> None:
        self.there.discard(one.sop_instance_uid)
        ended(self.store, one.id)

    def end(self, one: Any, state: str) -> None:
        if got(self.store, one.id).turn != one.turn:
            return  # it is started anew
        rejected = one.sop_instance_uid.rpartition(".9.")[0]
        if state == "acknowledged" and one.kind == "rdsr":
            self.there.add(one.sop_instance_uid)
        if state == "acknowledged" and one.kind == "rejection":
            self.there.discard(rejected)

        def taken_back(connection: Any) -> None:
            what = Plan("unit", None, True, self.rejecting.note, NOW, DAY)
            deliveries.recall_late(connection, one.id, what, destination(correction=self.correction))

        deliveries.ended(self.store, one.id, state, NOW, late=taken_back)


def test_in_whatever_order_the_newest_report_is_the_only_one_that_counts():
    run_state_machine_as_test(
        AnyOrder, settings=settings(max_examples=40, stateful_step_count=15, deadline=None, derandomize=True)
    )
