"""`wave step`: one step on one record, with nothing saved."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.workflow import END

if TYPE_CHECKING:
    from wave_runner.runner.unsaved import Tried

COMPLETED, BROKEN = 0, 1


@click.command()
@click.argument("step")
@click.option("--record", "key", required=True, metavar="KEY", help="The record, by its key.")
@click.option("--workflow", metavar="NAME", help="The workflow.  [default: the project's only one]")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the workflow; may be repeated.")
@click.option("--given", type=click.File("rb"), metavar="FILE", help="Outputs of earlier steps, as {STEP: OUTPUT}.")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def step(
    context: click.Context,
    step: str,
    key: str,
    workflow: str | None,
    params: tuple[str, ...],
    given: Any,
    as_json: bool,
) -> None:
    """Do STEP on one record, print what came of it, and save nothing.

    \b
    wave step summarise --record 4711
    wave step score --record 4711 --param source=x --json

    The step is taken as the folder has it now, approved or not, with its real model, script or query. What it reads of
    earlier steps is what the newest run of the record has, or what --given says. No run, no event and no value is
    written. The exit code is 0 if the step would have completed.
    """
    from wave_runner.cli.driving import read_params

    outputs = _outputs(given)
    tried = asyncio.run(_do(project_dir(context), workflow, step, key, read_params(params, None), outputs))
    if as_json:
        output.emit("wave.step.v1", document(step, key, tried))
    else:
        show(step, key, tried)
    raise SystemExit(COMPLETED if tried.state in ("completed", "waiting") else BROKEN)


async def _do(
    folder: Path, workflow: str | None, step: str, key: str, params: dict[str, str], given: dict[str, Any]
) -> Tried:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave step") as engine:
        found = workflow or _only(sorted(engine.project().workflows))
        return await engine.single(found, params).do(step, key, given=given)


def _only(workflows: list[str]) -> str:
    if len(workflows) != 1:
        raise click.UsageError(f"the project has {len(workflows)} workflows: say --workflow {'|'.join(workflows)}")
    return workflows[0]


def _outputs(file: Any) -> dict[str, Any]:
    from wave_runner.core.canonical import JsonError, parse_json

    if file is None:
        return {}
    try:
        given = parse_json(file.read())
    except JsonError as error:
        raise click.BadParameter(f"the file {error}", param_hint="--given") from error
    if not isinstance(given, dict):
        raise click.BadParameter("it is an object, {STEP: OUTPUT}", param_hint="--given")
    return given


def document(step: str, key: str, tried: Tried) -> dict[str, Any]:
    """Return the result as `wave.step.v1` has it; evidence as text."""
    named = {name: value for name, value in asdict(tried).items() if name not in ("evidence", "ways")}
    evidence = {one.role: one.content.decode(errors="replace") for one in tried.evidence}
    return {"step": step, "record": key, **named, "to": list(tried.ways), "evidence": evidence}


def show(step: str, key: str, tried: Tried) -> None:
    """Print the result for people."""
    output.heading(f"{step} on {key}: {tried.state}{'' if tried.called else ', no call was made'}")
    if tried.rule or tried.error_class:
        output.heading(f"{tried.rule or tried.error_class}: {tried.error}")
    _part("prompt", tried.prompt)
    if not tried.prompt and tried.input is not None:
        _part("input", _text(tried.input))
    if tried.state != "completed":
        for one in tried.evidence:
            if one.role != "request":
                _part(one.role, one.content.decode(errors="replace"))
    if tried.output is not None:
        _part("output" if tried.state == "completed" else "output, which was not accepted", _text(tried.output))
    for write in tried.writes:
        _part(f"would write {write.table}", _text({k: v for k, v in asdict(write).items() if k != "table"}))
    for effect in tried.effects:
        _part("would execute", f"{effect.statement}\n{_text(list(effect.parameters))}")
    if tried.state == "completed":
        output.heading(_where(tried))
    if tried.usage.service_us:
        tokens = f", {tried.usage.tokens_in} + {tried.usage.tokens_out} tokens" if tried.usage.tokens_out else ""
        output.heading(f"took {output.duration(tried.usage.service_us)}{tokens}; nothing was saved")
    else:
        output.heading("nothing was saved")


def _where(tried: Tried) -> str:
    ways = [way for way in tried.ways if way != END]
    return f"would go on to {', '.join(ways)} ({tried.route})" if ways else "would end there"


def _part(title: str, text: str) -> None:
    if text:
        output.heading(f"{title}:")
        output.block("\n".join(f"  {line}" for line in text.splitlines()))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
