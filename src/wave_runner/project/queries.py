"""The queries of a project: the files under sql/ that its workflows name, each an actor of kind sql."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import ROUTER, SELECT_ALL, Project, QuerySpec, Workflow
from wave_runner.project.document import At, Document

# What makes the project's tables is run by itself: `wave_runner.engine` looks for files of this name.
TABLES = "sql/tables"


class QueryError(ValueError):
    """A file holds no text that could be a query. `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def find_queries(project: Project, documents: Mapping[str, Document]) -> dict[str, QuerySpec]:
    """Return every query that a workflow names, or raise ProjectError: its file must be there, its name its own."""
    queries: dict[str, QuerySpec] = {}
    for workflow in project.workflows.values():
        for at, path in _named(workflow):
            name = PurePosixPath(path).stem
            if wrong := _wrong(project, queries, name, path):
                message, hint, rule = wrong
                raise documents[workflow.path].error(at, message, hint, rule=rule)
            queries[name] = QuerySpec(name=name, path=path)
    return queries


def read_query(body: bytes) -> str:
    """Return the text of a query as it can stand inside another one: without the semicolon at its end."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise QueryError("the file is not UTF-8", body[: error.start].count(b"\n") + 1) from error
    if "\0" in text:
        raise QueryError("the file holds a NUL character", text.partition("\0")[0].count("\n") + 1)
    query = text.rstrip().rstrip(";")
    if not query.strip():
        raise QueryError("the file holds no query", 1)
    return query


def _named(workflow: Workflow) -> Iterator[tuple[At, str]]:
    if workflow.select not in ("", SELECT_ALL):
        yield ("select",), workflow.select
    for index, path in enumerate(workflow.ensures_sql):
        yield ("ensures_sql", index), path
    for index, path in enumerate(workflow.ensures_run_sql):
        yield ("ensures_run_sql", index), path
    for step in workflow.steps.values():
        if step.sql:
            yield ("steps", step.name, "sql"), step.sql


def _wrong(project: Project, queries: Mapping[str, QuerySpec], name: str, path: str) -> tuple[str, str, str] | None:
    """Return what keeps a file from being a query, what may help, and the rule."""
    if path not in project.files:
        near = did_you_mean(path, (known for known in project.files if known.startswith("sql/")))
        return f"there is no file {path} in the project", near, "unknown_file"
    if path.startswith(TABLES):
        return (
            f"{path} makes tables: files whose name begins with `tables` are run once, when a database is set up",
            "",
            "bad_query",
        )
    if name in project.scripts or name in project.models or name == ROUTER:
        kind = "script" if name in project.scripts else "model" if name in project.models else "word of our own"
        return f"`{name}` is a {kind} already; an actor has one kind", f"give {path} another name", "name_taken"
    if name in queries and queries[name].path != path:
        return f"`{name}` is {queries[name].path} already", "give one of the two files another name", "name_taken"
    return None
