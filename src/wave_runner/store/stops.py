"""Batch stops: the last results of a step are kept with them, and pause its run where too many look bad."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from wave_runner.core.control import Subject
from wave_runner.core.event import EventType
from wave_runner.core.stopping import BAD, Stop, is_met, look
from wave_runner.store import control, events
from wave_runner.store.database import Connection, fetch
from wave_runner.store.interactions import Move

STOPPED = "batch_stopped"


class _Window(NamedTuple):
    run_id: int
    run_step_id: int
    step: str
    stop: Stop


async def remember(connection: Connection, moves: Sequence[Move]) -> None:
    """Remember results with those before them, in the transaction that records them, and pause runs that are to stop.

    It comes last in that transaction: whoever records results of the same step waits for it.
    """
    found: defaultdict[int, str] = defaultdict(str)
    windows: dict[int, _Window] = {}
    for move in moves:
        step = move.run.flow.steps[move.origin.step]
        if step.stop is None or not (said := look(step.stop, move.state, move.output)):
            continue
        found[move.item.run_step_id] += said
        windows[move.item.run_step_id] = _Window(move.item.run_id, move.item.run_step_id, step.name, step.stop)
    if not found:
        return
    given = {
        "run_ids": [windows[run_step_id].run_id for run_step_id in found],
        "run_step_ids": list(found),
        "sizes": [windows[run_step_id].stop.last for run_step_id in found],
        "recents": list(found.values()),
    }
    for row in await fetch(connection, "stops/remember", given):
        window = windows[row["run_step_id"]]
        if is_met(window.stop, row["recent"]):
            await _pause(connection, window, row["recent"])


async def _pause(connection: Connection, window: _Window, recent: str) -> None:
    """Pause a run. One that is paused already is looked at again with its next result."""
    paused = await control.pause(connection, Subject.RUN, str(window.run_id), by=f"{STOPPED} ({window.step})")
    if not paused:
        return
    bad, stop = recent.count(BAD), window.stop
    data = {"step": window.step, "last": stop.last, "share": repr(stop.bad), "results": len(recent), "bad": bad}
    await events.append(connection, EventType.BATCH_STOPPED, data, run_id=window.run_id)
    message = f"of the last {len(recent)} results of {window.step} {bad} look bad; {stop.bad:g} of {stop.last} may"
    await fetch(connection, "alerts/raise", {"run_id": window.run_id, "kind": STOPPED, "message": message})
    await fetch(connection, "stops/forget", {"run_step_id": window.run_step_id})
