"""`wave db`: the schema is made once, by whoever comes first, and can be asked about without a change."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from wave_runner.cli import main
from wave_runner.project.init import init_project

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]

WAVE = Path(sys.executable).with_name("wave")


@pytest.fixture
def project(tmp_path, database):
    folder = tmp_path / "project"
    init_project(folder, "blank")
    (folder / ".env").write_text(f"WAVE_DATABASE_URL={database}\n", encoding="utf-8")
    return folder


def wave(folder, *arguments):
    return main.run(["--project", str(folder), *arguments])


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'wave'").fetchall()
    return {name for (name,) in rows}


def test_asking_changes_nothing_and_says_that_there_is_something_to_do(project, database, capsys):
    assert wave(project, "db", "status", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "wave.db.status.v1"
    assert document["rows"][0]["found"] is None
    assert tables(database) == set()


def test_migrating_makes_the_schema_and_the_projects_tables_and_is_safe_twice(project, database, capsys):
    assert wave(project, "db", "migrate") == 0
    assert capsys.readouterr().out == "schema wave: nothing → version 0001\n"
    assert {"interactions", "items"} <= tables(database)
    assert wave(project, "db", "migrate") == 0
    assert capsys.readouterr().out == "schema wave: up to date at version 0001\n"
    assert wave(project, "db", "status") == 0


def test_two_processes_may_migrate_at_once(project, database):
    command = [WAVE, "db", "migrate", "--json", "--project", project]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert {document["after"] for document in said} == {"0001"}
    assert {"interactions", "items"} <= tables(database)
