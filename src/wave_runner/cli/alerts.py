"""`wave alerts`: who is told of alerts outside, and what they were told."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

COLUMNS = ("says", "kind", "subject", "made_at", "state", "attempts", "over_at", "next_at", "trouble")
NOT_TAKEN = 1
HOW = 'say where: [alerts] with url = "https://…" and secret_env = "WAVE_ALERTS_SECRET"'


@click.group()
def alerts() -> None:
    """Show what a receiver outside was told of alerts, and try whether it can be.

    \b
    wave alerts sent
    wave alerts test

    Who is told stands in wave.toml, as [alerts]; a runner tells them. wave report alerts lists the alerts themselves.
    """


@alerts.command()
@project_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def sent(context: click.Context, limit: int, as_json: bool) -> None:
    """List the newest notices: of which alert, whether it was taken, and what keeps it from being taken.

    \b
    wave alerts sent
    wave alerts sent --limit 500 --json

    A notice is due, trying (an attempt has failed, and another follows), sent or given_up (for a whole day).
    """
    asyncio.run(_sent(project_dir(context), limit, as_json=as_json))


@alerts.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def test(context: click.Context, as_json: bool) -> None:
    """Send the receiver one notice of type "test", now, and say what came of it.

    \b
    wave alerts test
    wave alerts test --json

    It needs no database and is noted nowhere. The exit code is 1 where the receiver has not taken it.
    """
    raise SystemExit(asyncio.run(_test(project_dir(context), as_json=as_json)))


async def _sent(folder: Path, limit: int, *, as_json: bool) -> None:
    from wave_runner.engine import open_engine
    from wave_runner.reports.notices import notices

    async with open_engine(folder, name="wave alerts") as engine:
        found = await notices(engine.database, limit=limit)
        told = engine.project().alerts is not None
    if as_json:
        output.emit("wave.notices.v1", {"rows": found})
    elif found:
        output.table(COLUMNS, [asdict(one) for one in found])
    else:
        output.heading("no notices" if told else "no notices: wave.toml has no [alerts], so nobody is told of alerts")


async def _test(folder: Path, *, as_json: bool) -> int:
    from wave_runner.core.notice import TEST, body
    from wave_runner.engine import receiver_of
    from wave_runner.errors import SettingsError
    from wave_runner.project.load import load_project
    from wave_runner.runner.webhook import NotTaken, post
    from wave_runner.settings import environment

    project = load_project(folder)
    receiver = receiver_of(project, environment(folder))
    if receiver is None:
        raise SettingsError("wave.toml has no [alerts]: nobody is told of alerts", hint=HOW)
    notice_id = str(uuid4())
    said = {"id": notice_id, "type": TEST, "project_id": project.id, "project": project.name}
    began, trouble = time.monotonic(), None
    try:
        await post(receiver, notice_id, body(said))
    except NotTaken as error:
        trouble = str(error)
    ms = round((time.monotonic() - began) * 1000)
    if as_json:
        answer = {"host": receiver.host, "notice_id": notice_id, "taken": trouble is None, "trouble": trouble, "ms": ms}
        output.emit("wave.alerts.test.v1", answer)
    elif trouble is None:
        output.heading(f"{receiver.host} has taken it, in {ms} ms")
    else:
        click.echo(f"{receiver.host} has not taken it: {trouble}", err=True)
    return NOT_TAKEN if trouble else 0
