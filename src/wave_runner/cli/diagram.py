"""`wave diagram`: a workflow as a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli.main import project_dir, project_option
from wave_runner.errors import NotFoundError

if TYPE_CHECKING:
    from wave_runner.core.workflow import Workflow

FORMATS = ("mermaid", "svg")


@click.command()
@click.argument("workflow", required=False)
@click.option("--run", "run_id", type=click.IntRange(min=1), metavar="RUN", help="As this run has pinned it.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="What to write.  [default: by the name of --out, else mermaid]"
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: where everything stands.")
@click.pass_context
def diagram(
    context: click.Context, workflow: str | None, run_id: int | None, form: str | None, out: Path | None, as_json: bool
) -> None:
    """Draw WORKFLOW: its steps, who does them, and every way between them.

    \b
    wave diagram job_postings
    wave diagram job_postings --out job_postings.svg
    wave diagram --run 12

    Mermaid is text that many pages render; the SVG stands by itself. Solid lines are ways, dotted ones lead back in a
    loop, dashed ones are taken when a step breaks. Models are hexagons, scripts boxes, queries green boxes, steps that
    only decide are diamonds; a double frame is done once per run.
    """
    from wave_runner.reports.diagram import mermaid, svg

    if (workflow is None) is (run_id is None):
        raise click.UsageError("name a workflow, or a run: --run RUN")
    if as_json and (form or out):
        raise click.UsageError("either --json, or --format and --out")
    folder = project_dir(context)
    drawn = _in_folder(folder, workflow) if workflow is not None else asyncio.run(_of_run(folder, run_id))
    if as_json:
        _emit(drawn)
        return
    chosen = form or ("svg" if out is not None and out.suffix == ".svg" else "mermaid")
    text = (svg if chosen == "svg" else mermaid)(drawn)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error


def _in_folder(folder: Path, name: str) -> Workflow:
    from wave_runner.core.nearest import did_you_mean
    from wave_runner.project.load import load_project

    project = load_project(folder)
    if name not in project.workflows:
        raise NotFoundError(f"no workflow {name}", hint=did_you_mean(name, project.workflows))
    return project.workflows[name]


async def _of_run(folder: Path, run_id: int | None) -> Workflow:
    from wave_runner.engine import open_engine
    from wave_runner.reports.run_diagram import workflow_of

    async with open_engine(folder, name="wave diagram") as engine:
        return await workflow_of(engine.database, run_id)


def _emit(drawn: Workflow) -> None:
    from wave_runner.cli import output
    from wave_runner.reports.drawing import draw

    output.emit("wave.diagram.v1", vars(draw(drawn)))
