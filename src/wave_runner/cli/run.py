"""`wave run`: start a run, or go on with one, and work until it has ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from click.core import ParameterSource

from wave_runner.cli.main import project_option

NEW_RUN_ONLY = ("params", "source", "limit", "where", "priority", "force", "no_cache", "canary", "again")

PRIORITY = click.IntRange(-1_000_000, 1_000_000)


@click.command()
@click.argument("workflow")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the workflow; may be repeated.")
@click.option("--source", metavar="X", help="Short for --param source=X.")
@click.option("--limit", type=click.IntRange(1, 10**15), help="Take at most so many rows from the source, or records.")
@click.option(
    "--where",
    default="",
    metavar="FILTER",
    help="Of a workflow that selects: only rows that fit, as in 'city:Berlin words:>100'.",
)
@click.option(
    "--priority",
    type=PRIORITY,
    default=0,
    show_default=True,
    help="Higher goes first among waiting work.",
)
@click.option(
    "--canary",
    type=click.IntRange(0, 1_000_000),
    metavar="N",
    help="The first N records go through alone, and the others follow if the gates hold; 0: none do.",
)
@click.option(
    "--again", is_flag=True, help="Of a workflow that selects: what is incomplete too, though nothing changed."
)
@click.option("--force", is_flag=True, help="Run what `wave check` objects to; the run's first event says so.")
@click.option("--no-cache", is_flag=True, help="Ask the models, whatever answers are recorded.")
@click.option("--resume", is_flag=True, help="Go on with the newest run of the workflow that has not ended.")
@click.option("--dev", is_flag=True, help="Approve changed actors without asking; the log says so.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print the final status as one JSON document.")
@project_option
@click.pass_context
def run(
    context: click.Context,
    workflow: str,
    params: tuple[str, ...],
    source: str | None,
    limit: int | None,
    where: str,
    priority: int,
    canary: int | None,
    again: bool,
    force: bool,
    no_cache: bool,
    resume: bool,
    dev: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Start a run of WORKFLOW and work until it has ended.

    \b
    wave run job_postings --source data/sample.jsonl --limit 25
    wave run tickets --where 'lang:de created:>=2026-01-01' --limit 100
    wave run job_postings --canary 20
    wave run job_postings --resume
    """
    from wave_runner.cli import driving, log_lines
    from wave_runner.cli.main import project_dir

    if resume:
        _refuse_what_only_a_new_run_takes(context)
    log_lines.log_to_stderr(verbose=verbose)
    given = driving.read_params(params, source)
    order = driving.Order(
        workflow=workflow,
        params=given,
        limit=limit,
        where=where,
        priority=priority,
        canary=canary,
        again=again,
        force=force,
        asks_anew=no_cache,
        resume=resume,
        dev=dev,
        as_json=as_json,
    )
    folder: Path = project_dir(context)
    raise SystemExit(asyncio.run(driving.drive(folder, order)))


def _refuse_what_only_a_new_run_takes(context: click.Context) -> None:
    said = [
        f"--{name.removesuffix('s').replace('_', '-')}"
        for name in NEW_RUN_ONLY
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if said:
        raise click.UsageError(f"--resume goes on with the run as it was started: leave out {', '.join(said)}", context)
