"""Before a run starts: are the tables what the project says, and does the database plan what it will be asked?"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from pathlib import Path

from wave_runner.core import columns, staged
from wave_runner.core.filters import FilterError, Term, read_filter
from wave_runner.core.results import NAMES, checked, is_of_result
from wave_runner.core.selecting import columns_read
from wave_runner.core.workflow import SELECT_ALL, Project, Workflow
from wave_runner.errors import ProjectError
from wave_runner.project.folder import WAVE_TOML
from wave_runner.project.load import located
from wave_runner.project.queries import read_query
from wave_runner.store import queries, records, selections
from wave_runner.store.database import Connection, Database, DataRefused

GRAMMAR = 'column:value, column:>2, column:<2026-01-01, column:null or column:"two words"; all of several must hold'

CHOICE_GRAMMAR = f"{GRAMMAR}; of results: {', '.join(NAMES)}, out.FIELD"

WAVE_HINT = "it reads the wave from wave_items"
RECORDS_HINT = "it reads ended_records (record_id, key), and gives the record_id of each that is not as it should be"
RUN_HINT = "it reads this_run (run_id), and gives the rows that should not be there"


def read_where(workflow: Workflow, where: str) -> tuple[Term, ...]:
    """Return the conditions of `--where`; raises ProjectError for what is none, or cannot be used on this workflow."""
    if not where:
        return ()
    if not workflow.select:
        message = f"the workflow {workflow.name} takes its records from staging, and a filter is about rows of a table"
        raise ProjectError(message, hint=f"leave out --where, or give {workflow.path} a `select`")
    try:
        return read_filter(where)
    except FilterError as error:
        raise ProjectError(f"--where: {error}", hint=GRAMMAR) from error


def read_choice(where: str) -> tuple[Term, ...]:
    """Return the conditions by which results are chosen; raises ProjectError for what is none."""
    if not where:
        return ()
    try:
        terms = read_filter(where)
        checked([term for term in terms if is_of_result(term)])
    except FilterError as error:
        raise ProjectError(f"--where: {error}", hint=CHOICE_GRAMMAR) from error
    return terms


def read_rows(where: str) -> tuple[Term, ...]:
    """Return the conditions by which staged rows are chosen; raises ProjectError for what is none."""
    if not where:
        return ()
    try:
        return staged.checked(read_filter(where))
    except FilterError as error:
        raise ProjectError(
            f"--where: {error}", hint=f"{GRAMMAR}; of rows: {', '.join(staged.NAMES)}, raw.FIELD"
        ) from error


async def preflight(
    database: Database,
    connection: Connection,
    project: Project,
    workflow: Workflow,
    terms: Sequence[Term],
    *,
    folder: Path,
) -> None:
    """Raise ProjectError for what the database does not have or refuses, before there is work to fail by it."""
    await _check_columns(connection, project, workflow, folder=folder)
    async with database.querying(within=connection) as asking:
        await _plan_queries(asking, project, workflow, terms, folder=folder)


async def _plan_queries(
    connection: Connection, project: Project, workflow: Workflow, terms: Sequence[Term], *, folder: Path
) -> None:
    for path in sorted({step.sql for step in workflow.steps.values() if step.sql}):
        await _plan(queries.plan(connection, read_query(project.files[path])), folder / path, WAVE_HINT)
    for path in workflow.ensures_sql:
        await _plan(queries.plan_records(connection, read_query(project.files[path])), folder / path, RECORDS_HINT)
    for path in workflow.ensures_run_sql:
        await _plan(queries.plan_run(connection, read_query(project.files[path])), folder / path, RUN_HINT)
    if workflow.select:
        await _plan_selection(connection, project, workflow, terms, folder=folder)


async def _plan(planning: Awaitable[None], path: Path, hint: str) -> None:
    try:
        await planning
    except DataRefused as error:
        raise _refused(path, error, hint) from error


async def _check_columns(connection: Connection, project: Project, workflow: Workflow, *, folder: Path) -> None:
    collection = project.collections[workflow.collection]
    tables = await records.look_up_columns(connection, collection)
    for finding in columns.collection_findings(collection, tables):
        raise located(folder, WAVE_TOML, finding)
    for finding in columns.workflow_findings(workflow, collection, tables):
        raise located(folder, workflow.path, finding)


async def _plan_selection(
    connection: Connection, project: Project, workflow: Workflow, terms: Sequence[Term], *, folder: Path
) -> None:
    collection = project.collections[workflow.collection]
    is_query = workflow.select != SELECT_ALL
    source = selections.Source(
        tables=await records.look_up_tables(connection, collection),
        query=read_query(project.files[workflow.select]) if is_query else None,
        columns=columns_read(workflow.steps.values(), collection.table),
    )
    try:
        await selections.check(connection, source, ())
    except DataRefused as error:
        hint = f"it gives one column: values of {collection.table}.{collection.key}"
        raise _refused(folder / (workflow.select if is_query else workflow.path), error, hint) from error
    try:
        await selections.check(connection, source, terms)
    except DataRefused as error:
        raise ProjectError(f"--where: PostgreSQL refuses it: {error}", hint=GRAMMAR) from error


def _refused(path: Path, error: DataRefused, hint: str) -> ProjectError:
    return ProjectError(f"PostgreSQL refuses the query: {error}", path=path, hint=hint)
