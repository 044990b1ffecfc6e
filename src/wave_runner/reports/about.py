"""What answers: this program's version, the project, and its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner import __version__
from wave_runner.store import reports as stored
from wave_runner.store.migrate import NEWEST

if TYPE_CHECKING:
    from wave_runner.store.database import Database

SCHEMA = "wave.db.status.v1"


@dataclass(frozen=True, kw_only=True)
class About:
    """The database and its role, the server's version, and the version of the schema there beside the newest one.

    `program` is the version of Wave Runner. `found` is None where the schema was not made yet.
    """

    database: str
    role: str
    version: str
    schema: str
    found: str | None
    newest: str
    program: str


async def about(database: Database, *, schema: str) -> About:
    """Return what answers. The schema must be there: ask `migrate.status` where it may not be."""
    async with stored.snapshot(database) as connection:
        server, found = await stored.server(connection), await stored.schema_version(connection)
    return of(server, schema=schema, found=found)


def of(server: dict[str, str], *, schema: str, found: str | None) -> About:
    """Return what answers, as the server says of itself."""
    return About(**server, schema=schema, found=found, newest=NEWEST, program=__version__)
