"""`wave report`: one question about runs, answered at length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import forms, output, status
from wave_runner.cli.compliance import compliance
from wave_runner.cli.durations import Duration
from wave_runner.cli.forms import form_options
from wave_runner.cli.interactions import interaction, interactions
from wave_runner.cli.listings import events, failures, matrix, reviews, waves
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.cost import Cost, Line
    from wave_runner.reports.dashboard import Dashboard
    from wave_runner.reports.delta import Delta
    from wave_runner.reports.servers import Account, Server, Servers

NOT_COUNTED = "not counted"
RUN_STATES = ("running", "waiting", "paused", "completed", "failed", "cancelled")


@click.group()
def report() -> None:
    """Answer one question about runs at length: what one changed, what somebody should look at.

    \b
    wave report delta
    wave report alerts
    wave report records
    wave report interactions
    wave report servers
    wave report cost
    wave report compliance integrity
    """


report.add_command(compliance)
report.add_command(interactions)
report.add_command(interaction)
report.add_command(matrix)
report.add_command(events)
report.add_command(waves)
report.add_command(failures)
report.add_command(reviews)


@report.command()
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="RUN", help="The run.  [default: the newest]")
@click.option(
    "--by",
    type=click.Choice(["step", "model", "record", "attempt"]),
    default="step",
    show_default=True,
    help="What the lines are of.",
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many lines.")
@status.now_option
@project_option
@form_options
@click.pass_context
def cost(context: click.Context, run_id: int | None, by: str, limit: int, now: bool, form: str | None) -> None:
    """Show what the calls of models of a run have used and cost, by the prices that it has pinned.

    \b
    wave report cost
    wave report cost --run 12 --by record --json

    Failed attempts cost too, and are shown apart; so is the time of the machine, apart from the tokens. What is unknown
    is counted and not guessed: calls whose end nobody has seen, whose tokens the server has not counted, or of a model
    without a price. A load serves every run that waits for its model, and is priced in none of them.
    """
    asyncio.run(_cost(project_dir(context), run_id, by, limit, now=now, form=form))


@report.command()
@click.option("--workflow", metavar="NAME", help="Of this workflow alone.")
@click.option("--state", type=click.Choice(RUN_STATES), help="In this state alone.")
@click.option("--before", type=click.IntRange(min=1), metavar="RUN", help="The page that comes after this run.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@project_option
@form_options
@click.pass_context
def runs(
    context: click.Context, workflow: str | None, state: str | None, before: int | None, limit: int, form: str | None
) -> None:
    """List runs, the newest first.

    \b
    wave report runs
    wave report runs --workflow job_postings --state failed --json
    """
    asyncio.run(_runs(project_dir(context), workflow, state, before, limit, form=form))


@report.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@status.now_option
@project_option
@form_options
@click.pass_context
def delta(context: click.Context, run_id: int | None, now: bool, form: str | None) -> None:
    """Show what a run changed in its target tables: before, after, and what it wrote itself.

    \b
    wave report delta
    wave report delta 12 --json

    RUN is the newest by default. A difference that is not what the run wrote was made by somebody else.
    """
    asyncio.run(_delta(project_dir(context), run_id, now=now, form=form))


@report.command()
@project_option
@form_options
@click.pass_context
def alerts(context: click.Context, form: str | None) -> None:
    """List what somebody should look at: runs that ended oddly, and what should be under way and is not.

    \b
    wave report alerts
    wave report alerts --json

    A run raises nothing_saved, nothing_found or sudden_drop (completed less than half of what is usual) once, at its
    end; budget_exceeded and batch_stopped when it is paused for that, and canary_failed when its first records have not
    passed. A schedule that is overdue, one whose last three runs have found no record, a run without a runner and one
    whose work needs a label that no runner has are found when you ask.
    """
    asyncio.run(_alerts(project_dir(context), form=form))


@report.command()
@project_option
@form_options
@click.pass_context
def runners(context: click.Context, form: str | None) -> None:
    """List the runners that have not ended, what each has been told, what it can do, and what it has in hand.

    \b
    wave report runners
    wave report runners --json

    One that has not been heard of within a lease was lost: its work has gone to the others, or waits for one. What a
    runner can do are its labels, the model servers that it can ask, and its script slots: scripts at once.
    """
    asyncio.run(_runners(project_dir(context), form=form))


@report.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@click.option(
    "--older-than",
    type=Duration(),
    metavar="DURATION",
    help="How long one try may run, such as 90s, 30m or 2h.  [default: what its step has needed]",
)
@project_option
@form_options
@click.pass_context
def stale(context: click.Context, run_id: int | None, older_than: float | None, form: str | None) -> None:
    """List what is overdue: its lease has run out, or it runs longer than its step usually takes.

    \b
    wave report stale
    wave report stale 12 --older-than 90s --json

    RUN is the newest by default. Without --older-than each step has its own measure: what 99 of 100 tries of its queue
    have taken, a second at least; of a script, for each record that was begun with it. Below 20 measured tries it is 30
    minutes. This only lists: what ends a try is its own time limit.
    """
    show = status.show_stale
    asyncio.run(_part(project_dir(context), "stale", run_id, show, form=form, stale_after_s=older_than))


@report.command()
@project_option
@form_options
@click.pass_context
def records(context: click.Context, form: str | None) -> None:
    """Count the records of each workflow, over all its runs, by what has become of them.

    \b
    wave report records
    wave report records --json

    A record counts once for each run that it was in. This is read from the projection `record_states`: the answer says
    up to which entry of the log it goes, and how many more are sealed.
    """
    asyncio.run(_records(project_dir(context), form=form))


@report.command()
@project_option
@form_options
@click.pass_context
def servers(context: click.Context, form: str | None) -> None:
    """Show what work waits for outside: model servers and models, what they allow, and why nothing moves.

    \b
    wave report servers
    wave report servers --json

    A server or a model that has failed is left alone until its time has come; then one runner tries it with one record.
    Of a server, runners are those at work that can ask it. The last table says for each queue because of what nothing
    of it may be begun; it says nothing where that is not so.
    """
    asyncio.run(_servers(project_dir(context), form=form))


@report.command()
@click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
@project_option
@form_options
@click.pass_context
def errors(context: click.Context, run_id: int | None, form: str | None) -> None:
    """Show what went wrong, by kind, and the last errors with what was said.

    \b
    wave report errors
    wave report errors 12 --json
    """
    asyncio.run(_part(project_dir(context), "errors", run_id, status.show_errors, form=form))


def _counted(name: str, says: str, show: Callable[[Dashboard], None]) -> None:
    """Add a command for a part of what `wave status` shows that has to be counted: the same query, of one run."""

    @report.command(name=name, help=f"{says}\n\n\b\nwave report {name}\nwave report {name} 12 --json\n")
    @click.argument("run_id", type=click.IntRange(min=1), required=False, metavar="[RUN]")
    @status.now_option
    @project_option
    @form_options
    @click.pass_context
    def part(context: click.Context, run_id: int | None, now: bool, form: str | None) -> None:
        asyncio.run(_part(project_dir(context), name, run_id, show, form=form, now=now))


_counted("steps", "Show how far each step is, how often it succeeds, and how long it takes.", status.show_steps)
_counted("actors", "Show how often each actor was at work, and how long it took.", status.show_actors)
_counted("throughput", "Show how many interactions ended in each minute of the last hour.", status.show_throughput)


async def _part(
    folder: Path,
    name: str,
    run_id: int | None,
    show: Callable[[Dashboard], None],
    *,
    form: str | None,
    stale_after_s: float | None = None,
    now: bool = False,
) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import dashboard as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.dashboard(engine.database, run_id, stale_after_s=stale_after_s, now=now)
    if form:
        forms.put(form, f"wave.report.{name}.v1", reports.part(found, name), *_lines(found, name))
    else:
        show(found)


def _lines(found: Dashboard, name: str) -> tuple[type, Sequence[Any]]:
    """Return the list of a part of the dashboard, and what it is a list of."""
    from wave_runner.reports import actors, errors, stale, steps, throughput

    lists: dict[str, tuple[type, Sequence[Any]]] = {
        "steps": (steps.Step, found.steps),
        "actors": (actors.Actor, found.actors),
        "throughput": (throughput.Bucket, found.throughput.buckets),
        "stale": (stale.StaleInteraction, found.stale.oldest),
        "errors": (errors.Pattern, found.errors.patterns),
    }
    return lists[name]


async def _runners(folder: Path, *, form: str | None) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import runners as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.runners(engine.database, lease_s=engine.settings.lease_s)
    rows = [asdict(one) for one in found]
    if form:
        forms.put(form, "wave.runners.v1", {"rows": rows}, reports.Runner, found)
        return
    able = ("labels", "servers", "script_slots")
    columns = ("runner_id", "host", "pid", "heard", "told", *able, "waves", "interactions", "heartbeat_at")
    output.table(columns, [{**row, **{name: ", ".join(row[name]) for name in ("labels", "servers")}} for row in rows])


async def _servers(folder: Path, *, form: str | None) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import servers as reports

    async with open_engine(folder, name="wave report") as engine:
        lease_s, rates = engine.settings.lease_s, engine.server_rates()
        found = await reports.servers(engine.database, lease_s=lease_s, rates=rates)
    if form:
        forms.put(form, "wave.report.servers.v1", asdict(found), reports.Server, found.servers)
    else:
        _show_servers(found)


def _show_servers(found: Servers) -> None:
    if not (found.servers or found.models or found.accounts or found.queues):
        output.heading("no work was for anything outside")
        return
    stand = ("what", "breaker", "failures", "trips", "waiting", "running", "runners")
    rows = [{**asdict(one), "what": f"{one.kind} {one.name}", "breaker": _breaker(one)} for one in found.servers]
    output.table(stand, rows, title="servers and models")
    for one in found.servers:
        for line in _more(one):
            output.heading(f"{one.kind} {one.name}: {line}")
    if found.models:
        learnt = [
            {**asdict(one), "load": _seconds(one.load_s), "record": _seconds(one.record_s)} for one in found.models
        ]
        output.table(("server", "model", "loads", "load", "measured", "record"), learnt, title="what has been learnt")
    if found.accounts:
        columns = ("account", "under way", "requests", "tokens", "next", "waiting")
        output.table(columns, [_allowed(one) for one in found.accounts], title="what is allowed")
    if found.queues:
        listed = [
            {**asdict(one), "needs": ", ".join(one.needs), "because": ", ".join(one.because)} for one in found.queues
        ]
        parts = ("waiting", "held", "delayed", "running", "because")
        output.table(("actor", "server", "needs", *parts), listed, title="what waits")


def _seconds(seconds: float | None) -> str:
    return output.duration(None if seconds is None else seconds * 1e6)


async def _cost(folder: Path, run_id: int | None, by: str, limit: int, *, now: bool, form: str | None) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import cost as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.cost(engine.database, run_id, by=reports.By(by), limit=limit, now=now)
    if form:
        forms.put(form, "wave.report.cost.v1", asdict(found), reports.Line, found.lines)
    else:
        _show_cost(found)


def _show_cost(found: Cost) -> None:
    whole, unit = found.total, f" {found.currency}" if found.currency else ""
    output.heading(f"run {found.run_id} of {found.workflow}: {found.state}")
    _head_counted(found.counted_at)
    output.heading(
        f"cost {output.money(whole.cost)}{unit}: tokens {output.money(whole.token_cost)}, "
        f"machine {output.money(whole.machine_cost)}; of it failed attempts {output.money(whole.failed_cost)}"
    )
    for line in _unknown(whole, unit):
        output.heading(f"not in it: {line}")
    if found.loads:
        output.heading(f"not in it: {found.loads} loads of models, {output.duration(found.load_us)}")
    if saved := found.from_cache if found.from_cache.answers else None:
        what = f"{saved.answers} calls, {saved.tokens} tokens, {output.duration(saved.service_us)}"
        output.heading(f"not in it, since the cache had their answers: {what}")
    several = {"step": ("step", "model"), "attempt": ("step", "model", "record", "attempt", "fate")}
    of = several.get(found.by, (found.by,))
    counts = ("calls", "failed") if found.by != "attempt" else ()
    unknown = [name for name in ("running", "unseen", "not_counted", "not_priced") if getattr(whole, name)]
    amounts = ("tokens_in", "tokens_cached", "tokens_out", "machine", "cost", "failed_cost")
    shown = f", the dearest {len(found.lines)} of {found.total_lines}" if len(found.lines) < found.total_lines else ""
    output.table((*of, *counts, *unknown, *amounts), list(map(_priced, found.lines)), title=f"by {found.by}{shown}")


def _head_counted(at: datetime | None) -> None:
    if at:
        output.heading(f"as of {at:{status.MOMENT}}, when it was counted; --now counts it now")


def _unknown(whole: Line, unit: str) -> Iterator[str]:
    """Yield what nobody can say of the cost of some calls."""
    if whole.running:
        yield f"{whole.running} calls under way"
    if whole.unseen:
        yield f"{whole.unseen} calls whose end nobody has seen, {output.money(whole.unseen_cost)}{unit} at most"
    if whole.not_counted:
        yield f"the tokens of {whole.not_counted} calls: the server has not counted them"
    if whole.not_priced:
        yield f"{whole.not_priced} calls of models without a price"


def _priced(line: Line) -> output.Row:
    costs = {name: output.money(getattr(line, name)) for name in ("cost", "failed_cost")}
    return {**asdict(line), **costs, "machine": output.duration(line.machine_us)}


def _breaker(server: Server) -> str:
    """Return how a breaker stands, and when it is tried; of one that is tried now, how long that may take."""
    if server.retry_s is None:
        return server.position
    if server.probe_by:
        return f"{server.position}, for {output.duration(server.retry_s * 1e6)}"
    return f"{server.position}, again {_when(server.retry_s)}"


def _more(server: Server) -> Iterator[str]:
    """Yield what a table has no room for."""
    if server.reason:
        yield f"{server.error_class}: {server.reason}"
    if server.probe_by:
        yield f"runner {server.probe_by} tries it"
    if server.owner_id:
        yield f"runner {server.owner_id} has it"


def _allowed(account: Account) -> output.Row:
    """Return an account as a row; what has no limit has an empty cell."""
    requests, tokens = account.requests_per_minute, account.tokens_per_minute
    return {
        "account": f"{account.kind} {account.name}",
        "under way": f"{account.under_way} of {account.concurrency}" if account.concurrency else account.under_way,
        "requests": f"{requests} a minute" if requests else "",
        "tokens": f"{tokens} a minute" if tokens else "",
        "next": "when one ends" if account.is_full else _when(account.wait_s),
        "waiting": account.waiting,
    }


def _when(seconds: float) -> str:
    return f"in {output.duration(seconds * 1e6)}" if seconds else "now"


async def _runs(
    folder: Path, workflow: str | None, state: str | None, before: int | None, limit: int, *, form: str | None
) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import runs as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.runs(engine.database, workflow=workflow, state=state, before=before, limit=limit)
    if form:
        forms.put(form, "wave.runs.v1", asdict(found), reports.ListedRun, found.rows)
        return
    rows = [{**asdict(one), "took": output.duration(one.seconds * 1_000_000)} for one in found.rows]
    output.table(("run_id", "workflow", "state", "started_at", "took", "started_by", "reason"), rows)
    if found.next_before_id is not None:
        output.heading(f"there are more: wave report runs --before {found.next_before_id}")


async def _delta(folder: Path, run_id: int | None, *, now: bool, form: str | None) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports import delta as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.delta(engine.database, run_id, now=now)
    if form:
        forms.put(form, "wave.delta.v1", asdict(found), reports.Target, found.targets)
    else:
        _show_delta(found)


def _show_delta(found: Delta) -> None:
    reason = f" ({found.reason})" if found.reason else ""
    output.heading(f"run {found.run_id} of {found.workflow}: {found.state}{reason}")
    _head_counted(found.counted_at)
    output.heading(f"executed {found.executed}, saved {found.saved} records")
    unknown = NOT_COUNTED if found.state != "running" else "still running"
    targets = [asdict(target) for target in found.targets]
    rows = [{name: unknown if value is None else value for name, value in target.items()} for target in targets]
    output.table(("table", "column", "before", "after", "change", "written"), rows, title="tables")
    output.table(("step", "executed", "saved"), [asdict(saver) for saver in found.savers], title="savers")


async def _records(folder: Path, *, form: str | None) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.record_states import record_states

    async with open_engine(folder, name="wave report") as engine:
        found = await record_states(engine.database)
    rows: list[output.Row] = [{"workflow": name, **by_state} for name, by_state in found.workflows.items()]
    columns = ("workflow", "live", "completed", "incomplete")
    if form:
        forms.put(form, "wave.records.v1", asdict(found), columns, rows)
        return
    output.table(columns, rows, title="records")
    behind = f", {found.behind:,} behind" if found.behind else ", which is all that is sealed"
    output.heading(f"as the first {found.position:,} entries of the log say{behind}")
    for gone in found.dropped:
        output.heading(f"not counted: {gone}")


async def _alerts(folder: Path, *, form: str | None) -> None:
    from wave_runner.core.notice import Alert
    from wave_runner.engine import open_engine
    from wave_runner.reports import alerts as reports

    async with open_engine(folder, name="wave report") as engine:
        found = await reports.alerts(engine.database)
    if form:
        forms.put(form, "wave.alerts.v1", {"rows": found}, Alert, found)
    elif found:
        output.table(("kind", "subject", "since", "message"), [asdict(one) for one in found])
    else:
        output.heading("no alerts")
