"""The server understands every statement of the store, those too that no other test of this folder asks."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from tests.support.projects import SCHEMA, Ground

import wave_runner

SQL = Path(wave_runner.__file__).parent / "store/sql"
PLANNED = re.compile(r"(?:\s|--[^\n]*\n)*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
TYPES_TOLD = (
    psycopg.errors.IndeterminateDatatype,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.AmbiguousParameter,
)
"""What is wrong only here: psycopg sends the types along with the values."""
NAMES = re.compile(r"\{\w+\}")  # of tables and columns, which the statement is given


def asked(text: str) -> str:
    """Return a statement as psycopg sends it: its parameters by number."""
    numbers: dict[str, str] = {}
    numbered = re.sub(r"%\((\w+)\)s", lambda found: numbers.setdefault(found.group(1), f"${len(numbers) + 1}"), text)
    return numbered.replace("%%", "%")


def test_the_server_understands_every_statement(ground: Ground):
    texts = {path.relative_to(SQL): path.read_text(encoding="utf-8") for path in sorted(SQL.rglob("*.sql"))}
    planned = {path: text for path, text in texts.items() if PLANNED.match(text) and not NAMES.search(text)}
    refused = {}
    with psycopg.connect(ground.url, autocommit=True, options=f"-c search_path={SCHEMA},public") as connection:
        for path, text in planned.items():
            try:
                connection.execute(f"PREPARE statement AS {asked(text)}", prepare=False)
            except TYPES_TOLD:
                continue
            except psycopg.Error as error:
                refused[str(path)] = str(error)
            else:
                connection.execute("DEALLOCATE statement")
    assert refused == {}
    assert len(planned) > 0.9 * len(texts), "it is to see nearly all of them"
