"""The `sql` actor: what a query gave for one item of its wave, as an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wave_runner.core.canonical import JsonError, parse_json
from wave_runner.core.outcome import Breach, Done, ErrorClass, Evidence, Failure, Outcome, Usage, Write

# PostgreSQL's classes of errors that one item's values can cause: of cardinality, of data, of a constraint, and what a
# function of the user's raises.
ONE_ITEMS_FAULT = ("21", "22", "23", "P0")
OUT_OF_TIME = "57014"
# A deadlock or a serialization, no room, a lock, the system around the server: another try may not meet them.
MAY_PASS = ("40", "53", "55", "58")


def outcome(rows: int, row: str | None, *, usage: Usage) -> Outcome:
    """Return what an item's rows mean. One row is the answer; it names the item itself by `interaction_id`.

    A column `table.column` is what is to be written there, every other column a field of the output.
    """
    if rows == 0:
        return Breach(rule="no_row", message="the query gave no row for this item", usage=usage)
    assert row is not None, "where there are rows there is one to show"
    kept = (Evidence(role="answer", media_type="application/json", content=row.encode()),)
    if rows > 1:
        message = f"the query gave {rows} rows for this item, and one is the answer"
        return Breach(rule="two_rows", message=message, evidence=kept, usage=usage)
    try:
        columns = parse_json(row.encode())
    except JsonError as error:
        return Breach(rule=error.rule, message=f"the row {error}", evidence=kept, usage=usage)
    del columns["interaction_id"]
    output = {name: value for name, value in columns.items() if "." not in name}
    return Done(output=output, writes=_writes(columns), usage=usage)


def refused(message: str, sqlstate: str, *, usage: Usage) -> Outcome:
    """Return what a statement's error means for each item it was run for, with the database's own words.

    What an item's values can cause breaks the contract; an error of the query itself no other try can mend.
    """
    said = (Evidence(role="error", media_type="text/plain", content=message.encode()),)
    if sqlstate.startswith(ONE_ITEMS_FAULT):
        return Breach(rule="query_refused", message=message, evidence=said, usage=usage)
    return Failure(error_class=_class_of(sqlstate), message=message, evidence=said, usage=usage)


def strays(rows: int, *, usage: Usage) -> Outcome:
    """Return what it means for a whole wave that a query gave rows for items that are none of it."""
    message = f"the query gave {rows} rows whose interaction_id is none of wave_items"
    return Failure(error_class=ErrorClass.PERMANENT, message=message, usage=usage)


def _class_of(sqlstate: str) -> ErrorClass:
    if sqlstate == OUT_OF_TIME:
        return ErrorClass.TIMEOUT
    return ErrorClass.TRANSIENT if sqlstate.startswith(MAY_PASS) else ErrorClass.PERMANENT


def _writes(columns: Mapping[str, Any]) -> tuple[Write, ...]:
    tables: dict[str, dict[str, Any]] = {}
    for name, value in columns.items():
        table, dot, column = name.rpartition(".")
        if dot:
            tables.setdefault(table, {})[column] = value
    return tuple(Write(table=table, values=values) for table, values in tables.items())
