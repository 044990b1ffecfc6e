"""What somebody should look at: raised by runs that ended oddly, and what should be under way and is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_runner.core.drift import Policy
from wave_runner.core.notice import Alert
from wave_runner.reports.backlog import SILENT_S, backlog
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row

SHOWN = 50
BEHIND_S = 60.0  # a projection that has not advanced for so long, with something to fold, is folded by nobody
UNSIGNED_S = 60.0  # what is sealed for so long and not signed by anybody will not be
LEFT_ALONE_S = 60.0  # a server or a model that fails for so long is not just busy
QUIET_RUNS = 3  # of a schedule in a row; one that finds nothing is usual, so many may mean a source that has dried up


async def alerts(database: Database, *, limit: int = SHOWN) -> list[Alert]:
    """Return what is wrong at this moment, then what runs have raised."""
    async with stored.snapshot(database) as connection:
        return [
            *await standing(connection),
            *await _not_told(connection),
            *await raised(connection, limit=limit),
        ]


async def standing(connection: Connection) -> list[Alert]:
    """Return what is wrong at this moment, and will not be once somebody has seen to it."""
    return [
        *await _of_the_log(connection),
        *await _of_projections(connection),
        *await drifted(connection),
        *await _failing(connection),
        *await _idle(connection),
        *await _stuck(connection),
    ]


async def raised(connection: Connection, run_id: int | None = None, *, limit: int = SHOWN) -> list[Alert]:
    """Return what one run, or all, have raised."""
    return [
        Alert(
            kind=row["kind"],
            subject=f"run {row['run_id']} of {row['workflow']}",
            since=row["raised_at"],
            message=row["message"],
        )
        for row in await stored.alerts(connection, run_id, limit=limit)
    ]


async def drifted(connection: Connection) -> list[Alert]:
    """Return what is not as it was approved, as far as anybody who syncs or loads has seen it."""
    return [
        Alert(
            kind="drifted", subject=f"{row['of']} {row['name']}", since=row["drifted_at"], message=_drift_message(row)
        )
        for row in await stored.drifted(connection)
    ]


def _drift_message(row: Row) -> str:
    parts = ["the folder"] if row["changed"] else []
    parts += ["the model server"] if row["weights_found"] else []
    option = " --workflow" if row["of"] == "workflow" else ""
    says = {
        Policy.WARN: "new runs take it all the same",
        Policy.PIN: "new runs take what is approved",
        Policy.APPROVE: "no new run begins",
        Policy.BLOCK: "nothing of it begins",
    }[Policy(row["policy"])]
    if row["stopped"]:
        says = "nothing of it begins"
    return (
        f"{' and '.join(parts)} {'hold' if len(parts) > 1 else 'holds'} something else of {row['name']} than what is "
        f"approved; {says} ({row['policy']}): wave actors approve{option} {row['name']}"
    )


async def _of_the_log(connection: Connection) -> list[Alert]:
    return [Alert(**row) for row in await stored.log_alerts(connection, patience_s=UNSIGNED_S)]


async def _of_projections(connection: Connection) -> list[Alert]:
    return [Alert(**row) for row in await stored.projection_alerts(connection, patience_s=BEHIND_S)]


async def _failing(connection: Connection) -> list[Alert]:
    rows = await stored.failing(connection, patience_s=LEFT_ALONE_S)
    return [
        Alert(kind=row["kind"], subject=row["subject"], since=row["since"], message=_failing_message(row))
        for row in rows
    ]


def _failing_message(row: Row) -> str:
    if row["kind"] == "left_alone":
        return f"it has failed {row['n']} times in a row ({row['reason']}), and its work waits: wave report servers"
    if row["kind"] == "run_failed":
        run = row["n"]
        return f"run {run} has failed ({row['reason']}), and none has ended well since: wave status --run {run}"
    return f"{row['n']} {'task is' if row['n'] == 1 else 'tasks are'} overdue: wave tasks list --overdue"


async def _not_told(connection: Connection) -> list[Alert]:
    return [
        Alert(
            kind="not_told",
            subject="notices",
            since=row["since"],
            message=f"{row['n']} were given up after a day ({row['trouble']}): wave alerts test says what is wrong",
        )
        for row in await stored.not_told(connection)
    ]


async def _idle(connection: Connection) -> list[Alert]:
    rows = await stored.idle(connection, silent_s=SILENT_S, quiet_runs=QUIET_RUNS)
    return [
        Alert(kind=row["kind"], subject=row["subject"], since=row["since"], message=_idle_message(row)) for row in rows
    ]


async def _stuck(connection: Connection) -> list[Alert]:
    waiting = await backlog(connection)
    if waiting is None or waiting.still_since is None or not waiting.is_stuck:
        return []
    message = "its work may be done, runners are at work, and nobody has begun anything: wave report servers"
    return [Alert(kind="stuck", subject=f"actor {waiting.actor}", since=waiting.still_since, message=message)]


def _idle_message(row: Row) -> str:
    if row["kind"] == "no_runner":
        return "it has not ended and no runner is at work: wave runner"
    if row["kind"] == "no_label":
        return f"no runner at work has what its work needs: WAVE_LABELS={row['reason']} wave runner"
    if row["kind"] == "source_idle":
        return f"its last {QUIET_RUNS} runs have found no record: does anything still come in where it looks?"
    return f"it cannot be fired: {row['reason']}" if row["reason"] else "it is due and nobody fires it: wave runner"
