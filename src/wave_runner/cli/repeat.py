"""`wave repeat`: the same step several times on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from wave_runner.cli import experiments, output
from wave_runner.cli.experiments import StepGroup
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.experiment import RunKind

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.reports.experiments import Repeat

SHOWN = 20
MOST_ANSWERS = 50_000


@click.group(cls=StepGroup)
def repeat() -> None:
    """Do STEP several times on the same records, and say how far its answers agree.

    \b
    wave repeat score --records 20 --times 5
    wave repeat score --with model=larger --seed monday
    wave repeat show 12

    Each time the step is given what was recorded, and no recorded answer is used. Nothing is written, and no result
    is ever in force. That answers agree does not make them right: wave eval asks for that.
    """


@repeat.command()
@click.argument("step", metavar="STEP")
@click.option(
    "--records",
    type=click.IntRange(1, experiments.MOST_INPUTS),
    metavar="N",
    default=20,
    show_default=True,
    help="So many results.",
)
@click.option(
    "--times", type=click.IntRange(2, 100), metavar="N", default=5, show_default=True, help="So often for each."
)
@experiments.with_option
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
    records: int,
    times: int,
    changes: tuple[str, ...],
    where: str,
    run_id: int | None,
    workflow: str | None,
    seed: str | None,
    as_json: bool,
) -> None:
    """Start a repeat of STEP and work until it has ended.

    \b
    wave repeat score --records 20 --times 5
    wave repeat score --with prompt=prompts/score-2.md

    The word `start` is only needed for a step that is called like one of the commands.
    """
    given = experiments.read_changes(changes)
    if records * times > MOST_ANSWERS:
        raise click.UsageError(f"{records} records {times} times are more than {MOST_ANSWERS:,} answers")

    async def begin(engine: Engine) -> int:
        from wave_runner.runner.experimenting import Asked

        experimenting = engine.experimenting()
        version = experimenting.version(step, workflow, given)
        choice = engine.redoing().choice(version.workflow, step, where=where, run_id=run_id)
        asked = Asked(choice=choice, size=records, times=times, seed=seed or experiments.new_seed())
        return await experimenting.sampled(RunKind.REPEAT, version, asked, await engine.sync())

    context.exit(experiments.start(project_dir(context), begin, _report, name="wave repeat", as_json=as_json))


async def _report(engine: Engine, number: int, *, as_json: bool) -> None:
    from wave_runner.reports.experiments import repeat as report

    found = await report(engine.database, number)
    if as_json:
        output.emit("wave.repeat.v1", vars(found))
    else:
        _show(found)


def _show(found: Repeat) -> None:
    experiments.head(found.experiment)
    took = experiments.took_row("repeat", found.took, found.experiment.currency)
    output.table(experiments.TOOK, [took], title="what it took")
    rows = [
        {
            "field": one.field,
            "agreement": experiments.share(one.agreement),
            "steady": experiments.share(one.steady),
            "kappa": experiments.number(one.kappa),
            "spread": experiments.number(one.spread),
            "widest": experiments.number(one.widest),
        }
        for one in found.fields
    ]
    output.table(("field", "agreement", "steady", "kappa", "spread", "widest"), rows, title="by field")
    unsteady = [
        {
            "record": one.record,
            "disagreement": experiments.share(one.disagreement),
            "field": field,
            "answers": _told(told),
        }
        for one in found.unsteady[:SHOWN]
        for field, told in one.fields.items()
    ]
    if unsteady:
        output.table(("record", "disagreement", "field", "answers"), unsteady, title="unsteady records")
    output.heading(
        f"{found.steady} of {found.records} results were the same each of {found.experiment.times} times; "
        f"{found.took.completed} of {found.took.results} answers kept their contract"
    )


def _told(answers: Mapping[str, int]) -> str:
    return ", ".join(f"{n} × {experiments.short(value)}" for value, n in answers.items())


experiments.add_show_and_resume(
    repeat,
    RunKind.REPEAT,
    _report,
    shows="Show what came of repeat N: the least steady fields and records first.",
    resumes="Go on with repeat N, which was stopped or killed, until it has ended.",
)
experiments.add_list(
    repeat,
    RunKind.REPEAT,
    ("run_id", "workflow", "step", "with", "times", "interactions", "unfinished", "state", "started_by"),
)
