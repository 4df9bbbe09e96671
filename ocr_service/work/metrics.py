"""What Prometheus is told: counted in the database at each scrape, so that it is true after a restart too.

Knows rows; must not know HTTP. No label says anything of a patient, a study or an object. Machines that share a
database tell the same numbers of it: alerts take one of them, or the largest (`max without (instance)`).
"""

from __future__ import annotations

import shutil
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as _Collector
from sqlalchemy import Connection, func, select

from ocr_service.errors import StoreError
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries, objects, scanners, studies, units, workers

MOST_LABELS = 200  # templates that are told by name; the rest of them together are "other"
DAY = 24 * 3600.0
READING = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)  # seconds
DELIVERING = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, DAY, 3 * DAY, 14 * DAY)


@dataclass(frozen=True, slots=True)
class PartState:
    """A process of the service. restarts: how often it was started again."""

    lives: bool
    restarts: int = 0


Parts = Callable[[], Mapping[str, PartState]]


class Collector(_Collector):
    """Counts at each scrape. clock: seconds since 1970."""

    def __init__(self, store: Store, parts: Parts, spool: Path, clock: Callable[[], float] = time.time) -> None:
        self._store, self._parts, self._spool, self._clock = store, parts, spool, clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: else the registry would count everything once at the start, with the database perhaps away."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All metrics; those of the database are left out while it is away, and `database_up` says so."""
        yield from _of_parts(self._parts())
        try:
            free = shutil.disk_usage(self._spool).free
        except OSError:
            free = 0
        yield GaugeMetricFamily("ocr_service_spool_free_bytes", "Free space where objects are kept.", value=free)
        try:
            with self._store.begin(reading=True) as connection:
                told = list(_of_database(connection, self._clock()))
        except StoreError:
            told = []
        up = float(bool(told))
        yield GaugeMetricFamily("ocr_service_database_up", "Could the database be asked at this scrape?", value=up)
        yield from told


def _of_parts(parts: Mapping[str, PartState]) -> Iterator[Metric]:
    alive = GaugeMetricFamily("ocr_service_part_up", "Is this process of the service alive?", labels=["part"])
    again = CounterMetricFamily(
        "ocr_service_part_restarts", "How often this process had to be started again.", labels=["part"]
    )
    for name, part in parts.items():
        alive.add_metric([name], float(part.lives))
        again.add_metric([name], part.restarts)
    yield from (alive, again)


def _of_database(connection: Connection, now: float) -> Iterator[Metric]:
    yield from _of_objects(connection, now)
    yield from _of_units(connection)
    yield from _of_scanners(connection)
    yield from _of_deliveries(connection, now)
    yield _reading(connection, now)
    yield _delivering(connection, now)
    beats = GaugeMetricFamily(
        "ocr_service_worker_silent_seconds", "How long ago this worker was last seen alive.", labels=["worker"]
    )
    for executor, beat_at in connection.execute(select(workers.c.executor, workers.c.beat_at)):
        beats.add_metric([executor], max(0.0, now - beat_at))
    yield beats


def _of_objects(connection: Connection, now: float) -> Iterator[Metric]:
    now_in = GaugeMetricFamily(
        "ocr_service_objects",
        "Objects that were acknowledged, by what became of them and how they came.",
        labels=["state", "via"],
    )
    received = CounterMetricFamily(
        "ocr_service_objects_received", "Objects that were acknowledged, by how they came.", labels=["via"]
    )
    by_via: Counter[str] = Counter()
    for state, via, count in connection.execute(
        select(objects.c.state, objects.c.via, func.count()).group_by(objects.c.state, objects.c.via)
    ):
        now_in.add_metric([state, via], count)
        by_via[via] += count
    for via, count in by_via.items():
        received.add_metric([via], count)
    yield from (now_in, received)
    oldest = select(func.min(objects.c.received_at)).where(objects.c.state == "kept")
    yield _age(
        "ocr_service_unsorted_oldest_seconds",
        "How long the oldest object has waited to be looked at; 0 where none waits.",
        connection.execute(oldest).scalar(),
        now,
    )
    overdue, first = connection.execute(
        select(func.count(), func.min(studies.c.due_at)).where(studies.c.due_at <= now)
    ).one()
    yield GaugeMetricFamily("ocr_service_studies_due", "Studies whose time to be read has come.", value=overdue)
    yield _age(
        "ocr_service_studies_due_oldest_seconds",
        "How long the longest due of them has been due; 0 where none is.",
        first,
        now,
    )
    waiting = select(func.count()).where(studies.c.due_at > now)
    yield GaugeMetricFamily(
        "ocr_service_studies_waiting",
        "Studies that wait for more pages, or for their header_after.",
        value=connection.execute(waiting).scalar_one(),
    )


def _of_units(connection: Connection) -> Iterator[Metric]:
    told: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    by_template: Counter[str] = Counter()
    for template, outcome, held, count, audited, disagreed in connection.execute(
        select(
            units.c.template,
            units.c.outcome,
            units.c.held,
            func.count(),
            func.sum(units.c.audited),
            func.sum(units.c.disagreed),
        ).group_by(units.c.template, units.c.outcome, units.c.held)
    ):
        told[template, outcome, held] = count, int(audited), int(disagreed)
        by_template[template] += count
    named = {template for template, _ in by_template.most_common(MOST_LABELS)}
    outcomes: Counter[tuple[str, str]] = Counter()
    audits, disagreements, holding, by_outcome = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for (template, outcome, held), (count, audited, disagreed) in told.items():
        label = template if template in named else "other"
        outcomes[outcome, label] += count
        by_outcome[outcome] += count
        audits[label] += audited
        disagreements[label] += disagreed
        if held:
            holding[held] += count
    yield _labelled(
        GaugeMetricFamily, "units", "Units by outcome and template.", ("outcome", "template"), outcomes.items()
    )
    review = sum(by_outcome[outcome] for outcome in ("needs_review", "unreadable", "failed"))
    yield GaugeMetricFamily(
        "ocr_service_review_depth", "Units that a person should look at (needs_review, unreadable, failed).",
        value=review,
    )  # fmt: skip
    yield _labelled(GaugeMetricFamily, "held", "Units whose report is held back, by why.", ("why",), holding.items())
    yield _labelled(
        CounterMetricFamily,
        "audits",
        "Units that letters read and the engines read again.",
        ("template",),
        audits.items(),
    )
    yield _labelled(
        CounterMetricFamily,
        "audit_disagreements",
        "Audits in which the engines read another value than the letters.",
        ("template",),
        disagreements.items(),
    )


def _of_scanners(connection: Connection) -> Iterator[Metric]:
    new = select(func.count()).where(scanners.c.accepted_at.is_(None))
    yield GaugeMetricFamily(
        "ocr_service_scanners_not_accepted",
        "Scanners, by template and software version, that no person has accepted.",
        value=connection.execute(new).scalar_one(),
    )


def _of_deliveries(connection: Connection, now: float) -> Iterator[Metric]:
    by_state: Counter[tuple[str, str, str]] = Counter()
    oldest: dict[tuple[str, str], float] = {}
    for state, destination, kind, count, first in connection.execute(
        select(
            deliveries.c.state,
            deliveries.c.destination,
            deliveries.c.kind,
            func.count(),
            func.min(deliveries.c.created_at),
        ).group_by(deliveries.c.state, deliveries.c.destination, deliveries.c.kind)
    ):
        by_state[destination, state, kind] = count
        waits = oldest.setdefault((destination, kind), 0.0)
        if state == "waiting":
            oldest[destination, kind] = max(waits, now - first)
    yield _labelled(
        GaugeMetricFamily,
        "deliveries",
        "Documents by destination, state and kind; kind manual waits for a person.",
        ("destination", "state", "kind"),
        by_state.items(),
    )
    yield _labelled(
        GaugeMetricFamily,
        "delivery_oldest_seconds",
        "How long the oldest document of a destination has waited; 0 where none waits.",
        ("destination", "kind"),
        oldest.items(),
    )


def _reading(connection: Connection, now: float) -> Metric:
    rows = connection.execute(
        select(units.c.milliseconds).where(units.c.read_at > now - DAY, units.c.read_at <= now)
    ).scalars()
    return _distribution(
        "ocr_service_reading_seconds",
        "How long units took to be read, of those read in the last 24 hours.",
        READING,
        [milliseconds / 1000 for milliseconds in rows],
    )


def _delivering(connection: Connection, now: float) -> Metric:
    """From the last object of a study to the acknowledgement of its report; quiet time and retries are in it."""
    rows = connection.execute(
        select(deliveries.c.acknowledged_at - studies.c.last_arrival)
        .join(units, units.c.id == deliveries.c.unit)
        .join(studies, studies.c.study == units.c.study)
        .where(
            deliveries.c.acknowledged_at > now - DAY,
            deliveries.c.kind == "rdsr",
            deliveries.c.acknowledged_at
            >= studies.c.last_arrival,  # else a later object came, with a report of its own
        )
    ).scalars()
    return _distribution(
        "ocr_service_delivery_seconds",
        "From a study's last object to the acknowledgement of its report, of those of the last 24 hours.",
        DELIVERING,
        list(rows),
    )


def _labelled(
    family: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    what: str,
    labels: Sequence[str],
    told: Iterable[tuple[str | tuple[str, ...], float]],
) -> Metric:
    metric = family(f"ocr_service_{name}", what, labels=labels)
    for key, value in told:
        metric.add_metric([key] if isinstance(key, str) else list(key), value)
    return metric


def _age(name: str, what: str, since: float | None, now: float) -> Metric:
    return GaugeMetricFamily(name, what, value=0.0 if since is None else max(0.0, now - since))


def _distribution(name: str, what: str, bounds: Sequence[float], values: Sequence[float]) -> Metric:
    """How values are spread now: a gauge histogram, so `histogram_quantile` takes it without `rate`."""
    places = Counter(bisect_left(bounds, value) for value in values)
    buckets, below = [], 0
    for place, bound in enumerate((*map(str, bounds), "+Inf")):
        below += places[place]
        buckets.append((bound, float(below)))
    metric = GaugeHistogramMetricFamily(name, what)
    metric.add_metric([], buckets=buckets, gsum_value=sum(values))
    return metric
