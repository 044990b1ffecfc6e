"""What must be true of every database at every moment, whatever was killed: each invariant is one statement.

A statement gives what breaks its invariant, with run, interaction and a sentence; no row means that it holds. They are
asked by `wave doctor`, and by the crash suite after each fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

from wave_runner.store.database import Connection, Row, fetch
from wave_runner.store.interactions import MAX_CRASHES
from wave_runner.store.statements import statement

SHOWN = 5
# PostgreSQL's classes for tables that are not as they were made: names and types, data, files, corruption
DAMAGED = ("42", "22", "58", "XX")


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """One thing that must be true, under the code that docs and tests know it by."""

    code: str
    statement: str
    holds: str


INVARIANTS = (
    Invariant(code="I1", statement="invariants/i1_nothing_lost", holds="no work is lost"),
    Invariant(
        code="I2", statement="invariants/i2_one_holder", holds="each result came from the wave that held the work"
    ),
    Invariant(code="I3", statement="invariants/i3_effects_once", holds="each effect stands once"),
    Invariant(code="I4", statement="invariants/i4_parents_first", holds="nothing began before what it follows"),
    Invariant(code="I5", statement="invariants/i5_fold", holds="each interaction is what its events say"),
    Invariant(
        code="I6", statement="invariants/i6_events_in_order", holds="events have no gap, and every move is legal"
    ),
    Invariant(code="I7", statement="invariants/i7_causes", holds="every event's cause is there, and older"),
    Invariant(code="I8", statement="invariants/i8_sealed", holds="each event is in the log, which has no gap"),
    Invariant(code="I10", statement="invariants/i10_counts", holds="the live counts are right"),
    Invariant(code="I11", statement="invariants/i11_nothing_left_behind", holds="nothing is left behind"),
    Invariant(code="I12", statement="invariants/i12_attempts", holds="nothing is tried too often or too soon"),
    Invariant(code="I13", statement="invariants/i13_one_model_at_a_time", holds="a slot has one wave at a time"),
    Invariant(code="I14", statement="invariants/i14_recovery", holds="lost work is taken back in time"),
    Invariant(
        code="I15", statement="invariants/i15_values_explained", holds="everything that was done explains itself"
    ),
    Invariant(code="I16", statement="invariants/i16_projections", holds="what is folded is what the log says"),
    Invariant(code="I17", statement="invariants/i17_erased_is_gone", holds="nothing is left of what was erased"),
)


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One thing that breaks an invariant."""

    run_id: int | None
    interaction_id: int | None
    says: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How an invariant stands: how many things break it, and the first of them.

    `total` is None where nobody can say: `refused` is why PostgreSQL does not answer, "" if time ran out.
    """

    invariant: Invariant
    total: int | None
    first: tuple[Violation, ...] = ()
    refused: str = ""


async def check(connection: Connection, *, lease_s: float, limit_s: float) -> list[Finding]:
    """Ask for every invariant, each within `limit_s` seconds. In a snapshot of its own they speak of one moment."""
    return [await _check(connection, one, lease_s=lease_s, limit_s=limit_s) for one in INVARIANTS]


async def _check(connection: Connection, invariant: Invariant, *, lease_s: float, limit_s: float) -> Finding:
    query = sql.SQL(statement("invariants/found")).format(query=sql.SQL(statement(invariant.statement)))
    parameters = {"lease_s": lease_s, "max_crashes": MAX_CRASHES, "shown": SHOWN}
    try:
        async with connection.transaction():
            limit = f"{round(limit_s * 1000)}ms"
            connection.allow(limit_s)
            await fetch(connection, "session/limit", {"statement": limit, "lock": limit})
            cursor = await connection.execute(query, parameters, prepare=False)
            rows = await cursor.fetchall()
    except errors.QueryCanceled:
        return Finding(invariant=invariant, total=None)
    except psycopg.Error as error:
        # A table that is damaged, or not as it was made: the others can be asked all the same.
        if not (error.sqlstate or "").startswith(DAMAGED):
            raise
        return Finding(invariant=invariant, total=None, refused=str(error).partition("\n")[0])
    return Finding(invariant=invariant, total=rows[0]["total"] if rows else 0, first=_violations(rows))


def _violations(rows: Sequence[Row]) -> tuple[Violation, ...]:
    return tuple(
        Violation(run_id=row["run_id"], interaction_id=row["interaction_id"], says=row["says"]) for row in rows
    )
