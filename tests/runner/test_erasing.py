"""Erasing a record while runners are at work: nothing comes back, whatever was in somebody's hands."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from tests.support import canary, warm
from tests.support.canary import KEY, WORD
from tests.support.projects import Ground, at_work, script, start_run, until

from wave_runner import crash_points
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError

SLOW = script(
    """
    import pathlib, time
    for _ in range(6000):
        if pathlib.Path(item["until"]).exists():
            break
        time.sleep(0.01)
    ctx.write("items", {"note": item["text"]})
    return {"said": item["text"]}
    """
)
STEPS = """\
slow: {actor: slow, input: {text: record.text, until: params.until}, writes: [items.note], next: last}
last: {actor: last, input: {said: slow.said}, next: end}
"""


async def count(engine: Engine, query: str) -> int:
    async with engine.database.transaction() as connection:
        cursor = await connection.execute(query)  # type: ignore[arg-type]
        return int((await cursor.fetchall())[0]["n"])


def test_what_a_runner_has_in_hand_does_not_come_back(ground: Ground):
    go = ground.folder / "go"
    ground.project(
        rows=[{"name": KEY, "text": WORD}, {"name": "other", "text": "nothing"}],
        steps=STEPS,
        actors={"slow": SLOW, "last": script("return {}")},
    )
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text() + f"params: {{until: {{type: string, default: {go}}}}}\n")

    async def act(engine: Engine) -> Any:
        await start_run(engine)
        async with at_work(engine):
            in_hand = "SELECT count(*) AS n FROM interactions JOIN records USING (record_id) WHERE state = 'running'"
            await until(lambda: count(engine, in_hand))
            await engine.erasing("ada").request(KEY, collection=None, basis="Art. 17")
            done = await engine.erasing("ben").approve(KEY, collection=None)
            go.touch()
            under_way = "SELECT count(*) AS n FROM workflow_runs WHERE state = 'running'"
            await until(lambda: none(engine, under_way))
            return done

    async def none(engine: Engine, query: str) -> bool:
        return await count(engine, query) == 0

    done = ground.do(act)
    assert done.cancelled == 1
    assert canary.found_in(ground, [KEY, WORD]) == {}
    assert ground.states("slow") == {"cancelled": 1, "completed": 1}
    assert ground.states("last") == {"completed": 1, "skipped": 1} or ground.states("last") == {"completed": 1}


def test_what_a_run_is_about_to_take_up_waits_or_is_cancelled_first(ground: Ground):
    ground.project(rows=[{"name": KEY, "text": WORD}])

    def wave(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = ["--project", ground.folder, *arguments]
        return warm.wave(*command, env={**os.environ, **environment})

    wave("run", "work", **{crash_points.VARIABLE: "fan_outs/lock"})
    assert ground.one("SELECT count(*) FROM run_records") == 0, "it has been promoted, and no more"

    async def act(engine: Engine) -> None:
        await engine.erasing("ada").request(KEY, collection=None, basis="Art. 17")
        ben = engine.erasing("ben")
        with pytest.raises(ConflictError, match="run 1 has promoted"):
            await ben.approve(KEY, collection=None)

    ground.do(act)
    assert canary.found_in(ground, [KEY])["records"] == 1
    assert wave("cancel", "run", "1", "--yes").returncode == 0
    assert wave("audit", "erase", "--record", KEY, "--approve", "--as", "ben").returncode == 0
    assert canary.found_in(ground, [KEY, WORD]) == {}
