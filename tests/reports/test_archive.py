"""An archive holds what the database has, in types that others read, by table and month; and no content."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
from tests.audit.test_dropping import dropped, month, months, wave
from tests.support.projects import Ground

from wave_runner.core.archive import TABLES
from wave_runner.engine import Engine
from wave_runner.store import archive as store

COMPARED = {
    "runs": "SELECT run_id, state, reason, started_by, started_at, ended_at, currency, correlation_id "
    "FROM {} ORDER BY run_id",
    "interactions": "SELECT run_id, interaction_id, record_id, correlation_id, item, state, in_force, superseded_by, "
    "attempt, error_class, service_us, created_at, finished_at FROM {} ORDER BY interaction_id",
    "events": "SELECT run_id, event_id, interaction_id, seq, type, cause_interaction_id, cause_seq, correlation_id, "
    "wave_id, runner_id, step, actor, recorded_at, db_user, data FROM {} {} ORDER BY event_id",
}
OURS = {"runs": "workflow_runs", "interactions": "interactions", "events": "interaction_events"}


def rows(archive: Path, query: str) -> list[dict[str, Any]]:
    """Ask an archive by DuckDB, which is told nothing but where it lies."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(query)
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def read(archive: Path, table: str) -> str:
    return f"read_parquet('{archive}/{table}/**/*.parquet', hive_partitioning = true)"


def archived(ground: Ground, name: str, *words: str) -> tuple[Path, dict[str, Any]]:
    folder = ground.folder.parent / name
    said = wave(ground, "archive", "--out", str(folder), *words, "--json")
    return folder, json.loads(said)["archive"]


def test_an_archive_holds_what_the_database_has(ground: Ground):
    first, second, *_ = months(ground, 3)
    ground.sql("UPDATE workflow_runs SET started_by = %s WHERE run_id = %s", 'a "b", \n\\N', first)
    ground.sql("UPDATE workflow_runs SET started_by = '' WHERE run_id = %s", second)
    folder, said = archived(ground, "history")
    for table, query in COMPARED.items():
        ours = ground.sql(query.format(OURS[table], "WHERE run_id > 0"))
        theirs = rows(folder, query.format(read(folder, table), ""))
        assert theirs == [
            {name: value.astimezone(UTC) if hasattr(value, "astimezone") else value for name, value in row.items()}
            for row in ours
        ]
        assert said["rows"][table] == len(ours) > 0
    assert said["rows"]["calls"] == 0
    sealed = rows(folder, f"SELECT event_id, log_index FROM {read(folder, 'events')} ORDER BY event_id")
    log = "SELECT event_id, log_index FROM event_log WHERE run_id > 0 ORDER BY event_id"
    assert [row for row in sealed if row["log_index"] is not None] == ground.sql(log)
    steps = rows(folder, f"SELECT step, actor, count(*) AS n FROM {read(folder, 'interactions')} GROUP BY ALL")
    assert {(row["step"], row["n"]) for row in steps} >= {("count", 6), ("fetch", 3)}
    contents = [*folder.rglob("*.csv"), *(folder.parent.glob("*.partial"))]
    assert contents == [], "nothing is left of how it was written"
    names = {row["column_name"] for table in TABLES for row in rows(folder, f"DESCRIBE FROM {read(folder, table)}")}
    assert names.isdisjoint({"input", "output", "error", "key"}), "what an erasure would have to reach"


def test_of_each_table_the_columns_come_as_they_are_told(ground: Ground):
    months(ground, 1)

    async def headers(engine: Engine) -> dict[str, list[str]]:
        async with engine.database.snapshot() as connection:
            [one] = await store.ranges(connection, None, None)
            return {
                table: (b"".join([some async for some in store.rows(connection, table, one)]))
                .decode()
                .split("\n")[0]
                .split(",")
                for table in TABLES
            }

    assert ground.do(headers) == {table: list(columns) for table, columns in TABLES.items()}


def test_months_are_chosen_and_what_was_dropped_is_not_among_them(ground: Ground):
    oldest, middle, newest = months(ground, 3)
    folder, said = archived(ground, "one", "--from", month(ground, 1), "--before", month(ground))
    assert {row["run_id"] for row in rows(folder, f"SELECT run_id FROM {read(folder, 'events')}")} == {middle}
    assert [one.name for one in (folder / "events").iterdir()] == [f"month={month(ground, 1)}"]
    assert said["months"] == [f"{month(ground, 1)}-01"]
    dropped(ground, month(ground, 1))
    folder, said = archived(ground, "rest")
    assert {row["run_id"] for row in rows(folder, f"SELECT run_id FROM {read(folder, 'runs')}")} == {middle, newest}
    assert "no history" in wave(ground, "archive", "--before", month(ground, 1), "--out", str(folder) + "2", code=4)
    assert "is there already" in wave(ground, "archive", "--out", str(folder), code=5)
    said_plainly = wave(ground, "archive", "--out", str(folder) + "3")
    assert "2 runs" in said_plainly
    assert oldest not in {middle, newest}


def test_without_duckdb_it_says_what_to_install(ground: Ground):
    ground.project()
    code = "import sys; sys.modules['duckdb'] = None; from wave_runner.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--project", str(ground.folder), "archive", "--out", "history"]
    ground.do(lambda engine: engine.sync())
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ground.folder)
    assert run.returncode == 4, run.stderr
    assert "pip install 'wave-runner[archive]'" in run.stderr
    assert not list(ground.folder.glob("history*"))
