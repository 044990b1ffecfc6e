"""The commands of `wave audit` that are about the sealed log itself: how it stands, its epochs and its key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.log import LogStatus

STOPPED = 1


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> int:
    """Say how far the log is sealed and signed, and by which key others check it, changing nothing.

    \b
    wave audit status
    wave audit status --json

    Ends with exit code 1 where the log is stopped. ROLLED_BACK: the database has fewer entries than a checkpoint
    outside it says; FORKED: it has other ones. The work goes on all the same.
    """
    found = asyncio.run(_status(project_dir(context)))
    if as_json:
        output.emit("wave.audit.status.v1", {"log": found})
    elif found is None:
        output.heading("nothing is sealed yet: a runner does that")
    else:
        _show(found)
    return STOPPED if found is not None and found.stopped else 0


@click.command(name="new-epoch")
@project_option
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in the log for ever.")
@click.option("--approve", required=True, metavar="NAME", help="Who agrees: somebody else than you.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def new_epoch(context: click.Context, reason: str, approve: str, as_json: bool) -> None:
    """Go on with the log under a new name, after a restore or when its key is lost.

    \b
    wave audit new-epoch --reason "restored the backup of Monday" --approve maria
    wave audit new-epoch --reason "the key was lost" --approve maria --json

    The log keeps who wanted it, who agreed, why, and the last checkpoint before it. Whoever checks the log must be
    given the key that this prints.
    """
    key = asyncio.run(_new_epoch(project_dir(context), reason=reason, approved_by=approve))
    if as_json:
        output.emit("wave.audit.new_epoch.v1", {"key": key})
    else:
        output.heading(f"a new epoch has begun; others check it by {key}")


@click.command(name="rotate-key")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def rotate_key(context: click.Context, as_json: bool) -> None:
    """Sign the log with a new key from here on; the old one signs too for a week.

    \b
    wave audit rotate-key
    wave audit rotate-key --json

    The log announces the new key under the old one. Whoever checks the log must be given the key that this prints.
    """
    old, new = asyncio.run(_rotate_key(project_dir(context)))
    if as_json:
        output.emit("wave.audit.rotate_key.v1", {"old": old, "new": new})
    else:
        output.heading(f"others check the log by {new}; for a week also by {old}")


def _show(found: LogStatus) -> None:
    said = [
        ("origin", found.origin),
        ("key", found.key or "nothing is signed yet"),
        ("sealed", f"{found.size:,} entries"),
        ("signed", f"{found.signed_size:,} entries"),
        (
            "behind",
            f"{found.unsealed:,} events, the oldest for {found.behind_s:.1f} s" if found.unsealed else "nothing",
        ),
    ]
    if found.restored:
        said.append(("restored", "into another cluster; the next seal takes up what is missing"))
    if found.trouble:
        said.append(("trouble", found.trouble))
    if found.stopped:
        said.append((found.stopped, found.stopped_because))
        said.append(("do", 'find out what was restored; then wave audit new-epoch --reason "…" --approve NAME'))
    for name, text in said:
        print(f"{name:12}{output.clean(text)}")
    if found.checkpoint:
        print()
        output.block(found.checkpoint)


async def _status(folder: Path) -> LogStatus | None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.log import log_status

    async with open_engine(folder, name="wave audit") as engine:
        return await log_status(engine.database)


async def _new_epoch(folder: Path, *, reason: str, approved_by: str) -> str:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave audit") as engine:
        return await engine.log_keeper().new_epoch(reason=reason, approved_by=approved_by)


async def _rotate_key(folder: Path) -> tuple[str, str]:
    from wave_runner.engine import open_engine

    async with open_engine(folder, name="wave audit") as engine:
        return await engine.log_keeper().rotate_key()
