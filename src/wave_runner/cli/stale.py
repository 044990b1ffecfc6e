"""`wave stale`: which results no longer match what they were made from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.runner.staleness import Staleness

SHOWN = 10


@click.command()
@click.argument("workflow", required=False)
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="Only results of this run.")
@click.option("--records", "with_records", is_flag=True, help="List whose results they are.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def stale(context: click.Context, workflow: str | None, run_id: int | None, with_records: bool, as_json: bool) -> None:
    """List the results that no longer match what they were made from, and why.

    \b
    wave stale
    wave stale job_postings --records

    Each result in force is held against what its step would be given now, and against its prompt, schema, script,
    query, model, options and weights as they are now. A record whose row has changed elsewhere is not stale. What was
    made from stale results is counted by itself. To redo them: wave rerun --workflow WORKFLOW --stale
    """
    asyncio.run(_stale(project_dir(context), workflow, run_id, with_records=with_records, as_json=as_json))


async def _stale(folder: Path, workflow: str | None, run_id: int | None, *, with_records: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave stale") as engine:
        names = [workflow] if workflow is not None else sorted(engine.project().workflows)
        found = {name: await engine.redoing().stale(name, run_id=run_id) for name in names}
    if as_json:
        output.emit("wave.stale.v1", {"workflows": [_plain(name, one) for name, one in found.items()]})
        return
    for name, one in found.items():
        _show(name, one, with_records=with_records)


def _plain(name: str, found: Staleness) -> dict[str, Any]:
    results = [
        {
            "run_id": one.current.run_id,
            "interaction_id": one.current.interaction_id,
            "step": one.current.step,
            "record": one.current.key,
            "why": [str(why) for why in one.why],
        }
        for one in found.stale
    ]
    counts = {"looked_at": found.looked_at, "follows": found.follows, "under_way": len(found.under_way)}
    return {"workflow": name, **counts, "vanished": sorted(found.vanished), "stale": results}


def _show(name: str, found: Staleness, *, with_records: bool) -> None:
    if found.vanished:
        output.heading(f"{name}: the rows of {len(found.vanished)} records are gone: {_some(sorted(found.vanished))}")
    if not found.stale:
        output.heading(f"{name}: nothing is stale, of {found.looked_at} results")
        return
    rows = [{**vars(one), "why": ", ".join(one.why)} for one in found.by_step()]
    output.table(("step", "why", "results", "records"), rows, title=f"stale in {name}")
    if with_records:
        each = [{"record": s.current.key, "step": s.current.step, "why": ", ".join(s.why)} for s in found.stale]
        output.table(("record", "step", "why"), each)
    output.heading(
        f"{len(found.stale)} of {found.looked_at} results are stale, and {found.follows} were made from them; "
        f"{len(found.under_way)} of their records are at work"
    )
    output.heading(f"to redo them: wave rerun --workflow {name} --stale")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", …" if len(keys) > SHOWN else "")
