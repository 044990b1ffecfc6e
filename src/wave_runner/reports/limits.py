"""How much of its limits a run has used: as a whole, and by the record that has used most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.core.limits import COUNTED, RECORD, SCOPES, UNITS, Limits
from wave_runner.core.pinned import read_step
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit, in the unit of its file. Of a limit for records `used` is the most that one of them has used."""

    name: str
    used: float
    most: float


async def limits(connection: Connection, run_id: int) -> list[Limit]:
    """Return what is used of each limit that the run's workflow counts; none where it has no limits."""
    bodies = await stored.run_definition(connection, run_id)
    allowed = read_step(bodies[0]).limits if bodies else Limits()
    if not allowed:
        return []
    rows = {row["whole"]: row for row in await stored.spending(connection, run_id)}
    found = []
    for scope in SCOPES:
        used = rows.get(scope != RECORD, {})
        for name in COUNTED:
            if name in allowed.of(scope):
                unit = UNITS.get(name, 1)
                most = allowed.of(scope)[name] / unit
                found.append(Limit(name=f"{name}_per_{scope}", used=used.get(name, 0) / unit, most=most))
    return found
