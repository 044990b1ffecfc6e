"""`wave pick`: an order about exactly the interactions that a list shows, or those of it that are named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.rerun import show_preview
from wave_runner.core.interaction import State
from wave_runner.core.marks import surprise
from wave_runner.core.picks import Order
from wave_runner.errors import ConflictError

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.reports.interactions import Wanted
    from wave_runner.runner.picking import Picked, PickPreview

RERUN = "rerun"
ORDERS = [str(Order.RETRY), str(Order.CANCEL), RERUN]
STATES = [str(state) for state in State]
OPTIONS = (
    click.option("--step", metavar="STEP", help="Of this step alone."),
    click.option("--state", type=click.Choice(STATES), help="In this state alone."),
    click.option("--error-class", metavar="CLASS", help="Only what has failed so: timeout, crashed, transient etc."),
    click.option("--rule", metavar="RULE", help="Only what broke this rule."),
    click.option("--record", "key", metavar="KEY", help="Of this record alone."),
    click.option("--interaction", "ids", type=click.IntRange(min=1), metavar="N", multiple=True, help="Only these."),
    click.option("--reason", metavar="TEXT", default="", help="Why. Name nobody: the text is kept for ever."),
    project_option,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do."),
    click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is about so many."),
    click.pass_context,
)


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("order", type=click.Choice(ORDERS))
@click.argument("run_id", type=click.IntRange(min=1), metavar="RUN")
@_choosing
def pick(
    context: click.Context,
    order: str,
    run_id: int,
    step: str | None,
    state: str | None,
    error_class: str | None,
    rule: str | None,
    key: str | None,
    ids: tuple[int, ...],
    reason: str,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Retry, cancel or rerun exactly those interactions of RUN that the list shows for the same words.

    \b
    wave pick retry 12 --step summarise --error-class timeout
    wave pick cancel 12 --state waiting --reason "nobody needs them" --yes --expect 340
    wave pick rerun 12 --step summarise --rule doubtful --reason "invented" --yes --expect 17

    The list is `wave report interactions`. Without --yes it only says about how many the order can be, and why it
    cannot be about the others. What changes while it is carried out is left alone. What is cancelled stays so, and what
    waits for it goes on without it, as after a failure; a whole run is cancelled by `wave cancel run`. A rerun redoes
    results of one step with all that they have led to: `wave rerun undo` takes it back.
    """
    from wave_runner.reports.interactions import Wanted

    if yes and not reason:
        raise click.UsageError("say why, with --reason TEXT: it is kept with the order")
    wanted = Wanted(step=step, state=State(state) if state else None, error_class=error_class, rule=rule)
    given = {"reason": reason, "yes": yes, "expect": expect, "as_json": as_json}
    asyncio.run(_pick(project_dir(context), order, run_id, wanted, key, ids, **given))


async def _pick(
    folder: Path, order: str, run_id: int, wanted: Wanted, key: str | None, ids: Sequence[int], **given: Any
) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import interactions
    from wave_runner.store import reports as stored

    async with open_engine(folder, name="wave pick") as engine:
        async with stored.snapshot(engine.database) as connection:
            chosen, _ = await interactions.run_of(connection, run_id)
            collections = sorted(engine.project().collections)
            like = await interactions.like_that(connection, chosen, wanted, key=key, collections=collections)
        picked = await engine.picking().pick(chosen, like, ids=ids or None)
        act = _rerun if order == RERUN else _order
        await act(engine, order, picked, **given)


async def _order(
    engine: Engine, order: str, picked: Picked, *, reason: str, yes: bool, expect: int | None, as_json: bool
) -> None:
    preview, done = await engine.picking().preview(picked.pick_id, Order(order)), None
    if yes:
        expected(expect, preview.may)
        done = await engine.picking().order(picked.pick_id, Order(order), reason=reason, expect=preview.mark)
    if as_json:
        document = {"pick_id": picked.pick_id, "order": order, "preview": preview, "done": done}
        output.emit("wave.picked_order.v1", document)
    elif done is not None:
        output.heading(f"run {picked.run_id}: {done} interactions {_DONE[Order(order)]}")
    else:
        _show(preview)


async def _rerun(
    engine: Engine, order: str, picked: Picked, *, reason: str, yes: bool, expect: int | None, as_json: bool
) -> None:
    results = await engine.picking().results(picked.pick_id)
    choice = await engine.redoing().choice_of(results)
    preview, started = await engine.repair().preview(choice), None
    if yes:
        expected(expect, preview.records)
        started = await engine.redoing().rerun(choice, reason=reason, expect=preview.mark)
    if as_json:
        about = {"pick_id": picked.pick_id, "step": results.step, "total": results.total}
        output.emit("wave.picked_rerun.v1", {**about, "preview": preview, "started": started})
    elif started is not None:
        output.heading(f"rerun {started.rerun}: {started.redone} results of {results.step} are redone")
        output.heading(f"to take it back: wave rerun undo {started.rerun}")
    else:
        show_preview(choice, preview, "would be superseded")


def expected(expect: int | None, there: int) -> None:
    """Raise `ConflictError` where an order would be about something else than so many."""
    if said := surprise(expect, there=there, marked="", said="is what it would be about"):
        raise ConflictError(said, hint="look again: the same command without --yes")


def _show(preview: PickPreview) -> None:
    if preview.parts:
        output.table(("step", "state", "n"), [vars(one) for one in preview.parts], title="it would be about")
    if preview.left:
        output.table(("step", "state", "why", "n"), [vars(one) for one in preview.left], title="left alone")
    output.heading(f"{preview.may} of {preview.total} that are picked")
    if preview.may:
        output.heading(f"nothing is done yet: the same command with --reason TEXT --yes --expect {preview.may}")


_DONE = {Order.RETRY: "are tried again: wave run WORKFLOW --resume", Order.CANCEL: "cancelled"}
