"""Access tokens, and the sessions of browsers that were opened with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wave_runner.core.access import SESSION_S, Role
from wave_runner.core.event import EventType
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, fetch


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """Who was given a token, and how it stands: in force, expired or revoked. `used_at` is right to the minute."""

    token_id: int
    person: str
    role: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None
    state: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """Whose a token or a session is; `sha256` of its secret is for whoever compares.

    Where a session was opened with a token that one process alone knows, `own_sha256` says which, and the person is not
    known here.
    """

    sha256: bytes
    person: str | None
    role: Role | None
    token_id: int | None
    expires_at: datetime
    expired: bool
    revoked: bool
    ended: bool = False
    own_sha256: bytes | None = None


async def grant(connection: Connection, *, person: str, role: Role, sha256: bytes, days: int, by: str) -> int:
    """Give a person a token for so many days; return its number."""
    given = {"person": person, "role": role, "sha256": sha256, "days": days, "by": by}
    [row] = await fetch(connection, "access/grant", given)
    token_id: int = row["token_id"]
    data = {"by": by, "person": person, "role": str(role), "days": days, "token": str(token_id)}
    await events.append(connection, EventType.ACCESS_GRANTED, data)
    return token_id


async def revoke(connection: Connection, token: AccessToken, *, by: str) -> bool:
    """Take a token back; False where that was done already."""
    if not await fetch(connection, "access/revoke", {"token_id": token.token_id, "by": by}):
        return False
    data = {"by": by, "person": token.person, "token": str(token.token_id)}
    await events.append(connection, EventType.ACCESS_REVOKED, data)
    return True


async def listed(connection: Connection, token_id: int | None = None) -> list[AccessToken]:
    """Return all tokens that were ever given, or one."""
    rows = await fetch(connection, "access/list", {"token_id": token_id})
    return [AccessToken(**row) for row in rows]


async def any_in_force(database: Database) -> bool:
    """Say whether anybody has a token."""
    [row] = await database.fetch("access/in_force")
    found: bool = row["any"]
    return found


async def of_token(database: Database, token_id: int, *, sha256: bytes) -> Known | None:
    """Return whose token has this number. Where it is the one with this digest, it counts as used."""
    rows = await database.fetch("access/find", {"token_id": token_id, "sha256": sha256})
    return Known(**{**rows[0], "sha256": bytes(rows[0]["sha256"]), "role": Role(rows[0]["role"])}) if rows else None


async def of_session(database: Database, session_id: int, *, sha256: bytes) -> Known | None:
    """Return whose session has this number. Where it is the one with this digest, its token counts as used."""
    rows = await database.fetch("sessions/find", {"session_id": session_id, "sha256": sha256})
    if not rows:
        return None
    row = rows[0]
    return Known(
        **{
            **row,
            "sha256": bytes(row["sha256"]),
            "own_sha256": None if row["own_sha256"] is None else bytes(row["own_sha256"]),
            "role": None if row["role"] is None else Role(row["role"]),
        }
    )


async def open_session(
    database: Database, *, person: str, token_id: int | None, own_sha256: bytes | None, sha256: bytes
) -> tuple[int, datetime]:
    """Know a browser by a cookie from now on; return the number of its session, and when it ends at the latest."""
    given = {"token_id": token_id, "own_sha256": own_sha256, "sha256": sha256, "lasts_s": SESSION_S}
    async with database.transaction() as connection:
        await fetch(connection, "sessions/clear")
        [row] = await fetch(connection, "sessions/open", given)
        data = {"person": person, "session": str(row["session_id"])}
        if token_id is not None:
            data["token"] = str(token_id)
        await events.append(connection, EventType.SESSION_OPENED, data)
    return row["session_id"], row["expires_at"]


async def end_session(database: Database, session_id: int, *, person: str) -> None:
    """Know a browser no more. Safe twice."""
    async with database.transaction() as connection:
        if await fetch(connection, "sessions/end", {"session_id": session_id}):
            data = {"person": person, "session": str(session_id)}
            await events.append(connection, EventType.SESSION_ENDED, data)


async def deny(database: Database, data: Mapping[str, Any], *, person: str | None, untold: int) -> None:
    """Record that somebody was not let in, and how many were not since the last one that was recorded."""
    who = {} if person is None else {"person": person}
    async with database.transaction() as connection:
        await events.append(connection, EventType.ACCESS_DENIED, {**data, **who, "untold": untold})
