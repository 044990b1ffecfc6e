"""What the benchmarks of steps share: a project whose steps do nothing, its database, and the facts of the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

import wave_runner
from wave_runner.store import embedded

WAVE = Path(sys.executable).with_name("wave")
STEPS = 5

TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-00000000b001"
name = "noop"

[collections.things]
table = "things"
key = "name"
"""
TABLES = "CREATE TABLE things (name text PRIMARY KEY, note text);\n"
SCRIPT = """\
from wave_runner import ScriptActor


class Nothing(ScriptActor):
    def process(self, item, ctx):
        return {}
"""
EXECUTABLE = "#!/bin/sh\nprintf '{}'\n"
QUERY = "SELECT interaction_id, 1 AS one FROM wave_items\n"
SCHEMA = '{"type": "object", "properties": {"one": {"type": "integer"}}, "required": ["one"]}\n'
# What a step of each kind is, but for where it goes.
KINDS = {
    "script": "actor: script",
    "executable": "actor: executable",
    "sql": "sql: sql/nothing.sql, output: schemas/one.json",
    "engine": "",  # a step that only routes: no actor, so that nothing but the engine is measured
}


@dataclass(frozen=True, kw_only=True)
class Noop:
    """A project of steps that do nothing."""

    folder: Path
    url: str
    admin_url: str

    def wave(self, *arguments: str) -> None:
        """Run a command, and fail with what it says if it does."""
        command = [str(WAVE), "--project", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert done.returncode == 0, done.stderr

    def fill(self, records: int) -> None:
        """Put rows that no run has seen into the table that the workflows select from, in the place of those there."""
        self.empty()
        self.copy(records)
        with self.sql() as connection:
            connection.execute("ANALYZE things")

    def empty(self) -> None:
        """Take all rows out of the table that the workflows select from."""
        with self.sql() as connection:
            connection.execute("TRUNCATE things")

    def copy(self, records: int) -> None:
        """Put rows that no run has seen into the table."""
        with self.sql() as connection:
            [row] = connection.execute("SELECT count(*) AS seen FROM records").fetchall()
            with connection.cursor().copy("COPY things (name) FROM STDIN") as copy:
                for n in range(row["seen"], row["seen"] + records):
                    copy.write_row([f"thing {n:07}"])

    def settle(self) -> None:
        """Leave the database as if what is in it had been there for long: nothing to vacuum, nothing to write out."""
        with psycopg.connect(self.admin_url, dbname="wave", autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    @contextlib.contextmanager
    def sql(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Give a connection that commits at the end."""
        options = "-c search_path=wave,public"
        with psycopg.connect(self.url, options=options, row_factory=dict_row) as connection:
            yield connection

    def one(self, query: str, *parameters: Any) -> Any:
        """Return the only value of the only row."""
        with self.sql() as connection:
            [row] = connection.execute(query, parameters).fetchall()
        [value] = row.values()
        return value


@contextlib.contextmanager
def noop() -> Iterator[Noop]:
    """Make the project, with a workflow of five steps for each kind, and a database for it; both go at the end."""
    with tempfile.TemporaryDirectory(prefix="wave-bench-") as place, contextlib.ExitStack() as stack:
        folder = Path(place) / "project"
        files = {
            "wave.toml": TOML,
            "sql/tables.sql": TABLES,
            "sql/nothing.sql": QUERY,
            "schemas/one.json": SCHEMA,
            "actors/script.py": SCRIPT,
            "actors/executable": EXECUTABLE,
            **{f"workflows/{kind}.yaml": _workflow(kind) for kind in KINDS},
        }
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / "actors/executable").chmod(0o755)
        database = embedded.start(folder / ".wave")
        stack.callback(embedded.remove, folder / ".wave")
        stack.callback(database.release)
        project = Noop(folder=folder, url=database.url, admin_url=database.admin_url)
        project.wave("db", "migrate")
        yield project


def _workflow(kind: str) -> str:
    steps = [f"s{n}" for n in range(1, STEPS + 1)]
    lines = [_step(kind, name, to) for name, to in zip(steps, [*steps[1:], "end"], strict=True)]
    return f"workflow: {kind}\ncollection: things\nselect: all\nsteps:\n" + "".join(lines)


def _step(kind: str, name: str, to: str) -> str:
    to = to if KINDS[kind] else f"{{when: [{{if: 'input.name != \"\"', to: {to}}}], else: end}}"
    words = [KINDS[kind], "input: {name: record.name}", f"next: {to}"]
    return f"  {name}: {{{', '.join(filter(None, words))}}}\n"


def facts(project: Noop) -> dict[str, Any]:
    """Return what the figures were seen on."""
    settings = ("server_version", "synchronous_commit", "fsync", "full_page_writes", "shared_buffers")
    with project.sql() as connection:
        of_server = {
            name: connection.execute("SELECT current_setting(%s) AS value", [name]).fetchall()[0]["value"]
            for name in settings
        }
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.release(),
        "python": platform.python_version(),
        "wave_runner": wave_runner.__version__,
        "postgresql": of_server,
    }
