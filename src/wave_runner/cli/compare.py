"""`wave compare`: two runs, or two versions of a step, side by side."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import differences, experiments, output, spreadsheet
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.compare import Compared


@click.command()
@click.argument("runs", nargs=-1, metavar="[A B]", type=click.IntRange(min=1))
@click.option("--step", metavar="STEP", help="Only this step.")
@click.option("--versions", nargs=2, metavar="HASH HASH", help="Instead of two runs: two versions of --step.")
@experiments.workflow_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: a line for each field that differs.")
@click.option(
    "--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it there."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="So many pairs in the document.  [default: all]")
@project_option
@experiments.json_option
@click.pass_context
def compare(
    context: click.Context,
    runs: tuple[int, ...],
    step: str | None,
    versions: tuple[str, str] | None,
    workflow: str | None,
    as_csv: bool,
    file: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Compare runs A and B record by record, those that differ first; or two versions of a step.

    \b
    wave compare 4 7
    wave compare 4 7 --step score --csv --output differences.csv
    wave compare --step score --versions 3f9a12 77c0de

    Of a run counts what is in force; a trial, repeat or eval can be named as well. A version is the beginning of the
    hash of a prompt, script or schema, or of the step with all of that. Its newest result of each record counts,
    whether or not it was superseded since.
    """
    if bool(versions) == bool(runs) or len(runs) not in (0, 2):
        raise click.UsageError("name two runs, or --step STEP --versions HASH HASH")
    if versions and step is None:
        raise click.UsageError("--versions are those of a step: name it with --step STEP")
    if as_csv and as_json:
        raise click.UsageError("either --csv or --json")
    found = asyncio.run(_compared(project_dir(context), runs, step, versions or None, workflow))
    if as_csv:
        _put(differences.as_csv(found.pairs), file)
    elif as_json or file is not None:
        from wave_runner.reports.compare import document

        _put(output.document("wave.compare.v1", document(found, limit=limit)) + "\n", file)
    else:
        _show(found)


async def _compared(
    folder: Path, runs: tuple[int, ...], step: str | None, versions: tuple[str, str] | None, workflow: str | None
) -> Compared:
    from wave_runner.engine import open_engine
    from wave_runner.project.versions import only_workflow
    from wave_runner.reports import compare as report

    async with open_engine(folder, name="wave compare") as engine:
        if versions is None:
            return await report.runs(engine.database, *runs, step=step)
        assert step is not None, "it was asked for"
        named = only_workflow(engine.project(), workflow, step)
        return await report.versions(engine.database, named, step, *versions)


def _put(text: str, file: Path | None) -> None:
    if file is None:
        spreadsheet.put(text)
        return
    try:
        # As it is: the lines of CSV end as they must, whatever is usual here.
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise click.UsageError(f"--output: {file} cannot be written: {error.strerror or error}") from error
    output.heading(f"written: {file}")


def _show(found: Compared) -> None:
    rows = [experiments.took_row(found.a, found.a_took, None), experiments.took_row(found.b, found.b_took, None)]
    output.table(experiments.TOOK, rows, title="what it took")
    experiments.show_fields(found.fields)
    differences.show(found.pairs, a=found.a, b=found.b)
    agree = experiments.share(found.agreement) or "none"
    alone = f"{found.only_a} only {found.a} has, {found.only_b} only {found.b}, {found.neither} neither"
    output.heading(f"{found.equal} results are equal and {found.differs} differ: {agree} agree; {alone}")
