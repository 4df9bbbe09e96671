"""What Prometheus is told is what lies in the database, and tells nothing of a patient or a study."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text

from ocr_service.work.metrics import MOST_LABELS, Collector, PartState
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries, objects, scanners, studies, units, workers

NOW = 1_800_000_000.0
STUDY = "1.2.826.0.1.3680043.10.77.5"
GUIDE = Path(__file__).parents[2] / "docs" / "operation.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    here = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    here.prepare()
    yield here
    here.close()


def collector(store: Store, folder: Path) -> Collector:
    parts = {"receiver-1": PartState(True), "worker-1": PartState(False, restarts=3)}
    return Collector(store, lambda: parts, folder, clock=lambda: NOW)


def scraped(store: Store, folder: Path) -> str:
    registry = CollectorRegistry()
    registry.register(collector(store, folder))
    return generate_latest(registry).decode()


def samples(told: str) -> Samples:
    """What a Prometheus understands of it, by name and labels."""
    return {
        (one.name.removeprefix("ocr_service_"), tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(told)
        for one in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def fill(store: Store) -> None:
    """Objects, two units, two destinations: one has its report, one has been away for an hour."""
    row = {
        "sop_class_uid": "1.2", "digest": "d", "bytes": 1, "calling_ae": "CT", "address": "10.0.0.1", "machine": "m",
        "day": "2027-01-15", "study": STUDY,
    }  # fmt: skip
    told = (("in_use", "c-store", 0), ("in_use", "c-store", 1), ("dropped", "fetch:pacs", 2), ("kept", "c-store", 3))
    with store.begin() as connection:
        connection.execute(
            insert(objects),
            [
                {**row, "name": f"n{at}", "sop_instance_uid": f"{STUDY}.{at}", "state": state, "via": via,
                 "received_at": NOW - 100 + at}
                for state, via, at in told
            ],
        )  # fmt: skip
        connection.execute(insert(studies).values(study=STUDY, opened_at=NOW - 90, last_arrival=NOW - 90))
        connection.execute(
            insert(studies),
            [
                {"study": f"{STUDY}.{at}", "opened_at": NOW, "last_arrival": NOW, "due_at": NOW + at}
                for at in (-30, -10, 500)
            ],
        )
    fill_units(store)


def fill_units(store: Store) -> None:
    unit = {"study": STUDY, "scanner": "s", "day": "2027-01-15", "report": "{}"}
    sent = {"kind": "rdsr", "file": "f", "day": "2027-01-15", "unit": "a"}
    with store.begin() as connection:
        connection.execute(
            insert(units),
            [
                {**unit, "id": "a", "outcome": "verified", "template": "ge/dose r1", "held": "", "read_at": NOW - 80,
                 "milliseconds": 400, "audited": 2, "disagreed": 1},
                {**unit, "id": "b", "outcome": "needs_review", "template": "ge/dose r1", "held": "",
                 "read_at": NOW - 70, "milliseconds": 4000, "audited": 0, "disagreed": 0},
                {**unit, "id": "c", "outcome": "verified", "template": "ge/dose r1", "held": "commissioning",
                 "read_at": NOW - 90_000, "milliseconds": 70, "audited": 0, "disagreed": 0},
                {**unit, "id": "d", "outcome": "unreadable", "template": "", "held": "",
                 "read_at": NOW - 90_000, "milliseconds": 70, "audited": 0, "disagreed": 0},
            ],
        )  # fmt: skip
        connection.execute(
            insert(deliveries),
            [
                {**sent, "destination": "pacs", "state": "acknowledged", "sop_instance_uid": "1",
                 "created_at": NOW - 80, "acknowledged_at": NOW - 70},
                {**sent, "destination": "dose", "state": "waiting", "sop_instance_uid": "1", "created_at": NOW - 3600,
                 "acknowledged_at": None},
                {**sent, "destination": "dose", "state": "waiting", "sop_instance_uid": "2", "created_at": NOW - 60,
                 "acknowledged_at": None},
            ],
        )  # fmt: skip
        connection.execute(insert(scanners).values(template="ge/dose r1", console="x", first_at=NOW))
        connection.execute(insert(workers).values(executor="machine-1-1", beat_at=NOW - 7))


def test_everything_is_counted_by_what_became_of_it(store: Store, tmp_path: Path) -> None:
    fill(store)
    found = samples(scraped(store, tmp_path))

    assert value(found, "objects", state="in_use", via="c-store") == 2
    assert value(found, "objects_received_total", via="c-store") == 3
    assert value(found, "objects_received_total", via="fetch:pacs") == 1
    assert value(found, "units", outcome="verified", template="ge/dose r1") == 2
    assert value(found, "review_depth") == 2
    assert value(found, "held", why="commissioning") == 1
    assert value(found, "audits_total", template="ge/dose r1") == 2
    assert value(found, "audit_disagreements_total", template="ge/dose r1") == 1
    assert value(found, "deliveries", destination="dose", state="waiting", kind="rdsr") == 2
    assert value(found, "scanners_not_accepted") == 1


def test_what_waits_is_told_by_its_age(store: Store, tmp_path: Path) -> None:
    fill(store)
    found = samples(scraped(store, tmp_path))

    assert value(found, "unsorted_oldest_seconds") == 97
    assert value(found, "studies_due") == 2
    assert value(found, "studies_due_oldest_seconds") == 30
    assert value(found, "studies_waiting") == 1
    assert value(found, "delivery_oldest_seconds", destination="dose", kind="rdsr") == 3600
    assert value(found, "delivery_oldest_seconds", destination="pacs", kind="rdsr") == 0
    assert value(found, "worker_silent_seconds", worker="machine-1-1") == 7


def test_durations_are_those_of_the_last_day(store: Store, tmp_path: Path) -> None:
    """A unit that was read more than 24 h ago is in no bucket."""
    fill(store)
    told = scraped(store, tmp_path)

    assert 'reading_seconds_bucket{le="0.25"} 0.0' in told
    assert 'reading_seconds_bucket{le="0.5"} 1.0' in told
    assert 'reading_seconds_bucket{le="+Inf"} 2.0' in told
    assert "reading_seconds_gsum 4.4" in told
    assert 'delivery_seconds_bucket{le="15.0"} 0.0' in told
    assert 'delivery_seconds_bucket{le="60.0"} 1.0' in told  # 20 s from its last object to the acknowledgement


def test_an_empty_installation_has_metrics_too(store: Store, tmp_path: Path) -> None:
    found = samples(scraped(store, tmp_path))

    assert value(found, "review_depth") == 0
    assert value(found, "unsorted_oldest_seconds") == 0
    assert value(found, "part_up", part="worker-1") == 0
    assert value(found, "part_restarts_total", part="worker-1") == 3
    assert value(found, "database_up") == 1
    assert value(found, "spool_free_bytes") > 0


def test_a_database_that_is_away_is_told_with_what_is_known_without_it(store: Store, tmp_path: Path) -> None:
    with store.begin() as connection:
        connection.execute(text("DROP TABLE ocr_objects"))
    found = samples(scraped(store, tmp_path))

    assert value(found, "database_up") == 0
    assert value(found, "part_up", part="receiver-1") == 1
    assert ("review_depth", ()) not in found


def test_no_label_names_a_study_an_object_or_a_unit(store: Store, tmp_path: Path) -> None:
    fill(store)
    told = scraped(store, tmp_path)

    assert STUDY not in told
    labels = {name for _, labels in samples(told) for name, _ in labels}
    assert labels <= {
        "part", "state", "via", "outcome", "template", "why", "destination", "kind", "worker", "le",
    }  # fmt: skip


def test_there_are_only_so_many_labels(store: Store, tmp_path: Path) -> None:
    with store.begin() as connection:
        connection.execute(insert(studies).values(study="1", opened_at=NOW, last_arrival=NOW))
        connection.execute(
            insert(units),
            [
                {"id": str(at), "study": "1", "scanner": "s", "day": "2027-01-15", "report": "{}",
                 "outcome": "verified", "template": f"site/t{at}", "read_at": NOW, "milliseconds": 1}
                for at in range(MOST_LABELS + 50)
            ],
        )  # fmt: skip
    found = samples(scraped(store, tmp_path))

    assert len([1 for name, _ in found if name == "units"]) == MOST_LABELS + 1
    assert value(found, "units", outcome="verified", template="other") == 50


def test_no_count_looks_at_the_rows_of_objects_or_units(store: Store, tmp_path: Path) -> None:
    """With a million of them that would take seconds: units carry whole reports."""
    asked: list[str] = []
    fill(store)
    with store.engine.connect() as connection:
        connection.connection.set_trace_callback(asked.append)  # type: ignore[attr-defined]
    list(collector(store, tmp_path).collect())
    plans = []
    with store.begin(reading=True) as connection:
        for one in [one for one in asked if one.startswith("SELECT") and "GROUP BY" in one]:
            plans += [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + one)]

    assert len(plans) >= 3
    assert [plan for plan in plans if plan.startswith("SCAN") and "COVERING INDEX" not in plan] == []


def test_a_scrape_of_many_rows_is_quick(store: Store, tmp_path: Path) -> None:
    """20,000 rows here; docs/operation.md tells what a million take. A scan of the rows themselves takes far longer."""
    unit = {"study": "1", "scanner": "s", "day": "d", "report": "x" * 2000, "outcome": "verified", "template": "t"}
    with store.begin() as connection:
        connection.execute(insert(studies).values(study="1", opened_at=NOW, last_arrival=NOW))
        connection.execute(
            insert(units),
            [{**unit, "id": str(at), "read_at": NOW - 60 * at, "milliseconds": 9} for at in range(20_000)],
        )
    scraped(store, tmp_path)
    started = time.perf_counter()
    scraped(store, tmp_path)

    assert time.perf_counter() - started < 2


def test_each_metric_is_documented(store: Store, tmp_path: Path) -> None:
    fill(store)
    names = {family.name.removesuffix("_total") for family in text_string_to_metric_families(scraped(store, tmp_path))}
    documented = set(re.findall(r"`(ocr_service_\w+)`", GUIDE.read_text(encoding="utf-8")))

    assert {name for name in names if not name.endswith(("_gsum", "_gcount"))} - {
        one.removesuffix("_total") for one in documented
    } == set()
