"""`wave schedules`: which runs start by themselves, when, and what came of the last one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.schedules import Schedule

COLUMNS = ("schedule", "workflow", "cron", "timezone", "catch_up", "next", "then", "last run", "state")


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def schedules(context: click.Context, as_json: bool) -> None:
    """List the runs that start by themselves: when, and what came of the last one.

    \b
    wave schedules
    wave schedules --json

    Schedules stand in wave.toml, as [schedules.NAME]. A runner must be at work for them to be fired: any `wave runner`
    of the project, or a `wave run` while it works.
    """
    asyncio.run(_list(project_dir(context), as_json=as_json))


async def _list(folder: Path, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.schedules import schedules_of

    async with open_engine(folder, name="wave schedules") as engine:
        found = await schedules_of(engine.database, engine.project().schedules.values())
    if as_json:
        output.emit("wave.schedules.v1", {"rows": found})
        return
    if not found:
        output.heading("no schedules: wave.toml has no [schedules.NAME]")
        return
    output.table(COLUMNS, [_row(one) for one in found])


def _row(one: Schedule) -> dict[str, Any]:
    """Return a line of the table; times stand in the schedule's own zone."""
    times = [moment.strftime("%Y-%m-%d %H:%M") for moment in one.next]
    return {
        "schedule": one.schedule,
        "workflow": one.workflow,
        "cron": one.cron,
        "timezone": one.timezone,
        "catch_up": one.catch_up,
        "next": times[0] if times else "never",
        "then": ", ".join(times[1:]),
        "last run": one.last.run_id if one.last else "",
        "state": f"blocked: {one.blocked_by}" if one.blocked_by else one.last.run_state if one.last else "",
    }
