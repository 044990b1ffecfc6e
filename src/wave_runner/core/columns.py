"""Do the tables have what a project names? Decided from the catalog's columns, before a run begins.

Found later, a misspelt column would stop each record by itself, and a misspelt table would reject every staged row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from wave_runner.core.conditions import condition
from wave_runner.core.lint.finding import At, Finding
from wave_runner.core.lint.finding import tables as tables_of
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import CollectionSpec, Workflow

Tables = Mapping[str, Collection[str]]
"""The columns of each table of a collection; none for a table that is not there."""


def collection_findings(collection: CollectionSpec, tables: Tables) -> Iterator[Finding]:
    """Yield what `[collections.NAME]` of wave.toml names and the database does not have."""
    at: At = ("collections", collection.name)
    yield from _table(collection.table, (*at, "table"), tables)
    for key, column in (("key", collection.key), ("record_column", collection.record_column)):
        if column:
            yield from _column(collection.table, column, (*at, key), tables)
    for table, column in collection.rows.items():
        yield from _table(table, (*at, "rows", table), tables)
        yield from _column(table, column, (*at, "rows", table), tables)


def workflow_findings(workflow: Workflow, collection: CollectionSpec, tables: Tables) -> Iterator[Finding]:
    """Yield the columns that a workflow reads, writes or ensures something of, and that are not there."""
    for step in workflow.steps.values():
        at: At = ("steps", step.name)
        for name, ref in step.input.items():
            for column in _columns_of_record(ref.sources):
                yield from _column(collection.table, column, (*at, "input", name), tables)
        for index, target in enumerate(step.writes):
            table, column = written(target, tables)
            if column:
                yield from _column(table, column, (*at, "writes", index), tables)
    for index, text in enumerate(workflow.ensures):
        for column in sorted(condition(text).members("record")):
            yield from _column(collection.table, column, ("ensures", index), tables)


def targets(writes: Sequence[str], collection: CollectionSpec) -> dict[str, list[str]]:
    """Return every table that holds a record's data, with the columns that are declared to be written."""
    found: dict[str, list[str]] = {table: [] for table in tables_of(collection)}
    for target in sorted(set(writes)):
        table, column = written(target, found)
        if column:
            found[table].append(column)
    return found


def _table(table: str, at: At, tables: Tables) -> Iterator[Finding]:
    if not tables[table]:
        hint = "sql/tables.sql makes the project's own tables; one that lies in another schema is named `schema.table`"
        yield Finding(rule="unknown_table", at=at, message=f"the database has no table `{table}`", hint=hint)


def _column(table: str, column: str, at: At, tables: Tables) -> Iterator[Finding]:
    if column not in tables[table]:
        message = f"the table `{table}` has no column `{column}`"
        yield Finding(rule="unknown_column", at=at, message=message, hint=did_you_mean(column, tables[table]))


def _columns_of_record(sources: tuple[str, ...]) -> Iterator[str]:
    for source in sources:
        scope, _, path = source.partition(".")
        if scope == "record":
            yield path.partition(".")[0]


def written(target: str, tables: Collection[str]) -> tuple[str, str]:
    """Return the table and the column that a name in `writes` stands for; no column for a whole table."""
    table = next(table for table in tables if target == table or target.startswith(f"{table}."))
    return table, target.removeprefix(table).removeprefix(".")
