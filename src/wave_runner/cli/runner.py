"""`wave runner`: keep working, for all runs, until told to stop."""

from __future__ import annotations

import asyncio

import click

from wave_runner.cli.main import project_option


@click.command()
@click.option("--dev", is_flag=True, help="Approve changed actors without asking; the log says so.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@project_option
@click.pass_context
def runner(context: click.Context, dev: bool, verbose: bool) -> None:
    """Keep working for all runs of the project until told to stop (Ctrl-C, or SIGTERM).

    \b
    wave runner
    wave --project /srv/postings runner -v
    """
    from wave_runner.cli import driving
    from wave_runner.cli.main import project_dir

    driving.log_to_stderr(verbose=verbose)
    raise SystemExit(asyncio.run(driving.keep_working(project_dir(context), dev=dev)))
