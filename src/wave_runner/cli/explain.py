"""`wave explain`: where a value in a table comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output, page
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.work_page import when, work_lines

if TYPE_CHECKING:
    from wave_runner.reports.explain import Earlier, Explanation, Promotion

INCOMPLETE = 1
AS_WRITTEN = "as written"
ERASED = "erased"


@click.command()
@project_option
@click.argument("column", metavar="TABLE.COLUMN")
@click.option("--record", "key", required=True, metavar="KEY", help="The record.")
@click.option("--full", is_flag=True, help="Show prompts, answers and values whole, however long they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def explain(context: click.Context, column: str, key: str, full: bool, as_json: bool) -> int:
    """Show where a value in a table comes from: who wrote it, from what, and what stood there before.

    \b
    wave explain postings.summary --record 192842/External
    wave explain job_skills --record 192842/External --json

    From the value back: the step that wrote it and those whose outputs it was given, each with what was approved by
    whom, the prompt as it was sent, the model's weights and options, the hash of the script, people's decisions,
    tokens, time and cost; then where the record came from, the chain of causes, and earlier values. A list is written
    as a whole, so any column of it shows the record's rows. Ends with exit code 1 where the value is not the one that
    was written, or something that it comes from cannot be shown.
    """
    found = asyncio.run(_explain(project_dir(context), column, key))
    well = found.complete and found.standing in (None, AS_WRITTEN)
    if as_json:
        output.emit("wave.explain.v1", {"value": found, "complete": found.complete, "erased": found.erased})
    else:
        _show(found, full=full)
    return 0 if well else INCOMPLETE


def _show(found: Explanation, *, full: bool) -> None:
    name = found.table if found.column == "*" else f"{found.table}.{found.column}"
    output.heading(f"{name} of {found.key}: {found.standing or 'came with the row when it was promoted'}")
    page.quote("now", page.value(found.now), full=full)
    page.line("SHA-256", page.short(found.now_sha256), _written_hash(found))
    if found.writer is not None:
        who = f"by {found.writer.step} ({found.writer.actor}), interaction {found.writer.interaction_id}"
        page.line("written", f"{when(found.writer.written_at)} {who}")
    run = found.run
    page.line("run", f"{run.run_id} of {run.workflow}, started {when(run.started_at)} by {run.started_by}")
    page.line("workflow", f"{run.file} {page.short(run.sha256)}")
    for one in found.works:
        work_lines(one, full=full)
    if found.promotion is not None:
        _show_promotion(found.promotion)
    _show_causes(found)
    _show_earlier(found.earlier, full=full)
    if found.erased:
        output.heading(f"erased: {', '.join(found.erased)}; wave audit verify proves that it was ordered")
    for gone in found.dropped:
        output.heading(f"{gone}; what it wrote of this record, and why, is not known any more")
    if found.complete:
        output.heading("complete: everything that it comes from is there, and is what its events have committed to")
    for said in found.missing:
        output.heading(f"MISSING: {said}")


def _written_hash(found: Explanation) -> str | None:
    if found.standing == ERASED:
        return "the hash of what was written is erased"
    if found.sha256 is None:
        return "no step has written it, so there is nothing to compare it with"
    return None if found.sha256 == found.now_sha256 else f"what was written has {page.short(found.sha256)}"


def _show_promotion(promotion: Promotion) -> None:
    output.heading("the record")
    where = f"staged row {promotion.staged_id} of run {promotion.run_id}"
    position = f"position {page.value(promotion.position)}" if promotion.position is not None else None
    page.line("came from", promotion.source, position, f"{where}, {_raw(promotion)}")
    page.line("staged", f"{when(promotion.staged_at)} by interaction {promotion.fetcher_id}")
    page.line("promoted", f"{when(promotion.decided_at)} by interaction {promotion.decider_id}")


def _raw(promotion: Promotion) -> str:
    if promotion.raw_sha256 is None:
        return "erased"
    return f"SHA-256 of the raw {page.short(promotion.raw_sha256)}"


def _show_causes(found: Explanation) -> None:
    if not found.causes:
        return
    output.heading("caused by")
    steps: dict[str, list[str]] = {}
    for one in found.causes:
        steps.setdefault(one.step or "the run", []).append(one.event)
    for step, events in steps.items():
        page.line(step, f"{events[0]} to {events[-1]}" if len(events) > 1 else events[0])


def _show_earlier(earlier: Sequence[Earlier], *, full: bool) -> None:
    if earlier:
        output.heading("what stood there before")
    for one in earlier:
        writer = one.writer
        by = f"written by {writer.step} in run {writer.run_id}" if writer else "not written by a step"
        page.line(
            "until", f"{when(one.replaced_at)}, {by}", f"SHA-256 {page.short(one.sha256)}" if one.sha256 else None
        )
        page.quote("value", "erased" if one.erased else page.value(one.value), full=full)


async def _explain(folder: Path, column: str, key: str) -> Explanation:
    from wave_runner.engine import open_engine
    from wave_runner.reports.explain import explain as read_explanation

    async with open_engine(folder, name="wave explain") as engine:
        return await read_explanation(engine.database, column, key=key, collections=engine.project().collections)
