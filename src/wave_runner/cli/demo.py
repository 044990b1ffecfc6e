"""`wave demo`: the main job on real postings, on this machine, with every claim checked at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Leave the project in DIR to play with.")
@click.option(
    "--records", type=click.IntRange(1, 100), default=25, show_default=True, help="How many postings should go through."
)
def demo(keep: Path | None, records: int) -> None:
    """Run the main job on real job postings and check what it claims.

    \b
    wave demo
    wave demo --keep ~/wave-demo --records 10
    """
    from wave_runner.cli import demo_run

    raise SystemExit(asyncio.run(demo_run.demonstrate(keep, records=records)))
