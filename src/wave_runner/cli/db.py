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
    """Bring the database up to date, or say how it stands.

    \b
    wave db status
    wave db migrate
    wave db upgrade
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
@click.option(
    "--programs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The folder with the `postgres` that made the database.  [default: found where it was installed]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def upgrade(context: click.Context, programs: Path | None, as_json: bool) -> None:
    """Bring the PostgreSQL that comes along over from an older major version; a server of your own is left alone.

    \b
    wave db upgrade
    wave db upgrade --programs /usr/lib/postgresql/15/bin

    All rows are copied into a new folder and compared, and only then it takes the place of the old one, which is kept.
    Needs as much room once more, and nobody may use the database meanwhile. Safe twice.
    """
    _upgrade(project_dir(context), programs, as_json=as_json)


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
    return 0 if found.found is not None and found.found >= found.newest else BEHIND


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


def _upgrade(folder: Path, programs: Path | None, *, as_json: bool) -> None:
    from wave_runner import settings
    from wave_runner.errors import SettingsError
    from wave_runner.store.embedded_binaries import MAJOR
    from wave_runner.store.embedded_upgrade import upgrade

    if settings.load(folder).database_url is not None:
        raise SettingsError(
            "this project's database is a server of your own (WAVE_DATABASE_URL)",
            hint="upgrade it as any PostgreSQL; wave db upgrade is for the one that comes along",
        )
    done = upgrade(folder / ".wave", programs=programs)
    if as_json:
        said = None if done is None else {**vars(done), "kept": str(done.kept)}
        output.emit("wave.db.upgrade.v1", {"version": MAJOR, "upgraded": said})
    elif done is None:
        output.heading(f"nothing to do: the database is one of PostgreSQL {MAJOR}")
    else:
        output.heading(
            f"PostgreSQL {done.before} → {done.after}: {done.rows:,} rows of {done.tables:,} tables, each compared\n"
            f"the old data are in {done.kept}: delete them when wave audit verify and wave doctor find nothing"
        )


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
