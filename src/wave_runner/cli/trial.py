"""`wave trial`: another version of a step beside the results that are in force."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from wave_runner.cli import experiments, versions
from wave_runner.cli.experiments import StepGroup
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.experiment import RunKind

if TYPE_CHECKING:
    from wave_runner.engine import Engine

_report = partial(versions.report, kind=RunKind.TRIAL)


@click.group(cls=StepGroup)
def trial() -> None:
    """Do STEP once more as another version, beside the results in force, and compare.

    \b
    wave trial score --with prompt=prompts/score-2.md --sample 200
    wave trial score --with model=larger -w job_postings --where "out.verdict:FAKE"
    wave trial show 12
    wave trial adopt 12 --reason "fewer false alarms"

    Each result of the sample is done again on exactly the input that was recorded of it, so that nothing but the
    version differs. Nothing is written, nothing follows, and no result of a trial is ever in force.
    """


@trial.command()
@click.argument("step", metavar="STEP")
@experiments.with_option
@click.option(
    "--sample",
    type=click.IntRange(1, experiments.MOST_INPUTS),
    metavar="N",
    default=200,
    show_default=True,
    help="So many results.",
)
@experiments.where_option
@experiments.run_option
@experiments.workflow_option
@experiments.seed_option
@project_option
@experiments.json_option
@click.pass_context
def start(
    context: click.Context,
    step: str,
    changes: tuple[str, ...],
    sample: int,
    where: str,
    run_id: int | None,
    workflow: str | None,
    seed: str | None,
    as_json: bool,
) -> None:
    """Start a trial of STEP and work until it has ended.

    \b
    wave trial score --with prompt=prompts/score-2.md
    wave trial score --sample 50 --seed monday

    Without --with it tries the step as the folder has it now. The word `start` is only needed for a step that is called
    like one of the commands.
    """
    given = experiments.read_changes(changes)

    async def begin(engine: Engine) -> int:
        from wave_runner.runner.experimenting import Asked

        experimenting = engine.experimenting()
        version = experimenting.version(step, workflow, given)
        choice = engine.choice(version.workflow, step, where=where, run_id=run_id)
        asked = Asked(choice=choice, size=sample, seed=seed or experiments.new_seed())
        return await experimenting.sampled(RunKind.TRIAL, version, asked, await engine.sync())

    report = partial(_report, as_json=as_json)
    context.exit(experiments.start(project_dir(context), begin, report, name="wave trial"))


@trial.command()
@experiments.number_argument
@project_option
@experiments.json_option
@click.pass_context
def show(context: click.Context, number: int, as_json: bool) -> None:
    """Show what came of trial N: the results that differ first.

    \b
    wave trial show 12
    wave trial show 12 --json
    """
    experiments.show(
        project_dir(context),
        partial(_report, as_json=as_json),
        number,
        name="wave trial show",
    )


@trial.command()
@experiments.number_argument
@project_option
@experiments.json_option
@click.pass_context
def resume(context: click.Context, number: int, as_json: bool) -> None:
    """Go on with trial N, which was stopped or killed, until it has ended.

    \b
    wave trial resume 12
    wave trial resume 12 --json
    """
    context.exit(experiments.resume(project_dir(context), RunKind.TRIAL, number, partial(_report, as_json=as_json)))


@trial.command(name="list")
@project_option
@experiments.json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List the trials, the newest first.

    \b
    wave trial list
    wave trial list --json
    """
    columns = ("run_id", "workflow", "step", "with", "interactions", "unfinished", "state", "started_by", "adopted_by")
    experiments.listed(project_dir(context), RunKind.TRIAL, columns, as_json=as_json)


@trial.command()
@experiments.number_argument
@versions.reason_option
@project_option
@experiments.json_option
@versions.yes_option
@click.pass_context
def adopt(context: click.Context, number: int, reason: str, as_json: bool, yes: bool) -> None:
    """Put what trial N has tried in the place of what the folder has, and approve it.

    \b
    wave trial adopt 12
    wave trial adopt 12 --reason "fewer false alarms" --yes

    The file is written into the project's folder. Every result that the old version made is stale then: wave stale
    lists them, wave rerun --stale redoes them.
    """
    versions.adopt(project_dir(context), RunKind.TRIAL, number, reason=reason, yes=yes, as_json=as_json)
