"""`wave invalidate`: what was found wrong counts for nothing any more, and neither does what was made from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.rerun import read_keys, show_preview

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.runner.repair import Choice


@click.command()
@click.option("--workflow", "-w", metavar="WORKFLOW", required=True, help="Whose results.")
@click.option("--from", "step", metavar="STEP", required=True, help="The step whose results are wrong.")
@click.option("--where", metavar="FILTER", default="", help="Only these: of columns of the table, and of results.")
@click.option("--sql", metavar="QUERY", default="", help="Only the records whose keys this query gives.")
@click.option("--records", metavar="FILE", type=click.Path(path_type=Path), help="Only these keys, one on each line.")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only what this run has made.")
@click.option(
    "--reason", metavar="TEXT", default="", help="What is wrong with them. Name nobody: the text is kept for ever."
)
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is so many records.")
@click.pass_context
def invalidate(
    context: click.Context,
    workflow: str,
    step: str,
    where: str,
    sql: str,
    records: Path | None,
    run_id: int | None,
    reason: str,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Have results of STEP that were found wrong, and what was made from them, count for nothing any more.

    \b
    wave invalidate -w job_postings --from score --where "out.verdict:FAKE"
    wave invalidate -w job_postings --from summarise --records bad.txt --reason "invented" --yes --expect 3

    They stay in the log and can be read; no step reads them, `ensures` no longer holds by what they wrote, and their
    runs have failed until the results are redone: wave rerun --workflow W --from STEP --where state:invalidated
    """
    if yes and not reason:
        raise click.UsageError("say what is wrong, with --reason TEXT: it is kept")
    keys = read_keys(records)

    def choose(engine: Engine) -> Choice:
        return engine.redoing().choice(workflow, step, where=where, sql=sql, keys=keys, run_id=run_id)

    folder = project_dir(context)
    asyncio.run(_invalidate(folder, choose, reason=reason, yes=yes, expect=expect, as_json=as_json))


async def _invalidate(
    folder: Path, choose: Callable[[Engine], Choice], *, reason: str, yes: bool, expect: int | None, as_json: bool
) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave invalidate") as engine:
        choice = choose(engine)
        repair = engine.repair()
        preview = await repair.preview(choice)
        done = await repair.invalidate(choice, reason=reason, expect=expect) if yes else None
    if as_json:
        output.emit("wave.invalidate.v1", {"preview": preview, "done": done})
    elif done is None:
        show_preview(choice, preview, "would be invalidated")
    else:
        output.heading(f"{done.interactions} results of {done.records} records count for nothing any more")
        output.heading(
            f"to redo them: wave rerun --workflow {choice.workflow} --from {choice.step} --where state:invalidated"
        )
