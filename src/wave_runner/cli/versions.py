"""What `wave trial` and `wave shadow` share: two versions of a step side by side, and the new one adopted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import differences, experiments, output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.experiment import RunKind
    from wave_runner.engine import Engine
    from wave_runner.reports.experiments import Trial
    from wave_runner.runner.experimenting import Adoption

ADOPT = """\
Put what {kind} N has tried in the place of what the folder has, and approve it.{when}

\b
wave {kind} adopt 12
wave {kind} adopt 12 --reason "fewer false alarms" --yes

The file is written into the project's folder. Every result that the old version made is stale then: wave stale
lists them, wave rerun --stale redoes them.
"""


async def report(engine: Engine, number: int, *, kind: RunKind, as_json: bool) -> None:
    """Print what came of a trial, or of a shadow, so far."""
    from wave_runner.reports.experiments import trial

    found = await trial(engine.database, number, kind)
    if as_json:
        output.emit(f"wave.{kind}.v1", vars(found))
    else:
        _show(found)


def _show(found: Trial) -> None:
    kind = str(found.experiment.kind)
    experiments.head(found.experiment)
    rows = [
        experiments.took_row("in force", found.a, found.experiment.currency),
        experiments.took_row(kind, found.b, found.experiment.currency),
    ]
    output.table(experiments.TOOK, rows, title="what it took")
    experiments.show_fields(found.fields)
    differences.show(found.pairs, a="in force", b=kind)
    if found.overtaken:
        output.heading(f"not compared: {found.overtaken} results of the run that count no more")
    if found.writes:
        output.heading(f"not compared, and not written: {', '.join(found.writes)}")
    agree = experiments.share(found.agreement)
    alone = f"{found.only_a} have only the old result, {found.only_b} only the new, {found.neither} neither"
    output.heading(f"{found.equal} results are equal and {found.differs} differ: {agree} agree; {alone}")


def add_adopt(group: click.Group, kind: RunKind, *, when: str = "") -> None:
    """Give the commands of a kind of experiment `adopt`: the version that was tried in the place of the folder's."""

    @group.command(help=ADOPT.format(kind=kind, when=when))
    @experiments.number_argument
    @click.option("--reason", metavar="TEXT", default="", help="Why: it is kept with what was tried.")
    @project_option
    @experiments.json_option
    @click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
    @click.pass_context
    def adopt(context: click.Context, number: int, reason: str, as_json: bool, yes: bool) -> None:
        if yes and not reason:
            raise click.UsageError(f"say why, with --reason TEXT: it is kept with the {kind}")
        asyncio.run(_adopt(project_dir(context), kind, number, reason=reason, yes=yes, as_json=as_json))


async def _adopt(folder: Path, kind: RunKind, number: int, *, reason: str, yes: bool, as_json: bool) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name=f"wave {kind} adopt") as engine:
        experimenting = engine.experimenting()
        if yes:
            done = await experimenting.adopt(kind, number, reason=reason)
        else:
            done = await experimenting.adoption(kind, number)
    if as_json:
        plain = {"files": done.files, "steps": done.steps, "actors": done.actors}
        output.emit(f"wave.{kind}_adopt.v1", {str(kind): number, "adopted": yes, **plain})
    else:
        _show_adoption(done, adopted=yes)


def _show_adoption(done: Adoption, *, adopted: bool) -> None:
    kind, number, workflow = done.experiment.kind, done.experiment.run_id, done.experiment.workflow
    said = "" if adopted else "would be "
    output.heading(f"{said}written: {', '.join(done.files)}")
    output.heading(f"{said}another version: {', '.join(done.steps)}; {said}approved: {', '.join(done.actors)}")
    if adopted:
        output.heading(f"{kind} {number} is adopted; what is stale now: wave stale {workflow}")
        output.heading(f"to redo it: wave rerun --workflow {workflow} --stale")
    else:
        output.heading(f"nothing is done yet: wave {kind} adopt {number} --reason TEXT --yes")
