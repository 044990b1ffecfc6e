"""`wave audit drop` and `drops`: the history of old months goes, by two people, and the log says which and by whom."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.erase import as_option, json_option
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.runner.dropping import Dropped, Dropping, Preview
    from wave_runner.store.drops import Drop


def month(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    """Return the first day of the month that was said."""
    from wave_runner.core.drop import month_of

    try:
        return None if text is None else month_of(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no month; one looks like 2026-08, or 2026-08-15") from None


@click.command()
@project_option
@click.option("--before", callback=month, metavar="MONTH", help="The months before this one; what began in it stays.")
@click.option("--basis", metavar="TEXT", help="Ask for it, and say on what ground. Name nobody: the text is kept.")
@click.option("--approve", is_flag=True, help="Agree to what somebody else has asked for, and do it, or go on with it.")
@click.option("--withdraw", is_flag=True, help="Take back what was asked for.")
@as_option
@json_option
@click.pass_context
def drop(
    context: click.Context,
    before: date | None,
    basis: str | None,
    approve: bool,
    withdraw: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Drop the history of old months: one person asks, another one agrees. Without either, only say what there is.

    \b
    wave audit drop --before 2026-08
    wave audit drop --before 2026-08 --basis 'kept for two years, policy 7' --as maria
    wave audit drop --approve --as ben

    What goes of a month's runs: interactions, events, inputs, outputs, prompts, answers, logs, staged rows, tasks,
    decisions, costs, who wrote which value. What stays: the runs with their counts and verdicts, the records, the
    values in your own tables, and the signed log with an entry for each event, so that wave audit verify holds and
    says what is gone and by whose order. Nothing goes of a month with a run that has not ended or a record with a hold.
    """
    if sum((basis is not None, approve, withdraw)) > 1:
        raise click.UsageError("--basis, --approve and --withdraw exclude each other")
    if basis is not None and (not basis.strip() or before is None):
        raise click.UsageError("--basis needs a text, and --before a month")
    found, done = asyncio.run(_drop(project_dir(context), before, basis, approve, withdraw, person))
    if before is None and found.before is None and not found.due and not (approve or withdraw):
        raise click.UsageError("say which months: --before MONTH")
    if as_json:
        output.emit("wave.audit.drop.v1", {"found": found, "dropped": done})
        return
    if done is None:
        _show(found)
        output.heading(_next(found, basis, withdraw))
    else:
        _show_done(done)


@click.command()
@project_option
@json_option
@click.pass_context
def drops(context: click.Context, as_json: bool) -> None:
    """List who has asked for which months to be dropped, on what ground, and what has become of it.

    \b
    wave audit drops
    wave audit drops --json
    """
    found = asyncio.run(_list(project_dir(context)))
    if as_json:
        output.emit("wave.audit.drops.v1", {"drops": found})
        return
    columns = (
        *("before", "requested_at", "requested_by", "basis", "state", "approved_by"),
        *("first_run", "last_run", "dropped_at"),
    )
    output.table(
        columns, [{**vars(one), "before": f"{one.before:%Y-%m}", "state": _state(one)} for one in found], title="drops"
    )


def _state(one: Drop) -> str:
    if one.approved_by is None:
        return "withdrawn" if one.withdrawn_at else "open"
    return "dropped" if one.dropped == one.ranges else f"ordered, {one.dropped} of {one.ranges} dropped"


def _show(found: Preview) -> None:
    rows = [
        {
            **vars(one),
            "month": f"{one.month:%Y-%m}",
            "run": f"{one.first_run} to {one.following - 1}",
            "index": "" if one.first_index is None else f"{one.first_index} to {one.last_index}",
        }
        for one in found.ranges
    ]
    columns = ("month", "run", "runs", "records", "interactions", "events", "value_writes", "bytes", "index")
    output.table(columns, rows, title="would be dropped")
    if undecided := sum(one.undecided for one in found.ranges):
        output.heading(f"{undecided} staged rows among them were never decided about")
    if given := sum(one.answers_given_later for one in found.ranges):
        output.heading(f"{given} results of later runs were answered from there: they stay, and what they rest on goes")
    for reason in found.reasons:
        output.heading(f"in the way: {reason}")
    for one in found.due:
        output.heading(
            f"ordered by {one.requested_by} and {one.approved_by}, and there still: runs {one.first_run} to "
            f"{one.following - 1}; to go on: wave audit drop --approve"
        )


def _next(found: Preview, basis: str | None, withdraw: bool) -> str:
    if withdraw:
        return "the request is withdrawn; nothing was dropped"
    if basis is not None:
        return "nothing is dropped yet; somebody else agrees: wave audit drop --approve --as NAME"
    if found.asked is not None:
        asked = found.asked
        return (
            f"{asked.requested_by} has asked for the months before {asked.before:%Y-%m}; "
            "somebody else agrees: wave audit drop --approve"
        )
    if found.before is None:
        return "nobody asks for more"
    return f"nobody has asked for this: wave audit drop --before {found.before:%Y-%m} --basis TEXT"


def _show_done(done: list[Dropped]) -> None:
    rows = [{"month": f"{one.month:%Y-%m}", "run": f"{one.first_run} to {one.last_run}", **one.rows} for one in done]
    output.table(("month", "run", "interactions", "events", "payloads", "value_writes"), rows, title="dropped")
    output.heading("the signed log says what is gone and by whose order: wave audit verify")


async def _drop(
    folder: Path, before: date | None, basis: str | None, approve: bool, withdraw: bool, person: str | None
) -> tuple[Preview, list[Dropped] | None]:
    from wave_runner.engine import open_engine, whoami

    async with open_engine(folder, name="wave audit") as engine:
        dropping: Dropping = engine.dropping(person or whoami())
        found = await dropping.preview(before)
        if basis is not None and before is not None:
            await dropping.request(before, basis=basis.strip())
        elif withdraw:
            await dropping.withdraw()
        elif approve:
            return found, await dropping.approve(before)
        if basis is not None or withdraw:
            await engine.seal()
    return found, None


async def _list(folder: Path) -> list[Drop]:
    from wave_runner.engine import open_engine
    from wave_runner.store import drops as stored

    async with open_engine(folder, name="wave audit") as engine:
        return await stored.requests(engine.database)
