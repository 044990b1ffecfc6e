"""`wave runner`: keep working, for all runs, until told to stop."""

from __future__ import annotations

import asyncio

import click

from wave_runner.cli.log_lines import log_format_option
from wave_runner.cli.main import project_option


@click.command()
@click.option("--dev", is_flag=True, help="Approve changed actors without asking; the log says so.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@log_format_option
@project_option
@click.pass_context
def runner(context: click.Context, dev: bool, verbose: bool, log_format: str) -> None:
    """Keep working for all runs of the project until told to stop (Ctrl-C, or SIGTERM).

    \b
    wave runner
    wave --project /srv/postings runner -v
    """
    from wave_runner.cli import driving, log_lines
    from wave_runner.cli.main import project_dir

    log_lines.log_to_stderr(verbose=verbose, log_format=log_format)
    raise SystemExit(asyncio.run(driving.keep_working(project_dir(context), dev=dev)))
