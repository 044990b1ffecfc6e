"""Asks the database one read-only question about a record; a workflow can route on the answer.

The questions are files, `sql/queries/NAME.sql`, one SELECT each. Their parameters are named in a line
`-- parameters: a, b`, in the order in which `%s` takes them, and come from the step's inputs of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from wave_runner import Context, ScriptActor

QUERIES = Path(__file__).resolve().parent.parent / "sql" / "queries"


class Answer(pydantic.BaseModel):
    """`outcome` is the first column of the first row, as text; None if there was no row."""

    outcome: str | None
    rows: int


class SqlQueryExecutor(ScriptActor):
    """Runs `sql/queries/<query>.sql` with parameters from the other inputs."""

    database = True
    Output = Answer

    class Input(pydantic.BaseModel):
        """`query` names the file; every other input is a parameter by its name."""

        model_config = pydantic.ConfigDict(extra="allow")

        query: str

    def process(self, item: Input, ctx: Context) -> Answer:
        """Ask, and return the outcome."""
        statement = read_query(QUERIES, item.query)
        rows = ctx.db.query(statement, *parameters(statement, item.model_extra or {}))
        return answer(rows)


def read_query(folder: Path, name: str) -> str:
    """Return the text of `folder/name.sql`. A name is a plain word: it can lead nowhere else."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name of a query: lower-case letters, digits and underscores only")
    file = folder / f"{name}.sql"
    if not file.is_file() or file.resolve().parent != folder.resolve():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.sql"))) or "none"
        raise ValueError(f"there is no query {name!r} in sql/queries/; there are: {known}")
    return file.read_text(encoding="utf-8")


def parameters(statement: str, inputs: Mapping[str, Any]) -> list[Any]:
    """Return the values that the query's `-- parameters:` line names, in its order."""
    line = re.search(r"^-- parameters: *(.*)$", statement, re.MULTILINE)
    names = [name.strip() for name in line.group(1).split(",")] if line else []
    if missing := [name for name in names if name not in inputs]:
        raise ValueError(f"the query needs {', '.join(missing)}: add it to the step's input")
    return [inputs[name] for name in names]


def answer(rows: list[dict[str, Any]]) -> Answer:
    """Make the outcome of a query's rows."""
    value = next(iter(rows[0].values())) if rows else None
    return Answer(outcome=None if value is None else str(value), rows=len(rows))
