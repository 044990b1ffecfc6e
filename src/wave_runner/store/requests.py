"""What was asked for by HTTP under a key, and answered: who asks again under it gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass

from wave_runner.store.database import Database, fetch


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for under a key before, by its digest; `answer` is a JSON text, None as long as there is none."""

    sha256: bytes
    answer: str | None


async def begin(database: Database, *, person: str, key: str, sha256: bytes) -> Request | None:
    """Take a key for what is asked now; what it was taken for already, if it was. A key is kept for a day."""
    given = {"person": person, "key": key, "sha256": sha256}
    async with database.transaction() as connection:
        await fetch(connection, "requests/clear")
        if await fetch(connection, "requests/begin", given):
            return None
        rows = await fetch(connection, "requests/find", given)
    # It may just have been refused, and its key set free: then whoever asks again finds that out.
    return Request(**{**rows[0], "sha256": bytes(rows[0]["sha256"])}) if rows else Request(sha256=sha256, answer=None)


async def finish(database: Database, *, person: str, key: str, answer: str) -> None:
    """Keep what was answered."""
    await database.fetch("requests/finish", {"person": person, "key": key, "answer": answer})


async def forget(database: Database, *, person: str, key: str) -> None:
    """Let the key be used again: what was asked for was refused."""
    await database.fetch("requests/forget", {"person": person, "key": key})
