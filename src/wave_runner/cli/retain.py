"""`wave audit retain`: what is older than the project keeps it goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from wave_runner.cli import output
from wave_runner.cli.erase import as_option, json_option
from wave_runner.cli.main import project_dir, project_option


@click.command()
@project_option
@click.option("--yes", is_flag=True, help="Do it. Without this the command only says what it would do.")
@as_option
@json_option
@click.pass_context
def retain(context: click.Context, yes: bool, person: str | None, as_json: bool) -> None:
    """Erase contents that are older than [retention] of wave.toml says, by class, counted from the end of their run.

    \b
    wave audit retain
    wave audit retain --yes --as maria

    Events stay, and name what is gone: wave audit verify holds. Nothing goes of a record with a legal hold, or of a run
    that has not ended.
    """
    old, erased = asyncio.run(_retain(project_dir(context), yes, person))
    if as_json:
        output.emit("wave.audit.retain.v1", {"old": old, "erased": erased})
        return
    output.table(("class", "n"), [{"class": name, "n": n} for name, n in sorted(old.items())], title="old enough")
    if erased is None:
        output.heading("nothing is erased yet: wave audit retain --yes")
    else:
        output.heading(f"erased: {', '.join(f'{n} {name}' for name, n in erased.items()) or 'nothing'}")


async def _retain(folder: Path, yes: bool, person: str | None) -> tuple[dict[str, int], dict[str, int] | None]:
    from wave_runner.engine import open_engine, whoami

    async with open_engine(folder, name="wave audit") as engine:
        retaining = engine.retaining(person or whoami())
        old = await retaining.preview()
        erased = await retaining.apply() if yes else None
        if yes:
            await engine.seal()
    return old, erased
