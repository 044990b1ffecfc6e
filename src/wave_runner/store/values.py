"""Whether the values in the user's tables still are those that were written, all of a column at once."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from wave_runner.core.settling import ALL_ROWS
from wave_runner.store.database import Connection, DataRefused, fetch, users_data
from wave_runner.store.records import Address, Tables, limit, table_name


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Values in force of a column that are not what was written: how many there are, and some of them by record."""

    written: int
    changed: int
    gone: int  # of them, those whose record has no row any more
    keys: tuple[str, ...]


async def written_columns(connection: Connection) -> list[tuple[str, str]]:
    """Return every (table, column) that a step has ever written; `ALL_ROWS` for a list.

    None can be told where the table that says so is damaged, which the invariants on it report.
    """
    try:
        async with connection.transaction():
            with users_data(connection):
                rows = await fetch(connection, "provenance/columns")
    except DataRefused:
        return []
    return [(row["table_name"], row["column_name"]) for row in rows]


async def changed_outside(
    connection: Connection, tables: Tables, table: str, column: str, *, shown: int, limit_s: float
) -> Outside:
    """Compare every value in force of a column with what was written. Takes the whole column in one statement."""
    query = sql.SQL(
        "WITH written AS MATERIALIZED ("
        " SELECT DISTINCT ON (v.record_id) v.record_id, r.key, v.after_sha256 FROM value_writes v"
        " JOIN interactions i ON i.run_id = v.run_id AND i.interaction_id = v.interaction_id AND i.in_force"
        " AND i.state = 'completed'"
        " JOIN records r ON r.record_id = v.record_id"
        " WHERE v.table_name = %(table)s AND v.column_name = %(column)s AND r.collection = %(collection)s"
        " AND v.after_sha256 IS NOT NULL AND NOT (v.is_intake AND v.column_name = '*')"
        " ORDER BY v.record_id, v.value_write_id DESC"
        "), now AS MATERIALIZED ({now}), outside AS MATERIALIZED ("
        " SELECT w.record_id, w.key, n.address IS NULL AS gone FROM written w LEFT JOIN now n ON n.address = w.{by}"
        " WHERE n.sha256 IS DISTINCT FROM w.after_sha256"
        " AND (n.address IS NOT NULL OR w.after_sha256 <> sha256('null'))"
        ") SELECT (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM outside) AS changed,"
        " (SELECT count(*) FROM outside WHERE gone) AS gone,"
        " ARRAY(SELECT key FROM outside ORDER BY record_id LIMIT %(shown)s) AS keys"
    ).format(now=_now(tables.of(table), column), by=sql.SQL("key" if tables.of(table).by_key else "record_id::text"))
    given = {"table": table, "column": column, "collection": tables.collection.name, "shown": shown}
    await limit(connection, limit_s)
    with users_data(connection):
        cursor = await connection.execute(query, given, prepare=False)
        [row] = await cursor.fetchall()
    return Outside(written=row["written"], changed=row["changed"], gone=row["gone"], keys=tuple(row["keys"]))


def _now(address: Address, column: str) -> sql.Composed:
    """Return the query of what stands in a column now: the address of each record, and the hash of its value."""
    text: sql.Composable
    if column == ALL_ROWS:
        text = sql.SQL('json_agg(to_json(t) ORDER BY to_json(t)::text COLLATE "C")::text')
        grouped = sql.SQL("GROUP BY 1")
    else:
        text = sql.SQL("coalesce(to_json(t.{})::text, 'null')").format(sql.Identifier(column))
        grouped = sql.SQL("")
    query = (
        "SELECT t.{column}::text AS address, sha256(convert_to({text}, 'UTF8')) AS sha256 FROM {table} AS t {grouped}"
    )
    return sql.SQL(query).format(
        column=sql.Identifier(address.column), text=text, table=table_name(address.table), grouped=grouped
    )
