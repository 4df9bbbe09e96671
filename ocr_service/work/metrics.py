"""What Prometheus is told: counted in the database at each scrape, so that it is true after a restart too.

Knows rows; must not know HTTP. No label says anything of a patient, a study or an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as _Collector

from ocr_service.work.store import Store


class Collector(_Collector):
    """Counts at each scrape."""

    def __init__(self, store: Store, parts: Callable[[], Mapping[str, bool]]) -> None:
        self._store, self._parts = store, parts

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        alive = GaugeMetricFamily("ocr_service_part_up", "Is this process of the service alive?", labels=["part"])
        for name, lives in self._parts().items():
            alive.add_metric([name], float(lives))
        yield alive
