"""When a study is read, why, and with what; whatever arrives, and whoever asks for it at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from ocr_service.config import Reading
from ocr_service.work import studies
from ocr_service.work.sorting import BROKEN, Sorted
from ocr_service.work.store import Store
from ocr_service.work.studies import Due
from ocr_service.work.tables import objects
from ocr_service.work.tables import studies as table
from tests.work.stores import NOW, STUDY, add_object, add_study, add_unit, change, row, rows

RULES = Reading(settle=timedelta(seconds=2), quiet=timedelta(seconds=600), header_after=timedelta(hours=24))


def arrives(
    store: Store,
    uid: str,
    role: str = "screen",
    at: float = NOW,
    *,
    study: str = STUDY,
    sorted_at: float | None = None,
    whole: bool = False,
    context: bool = True,
    **told: Any,
) -> list[str]:
    """An object that was received and sorted; the files that need not be kept."""
    values: dict[str, Any] = {
        "state": "kept",
        "role": "",
        "study": "",
        "received_at": at,
        "name": f"objects/x/{uid}-{at}.dcm",
    }
    number = add_object(store, uid, **(values | told))
    return sorts(store, Sorted(number, role, study, uid, "", whole, context), at=at if sorted_at is None else sorted_at)


def sorts(store: Store, *told: Sorted, at: float = NOW) -> list[str]:
    return studies.sort_out(store, told, RULES, keep_all=False, now=at)


def due(store: Store, study: str = STUDY) -> tuple[float | None, str]:
    one = row(store, table, table.c.study == study)
    return (None if one.due_at is None else one.due_at - NOW, one.cause)


def started(store: Store, at: float) -> list[Due]:
    told: list[Due] = []
    while studies.start_due(store, at, told.append):
        pass
    return told


def asks(store: Store, cause: str = "act:1", at: float = NOW, which: Sequence[str] = (STUDY,)) -> None:
    with store.begin() as connection:
        studies.read_again(connection, which, cause, at)


def waits(store: Store) -> None:
    with store.begin() as connection:
        studies.wait_for_more(connection, STUDY, RULES)


def states(store: Store) -> list[str]:
    return [one.state for one in rows(store, objects)]


def test_a_screen_is_read_when_its_study_has_been_quiet(store):
    arrives(store, "1")

    assert due(store) == (600, "quiet")


def test_a_page_that_tells_the_whole_is_looked_at_at_once(store):
    arrives(store, "1", whole=True)

    assert due(store) == (2, "arrival")


def test_images_wait_for_a_screen_which_does_not_wait_for_them(store):
    arrives(store, "1", "image")
    assert due(store) == (86400, "header")
    arrives(store, "2", at=NOW + 10)

    assert due(store) == (610, "quiet")


@pytest.mark.parametrize("role", ["report", "other", "companion", BROKEN])
def test_what_can_tell_no_dose_lets_no_study_be_read(store, role):
    arrives(store, "1", role)

    assert due(store) == (None, "")


@pytest.mark.parametrize("role", ["other", "companion"])
def test_what_is_not_read_with_a_study_does_not_open_it_again(store, role):
    arrives(store, "1")
    started(store, NOW + 600)
    change(store, table, state="read")
    arrives(store, "2", role, NOW + 700)

    one = row(store, table)
    assert (one.due_at, one.state, one.last_arrival) == (None, "read", NOW + 700)


@pytest.mark.parametrize("role", ["screen", "report", "image", BROKEN, "step"])
def test_what_a_study_is_read_with_opens_it_again(store, role):
    arrives(store, "1")
    started(store, NOW + 600)
    add_unit(store)
    if role == "step":
        with store.begin() as connection:
            studies.touch(connection, Sorted(0, "step", STUDY), NOW + 700, RULES, NOW + 700)
    else:
        arrives(store, "2", role, NOW + 700)

    assert due(store) == (1300, "quiet")


def test_what_arrives_late_after_a_long_outage_is_due_now(store):
    arrives(store, "1", at=NOW, sorted_at=NOW + 9000)

    assert due(store) == (9000, "quiet")


def test_a_clock_that_was_ahead_delays_nothing(store):
    arrives(store, "1", at=NOW + 86400, sorted_at=NOW)
    assert due(store) == (600, "quiet")
    arrives(store, "2", at=NOW + 10)

    assert due(store) == (610, "quiet")


def test_what_a_person_asked_for_is_not_forgotten_where_a_page_arrives(store):
    arrives(store, "1")
    started(store, NOW + 600)
    asks(store, "act:1", NOW + 700)
    arrives(store, "2", at=NOW + 700, whole=True)

    assert due(store) == (1300, "act:1")


def test_what_a_person_asked_for_does_not_wait_for_a_screen(store):
    arrives(store, "1", "image")
    started(store, NOW + 86400)
    asks(store, "act:1", NOW + 90000)
    arrives(store, "2", "image", NOW + 90000)

    assert due(store) == (90000, "act:1")


def test_who_asks_for_a_study_that_waits_for_a_screen_has_it_now(store):
    arrives(store, "1", "image")
    asks(store, "act:1", NOW + 5)

    assert due(store) == (5, "act:1")


def test_who_asks_for_a_study_whose_pages_arrive_has_it_when_they_are_all_there(store):
    arrives(store, "1")
    asks(store, "letters:3", NOW + 5)

    assert due(store) == (600, "quiet")


def test_pages_that_are_not_all_there_are_waited_for_although_a_person_asks(store):
    arrives(store, "1", whole=True)
    started(store, NOW + 2)
    asks(store, "act:1", NOW + 3)
    waits(store)

    assert due(store) == (600, "act:1")


def test_pages_that_are_not_all_there_are_waited_for(store):
    arrives(store, "1", whole=True)
    started(store, NOW + 2)
    waits(store)

    assert due(store) == (600, "quiet")


def test_a_study_that_is_to_be_read_again_is_not_at_rest(store):
    add_study(store, state="read")
    asks(store)

    assert row(store, table).state == "open"


def test_more_studies_than_a_statement_has_parameters_are_read_again(store):
    arrives(store, "1")
    started(store, NOW + 600)
    asks(store, at=NOW + 700, which=[*(f"1.{number}" for number in range(70_000)), STUDY])

    assert due(store) == (700, "act:1")


def test_many_studies_are_due_at_once(store):
    for number in range(250):
        add_study(store, f"1.{number}", due_at=NOW, cause="quiet")

    told = started(store, NOW)
    assert len({one.workflow_id for one in told}) == len(told) == 250
    assert started(store, NOW) == []


def test_whoever_dies_between_start_and_row_starts_the_same_again(store):
    arrives(store, "1")
    names = []

    def dies(one: Due) -> None:
        names.append(one.workflow_id)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            studies.start_due(store, NOW + 600, dies)

    assert names[0] == names[1]
    assert due(store) == (600, "quiet")


def test_a_study_is_started_only_after_the_reason_was_committed(store):
    """Else it would be read without the decision that it is to be read for."""
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    arrives(store, "1")
    asked, may_end = Event(), Event()

    def asks_slowly() -> None:
        with store.begin() as connection:
            studies.read_again(connection, [STUDY], "act:1", NOW + 601)
            asked.set()
            may_end.wait(10)

    thread = Thread(target=asks_slowly)
    thread.start()
    asked.wait(10)
    meanwhile: list[Due] = []
    studies.start_due(store, NOW + 601, meanwhile.append)
    may_end.set()
    thread.join()

    assert meanwhile == []
    assert len(started(store, NOW + 601)) == 1


def test_the_same_object_again_is_a_duplicate_before_and_after_the_reading(store):
    arrives(store, "1")
    assert arrives(store, "1", at=NOW + 1) == [f"objects/x/1-{NOW + 1}.dcm"]
    started(store, NOW + 700)
    arrives(store, "1", at=NOW + 800)

    assert states(store) == ["in_use", "duplicate", "duplicate"]
    assert due(store) == (None, "quiet")


def test_the_same_uid_with_other_contents_is_another_object(store):
    arrives(store, "1")
    started(store, NOW + 600)
    arrives(store, "1", at=NOW + 700, digest="another")

    assert states(store) == ["in_use", "in_use"]
    assert due(store) == (1300, "quiet")


def test_an_object_whose_file_was_damaged_can_be_sent_again(store):
    arrives(store, "1", BROKEN)
    arrives(store, "1", at=NOW + 1)

    assert states(store) == ["failed", "in_use"]


def test_a_broken_object_again_is_a_duplicate(store):
    arrives(store, "1", BROKEN)
    arrives(store, "1", BROKEN, at=NOW + 1)

    assert states(store) == ["failed", "duplicate"]


def test_a_broken_object_of_no_study_is_failed_and_opens_none(store):
    arrives(store, "1", BROKEN, study="")

    assert states(store) == ["failed"]
    assert rows(store, table) == []


def test_sorting_twice_changes_nothing_more(store):
    number = add_object(store, "1", state="kept", role="", study="")
    told = Sorted(number, "screen", STUDY, "1")
    sorts(store, told)
    started(store, NOW + 600)

    assert sorts(store, told, at=NOW + 700) == []
    assert due(store) == (None, "quiet")


def test_what_is_no_dose_screen_is_dropped(store):
    useless = arrives(store, "1", "other", context=False)

    assert useless == [f"objects/x/1-{NOW}.dcm"]
    one = row(store, objects)
    assert (one.state, one.on_disk) == ("dropped", False)


def test_an_object_takes_the_place_of_an_archives_answer(store):
    arrives(store, "1", "image", via="context:answer:pacs", digest="answer")
    arrives(store, "1", "image", at=NOW + 1)

    assert states(store) == ["dropped", "context"]


def test_context_that_was_asked_for_opens_no_study(store):
    arrives(store, "1", "report", via="context:pacs")

    assert rows(store, table) == []


def test_a_study_whose_screen_failed_while_it_was_read_is_read_again_where_more_arrives(store):
    arrives(store, "1")
    (one,) = started(store, NOW + 600)
    studies.attempt_failed(store, 1, "it killed a process", 1)
    arrives(store, "2", BROKEN, NOW + 601)

    with store.begin() as connection:
        assert studies.digest_of(connection, STUDY) != one.digest
    assert due(store) == (1201, "quiet")


def test_an_object_has_as_many_attempts_as_configured(store):
    number = add_object(store, "1")

    assert [studies.attempt_failed(store, number, "why", 3) for _ in range(3)] == [False, False, True]
    assert states(store) == ["failed"]


def test_objects_of_another_machine_are_left_to_it_for_a_minute(store):
    add_object(store, "1", state="kept", machine="other")

    assert studies.kept(store, "machine-1", NOW + 59) == []
    assert len(studies.kept(store, "machine-1", NOW + 61)) == 1


def test_two_workers_that_sort_the_same_object_agree(store):
    """The second one waits for the first one, and leaves what that one decided, whose file is gone."""
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first = add_object(store, "1", state="kept", role="", study="", name="a")
    second = add_object(store, "1", state="kept", role="", study="", name="b")
    both = [Sorted(first, "screen", STUDY, "1"), Sorted(second, "screen", STUDY, "1")]
    begun, may_end = Event(), Event()

    class Slow(list):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield from both
            begun.set()
            may_end.wait(10)

    one = Thread(target=lambda: studies.sort_out(store, Slow(), RULES, keep_all=False, now=NOW))
    other = Thread(target=lambda: sorts(store, both[1]))
    one.start()
    begun.wait(10)
    other.start()
    other.join(0.3)
    may_end.set()
    one.join()
    other.join()

    assert states(store) == ["in_use", "duplicate"]
