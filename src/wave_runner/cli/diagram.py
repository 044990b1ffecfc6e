"""`wave diagram`: a workflow as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from wave_runner.cli.main import project_dir, project_option
from wave_runner.errors import NotFoundError

FORMATS = ("mermaid", "svg")


@click.command()
@click.argument("workflow")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="What to write.  [default: by the name of --out, else mermaid]"
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@project_option
@click.pass_context
def diagram(context: click.Context, workflow: str, form: str | None, out: Path | None) -> None:
    """Draw WORKFLOW: its steps, who does them, and every way between them.

    \b
    wave diagram job_postings
    wave diagram job_postings --out job_postings.svg

    Mermaid is text that many pages render; the SVG stands by itself. Solid lines are ways, dotted ones lead back in a
    loop, dashed ones are taken when a step breaks. Models are hexagons, scripts boxes, queries green boxes, steps that
    only decide are diamonds; a double frame is done once per run.
    """
    from wave_runner.core.nearest import did_you_mean
    from wave_runner.project.load import load_project
    from wave_runner.reports.diagram import mermaid, svg

    project = load_project(project_dir(context))
    if workflow not in project.workflows:
        raise NotFoundError(f"no workflow {workflow}", hint=did_you_mean(workflow, project.workflows))
    chosen = form or ("svg" if out is not None and out.suffix == ".svg" else "mermaid")
    text = (svg if chosen == "svg" else mermaid)(project.workflows[workflow])
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
