"""How much of its limits a run has used: as a whole, and by the record that has used most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.core.limits import BUDGETS, COUNTED, RECORD, RUN, SCOPES, UNITS, Limits
from wave_runner.core.pinned import read_step
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit, in the unit of its file. Of a limit for records `used` is the most that one of them has used.

    Of a budget of the run `most` is with what was granted beyond it; `reserved` is for calls that are under way, and
    `unknown` is what was reserved for calls whose end nobody has seen: they may have used it.
    """

    name: str
    used: float
    most: float
    reserved: float = 0.0
    unknown: float = 0.0


async def limits(connection: Connection, run_id: int, spent: Row) -> list[Limit]:
    """Return what is used of each limit that the run's workflow counts; none where it has no limits.

    `spent` is the most that one of its records has used.
    """
    bodies = await stored.run_definition(connection, run_id)
    allowed = read_step(bodies[0]).limits if bodies else Limits()
    if not allowed:
        return []
    used = {RECORD: spent, RUN: await stored.spending(connection, run_id)}
    [calls] = await stored.budget(connection, run_id)
    found = []
    for scope in SCOPES:
        for name in COUNTED:
            if name in allowed.of(scope):
                found.append(_limit(name, scope, allowed.of(scope)[name], used[scope].get(name, 0), calls))
    return found


def _limit(name: str, scope: str, most: int, used: int, calls: Row) -> Limit:
    unit, full = UNITS.get(name, 1), f"{name}_per_{scope}"
    if scope == RECORD or name not in BUDGETS:
        return Limit(name=full, used=used / unit, most=most / unit)
    return Limit(
        name=full,
        used=used / unit,
        most=(most + calls[f"more_{name}"]) / unit,
        reserved=calls[f"reserved_{name}"] / unit,
        unknown=calls[f"unknown_{name}"] / unit,
    )
