"""Answers of models that were recorded, found by what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.store.database import Connection, fetch
from wave_runner.store.waves import Item


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An answer that was accepted and is in force: whose it is, its JSON text, and what it took in microseconds."""

    run_id: int
    interaction_id: int
    attempt: int
    output: str
    tokens: int
    service_us: int


async def find(connection: Connection, questions: Sequence[bytes]) -> dict[bytes, Recorded]:
    """Return the recorded answers to these questions; those that have none are left out."""
    rows = await fetch(connection, "answers/find", {"questions": list(questions)}) if questions else []
    return {
        bytes(row["question"]): Recorded(
            run_id=row["run_id"],
            interaction_id=row["interaction_id"],
            attempt=row["attempt"],
            output=row["output"],
            tokens=row["tokens"],
            service_us=row["service_us"],
        )
        for row in rows
    }


async def keep(connection: Connection, given: Sequence[tuple[Item, bytes]]) -> None:
    """Let what these interactions were answered stand for their questions, in the transaction that completes them."""
    if given:
        parameters = {
            "questions": [question for _, question in given],
            "run_ids": [item.run_id for item, _ in given],
            "ids": [item.interaction_id for item, _ in given],
        }
        await fetch(connection, "answers/keep", parameters)


async def note_hits(connection: Connection, given: Sequence[tuple[Item, Recorded]]) -> None:
    """Note whose answers interactions were completed with, and what that has saved."""
    if given:
        parameters = {
            "run_ids": [item.run_id for item, _ in given],
            "ids": [item.interaction_id for item, _ in given],
            "source_run_ids": [recorded.run_id for _, recorded in given],
            "source_ids": [recorded.interaction_id for _, recorded in given],
            "tokens": [recorded.tokens for _, recorded in given],
            "service_us": [recorded.service_us for _, recorded in given],
        }
        await fetch(connection, "answers/note_hits", parameters)
