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
        choice = engine.redoing().choice(version.workflow, step, where=where, run_id=run_id)
        asked = Asked(choice=choice, size=sample, seed=seed or experiments.new_seed())
        return await experimenting.sampled(RunKind.TRIAL, version, asked, await engine.sync())

    context.exit(experiments.start(project_dir(context), begin, _report, name="wave trial", as_json=as_json))


experiments.add_show_and_resume(
    trial,
    RunKind.TRIAL,
    _report,
    shows="Show what came of trial N: the results that differ first.",
    resumes="Go on with trial N, which was stopped or killed, until it has ended.",
)
experiments.add_list(
    trial,
    RunKind.TRIAL,
    ("run_id", "workflow", "step", "with", "interactions", "unfinished", "state", "started_by", "adopted_by"),
)
versions.add_adopt(trial, RunKind.TRIAL)
