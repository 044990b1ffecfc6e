"""Everything that must be true of the database: the server's settings, who is at work, and the invariants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wave_runner.core.health import (
    Check,
    Rights,
    Server,
    Verdict,
    log_check,
    projections_check,
    rights_checks,
    runners_check,
    server_checks,
    value_check,
)
from wave_runner.core.settling import ALL_ROWS
from wave_runner.core.workflow import CollectionSpec
from wave_runner.reports.alerts import BEHIND_S, UNSIGNED_S
from wave_runner.store import invariants, records, values
from wave_runner.store import reports as stored
from wave_runner.store.database import DataRefused

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database

LIMIT_S = 60.0
REPAIR_IT = "a table of the schema is damaged or was changed by hand: restore it from a backup, or undo the change"
COMPARE_LATER = "look whether the table is as the steps that write it expect it, and ask again"
REPORT_IT = "this must never be: keep the database as it is, and report it with what wave doctor --json prints"


async def database_checks(database: Database, *, lease_s: float, comes_along: bool) -> list[Check]:
    """Return what the server says of itself, and who is at work."""
    async with stored.snapshot(database) as connection:
        facts = Server(**await stored.server_facts(connection))
        rights = await stored.rights(connection)
        here = datetime.now(UTC)
        runners = await stored.runners(connection, lease_s=lease_s)
        of_the_log = await stored.log_alerts(connection, patience_s=UNSIGNED_S)
        of_projections = await stored.projection_alerts(connection, patience_s=BEHIND_S)
    async with database.querying() as connection:
        of_queries = await stored.query_rights(connection, database.schema)
    rights_here = rights_checks(Rights(schema=database.schema, comes_along=comes_along, **rights, **of_queries))
    log = log_check([(alert["kind"], alert["message"]) for alert in of_the_log])
    projections = projections_check([(alert["kind"], alert["message"]) for alert in of_projections])
    return [*server_checks(facts, here=here), *rights_here, runners_check(**runners), log, projections]


async def invariant_checks(database: Database, *, lease_s: float, limit_s: float = LIMIT_S) -> list[Check]:
    """Return how each invariant stands, all at one moment. One that takes longer than `limit_s` is not decided."""
    async with stored.snapshot(database) as connection:
        found = await invariants.check(connection, lease_s=lease_s, limit_s=limit_s)
    return [_check(one, limit_s) for one in found]


async def value_checks(
    database: Database, collections: Mapping[str, CollectionSpec], *, limit_s: float = LIMIT_S
) -> list[Check]:
    """Return for each column that a step has written whether the values in force still stand in its table."""
    async with stored.snapshot(database) as connection:
        return [
            await _value_check(connection, one, table, column, limit_s=limit_s)
            for table, column in await values.written_columns(connection)
            for one in collections.values()
            if table in (one.table, *one.rows)
        ]


async def _value_check(
    connection: Connection, collection: CollectionSpec, table: str, column: str, *, limit_s: float
) -> Check:
    name = table if column == ALL_ROWS else f"{table}.{column}"
    try:
        async with connection.transaction():
            tables = await records.look_up_tables(connection, collection)
            found = await values.changed_outside(
                connection, tables, table, column, shown=invariants.SHOWN, limit_s=limit_s
            )
    except DataRefused as refused:
        said = f"cannot be compared with what was written: {refused}"
        return Check(name=f"values {name}", verdict=Verdict.WARNING, found=said, fix=COMPARE_LATER)
    return value_check(name, written=found.written, changed=found.changed, gone=found.gone, keys=found.keys)


def _check(finding: invariants.Finding, limit_s: float) -> Check:
    name, holds = finding.invariant.code, finding.invariant.holds
    if finding.refused:
        found = f"cannot be asked: {holds}; PostgreSQL says: {finding.refused}"
        return Check(name=name, verdict=Verdict.FAILURE, found=found, fix=REPAIR_IT)
    if finding.total is None:
        found = f"not decided within {limit_s:g} s: {holds}"
        return Check(name=name, verdict=Verdict.WARNING, found=found, fix="ask again when the database has less to do")
    if finding.total:
        found = f"broken {finding.total} times: {holds}; {'; '.join(_says(one) for one in finding.first)}"
        return Check(name=name, verdict=Verdict.FAILURE, found=found, fix=REPORT_IT)
    return Check(name=name, verdict=Verdict.OK, found=holds)


def _says(violation: invariants.Violation) -> str:
    where = [
        f"{name} {value}"
        for name, value in (("run", violation.run_id), ("interaction", violation.interaction_id))
        if value is not None
    ]
    return f"{', '.join(where)}: {violation.says}" if where else violation.says
