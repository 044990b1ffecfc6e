"""`wave actors`: what the folder holds beside what is approved."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.usage_page import plain_usage, show_usage

if TYPE_CHECKING:
    from wave_runner.core.workflow import Project
    from wave_runner.engine import Engine
    from wave_runner.reports.usage import Change, Usage
    from wave_runner.store.definitions import Actor

SHORT = 12


@click.group()
def actors() -> None:
    """List the actors, show what changed in them, approve it, and see what came of them.

    \b
    wave actors list --diff
    wave actors approve summary_saver
    wave actors usage summary_saver
    wave actors history
    """


@actors.command(name="list")
@project_option
@click.option("--diff", "with_diff", is_flag=True, help="Show what changed in each actor since it was approved.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def list_(context: click.Context, with_diff: bool, as_json: bool) -> None:
    """List the actors with their state, changing nothing.

    \b
    wave actors list
    wave actors list --diff

    active: the folder holds what is approved. drifted: it holds something else, and the actor's work waits. new: no
    run has used it yet; the first one registers it. gone: the folder has it no more.
    """
    asyncio.run(_list(project_dir(context), with_diff=with_diff, as_json=as_json))


@actors.command()
@project_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def approve(context: click.Context, name: str, as_json: bool) -> None:
    """Approve what the folder holds for the actor NAME, so that its work goes on.

    \b
    wave actors approve summary_saver
    wave actors approve summary_saver --json

    The log keeps who approved what. Look first: wave actors list --diff
    """
    asyncio.run(_approve(project_dir(context), name, as_json=as_json))


@actors.command()
@project_option
@click.argument("name")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only results of this run.")
@click.option("--version", metavar="HASH", default="", help="Only what this hash, or the beginning of one, has made.")
@click.option("--records", "with_results", is_flag=True, help="List whose results they are.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="How many of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def usage(
    context: click.Context, name: str, run_id: int | None, version: str, with_results: bool, limit: int, as_json: bool
) -> None:
    """Show which results in force came from which version of the actor NAME.

    \b
    wave actors usage summariser
    wave actors usage summary_saver --version 9a8b7c --records --json

    A version is everything that made a result: what was approved, the script, the prompt, the schema, the query, the
    model's weights; --version takes the hash of any of them. current: it is what is approved now.
    """
    asked = {"run_id": run_id, "version": version, "with_results": with_results, "limit": limit}
    found = asyncio.run(_usage(project_dir(context), name, asked))
    if as_json:
        output.emit("wave.actors.usage.v1", plain_usage(found))
    else:
        show_usage(found)


@actors.command()
@project_option
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def history(context: click.Context, name: str | None, as_json: bool) -> None:
    """Show what has become of the actor NAME, or of all: seen first, drifted, approved by whom, restored.

    \b
    wave actors history
    wave actors history summary_saver --json
    """
    found = asyncio.run(_history(project_dir(context), name))
    rows = [asdict(change) for change in found]
    if not as_json:
        rows = [{**row, "definition": row["definition"][:SHORT], "by": _by(row)} for row in rows]
    output.show(("at", "actor", "what", "definition", "by"), rows, "wave.actors.history.v1", as_json=as_json)


def _by(row: dict[str, Any]) -> str:
    return f"{row['by'] or ''} (--dev)" if row["dev"] else row["by"] or ""


async def _usage(folder: Path, name: str, asked: dict[str, Any]) -> Usage:
    from wave_runner.engine import open_engine
    from wave_runner.reports.usage import usage as read_usage

    async with open_engine(folder, name="wave actors") as engine:
        return await read_usage(engine.database, name, **asked)


async def _history(folder: Path, name: str | None) -> list[Change]:
    from wave_runner.engine import open_engine
    from wave_runner.reports.usage import history as read_history

    async with open_engine(folder, name="wave actors") as engine:
        return await read_history(engine.database, name)


async def _list(folder: Path, *, with_diff: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave actors") as engine:
        rows = await _rows(engine, with_diff=with_diff)
    output.show(("actor", "kind", "state", "approved", "found", "by"), rows, "wave.actors.v1", as_json=as_json)
    if with_diff and not as_json:
        for row in rows:
            output.block(row["diff"])


async def _approve(folder: Path, name: str, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.project.definitions import actor_definition

    async with open_engine(folder, name="wave actors") as engine:
        # The first definition of an actor is approved by whoever brings it.
        known = await _known(engine)
        changed = await engine.approve(name)
        if name not in known:
            await engine.sync()
            changed = True
        sha256 = actor_definition(engine.project(), name).sha256.hex()
    if as_json:
        output.emit("wave.actors.approve.v1", {"actor": name, "approved": sha256, "changed": changed})
        return
    output.heading(f"{name}: {'approved' if changed else 'was approved already'} ({sha256[:SHORT]})")


async def _rows(engine: Engine, *, with_diff: bool) -> list[dict[str, Any]]:
    from wave_runner.project.definitions import actor_definition, actor_kind, actor_names

    project, known = engine.project(), await _known(engine)
    here = {name: actor_definition(project, name) for name in actor_names(project)}
    rows = []
    for name in sorted({*here, *known}):
        approved = known[name].sha256 if name in known else None
        found = here[name].sha256 if name in here else None
        row = {
            "actor": name,
            "kind": known[name].kind if name in known else str(actor_kind(project, name)),
            "state": _state(approved, found),
            "approved": approved.hex()[:SHORT] if approved else "",
            "found": found.hex()[:SHORT] if found else "",
            "by": known[name].approved_by if name in known else None,
        }
        if with_diff:
            row["diff"] = (
                await _diff(engine, project, known[name], here[name].body) if row["state"] == "drifted" else ""
            )
        rows.append(row)
    return rows


def _state(approved: bytes | None, found: bytes | None) -> str:
    if approved is None:
        return "new"
    if found is None:
        return "gone"
    return "active" if approved == found else "drifted"


async def _known(engine: Engine) -> dict[str, Actor]:
    from wave_runner.store import definitions, reports

    async with reports.snapshot(engine.database) as connection:
        return await definitions.actors(connection)


async def _diff(engine: Engine, project: Project, actor: Actor, body: bytes) -> str:
    """Return what changed in an actor's files and settings since it was approved."""
    from hashlib import sha256

    from wave_runner.project.definitions import read_actor
    from wave_runner.project.drift import contents, diff

    approved, found = read_actor(actor.approved), read_actor(body)
    stored = await _files(engine, set(approved.files.values()))
    here = {sha256(content).hexdigest(): content for content in project.files.values()}
    return diff(contents(approved, stored.__getitem__), contents(found, here.__getitem__))


async def _files(engine: Engine, hashes: set[str]) -> dict[str, bytes]:
    from wave_runner.store import definitions, reports

    async with reports.snapshot(engine.database) as connection:
        return {one: await definitions.file_body(connection, bytes.fromhex(one)) for one in sorted(hashes)}
