"""`wave watch`: what is under way, as it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.steps import Step
    from wave_runner.reports.watched import Watched, WatchedRun
    from wave_runner.store.database import Database

EVERY_S = 1.0
SHARE = 4  # a look that takes long is made seldom: no more than a fifth of the time is spent on looking
PACE_S = 30.0
WIDTH = 24
SCHEMA = "wave.watch.v1"
NO_RUN = "there is no run yet: wave run WORKFLOW"
TOLD = ("failed", "quarantined", "waiting", "running")


@click.command()
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="One run, until it has ended.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line, when something has changed.")
@click.pass_context
def watch(context: click.Context, run_id: int | None, once: bool, as_json: bool) -> None:
    """Show what is under way, as it goes on, until Ctrl-C: runs, steps, what lanes have in hand, what is wrong.

    \b
    wave watch
    wave watch --run 12
    wave watch --once --json

    The numbers are those of wave status. On a terminal they are redrawn; in a pipe each run has a line, and another one
    when something of it has changed. Without --run it shows the newest runs that have not ended. What is left is told
    by the pace of the last hour; a rate behind a step is that of the last half minute.
    """
    try:
        asyncio.run(_watch(project_dir(context), run_id, once=once, as_json=as_json))
    except BrokenPipeError:
        # Nobody reads any more, and nobody is to be told so when what is left would be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _watch(folder: Path, run_id: int | None, *, once: bool, as_json: bool) -> None:
    from wave_runner.cli.driving import on_interrupt
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave watch") as engine:
        interrupted = on_interrupt("")
        with _showing(as_json=as_json) as show:
            while not interrupted.is_set():
                began = time.monotonic()
                found = await _look(engine.database, run_id, patient=not once)
                if found is not None:
                    show(found)
                    if once or (run_id is not None and found.runs[0].run.ended_at is not None):
                        return
                with contextlib.suppress(TimeoutError):
                    pause_s = max(EVERY_S, SHARE * (time.monotonic() - began))
                    await asyncio.wait_for(interrupted.wait(), pause_s)


async def _look(database: Database, run_id: int | None, *, patient: bool) -> Watched | None:
    """Return what there is to see; None where the database is away and will be asked again."""
    from wave_runner.errors import DatabaseError
    from wave_runner.reports.watched import watched
    from wave_runner.store.database import Unavailable, is_away

    try:
        return await watched(database, run_id)
    except (Unavailable, DatabaseError) as error:
        if patient and is_away(error):
            return None
        raise


@contextlib.contextmanager
def _showing(*, as_json: bool) -> Iterator[Callable[[Watched], None]]:
    """Give what shows a look: redrawn on a terminal, which is left as it was; else lines."""
    if as_json or not sys.stdout.isatty():
        yield _Lines(as_json=as_json).show
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    pace = Pace()
    with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="ellipsis") as live:

        def show(found: Watched) -> None:
            live.update(Text("\n".join(drawn(found, pace)), no_wrap=True, overflow="ellipsis"), refresh=True)

        yield show


class _Lines:
    """Prints what has changed since it was printed last."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._printed: dict[str, str] = {}

    def show(self, found: Watched) -> None:
        """Print each run and alert that is not as it was, or the whole look where anything is not."""
        if self._as_json:
            self._print("", output.document(SCHEMA, vars(found)), same=_still(found))
        else:
            if not found.runs:
                self._print("", NO_RUN)
            for one in found.runs:
                self._print(f"run {one.run.run_id}", _line(one), same=_line(one, timeless=True))
            for text in _alerts(found):
                self._print(text, text)
        sys.stdout.flush()

    def _print(self, of: str, text: str, *, same: str = "") -> None:
        if self._printed.get(of) != same:
            self._printed[of] = same
            print(text if self._as_json else output.clean(text))


def _still(found: Watched) -> str:
    """Return what stays the same as long as nothing happens."""
    runs = [(_line(one, timeless=True), [step.states for step in one.steps], one.people) for one in found.runs]
    return repr((runs, [one.wave_id for one in found.in_hand], found.resident, list(_alerts(found))))


def _alerts(found: Watched) -> Iterator[str]:
    for alert in [*found.alerts, *(alert for one in found.runs for alert in one.alerts)]:
        yield f"ALERT {alert.kind}: {alert.subject}: {alert.message}"


class Pace:
    """How fast steps have gone on lately, from one look to the next."""

    def __init__(self) -> None:
        self._looks: dict[tuple[int, str], deque[tuple[float, int]]] = {}

    def per_second(self, run_id: int, step: Step, now: float) -> float:
        """Return how many of a step have finished a second, over the last half minute; 0 at the first look."""
        looks = self._looks.setdefault((run_id, step.step), deque())
        while looks and looks[0][0] < now - PACE_S:
            looks.popleft()
        looks.append((now, step.finished))
        (since, before), (until, finished) = looks[0], looks[-1]
        return max(0.0, (finished - before) / (until - since)) if until > since else 0.0


def drawn(found: Watched, pace: Pace) -> Iterator[str]:
    """Yield the lines of one picture."""
    now = time.monotonic()
    if not found.runs:
        yield NO_RUN
    for watched in found.runs:
        yield output.clean(_line(watched))
        yield from (_step(watched.run.run_id, step, pace, now) for step in watched.steps)
        for waiting in watched.people:
            late = f", {waiting.overdue} overdue" if waiting.overdue else ""
            yield output.clean(f"  people: {waiting.tasks} in {waiting.queue}{late}")
        for kind in watched.errors[:3]:
            why = kind.rule or kind.error_class or ""
            at = f", as of {watched.errors_counted_at:%H:%M:%S} UTC" if watched.errors_counted_at else ""
            yield output.clean(f"  {kind.state}: {kind.n} of {kind.step} ({why}){at}")
        yield ""
    for wave in found.in_hand:
        lane = wave.lane if wave.slot is None else f"{wave.lane}/{wave.slot}"
        model = f", {wave.model}" if wave.model else ""
        took = output.duration(wave.open_s * 1e6)
        yield output.clean(f"lane {lane} of {wave.host}:{wave.pid}: {wave.size} for {wave.actor}{model}, for {took}")
    for one in found.resident:
        yield output.clean(f"model {one.model} on {one.server}, by {one.host}:{one.pid}")
    yield from map(output.clean, _alerts(found))


def _line(one: WatchedRun, *, timeless: bool = False) -> str:
    """Return how a run stands in one line; `timeless` without what changes though nothing happens."""
    run, records = one.run, one.records
    parts = [
        f"{run.kind} {run.run_id} of {run.workflow}: {run.state}",
        f"records {records.completed} of {records.total} completed, {records.incomplete} incomplete",
        ", ".join(f"{state} {n}" for state, n in one.interactions.by_state.items()) or "nothing begun",
    ]
    if one.stale:
        parts.append(f"stale {one.stale}")
    if not timeless:
        parts[0] += f" {'after' if run.ended_at else 'for'} {output.duration(run.seconds * 1e6)}"
        parts.append(f"{one.per_minute:g} a minute")
        if one.left_s is not None:
            parts.append(f"about {output.duration(one.left_s * 1e6)} left")
        if one.counted_at is not None:
            parts.append(f"records and pace as of {one.counted_at:%H:%M:%S} UTC")
    return "; ".join(parts)


def _step(run_id: int, step: Step, pace: Pace, now: float) -> str:
    told = "  ".join(f"{state} {step.states[state]}" for state in TOLD if step.states.get(state))
    rate = pace.per_second(run_id, step, now)
    fast = f"{rate:.1f}/s  " if rate and step.finished < step.total else ""
    return output.clean(f"  {step.step:<{WIDTH}}{step.finished:>7} of {step.total:<7}  {fast}{told}")
