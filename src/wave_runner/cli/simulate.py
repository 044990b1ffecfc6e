"""`wave simulate`: how long work would take, and how many loads, on this machine or on another."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.amounts import Amount
from wave_runner.cli.durations import Duration
from wave_runner.cli.main import project_dir, project_option
from wave_runner.errors import NotFoundError

if TYPE_CHECKING:
    from wave_runner.core.simulation import Machine, Outcome
    from wave_runner.core.wave import Policy
    from wave_runner.core.workflow import Project, Workflow
    from wave_runner.core.workload import Figures

MOST_RECORDS = 100_000_000
COLUMNS = ("policy", "loads", "loading", "makespan", "first", "wait_p50", "wait_p95", "wait_max")
_MODEL = re.compile(r"(?P<name>.+)=(?P<load>[\d.]+)/(?P<call>[\d.]+)(?:/(?P<gb>[\d.]+))?")


class Patience(Duration):
    """A duration, or `none`."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return math.inf if value == "none" else super().convert(value, param, ctx)


@click.command()
@click.argument("workflows", metavar="WORKFLOW[:N]...", nargs=-1, required=True)
@click.option(
    "--records",
    type=click.IntRange(1, MOST_RECORDS),
    default=1000,
    show_default=True,
    help="Of each workflow without :N.",
)
@click.option(
    "--per-hour",
    type=Amount(min=0, min_open=True),
    help="Records that come in an hour, of each workflow.  [default: all at once]",
)
@click.option(
    "--models",
    multiple=True,
    metavar="NAME=LOAD/CALL[/GB]",
    help="Seconds of a load and of a call of a model, and its gigabytes; may be repeated.",
)
@click.option(
    "--seconds", multiple=True, metavar="STEP=S", help="Seconds that a step takes for one record; may be repeated."
)
@click.option(
    "--share",
    multiple=True,
    metavar="STEP.TO=P",
    help="Which part of a step's records goes where, from 0 to 1; may be repeated.",
)
@click.option(
    "--figures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with all of these; options go before it.",
)
@click.option("--servers", type=click.IntRange(1, 1000), default=1, show_default=True, help="Model servers alike.")
@click.option(
    "--slots", type=click.IntRange(1, 1000), help="Requests in flight at once, of each.  [default: as in wave.toml]"
)
@click.option(
    "--resident", type=click.IntRange(1, 1000), help="Models in memory at once, of each.  [default: as in wave.toml]"
)
@click.option(
    "--memory", type=Amount(min=0, min_open=True), metavar="GB", help="For models, of each.  [default: as in wave.toml]"
)
@click.option(
    "--script-slots", type=click.IntRange(1, 1000), default=2, show_default=True, help="Scripts at work at once."
)
@click.option("--fails", type=Amount(0, 0.9), default=0.0, show_default=True, help="Which part of the calls fails.")
@click.option(
    "--overdue",
    type=Patience(),
    metavar="DURATION|none",
    help="After so long a model's work goes first.  [default: 10m, or 20 times a load of each model]",
)
@click.option(
    "--theta",
    type=Amount(0, 1000),
    default=4.0,
    show_default=True,
    help="A model works so many times its load before it is left.",
)
@click.option(
    "--fill",
    type=Amount(0, 1000),
    default=0.0,
    show_default=True,
    help="So many times its load must wait for a model that is loaded.",
)
@click.option(
    "--linger",
    type=Duration(),
    default="10s",
    show_default=True,
    help="How long a model is kept for what is on its way.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the dice.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def simulate(context: click.Context, /, workflows: tuple[str, ...], as_json: bool, **told: Any) -> None:
    """Say how long work would take and how many loads, by waves and without them, and do nothing.

    \b
    wave simulate job_postings --records 2089
    wave simulate job_postings:2000 other:500 --servers 2 --memory 24
    wave simulate job_postings --per-hour 600 --models judge=8/2.5/4.7 --overdue 5m

    The planner is the one that runners have; only the clock is another. Nothing is read from a database and no model
    is asked: without --models a load is taken for 6 seconds and a call for one. What can come after a step is taken by
    equal parts of its records, unless --share says otherwise. People answer at once, unless --seconds says otherwise.
    Above 5,000 records those without a planner are done for some of them, which then stand for all.
    """
    from wave_runner.core.simulation import Machine
    from wave_runner.core.wave import Policy
    from wave_runner.core.workload import Known, compare, room_of
    from wave_runner.project.load import load_project

    project = load_project(project_dir(context))
    wanted = [_wanted(text, project, told["records"]) for text in workflows]
    figures = _figures(told, project)
    known = Known(project, figures)
    _check(figures, wanted, known)
    per_s = told["per_hour"] / 3600 if told["per_hour"] else None
    works, models = known.works(wanted, per_s=per_s)
    specs = list(project.servers.values())
    machine = Machine(
        models=models,
        servers=told["servers"],
        slots=told["slots"] or max((spec.slots for spec in specs), default=1),
        room=room_of(specs, most=told["resident"], gigabytes=told["memory"]),
        script_slots=told["script_slots"],
        fails=told["fails"],
    )
    policy = Policy(overdue_s=told["overdue"], theta=told["theta"], fill=told["fill"], linger_s=told["linger"])
    # The same dice for each policy: what they differ in is then the policy.
    found, times = compare(works, machine, policy, lambda: random.Random(told["seed"]).random)  # noqa: S311
    if as_json:
        output.emit("wave.simulation.v1", _document(wanted, machine, policy, found, times, known.assumed))
    else:
        _show(wanted, machine, policy, found, times, known.assumed)


def _wanted(text: str, project: Project, records: int) -> tuple[Workflow, int]:
    from wave_runner.core.nearest import did_you_mean

    name, _, count = text.partition(":")
    if name not in project.workflows:
        raise NotFoundError(f"no workflow {name}", hint=did_you_mean(name, project.workflows))
    if count and not (count.isascii() and count.isdigit() and len(count) < 10 and 0 < int(count) <= MOST_RECORDS):
        said = f"{text!r}: after the colon stands how many records, {MOST_RECORDS:,} at most"
        raise click.BadParameter(said, param_hint="WORKFLOW")
    return project.workflows[name], int(count) if count else records


def _figures(told: Mapping[str, Any], project: Project) -> Figures:
    from wave_runner.core.workload import GB, Figures, ModelFigures, StepFigures
    from wave_runner.project.figures import read_figures

    models = {}
    for text in told["models"]:
        match = _MODEL.fullmatch(text)
        if not match:
            raise click.BadParameter(f"{text!r} is not NAME=LOAD/CALL or NAME=LOAD/CALL/GB", param_hint="--models")
        load_s, call_s, gb = (_number(match[name], "--models") for name in ("load", "call", "gb"))
        models[match["name"]] = ModelFigures(load_s=load_s, call_s=call_s, bytes=None if gb is None else round(gb * GB))
    steps: dict[str, StepFigures] = {}
    for name, value in _pairs(told["seconds"], "--seconds", "STEP=S"):
        steps[name] = StepFigures(seconds=value)
    for way, value in _pairs(told["share"], "--share", "STEP.TO=P"):
        step, _, to = way.partition(".")
        if not to or value > 1:
            raise click.BadParameter(f"{way}={value} is not STEP.TO=P, with P from 0 to 1", param_hint="--share")
        before = steps.get(step, StepFigures())
        steps[step] = StepFigures(seconds=before.seconds, share={**before.share, to: value})
    said = Figures(models=models, steps=steps)
    return said.over(read_figures(told["figures"])) if told["figures"] else said


def _pairs(texts: Sequence[str], option: str, form: str) -> list[tuple[str, float]]:
    found = []
    for text in texts:
        name, _, value = text.rpartition("=")
        number = _number(value, option)
        if not name or number is None:
            raise click.BadParameter(f"{text!r} is not {form}", param_hint=option)
        found.append((name, number))
    return found


def _number(text: str | None, option: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise click.BadParameter(f"{text!r} is not a number from 0", param_hint=option)
    return number


def _check(figures: Figures, wanted: Sequence[tuple[Workflow, int]], known: Any) -> None:
    """Refuse figures of what is not there: they would be silently without effect."""
    from wave_runner.core import graph
    from wave_runner.core.nearest import did_you_mean
    from wave_runner.core.workflow import END, Fork

    steps = {name: step for workflow, _ in wanted for name, step in workflow.steps.items()}
    for what, names, there in (
        ("model", figures.models, known.names()),
        ("step", figures.steps, sorted(steps)),
    ):
        for name in names:
            if name not in there:
                raise NotFoundError(f"there is no {what} {name}", hint=did_you_mean(name, there))
    for name, said in figures.steps.items():
        following = {END, *graph.follows(steps[name])}
        for to in said.share:
            if to not in following:
                raise NotFoundError(f"{to} does not follow {name}", hint=did_you_mean(to, following))
        total = sum(said.share.values())
        if total > 1 + 1e-9 and not isinstance(steps[name].route, Fork):
            raise click.UsageError(
                f"the shares of {name} are {total:g} together: each of its records goes one way only"
            )


def _document(
    wanted: Sequence[tuple[Workflow, int]],
    machine: Machine,
    policy: Policy,
    found: Mapping[str, Outcome],
    times: float,
    assumed: set[str],
) -> dict[str, Any]:
    """Return the result as `wave.simulation.v1` has it; all times in seconds."""
    waves = found["waves"]
    return {
        "workflows": [{"workflow": workflow.name, "records": records} for workflow, records in wanted],
        "models": dict(machine.models),
        "assumed": sorted(assumed),
        "servers": machine.servers,
        "slots": machine.slots,
        "room": machine.room,
        "overdue_s": None if math.isinf(seconds := policy.patience_s(machine.models)) else seconds,
        "records_for_each": times,
        "least_loads": waves.least_loads,
        "load_efficiency": _efficiency(waves),
        "gain": _gain(found),
        "policies": found,
    }


def _efficiency(waves: Outcome) -> float | None:
    return waves.least_loads / waves.loads if waves.loads else None


def _gain(found: Mapping[str, Outcome]) -> float | None:
    """Return how many times as long it takes record by record."""
    waves = found["waves"].makespan_s
    return found["per record"].makespan_s / waves if waves else None


def _show(
    wanted: Sequence[tuple[Workflow, int]],
    machine: Machine,
    policy: Policy,
    found: Mapping[str, Outcome],
    times: float,
    assumed: set[str],
) -> None:
    output.heading(
        ", ".join(f"{records:,} records of {workflow.name}" for workflow, records in wanted)
        + f" on {machine.servers} server{'s' if machine.servers > 1 else ''}, {machine.slots} at once each"
    )
    for name, model in sorted(machine.models.items()):
        guess = ", assumed" if name in assumed else ""
        unknown = ", size not known" if machine.room.bytes is not None else ""
        size = f", {model.bytes / 1e9:.1f} GB" if model.bytes else unknown
        output.heading(f"{name}: load {model.load_s:g} s{size}{guess}")
    output.table(COLUMNS, [_row(name, found[name]) for name in ("waves", "drain", "fifo", "per record")])
    waves = found["waves"]
    efficiency = _efficiency(waves)
    if efficiency is not None:
        output.heading(
            f"fewest loads possible: {waves.least_loads}; load efficiency of waves: {100 * efficiency:.0f} %"
        )
    seconds = policy.patience_s(machine.models)
    if waves.least_loads < waves.loads and math.isfinite(seconds):
        bound = output.duration(seconds * 1e6)
        output.heading(f"work that has waited {bound} went first (--overdue); without that bound: --overdue none")
    if gain := _gain(found):
        output.heading(f"record by record it takes {gain:.2f} times as long as in waves")
    if waves.failed:
        output.heading(f"{waves.failed:,} of {waves.calls:,} calls failed for good")
    if times > 1:
        output.heading(f"fifo and per record: from one record in {times:.1f}")


def _row(name: str, outcome: Outcome) -> dict[str, Any]:
    def told(seconds: float) -> str:
        return output.duration(seconds * 1e6)

    waits = outcome.waits
    return {
        "policy": name,
        "loads": f"{outcome.loads:,}",
        "loading": told(outcome.load_s),
        "makespan": told(outcome.makespan_s),
        "first": told(outcome.first_s),
        "wait_p50": told(waits.p50_s),
        "wait_p95": told(waits.p95_s),
        "wait_max": told(waits.max_s),
    }
