"""`wave db`: the database's schema."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.reports.about import About

BEHIND = 1


@click.group()
def db() -> None:
    """Bring the database's schema up to date, or say how it stands.

    \b
    wave db status
    wave db migrate
    """


@db.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def migrate(context: click.Context, as_json: bool) -> None:
    """Create or upgrade the schema, and make the project's own tables.

    \b
    wave db migrate
    wave db migrate --project postings

    Every command that works on the database does this at its start, if its user owns the tables; safe twice, and from
    two processes at once.

    This command also makes the project's roles, wave_owner, wave_runner, wave_query and wave_read where the schema is
    wave, if its user may, and gives each that is there exactly what it needs. Without them one user does everything.
    """
    asyncio.run(_migrate(project_dir(context), as_json=as_json))


@db.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> int:
    """Say which database this is and whether its schema is up to date, and which Wave Runner says so; change nothing.

    \b
    wave db status
    wave db status --json

    Ends with exit code 1 where `wave db migrate` has something to do.
    """
    found = asyncio.run(_status(project_dir(context)))
    columns = ("database", "role", "version", "schema", "found", "newest", "program")
    output.show(columns, [vars(found)], "wave.db.status.v1", as_json=as_json)
    return 0 if found.found == found.newest else BEHIND


async def _migrate(folder: Path, *, as_json: bool) -> None:
    from wave_runner import settings
    from wave_runner.engine import database_url, open_engine, past_pooler
    from wave_runner.store import migrate

    before = (await _status(folder)).found
    chosen = settings.load(folder)
    with database_url(chosen, folder) as url:
        direct_url = past_pooler(chosen, url)
        made = migrate.make_roles(direct_url, chosen.schema_name)
        # Opening the project does the work, for this command as for every other.
        async with open_engine(folder, name="wave db migrate"):
            pass
        roles = migrate.grant_roles(direct_url, chosen.schema_name)
    after = await _status(folder)
    if as_json:
        versions = {"schema_name": after.schema, "before": before, "after": after.found}
        output.emit("wave.db.migrate.v1", {**versions, "roles_made": made, "roles": roles})
        return
    if before == after.found:
        output.heading(f"schema {after.schema}: up to date at version {after.found}")
    else:
        output.heading(f"schema {after.schema}: {before or 'nothing'} → version {after.found}")
    if roles:
        output.heading(f"roles: {', '.join(roles)} may do what they need, and nothing else")


async def _status(folder: Path) -> About:
    """Return which database this is, and the version of the schema there beside the newest one."""
    from wave_runner import settings
    from wave_runner.engine import database_url, past_pooler
    from wave_runner.reports import about
    from wave_runner.store import migrate, reports
    from wave_runner.store.database import Database

    chosen = settings.load(folder)
    with database_url(chosen, folder) as url:
        database = Database(url, schema=chosen.schema_name, size=1, name="wave db status")
        await database.open()
        try:
            async with reports.snapshot(database) as connection:
                server = await reports.server(connection)
        finally:
            await database.close()
        found = migrate.status(past_pooler(chosen, url), chosen.schema_name)
    return about.of(server, schema=chosen.schema_name, found=found)
