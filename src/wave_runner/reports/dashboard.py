"""Everything about one run at one moment: what `wave status` shows and the demo ends with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from wave_runner.core.notice import Alert
from wave_runner.errors import NotFoundError
from wave_runner.reports.actors import Actor, actors
from wave_runner.reports.alerts import drifted, raised
from wave_runner.reports.errors import Errors, errors
from wave_runner.reports.incomplete import Incomplete, incomplete
from wave_runner.reports.limits import Limit, limits
from wave_runner.reports.overall import Overall, overall
from wave_runner.reports.rejections import Rejection, rejections
from wave_runner.reports.stale import Stale, stale
from wave_runner.reports.steps import Step, steps
from wave_runner.reports.tasks import Waiting, waiting
from wave_runner.reports.throughput import Throughput, lately
from wave_runner.store import drops, run_sums
from wave_runner.store import reports as stored
from wave_runner.store.drops import Gone

if TYPE_CHECKING:
    from wave_runner.store.database import Database


COUNTED = ("steps", "actors", "throughput")
"""The parts in which something is as it was counted at `counted_at`."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The queries of monitoring, read in one snapshot: what one part counts, the others count too.

    Where `overall.counted_at` is not None, actors and throughput are of that moment, and so are retries and times of
    steps, and what one record has used of a limit. Everything else is of now, but for what `Overall` says.
    """

    overall: Overall
    steps: list[Step]
    actors: list[Actor]
    throughput: Throughput
    stale: Stale
    errors: Errors
    incomplete: Incomplete
    rejections: list[Rejection]
    alerts: list[Alert]
    people: list[Waiting]
    limits: list[Limit]
    dropped: Gone | None  # its history is gone: its counts and verdicts are all that is known of it


async def dashboard(
    database: Database,
    run_id: int | None = None,
    *,
    stale_after_s: float | None = None,
    now: bool = False,
) -> Dashboard:
    """Return everything about a run, the newest one by default. Raises `NotFoundError` if there is no such run.

    With `now` a large run that is under way is counted, however long that takes.
    """
    async with stored.snapshot(database) as connection:
        chosen = run_id if run_id is not None else await stored.newest_run(connection)
        if chosen is None:
            raise NotFoundError("there is no run yet", hint="start one: wave run WORKFLOW")
        sums = await run_sums.sums(connection, chosen, now=now)
        return Dashboard(
            overall=await overall(connection, chosen, sums),
            steps=await steps(connection, chosen, sums.work),
            actors=await actors(connection, chosen, sums.work),
            throughput=lately(sums),
            stale=await stale(connection, chosen, older_than_s=stale_after_s),
            errors=await errors(connection, chosen, sums),
            incomplete=await incomplete(connection, chosen),
            rejections=await rejections(connection, chosen),
            alerts=[*await drifted(connection), *await raised(connection, chosen)],
            people=await waiting(connection, chosen),
            limits=await limits(connection, chosen, sums.spent),
            dropped=next(iter(await drops.gone(connection, run_id=chosen)), None),
        )


def document(report: Dashboard) -> dict[str, object]:
    """Return the dashboard as `wave.status.v1` has it: the parts of the overall query stand at the top."""
    parts: list[object] = [report.overall, report]
    named = {field.name: getattr(part, field.name) for part in parts for field in fields(part)}  # type: ignore[arg-type]  # both are dataclasses
    return {name: value for name, value in named.items() if name != "overall"}


def part(report: Dashboard, name: str) -> dict[str, object]:
    """Return a part of the dashboard as `wave.report.NAME.v1` has it, with the moment at which it was counted."""
    moment = {"counted_at": report.overall.counted_at} if name in COUNTED else {}
    return {"run_id": report.overall.run.run_id, **moment, name: getattr(report, name)}
