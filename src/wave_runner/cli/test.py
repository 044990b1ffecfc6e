"""`wave test`: the project's recorded cases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.cases import Case

PASSED, FAILED = 0, 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a case; `differences` is empty where it is as expected."""

    file: str
    line: int
    name: str
    ok: bool
    differences: list[str]


@click.command()
@click.argument("words", nargs=-1, metavar="[WORD]...")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def test(context: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """Do the project's recorded cases, tests/*.yaml, without a database and without a model.

    \b
    wave test
    wave test score --json

    With WORDs only the cases whose file or name holds one of them. A case gives a record, the outputs of earlier steps
    and the answer of a model; scripts really run. The exit code is 1 if something is not as a case expects.
    """
    results = asyncio.run(_judge(project_dir(context), words))
    failed = sum(not one.ok for one in results)
    if as_json:
        output.emit("wave.test.v1", {"total": len(results), "failed": failed, "rows": results})
    else:
        _show(results, failed)
    raise SystemExit(FAILED if failed else PASSED)


async def _judge(folder: Path, words: tuple[str, ...]) -> list[Result]:
    from wave_runner.engine import bench_of
    from wave_runner.errors import NotFoundError
    from wave_runner.project.case_file import read_cases
    from wave_runner.project.load import load_project
    from wave_runner.runner.cases import judge

    project = load_project(folder)
    cases = [case for case in read_cases(folder, project) if _is_meant(case, words)]
    if not cases:
        hint = "a case is written down in tests/NAME.yaml: docs/reference/cases.md"
        raise NotFoundError(f"no case{' has these words' if words else ''} in {folder / 'tests'}", hint=hint)
    results = []
    for case in cases:
        found = await judge(case, lambda workflow, params: bench_of(folder, project, workflow, params))
        results.append(Result(file=case.file, line=case.line, name=case.name, ok=not found, differences=found))
    return results


def _is_meant(case: Case, words: tuple[str, ...]) -> bool:
    return not words or any(word in case.file or word in case.name for word in words)


def _show(results: list[Result], failed: int) -> None:
    for one in results:
        output.heading(f"{'ok    ' if one.ok else 'FAILED'}  {one.file}:{one.line}  {one.name}")
        for said in one.differences:
            output.heading(f"          {said}")
    output.heading(f"{len(results)} cases, {failed} failed" if len(results) != 1 else f"1 case, {failed} failed")
