"""A project whose workflow selects its records from a table of the user's own, and what its runs selected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any
from uuid import UUID, uuid4

from tests.support.projects import COUNT, PATIENCE_S, Ground, at_work, ended

from wave_runner.engine import Engine
from wave_runner.runner.steps import Steps
from wave_runner.store import waves

TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-000000000003"
name = "selected"

[collections.items]
table = "items"
key = "name"

[settings]
script_slots = 1
linger_s = 0.1
"""
TABLES = """\
CREATE TABLE items (
    name     text PRIMARY KEY,
    text     text,
    words    integer,
    note     text,
    touched  timestamptz NOT NULL DEFAULT now(),
    day      date
);
"""
COUNT_STEP = """\
count:
  actor: count
  input: {text: record.text}
  writes: [items.words]
  next: end
"""


def selecting(
    ground: Ground,
    *,
    select: str = "all",
    steps: str = COUNT_STEP,
    toml: str = TOML,
    tables: str = TABLES,
    files: Mapping[str, str] | None = None,
    ensures: list[str] | None = None,
    params: str = "{}",
) -> Ground:
    """Write a project whose workflow selects its records from `items`, a table of the user's own."""
    workflow = f"workflow: work\ncollection: items\nselect: {select}\nparams: {params}\nsteps:\n" + indent(steps, "  ")
    if ensures:
        workflow += f"ensures: {json.dumps(ensures)}\n"
    everything = {
        "wave.toml": toml,
        "workflows/work.yaml": workflow,
        "sql/tables.sql": tables,
        "actors/count.py": COUNT,
        **(files or {}),
    }
    for path, text in everything.items():
        ground.write(path, text)
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    ground.do(lambda engine: engine.sync())
    return ground


def fill(ground: Ground, n: int, text: str = "some words to count") -> None:
    ground.sql(
        "INSERT INTO items (name, text) SELECT format('item %%s', g), %s FROM generate_series(1, %s) AS g", text, n
    )


def run(ground: Ground, patience_s: float = PATIENCE_S, **more: Any) -> str:
    """Start a run, work until it has ended, and return its state."""

    async def to_end(engine: Engine) -> str:
        await engine.sync()
        run_id = await engine.new_runs().start("work", {}, **more)
        async with at_work(engine):
            return await ended(engine, run_id, patience_s)

    return ground.do(to_end)


def selected(ground: Ground) -> dict[str, int]:
    """Return what the newest run's events say of what it selected."""
    told = ground.sql(
        "SELECT data FROM interaction_events WHERE type = 'records_selected' "
        "AND run_id = (SELECT max(run_id) FROM workflow_runs)"
    )
    total: dict[str, int] = {}
    for event in told:
        for name, n in json.loads(event["data"]).items():
            total[name] = total.get(name, 0) + n
    return {name: n for name, n in total.items() if n}


def begun(ground: Ground) -> list[str]:
    """Return the keys of the newest run's records."""
    return [
        row["key"]
        for row in ground.sql(
            "SELECT key FROM run_records JOIN records USING (record_id) "
            "WHERE run_id = (SELECT max(run_id) FROM workflow_runs) ORDER BY key"
        )
    ]


async def registered(engine: Engine) -> UUID:
    """Make a runner known that does nothing."""
    runner_id = uuid4()
    await waves.register_runner(engine.database, runner_id, "test")
    return runner_id


def steps_of(engine: Engine) -> Steps:
    """Return the steps as a runner of this engine gets them."""
    return Steps(engine.database, folder=engine.folder, work_dir=engine.state_dir / "work", environ={})
