"""`wave init`: a new project from a template."""

from __future__ import annotations

from pathlib import Path

import click

from wave_runner.cli import output


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--template",
    default="job_postings",
    show_default=True,
    metavar="NAME",
    help="job_postings, service_requests or blank.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def init(folder: Path, template: str, as_json: bool) -> None:
    """Make DIR a project from a template.

    \b
    wave init postings
    wave init words --template blank

    DIR must be new or empty: nothing is ever overwritten, and no database is touched.
    """
    from wave_runner.project.init import init_project
    from wave_runner.project.load import load_project

    init_project(folder, template)
    workflows = sorted(load_project(folder).workflows)
    if as_json:
        output.emit("wave.init.v1", {"project": str(folder), "template": template, "workflows": workflows})
        return
    output.heading(f"made {folder} from the template {template}; next:")
    for line in (f"cd {folder}", "wave check", *(f"wave run {name}" for name in workflows)):
        output.heading(f"  {line}")
