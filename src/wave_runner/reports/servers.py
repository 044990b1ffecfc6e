"""What work waits for outside: model servers and models, what they and other actors allow, and who could do it.

It answers one question: why does nothing move? And what has been learnt of models, which is what plans go by.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.core.breaker import Position
from wave_runner.core.loading import name_in
from wave_runner.core.outcome import Outage
from wave_runner.core.patience import median_s
from wave_runner.core.pinned import read_step
from wave_runner.core.rates import Rate
from wave_runner.store import reports as stored
from wave_runner.store.accounts import Whose

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row


class Because(enum.StrEnum):
    """Why nothing of a queue may be begun at this moment."""

    DRIFTED = "drifted"  # its actor is not what was approved
    PAUSED = "paused"  # somebody has paused its actor
    HELD = "held"  # all that waits belongs to runs that are paused or cancelled
    DELAYED = "delayed"  # all that waits has failed before, and waits for the time of its next attempt
    NO_RUNNER = "no_runner"  # no runner at work can ask its server, or do scripts
    NO_LABEL = "no_label"  # none of those that can has the labels that it needs
    SERVER_LEFT_ALONE = "server_left_alone"  # its server's breaker is open, or one runner tries it
    MODEL_LEFT_ALONE = "model_left_alone"
    FULL = "full"  # as much is under way as its actor or its server allows
    NOT_YET = "not_yet"  # the next one may begin later: by a rate, or because the server has asked for it


@dataclass(frozen=True, kw_only=True)
class Server:
    """A model server, or a model that has failed: how its breaker stands, and how much work waits for it.

    `retry_s` is when it is tried; of one that is half open, how long `probe_by` has for it. `owner_id` is the runner
    that has a local server, `runners` how many at work can ask it.
    """

    kind: Outage
    name: str
    server: str
    position: Position
    failures: int
    trips: int
    retry_s: float | None
    error_class: str | None
    reason: str | None
    probe_by: UUID | None
    owner_id: UUID | None
    runners: int
    queues: int
    waiting: int
    running: int


@dataclass(frozen=True, kw_only=True)
class Model:
    """What has been learnt of a model on a server: what plans go by.

    `load_s` is the median of its last hundred loads, `record_s` that of the attempts that were measured, `measured` of
    them; None where there were none.
    """

    server: str
    model: str
    loads: int
    load_s: float | None
    measured: int
    record_s: float | None


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account: what is under way on it, what it allows, and how long until the next request may begin.

    What a server allows stands in the folder: None is no limit, or a server that the folder does not know.
    """

    kind: Whose
    name: str
    under_way: int
    concurrency: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    next_request_s: float
    next_token_s: float
    queues: int
    waiting: int

    @property
    def is_full(self) -> bool:
        return self.concurrency is not None and self.under_way >= self.concurrency

    @property
    def wait_s(self) -> float:
        return max(self.next_request_s, self.next_token_s)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Work of one actor that waits for something outside. `server` is "" where it asks none.

    `held` and `delayed` are parts of `waiting`; `because` is all that keeps it from being begun.
    """

    actor: str
    server: str
    needs: list[str]
    waiting: int
    held: int
    delayed: int
    running: int
    because: list[Because]


@dataclass(frozen=True, kw_only=True)
class Servers:
    """All of it, at one moment."""

    servers: list[Server]
    models: list[Model]
    accounts: list[Account]
    queues: list[Queue]


async def servers(database: Database, *, lease_s: float, rates: Mapping[str, Rate]) -> Servers:
    """Return what work waits for. `rates` is what each server allows."""
    async with stored.snapshot(database) as connection:
        queues = await stored.queues(connection, lease_s=lease_s)
        breakers = await stored.servers(connection, lease_s=lease_s)
        accounts = await stored.accounts(connection)
        learnt = _models(await stored.loads(connection), await stored.durations(connection))
    asked = [_server(row, queues) for row in breakers]
    allowing = [_account(row, queues, rates) for row in accounts]
    waiting = [_queue(row, asked, allowing) for row in queues]
    return Servers(servers=asked, models=learnt, accounts=allowing, queues=waiting)


def _models(loads: Sequence[Row], durations: Sequence[Row]) -> list[Model]:
    loaded = {(row["server"], row["model"]): row for row in loads}
    taken: dict[tuple[str, str], Counter[int]] = {key: Counter() for key in loaded}
    for row in durations:
        taken.setdefault((row["server"], name_in(row["work_key"])), Counter())[row["bucket"]] += row["n"]
    return [
        Model(
            server=server,
            model=model,
            loads=loaded[server, model]["loads"] if (server, model) in loaded else 0,
            load_s=loaded[server, model]["load_s"] if (server, model) in loaded else None,
            measured=counts.total(),
            record_s=median_s(counts),
        )
        for (server, model), counts in sorted(taken.items())
    ]


def _server(row: Row, queues: Sequence[Row]) -> Server:
    kind = Outage(row["kind"])
    mine = [queue for queue in queues if queue["server" if kind is Outage.SERVER else "actor"] == row["name"]]
    running = sum(queue["running"] for queue in mine)
    known = {**row, "kind": kind, "position": Position(row["position"]), **_waiting(mine), "running": running}
    return Server(**known)


def _account(row: Row, queues: Sequence[Row], rates: Mapping[str, Rate]) -> Account:
    whose = Whose(row["kind"])
    mine = [queue for queue in queues if queue["server" if whose is Whose.SERVER else "actor"] == row["name"]]
    if whose is Whose.SERVER:
        rate = rates.get(row["name"], Rate())
    else:
        rate = read_step(row["step"]).rate if row["step"] else Rate()
    return Account(
        kind=whose,
        name=row["name"],
        under_way=row["under_way"],
        concurrency=rate.concurrency,
        requests_per_minute=rate.requests_per_minute,
        tokens_per_minute=rate.tokens_per_minute,
        next_request_s=row["next_request_s"],
        next_token_s=row["next_token_s"],
        **_waiting(mine),
    )


def _waiting(queues: Sequence[Row]) -> dict[str, int]:
    """Return how many queues have work that waits, and how much."""
    waiting = [queue["waiting"] for queue in queues if queue["waiting"]]
    return {"queues": len(waiting), "waiting": sum(waiting)}


def _queue(row: Row, servers: Sequence[Server], accounts: Sequence[Account]) -> Queue:
    because = list(_because(row, servers, accounts)) if row["waiting"] else []
    shown = ("actor", "server", "needs", "waiting", "held", "delayed", "running")
    return Queue(**{name: row[name] for name in shown}, because=because)


def _because(row: Row, servers: Sequence[Server], accounts: Sequence[Account]) -> Iterator[Because]:
    """Yield what keeps the work of a queue from being begun: what a person has to change first, what passes last."""
    actor, server, waiting = row["actor"], row["server"], row["waiting"]
    left_alone = {(one.kind, one.name) for one in servers if one.position is not Position.CLOSED}
    mine = [one for one in accounts if (one.kind, one.name) in {(Whose.ACTOR, actor), (Whose.SERVER, server)}]
    found = {
        Because.DRIFTED: row["drifted"],
        Because.PAUSED: row["paused"],
        Because.HELD: row["held"] == waiting,
        Because.NO_RUNNER: not row["asked"],
        Because.NO_LABEL: row["asked"] and not row["able"],
        Because.SERVER_LEFT_ALONE: (Outage.SERVER, server) in left_alone,
        Because.MODEL_LEFT_ALONE: server and (Outage.MODEL, actor) in left_alone,
        Because.FULL: any(one.is_full for one in mine),
        Because.NOT_YET: any(one.wait_s for one in mine),
        Because.DELAYED: row["delayed"] == waiting,
    }
    return (reason for reason, holds in found.items() if holds)
