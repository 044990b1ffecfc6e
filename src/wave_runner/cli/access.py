"""`wave access`: who may ask by HTTP, and in which role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.core.access import Role

if TYPE_CHECKING:
    from wave_runner.runner.granting import Granting
    from wave_runner.store.access import AccessToken

COLUMNS = (
    "token_id",
    "person",
    "role",
    "state",
    "granted_by",
    "granted_at",
    "expires_at",
    "used_at",
    "revoked_by",
    "revoked_at",
)
MOST_DAYS = 3660
as_option = click.option(
    "--as", "by", envvar="WAVE_PERSON", metavar="NAME", help="Who you are.  [default: the system's user]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def access() -> None:
    """Say who may ask wave serve, and in which role: give a person an access token, list them, take one back.

    \b
    wave access grant maria --role reviewer
    wave access list
    """


@access.command()
@click.argument("person")
@click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.VIEWER),
    show_default=True,
    help="What they may do.",
)
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=90, show_default=True, metavar="N", help="For how many days."
)
@project_option
@as_option
@json_option
@click.pass_context
def grant(context: click.Context, person: str, role: str, days: int, by: str | None, as_json: bool) -> None:
    """Give PERSON an access token, and print it. It is kept nowhere: whoever loses it gets another.

    \b
    wave access grant maria --role reviewer
    wave access grant prometheus --role viewer --days 365 --as ben

    A viewer reads what the reports say. An operator also gives orders about work, a reviewer beside that decides tasks
    and approves what has changed. An auditor reads, and sees who has access. An admin may do all of it.
    """
    token, text = asyncio.run(_grant(project_dir(context), person, Role(role), days, by))
    if as_json:
        output.emit("wave.access.grant.v1", {"granted": token, "token": text})
        return
    output.heading(f"{token.person} may ask as {token.role} until {output.cell(token.expires_at)}; the access token is")
    output.heading(text)


@access.command("list")
@project_option
@json_option
@click.pass_context
def list_tokens(context: click.Context, as_json: bool) -> None:
    """List who was given an access token, in which role, until when, and when it was last used.

    \b
    wave access list
    wave access list --json
    """
    output.show(
        COLUMNS, [vars(one) for one in asyncio.run(_list(project_dir(context)))], "wave.access.v1", as_json=as_json
    )


@access.command()
@click.argument("token_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@project_option
@as_option
@json_option
@click.pass_context
def revoke(context: click.Context, token_id: int, by: str | None, as_json: bool) -> None:
    """Take an access token back, by its number. It opens nothing any more, and neither do sessions opened with it.

    \b
    wave access revoke 3
    wave access revoke 3 --as ben
    """
    token = asyncio.run(_revoke(project_dir(context), token_id, by))
    if as_json:
        output.emit("wave.access.revoke.v1", {"revoked": token})
    else:
        output.heading(f"access token {token.token_id} of {token.person} is revoked")


@asynccontextmanager
async def _as(folder: Path, by: str | None) -> AsyncIterator[Granting]:
    from wave_runner.engine import open_engine, whoami

    async with open_engine(folder, name="wave access") as engine:
        yield engine.granting(by or whoami())
        await engine.seal()


async def _grant(folder: Path, person: str, role: Role, days: int, by: str | None) -> tuple[AccessToken, str]:
    async with _as(folder, by) as granting:
        return await granting.grant(person, role, days=days)


async def _revoke(folder: Path, token_id: int, by: str | None) -> AccessToken:
    async with _as(folder, by) as granting:
        return await granting.revoke(token_id)


async def _list(folder: Path) -> list[AccessToken]:
    from wave_runner.engine import open_engine
    from wave_runner.reports.access import access_tokens

    async with open_engine(folder, name="wave access") as engine:
        return await access_tokens(engine.database)
