"""Tasks: what people are asked, who has claimed it, and what they have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from wave_runner.core.event import EventType, data_text
from wave_runner.core.workflow import Asking
from wave_runner.store import interactions
from wave_runner.store.database import Connection, Database, Row, fetch, plan_by_key
from wave_runner.store.interactions import Origin, SealedEvidence
from wave_runner.store.waves import Item, Wave

LEASE_S = 30 * 60.0
"""How long a claim holds. Whoever keeps a draft has it for as long again."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One item for people, with the title it has for them. Its input is what they are shown."""

    item: Item
    origin: Origin
    asking: Asking
    title: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one person has said in one round. `answer` is JSON text; None: sent back, with the comment that says why.

    `saw` and `said` are what the event commits to: what was shown, and what was answered. `pick` is the one by which it
    was said of many at once.
    """

    round: int
    person: str
    answer: str | None
    comment: str | None
    seconds: float
    decided_at: datetime
    event_id: int | None
    saw: str | None
    said: str | None
    pick: int | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as it stands. `input` is the JSON text that is shown; `decisions` are those of all rounds, in order."""

    item: Item
    wave_id: int
    workflow: str
    step: str
    queue: str
    title: str
    priority: int
    due_at: datetime | None
    overdue: bool
    needs: int
    blind: bool
    prefill: bool
    bulk: bool
    round: int
    asked_at: datetime
    decided_at: datetime | None
    claimed_by: str | None
    claim_token: UUID | None
    claim_expires_at: datetime | None
    expired: bool
    seconds: float | None
    draft: str | None
    input: str
    nonce: bytes
    decisions: tuple[Decision, ...]

    @property
    def task(self) -> int:
        """The task's number: that of its interaction."""
        return self.item.interaction_id

    @property
    def answers(self) -> list[Decision]:
        """The decisions that count: those of this round."""
        return [one for one in self.decisions if one.round == self.round and one.answer is not None]

    @property
    def split(self) -> bool:
        """Whether as many people have spoken as are needed, and have not said the same."""
        return self.decided_at is None and len(self.answers) >= self.needs

    @property
    def hidden(self) -> bool:
        """Whether what has been said in this round is nobody's to see yet."""
        return self.blind and self.decided_at is None and not self.split


async def ask(connection: Connection, wave: Wave, asks: Sequence[Ask]) -> set[int]:
    """Let items wait for people, in the caller's transaction. Returns the ids that were still ours."""
    await plan_by_key(connection)
    rows = await fetch(
        connection,
        "tasks/ask",
        {
            "wave_id": wave.wave_id,
            "runner_id": wave.runner_id,
            "run_ids": sorted({one.item.run_id for one in asks}),
            "ids": [one.item.interaction_id for one in asks],
            "queues": [one.origin.actor for one in asks],
            "titles": [one.title for one in asks],
            "priorities": [one.asking.priority for one in asks],
            "dues_s": [one.asking.due_s for one in asks],
            "escalates": [one.asking.escalate or None for one in asks],
            "needs": [one.asking.needs for one in asks],
            "blinds": [one.asking.blind for one in asks],
            "prefills": [one.asking.prefill for one in asks],
            "bulks": [one.asking.bulk for one in asks],
            "data": [data_text({"needs": one.asking.needs, "queue": one.origin.actor}) for one in asks],
            **interactions.origins([one.origin for one in asks]),
        },
    )
    waiting = {row["interaction_id"] for row in rows}
    kept = [one for one in asks if one.item.interaction_id in waiting]
    await interactions.add_sources(connection, [(one.item, one.sources) for one in kept])
    return waiting


async def find(connection: Connection, task: int, *, locked: bool = False) -> Task | None:
    """Return a task by its number, locked for the rest of the transaction if that is asked for."""
    if locked:
        await fetch(connection, "tasks/lock", {"task": task})
    rows = await fetch(connection, "tasks/one", {"task": task})
    if not rows:
        return None
    keys = {"run_id": rows[0]["run_id"], "interaction_id": task}
    said = await fetch(connection, "tasks/decisions", keys)
    return _task(rows[0], tuple(Decision(**row) for row in said))


async def claim(
    connection: Connection,
    person: str,
    *,
    task: int | None = None,
    queue: str | None = None,
    skip: Sequence[int] = (),
    pick: int | None = None,
) -> int | None:
    """Claim a task for a person: that one; or the one that they have claimed already, or the most urgent that they may.

    None of those to skip. `pick` is what it is claimed by, with others. Returns its number; None if there is none.
    """
    await fetch(connection, "tasks/take_turns", {"person": person})
    parameters = {"person": person, "task": task, "queue": queue, "skip": list(skip), "lease_s": LEASE_S}
    rows = await fetch(connection, "tasks/claim", parameters)
    if not rows:
        return None
    row = rows[0]
    data = {"person": person, "queue": row["queue"], "round": row["round"], "lease_us": int(LEASE_S * 1_000_000)}
    data |= _by(pick)
    await _note(connection, row["run_id"], row["interaction_id"], EventType.TASK_CLAIMED, data)
    return int(row["interaction_id"])


async def release(connection: Connection, task: Task) -> None:
    """Give a claimed task back, undecided."""
    await fetch(connection, "tasks/release", _fence(task))
    data = {"person": task.claimed_by, "round": task.round}
    await _note(connection, task.item.run_id, task.task, EventType.TASK_RELEASED, data)


async def keep_draft(connection: Connection, task: Task, draft: str) -> None:
    """Keep what the claimer has filled in so far; the claim is theirs for another lease."""
    await fetch(connection, "tasks/keep", {**_fence(task), "draft": draft, "lease_s": LEASE_S})


async def decide(
    connection: Connection,
    task: Task,
    *,
    answer: str | None,
    comment: str | None,
    told: Mapping[str, Any],
    evidence: Sequence[SealedEvidence],
    payloads: Sequence[Mapping[str, Any]],
    pick: int | None = None,
) -> None:
    """Record what the claimer says of a locked task; `answer` None sends it back, `pick` says it of others too."""
    send_back = answer is None
    given = {**_fence(task), "answer": answer, "comment": comment, "send_back": send_back}
    [row] = await fetch(connection, "tasks/decide", given)
    data: dict[str, Any] = {
        "person": task.claimed_by,
        "round": task.round,
        "us": int(row["seconds"] * 1_000_000),
        "payloads": list(payloads),
        **_by(pick),
    }
    kind = EventType.TASK_SENT_BACK if send_back else EventType.TASK_DECIDED
    if not send_back:
        data["decision"] = dict(told)
    await _note(connection, task.item.run_id, task.task, kind, data)
    await interactions.add_evidence(connection, [(task.item, task.item.attempt, one) for one in evidence])


async def close(connection: Connection, task: Task) -> None:
    """Say that a task is decided; the database refuses it if fewer people have spoken than it needs."""
    await fetch(connection, "tasks/close", _key(task))


async def escalate(database: Database, *, runner_id: UUID) -> int:
    """Move overdue tasks to the queues that their steps name for that. Returns how many."""
    return len(await database.fetch("tasks/escalate", {"runner_id": runner_id}))


async def _note(
    connection: Connection, run_id: int, interaction_id: int, type: EventType, data: Mapping[str, Any]
) -> None:
    await interactions.note(
        connection, run_id=run_id, interaction_id=interaction_id, type=type, data=data, runner_id=None, wave_id=None
    )


def _by(pick: int | None) -> dict[str, int]:
    return {"pick": pick} if pick is not None else {}


def _key(task: Task) -> dict[str, Any]:
    return {"run_id": task.item.run_id, "interaction_id": task.task}


def _fence(task: Task) -> dict[str, Any]:
    return {**_key(task), "token": task.claim_token}


def _task(row: Row, decisions: tuple[Decision, ...]) -> Task:
    same = (
        *("wave_id", "workflow", "step", "queue", "title", "priority", "due_at", "needs", "blind"),
        *("prefill", "bulk", "round"),
        *("asked_at", "decided_at", "claimed_by", "claim_token", "claim_expires_at", "seconds", "draft", "input"),
    )
    return Task(
        item=Item(**{name: row[name] for name in Item._fields}),
        overdue=bool(row["overdue"]),
        expired=bool(row["expired"]),
        nonce=bytes(row["input_nonce"]),
        decisions=decisions,
        **{name: row[name] for name in same},
    )
