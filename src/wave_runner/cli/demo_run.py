"""The demo's way: a project, a run, its dashboard, one posting's chain, and the checks that decide the exit code."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from wave_runner.cli import demo_models, driving, log_lines, status, trace
from wave_runner.engine import Engine, open_engine
from wave_runner.errors import NotFoundError
from wave_runner.project.init import init_project
from wave_runner.reports.dashboard import Dashboard, dashboard
from wave_runner.reports.trace import Trace
from wave_runner.reports.trace import trace as trace_record
from wave_runner.servers.router import count_loads
from wave_runner.store import embedded
from wave_runner.store.events import refuses_change
from wave_runner.store.reports import a_record, count_again

WORKFLOW = "job_postings"
BROKEN = "wave-runner-broken-"  # marks the rows of the sample that the validator has to reject


@dataclass(frozen=True, kw_only=True)
class Check:
    """One claim of the demo, and what was seen."""

    claim: str
    holds: bool
    seen: str


async def demonstrate(keep: Path | None, *, records: int) -> int:
    """Run the demo. Returns 0 only if every check holds."""
    log_lines.log_to_stderr(verbose=False)
    _leave_in_order()
    with project_folder(keep) as folder:
        models = _prepare(folder)
        began = time.monotonic()
        async with open_engine(folder, name="wave demo") as engine:
            run_id = await _run(engine, rows_for(records, folder / "data" / "sample.jsonl"))
            report = await dashboard(engine.database, run_id)
            traced = await _trace_one(engine, run_id)
            _section("What is true now")
            status.render_dashboard(report)
            _section("One posting, event by event")
            trace.render_steps(traced)
            trace.render_chain(traced)
            _section("Waves")
            _tell_waves(report, models)
            checks = await _checks(engine, run_id, report, traced, models)
        _section("Checks")
        _show(checks)
        _tell_next(folder if keep else None, traced.flow.key, time.monotonic() - began)
        return 0 if all(check.holds for check in checks) else 1


def _leave_in_order() -> None:
    """Have a signal that would end the process at once unwind it instead, so that the temporary project goes, too."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has it ignored, and so it stays
            signal.signal(number, leave)


@contextmanager
def project_folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder the demo works in; without `keep` it and its database are removed at the end."""
    if keep is not None:
        init_project(keep, WORKFLOW)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="wave-demo-")).resolve()
    try:
        init_project(folder / WORKFLOW, WORKFLOW)
        yield folder / WORKFLOW
    finally:
        embedded.remove(folder / WORKFLOW / ".wave")
        shutil.rmtree(folder)


def _prepare(folder: Path) -> demo_models.Models:
    click.echo("Wave Runner demo: real New York City job postings through scripts and models, in waves.\n")
    models = demo_models.choose(folder, os.environ, notice=lambda text: click.echo(_indented(text)))
    (folder / "wave.toml").write_text(models.toml, encoding="utf-8")
    click.echo(f"models:   {models.said}")
    return models


def rows_for(postings: int, sample: Path) -> int:
    """Return how many rows of the sample to fetch so that so many good postings are among them, or all there are."""
    good = rows = 0
    with sample.open(encoding="utf-8") as lines:
        for line in lines:
            if good == postings:
                break
            rows += 1
            good += BROKEN not in line
    return rows


async def _run(engine: Engine, rows: int) -> int:
    ours = engine.settings.database_url is None
    click.echo(f"database: PostgreSQL, {'the one that comes along, in .wave/' if ours else 'the one you named'}")
    run_id = await engine.new_runs().start(WORKFLOW, {"source": "sample"}, limit=rows)
    click.echo(f"run {run_id}: fetch {rows} rows, validate, then summarise, skills and score for each good posting\n")
    async with driving.working(engine) as runner:
        code = await driving.until_ended(engine, runner, run_id)
    if code == driving.INTERRUPTED:
        raise SystemExit(code)
    return run_id


async def _trace_one(engine: Engine, run_id: int) -> Trace:
    key = await a_record(engine.database, run_id)
    if key is None:
        raise NotFoundError(f"no posting of run {run_id} has a verdict", hint="wave status says what happened")
    return await trace_record(engine.database, key, collections=["postings"], run_id=run_id)


async def _checks(
    engine: Engine, run_id: int, report: Dashboard, traced: Trace, models: demo_models.Models
) -> list[Check]:
    overall = report.overall
    staging, records = overall.staging, overall.records
    counted = await count_again(engine.database, run_id)
    checks = [
        Check(
            claim="the run ended, and every posting has what the workflow ensures",
            holds=overall.run.state == "completed" and records.completed == records.total,
            seen=f"{overall.run.state}, {records.completed} of {records.total} postings completed",
        ),
        Check(
            claim="every staged row was promoted or rejected with a reason",
            holds=staging.total == staging.promoted + staging.rejected
            and bool(staging.rejected) == bool(report.rejections),
            seen=f"{staging.total} = {staging.promoted} promoted + {staging.rejected} rejected",
        ),
        Check(
            claim="live counts equal what SQL counts",
            holds=dict(overall.interactions.by_state) == counted,
            seen=f"{counted}",
        ),
        Check(
            claim="one posting's events are one unbroken chain",
            holds=not traced.breaks,
            seen=f"{sum(event.own for event in traced.events)} events, {len(traced.breaks)} breaks",
        ),
        Check(
            claim="the event log refuses to be changed",
            holds=await refuses_change(engine.database, run_id),
            seen="an UPDATE of an event was tried",
        ),
    ]
    if models.files:
        loads = count_loads(engine.state_dir / "servers" / "local" / "llama-server.log")
        checks.append(
            Check(
                claim=f"each of the {models.files} weight files was loaded once, by the model server's own log",
                holds=loads == models.files == overall.model_loads,
                seen=f"{loads} loads",
            )
        )
    return checks


def _tell_waves(report: Dashboard, models: demo_models.Models) -> None:
    calls = report.overall.model_calls
    click.echo(f"model calls      {calls}, for {report.overall.records.total} postings")
    click.echo(f"model loads      {report.overall.model_loads}  (record by record it would have been up to {calls})")
    click.echo(f"loading took     {report.overall.model_load_us / 1e6:.1f} s")
    for label, kind in (("with a model", "ai_model"), ("without a model", "script")):
        steps = [step for step in report.steps if step.kind == kind and step.finished]
        total = sum(step.finished for step in steps)
        mean_us = sum((step.average_us or 0) * step.finished for step in steps) / total if total else 0
        click.echo(f"a step {label:<16} {mean_us / 1000:,.1f} ms on average, {total} done")
    if models.files:
        click.echo(
            "\nThe shipped model has 270 million parameters. It shows the machinery on real text: its summaries are\n"
            "mostly right, its verdicts are not worth anything. Name a better one in wave.toml ([models.judge]),\n"
            "or set WAVE_MODEL_URL and WAVE_MODEL_NAME to any OpenAI-compatible server and run the demo again."
        )


def _show(checks: list[Check]) -> None:
    for check in checks:
        click.echo(f"{' ok ' if check.holds else 'FAIL'}  {check.claim}: {check.seen}")


def _tell_next(kept: Path | None, key: str, seconds: float) -> None:
    _section("Next")
    click.echo(f"The job took {seconds:.0f} s.")
    if kept is None:
        click.echo("  wave demo --keep my-postings             the same, and the project stays to play with")
        click.echo("  wave init my-project --template blank    a minimal project of your own")
        click.echo("  wave --help                              every command")
        return
    click.echo(f"  cd {shlex.quote(str(kept))}")
    click.echo("  wave status                              the dashboard, at any time")
    click.echo(f"  wave trace {shlex.quote(key):<29} one posting's way through the run")
    click.echo("  wave run job_postings --source sample    all of the sample: what is there already is rejected")


def _section(title: str) -> None:
    click.echo(f"\n── {title} " + "─" * max(3, 76 - len(title)))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
