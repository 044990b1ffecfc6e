"""Tiny projects on databases of their own: script actors written as texts, a run from start to end, and a look inside.

A plugin of all tests. The fixture `ground` is a folder and an empty database that has been migrated.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.support import warm
from tests.support.database import fresh_database

from wave_runner.engine import Engine, open_engine
from wave_runner.runner.repair import Started
from wave_runner.store import migrate, runs
from wave_runner.store.database import Database

SCHEMA = "wave"
IN_SCHEMA = urlencode({"options": f"-c search_path={SCHEMA},public"}, quote_via=quote)
WAVE = warm.WAVE
PATIENCE_S = 60
SHORT_LEASE = {"WAVE_LEASE_S": "2", "WAVE_RENEW_S": "0.5", "WAVE_GRACE_S": "0"}
"""For processes, of which one is killed and another does the rest."""

TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-000000000002"
name = "ground"

[collections.items]
table = "items"
key = "name"
record_column = "item_id"

[collections.items.rows]
tags = "item_id"
"""

TABLES = """\
CREATE TABLE items (
    item_id  bigint PRIMARY KEY REFERENCES records (record_id),
    name     text NOT NULL UNIQUE,
    text     text,
    words    integer CHECK (words < 1000),
    note     varchar(20)
);
CREATE TABLE tags (item_id bigint NOT NULL REFERENCES items, tag text NOT NULL, UNIQUE (item_id, tag));
"""

FETCH = """\
import json

from wave_runner import ScriptActor

ROWS = json.loads({rows!r})


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        done = ctx.staging.position or 0
        rows = [{{"raw": row, "source": "rows", "position": n}} for n, row in enumerate(ROWS, start=1) if n > done]
        return {{"staged": ctx.staging.add(rows)}}
"""

CHECK = """\
from wave_runner import Promote, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide([Promote(row["id"], row["raw"]["name"], row["raw"]) for row in batch])
        return {}
"""

COUNT = """\
from wave_runner import ScriptActor


class Count(ScriptActor):
    def process(self, item, ctx):
        words = len(item["text"].split())
        ctx.write("items", {"words": words})
        return {"words": words}
"""

COUNT_STEP = """\
count:
  actor: count
  input: {text: record.text}
  writes: [items.words]
  next: end
"""

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]


def script(body: str, *, options: str = "") -> str:
    """Return a script actor with this body of `process(self, item, ctx)`; `options` are lines of its class."""
    head = f"from wave_runner import ScriptActor\n\n\nclass Actor(ScriptActor):\n{indent(dedent(options), '    ')}\n"
    return f"{head}    def process(self, item, ctx):\n{indent(dedent(body), '        ')}\n"


def rows(n: int, text: str = "some words to count") -> list[dict[str, str]]:
    return [{"name": f"item {number:04}", "text": text} for number in range(n)]


@dataclass(kw_only=True)
class Ground:
    """A project's folder on a database of its own."""

    folder: Path
    url: str
    admin_url: str
    tampered: bool = False  # the test has broken on purpose what must always hold

    def project(
        self,
        *,
        rows: Rows = (),
        steps: str = COUNT_STEP,
        actors: Mapping[str, str] | None = None,
        ensures: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        toml: str = "",
        tables: str = TABLES,
        settings: str = "",
    ) -> Ground:
        """Write a project: `fetch` and `check` bring `rows` in, then come `steps`, the first of them from each row."""
        first = steps.split(":", 1)[0].strip()
        workflow = (
            "workflow: work\ncollection: items\nsteps:\n"
            "  fetch: {actor: fetch, once: true, next: check}\n"
            f"  check: {{actor: check, once: true, next: {{each: promoted, to: {first}}}}}\n"
            + indent(dedent(steps), "  ")
            + (f"ensures: {json.dumps(list(ensures))}\n" if ensures else "")
        )
        sources = {"fetch": FETCH.format(rows=json.dumps(list(rows))), "check": CHECK, "count": COUNT, **(actors or {})}
        if "connections" not in settings:
            settings += "\nconnections = 4"  # each has to be opened, and learns the statements anew
        everything = {
            "wave.toml": f"{TOML}\n[settings]\nscript_slots = 1\nlinger_s = 0.1\n{settings}\n{toml}",
            "workflows/work.yaml": workflow,
            "sql/tables.sql": tables,
            **{f"actors/{name}.py": source for name, source in sources.items()},
            **(files or {}),
        }
        for path, text in everything.items():
            self.write(path, text)
        self.write(".env", f"WAVE_DATABASE_URL={self.url}\n")
        return self

    def write(self, path: str, text: str) -> None:
        """Write one file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def do(self, act: Callable[[Engine], Awaitable[T]]) -> T:
        """Do something with the engine open on this project."""

        async def opened() -> T:
            async with open_engine(self.folder) as engine:
                return await act(engine)

        return asyncio.run(opened())

    def do_alone(self, act: Callable[[Engine], Awaitable[T]]) -> T:
        """Do something with one connection: whoever needs a second one while holding the first waits in vain.

        So do as many at once as there are connections, each for what the others hold.
        """

        async def alone(engine: Engine) -> T:
            database = Database(engine.database.url, schema=engine.database.schema, size=1)
            await database.open()
            try:
                return await act(replace(engine, database=database))
            finally:
                await database.close()

        return self.do(alone)

    def run(self, *, limit: int | None = None) -> str:
        """Start a run, work until it has ended, and return its state."""
        return self.do(lambda engine: run_to_end(engine, limit=limit))

    def start(self) -> int:
        """Start a run and do nothing for it; return its id."""
        return self.do(start_run)

    def sql(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Run a statement as the project's own role, and commit."""
        # Not above: a plugin must not be imported before pytest has prepared it.
        from tests.support.database import asked

        with asked(f"{self.url}{'&' if '?' in self.url else '?'}{IN_SCHEMA}") as connection:
            cursor = connection.cursor(row_factory=dict_row).execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str, *parameters: Any) -> Any:
        """Return the only value of the only row."""
        [row] = self.sql(query, *parameters)
        [value] = row.values()
        return value

    def one_of(self, query: str, parameters: Mapping[str, Any]) -> Any:
        """Return the only value of the only row of a query with named parameters."""
        with psycopg.connect(self.url, options=f"-c search_path={SCHEMA},public") as connection:
            [[value]] = connection.execute(query, parameters).fetchall()
            return value

    @contextlib.contextmanager
    def superuser(self) -> Iterator[psycopg.Connection]:
        """Give a connection that no privilege stops."""
        url = urlsplit(self.admin_url)._replace(path=urlsplit(self.url).path).geturl()
        with psycopg.connect(url, options=f"-c search_path={SCHEMA},public") as connection:
            yield connection

    @contextlib.contextmanager
    def process(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str] | warm.Started]:
        """Give `wave …` on this project as a process of its own, killed at the end if it still runs."""
        with warm.started("--project", self.folder, *arguments, env={**os.environ, **environment}) as command:
            yield command

    def states(self, step: str) -> dict[str, int]:
        """Count the interactions of a step by state."""
        found = self.sql(
            "SELECT i.state::text AS state, count(*) AS n FROM interactions i JOIN run_steps USING (run_step_id) "
            "JOIN steps s USING (step_id) WHERE s.name = %s GROUP BY 1",
            step,
        )
        return {row["state"]: row["n"] for row in found}

    def troubles(self) -> dict[str, str]:
        """Return the rule, or else the class of error, by record."""
        found = self.sql(
            "SELECT key, coalesce(rule, error_class) AS reason FROM interactions JOIN records USING (record_id) "
            "WHERE state IN ('failed', 'quarantined')"
        )
        return {row["key"]: row["reason"] for row in found}

    def items(self) -> dict[str, Any]:
        """Return what `count` wrote, by name."""
        return {row["name"]: row["words"] for row in self.sql("SELECT name, words FROM items ORDER BY name")}


async def start_run(engine: Engine, *, limit: int | None = None) -> int:
    """Approve the folder on first use and start a run of it."""
    await engine.sync()
    return await engine.new_runs().start("work", {}, limit=limit)


async def redo(engine: Engine, step: str | None, *, reason: str, **narrowed: Any) -> Started:
    """Redo results of a step, or all that are stale, with what the folder has now."""
    redoing = engine.redoing()
    return await redoing.rerun(redoing.choice("work", step, **narrowed), reason=reason)


async def run_to_end(engine: Engine, run_id: int | None = None, *, limit: int | None = None) -> str:
    """Work until a run has ended (a new one, if none is named), and return its state."""
    if run_id is None:
        run_id = await start_run(engine, limit=limit)
    async with at_work(engine):
        return await ended(engine, run_id)


@contextlib.asynccontextmanager
async def at_work(engine: Engine) -> Any:
    """Give a runner that is at work; what fails in it is raised at the end."""
    runner = engine.runner()
    try:
        await runner.start()
        failed = asyncio.create_task(runner.failed())
        yield runner
        if failed.done():
            failed.result()
        failed.cancel()
    finally:
        await runner.stop()


async def ended(engine: Engine, run_id: int, patience_s: float = PATIENCE_S) -> str:
    """Wait until a run has ended and return its state."""

    async def state() -> str:
        found = await runs.state(engine.database, run_id)
        assert found is not None
        return "" if found["state"] == "running" else found["state"]

    return await until(state, patience_s)


async def until(condition: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """Wait for a condition to hold, and return what it gave."""
    deadline = time.monotonic() + patience_s
    while not (found := await condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.05)
    return found


def wait_until(condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Wait for a condition to hold, and return what it gave."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def migrated(session_database: str) -> Iterator[str]:
    """The name of a database with this version's schema, to be copied."""
    with fresh_database(session_database) as url:
        migrate.migrate(url, SCHEMA)
        yield urlsplit(url).path.lstrip("/")


@pytest.fixture
def ground(session_database: str, migrated: str, tmp_path: Path) -> Iterator[Ground]:
    """A folder without a project yet, on a database of its own, of which every invariant must hold in the end."""
    with _ground(session_database, migrated, tmp_path / "project") as ground:
        yield ground
        _check(ground)


Make = Callable[[Ground], None]
"""Writes a project and works on it."""


@pytest.fixture(scope="session")
def made(
    session_database: str, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Make], Ground]]:
    """Gives what a function makes of a ground, made once however often it is asked for. Nobody may change it."""
    done: dict[Make, Ground] = {}
    with contextlib.ExitStack() as open_until_the_end:

        def once(make: Make) -> Ground:
            if make not in done:
                folder = tmp_path_factory.mktemp("made") / "project"
                done[make] = open_until_the_end.enter_context(_ground(session_database, migrated, folder))
                make(done[make])
            return done[make]

        yield once


@pytest.fixture
def copy_of(made: Callable[[Make], Ground], tmp_path: Path) -> Iterator[Callable[[Make], Ground]]:
    """Gives a copy, folder and database, of what a function makes of a ground; its invariants must hold in the end."""
    with contextlib.ExitStack() as open_until_the_end:
        copies: list[Ground] = []

        def copy(make: Make) -> Ground:
            copies.append(open_until_the_end.enter_context(copied(made(make), tmp_path / "project")))
            return copies[-1]

        yield copy
        for found in copies:
            _check(found)


@contextlib.contextmanager
def copied(original: Ground, folder: Path) -> Iterator[Ground]:
    """Give a copy of a ground, folder and database, that nobody is connected to."""
    shutil.copytree(original.folder, folder, symlinks=True)
    with _ground(original.admin_url, urlsplit(original.url).path.lstrip("/"), folder) as found:
        found.write(".env", f"WAVE_DATABASE_URL={found.url}\n")
        yield found


@contextlib.contextmanager
def _ground(admin_url: str, template: str, folder: Path) -> Iterator[Ground]:
    # Not above: a plugin must not be imported before pytest has prepared it.
    from tests.support.database import fresh_database

    with fresh_database(admin_url, template=template) as url:
        yield Ground(folder=folder, url=url, admin_url=admin_url)


def _check(ground: Ground) -> None:
    from tests.support.invariants import broken_invariants

    assert ground.tampered or broken_invariants(ground.url) == {}
