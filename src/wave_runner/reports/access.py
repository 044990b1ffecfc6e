"""Who may ask by HTTP, and in which role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_runner.store import access
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.access import AccessToken
    from wave_runner.store.database import Database

SCHEMA = "wave.access.v1"


async def access_tokens(database: Database) -> list[AccessToken]:
    """Return every access token that was ever given, with how it stands."""
    async with stored.snapshot(database) as connection:
        return await access.listed(connection)
