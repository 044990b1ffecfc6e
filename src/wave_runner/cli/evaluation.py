"""`wave eval`: a step against a gold set."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import experiments, output
from wave_runner.cli.experiments import StepGroup
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.experiment import RunKind

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.reports.experiments import Eval

SHOWN = 20


@click.group(cls=StepGroup, name="eval")
def evaluation() -> None:
    """Do STEP on the cases of its gold set, and say how often it is right.

    \b
    wave eval score
    wave eval score --gold gold/score.yaml --with prompt=prompts/score-2.md
    wave eval list

    A gold set is a file below gold/ of the project: cases, each a record or an input, with the values that are
    expected. Nothing is written, and no result is ever in force. The report is kept, and compared with the one before.
    """


@evaluation.command()
@click.argument("step", metavar="STEP")
@click.option("--gold", metavar="FILE", help="The gold set.  [default: the only one of this step]")
@experiments.with_option
@experiments.workflow_option
@project_option
@experiments.json_option
@click.pass_context
def start(
    context: click.Context, step: str, gold: str | None, changes: tuple[str, ...], workflow: str | None, as_json: bool
) -> None:
    """Start an eval of STEP and work until it has ended.

    \b
    wave eval score
    wave eval score --with model=larger --json

    The word `start` is only needed for a step that is called like one of the commands.
    """
    given = experiments.read_changes(changes)

    async def begin(engine: Engine) -> int:
        experimenting = engine.experimenting()
        version = experimenting.version(step, workflow, given)
        found = experimenting.gold(version, gold)
        choice = engine.redoing().choice(version.workflow, step)
        return await experimenting.judged(version, found, choice, await engine.sync())

    context.exit(experiments.start(project_dir(context), begin, _report, name="wave eval", as_json=as_json))


@evaluation.command(name="list")
@project_option
@experiments.json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List the evals, the newest first: how often the step was right, and what has changed since the one before.

    \b
    wave eval list
    wave eval list --json
    """
    asyncio.run(_list(project_dir(context), as_json=as_json))


async def _list(folder: Path, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.experiments import evaluation as report

    async with open_engine(folder, name="wave eval list") as engine:
        known = await engine.experimenting().known(RunKind.EVAL)
        found = [await report(engine.database, one.run_id) for one in known]
    columns = ("run_id", "workflow", "step", "gold", "with", "state", "cases", "right", "since_last", "started_by")
    output.show(columns, [_line(one) for one in found], "wave.evals.v1", as_json=as_json)


def _line(found: Eval) -> dict[str, Any]:
    row = {**vars(found.experiment), "with": experiments.with_words(found.experiment)}
    del row["changes"]
    return {**row, "cases": found.cases, "right": found.right, "since_last": _since(found)}


def _since(found: Eval) -> str:
    """Return what has changed since the eval before: `+2 −1` are two that have become right, and one wrong."""
    return f"+{len(found.since.better)} −{len(found.since.worse)}" if found.since else ""


async def _report(engine: Engine, number: int, *, as_json: bool) -> None:
    from wave_runner.reports.experiments import evaluation as report

    found = await report(engine.database, number)
    if as_json:
        output.emit("wave.eval.v1", {**vars(found), "accuracy": found.accuracy})
    else:
        _show(found)


def _show(found: Eval) -> None:
    experiments.head(found.experiment)
    took = experiments.took_row("eval", found.took, found.experiment.currency)
    output.table(experiments.TOOK, [took], title="what it took")
    rows = [
        {
            "field": one.field,
            "accuracy": experiments.share(one.accuracy),
            "right": f"{one.right} of {one.cases}",
            "kappa": experiments.number(one.kappa),
            "mean_error": experiments.number(one.error),
        }
        for one in found.fields
    ]
    output.table(("field", "accuracy", "right", "kappa", "mean_error"), rows, title="by field")
    confused = [
        {"field": one.field, "expected": wanted, "given": given, "cases": n}
        for one in found.fields
        for wanted, counts in one.confusion.items()
        for given, n in counts.items()
    ]
    if confused:
        output.table(("field", "expected", "given", "cases"), confused, title="what was given for what was expected")
    _show_wrong(found)
    if found.since:
        output.heading(f"since eval {found.since.run_id}: {_since(found)}{_named(found)}")
    output.heading(f"{found.right} of {found.cases} cases are right: {experiments.share(found.accuracy)}")


def _show_wrong(found: Eval) -> None:
    from wave_runner.core.comparing import flat

    rows = [
        {
            "case": one.case,
            "field": name,
            "expected": experiments.short(wanted),
            "given": experiments.short(flat(one.output).get(name, f"({one.why})" if one.why else "")),
        }
        for one in found.wrong[:SHOWN]
        for name, wanted in flat(one.expected).items()
        if not one.fields[name]
    ]
    if rows:
        more = f", the first {SHOWN} of {len(found.wrong)} cases" if len(found.wrong) > SHOWN else ""
        output.table(("case", "field", "expected", "given"), rows, title=f"what is wrong{more}")


def _named(found: Eval) -> str:
    since = found.since
    assert since is not None, "it is only said of an eval that has one before"
    better = f"; right now: {', '.join(since.better[:SHOWN])}" if since.better else ""
    return better + (f"; wrong now: {', '.join(since.worse[:SHOWN])}" if since.worse else "")


experiments.add_show_and_resume(
    evaluation,
    RunKind.EVAL,
    _report,
    shows="Show what came of eval N: what is wrong, and what has changed since the one before.",
    resumes="Go on with eval N, which was stopped or killed, until it has ended.",
)
