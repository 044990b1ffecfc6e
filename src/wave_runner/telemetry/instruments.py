"""The instruments of this process. Importing this needs `opentelemetry-api`."""

from __future__ import annotations

import functools
import importlib.metadata
import threading
from collections import defaultdict
from collections.abc import Iterator

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from wave_runner.telemetry import names
from wave_runner.telemetry.names import Metric


class Instruments:
    """Made once: what they are given goes to the provider of the process, also if that is set later."""

    def __init__(self) -> None:
        meter = metrics.get_meter(names.SCOPE, importlib.metadata.version("wave-runner"))
        self.duration = _histogram(meter, names.DURATION, names.DURATION_BOUNDS)
        self.used_input = _counter(meter, names.USED_INPUT)
        self.used_cached = _counter(meter, names.USED_CACHED)
        self.used_output = _counter(meter, names.USED_OUTPUT)
        self.loads = _counter(meter, names.LOADS)
        self.load_duration = _histogram(meter, names.LOAD_DURATION, names.LONG_BOUNDS)
        self.wave_size = _histogram(meter, names.WAVE_SIZE, names.SIZE_BOUNDS)
        self.head_wait = _histogram(meter, names.HEAD_WAIT, names.LONG_BOUNDS)
        self.shares = Shares()
        name, unit, says = names.ATTEMPT_SHARE
        meter.create_observable_gauge(name, [self.shares.observe], unit=unit, description=says)


class Shares:
    """For each server the seconds of its attempts and of its loads, since the process began to count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # it is observed from a thread of the SDK
        self._attempts: defaultdict[str, float] = defaultdict(float)
        self._loads: defaultdict[str, float] = defaultdict(float)

    def attempt(self, server: str, seconds: float) -> None:
        """Count an attempt in."""
        with self._lock:
            self._attempts[server] += seconds

    def load(self, server: str, seconds: float) -> None:
        """Count a load in."""
        with self._lock:
            self._loads[server] += seconds

    def observe(self, options: CallbackOptions) -> Iterator[Observation]:
        """Yield the share of the attempts, by server; nothing for one that has taken no time yet."""
        with self._lock:
            taken = {one: (self._attempts[one], self._loads[one]) for one in {*self._attempts, *self._loads}}
        for server, (attempts, loads) in taken.items():
            if attempts + loads > 0:
                yield Observation(attempts / (attempts + loads), {names.SERVER: server})


@functools.cache
def instruments() -> Instruments:
    """Return those of this process."""
    return Instruments()


def _counter(meter: Meter, metric: Metric) -> Counter:
    return meter.create_counter(metric.name, unit=metric.unit, description=metric.says)


def _histogram(meter: Meter, metric: Metric, bounds: list[float]) -> Histogram:
    return meter.create_histogram(
        metric.name, unit=metric.unit, description=metric.says, explicit_bucket_boundaries_advisory=bounds
    )
