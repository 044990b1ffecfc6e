"""`wave rerun`: redo exactly the results that are wrong, with all that they have led to; and take that back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.runner.repair import Choice, Preview, Started

SHOWN_KEYS = 10


@click.group(invoke_without_command=True)
@click.option("--workflow", "-w", metavar="WORKFLOW", help="Whose results.")
@click.option("--from", "step", metavar="STEP", help="The step that is redone first.")
@click.option("--only", metavar="STEP", help="Instead of --from: this step alone; what stands behind it stays.")
@click.option("--stale", "is_stale", is_flag=True, help="Instead of --from: all results that are stale (wave stale).")
@click.option("--where", metavar="FILTER", default="", help="Only these: of columns of the table, and of results.")
@click.option("--sql", metavar="QUERY", default="", help="Only the records whose keys this query gives.")
@click.option("--records", metavar="FILE", type=click.Path(path_type=Path), help="Only these keys, one on each line.")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only what this run has made.")
@click.option("--actor-version", metavar="HASH", default="", help="Only what this script, prompt or schema has made.")
@click.option("--reason", metavar="TEXT", default="", help="Why. Name nobody: the text is kept for ever.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is so many records.")
@click.pass_context
def rerun(
    context: click.Context,
    workflow: str | None,
    step: str | None,
    only: str | None,
    is_stale: bool,
    where: str,
    sql: str,
    records: Path | None,
    run_id: int | None,
    actor_version: str,
    reason: str,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Redo the results of STEP that are chosen, and all that they have led to, as the folder has it now.

    \b
    wave rerun --workflow job_postings --from summarise --where model_digest:3f9a12
    wave rerun -w job_postings --from score --where "out.verdict:FAKE posted_at:>2026-01-01"
    wave rerun -w job_postings --stale
    wave rerun -w job_postings --from summarise --records bad.txt --reason "invented" --yes --expect 454
    wave rerun -w job_postings --only score --where out.verdict:FAKE
    wave rerun undo 7

    Without --yes it only says what would be redone: records, results of each step, calls, tokens, time, columns. The
    old results stay, out of force; `wave rerun undo` brings them back. A filter names columns of the record's table
    and, of the result itself, state, rule, error, model, model_digest, version, attempt and out.FIELD. Records that
    are at work are left alone. With --only the record keeps the way that it went: what stands behind the step stays in
    force, and `wave stale` shows what of it was made from something else. Any `wave runner` does the work, or
    `wave run WORKFLOW --resume`.
    """
    if context.invoked_subcommand is not None:
        return
    if not workflow or [bool(step), bool(only), is_stale].count(True) != 1:
        raise click.UsageError(
            "name what is to be redone: --workflow WORKFLOW, and --from STEP, --only STEP or --stale"
        )
    if yes and not reason:
        raise click.UsageError("say why, with --reason TEXT: it is kept with what is redone")
    chosen = " ".join(part for part in (where, f"version:{actor_version}" if actor_version else "") if part)
    keys = read_keys(records)

    def choose(engine: Engine) -> Choice:
        return engine.redoing().choice(
            workflow, step or only, where=chosen, sql=sql, keys=keys, run_id=run_id, leads_on=only is None
        )

    folder = project_dir(context)
    asyncio.run(_rerun(folder, choose, reason=reason, yes=yes, expect=expect, as_json=as_json))


@rerun.command()
@click.argument("rerun_id", metavar="ID", type=click.IntRange(min=1))
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.pass_context
def undo(context: click.Context, rerun_id: int, as_json: bool, yes: bool) -> None:
    """Take the rerun ID back: what it had superseded is in force again, and so are the values.

    \b
    wave rerun undo 7
    wave rerun undo 7 --yes

    What is still at work of it is cancelled first. Left as they are, each with the reason: records that a later rerun
    has gone on from, of which somebody has written a value since, whose table does not take a value back, or of which
    something was erased; and those of a run that was cancelled.
    """
    asyncio.run(_undo(project_dir(context), rerun_id, yes=yes, as_json=as_json))


@rerun.command(name="list")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List what was redone: by whom, why, how much, what of it still waits, and what an undo has left alone.

    \b
    wave rerun list
    wave rerun list --json
    """
    asyncio.run(_list(project_dir(context), as_json=as_json))


async def _rerun(
    folder: Path, choose: Callable[[Engine], Choice], *, reason: str, yes: bool, expect: int | None, as_json: bool
) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave rerun") as engine:
        choice = await engine.redoing().as_taken(choose(engine))
        preview = await engine.repair().preview(choice)
        started = await engine.redoing().rerun(choice, reason=reason, expect=expect) if yes else None
    if as_json:
        output.emit("wave.rerun.v1", {"preview": preview, "started": started})
    elif started is None:
        show_preview(choice, preview, "would be superseded")
    else:
        _show_started(choice, started)


def read_keys(file: Path | None) -> tuple[str, ...] | None:
    """Return the keys in a file, one on each line; None where there is no file."""
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--records: {file} cannot be read: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def show_preview(choice: Choice, preview: Preview, said: str) -> None:
    """Print what would become of the results that are chosen."""
    if preview.under_way:
        output.heading(f"{preview.under_way} records are at work at this moment, and are left alone")
    if preview.incomplete:
        output.heading(f"{preview.incomplete} results have not completed, and are left alone: --from redoes them")
    if not preview.records:
        output.heading(f"{choice.workflow}: no result{_of(choice)} is chosen")
        return
    rows = [{**vars(share), "median": output.duration(share.median_s * 1e6)} for share in preview.steps]
    output.table(("step", "kind", "interactions", "tokens", "median"), rows, title=said)
    model = f"{preview.calls} calls of models, {preview.tokens} tokens"
    output.heading(
        f"{preview.records} records: {preview.redone} results{_of(choice)}, and with what they have led to "
        f"{preview.interactions} interactions; they had taken {model}, {output.duration(preview.seconds * 1e6)}"
    )
    if preview.kept:
        behind = ", ".join(f"{share.interactions} of {share.step}" for share in preview.kept)
        output.heading(f"stays, and is stale where the new result is another: {behind} (wave stale shows it)")
    if preview.columns:
        output.heading(f"would change: {', '.join(preview.columns)}")
    shown = ", ".join(preview.keys[:SHOWN_KEYS])
    output.heading(f"records: {shown}{', …' if len(preview.keys) > SHOWN_KEYS else ''}")
    output.heading(f"nothing is done yet: the same command with --reason TEXT --yes --expect {preview.records}")


def _show_started(choice: Choice, started: Started) -> None:
    output.heading(
        f"rerun {started.rerun}: {started.records} records, {started.redone} results{_of(choice)} are redone, "
        f"{started.superseded} interactions superseded: wave run {choice.workflow} --resume, or any wave runner"
    )
    output.heading(f"to take it back: wave rerun undo {started.rerun}")


def _of(choice: Choice) -> str:
    return f" of {choice.step}" if choice.step else ""


async def _undo(folder: Path, rerun_id: int, *, yes: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.runner.repair import undone_document

    async with open_engine(folder, name="wave rerun undo") as engine:
        done = await engine.repair().undo(rerun_id, dry=not yes)
    if as_json:
        runs = [undone_document(*one) for one in done]
        output.emit("wave.rerun_undo.v1", {"rerun": rerun_id, "undone": yes, "runs": runs})
        return
    left = [(key, trouble) for _, undone in done for key, trouble in undone.left]
    if left:
        rows = [{"record": key, "why": str(trouble)} for key, trouble in left]
        output.table(("record", "why"), rows, title="left as they are")
    records = sum(undone.records for _, undone in done)
    values = sum(undone.values for _, undone in done)
    said = "undone" if yes else "would be undone"
    output.heading(f"rerun {rerun_id}: {said} for {records} records, {values} values put back")
    if not yes:
        output.heading(f"nothing is done yet: wave rerun undo {rerun_id} --yes")


async def _list(folder: Path, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave rerun list") as engine:
        found = await engine.repair().known()
    columns = (
        "generation",
        "run_id",
        "workflow",
        "from_step",
        "records",
        "unfinished",
        "ordered_by",
        "reason",
        "undone_by",
        "left_alone",
    )
    output.show(columns, [vars(one) for one in found], "wave.reruns.v1", as_json=as_json)
