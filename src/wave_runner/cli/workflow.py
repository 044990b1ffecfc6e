"""`wave workflow`: which versions a workflow has had, and what differs between two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.workflow_diff import Field
    from wave_runner.reports.workflow_versions import Compared, Version

SHORT = 12
LONGEST = 60  # characters of a value in a table; --json has all of it


@click.group()
def workflow() -> None:
    """Show which versions of a workflow its runs have had, and what differs between two.

    \b
    wave workflow versions job_postings
    wave workflow diff job_postings
    """


@workflow.command()
@project_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def versions(context: click.Context, name: str, as_json: bool) -> None:
    """List the versions that runs of the workflow NAME have had, the newest first.

    \b
    wave workflow versions job_postings
    wave workflow versions job_postings --json

    A version is what a run pins when it starts: the steps and all that they name, prompts, schemas, scripts, queries,
    models and their options. A comment in the file makes none.
    """
    rows = [asdict(one) for one in asyncio.run(_versions(project_dir(context), name))]
    if not as_json:
        rows = [{**row, "version": row["version"][:SHORT]} for row in rows]
    columns = ("version", "runs", "first_run_id", "last_run_id", "first_at", "last_at")
    output.show(columns, rows, "wave.workflow.versions.v1", as_json=as_json)


@workflow.command()
@project_option
@click.argument("name")
@click.argument("pair", nargs=-1, metavar="[A [B]]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def diff(context: click.Context, name: str, pair: Sequence[str], as_json: bool) -> None:
    """Show what differs from version A of the workflow NAME to version B, by step, and the texts that have changed.

    \b
    wave workflow diff job_postings
    wave workflow diff job_postings 3f9a12 77c0de --json

    A and B are hashes, or their beginnings, as wave workflow versions lists them. Without B it is the newest version,
    without A the one before B. What the folder has and no run has used is not among them: wave actors list --diff
    """
    if len(pair) > 2:
        raise click.UsageError("name two versions at most")
    named = dict(zip(("a", "b"), pair, strict=False))
    found = asyncio.run(_compared(project_dir(context), name, named))
    if as_json:
        output.emit("wave.workflow.diff.v1", asdict(found))
    else:
        _show(found)


def _show(found: Compared) -> None:
    output.heading(f"{found.workflow}: a {_said(found.a)}, b {_said(found.b)}")
    rows = [_row("", one) for one in found.shared]
    for step in found.steps:
        rows += [_row(step.step, one) for one in step.fields]
        if step.what != "changed":
            rows.append({"step": step.step, "what": step.what, "a": "", "b": ""})
    output.table(("step", "what", "a", "b"), rows)
    if found.texts:
        output.block(found.texts)


def _said(version: Version) -> str:
    runs = f"runs {version.first_run_id} to {version.last_run_id}"
    return f"{version.version[:SHORT]} ({runs if version.runs > 1 else f'run {version.first_run_id}'})"


def _row(step: str, one: Field) -> dict[str, Any]:
    return {"step": step or "(all)", "what": one.field, "a": _value(one, one.a), "b": _value(one, one.b)}


def _value(one: Field, value: Any) -> str:
    if one.field.endswith("sha256"):
        return str(value or "")[:SHORT]
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


async def _versions(folder: Path, name: str) -> list[Version]:
    from wave_runner.engine import open_engine
    from wave_runner.reports.workflow_versions import versions_of

    async with open_engine(folder, name="wave workflow") as engine:
        return await versions_of(engine.database, name)


async def _compared(folder: Path, name: str, named: dict[str, str]) -> Compared:
    from wave_runner.engine import open_engine
    from wave_runner.reports.workflow_versions import compare

    async with open_engine(folder, name="wave workflow") as engine:
        return await compare(engine.database, name, **named)
