"""Objects that were removed, dropped or lost to a process, and come again."""

from __future__ import annotations

from ocr_service.config import Reading
from ocr_service.work import studies
from ocr_service.work.sorting import BROKEN, Sorted
from ocr_service.work.tables import deliveries, objects
from tests.work.hospital import Hospital
from tests.work.stores import DAY, NOW, STUDY, add_object, add_study, desk, row


def arrives(store, uid, digest=None, **told):
    n = add_object(
        store,
        uid,
        state="kept",
        role="",
        study="",
        name=f"objects/{DAY}/again-{uid}.dcm",
        **{"digest": digest} if digest else {},
    )
    gone = studies.sort_out(store, [Sorted(n, "screen", STUDY, uid)], Reading(), keep_all=False, now=NOW)
    return (row(store, objects, objects.c.id == n), gone)


def test_a_page_whose_file_was_removed_is_kept_when_it_is_sent_again(store):
    add_study(store, state="read", cause="quiet")
    add_object(store, "1.1", on_disk=False)
    one, gone = arrives(store, "1.1")
    assert (one.state, gone) == ("in_use", []), (one.state, gone)


def test_an_object_that_was_dropped_is_kept_when_new_templates_know_it(store):
    add_study(store)
    add_object(store, "1.1", state="dropped", role="other", on_disk=False)
    one, gone = arrives(store, "1.1")
    assert (one.state, gone) == ("in_use", []), (one.state, gone)


def test_an_object_that_killed_the_sorting_process_is_sorted_when_asked_again(store, tmp_path):
    from ocr_service.work import persons

    n = add_object(store, "1.1", state="kept", role="", study="")
    for _ in range(3):
        studies.attempt_failed(store, n, "it died", 3)
    studies.sort_out(store, [Sorted(n, BROKEN, why="it died")], Reading(), keep_all=False, now=NOW)
    one = row(store, objects)
    assert one.state == "failed"
    its = desk(store, tmp_path)
    persons.retry(its, "all", "Tanaka^Ichiro", NOW)
    assert row(store, objects).state == "kept", row(store, objects).state


def test_pages_that_come_back_are_read_again_and_a_report_that_says_the_same_stays(tmp_path, monkeypatch):
    here = Hospital(tmp_path)
    here.receive("1.1", "1.10")
    unit = here.verified("1.10", "9.1")
    here.deliver(monkeypatch)
    here.change(objects, objects.c.sop_instance_uid == "1.1", on_disk=False)
    here.receive("1.1", "1.10")

    assert here.verified("1.10", "9.1") == unit

    assert [(one.kind, one.state) for one in here.rows(deliveries)] == [("rdsr", "acknowledged")]
