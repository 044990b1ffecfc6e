"""The interactions of a run, page by page: which pieces of work are like that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wave_runner.core.interaction import State
from wave_runner.errors import NotFoundError
from wave_runner.reports.gone import must_be_there
from wave_runner.store import provenance
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database

LIMIT = 50
LOOK = 20_000
"""So many of the newest interactions are looked at for one page, where no index leads to what is asked for."""

NEWEST = 2**63 - 1
TROUBLED = frozenset({State.FAILED, State.QUARANTINED})
"""What is in these states has an error or a rule, and so has an index."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for. `error_class` and `rule` are also those of work that will be tried again, or is doubted."""

    step: str | None = None
    state: State | None = None
    error_class: str | None = None
    rule: str | None = None

    @property
    def is_trouble(self) -> bool:
        return self.state in TROUBLED or self.error_class is not None or self.rule is not None


@dataclass(frozen=True, kw_only=True)
class ListedInteraction:
    """One interaction. `key` is None for what is done once for a run; times are those of the last attempt."""

    interaction_id: int
    key: str | None
    step: str
    actor: str
    kind: str
    item: int
    iteration: int
    state: str
    in_force: bool
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    service_us: int | None
    tokens_in: int | None
    tokens_out: int | None
    error_class: str | None
    rule: str | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """A page of a run's interactions, the newest first.

    The next one stands before `next_before_id`; None: this is the last. `looked_at` is how many were looked at for a
    page that is not full, where more are left to look at; None: all that are asked for were found.
    """

    run_id: int
    workflow: str
    rows: list[ListedInteraction]
    next_before_id: int | None
    looked_at: int | None


async def interactions(
    database: Database,
    run_id: int | None = None,
    *,
    wanted: Wanted | None = None,
    key: str | None = None,
    collections: Sequence[str] = (),
    before: int | None = None,
    limit: int = LIMIT,
    look: int = LOOK,
) -> Interactions:
    """Return interactions of a run, the newest by default; of one record by its key in one of the `collections`.

    Raises `NotFoundError` if there is no such run or record.
    """
    first = before if before is not None else NEWEST
    async with stored.snapshot(database) as connection:
        chosen, workflow = await run_of(connection, run_id)
        like = await like_that(connection, chosen, wanted or Wanted(), key=key, collections=collections)
        by = like["by"]
        given = {**like, "before": first, "look": look, "limit": limit + 1}
        found = await stored.interactions(connection, chosen, **given)
        rows = [ListedInteraction(**row) for row in found[:limit]]
        following, looked_at = rows[-1].interaction_id if len(found) > limit else None, None
        if following is None and by == "place":
            seen = await stored.interactions_look(connection, chosen, before=first, look=look)
            if seen["looked"] == look:
                following, looked_at = seen["oldest"], look
    return Interactions(run_id=chosen, workflow=workflow, rows=rows, next_before_id=following, looked_at=looked_at)


async def like_that(
    connection: Connection, run_id: int, wanted: Wanted, *, key: str | None, collections: Sequence[str]
) -> dict[str, Any]:
    """Return what is asked for as the statements take it, with the way that leads to it.

    Raises `NotFoundError` if there is no such record.
    """
    record_id = await _record(connection, key, collections)
    by = "record" if record_id is not None else "trouble" if wanted.is_trouble else "place"
    return {"by": by, "record_id": record_id, **asdict(wanted)}


async def run_of(connection: Connection, run_id: int | None) -> tuple[int, str]:
    """Return the run that is asked for, the newest by default, and its workflow.

    Raises `NotFoundError` if there is none, or its history was dropped.
    """
    chosen = run_id if run_id is not None else await stored.newest_run(connection)
    run = await stored.run(connection, chosen) if chosen is not None else None
    if run is None or chosen is None:
        raise NotFoundError(
            f"there is no run {chosen}" if chosen else "there is no run yet", hint="wave report runs lists them"
        )
    await must_be_there(connection, chosen)
    return chosen, str(run["workflow"])


async def _record(connection: Connection, key: str | None, collections: Sequence[str]) -> int | None:
    if key is None:
        return None
    row = await provenance.record(connection, key, collections=collections)
    if row is None:
        raise NotFoundError(
            f"there is no record {key!r}",
            hint="a row that staging rejected never became a record: wave status lists the rejections",
        )
    found: int = row["record_id"]
    return found
