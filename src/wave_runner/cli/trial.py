"""`wave trial`: another version of a step beside the results that are in force."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import differences, experiments, output
from wave_runner.cli.experiments import StepGroup
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.reports.experiments import Trial


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
        from wave_runner.core.experiment import RunKind
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
    experiments.show(project_dir(context), partial(_report, as_json=as_json), number, name="wave trial show")


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
    from wave_runner.core.experiment import RunKind

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
    from wave_runner.core.experiment import RunKind

    columns = ("run_id", "workflow", "step", "with", "interactions", "unfinished", "state", "started_by", "adopted_by")
    experiments.listed(project_dir(context), RunKind.TRIAL, columns, as_json=as_json)


@trial.command()
@experiments.number_argument
@click.option("--reason", metavar="TEXT", default="", help="Why: it is kept with the trial.")
@project_option
@experiments.json_option
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.pass_context
def adopt(context: click.Context, number: int, reason: str, as_json: bool, yes: bool) -> None:
    """Put what trial N has tried in the place of what the folder has, and approve it.

    \b
    wave trial adopt 12
    wave trial adopt 12 --reason "fewer false alarms" --yes

    The file is written into the project's folder. Every result that the old version made is stale then: wave stale
    lists them, wave rerun --stale redoes them.
    """
    if yes and not reason:
        raise click.UsageError("say why, with --reason TEXT: it is kept with the trial")
    asyncio.run(_adopt(project_dir(context), number, reason=reason, yes=yes, as_json=as_json))


async def _adopt(folder: Path, number: int, *, reason: str, yes: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave trial adopt") as engine:
        experimenting = engine.experimenting()
        done = await (experimenting.adopt(number, reason=reason) if yes else experimenting.adoption(number))
    if as_json:
        plain = {"files": done.files, "steps": done.steps, "actors": done.actors}
        output.emit("wave.trial_adopt.v1", {"trial": number, "adopted": yes, **plain})
        return
    said = "" if yes else "would be "
    output.heading(f"{said}written: {', '.join(done.files)}")
    output.heading(f"{said}another version: {', '.join(done.steps)}; {said}approved: {', '.join(done.actors)}")
    if yes:
        workflow = done.experiment.workflow
        output.heading(f"trial {number} is adopted; what is stale now: wave stale {workflow}")
        output.heading(f"to redo it: wave rerun --workflow {workflow} --stale")
    else:
        output.heading(f"nothing is done yet: wave trial adopt {number} --reason TEXT --yes")


async def _report(engine: Engine, number: int, *, as_json: bool) -> None:
    from wave_runner.reports.experiments import trial as report

    found = await report(engine.database, number)
    if as_json:
        output.emit("wave.trial.v1", vars(found))
    else:
        _show(found)


def _show(found: Trial) -> None:
    experiments.head(found.experiment)
    rows = [
        experiments.took_row("in force", found.a, found.experiment.currency),
        experiments.took_row("trial", found.b, found.experiment.currency),
    ]
    output.table(experiments.TOOK, rows, title="what it took")
    experiments.show_fields(found.fields)
    differences.show(found.pairs, a="in force", b="trial")
    if found.writes:
        output.heading(f"not compared, and not written: {', '.join(found.writes)}")
    agree = experiments.share(found.agreement)
    alone = f"{found.only_a} have only the old result, {found.only_b} only the new, {found.neither} neither"
    output.heading(f"{found.equal} results are equal and {found.differs} differ: {agree} agree; {alone}")
