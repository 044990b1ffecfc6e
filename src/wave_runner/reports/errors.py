"""What goes wrong: the kinds, with what they concern, and the newest one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row
    from wave_runner.store.run_sums import Sums

TRACEBACK = "Traceback"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One kind of failure: the same step, error class and rule.

    State `retrying` will be tried again; `doubted` was recorded as completed before something spoke against it.
    """

    step: str
    actor: str
    state: str
    error_class: str | None
    rule: str | None
    n: int
    records: int
    retries: int
    newest: datetime | None


@dataclass(frozen=True, kw_only=True)
class RecentError:
    """One interaction that failed or was quarantined; `traceback` if its script raised something."""

    interaction_id: int
    finished_at: datetime
    state: str
    key: str | None
    step: str
    actor: str
    attempt: int
    error_class: str | None
    rule: str | None
    error: str | None
    traceback: str | None


@dataclass(frozen=True, kw_only=True)
class Errors:
    """The failures of a run. Where they are many they are as they were counted at `counted_at`; None: as of now."""

    counted_at: datetime | None
    patterns: list[Pattern]
    recent: list[RecentError]


async def errors(connection: Connection, run_id: int, sums: Sums) -> Errors:
    """Return the kinds of failure, the most frequent first, and the newest failures."""
    recent = await stored.recent_errors(connection, run_id, sums.wrong.newest) if sums.wrong.newest else []
    return Errors(
        counted_at=sums.wrong.counted_at,
        patterns=patterns(sums),
        recent=[RecentError(**with_traceback(row)) for row in recent],
    )


def patterns(sums: Sums) -> list[Pattern]:
    """Return the kinds of failure, the most frequent first."""
    return [Pattern(**row) for row in sums.wrong.kinds]


def with_traceback(row: Row) -> Row:
    """Return a row with the evidence of an error as its `traceback`, or None if no script raised anything."""
    evidence = (row["evidence"] or b"").decode(errors="replace")
    traceback = evidence if evidence.startswith(TRACEBACK) else None
    return {name: value for name, value in row.items() if name != "evidence"} | {"traceback": traceback}
