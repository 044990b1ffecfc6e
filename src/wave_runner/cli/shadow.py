"""`wave shadow`: another version of a step beside a run that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import experiments, output, versions
from wave_runner.cli.experiments import StepGroup
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.experiment import RunKind

if TYPE_CHECKING:
    from wave_runner.runner.experimenting import Beside

_report = partial(versions.report, kind=RunKind.SHADOW)


@click.group(cls=StepGroup)
def shadow() -> None:
    """Do STEP as another version too, beside a run that goes on, and compare.

    \b
    wave shadow score --with model=larger
    wave shadow score --with prompt=prompts/score-2.md --run 7 --share 0.1
    wave shadow show 12
    wave shadow adopt 12 --reason "fewer false alarms"

    As the run comes to results of STEP, the shadow is given what each of them was given. Nothing is written, nothing
    follows, and no result of a shadow is ever in force: the run does not know of it. It ends when the run has ended and
    everything it was given is done.
    """


@shadow.command()
@click.argument("step", metavar="STEP")
@experiments.with_option
@click.option(
    "--run",
    "run_id",
    type=click.IntRange(min=1),
    metavar="N",
    help="Beside this run.  [default: the newest of the workflow that goes on]",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="P",
    default=1.0,
    show_default=True,
    help="Only this share of the records: 0.1 is every tenth or so.",
)
@click.option(
    "--sample",
    type=click.IntRange(1, experiments.MOST_INPUTS),
    metavar="N",
    default=1000,
    show_default=True,
    help="At most so many results, those that come first.",
)
@experiments.workflow_option
@experiments.seed_option
@project_option
@experiments.json_option
@click.pass_context
def start(
    context: click.Context,
    step: str,
    changes: tuple[str, ...],
    run_id: int | None,
    share: float,
    sample: int,
    workflow: str | None,
    seed: str | None,
    as_json: bool,
) -> None:
    """Start a shadow of STEP. It does not wait: any runner does the work, that of the run too.

    \b
    wave shadow score --with model=larger
    wave shadow score --with prompt=prompts/score-2.md --run 7 --sample 200

    Results that the run has come to before are among them. Without --with it is the step as the folder has it now. The
    word `start` is only needed for a step that is called like one of the commands.
    """
    from wave_runner.runner.experimenting import Beside

    given = experiments.read_changes(changes)
    beside = Beside(run_id=run_id, share=share, most=sample, seed=seed or experiments.new_seed())
    asyncio.run(_start(project_dir(context), step, workflow, given, beside, as_json=as_json))


async def _start(
    folder: Path, step: str, workflow: str | None, given: Mapping[str, str], beside: Beside, *, as_json: bool
) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave shadow") as engine:
        experimenting = engine.experimenting()
        version = experimenting.version(step, workflow, given)
        number = await experimenting.shadow(version, beside, await engine.sync())
        [started] = await experimenting.known(RunKind.SHADOW, number)
    source = started.source_run_id
    if as_json:
        output.emit("wave.shadow_start.v1", {"shadow": number, "run": source, "seed": started.seed})
        return
    what = f"{started.workflow}.{step}, {experiments.with_words(started)}"
    output.heading(f"shadow {number} of {what}: beside run {source}")
    output.heading(f"what has come of it so far: wave shadow show {number}; to end it: wave cancel run {number}")


experiments.add_show_and_resume(
    shadow,
    RunKind.SHADOW,
    _report,
    shows="Show what has come of shadow N so far: the results that differ first.",
    resumes="Work until shadow N has ended, and show what came of it. It ends after the run that it is beside.",
)
experiments.add_list(
    shadow,
    RunKind.SHADOW,
    ("run_id", "workflow", "step", "with", "source_run_id", "fed", "unfinished", "state", "adopted_by"),
)
versions.add_adopt(shadow, RunKind.SHADOW, when=" It must have ended.")
