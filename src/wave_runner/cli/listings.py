"""`wave report matrix`, `events` and `waves`, page by page; `failures` and `reviews` of the newest runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wave_runner.cli import forms, output, status
from wave_runner.cli.forms import Command, form_options
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.reviewing import Agreement, CorrectedField, ReviewedStep
    from wave_runner.reports.events import ListedEvent
    from wave_runner.reports.matrix import Cell, RecordRow
    from wave_runner.reports.reviews import Desk, Reviews
    from wave_runner.reports.waves import Lane, ListedWave, Waves
    from wave_runner.store.database import Database

LANES = ("server", "slot", "model", "asked_at", "loaded in", "actor", "size", "since")
WAVES = ("wave", "opened_at", "actor", "server", "model", "size", "done", "took", "why then", "ended")
EVENTS = ("event", "recorded_at", "type", "step", "record", "interaction", "caused by", "wave")

FAILURES = ("workflow", "step", "state", "why", "n", "records", "runs", "newest", "last run", "error")

DESKS = ("queue", "tasks", "claimed", "overdue", "oldest", "last hour", "empty in")
REVIEWED = ("workflow", "step", "tasks", "decisions", "people", "median", "under 2 s", "asked of several", "differed")
AGREEMENT = ("workflow", "step", "field", "tasks", "blind", "agree", "kappa")
CORRECTED = ("actor", "tasks", "changed", "share")

T = TypeVar("T")


def newest_runs_options(command: Command) -> Command:
    """Add `--workflow` and `--runs` to a command: of which runs it tells."""
    runs = click.option(
        "--runs", type=click.IntRange(1, 100), default=20, show_default=True, help="Of so many of the newest runs."
    )
    return click.option("--workflow", metavar="NAME", help="Of this workflow alone.")(runs(command))


@click.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--after", type=click.IntRange(min=1), metavar="N", help="The page that comes after this number.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many records.")
@project_option
@form_options
@click.pass_context
def matrix(context: click.Context, run_id: int | None, after: int | None, limit: int, form: str | None) -> None:
    """Show how each record of a run stands in each step, in the order in which the records came.

    \b
    wave report matrix
    wave report matrix 12 --after 4711 --json
    """
    from wave_runner.reports.matrix import RecordRow
    from wave_runner.reports.matrix import matrix as read

    found = asyncio.run(_read(project_dir(context), lambda database: read(database, run_id, after=after, limit=limit)))
    if form:
        forms.put(form, "wave.report.matrix.v1", asdict(found), RecordRow, found.rows)
        return
    rows = [_record(row) for row in found.rows]
    output.table(("record", "verdict", *found.steps), rows, title=f"run {found.run_id} of {found.workflow}")
    if found.next_after_id:
        output.heading(f"there are more: --after {found.next_after_id}")


@click.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="The page that comes after this event.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@project_option
@form_options
@click.pass_context
def events(context: click.Context, run_id: int | None, before: int | None, limit: int, form: str | None) -> None:
    """List the events of a run, the newest first.

    \b
    wave report events
    wave report events 12 --limit 500 --json
    """
    from wave_runner.reports.events import ListedEvent
    from wave_runner.reports.events import events as read

    found = asyncio.run(
        _read(project_dir(context), lambda database: read(database, run_id, before=before, limit=limit))
    )
    if form:
        forms.put(form, "wave.report.events.v1", asdict(found), ListedEvent, found.rows)
        return
    output.table(EVENTS, [_event(one) for one in found.rows], title=f"run {found.run_id} of {found.workflow}")
    _more(found.next_before_id)


@click.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="The page that comes after this wave.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many waves.")
@project_option
@form_options
@click.pass_context
def waves(context: click.Context, run_id: int | None, before: int | None, limit: int, form: str | None) -> None:
    """Show what each slot of each model server has in hand, and the last waves with why each was opened then.

    \b
    wave report waves
    wave report waves 12 --json

    With RUN, the waves are those of queues that it waits in, from its beginning to its end. A wave is for all runs that
    wait for the same, so it can hold work of others too.
    """
    from wave_runner.reports.waves import ListedWave
    from wave_runner.reports.waves import waves as read

    found = asyncio.run(
        _read(project_dir(context), lambda database: read(database, run_id, before=before, limit=limit))
    )
    if form:
        forms.put(form, "wave.report.waves.v1", asdict(found), ListedWave, found.rows)
    else:
        _show_waves(found)


@click.command()
@newest_runs_options
@status.now_option
@project_option
@form_options
@click.pass_context
def failures(context: click.Context, workflow: str | None, runs: int, now: bool, form: str | None) -> None:
    """Show what has gone wrong in the newest runs by its cause, the most frequent first.

    \b
    wave report failures
    wave report failures --workflow job_postings --runs 5 --json

    Of a cause that more than 1,000 records of a run have, and that is in several runs, it is not counted whether these
    are the same ones: `records` says many, and in a document null.
    """
    from wave_runner.reports.failures import Failure
    from wave_runner.reports.failures import failures as read

    found = asyncio.run(
        _read(project_dir(context), lambda database: read(database, workflow=workflow, runs=runs, now=now))
    )
    if form:
        forms.put(form, "wave.report.failures.v1", asdict(found), Failure, found.rows)
        return
    rows = [
        {
            **asdict(one),
            "records": "many" if one.records is None else one.records,
            "why": one.rule or one.error_class,
            "last run": one.last_run_id,
        }
        for one in found.rows
    ]
    then = status.as_of_moment(found.counted_at, "those of large runs ")
    output.table(FAILURES, rows, title=f"failures of the newest {found.of_runs} runs{then}")


@click.command()
@newest_runs_options
@project_option
@form_options
@click.pass_context
def reviews(context: click.Context, workflow: str | None, runs: int, form: str | None) -> None:
    """Show how people keep up with their tasks, how far they agree, and how often they change what was proposed.

    \b
    wave report reviews
    wave report reviews --workflow job_postings --json

    What waits is that of all runs. The rest is of the newest 2,000 tasks that were decided in the newest runs. How far
    people agree is told of those who are asked first where several are needed; unless a step is blind, they may have
    seen each other's answer. A field counts as changed where something else was decided than the task has shown under
    its name.
    """
    from wave_runner.core.reviewing import CorrectedField
    from wave_runner.reports.reviews import reviews as read

    found = asyncio.run(_read(project_dir(context), lambda database: read(database, workflow=workflow, runs=runs)))
    if form:
        forms.put(form, "wave.report.reviews.v1", asdict(found), CorrectedField, found.fields)
    else:
        _show_reviews(found)


async def _read(folder: Path, read: Callable[[Database], Awaitable[T]]) -> T:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave report") as engine:
        return await read(engine.database)


def _more(before: int | None) -> None:
    if before:
        output.heading(f"there are more: --before {before}")


def _record(row: RecordRow) -> dict[str, Any]:
    return {"record": row.key, "verdict": row.verdict, **{step: _cell(cell) for step, cell in row.cells.items()}}


def _cell(cell: Cell) -> str:
    return ", ".join(state if n == 1 else f"{n} {state}" for state, n in cell.states.items())


def _event(one: ListedEvent) -> dict[str, Any]:
    return {
        **asdict(one),
        "event": one.event_id,
        "record": one.key,
        "interaction": one.interaction_id,
        "caused by": one.cause,
        "wave": one.wave_id,
    }


def _show_waves(found: Waves) -> None:
    if found.lanes:
        output.table(LANES, [_lane(one) for one in found.lanes], title="model servers")
    of = "of all runs" if found.run_id is None else f"while run {found.run_id} was open"
    output.table(WAVES, [_wave(one) for one in found.rows], title=f"waves {of}")
    _more(found.next_before_id)


def _lane(one: Lane) -> dict[str, Any]:
    return {
        **asdict(one),
        "loaded in": output.duration(one.load_us) if one.loaded else None,
        "since": one.opened_at if not one.lost else "lost",
    }


def _wave(one: ListedWave) -> dict[str, Any]:
    took = (one.closed_at - one.opened_at).total_seconds() * 1e6 if one.closed_at else None
    return {
        **asdict(one),
        "wave": one.wave_id,
        "took": output.duration(took),
        "why then": one.reason,
        "ended": "lost" if one.ended_by == "wave_expired" else None if one.closed_at else "open",
    }


def _show_reviews(found: Reviews) -> None:
    if found.queues:
        output.table(DESKS, [_desk(one) for one in found.queues], title="what waits for people")
    if not found.tasks:
        output.heading(f"no task was decided in the newest {found.of_runs} runs")
        return
    title = f"decided in the newest {found.of_runs} runs{', the newest' if found.older else ''}: {found.tasks} tasks"
    output.table(REVIEWED, [_reviewed(one) for one in found.steps], title=title)
    if found.agreement:
        output.table(AGREEMENT, [_agreement(one) for one in found.agreement], title="how far people agree")
    if found.actors:
        rows = [{**asdict(one), "share": output.percent(one.percent)} for one in found.actors]
        output.table(CORRECTED, rows, title="what people have changed, by who had proposed it")
    if found.fields:
        fields = [_corrected(one) for one in found.fields]
        output.table(("workflow", "step", "field", *CORRECTED), fields, title="what people have changed, by field")


def _desk(one: Desk) -> dict[str, Any]:
    left = None if one.left_s is None else one.left_s * 1e6
    return {**asdict(one), "last hour": one.lately, "empty in": output.duration(left)}


def _reviewed(one: ReviewedStep) -> dict[str, Any]:
    median = None if one.median_s is None else one.median_s * 1e6
    more = {"median": output.duration(median), "under 2 s": one.quick, "asked of several": one.several}
    return {**asdict(one), **more}


def _agreement(one: Agreement) -> dict[str, Any]:
    kappa = None if one.kappa is None else f"{one.kappa:.2f}"
    return {**asdict(one), "agree": output.percent(100 * one.agreement), "kappa": kappa}


def _corrected(one: CorrectedField) -> dict[str, Any]:
    return {**asdict(one), "actor": one.actor or "the record", "share": output.percent(one.percent)}
