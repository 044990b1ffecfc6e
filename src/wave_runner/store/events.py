"""Append events that belong to no interaction. Those of interactions are written by the statement that moves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.errors import InsufficientPrivilege

from wave_runner.core.event import EventType, data_text
from wave_runner.errors import DatabaseError
from wave_runner.store.database import Asked, Connection, Database, ask, fetch

NO_RUN = 0


async def append(
    connection: Connection,
    type: EventType,
    data: Mapping[str, Any],
    *,
    run_id: int = NO_RUN,
    wave_id: int | None = None,
    correlation_id: UUID | None = None,
    runner_id: UUID | None = None,
    actor: str | None = None,
    definition: bytes | None = None,
) -> None:
    """Append one event, in the transaction that makes it true."""
    asked = ask_append(
        connection,
        type,
        data,
        run_id=run_id,
        wave_id=wave_id,
        correlation_id=correlation_id,
        runner_id=runner_id,
        actor=actor,
        definition=definition,
    )
    await asked.rows()


def ask_append(
    connection: Connection,
    type: EventType,
    data: Mapping[str, Any],
    *,
    run_id: int = NO_RUN,
    wave_id: int | None = None,
    correlation_id: UUID | None = None,
    runner_id: UUID | None = None,
    actor: str | None = None,
    definition: bytes | None = None,
) -> Asked:
    """Ask to append one event, without waiting."""
    return ask(
        connection,
        "events/append",
        {
            "type": type,
            "data": data_text(data),
            "run_id": run_id,
            "wave_id": wave_id,
            "correlation_id": correlation_id,
            "runner_id": runner_id,
            "actor": actor,
            "definition": definition,
        },
    )


async def refuses_change(database: Database, run_id: int) -> bool:
    """Try to change a run's events and say whether the database refused. Whatever happens, nothing stays changed."""
    try:
        async with database.transaction() as connection:
            await fetch(connection, "events/try_change", {"run_id": run_id})
            raise _TakeBack
    except DatabaseError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        return True
    except _TakeBack:
        return False


class _TakeBack(Exception):  # leaves the transaction, so that it is rolled back
    pass
