"""`wave report interactions` and `interaction`: pieces of work that are looked for, and one of them whole."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import forms, output, page
from wave_runner.cli.forms import form_options
from wave_runner.cli.main import project_dir, project_option
from wave_runner.cli.work_page import talk_lines
from wave_runner.core.interaction import State

if TYPE_CHECKING:
    from wave_runner.reports.interaction import Attempt, InteractionPage
    from wave_runner.reports.interactions import Interactions, Wanted

STATES = [str(state) for state in State]
COLUMNS = ("interaction", "record", "step", "actor", "state", "attempt", "finished_at", "took", "error")
ATTEMPTS = ("attempt", "began", "ended by", "took", "tokens", "cost", "error", "wave", "why then")


@click.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option("--step", metavar="STEP", help="Of this step alone.")
@click.option("--state", type=click.Choice(STATES), help="In this state alone.")
@click.option("--error-class", metavar="CLASS", help="Only what has failed so: timeout, crashed, transient and so on.")
@click.option("--rule", metavar="RULE", help="Only what broke this rule.")
@click.option("--record", "key", metavar="KEY", help="Of this record alone.")
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="The page that comes after this interaction.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@project_option
@form_options
@click.pass_context
def interactions(
    context: click.Context,
    run_id: int | None,
    step: str | None,
    state: str | None,
    error_class: str | None,
    rule: str | None,
    key: str | None,
    before: int | None,
    limit: int,
    form: str | None,
) -> None:
    """List the interactions of a run that are like that, the newest first.

    \b
    wave report interactions
    wave report interactions 12 --step summarise --state failed
    wave report interactions 12 --record 192842/External --json

    RUN is the newest by default. Those of a record, and those that have failed or broken a rule, are all found at once.
    For others the newest 20,000 are looked at; if that does not fill the page, it says where to go on.
    """
    from wave_runner.reports.interactions import ListedInteraction, Wanted

    wanted = Wanted(step=step, state=State(state) if state else None, error_class=error_class, rule=rule)
    found = asyncio.run(_listed(project_dir(context), run_id, wanted, key, before, limit))
    if form:
        forms.put(form, "wave.interactions.v1", asdict(found), ListedInteraction, found.rows)
    else:
        _show_list(found)


@click.command()
@click.argument("interaction_id", type=click.IntRange(min=1), metavar="N")
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="RUN", help="Its run.  [default: the newest]")
@click.option("--full", is_flag=True, help="Show prompts and answers whole, however long they are.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def interaction(context: click.Context, interaction_id: int, run_id: int | None, full: bool, as_json: bool) -> None:
    """Show one interaction: each try with what was sent and came back, what it cost, and the events that led to it.

    \b
    wave report interaction 4711
    wave report interaction 4711 --run 12 --full
    """
    found = asyncio.run(_one(project_dir(context), interaction_id, run_id))
    if as_json:
        output.emit("wave.interaction.v1", vars(found))
    else:
        _show(found, full=full)


async def _listed(
    folder: Path, run_id: int | None, wanted: Wanted, key: str | None, before: int | None, limit: int
) -> Interactions:
    from wave_runner.engine import open_engine
    from wave_runner.reports import interactions as reports

    async with open_engine(folder, name="wave report") as engine:
        return await reports.interactions(
            engine.database,
            run_id,
            wanted=wanted,
            key=key,
            collections=sorted(engine.project().collections),
            before=before,
            limit=limit,
        )


async def _one(folder: Path, interaction_id: int, run_id: int | None) -> InteractionPage:
    from wave_runner.engine import open_engine
    from wave_runner.reports import interaction as reports

    async with open_engine(folder, name="wave report") as engine:
        return await reports.interaction(engine.database, interaction_id, run_id=run_id)


def _show_list(found: Interactions) -> None:
    rows = [
        {
            **asdict(one),
            "interaction": one.interaction_id,
            "record": one.key,
            "took": output.duration(one.service_us),
            "error": one.error or one.rule or one.error_class,
        }
        for one in found.rows
    ]
    output.table(COLUMNS, rows, title=f"run {found.run_id} of {found.workflow}")
    if found.looked_at:
        output.heading(f"{found.looked_at} interactions were looked at; older ones: --before {found.next_before_id}")
    elif found.next_before_id:
        output.heading(f"there are more: --before {found.next_before_id}")


def _show(found: InteractionPage, *, full: bool) -> None:
    one = found.interaction
    of = f" of {one.key}" if one.key is not None else ""
    output.heading(f"interaction {one.interaction_id}, {one.step}{of} in run {found.run_id}: {one.state}")
    page.line("error", one.rule, one.error_class, one.error)
    if found.parent_id is not None:
        page.line("came from", f"{found.parent_step} (interaction {found.parent_id})")
    if found.superseded_by_id is not None:
        page.line("counts no more", f"interaction {found.superseded_by_id} has taken its place")
    output.table(ATTEMPTS, [_attempt(each) for each in found.attempts], title="attempts")
    for each in found.attempts:
        for kept in each.evidence:
            page.quote(f"{kept.role} {each.attempt}", "(erased)" if kept.text is None else kept.text, full=full)
    if found.work is not None:
        talk_lines(found.work, full=full)
    causes = [{**asdict(each), "at": each.recorded_at} for each in found.causes]
    output.table(("event", "type", "step", "at"), causes, title="what led to it")


def _attempt(one: Attempt) -> dict[str, object]:
    cost = f"{output.money(one.cost)} {one.currency or ''}".strip() if one.cost is not None else None
    return {
        "attempt": one.attempt,
        "began": one.began_at,
        "ended by": one.ended_by,
        "took": output.duration(one.service_us),
        "tokens": f"{one.tokens_in or 0} + {one.tokens_out or 0}" if one.tokens_in or one.tokens_out else None,
        "cost": cost,
        "error": one.rule or one.error_class,
        "wave": one.wave_id,
        "why then": one.reason,
    }
