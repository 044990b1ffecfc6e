"""What somebody says of who may ask by HTTP: a person is given an access token, and it is taken back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from wave_runner.core.access import SECRET_BYTES, Role, digest, written
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.runner.deciding import named
from wave_runner.store import access
from wave_runner.store.access import AccessToken
from wave_runner.store.database import Connection, Database


@dataclass(kw_only=True)
class Granting:
    """Acts for the person `by`."""

    database: Database
    by: str

    async def grant(self, person: str, role: Role, *, days: int) -> tuple[AccessToken, str]:
        """Give a person a token; return it, and its text, which is kept nowhere. Raises `AnswerError` for no name."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        async with self.database.transaction() as connection:
            token_id = await access.grant(
                connection, person=named(person), role=role, sha256=digest(secret), days=days, by=self.by
            )
            return await _one(connection, token_id), written(token_id, secret)

    async def revoke(self, token_id: int) -> AccessToken:
        """Take a token back, with the sessions that were opened with it; return it as it stands now.

        Raises `NotFoundError` where there is no such token, `ConflictError` where it was taken back already.
        """
        async with self.database.transaction() as connection:
            found = await _one(connection, token_id)
            if not await access.revoke(connection, found, by=self.by):
                found = await _one(connection, token_id)  # somebody else was just doing it
                message = f"{found.revoked_by} has revoked access token {token_id} already"
                raise ConflictError(message, hint="nothing has changed")
            return await _one(connection, token_id)


async def _one(connection: Connection, token_id: int) -> AccessToken:
    found = await access.listed(connection, token_id)
    if not found:
        raise NotFoundError(f"there is no access token {token_id}", hint="wave access list shows all of them")
    return found[0]
