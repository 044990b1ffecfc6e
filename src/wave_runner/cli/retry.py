"""`wave retry`: try again what has failed or was quarantined."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.store.control import Filter

SUBJECTS = ("run", "workflow", "actor")


@click.command()
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.argument("name")
@click.option("--step", metavar="STEP", help="Only this step.")
@click.option("--state", type=click.Choice(("failed", "quarantined")), help="Only what is in this state.")
@click.option("--error-class", metavar="CLASS", help="Only what ended so: timeout, crashed, transient and so on.")
@click.option("--rule", metavar="RULE", help="Only what broke this rule.")
@click.option("--record", "key", metavar="KEY", help="Only this record.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Do it only if it is so many interactions.")
@click.pass_context
def retry(
    context: click.Context,
    subject: str,
    name: str,
    step: str | None,
    state: str | None,
    error_class: str | None,
    rule: str | None,
    key: str | None,
    as_json: bool,
    yes: bool,
    expect: int | None,
) -> None:
    """Try again what has failed or was quarantined in a run, in all runs of a workflow, or by an actor.

    \b
    wave retry run 12
    wave retry run 12 --step summarise --error-class timeout --yes --expect 17

    Without --yes it only says what would be tried again. It has its budget of attempts anew; earlier attempts are kept.
    What was skipped because of it comes again, and a run that had ended goes on: `wave run WORKFLOW --resume`, or any
    `wave runner`. The definitions are those that the run has pinned. What the workflow has gone on from, by
    `on_failure` and its like, is not tried again, and neither is a record that another run of the workflow has in hand.
    """
    from wave_runner.store.control import Filter

    which = Filter(step=step, state=state, error_class=error_class, rule=rule, key=key)
    asyncio.run(_retry(project_dir(context), subject, name, which, yes=yes, expect=expect, as_json=as_json))


async def _retry(
    folder: Path, subject: str, name: str, which: Filter, *, yes: bool, expect: int | None, as_json: bool
) -> None:
    from wave_runner.core.control import Subject
    from wave_runner.core.marks import mark_of
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave retry") as engine:
        orders = engine.orders()
        found = await orders.retryable(Subject(subject), name, which)
        total = sum(one.n for one in found)
        retried = await orders.retry(Subject(subject), name, which, expect=expect) if yes else None
    if as_json:
        document = {"subject": subject, "name": name, "broken": found, "total": total, "mark": mark_of(found)}
        output.emit("wave.retry.v1", {**document, "retried": retried})
    elif retried:
        output.heading(f"{subject} {name}: {retried} interactions are tried again: wave run WORKFLOW --resume")
    elif not total or retried is not None:
        output.heading(f"{subject} {name}: nothing to try again")
    else:
        columns = ("run_id", "step", "state", "error_class", "rule", "n", "records")
        output.table(columns, [vars(one) for one in found], title="would be tried again")
        output.heading(f"nothing is done yet: the same command with --yes --expect {total}")
