"""How far each step is, how often it succeeds, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.core.interaction import TERMINAL
from wave_runner.reports import live
from wave_runner.reports.rate import success_percent

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a run. `finished` are all that will not move by themselves; times are the actor's own."""

    step: str
    actor: str
    kind: str
    total: int
    finished: int
    states: Mapping[str, int]
    success_percent: float | None
    retries: int
    average_us: float | None
    median_us: float | None


async def steps(connection: Connection, run_id: int, work: Sequence[Row]) -> list[Step]:
    """Return every step of the run in the order of its file, those without work included."""
    states: dict[tuple[str, str], dict[str, int]] = {}
    for count in await live.counts(connection, run_id):
        states.setdefault((count.step, count.actor), {})[count.state] = count.n
    return [_step(row, states.get((row["step"], row["actor"]), {})) for row in work]


def _step(row: Row, states: Mapping[str, int]) -> Step:
    completed = states.get("completed", 0)
    broken = states.get("failed", 0) + states.get("quarantined", 0)
    return Step(
        step=row["step"],
        actor=row["actor"],
        kind=row["kind"],
        total=sum(states.values()),
        finished=sum(n for state, n in states.items() if state in TERMINAL),
        states=states,
        success_percent=success_percent(completed=completed, broken=broken),
        retries=row["retries"],
        average_us=row["service_us"] / row["timed"] if row["timed"] else None,
        median_us=row["median_us"],
    )
