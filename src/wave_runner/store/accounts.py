"""What actors and servers allow, kept for all runners together (`wave_runner.core.rates`)."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wave_runner.core.rates import Account, Booking, Rate, wait_s
from wave_runner.store.database import Connection, Database, Row, fetch


class Whose(enum.StrEnum):
    """Whose account it is. All models of a server share its key, and so its account."""

    ACTOR = "actor"
    SERVER = "server"


@dataclass(frozen=True, kw_only=True)
class Limited:
    """Somebody who allows only so much."""

    whose: Whose
    name: str
    rate: Rate


def _keys(of: Sequence[Limited]) -> dict[str, list[str]]:
    return {"kinds": [one.whose for one in of], "names": [one.name for one in of]}


async def lock(connection: Connection, of: Sequence[Limited]) -> list[tuple[Rate, Account]]:
    """Return how accounts stand, locked until the transaction ends: nobody else starts anything on them meanwhile.

    They are there once somebody has asked how long to `wait`. To make one here, beside others that are locked, would
    be another order than that of whoever sees it already.
    """
    found = await fetch(connection, "accounts/lock", _keys(of))
    assert len(found) == len(of), "an account is made before it is locked, and stays"
    return _standing(of, await fetch(connection, "accounts/stand", _keys(of)))


async def wait(database: Database, of: Sequence[Limited]) -> float:
    """Return the seconds until something may be started on accounts, as they stand now. Made where there were none."""
    if not of:
        return 0.0
    async with database.transaction() as connection:
        rows = await fetch(connection, "accounts/stand", _keys(of))
        if len(rows) < len(of):
            await fetch(connection, "accounts/make", _keys(of))
            rows = await fetch(connection, "accounts/stand", _keys(of))
    return wait_s(_standing(of, rows))


async def book(connection: Connection, costs: Sequence[tuple[Limited, Booking]]) -> None:
    """Charge a start to locked accounts."""
    if any(cost.request_s or cost.token_s for _, cost in costs):
        given = {"request_s": [cost.request_s for _, cost in costs], "token_s": [cost.token_s for _, cost in costs]}
        await fetch(connection, "accounts/book", {**_keys([one for one, _ in costs]), **given})


async def refund(database: Database, seconds: Mapping[tuple[Whose, str], float]) -> None:
    """Give back tokens that were granted and not used, in seconds of their account."""
    if seconds:
        kinds, names = zip(*seconds, strict=True)
        given = {"kinds": list(kinds), "names": list(names), "token_s": list(seconds.values())}
        await database.fetch("accounts/refund", given)


async def rest(database: Database, server: str, *, rest_s: float) -> None:
    """Leave a server alone for a while, as it asks."""
    await database.fetch("accounts/rest", {"kind": Whose.SERVER, "name": server, "rest_s": rest_s})


def _standing(of: Sequence[Limited], rows: Sequence[Row]) -> list[tuple[Rate, Account]]:
    found = {(row["kind"], row["name"]): _account(row) for row in rows}
    return [(one.rate, found[one.whose, one.name]) for one in of]


def _account(row: Mapping[str, float]) -> Account:
    return Account(
        under_way=int(row["under_way"]), next_request_s=row["next_request_s"], next_token_s=row["next_token_s"]
    )
