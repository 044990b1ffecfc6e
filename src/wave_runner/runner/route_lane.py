"""The lane of steps without an actor: they only decide where their records go, and wait for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.core.outcome import Done
from wave_runner.runner.lane import Lane
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import record
from wave_runner.store import waves


@dataclass(kw_only=True, eq=False)
class RouteLane(Lane):
    """One lane; a runner has one. The output of such a step is its input: what it decided by."""

    name = "routes"
    first_wave = 1000
    largest_wave = 1000

    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        self.pace.measure(wave.queue_id, 0.0)
        return await record(
            self.database, wave, [(one, Done(output=dict(one.input))) for one in ready], self.texts, relay=self.relay
        )
