"""`wave report`: one question about runs, answered at length."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.delta import Delta

NOT_COUNTED = "not counted"


@click.group()
def report() -> None:
    """Answer one question about runs at length: what one changed, what somebody should look at.

    \b
    wave report delta
    wave report alerts
    """


@report.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def delta(context: click.Context, run_id: int | None, as_json: bool) -> None:
    """Show what a run changed in its target tables: before, after, and what it wrote itself.

    \b
    wave report delta
    wave report delta 12 --json

    RUN is the newest by default. A difference that is not what the run wrote was made by somebody else.
    """
    asyncio.run(_delta(project_dir(context), run_id, as_json=as_json))


@report.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def alerts(context: click.Context, as_json: bool) -> None:
    """List what somebody should look at: runs that ended oddly, and what should be under way and is not.

    \b
    wave report alerts
    wave report alerts --json

    A run raises nothing_saved, nothing_found or sudden_drop (completed less than half of what is usual) once, at its
    end. A schedule that is overdue and a run without a runner are found when you ask.
    """
    asyncio.run(_alerts(project_dir(context), as_json=as_json))


async def _delta(folder: Path, run_id: int | None, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import delta as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.delta(engine.database, run_id)
    if as_json:
        output.emit("wave.delta.v1", asdict(found))
    else:
        _show_delta(found)


def _show_delta(found: Delta) -> None:
    reason = f" ({found.reason})" if found.reason else ""
    output.heading(f"run {found.run_id} of {found.workflow}: {found.state}{reason}")
    output.heading(f"executed {found.executed}, saved {found.saved} records")
    unknown = NOT_COUNTED if found.state != "running" else "still running"
    targets = [asdict(target) for target in found.targets]
    rows = [{name: unknown if value is None else value for name, value in target.items()} for target in targets]
    output.table(("table", "column", "before", "after", "change", "written"), rows, title="tables")
    output.table(("step", "executed", "saved"), [asdict(saver) for saver in found.savers], title="savers")


async def _alerts(folder: Path, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import alerts as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.alerts(engine.database)
    if as_json:
        output.emit("wave.alerts.v1", {"rows": found})
    elif found:
        output.table(("kind", "subject", "since", "message"), [asdict(one) for one in found])
    else:
        output.heading("no alerts")
