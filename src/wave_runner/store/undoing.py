"""Undo a rerun: what it had superseded is in force again, and so are the values, where nothing newer stands on it."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.event import EventType, data_text
from wave_runner.core.value_write import NULL, sha256_of
from wave_runner.store import events, records, value_writes
from wave_runner.store.database import Connection, DataRefused, fetch
from wave_runner.store.records import Tables
from wave_runner.store.reruns import RECORDS_AT_ONCE, Known
from wave_runner.store.restoring import restore
from wave_runner.store.value_writes import Changed


class Trouble(enum.StrEnum):
    """Why a record stays as a rerun has left it."""

    RUN_CANCELLED = "run_cancelled"  # its run was cancelled, and is judged no more
    ERASED = "erased"  # it, or what its steps were given and have given, was erased
    UNDER_WAY = "under_way"  # it is at work in this workflow
    REDONE_LATER = "redone_later"  # a later rerun has gone on from there
    WRITTEN_LATER = "written_later"  # another step has written a value since
    CHANGED_OUTSIDE = "changed_outside"  # a value is not what the rerun wrote
    BEFORE_ERASED = "before_erased"  # what stood there before was kept long enough, and is gone
    REFUSED = "refused"  # the table does not take the value back: a constraint, a trigger


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A record that a rerun has redone in a run: the interactions of it that stand, and what speaks against an undo."""

    record_id: int
    key: str
    ids: tuple[int, ...]
    trouble: Trouble | None


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo has done in one run, or would do. `left` has the keys that it leaves, each with the reason."""

    records: int
    values: int
    restored: int
    left: tuple[tuple[str, Trouble], ...]


async def scope(connection: Connection, generation: int) -> list[tuple[int, int]]:
    """Return the steps of a rerun as (run, step of it), in all its runs."""
    rows = await fetch(connection, "reruns/scope", {"generation": generation})
    return [(row["run_id"], row["run_step_id"]) for row in rows]


async def lock_records(connection: Connection, generation: int) -> None:
    """Keep the records of a rerun from being erased until the transaction ends; before its runs, as an erasure does."""
    await fetch(connection, "reruns/lock_records", {"generation": generation})


async def undo(connection: Connection, rerun: Known, tables: Tables) -> Undone:
    """Undo a rerun in one run, in the caller's transaction, which holds the locks of its records and of the run.

    Raises `DataRefused` where the user's tables cannot be read; then nothing of the transaction stands.
    """
    touched = await _touched(connection, rerun)
    done: list[Undone] = []
    for _, group in itertools.groupby(enumerate(touched), key=lambda one: one[0] // RECORDS_AT_ONCE):
        done.append(await _undo_chunk(connection, rerun, tables, [one for _, one in group]))
    return Undone(
        records=sum(one.records for one in done),
        values=sum(one.values for one in done),
        restored=sum(one.restored for one in done),
        left=tuple(left for one in done for left in one.left),
    )


async def tell_undone(connection: Connection, rerun: Known, undone: Undone, *, by: str) -> None:
    """Note that a rerun of a run was undone: the run goes on until its records are judged again."""
    place = {"run_id": rerun.run_id, "generation": rerun.generation}
    await fetch(connection, "reruns/mark_undone", {**place, "by": by})
    await fetch(connection, "runs/reopen", {"run_id": rerun.run_id})
    data = {"rerun": rerun.generation, "by": by, "records": undone.records, "restored": undone.restored}
    data |= {"values": undone.values, "left": len(undone.left)}
    await events.append(connection, EventType.RERUN_UNDONE, data, run_id=rerun.run_id)


async def _touched(connection: Connection, rerun: Known) -> list[Touched]:
    given = {"run_id": rerun.run_id, "generation": rerun.generation, "workflow_id": rerun.workflow_id}
    return [
        Touched(
            record_id=row["record_id"],
            key=row["key"],
            ids=tuple(row["ids"]),
            trouble=Trouble(row["trouble"]) if row["trouble"] else None,
        )
        for row in await fetch(connection, "reruns/undoable", given)
    ]


async def _undo_chunk(connection: Connection, rerun: Known, tables: Tables, touched: Sequence[Touched]) -> Undone:
    left: dict[int, Trouble] = {one.record_id: one.trouble for one in touched if one.trouble is not None}
    keys = {one.record_id: one.key for one in touched if one.trouble is None}
    writes = await _writes(connection, rerun, list(keys))
    now = await values_now(connection, tables, writes, keys)
    left |= in_the_way(writes, now)
    values = [write for write in writes if write["record_id"] not in left]
    refused = await _put_back(connection, tables, values, keys)
    left |= dict.fromkeys(refused, Trouble.REFUSED)
    values = [write for write in values if write["record_id"] not in refused]
    await _note_values(connection, rerun.run_id, values, now)
    back = [one for one in touched if one.record_id not in left]
    restored = await _restore_interactions(connection, rerun, back)
    by_id = {one.record_id: one.key for one in touched}
    return Undone(
        records=len(back),
        values=len(values),
        restored=restored,
        left=tuple((by_id[record_id], trouble) for record_id, trouble in sorted(left.items())),
    )


async def _writes(connection: Connection, rerun: Known, record_ids: Sequence[int]) -> list[Mapping[str, Any]]:
    given = {"run_id": rerun.run_id, "generation": rerun.generation, "record_ids": list(record_ids)}
    return list(await fetch(connection, "reruns/writes", given))


def _by_column(writes: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, str], list[Mapping[str, Any]]]]:
    grouped = itertools.groupby(writes, key=lambda write: (write["table_name"], write["column_name"]))
    return [(place, list(group)) for place, group in grouped]


async def values_now(
    connection: Connection, tables: Tables, writes: Sequence[Mapping[str, Any]], keys: Mapping[int, str]
) -> dict[tuple[int, str, str], str]:
    """Return what stands in each of these values now, locked as far as a value is a column's."""
    found: dict[tuple[int, str, str], str] = {}
    for (table, column), group in _by_column(writes):
        of = {write["record_id"]: keys[write["record_id"]] for write in group}
        texts = await records.current_texts(connection, tables, table, column, of, lock=True)
        found |= {(record_id, table, column): texts.get(record_id, NULL) for record_id in of}
    return found


def in_the_way(writes: Sequence[Mapping[str, Any]], now: Mapping[tuple[int, str, str], str]) -> dict[int, Trouble]:
    """Return the records whose values cannot be put back, with the reason."""
    found: dict[int, Trouble] = {}
    for write in writes:
        place = (write["record_id"], write["table_name"], write["column_name"])
        if not write["newest"]:
            found[write["record_id"]] = Trouble.WRITTEN_LATER
        elif sha256_of(now[place]) != bytes(write["after_sha256"]):
            found.setdefault(write["record_id"], Trouble.CHANGED_OUTSIDE)
        elif write["before_erased"]:
            found.setdefault(write["record_id"], Trouble.BEFORE_ERASED)
    return found


async def _put_back(
    connection: Connection, tables: Tables, writes: Sequence[Mapping[str, Any]], keys: Mapping[int, str]
) -> set[int]:
    """Put values back: all at once, or record by record where the tables refuse that. Returns whose they refuse."""
    try:
        async with connection.transaction():
            await _restore_values(connection, tables, writes, keys)
        return set()
    except DataRefused:
        pass
    refused = set()
    for record_id, group in itertools.groupby(
        sorted(writes, key=lambda write: write["record_id"]), key=lambda write: write["record_id"]
    ):
        try:
            async with connection.transaction():
                await _restore_values(connection, tables, list(group), keys)
        except DataRefused:
            refused.add(record_id)
    return refused


async def _restore_values(
    connection: Connection, tables: Tables, writes: Sequence[Mapping[str, Any]], keys: Mapping[int, str]
) -> None:
    for (table, column), group in _by_column(writes):
        of = {write["record_id"]: keys[write["record_id"]] for write in group}
        texts = {write["record_id"]: write["before"] for write in group if write["before"] is not None}
        await restore(connection, tables, table, column, of, texts)
        hashes = await records.current_hashes(connection, tables, table, column, of)
        for write in group:
            if hashes[write["record_id"]] != bytes(write["before_sha256"]):
                key = keys[write["record_id"]]
                raise DataRefused(f"{table}.{column} of {key} is not what it was before, though it was set to that")
    await records.check_constraints(connection)


async def restore_values(
    connection: Connection,
    run_id: int,
    tables: Tables,
    writes: Sequence[Mapping[str, Any]],
    now: Mapping[tuple[int, str, str], str],
    keys: Mapping[int, str],
) -> None:
    """Put values back, in the caller's transaction, and record that. `now` is what stands there.

    Raises `DataRefused` where the user's tables do not take one.
    """
    await _restore_values(connection, tables, writes, keys)
    await _note_values(connection, run_id, writes, now)


async def _note_values(
    connection: Connection,
    run_id: int,
    writes: Sequence[Mapping[str, Any]],
    now: Mapping[tuple[int, str, str], str],
) -> None:
    """Record that what was written is gone, and keep it: it was in force once."""
    taken = [
        Changed(
            run_id=run_id,
            interaction_id=write["interaction_id"],
            attempt=write["attempt"],
            record_id=write["record_id"],
            table=write["table_name"],
            column=write["column_name"],
            before=now[write["record_id"], write["table_name"], write["column_name"]],
            after_sha256=write["before_sha256"],
        )
        for write in writes
    ]
    await value_writes.add(connection, taken, is_undo=True)


async def _restore_interactions(connection: Connection, rerun: Known, back: Sequence[Touched]) -> int:
    if not back:
        return 0
    place = {"run_id": rerun.run_id, "generation": rerun.generation}
    record_ids = [one.record_id for one in back]
    undone = {
        "ids": [id for one in back for id in one.ids],
        "data": data_text({"rerun": rerun.generation, "undone": True}),
    }
    await fetch(connection, "reruns/supersede", {**place, **undone})
    data = data_text({"rerun": rerun.generation})
    restored = await fetch(connection, "reruns/restore", {**place, "record_ids": record_ids, "data": data})
    await fetch(connection, "reruns/judge_again", {"run_id": rerun.run_id, "record_ids": record_ids})
    return len(restored)
