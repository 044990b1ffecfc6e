"""`wave actors`: what the folder holds beside what is approved."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output, page
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.usage_page import plain_usage, show_usage

if TYPE_CHECKING:
    from wave_runner.reports.usage import Change, Usage

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

    active: the folder, and of a model its server, hold what is approved. drifted: something else, and the policy says
    what that does. new: no run has used it yet; the first one registers it. gone: the folder has it no more. Workflows
    stand below the actors.

    \b
    The policy in force is the stricter of that which was approved and that which wave.toml says now:
    warn     new runs take what is new; the log and an alert say so
    pin      new runs take what is approved
    approve  no new run begins until somebody approves
    block    nothing of it begins until somebody approves, for no run
    """
    asyncio.run(_list(project_dir(context), with_diff=with_diff, as_json=as_json))


@actors.command()
@project_option
@click.argument("name")
@click.option("--workflow", is_flag=True, help="NAME is that of a workflow.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def approve(context: click.Context, name: str, workflow: bool, as_json: bool) -> None:
    """Approve what the folder holds for the actor NAME, and of a model the weights that its server holds.

    \b
    wave actors approve summary_saver
    wave actors approve --workflow job_postings --json

    Its work goes on, and the policy that wave.toml says now is in force. The log keeps who approved what. Look first:
    wave actors list --diff
    """
    asyncio.run(_approve(project_dir(context), name, workflow=workflow, as_json=as_json))


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
    """Show what has become of the actor or workflow NAME, or of all: seen first, drifted, approved by whom, restored.

    \b
    wave actors history
    wave actors history summary_saver --json
    """
    found = asyncio.run(_history(project_dir(context), name))
    rows = [asdict(change) for change in found]
    if not as_json:
        rows = [{**row, "version": _version(row), "by": _by(row)} for row in rows]
    output.show(("at", "name", "what", "version", "policy", "by"), rows, "wave.actors.history.v1", as_json=as_json)


def _version(row: dict[str, Any]) -> str:
    weights = f"weights {page.short(row['weights'])}" if row["weights"] else ""
    return " ".join(filter(None, [(row["definition"] or "")[:SHORT], weights]))


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
    from wave_runner.reports.approved import as_rows

    async with open_engine(folder, name="wave actors") as engine:
        rows = await as_rows(engine.database, engine.project(), with_diff=with_diff)
    shown = rows if as_json else [_short(row) for row in rows]
    columns = ("actor", "kind", "state", "policy", "approved", "found", "by")
    output.show(columns, shown, "wave.actors.v1", as_json=as_json)
    if with_diff and not as_json:
        for row in rows:
            output.block(row["diff"])


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for people: beginnings of hashes, and of weights that have drifted what is found."""
    short = row | {"approved": row["approved"][:SHORT], "found": row["found"][:SHORT]}
    if row["weights_found"]:
        short["found"] = f"{short['found']} weights {page.short(row['weights_found'])}"
    return short


async def _approve(folder: Path, name: str, *, workflow: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave actors") as engine:
        sha256, changed = await engine.accept(name, workflow=workflow)
    if as_json:
        found = {"workflow" if workflow else "actor": name, "approved": sha256, "changed": changed}
        output.emit("wave.actors.approve.v1", found)
        return
    output.heading(f"{name}: {'approved' if changed else 'was approved already'} ({sha256[:SHORT]})")
