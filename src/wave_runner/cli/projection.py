"""`wave projection`: what is folded from the log, and whether it is what the log says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.engine import Engine
    from wave_runner.runner.fold_check import Interactions
    from wave_runner.runner.projection_keeper import Comparison
    from wave_runner.store.projections import Copy

TABLES = ("record_states",)
VERIFIED = (*TABLES, "interactions")
UNWELL = 1


@click.group()
def projection() -> None:
    """Show what is folded from the log of events, prove that it is what the log says, or fold it anew.

    \b
    wave projection status
    wave projection verify
    """


@projection.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> int:
    """Say how far each projection is folded, and what keeps it from going on, changing nothing.

    \b
    wave projection status
    wave projection status --json

    Ends with exit code 1 where one is stuck, or was not what the log says when it was verified last.
    """
    copies = asyncio.run(_copies(project_dir(context)))
    if as_json:
        output.emit("wave.projection.status.v1", {"projections": [_document(copy) for copy in copies]})
    elif not copies:
        output.heading("nothing is folded yet: a runner does that")
    else:
        _show(copies)
    return UNWELL if any(copy.stuck_because or copy.diverged_since for copy in copies) else 0


@projection.command()
@click.argument("name", type=click.Choice(VERIFIED), required=False)
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def verify(context: click.Context, name: str | None, as_json: bool) -> int:
    """Fold a projection anew from the first event on, beside what is read, and compare the two to the bit.

    \b
    wave projection verify
    wave projection verify record_states
    wave projection verify interactions --json

    Without NAME all of them. `interactions` is no projection, since it is written with its events: it is compared with
    the fold of all events there are, those that are not sealed yet among them. The result stands in the log. Ends with
    exit code 1 where something is not what the log says; the first rows are named.
    """
    compared, interactions = asyncio.run(_verify(project_dir(context), name))
    if as_json:
        output.emit("wave.projection.verify.v1", {"projections": compared, "interactions": interactions})
    else:
        for one in compared:
            _show_comparison(one)
        if interactions is not None:
            _show_interactions(interactions)
    is_wrong = any(one.is_same is False for one in compared) or (interactions is not None and interactions.wrong > 0)
    return UNWELL if is_wrong else 0


@projection.command()
@click.argument("name", type=click.Choice(TABLES))
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def rebuild(context: click.Context, name: str, as_json: bool) -> None:
    """Fold a projection anew beside what is read, and let it be read from then on.

    \b
    wave projection rebuild record_states
    wave projection rebuild record_states --json

    Readers see the old one or the new one, whole, at every moment. The two are compared first: where they differ, what
    was folded anew is right, and the first rows are named. If it is killed, the next one goes on where it was.
    """
    compared = asyncio.run(_rebuild(project_dir(context), name))
    if as_json:
        output.emit("wave.projection.rebuild.v1", {"projection": compared})
    else:
        _show_comparison(compared)
        output.heading(f"{name}: what was folded anew is what is read")


@projection.command()
@click.argument("name", type=click.Choice(TABLES))
@click.argument("index", type=click.IntRange(min=0))
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def skip(context: click.Context, name: str, index: int, as_json: bool) -> None:
    """Let a projection leave out the event at INDEX of the log that keeps it from going on.

    \b
    wave projection skip record_states 4711
    wave projection skip record_states 4711 --json

    It is left out from then on whenever the projection is folded, now and anew. The log says who wanted that.
    """
    asyncio.run(_skip(project_dir(context), name, index))
    if as_json:
        output.emit("wave.projection.skip.v1", {"projection": name, "index": index})
    else:
        output.heading(f"{name} leaves out entry {index} of the log")


def _document(copy: Copy) -> dict[str, object]:
    return {
        "name": copy.name,
        "version": copy.version,
        "code_sha256": copy.code_sha256.hex(),
        "state": _state(copy),
        "position": copy.position,
        "behind": copy.behind,
        "advanced_at": copy.advanced_at,
        "stuck_because": copy.stuck_because or None,
        "verified_position": copy.verified_position,
        "verified_at": copy.verified_at,
        "digest": copy.digest.hex() if copy.digest else None,
        "diverged_since": copy.diverged_since,
    }


def _state(copy: Copy) -> str:
    return "stuck" if copy.stuck_because else copy.state


def _show(copies: list[Copy]) -> None:
    rows: list[output.Row] = [
        {
            "projection": copy.name,
            "version": copy.version,
            "state": _state(copy),
            "position": copy.position,
            "behind": copy.behind,
            "verified at": copy.verified_position,
            "digest": copy.digest.hex()[:16] if copy.digest else "",
        }
        for copy in copies
    ]
    output.table(("projection", "version", "state", "position", "behind", "verified at", "digest"), rows)
    for copy in copies:
        if copy.stuck_because:
            output.heading(f"{copy.name} is stuck: {copy.stuck_because}")
            output.heading(f"  do: wave audit verify; then wave projection skip {copy.name} {copy.position}")
        if copy.diverged_since:
            output.heading(f"{copy.name} is not what the log says: wave projection rebuild {copy.name}")


def _show_comparison(one: Comparison) -> None:
    same = {True: "the same, to the bit", False: "NOT the same", None: "of another fold, and not comparable"}
    output.heading(
        f"{one.name}: {one.rows:,} rows of the first {one.position:,} entries of the log, folded anew: "
        f"{same[one.is_same]}; digest {one.digest}"
    )
    for row in one.differences:
        output.heading(f"run {row.run_id}, {row.flow}: it stands as {row.stands or 'nothing'}")
        output.heading(f"  the log says {row.folded or 'nothing of it'}")


def _show_interactions(found: Interactions) -> None:
    verdict = f"{found.wrong:,} are NOT what their events say" if found.wrong else "each is what its events say"
    output.heading(
        f"interactions: {found.interactions:,}, with the first {found.position:,} entries of the log and "
        f"{found.unsealed:,} events that are not sealed yet: {verdict}"
    )
    for text in found.first:
        output.heading(text)


async def _copies(folder: Path) -> list[Copy]:
    from wave_runner.engine import open_engine
    from wave_runner.store import projections

    async with open_engine(folder, name="wave projection") as engine:
        return await projections.copies(engine.database)


async def _verify(folder: Path, name: str | None) -> tuple[list[Comparison], Interactions | None]:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave projection") as engine:
        compared = [await engine.projection_keeper(one).verify() for one in TABLES if name in (None, one)]
        checked = await _interactions(engine) if name in (None, "interactions") else None
    return compared, checked


async def _interactions(engine: Engine) -> Interactions:
    from wave_runner.engine import whoami
    from wave_runner.runner.fold_check import verify_interactions

    return await verify_interactions(engine.database, by=whoami())


async def _rebuild(folder: Path, name: str) -> Comparison:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave projection") as engine:
        return await engine.projection_keeper(name).rebuild()


async def _skip(folder: Path, name: str, index: int) -> None:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave projection") as engine:
        await engine.projection_keeper(name).skip(index)
