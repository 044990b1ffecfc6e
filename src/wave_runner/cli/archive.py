"""`wave archive`: history as Parquet files, for DuckDB and whatever else reads them."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.drop import month
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.archive import Archived


@click.command()
@project_option
@click.option("--from", "since", callback=month, metavar="MONTH", help="From this month on; by default from the first.")
@click.option("--before", callback=month, metavar="MONTH", help="The months before this one; by default all.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A folder that is not there yet."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def archive(context: click.Context, since: date | None, before: date | None, out: Path, as_json: bool) -> None:
    """Write history as Parquet files, by table and month, for DuckDB and others to read.

    \b
    wave archive --out history
    wave archive --before 2026-08 --out history-until-july

    A month is that in which a run began. The tables are runs, interactions, events and calls: docs/how-to/analyse.md.
    No contents are among them (inputs, outputs, prompts, answers), which an erasure would have to reach. An archive
    proves nothing: for that there is wave audit export. Needs pip install 'wave-runner[archive]'.
    """
    found = asyncio.run(_archive(project_dir(context), out, since, before))
    if as_json:
        output.emit("wave.archive.v1", {"archive": found})
        return
    rows = ", ".join(f"{count:,} {table}" for table, count in found.rows.items())
    months = f"{found.months[0]:%Y-%m}"
    if len(found.months) > 1:
        months = f"{len(found.months)} months, {months} to {found.months[-1]:%Y-%m}"
    output.heading(f"{out}: {rows}, of {months}")


async def _archive(project: Path, out: Path, since: date | None, before: date | None) -> Archived:
    from wave_runner.engine import open_engine
    from wave_runner.reports.archive import archive

    async with open_engine(project, name="wave archive") as engine:
        return await archive(engine.database, out, since=since, before=before)
