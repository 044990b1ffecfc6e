"""Drive a run from the command line: progress while it works, its report at the end, and an honest exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from wave_runner.cli import output
from wave_runner.cli.progress import Progress
from wave_runner.engine import Engine, open_engine
from wave_runner.errors import ConflictError, DatabaseError, NotFoundError, WaveError
from wave_runner.runner.approvals import drift_conflict
from wave_runner.runner.runner import Runner
from wave_runner.store import runs
from wave_runner.store.database import Unavailable, is_away, until_available
from wave_runner.store.ledger import EXCEEDED as BUDGET_EXCEEDED

LOOK_S = 0.25
OBJECTS_BETWEEN_COLLECTIONS = 100_000
PATIENCE_S = 60.0  # with a database that is away just when a run has ended
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STANDSTILL_LOOKS = 8
GIVES_BACK = "\nstopping: what is under way is given back (again to stop at once)"

DONE, DONE_WITH_FAILURES, WAITING, INTERRUPTED = 0, 1, 6, 130

ENDED = {"completed": DONE, "waiting": WAITING, "paused": WAITING}
"""Exit code by what a run has come to; every other state is one with failures."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What `wave run` was told."""

    workflow: str
    params: Mapping[str, str]
    limit: int | None
    where: str
    priority: int
    canary: int | None
    again: bool
    force: bool
    asks_anew: bool
    resume: bool
    dev: bool
    as_json: bool


def read_params(pairs: tuple[str, ...], source: str | None) -> dict[str, str]:
    """Read the `K=V` words of `--param`, and `--source X` as `source=X`."""
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not of the form K=V", param_hint="--param")
        given[name] = value
    if source is not None:
        given["source"] = _absolute_source(source)
    return given


def _absolute_source(source: str) -> str:
    """Make a path on this machine absolute: scripts run in a folder of their own."""
    path = Path(source)
    return str(path.resolve()) if path.exists() else source


async def drive(folder: Path, order: Order) -> int:
    """Start or resume a run, work until it has ended, print its report. Returns the exit code."""
    async with open_engine(folder) as engine:
        await engine.sync(dev=order.dev)
        run_id = await _run_id(engine, order)
        async with working(engine) as runner:
            code = await until_ended(engine, runner, run_id)
        await until_available(lambda: _print_report(engine, run_id, as_json=order.as_json), patience_s=PATIENCE_S)
        if code == WAITING:
            await until_available(lambda: _say_what_it_waits_for(engine, run_id, order.workflow), patience_s=PATIENCE_S)
        return code


async def keep_working(folder: Path, *, dev: bool) -> int:
    """Work for all runs until told to stop. Returns the exit code."""
    async with open_engine(folder, name="wave runner") as engine:
        await engine.sync(dev=dev)
        async with working(engine) as runner:
            click.echo(f"runner {runner.runner_id} works on {engine.folder}; Ctrl-C stops it", err=True)
            interrupted = asyncio.create_task(on_interrupt().wait())
            failed = asyncio.create_task(runner.failed())
            dismissed = asyncio.create_task(runner.dismissed())
            await asyncio.wait([interrupted, failed, dismissed], return_when=asyncio.FIRST_COMPLETED)
            interrupted.cancel()
            dismissed.cancel()
            if failed.done():
                failed.result()
            failed.cancel()
        return DONE


@contextlib.asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[Runner]:
    """Give a runner that is at work, stopped in good order at the end."""
    _collect_seldom()
    runner = engine.runner()
    try:
        await runner.start()
        yield runner
    finally:
        await runner.stop()


def _collect_seldom() -> None:
    """Leave what has been imported alone, and look for cycles seldom: a wave makes tens of thousands of objects, and
    nearly none of them is part of one. Looked for as usual, they cost a seventh of a runner's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 10, 10)


async def until_ended(engine: Engine, runner: Runner, run_id: int, *, show: Callable[[str], None] | None = None) -> int:
    """Wait until a run has ended, or only people can go on, showing how far it is.

    Ctrl-C gives its work back and leaves it to be resumed.

    Raises what keeps it from ending: a drifted or paused actor, a model server that cannot be used, a loop that failed.
    """
    interrupted = on_interrupt()
    failed = asyncio.create_task(runner.failed())
    dismissed = asyncio.create_task(runner.dismissed())
    progress = Progress(engine.database, run_id, show=show)
    idle_looks = 0
    try:
        while not (interrupted.is_set() or dismissed.done()):
            try:
                state = await runs.state(engine.database, run_id)
                ended = state is not None and state["state"] != "running"
                await progress.show(last=ended)
            except (Unavailable, DatabaseError) as error:
                if not is_away(error):
                    raise
                state, ended = None, False  # the loops say so, and go on when it is back
            if state is not None and ended:
                return ENDED.get(state["state"], DONE_WITH_FAILURES)
            if failed.done():
                failed.result()
            stopped = _stopped_by(runner)
            idle_looks = idle_looks + 1 if stopped is not None else 0
            # Between two waves nothing is held for a moment: only what lasts is a standstill.
            if stopped is not None and idle_looks > STANDSTILL_LOOKS:
                raise stopped
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(interrupted.wait(), LOOK_S)
    finally:
        failed.cancel()
        dismissed.cancel()
        progress.close()
    click.echo(f"stopped; run {run_id} goes on when you say: wave run WORKFLOW --resume", err=True)
    return INTERRUPTED


async def _run_id(engine: Engine, order: Order) -> int:
    if not order.resume:
        if order.force:
            _say_overruled(engine, order.workflow)
        return await engine.new_runs().start(
            order.workflow,
            order.params,
            limit=order.limit,
            where=order.where,
            priority=order.priority,
            force=order.force,
            asks_anew=order.asks_anew,
            canary=order.canary,
            takes_again=order.again,
        )
    run_id = await runs.newest_unfinished(engine.database, order.workflow)
    if run_id is None:
        raise NotFoundError(f"no run of {order.workflow} is unfinished", hint=f"start one: wave run {order.workflow}")
    return run_id


async def _say_what_it_waits_for(engine: Engine, run_id: int, workflow: str) -> None:
    state = await runs.state(engine.database, run_id)
    goes_on = f"then: wave run {workflow} --resume"
    if state is not None and state["state"] == "paused":
        if state["workflow_drifted"]:
            told = f"run {run_id} waits: workflow {workflow} has drifted: wave actors approve --workflow {workflow}"
            click.echo(f"{told}, {goes_on}", err=True)
            return
        subject = f"workflow {workflow}" if state["workflow_paused"] else f"run {run_id}"
        more = " --more-tokens N or --more-money N" if BUDGET_EXCEEDED in (state["paused_by"] or "") else ""
        by = f" by {state['paused_by']}" if state["paused_by"] else ""
        told = f"run {run_id} is paused{by}: wave resume {subject}{more}, {goes_on}"
        click.echo(output.clean(told), err=True)
    else:
        click.echo(f"run {run_id} waits for people: wave tasks next takes the first task; {goes_on}", err=True)


def _say_overruled(engine: Engine, workflow: str) -> None:
    for objection in engine.watch.objections(workflow):
        said = f"overruled: {objection.rule.code} {objection.rule.name}: {objection.message}"
        click.echo(output.clean(said), err=True)


def _stopped_by(runner: Runner) -> WaveError | None:
    """Return why nothing can move any more, if nothing does."""
    if runner.busy:
        return None
    if (trouble := runner.trouble()) is not None:
        return trouble
    if drifted := runner.drifted():
        return drift_conflict(drifted)
    if lacking := runner.lacking():
        labels = ",".join(lacking)
        return ConflictError(
            f"no runner at work has what some of its work needs: {labels}",
            hint=f"on a host that has it: WAVE_LABELS={labels} wave runner (or wave run WORKFLOW --resume)",
        )
    if paused := runner.paused():
        return ConflictError(
            f"paused: {', '.join(paused)}: nothing of it is begun until somebody says so",
            hint=f"wave resume actor {paused[0]}, then: wave run WORKFLOW --resume",
        )
    return None


def on_interrupt(said: str = GIVES_BACK) -> asyncio.Event:
    """Return an event that Ctrl-C or SIGTERM sets, saying so; a second one of them ends the process at once."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        interrupted.set()
        if said:
            click.echo(said, err=True)
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return interrupted


async def _print_report(engine: Engine, run_id: int, *, as_json: bool) -> None:
    from wave_runner.cli import status

    await status.print_status(engine, run_id, as_json=as_json)
