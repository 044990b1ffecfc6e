"""Values that were changed in the user's tables: what stood there before, both hashes, events that commit to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from wave_runner.core.event import commitment
from wave_runner.core.value_write import AT_ONCE, NULL, sha256_of
from wave_runner.store.database import Connection, fetch


class Changed(NamedTuple):
    """One value that an attempt of an interaction has changed; `before` is the JSON text that stood there."""

    run_id: int
    interaction_id: int
    attempt: int
    record_id: int
    table: str
    column: str
    before: str
    after_sha256: bytes


class _Kept(NamedTuple):
    """A payload with what stood in a value before."""

    payload_id: int
    commitment: bytes


async def add(
    connection: Connection,
    changed: Sequence[Changed],
    *,
    is_undo: bool = False,
    is_intake: bool = False,
    wave_id: int | None = None,
    runner_id: UUID | None = None,
) -> None:
    """Keep what was there before, put both hashes where `explain`, undo and `ensures` read them, and commit to them.

    All in the caller's transaction, in which the values were changed. With `is_undo` what the interactions had written
    was taken back; with `is_intake` it is no step's work: a batch has these records again, or is taken back. Without a
    wave it is somebody's order.
    """
    if not changed:
        return
    before = await _keep_before(connection, changed)
    await fetch(
        connection,
        "records/add_value_writes",
        {
            "run_ids": [one.run_id for one in changed],
            "ids": [one.interaction_id for one in changed],
            "record_ids": [one.record_id for one in changed],
            "tables": [one.table for one in changed],
            "columns": [one.column for one in changed],
            "before": [sha256_of(one.before) for one in changed],
            "after": [one.after_sha256 for one in changed],
            "payload_ids": [one.payload_id if one else None for one in before],
            "before_commitments": [one.commitment if one else None for one in before],
            "nonces": [os.urandom(32) for _ in changed],
            "is_undo": is_undo,
            "is_intake": is_intake,
            "at_once": AT_ONCE,
            "wave_id": wave_id,
            "runner_id": runner_id,
        },
    )


async def _keep_before(connection: Connection, changed: Sequence[Changed]) -> list[_Kept | None]:
    """Keep what stood in the user's tables. Returns what is kept of each; None where nothing stood there."""
    had = [one for one in changed if one.before != NULL]
    if not had:
        return [None] * len(changed)
    contents = [one.before.encode() for one in had]
    nonces = [os.urandom(32) for _ in had]
    rows = await fetch(
        connection,
        "payloads/add",
        {
            "run_ids": [one.run_id for one in had],
            "ids": [one.interaction_id for one in had],
            "attempts": [one.attempt for one in had],
            "roles": ["before"] * len(had),
            "media_types": ["application/json"] * len(had),
            "nonces": nonces,
            "contents": contents,
        },
    )
    kept = iter(
        _Kept(row["payload_id"], bytes.fromhex(commitment(nonce, content)))
        for row, nonce, content in zip(rows, nonces, contents, strict=True)
    )
    return [next(kept) if one.before != NULL else None for one in changed]
