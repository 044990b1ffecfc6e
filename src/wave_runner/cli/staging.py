"""`wave staging`: what runs have staged, batch by batch, and what a person says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.filters import Term
    from wave_runner.engine import Engine
    from wave_runner.runner.batches import Chosen
    from wave_runner.store.rollback import RolledBack

SHOWN_KEYS = 10

BATCHES = (
    *("run_id", "workflow", "run_state", "rows", "waiting", "promoted", "updated", "unchanged", "rejected"),
    *("revalidated", "rolled_back", "revalidates", "whole", "known", "vanished", "staged_at"),
)

batch_argument = click.argument("batch", metavar="BATCH", type=click.IntRange(min=1))
where_option = click.option(
    "--where", metavar="FILTER", default="", help="Only these rows: id, state, source, key, rule, field, raw.FIELD."
)
step_option = click.option(
    "--step", metavar="STEP", help="The step that decides about staged rows, if there are several."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
expect_option = click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is so many.")
reason_option = click.option("--reason", metavar="TEXT", default="", help="Why: it is kept.")


@click.group()
def staging() -> None:
    """Show what runs have staged, and say what is to become of it. A batch is what one run has staged.

    \b
    wave staging list
    wave staging revalidate 7 --where rule:too_short --reason "the rule was wrong" --yes --expect 31
    wave staging rollback 7 --reason "the source was broken" --yes
    """


@staging.command(name="list")
@click.argument("batch", metavar="[BATCH]", type=click.IntRange(min=1), required=False)
@where_option
@project_option
@json_option
@click.pass_context
def list_(context: click.Context, batch: int | None, where: str, as_json: bool) -> None:
    """List the batches, or the rows of BATCH with what has become of each and why.

    \b
    wave staging list
    wave staging list 7 --where "state:rejected rule:duplicate"
    """
    if where and batch is None:
        raise click.UsageError("--where is about rows: name their batch")
    asyncio.run(_list(project_dir(context), batch, where, as_json=as_json))


@staging.command()
@batch_argument
@project_option
@json_option
@click.pass_context
def vanished(context: click.Context, batch: int, as_json: bool) -> None:
    """List the records that have vanished with BATCH, or would if it were approved.

    \b
    wave staging vanished 7
    wave staging vanished 7 --json
    """
    asyncio.run(_vanished(project_dir(context), batch, as_json=as_json))


@staging.command()
@batch_argument
@reason_option
@project_option
@json_option
@expect_option
@click.pass_context
def approve(context: click.Context, batch: int, reason: str, as_json: bool, expect: int | None) -> None:
    """Say that what the held BATCH has not has vanished from its source.

    \b
    wave staging approve 7 --reason "the city has removed its duplicates"
    wave staging approve 7 --reason "the city has removed its duplicates" --expect 244

    Their rows stay as they are; no selection takes them up until their source has them again.
    """
    asyncio.run(_judge(project_dir(context), batch, True, _said(reason), expect, as_json=as_json))


@staging.command()
@batch_argument
@reason_option
@project_option
@json_option
@click.pass_context
def refuse(context: click.Context, batch: int, reason: str, as_json: bool) -> None:
    """Say that what the held BATCH has not is still there, and its source was broken.

    \b
    wave staging refuse 7 --reason "the export was cut"
    wave staging refuse 7 --reason "half of the pages are missing" --json
    """
    asyncio.run(_judge(project_dir(context), batch, False, _said(reason), None, as_json=as_json))


@staging.command()
@batch_argument
@where_option
@step_option
@reason_option
@project_option
@json_option
@yes_option
@expect_option
@click.pass_context
def revalidate(
    context: click.Context,
    batch: int,
    where: str,
    step: str | None,
    reason: str,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Have rows of BATCH that were rejected, left undecided or rolled back validated again, as the folder is now.

    \b
    wave staging revalidate 7
    wave staging revalidate 7 --where rule:too_short --reason "the rule was wrong" --yes --expect 31

    They are staged once more in a run of their own, which begins at the step that decides. What it promotes goes its
    way from there. Any `wave runner` does the work, or `wave run WORKFLOW --resume`.
    """

    async def act(engine: Engine, terms: tuple[Term, ...]) -> int:
        return await engine.taking_up().revalidate(batch, terms, step=step, reason=reason, expect=expect)

    reason = _said(reason) if yes else reason
    asyncio.run(
        _take_up(
            project_dir(context),
            "revalidate",
            batch,
            where,
            act if yes else None,
            "be validated again",
            as_json=as_json,
        )
    )


@staging.command()
@batch_argument
@where_option
@click.option("--key", metavar="KEY", help="The record's key, of one row; else what came in the key's column.")
@click.option("--set", "sets", metavar="COLUMN=VALUE", multiple=True, help="What a column is to be: JSON, or a text.")
@step_option
@reason_option
@project_option
@json_option
@yes_option
@expect_option
@click.pass_context
def promote(
    context: click.Context,
    batch: int,
    where: str,
    key: str | None,
    sets: tuple[str, ...],
    step: str | None,
    reason: str,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Promote rows of BATCH in your own name, whatever the script that validates has said.

    \b
    wave staging promote 7 --where id:31 --set title="Night Librarian" --reason "it is right" --yes
    wave staging promote 7 --where rule:too_short

    A row becomes a record with those members of what came that the table has columns for, and what is set. A run of
    its own takes it from there.
    """
    values = dict(_assignment(one) for one in sets)

    async def act(engine: Engine, terms: tuple[Term, ...]) -> int:
        given: dict[str, Any] = {"step": step, "key": key, "values": values, "reason": reason, "expect": expect}
        return await engine.taking_up().promote(batch, terms, **given)

    reason = _said(reason) if yes else reason
    asyncio.run(
        _take_up(project_dir(context), "promote", batch, where, act if yes else None, "be promoted", as_json=as_json)
    )


@staging.command()
@batch_argument
@where_option
@reason_option
@project_option
@json_option
@yes_option
@expect_option
@click.pass_context
def reject(
    context: click.Context, batch: int, where: str, reason: str, as_json: bool, yes: bool, expect: int | None
) -> None:
    """Reject rows of BATCH that nobody has decided on, or that were rolled back, in your own name.

    \b
    wave staging reject 7
    wave staging reject 7 --where source:old.jsonl --reason "not ours" --yes --expect 12
    """
    reason = _said(reason) if yes else reason
    asyncio.run(_reject(project_dir(context), batch, where, reason, yes=yes, expect=expect, as_json=as_json))


@staging.command()
@batch_argument
@reason_option
@project_option
@json_option
@yes_option
@expect_option
@click.pass_context
def rollback(context: click.Context, batch: int, reason: str, as_json: bool, yes: bool, expect: int | None) -> None:
    """Take back what became of BATCH: its records lose their rows, changed ones get back what they had.

    \b
    wave staging rollback 7
    wave staging rollback 7 --reason "the source was broken" --yes --expect 500

    Work under way on them is cancelled, their results count for nothing, and what has vanished with the batch is
    there again. Refused where something newer stands on one of its records: a later batch, a later run, a value that
    was changed since. Nothing is deleted from staging: `wave staging revalidate` takes its rows up again.
    """
    reason = _said(reason) if yes else reason
    asyncio.run(_rollback(project_dir(context), batch, reason, yes=yes, expect=expect, as_json=as_json))


def _said(reason: str) -> str:
    if not reason.strip():
        raise click.UsageError("say why, with --reason TEXT: it is kept")
    return reason


def _assignment(text: str) -> tuple[str, Any]:
    column, is_set, value = text.partition("=")
    if not is_set or not column:
        raise click.UsageError(f"--set: {text!r:.60} is not COLUMN=VALUE")
    try:
        return column, json.loads(value)
    except ValueError:
        return column, value


async def _list(folder: Path, batch: int | None, where: str, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.runner.preflight import read_rows

    async with open_engine(folder, name="wave staging list") as engine:
        if batch is None:
            found = await engine.batches().known()
            output.show(BATCHES, [vars(one) for one in found], "wave.batches.v1", as_json=as_json)
            return
        rows = await engine.batches().rows(batch, read_rows(where))
    shown = [{**vars(row), "why": _why(row.errors)} for row in rows]
    columns = ("id", "state", "source", "position", "key", "why", "decided_by", "again_in")
    output.show(columns, shown, "wave.staged_rows.v1", as_json=as_json)


def _why(errors: Sequence[Any]) -> str:
    return "; ".join(f"{one.get('rule')}: {one.get('message')}" for one in errors if isinstance(one, dict))


async def _vanished(folder: Path, batch: int, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave staging vanished") as engine:
        keys = await engine.batches().vanished(batch)
    output.show(("record",), [{"record": key} for key in keys], "wave.vanished.v1", as_json=as_json)


async def _judge(folder: Path, batch: int, approved: bool, reason: str, expect: int | None, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave staging") as engine:
        batches = engine.batches()
        if approved:
            n = await batches.approve(batch, reason=reason, expect=expect)
        else:
            n = await batches.refuse(batch, reason=reason)
    if as_json:
        output.emit("wave.batch_judged.v1", {"batch": batch, "approved": approved, "records": n})
        return
    said = f"{n} records have vanished" if approved else f"none of {n} records has vanished"
    output.heading(f"batch {batch}: {said}")


async def _take_up(folder: Path, kind: str, batch: int, where: str, act: Any, said: str, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.runner.preflight import read_rows

    async with open_engine(folder, name="wave staging") as engine:
        terms = read_rows(where)
        chosen = await engine.batches().choose(kind, batch, terms)
        run_id = await act(engine, terms) if act is not None else None
        [found] = await engine.batches().known(batch)
    if as_json:
        output.emit(
            "wave.staging_taken_up.v1",
            {"batch": batch, "rows": len(chosen.ids), "mark": chosen.mark, "run": run_id},
        )
    elif run_id is None:
        _show_chosen(chosen, said)
    else:
        output.heading(f"{len(chosen.ids)} rows of batch {batch} are taken up by run {run_id}")
        output.heading(f"any wave runner does it, or wave run {found.workflow} --resume")


def _show_chosen(chosen: Chosen, said: str) -> None:
    if not chosen.ids:
        output.heading(f"no row of batch {chosen.run_id} is chosen")
        return
    rows = [{"rule": rule or "(none)", "rows": n} for rule, n in sorted(chosen.by_rule.items())]
    output.table(("rule", "rows"), rows, title=f"would {said}")
    output.heading(f"nothing is done yet: the same command with --reason TEXT --yes --expect {len(chosen.ids)}")


async def _reject(
    folder: Path, batch: int, where: str, reason: str, *, yes: bool, expect: int | None, as_json: bool
) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.runner.preflight import read_rows

    async with open_engine(folder, name="wave staging reject") as engine:
        terms = read_rows(where)
        chosen = await engine.batches().choose("reject", batch, terms)
        done = await engine.batches().reject(batch, terms, reason=reason, expect=expect) if yes else None
    if as_json:
        rows = {"batch": batch, "rows": len(chosen.ids), "mark": chosen.mark}
        output.emit("wave.staging_rejected.v1", {**rows, "rejected": done})
    elif done is None:
        _show_chosen(chosen, "be rejected")
    else:
        output.heading(f"{done} rows of batch {batch} are rejected")


async def _rollback(folder: Path, batch: int, reason: str, *, yes: bool, expect: int | None, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave staging rollback") as engine:
        done = await engine.taking_up().roll_back(batch, reason=reason, dry=not yes, expect=expect)
    if as_json:
        output.emit("wave.staging_rollback.v1", {"batch": batch, "done": yes, **vars(done)})
        return
    if done.in_the_way:
        rows = [{"record": key, "why": str(obstacle)} for key, obstacle in done.in_the_way]
        output.table(("record", "why"), rows, title="something newer stands on")
        output.heading(f"batch {batch} cannot be rolled back: {len(done.in_the_way)} records are in the way")
        return
    _show_rolled_back(batch, done, done_already=yes)


def _show_rolled_back(batch: int, done: RolledBack, *, done_already: bool) -> None:
    said = "are" if done_already else "would be"
    output.heading(
        f"batch {batch}: {done.rows} rows {said} rolled back: {done.removed} records lose their rows, {done.values} "
        f"values of {done.restored} others are put back, {done.results} results count for nothing"
    )
    if done.returned:
        output.heading(f"{done.returned} records that had vanished with it are there again")
    if not done_already and done.rows:
        output.heading(f"nothing is done yet: the same command with --reason TEXT --yes --expect {done.rows}")
