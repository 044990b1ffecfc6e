"""How a run stood once, as far as was known then: read from the log, whatever has become of it since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from wave_runner.errors import NotFoundError
from wave_runner.reports.gone import must_be_there
from wave_runner.store import as_of as stored
from wave_runner.store import drops, reports

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database

STATE_OF = {
    "run_started": "running",
    "resumed": "running",
    "retried": "running",
    "rerun_started": "running",
    "rerun_undone": "running",
    "invalidated": "running",
    "paused": "paused",
    "cancelled": "being cancelled",
    "run_completed": "completed",
    "run_failed": "failed",
    "run_cancelled": "cancelled",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class PastError:
    """What had gone wrong at a step for one reason: a rule that was broken, or else a class of error.

    State `retrying` was to be tried again.
    """

    step: str
    state: str
    reason: str
    n: int
    records: int


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """A run as the first `index` entries of the log say, which were sealed by `sealed_at`.

    What has not begun has no event: `steps` and `records` count what had begun. Both are counts by state.
    """

    index: int
    sealed_at: datetime
    run_id: int
    state: str
    records: Mapping[str, int]
    steps: Mapping[str, Mapping[str, int]]
    errors: Sequence[PastError]


async def as_of(database: Database, where: int | datetime, run_id: int | None = None) -> AsOf:
    """Return how a run, the newest by default, stood as far as the log said at an index of it, or at a time.

    Known at a time is what stands under a header of that time or before. Raises `NotFoundError` for what the log does
    not reach, and for a run that had not begun.
    """
    async with reports.snapshot(database) as connection:
        before, sealed_at = await _place(connection, where)
        if run_id is not None:
            await must_be_there(connection, run_id)
        found = await stored.run(connection, before, run_id)
        if found is None:
            gone = await drops.gone(connection)
            which = f"no run {'that is left ' if gone else ''}had" if run_id is None else f"run {run_id} had not"
            raise NotFoundError(
                f"{which} begun as far as the first {before} entries of the log say",
                hint="a later index or time; wave audit status says how long the log is",
            )
        steps: dict[str, dict[str, int]] = defaultdict(dict)
        for row in await stored.steps(connection, found, before):
            steps[row["step"]][row["state"] or "begun"] = row["n"]
        return AsOf(
            index=before,
            sealed_at=sealed_at,
            run_id=found,
            state=STATE_OF[await stored.last_said(connection, found, before)],
            records=await stored.records(connection, found, before),
            steps=dict(steps),
            errors=[PastError(**row) for row in await stored.errors(connection, found, before)],
        )


async def _place(connection: Connection, where: int | datetime) -> tuple[int, datetime]:
    """Return how many entries count, and the time of the last header among them."""
    size = await stored.size(connection)
    if isinstance(where, int):
        if not 0 < where <= size:
            raise NotFoundError(f"the log has {size} entries, and not {where}", hint="wave audit status")
        header = await _last_header(connection, size, lambda index, _: index < where)
        return where, header[1] if header else EPOCH
    header = await _last_header(connection, size, lambda _, at: at <= where)
    if header is None:
        raise NotFoundError(f"nothing was sealed by {where:%Y-%m-%d %H:%M:%S %Z}", hint="a later time")
    following = await stored.header_from(connection, header[0] + 1)
    return following[0] if following else size, header[1]


async def _last_header(
    connection: Connection, size: int, counts: Callable[[int, datetime], bool]
) -> tuple[int, datetime] | None:
    """Return index and time of the last header that counts: those that do come before those that do not."""
    found: tuple[int, datetime] | None = None
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        header = await stored.header_from(connection, middle)
        if header is None or header[0] >= high:
            high = middle
            continue
        at = EPOCH + timedelta(microseconds=orjson.loads(header[1])["at"])
        if counts(header[0], at):
            found, low = (header[0], at), header[0] + 1
        else:
            high = middle
    return found
