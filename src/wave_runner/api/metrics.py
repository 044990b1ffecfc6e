"""`/metrics`: what the reports count, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from wave_runner.api.documents import Opened
from wave_runner.reports.metrics import Gauge, gauges

router = APIRouter(tags=["metrics"])
PREFIX = "wave_runner"


class Metrics(Response):
    """The text of Prometheus."""

    media_type = CONTENT_TYPE_PLAIN_0_0_4


@router.get("/metrics", response_class=Metrics)
async def metrics(engine: Opened) -> Metrics:
    """Return what there is to measure, read from the database at this moment: the same from every process."""
    found = await gauges(engine.database, lease_s=engine.settings.lease_s, rates=engine.server_rates())
    registry = CollectorRegistry()
    registry.register(_Once(found))
    return Metrics(generate_latest(registry))


class _Once:
    def __init__(self, found: Iterable[Gauge]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for gauge in self._found:
            family = GaugeMetricFamily(f"{PREFIX}_{gauge.name}", gauge.says, labels=list(gauge.labels))
            for labels, value in gauge.values.items():
                family.add_metric(list(labels), float(value))
            yield family
