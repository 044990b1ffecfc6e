"""Canaries: what a run's first records have come to, what the run before has come to, and the verdict."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wave_runner.core.canary import Figures, Gate, Judged, Measure
from wave_runner.core.control import Subject
from wave_runner.core.event import EventType
from wave_runner.store import control, events
from wave_runner.store.database import Connection, Database, fetch

BY = "canary"
FAILED = "canary_failed"
MOST_RESULTS = 10_000  # of a step, that medians and shares are taken of


@dataclass(frozen=True, kw_only=True)
class Due:
    """A run whose canary is through, with any step of it: its pinned definition has the gates."""

    run_id: int
    run_step_id: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gates say. `before` is the run that was compared with, None where there is none."""

    records: int
    passed: bool
    pauses: bool
    before: int | None
    then: str
    judged: tuple[Judged, ...]


async def due(database: Database) -> list[Due]:
    """Return the runs whose canary is through and not judged yet."""
    return [Due(**row) for row in await database.fetch("canaries/due", by_key=True)]


async def run_before(connection: Connection, run_id: int) -> int | None:
    """Return the run that a canary is compared with."""
    rows = await fetch(connection, "canaries/before", {"run_id": run_id})
    return int(rows[0]["run_id"]) if rows else None


async def figures(connection: Connection, run_id: int, gates: Sequence[Gate]) -> Figures:
    """Return what the results of a run are like, as far as gates ask for it."""
    [counts] = await fetch(connection, "canaries/records", {"run_id": run_id})
    timed = sorted({gate.step for gate in gates if gate.measure is Measure.SECONDS})
    given = {"run_id": run_id, "most": MOST_RESULTS, "steps": timed}
    seconds = await fetch(connection, "canaries/seconds", given) if timed else []
    found = await _values(connection, run_id, sorted({(gate.step, gate.field) for gate in gates if gate.field}))
    return Figures(
        records=counts["records"],
        quarantined=counts["quarantined"],
        failed=counts["failed"],
        seconds={row["step"]: row["seconds"] for row in seconds if row["seconds"] is not None},
        lengths={place: _median_length(rows) for place, rows in found.items()},
        shares={place: _shares(rows) for place, rows in found.items()},
    )


async def _values(
    connection: Connection, run_id: int, places: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    if not places:
        return {}
    given = {"steps": [step for step, _ in places], "fields": [name for _, name in places]}
    rows = await fetch(connection, "canaries/fields", {"run_id": run_id, "most": MOST_RESULTS, **given})
    found: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["step"], row["field"]].append(row)
    return found


def _median_length(rows: Sequence[Mapping[str, Any]]) -> float:
    return float(statistics.median([row["length"] for row in rows for _ in range(row["n"])]))


def _shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    total = sum(row["n"] for row in rows)
    return {row["value"]: row["n"] / total for row in rows}


async def decide(connection: Connection, run_id: int, verdict: Verdict, *, runner_id: UUID) -> bool:
    """Write a verdict down: the others follow, or the run is paused. False if one stands already."""
    given = {"run_id": run_id, "verdict": "passed" if verdict.passed else "failed"}
    rows = await fetch(connection, "canaries/judged", given)
    if not rows:
        return False
    correlation_id = rows[0]["correlation_id"]
    await events.append(
        connection,
        EventType.CANARY_JUDGED,
        _data(verdict),
        run_id=run_id,
        correlation_id=correlation_id,
        runner_id=runner_id,
    )
    if not verdict.passed:
        await fetch(connection, "alerts/raise", {"run_id": run_id, "kind": FAILED, "message": message(verdict)})
    if verdict.pauses:
        await control.pause(connection, Subject.RUN, str(run_id), by=BY)
    else:
        await fetch(connection, "canaries/let_go", {"run_id": run_id})
    return True


def message(verdict: Verdict) -> str:
    """Return in one sentence which gates do not hold."""
    broken = [
        f"{one.gate.name} is {one.found:.3g} and may be {one.gate.limit:g}"
        + (f" (run {verdict.before}: {one.before:.3g})" if one.before is not None else "")
        for one in verdict.judged
        if one.holds is False and one.found is not None
    ]
    return f"the first {verdict.records} records: {'; '.join(broken)}"


def _data(verdict: Verdict) -> dict[str, Any]:
    """What the event says: a float has no one form in JSON, so its shortest text stands for it."""
    return {
        "records": verdict.records,
        "passed": verdict.passed,
        "then": verdict.then,
        "pauses": verdict.pauses,
        "before": verdict.before,
        "gates": [
            {
                "gate": one.gate.name,
                "limit": repr(one.gate.limit),
                "found": None if one.found is None else repr(float(one.found)),
                "before": None if one.before is None else repr(float(one.before)),
                "holds": one.holds,
            }
            for one in verdict.judged
        ],
    }
