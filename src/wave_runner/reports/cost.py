"""What the calls of a run have cost: as a whole, and by step, model, record or attempt."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wave_runner.core.cost import amount
from wave_runner.errors import NotFoundError
from wave_runner.reports.gone import must_be_there
from wave_runner.reports.overall import FromCache, from_cache
from wave_runner.store import reports as stored
from wave_runner.store import run_details

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row

LIMIT = 50
NAMES = ("step", "model", "record")
COSTS = ("token_cost", "machine_cost", "failed_cost", "unseen_cost")


class By(enum.StrEnum):
    """What the lines of the report are of."""

    STEP = "step"
    MODEL = "model"
    RECORD = "record"
    ATTEMPT = "attempt"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What some calls have used and cost, the failed ones among them; what it is of is None where it is of several.

    Nothing is guessed: calls that are `running`, that are `unseen` (nobody has seen their end), whose tokens the server
    has `not_counted`, and those of models that are `not_priced`, are counted, and what is unknown of them is not in
    the sums. `unseen_cost` is the most that the unseen ones may have cost.
    """

    step: str | None
    model: str | None
    record: str | None
    interaction_id: int | None
    attempt: int | None
    fate: str | None
    calls: int
    failed: int
    running: int
    unseen: int
    not_counted: int
    not_priced: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    machine_us: int
    cost: Decimal
    token_cost: Decimal
    machine_cost: Decimal
    failed_cost: Decimal
    unseen_cost: Decimal


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The whole report. A load serves every run that waits for its model, so `loads` are priced in none of them.

    What was answered `from_cache` is no call and cost nothing: it is what would have been used besides. `lines` are the
    dearest of `total_lines`. Of a large run that is under way all but its state and the loads is as it was counted at
    `counted_at`; None: it is of now.
    """

    run_id: int
    workflow: str
    state: str
    currency: str | None
    counted_at: datetime | None
    loads: int
    load_us: int
    from_cache: FromCache
    total: Line
    by: By
    total_lines: int
    lines: Sequence[Line]


async def cost(
    database: Database, run_id: int | None = None, *, by: By = By.STEP, limit: int = LIMIT, now: bool = False
) -> Cost:
    """Return what a run has cost, the newest one by default. Raises `NotFoundError` if there is no such run.

    With `now` the calls of a large run that is under way are counted, however long that takes.
    """
    async with stored.snapshot(database) as connection:
        chosen = run_id if run_id is not None else await stored.newest_run(connection)
        run = await stored.run(connection, chosen) if chosen is not None else None
        if run is None or chosen is None:
            raise NotFoundError(f"there is no run {chosen}" if chosen else "there is no run yet", hint="wave status")
        await must_be_there(connection, chosen)
        found, counted_at = await run_details.costs(connection, chosen, by=by, limit=limit, now=now)
        [whole, *lines] = found.rows
        names = await stored.cost_names(connection, lines)
        loads = await stored.model_loads(connection, chosen)
    return Cost(
        run_id=chosen,
        workflow=run["workflow"],
        state=run["state"],
        currency=run["currency"],
        counted_at=counted_at,
        loads=loads["loads"],
        load_us=loads["load_us"],
        from_cache=from_cache([found.from_cache]),
        total=_line(whole, dict.fromkeys(NAMES)),
        by=by,
        total_lines=whole["lines"],
        lines=[_line(row, of) for row, of in zip(lines, names, strict=True)],
    )


def _line(row: Row, names: Row) -> Line:
    costs: dict[str, Any] = {part: amount(row[part.replace("cost", "money")]) for part in COSTS}
    plain = {name: row[name] for name in Line.__dataclass_fields__ if name in row}
    return Line(**names, **plain, **costs, cost=amount(row["token_money"] + row["machine_money"]))
