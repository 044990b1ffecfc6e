"""What is measured from outside, at one moment; the labels are names of the project, and never keys of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.reports.alerts import alerts
from wave_runner.reports.log import log_status
from wave_runner.reports.record_states import record_states
from wave_runner.reports.servers import servers
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.core.rates import Rate
    from wave_runner.store.database import Database

ALL = 10_000  # alerts: each kind is counted, none is shown


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One measure: its name without the product's, what it is, and its values by the values of its labels."""

    name: str
    says: str
    labels: Sequence[str]
    values: Mapping[tuple[str, ...], float]


async def gauges(database: Database, *, lease_s: float, rates: Mapping[str, Rate]) -> list[Gauge]:
    """Return every measure. The numbers are those of the reports, read one after the other."""
    return [
        *await _of_work(database, lease_s=lease_s),
        *await _of_records(database),
        *await _of_the_log(database),
        *await _of_servers(database, lease_s=lease_s, rates=rates),
    ]


async def _of_work(database: Database, *, lease_s: float) -> list[Gauge]:
    async with stored.snapshot(database) as connection:
        ready = await stored.readiness(connection, lease_s=lease_s)
        work = await stored.live_work(connection)
    return [
        _one("runners", "runners that were heard of within a lease", ready["at_work"]),
        _one("runs_open", "runs that have not ended and are not paused", ready["runs"]),
        Gauge(
            name="interactions",
            says="interactions of runs that have not ended",
            labels=("workflow", "state"),
            values={(row["workflow"], row["state"]): row["n"] for row in work},
        ),
    ]


async def _of_records(database: Database) -> list[Gauge]:
    found = await record_states(database)
    by_state: dict[tuple[str, ...], float] = {
        (name, state): n for name, states in found.workflows.items() for state, n in states.items()
    }
    return [
        Gauge(
            name="records",
            says="records over all runs by verdict, as far as the projection has come",
            labels=("workflow", "state"),
            values=by_state,
        ),
        _one("projection_behind", "sealed entries that the projection has not folded yet", found.behind),
    ]


async def _of_the_log(database: Database) -> list[Gauge]:
    found = await log_status(database)
    raised = Counter(alert.kind for alert in await alerts(database, limit=ALL))
    told = [
        Gauge(
            name="alerts",
            says="what somebody should look at",
            labels=("kind",),
            values={(kind,): n for kind, n in raised.items()},
        )
    ]
    if found is not None:
        told += [
            _one("log_entries", "entries of the sealed log", found.size),
            _one("log_unsealed", "events that are not sealed yet", found.unsealed),
            _one("log_behind_seconds", "how long the oldest of these has waited", found.behind_s),
            _one("log_signed_entries", "entries that the newest checkpoint signs", found.signed_size),
            _one("log_stopped", "1 where nothing may be sealed until somebody opens a new epoch", bool(found.stopped)),
        ]
    return told


async def _of_servers(database: Database, *, lease_s: float, rates: Mapping[str, Rate]) -> list[Gauge]:
    found = await servers(database, lease_s=lease_s, rates=rates)
    return [
        Gauge(
            name="breaker_closed",
            says="1 where a model server or model is asked as usual",
            labels=("kind", "name"),
            values={(one.kind, one.name): one.position == "closed" for one in found.servers},
        ),
        Gauge(
            name="queue_waiting",
            says="interactions that wait for something outside, by actor",
            labels=("actor", "server"),
            values=_sums((one.actor, one.server, one.waiting) for one in found.queues),
        ),
    ]


def _one(name: str, says: str, value: float) -> Gauge:
    return Gauge(name=name, says=says, labels=(), values={(): value})


def _sums(rows: Iterator[tuple[str, str, int]]) -> dict[tuple[str, ...], float]:
    found: Counter[tuple[str, ...]] = Counter()
    for actor, server, waiting in rows:
        found[actor, server] += waiting
    return dict(found)
