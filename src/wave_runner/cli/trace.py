"""`wave trace`: one record's chain."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output, page
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.work_page import talk_lines

if TYPE_CHECKING:
    from wave_runner.reports.trace import Event, Trace

BROKEN = 1
SHORT = 8

STEP_COLUMNS = (
    "step",
    "actor",
    "state",
    "attempt",
    "started_at",
    "finished_at",
    "took",
    "error_class",
    "rule",
    "error",
)
EVENT_COLUMNS = (
    "event",
    "caused by",
    "type",
    "step",
    "actor",
    "definition",
    "attempt",
    "route",
    "took",
    "wave",
    "runner",
)


@click.command()
@project_option
@click.argument("key")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="The run.  [default: its newest]")
@click.option("--full", is_flag=True, help="Show prompts and answers whole, however long they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def trace(context: click.Context, key: str, run_id: int | None, full: bool, as_json: bool) -> int:
    """Show one record's way through a run: its steps, what each was asked and has answered, event by event.

    \b
    wave trace 192842/External
    wave trace 192842/External --run 12 --json

    Every event names its cause; the chain is unbroken when each cause exists, no number is missing and every event's
    data has the hash that was written with it. Ends with exit code 1 where it is broken.
    """
    from wave_runner.reports.trace import document

    found = asyncio.run(_trace(project_dir(context), key, run_id))
    if as_json:
        output.emit("wave.trace.v1", document(found))
    else:
        render_steps(found)
        for work in found.works:
            talk_lines(work, full=full)
        render_chain(found)
    return 0 if found.unbroken else BROKEN


def render_steps(trace: Trace) -> None:
    """Print the steps of a record, and what scripts have raised."""
    flow = trace.flow
    output.heading(f"{flow.key} in run {flow.run_id} of {flow.workflow}: {flow.state}")
    for reason in flow.broken:
        output.heading(f"  not as ensured: {reason}")
    timeline = [{**asdict(one), "took": output.duration(one.service_us)} for one in trace.timeline]
    output.table(STEP_COLUMNS, timeline, title="steps")
    for step in trace.timeline:
        if step.traceback:
            output.traceback(step.actor, step.attempt, step.traceback)


def render_chain(trace: Trace) -> None:
    """Print the events in order, what is odd about any, and whether the chain holds."""
    output.table(EVENT_COLUMNS, [_event(one) for one in trace.events], title="events")
    for one in trace.events:
        if source := one.from_cache:
            whose = f"attempt {source.attempt} of interaction {source.interaction_id} in run {source.run_id}"
            output.heading(f"{one.step} was answered from the cache, by {whose}: no model was asked")
        for name, kinds in (one.suspected or {}).items():
            output.heading(f"suspected in `{name}` of {one.step}: a text that speaks to the model ({', '.join(kinds)})")
    _show_verdict(trace)


def _event(event: Event) -> dict[str, object]:
    return {
        "event": f"{event.interaction_id}.{event.seq}",
        "caused by": event.cause or "nothing",
        "type": event.type,
        "step": event.step,
        "actor": event.actor,
        "definition": (event.definition or "")[:SHORT],
        "attempt": event.attempt,
        "route": _route(event),
        "took": output.duration(event.service_us),
        "wave": event.wave_id,
        "runner": str(event.runner_id or "")[:SHORT],
    }


def _route(event: Event) -> str | None:
    """Return the rule that chose where to go, where that was, and values that it went by and does not name itself."""
    if not event.route:
        return None
    unsaid = {name: value for name, value in event.values.items() if str(value) not in event.route}
    values = ", ".join(f"{name} is {page.value(value)}" for name, value in unsaid.items())
    return f"{event.route} → {', '.join(event.to)}{f' ({values})' if values else ''}"


def _show_verdict(trace: Trace) -> None:
    own = sum(event.own for event in trace.events)
    counted = f"{own} events of the record, {len(trace.events) - own} that led to it"
    if trace.unbroken:
        output.heading(f"the chain is unbroken: {counted}; every cause exists, no number is missing, every hash holds")
        return
    output.heading(f"the chain is BROKEN: {counted}")
    for found in trace.breaks:
        output.heading(f"  {found.rule}: {found.message}")


async def _trace(folder: Path, key: str, run_id: int | None) -> Trace:
    from wave_runner.engine import open_engine
    from wave_runner.reports.trace import trace as read_trace

    async with open_engine(folder, name="wave trace") as engine:
        return await read_trace(engine.database, key, collections=sorted(engine.project().collections), run_id=run_id)
