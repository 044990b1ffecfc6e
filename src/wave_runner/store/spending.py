"""What records and runs have used, of workflows that limit it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wave_runner.core.limits import COUNTED, RECORD, RUN, Spent
from wave_runner.store.database import Connection, fetch
from wave_runner.store.waves import Item

Key = tuple[int, int]
"""A run, and a record of it; record 0 is the run as a whole."""


def keys_of(item: Item) -> dict[str, Key]:
    """Return whose account an item is charged to, by scope."""
    whole = {RUN: (item.run_id, 0)}
    return whole if item.record_id is None else {RECORD: (item.run_id, item.record_id), **whole}


async def lock(connection: Connection, items: Sequence[Item]) -> dict[Key, Spent]:
    """Return what has been used on the accounts of these items, locked until the transaction ends."""
    keys = sorted({key for item in items for key in keys_of(item).values()})
    given = {"run_ids": [run_id for run_id, _ in keys], "record_ids": [record_id for _, record_id in keys]}
    rows = await fetch(connection, "spending/lock", given)
    return {(row["run_id"], row["record_id"]): Spent(**{name: row[name] for name in COUNTED}) for row in rows}


async def add(connection: Connection, spent: Iterable[tuple[Item, Spent]]) -> None:
    """Charge what items have used."""
    charges: list[tuple[Key, Spent]] = [(key, one) for item, one in spent for key in keys_of(item).values()]
    if not charges:
        return
    given: Mapping[str, list[int]] = {
        "run_ids": [run_id for (run_id, _), _ in charges],
        "record_ids": [record_id for (_, record_id), _ in charges],
        **{name: [getattr(one, name) for _, one in charges] for name in COUNTED},
    }
    await fetch(connection, "spending/add", given)


async def depths(connection: Connection, items: Sequence[Item]) -> dict[int, int]:
    """Return how long the chain of causes of each item is, itself included."""
    given = {
        "run_ids": sorted({item.run_id for item in items}),
        "ids": [item.interaction_id for item in items],
    }
    rows = await fetch(connection, "spending/depths", given)
    return {row["reader"]: row["depth"] for row in rows}
