"""`wave pause`, `wave resume`, `wave drain`, `wave cancel`: what somebody says of work under way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.amounts import Amount
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.control import Subject
    from wave_runner.runner.orders import Orders

SUBJECTS = ("run", "workflow", "actor", "runner")
STILL_IN_HAND = 1
MONEY = Amount(0, 10**6, min_open=True)

Command = Callable[..., Any]


def _about(command: Command) -> Command:
    """Give a command what all of these take: what it is about, the project, and --json."""
    command = click.pass_context(command)
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)
    command = project_option(command)
    command = click.argument("name")(command)
    return click.argument("subject", type=click.Choice(SUBJECTS))(command)


@click.command()
@_about
def pause(context: click.Context, subject: str, name: str, as_json: bool) -> None:
    """Let nothing more of a run, a workflow, an actor or by a runner be begun; what is in hand is finished.

    \b
    wave pause run 12
    wave pause actor summariser

    Nothing is lost and nothing is charged: the work waits until `wave resume`. A paused workflow also holds the runs
    that are yet to come. `wave report runners` lists the runners.
    """
    asyncio.run(_pause(project_dir(context), subject, name, as_json=as_json))


@click.command()
@_about
@click.option("--more-tokens", type=click.IntRange(1, 10**12), metavar="N", help="Let the run use N tokens more.")
@click.option("--more-money", type=MONEY, metavar="N", help="Let it use N more money.")
def resume(
    context: click.Context, subject: str, name: str, as_json: bool, more_tokens: int | None, more_money: float | None
) -> None:
    """Let what was paused go on.

    \b
    wave resume run 12
    wave resume run 12 --more-money 2.50
    wave resume workflow job_postings

    A run that is paused because its limit on tokens or money would be exceeded pauses again at its next call, unless it
    is given more. What it is given counts beyond the limit that its workflow names, for this run. Where its canary or
    its last results have paused it, the others follow.
    """
    if (more_tokens or more_money) and subject != "run":
        raise click.UsageError("--more-tokens and --more-money go with a run")
    if more_money is not None and math.isnan(more_money):
        raise click.UsageError("--more-money is a number above 0")
    more = {"tokens": more_tokens or 0, "money": more_money or 0.0}
    asyncio.run(_resume(project_dir(context), subject, name, more, as_json=as_json))


@click.command()
@_about
@click.option("--timeout", type=Amount(min=0), metavar="SECONDS", help="Wait no longer than this.")
def drain(context: click.Context, subject: str, name: str, as_json: bool, timeout: float | None) -> int:
    """Pause it, and wait until nothing of it is in hand; a runner ends then.

    \b
    wave drain runner 0192d3c2-8d7e-7c35-8f5e-0e4f6a0b1c2d
    wave drain workflow job_postings --timeout 60

    Ends with exit code 1 where something is still in hand when the time is over; it stays paused.
    """
    return asyncio.run(_drain(project_dir(context), subject, name, patience_s=timeout, as_json=as_json))


@click.command()
@_about
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it ends so many interactions.")
def cancel(context: click.Context, subject: str, name: str, as_json: bool, yes: bool, expect: int | None) -> None:
    """End everything of a run, a workflow or an actor that is not finished, or stop a runner.

    \b
    wave cancel run 12
    wave cancel run 12 --yes --expect 340

    Without --yes it only says what would end. What is cancelled stays so: records keep what was saved before, and are
    incomplete. What runs at this moment is stopped, and what it gives is not taken. A runner that is stopped gives back
    what it has in hand, and nothing is cancelled.
    """
    asyncio.run(_cancel(project_dir(context), subject, name, yes=yes, expect=expect, as_json=as_json))


async def _pause(folder: Path, subject: str, name: str, *, as_json: bool) -> None:
    async with _orders(folder, subject) as (orders, of):
        changed = await orders.pause(of, name)
    _say("pause", subject, name, changed=changed, said="paused", otherwise="was paused already", as_json=as_json)


async def _resume(folder: Path, subject: str, name: str, more: dict[str, float], *, as_json: bool) -> None:
    from wave_runner.core.limits import UNITS, Spent

    granted = Spent(**{budget: round(amount * UNITS.get(budget, 1)) for budget, amount in more.items()})
    async with _orders(folder, subject) as (orders, of):
        changed = await orders.resume(of, name, more=granted)
        workflow = await orders.held_by_workflow(int(name)) if subject == "run" else ""
    _say("resume", subject, name, changed=changed, said="goes on", otherwise="was not paused", as_json=as_json)
    if workflow:
        said = f"run {name} waits all the same: workflow {workflow} is paused: wave resume workflow {workflow}"
        click.echo(said, err=True)


async def _drain(folder: Path, subject: str, name: str, *, patience_s: float | None, as_json: bool) -> int:
    from wave_runner.runner.orders import NO_LIMIT

    async with _orders(folder, subject) as (orders, of):
        left = await orders.drain(of, name, patience_s=NO_LIMIT if patience_s is None else patience_s)
    if as_json:
        output.emit("wave.drain.v1", {"subject": subject, "name": name, "in_hand": left})
    else:
        output.heading(f"{subject} {name}: {f'{left} still in hand' if left else 'drained'}")
    return STILL_IN_HAND if left else 0


async def _cancel(folder: Path, subject: str, name: str, *, yes: bool, expect: int | None, as_json: bool) -> None:
    async with _orders(folder, subject) as (orders, of):
        found = [] if subject == "runner" else await orders.unfinished(of, name)
        total = sum(one.n for one in found)
        cancelled = await orders.cancel(of, name, expect=expect) if yes else None
    if as_json:
        document = {"subject": subject, "name": name, "unfinished": found, "total": total, "cancelled": cancelled}
        output.emit("wave.cancel.v1", document)
        return
    if not yes:
        output.table(("run_id", "step", "state", "n", "records"), [vars(one) for one in found], title="would end")
        expecting = "" if subject == "runner" else f" --expect {total}"
        output.heading(f"nothing is done yet: wave cancel {subject} {name} --yes{expecting}")
    elif subject == "runner":
        output.heading(f"runner {name}: told to stop")
    else:
        output.heading(f"{subject} {name}: {cancelled} interactions cancelled")


def _say(verb: str, subject: str, name: str, *, changed: bool, said: str, otherwise: str, as_json: bool) -> None:
    if as_json:
        output.emit(f"wave.{verb}.v1", {"subject": subject, "name": name, "changed": changed})
    else:
        output.heading(f"{subject} {name}: {said if changed else otherwise}")


@asynccontextmanager
async def _orders(folder: Path, subject: str) -> AsyncIterator[tuple[Orders, Subject]]:
    from wave_runner.core.control import Subject
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave orders") as engine:
        yield engine.orders(), Subject(subject)
