"""`wave audit erase`, `hold` and their lists: what is kept of a record goes, by two people, or must not go."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.runner.erasing import Done, Erasing, Preview
    from wave_runner.store.erasures import Erasure, Hold

record_option = click.option("--record", "key", required=True, metavar="KEY", help="The record.")
collection_option = click.option("--collection", metavar="NAME", help="Where several collections have such a record.")
as_option = click.option(
    "--as", "person", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command()
@project_option
@record_option
@collection_option
@click.option("--basis", metavar="TEXT", help="Ask for it, and say on what ground. Name nobody: the text is kept.")
@click.option("--approve", is_flag=True, help="Agree to what somebody else has asked for, and do it.")
@click.option("--withdraw", is_flag=True, help="Take back what was asked for.")
@as_option
@json_option
@click.pass_context
def erase(
    context: click.Context,
    key: str,
    collection: str | None,
    basis: str | None,
    approve: bool,
    withdraw: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Erase what is kept of a record: one person asks, another one agrees. Without either, only say what there is.

    \b
    wave audit erase --record 192842/External
    wave audit erase --record 192842/External --basis 'GDPR Art. 17 (1) b, case 4711' --as maria
    wave audit erase --record 192842/External --approve --as ben

    Work on the record is cancelled first. Then inputs, outputs, prompts, answers, logs, earlier values, staged rows,
    drafts, decisions and recorded answers go, in one transaction, and the record gets another key. Its events stay,
    with commitments that say nothing by themselves: wave audit verify holds. The project's own tables are not touched.
    """
    if sum((basis is not None, approve, withdraw)) > 1:
        raise click.UsageError("--basis, --approve and --withdraw exclude each other")
    if basis is not None and not basis.strip():
        raise click.UsageError("--basis needs a text")
    found, done = asyncio.run(_erase(project_dir(context), key, collection, basis, approve, withdraw, person))
    if as_json:
        output.emit("wave.audit.erase.v1", {"found": found, "done": done})
        return
    _show(found, will=done is None)
    if done is not None:
        _show_done(found, done)
    elif withdraw:
        output.heading(f"{key}: the request of {found.record.requested_by} is withdrawn; nothing was erased")
    elif basis is not None:
        output.heading(f"nothing is erased yet; somebody else agrees: {_again(key)} --approve --as NAME")
    elif found.record.requested_by is not None:
        output.heading(f"{found.record.requested_by} has asked for this; somebody else agrees: {_again(key)} --approve")
    else:
        output.heading(f"nobody has asked for this: {_again(key)} --basis TEXT")


@click.command()
@project_option
@json_option
@click.pass_context
def erasures(context: click.Context, as_json: bool) -> None:
    """List who has asked for what to be erased, on what ground, and what has become of it.

    \b
    wave audit erasures
    wave audit erasures --json
    """
    found = asyncio.run(_list(project_dir(context)))
    if as_json:
        output.emit("wave.audit.erasures.v1", {"erasures": found})
        return
    columns = ("key", "collection", "requested_at", "requested_by", "basis", "state", "approved_by", "erased_at")
    rows = [
        {**vars(one), "state": "erased" if one.erased_at else "withdrawn" if one.withdrawn_at else "open"}
        for one in found
    ]
    output.table(columns, rows, title="erasures")


@click.command()
@project_option
@record_option
@collection_option
@click.option(
    "--reason", metavar="TEXT", help="Why nothing of it may be erased. It is kept until the hold is released."
)
@click.option("--release", is_flag=True, help="It may be erased again.")
@as_option
@json_option
@click.pass_context
def hold(
    context: click.Context,
    key: str,
    collection: str | None,
    reason: str | None,
    release: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Place a legal hold: nothing of a record may be erased, by a person or by its age, until it is released.

    \b
    wave audit hold --record 192842/External --reason 'proceedings 12/2026' --as maria
    wave audit hold --record 192842/External --release --as maria
    """
    if (reason is None) == (not release) or (reason is not None and not reason.strip()):
        raise click.UsageError("say --reason TEXT, or --release")
    asyncio.run(_hold(project_dir(context), key, collection, reason, person))
    if as_json:
        output.emit("wave.audit.hold.v1", {"record": key, "held": reason is not None})
    else:
        output.heading(f"{key}: {'nothing of it may be erased' if reason is not None else 'it may be erased again'}")


@click.command()
@project_option
@json_option
@click.pass_context
def holds(context: click.Context, as_json: bool) -> None:
    """List the records of which nothing may be erased.

    \b
    wave audit holds
    wave audit holds --json
    """
    found = asyncio.run(_holds(project_dir(context)))
    if as_json:
        output.emit("wave.audit.holds.v1", {"holds": found})
    else:
        output.table(
            ("key", "collection", "reason", "placed_by", "placed_at"), [vars(one) for one in found], title="holds"
        )


def _again(key: str) -> str:
    return f"wave audit erase --record {shlex.quote(key)}"


def _show(found: Preview, *, will: bool) -> None:
    rows = [{"table": table, "rows": n} for table, n in found.kept.items() if n]
    title = f"{'would be' if will else 'were to be'} erased of {found.record.key} ({found.record.collection})"
    output.table(("table", "rows"), rows, title=title)
    if found.live:
        output.heading(
            f"{found.live} interactions of it are not finished: they {'would be' if will else 'were'} cancelled"
        )
    for table, n in found.yours.items():
        if n:
            output.heading(f"not touched: {n} {'row' if n == 1 else 'rows'} of {table}, which is your own table")
    for table, n in found.speaking.items():
        if n:
            output.heading(f"not touched: {n} of {table} that belong to no record and have this key in them")
    if found.record.held_by is not None:
        output.heading(f"{found.record.held_by} has placed a hold on it: it cannot be erased")
    for other, placed_by in found.held_through.items():
        output.heading(
            f"{placed_by} has placed a hold on {other}, which was given a recorded answer of it: it cannot be erased"
        )


def _show_done(found: Preview, done: Done) -> None:
    output.heading(f"erased, by {done.requested_by} and {done.approved_by}: it is called {done.new_key} from now on")
    if any(found.yours.values()):
        output.heading(
            "delete what is left of it in your own tables: a row that is found by its key is a new record to the next "
            "run that reads it, and one that refers to the record by its id is left out by every run"
        )


@asynccontextmanager
async def _as(folder: Path, person: str | None) -> AsyncIterator[tuple[Erasing, Engine]]:
    from wave_runner.engine import open_engine, whoami

    async with open_engine(folder, name="wave audit") as engine:
        yield engine.erasing(person or whoami()), engine


async def _erase(
    folder: Path, key: str, collection: str | None, basis: str | None, approve: bool, withdraw: bool, person: str | None
) -> tuple[Preview, Done | None]:
    async with _as(folder, person) as (erasing, engine):
        found = await erasing.preview(key, collection=collection)
        done = None
        if basis is not None:
            await erasing.request(key, collection=collection, basis=basis.strip())
        elif withdraw:
            await erasing.withdraw(key, collection=collection)
        elif approve:
            done = await erasing.approve(key, collection=collection)
        if basis is not None or withdraw or approve:
            await engine.seal()
    return found, done


async def _hold(folder: Path, key: str, collection: str | None, reason: str | None, person: str | None) -> None:
    async with _as(folder, person) as (erasing, engine):
        if reason is not None:
            await erasing.hold(key, collection=collection, reason=reason.strip())
        else:
            await erasing.release(key, collection=collection)
        await engine.seal()


async def _list(folder: Path) -> list[Erasure]:
    from wave_runner.engine import open_engine
    from wave_runner.store import erasures as stored

    async with open_engine(folder, name="wave audit") as engine:
        return await stored.requests(engine.database)


async def _holds(folder: Path) -> list[Hold]:
    from wave_runner.engine import open_engine
    from wave_runner.store import erasures as stored

    async with open_engine(folder, name="wave audit") as engine:
        return await stored.holds(engine.database)
