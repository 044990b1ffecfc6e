import asyncio
import json

import pytest

from wave_runner.actors.host import sandbox_of
from wave_runner.actors.pool import Job, ScriptPool, ScriptVersion
from wave_runner.core.outcome import Done, Write
from wave_runner.project.definitions import read_script, script_definition
from wave_runner.project.init import init_project
from wave_runner.project.load import load_project
from wave_runner.project.materialise import materialise


class Desk:
    """Answers what the scripts ask for, from a list of staged rows."""

    def __init__(self):
        self.rows = []
        self.decisions = []

    async def query(self, statement, parameters):
        raise AssertionError("no script of this project asks the database")

    async def stage(self, job_id, rows):
        self.rows += rows
        return len(rows)

    async def staged(self, job_id, after, limit):
        numbered = [
            {"id": number, "raw": row["raw"], "source": row["source"]} for number, row in enumerate(self.rows, 1)
        ]
        return [row for row in numbered if row["id"] > after][:limit]

    async def decide(self, job_id, decisions):
        self.decisions += decisions
        return {}

    async def progress(self, job_id, done, total, note):
        pass


@pytest.fixture
def run(tmp_path):
    """Run one script of a fresh project, from its pinned files, in a real worker."""
    init_project(tmp_path / "project", "blank")
    project = load_project(tmp_path / "project")

    def run(name, values, desk, *, record=None, position=None):
        manifest = read_script(script_definition(project, name).body)
        root = tmp_path / "scripts" / name
        materialise({path: project.files[path] for path in manifest.files}, root)
        spec = project.scripts[name]
        script = ScriptVersion(
            name=name,
            sha256=script_definition(project, name).sha256.hex(),
            root=root,
            entry=manifest.entry,
            executable=manifest.executable,
            timeout_s=60.0,
            max_output_bytes=spec.max_output_bytes,
            environment={},
            sandbox=sandbox_of(spec, None, tmp_path),
        )
        job = Job(id=1, input=values, record=record, run={"id": 1}, attempt=1, position=position)
        return asyncio.run(_one(tmp_path, script, job, desk))

    return run


async def _one(tmp_path, script, job, desk):
    pool = ScriptPool(slots=1, work_dir=tmp_path)
    try:
        [outcome] = await pool.run(script, [job], desk)
    finally:
        await pool.close()
    assert isinstance(outcome, Done), outcome
    return outcome


def test_items_are_fetched_checked_and_counted(run):
    desk = Desk()
    assert run("fetch_items", {"limit": None}, desk).output == {"staged": 3}
    assert run("check_items", {}, desk).output == {"promoted": 2, "rejected": 1}
    assert [one["decision"] for one in desk.decisions] == ["promote", "promote", "reject"]
    values = desk.decisions[1]["values"]
    counted = run("count_words", {"text": values["text"]}, desk, record=values["name"])
    assert counted.output == {"words": 5}
    assert counted.writes == (Write(table="items", values={"words": 5}),)


def test_a_fetch_that_was_interrupted_goes_on_where_it_stopped(run):
    desk = Desk()
    assert run("fetch_items", {"limit": None}, desk, position=2).output == {"staged": 1}
    assert [json.loads(row["raw"])["name"] for row in desk.rows] == ["broken"]


def test_the_limit_ends_the_fetch(run):
    assert run("fetch_items", {"limit": 1}, Desk()).output == {"staged": 1}
