"""The states of an interaction and its legal moves: one table for the code, the verifier and the docs."""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """Where an interaction stands."""

    BLOCKED = "blocked"  # waits for other parents
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"  # for a person
    COMPLETED = "completed"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    INVALIDATED = "invalidated"


TERMINAL = frozenset(
    {State.COMPLETED, State.FAILED, State.QUARANTINED, State.SKIPPED, State.CANCELLED, State.INVALIDATED}
)

# A skipped interaction lives again when its cause is retried; failed and quarantined ones by `retry`.
LEGAL_MOVES: dict[State, frozenset[State]] = {
    State.BLOCKED: frozenset({State.PENDING, State.SKIPPED, State.CANCELLED}),
    State.PENDING: frozenset({State.RUNNING, State.QUARANTINED, State.SKIPPED, State.CANCELLED}),
    State.RUNNING: frozenset(
        {State.COMPLETED, State.FAILED, State.QUARANTINED, State.PENDING, State.WAITING, State.CANCELLED}
    ),
    State.WAITING: frozenset({State.COMPLETED, State.PENDING, State.FAILED, State.CANCELLED}),
    State.COMPLETED: frozenset({State.INVALIDATED}),
    State.FAILED: frozenset({State.PENDING}),
    State.QUARANTINED: frozenset({State.PENDING}),
    State.SKIPPED: frozenset({State.PENDING, State.BLOCKED}),
    State.CANCELLED: frozenset(),
    State.INVALIDATED: frozenset(),
}


def is_legal(before: State, after: State) -> bool:
    """Say whether an interaction may move from `before` to `after`."""
    return after in LEGAL_MOVES[before]
