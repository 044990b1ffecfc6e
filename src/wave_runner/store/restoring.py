"""Put back what stood in the user's tables before a step wrote there, from the JSON text that was kept of it."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from wave_runner.core.settling import ALL_ROWS
from wave_runner.store.database import Connection, fetch, users_data
from wave_runner.store.records import Address, Tables, address_of, table_name, typed_addresses


async def restore(
    connection: Connection,
    tables: Tables,
    table: str,
    column: str,
    records: Mapping[int, str],
    texts: Mapping[int, str],
) -> None:
    """Set a column of records' rows, or their rows where `column` is `ALL_ROWS`, to what JSON texts say.

    `records` has the key of each, `texts` what it is to have: the value, or the list of rows; those without a text have
    no rows any more. The texts are PostgreSQL's own and are read back by it, so that no number and no time changes.
    """
    address = tables.of(table)
    places = {record_id: address_of(address, record_id, key) for record_id, key in records.items()}
    with users_data(connection):
        if column == ALL_ROWS:
            await _restore_rows(connection, address, list(places.values()), list(texts.values()))
        else:
            documents = [f"{{{_json_name(column)}:{texts.get(record_id, 'null')}}}" for record_id in places]
            await _restore_column(connection, address, column, list(places.values()), documents)


async def _restore_column(
    connection: Connection, address: Address, column: str, places: list[str], documents: list[str]
) -> None:
    query = sql.SQL(
        "UPDATE {table} AS t SET {column} = v.{column} FROM ("
        "SELECT g.address AS {address}, r.* FROM unnest({given}, %(documents)s::text[]) AS g (address, document) "
        "CROSS JOIN LATERAL json_populate_record(NULL::{table}, g.document::json) AS r) AS v "
        "WHERE t.{by} = v.{address}"
    ).format(
        table=table_name(address.table),
        column=sql.Identifier(column),
        address=sql.Identifier("wave:address"),  # no column of a user's has this name
        by=sql.Identifier(address.column),
        given=typed_addresses(address),
    )
    await connection.execute(query, {"addresses": places, "documents": documents}, prepare=False)


async def _restore_rows(connection: Connection, address: Address, places: list[str], lists: list[str]) -> None:
    by, given = sql.Identifier(address.column), typed_addresses(address)
    names = {"table": table_name(address.table), "by": by, "given": given}
    delete = sql.SQL("DELETE FROM {table} WHERE {by} = ANY ({given})").format(**names)
    await connection.execute(delete, {"addresses": places}, prepare=False)
    stored = await fetch(connection, "records/stored_columns", {"table": names["table"].as_string(connection)})
    columns = sql.SQL(", ").join(sql.Identifier(row["name"]) for row in stored)
    insert = sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} "
        "FROM unnest(%(lists)s::text[]) AS g (list) "
        "CROSS JOIN LATERAL json_populate_recordset(NULL::{table}, g.list::json) AS r"
    ).format(table=names["table"], columns=columns)
    await connection.execute(insert, {"lists": lists}, prepare=False)


def _json_name(column: str) -> str:
    return '"' + column.replace("\\", "\\\\").replace('"', '\\"') + '"'
