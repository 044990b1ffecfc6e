"""`wave status`: the dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.durations import Duration
from wave_runner.cli.log_places import Place
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.reports.dashboard import Dashboard
    from wave_runner.reports.errors import Errors
    from wave_runner.reports.incomplete import Incomplete
    from wave_runner.reports.limits import Limit
    from wave_runner.reports.overall import Overall, Run, Selected

TOP = 10
MOMENT = "%Y-%m-%d %H:%M:%S UTC"
CANARY = {
    None: "go through before the others begin",
    "passed": "have passed its gates",
    "failed": "have failed it: wave status --json, or the event canary_judged, has the figures",
}
"""What is said of a run's canary, by its verdict."""

now_option = click.option("--now", is_flag=True, help="Count a large run that is under way now, however long it takes.")


@click.command()
@project_option
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="N", help="The run.  [default: the newest]")
@click.option(
    "--stale-after",
    type=Duration(),
    metavar="DURATION",
    help="How long one try may run before it counts as stale, such as 90s or 2h.  [default: what its step has needed]",
)
@click.option(
    "--as-of", type=Place(), metavar="WHERE", help="How it stood at an index of the log, or was known at a time (UTC)."
)
@now_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(
    context: click.Context,
    run_id: int | None,
    stale_after: float | None,
    as_of: int | datetime | None,
    now: bool,
    as_json: bool,
) -> None:
    """Show how a run stands: the dashboard.

    \b
    wave status
    wave status --run 12 --json
    wave status --run 12 --now
    wave status --as-of 4711
    wave status --as-of 2026-11-01T06:30

    Progress, steps, the busiest actors, stale work, the last errors with their kinds, why records are incomplete and
    why staged rows were rejected: all read at one moment, so that the numbers add up. A record is completed when what
    its workflow ensures holds in its tables. A large run that is under way is counted from time to time: what is not of
    now then says of when it is. With --as-of it is read from the log: what the events up to there say, of steps and
    records that had begun, and of what had gone wrong; known at a time is what had been sealed by then.
    """
    if now and as_of is not None:
        raise click.UsageError("--now and --as-of exclude each other: how it stands now, or how it stood then")
    if as_of is None:
        asyncio.run(_status(project_dir(context), run_id, stale_after_s=stale_after, now=now, as_json=as_json))
    else:
        asyncio.run(_as_of(project_dir(context), run_id, as_of, as_json=as_json))


async def print_status(
    engine: Engine,
    run_id: int | None,
    *,
    stale_after_s: float | None = None,
    now: bool = False,
    as_json: bool = False,
) -> None:
    """Print a run's dashboard, the newest run's by default."""
    from wave_runner.reports.dashboard import dashboard, document

    report = await dashboard(engine.database, run_id, stale_after_s=stale_after_s, now=now)
    if as_json:
        output.emit("wave.status.v1", document(report))
    else:
        render_dashboard(report)


def render_dashboard(report: Dashboard) -> None:
    """Print the dashboard: tables on a terminal, else tab-separated columns under `# titles`."""
    _show_overall(report.overall, report.throughput.per_minute)
    if report.dropped is not None:
        output.heading(f"{report.dropped}; what is left of it are its counts and verdicts")
    for alert in report.alerts:
        output.heading(f"ALERT {alert.kind}: {alert.message}")
    if report.people:
        rows = [asdict(one) for one in report.people]
        output.table(("queue", "tasks", "claimed", "overdue", "oldest"), rows, title="waiting for people")
    if report.limits:
        _show_limits(report.limits, _as_counted(report, "those of records "))
    show_steps(report)
    show_actors(report)
    show_stale(report)
    show_errors(report)
    _show_incomplete(report.incomplete)
    if report.rejections:
        rows = [asdict(one) for one in report.rejections]
        output.table(("rule", "field", "staged_rows", "message"), rows, title="why staged rows were rejected")


def _show_limits(limits: Sequence[Limit], as_counted: str) -> None:
    """Print what is used of each limit; what calls have reserved only where some have."""
    amounts = ["used", "most", *(name for name in ("reserved", "unknown") if any(getattr(one, name) for one in limits))]
    rows = [{"limit": one.name} | {name: f"{getattr(one, name):g}" for name in amounts} for one in limits]
    output.table(("limit", *amounts), rows, title=f"limits{as_counted}")


async def _status(folder: Path, run_id: int | None, *, stale_after_s: float | None, now: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave status") as engine:
        await print_status(engine, run_id, stale_after_s=stale_after_s, now=now, as_json=as_json)


async def _as_of(folder: Path, run_id: int | None, where: int | datetime, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.as_of import as_of

    async with open_engine(folder, name="wave status") as engine:
        found = await as_of(engine.database, where, run_id)
    if as_json:
        output.emit("wave.status.as_of.v1", asdict(found))
        return
    output.heading(
        f"run {found.run_id}: {found.state}, as the first {found.index:,} entries of the log say, "
        f"sealed by {found.sealed_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    output.heading(f"records that had begun: {_listed(found.records)}")
    rows: list[output.Row] = [{"step": step, "begun": _listed(states)} for step, states in found.steps.items()]
    output.table(("step", "begun"), rows, title="steps")
    if found.errors:
        output.table(("n", "records", "step", "state", "reason"), [asdict(one) for one in found.errors], title="errors")


def _state(run: Run) -> str:
    """Return how a run stands, with why it failed or who has said so."""
    if run.cancelled_by:
        return f"{'being ' if run.ended_at is None else ''}cancelled by {run.cancelled_by}"
    if run.paused_by and run.state == "paused":
        return f"paused by {run.paused_by}"
    return f"{run.state} ({run.reason})" if run.reason else run.state


def _show_overall(overall: Overall, per_minute: float) -> None:
    run, records, staging = overall.run, overall.records, overall.staging
    took = f"{'after' if run.ended_at else 'for'} {output.duration(run.seconds * 1e6)}"
    output.heading(f"{run.kind} {run.run_id} of {run.workflow}: {_state(run)} {took}")
    if run.canary:
        output.heading(f"canary: the first {run.canary} records {CANARY[run.canary_verdict]}")
    for broken in run.broken:
        output.heading(f"the run is not as ensured: {broken}")
    loads = f"{overall.model_loads} ({output.duration(overall.model_load_us)})" if overall.model_loads else "0"
    if overall.selected and overall.selected.error:
        output.heading(f"nothing could be selected: {overall.selected.error}")
    then = f", as of {overall.counted_at:%H:%M:%S} UTC" if overall.counted_at else ""
    rows: list[output.Row] = [
        _selected(overall.selected)
        if overall.selected
        else {"what": f"staged rows{then}", "total": staging.total, "of these": _listed(asdict(staging))},
        {"what": f"records{then}", "total": records.total, "of these": _listed(asdict(records))},
        {
            "what": "interactions",
            "total": overall.interactions.total,
            "of these": _listed(overall.interactions.by_state) + f", {per_minute:g} a minute{then}",
        },
        {"what": "model loads", "total": loads, "of these": ""},
        {"what": f"model calls{then}", "total": overall.model_calls, "of these": ""},
    ]
    output.table(("what", "total", "of these"), rows, title="overall")
    if overall.counted_at:
        ago = output.duration((overall.as_of - overall.counted_at).total_seconds() * 1e6)
        output.heading(f"as of {overall.counted_at:{MOMENT}}: counted {ago} ago; wave status --now counts it now")
    if overall.from_cache.answers:
        output.heading(_from_cache(overall) + then)


def _from_cache(overall: Overall) -> str:
    """Say how much of the models' work was done before."""
    saved = overall.from_cache
    answers, calls = (f"{saved.answers} {word}{'' if saved.answers == 1 else 's'}" for word in ("answer", "model call"))
    took = output.duration(saved.service_us)
    return f"{answers} from the cache: saved {calls}, {saved.tokens} tokens, {took}; {overall.model_calls} made"


def _selected(selected: Selected) -> output.Row:
    counts = {
        "begun": selected.begun,
        "again": selected.again,
        "unchanged": selected.unchanged,
        "left incomplete": selected.left_incomplete,
        "under way": selected.under_way,
        "vanished": selected.vanished,
        "erased": selected.erased,
    }
    return {"what": "selected rows", "total": selected.total, "of these": _listed(counts)}


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items() if name != "total" and n) or "none"


def _as_counted(report: Dashboard, what: str = "") -> str:
    """Say of when something is that is not of now."""
    return as_of_moment(report.overall.counted_at, what)


def as_of_moment(at: datetime | None, what: str = "") -> str:
    """Say of when something is that was counted before."""
    return f", {what}as of {at:{MOMENT}}" if at else ""


def show_steps(report: Dashboard) -> None:
    """Print how far each step is."""
    rows = [
        {
            "step": step.step,
            "actor": step.actor,
            "finished": f"{step.finished} of {step.total}",
            "states": _listed(step.states),
            "success": output.percent(step.success_percent),
            "retries": step.retries,
            "average": output.duration(step.average_us),
            "median": output.duration(step.median_us),
        }
        for step in report.steps
    ]
    columns = ("step", "actor", "finished", "states", "success", "retries", "average", "median")
    output.table(columns, rows, title=f"steps{_as_counted(report, 'retries and times ')}")


def show_actors(report: Dashboard) -> None:
    """Print the busiest actors."""
    rows = [
        {
            "actor": one.actor,
            "state": one.state,
            "executions": one.executions,
            "success": output.percent(one.success_percent),
            "shortest": output.duration(one.min_us),
            "average": output.duration(one.average_us),
            "longest": output.duration(one.max_us),
        }
        for one in report.actors[:TOP]
    ]
    columns = ("actor", "state", "executions", "success", "shortest", "average", "longest")
    output.table(columns, rows, title=f"actors by volume{_as_counted(report)}")


def show_stale(report: Dashboard) -> None:
    """Print what nobody seems to do."""
    stale = report.stale
    if not stale.total:
        output.heading("stale: none")
        return
    rows = [
        {**asdict(one), "running": _seconds(one.running_s), "threshold": _seconds(one.threshold_s)}
        for one in stale.oldest
    ]
    title = f"stale: {stale.total}, the oldest {len(rows)}" if stale.total > len(rows) else f"stale: {stale.total}"
    columns = ("key", "step", "actor", "state", "reason", "running", "threshold", "wave_id", "host", "pid")
    output.table(columns, rows, title=title)


def _seconds(seconds: float | None) -> str:
    return output.duration(None if seconds is None else seconds * 1e6)


def show_throughput(report: Dashboard) -> None:
    """Print how many interactions have ended lately, minute by minute."""
    rows = [asdict(one) for one in report.throughput.buckets]
    title = f"{report.throughput.per_minute:g} a minute{_as_counted(report)}"
    output.table(("at", "finished", "completed"), rows, title=title)


def show_errors(report: Dashboard) -> None:
    """Print what went wrong, by kind, and the last of it."""
    errors = report.errors
    if not errors.patterns:
        output.heading("errors: none")
        return
    patterns = [asdict(one) for one in errors.patterns]
    kinds = ("n", "records", "step", "actor", "state", "error_class", "rule", "retries", "newest")
    then = as_of_moment(errors.counted_at)
    output.table(kinds, patterns, title=f"errors by kind{then}")
    recent = [asdict(one) for one in errors.recent]
    single = ("finished_at", "key", "step", "state", "attempt", "error_class", "rule", "error")
    output.table(single, recent, title=f"the last {len(recent)} errors{then}")
    _show_tracebacks(errors)


def _show_tracebacks(errors: Errors) -> None:
    """Print what scripts raised: of the failures that say the same, the newest."""
    newest = {(one.step, one.error): one for one in reversed(errors.recent) if one.traceback}
    for one in newest.values():
        output.traceback(one.actor, one.attempt, one.traceback or "", key=one.key)


def _show_incomplete(incomplete: Incomplete) -> None:
    if not incomplete.total:
        return
    rows = [asdict(one) for one in incomplete.reasons]
    beyond = f", the first {len(rows)} of {incomplete.total} reasons" if incomplete.total > len(rows) else ""
    output.table(("reason", "records", "example"), rows, title=f"why records are incomplete{beyond}")
