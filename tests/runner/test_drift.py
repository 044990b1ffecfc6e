"""Drift: what is not approved does not go on, and the bytes that were approved are the bytes that run."""

from __future__ import annotations

import json

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import COUNT, Ground, at_work, ended, rows, run_to_end, start_run, until

from wave_runner.core.drift import Drift, Policy
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.store import definitions

OTHER = COUNT.replace("len(item[", "-len(item[")


def actor_events(ground: Ground) -> list[tuple[str, bool | None]]:
    found = ground.sql(
        "SELECT type::text AS type, data FROM interaction_events WHERE actor = 'count' AND interaction_id IS NULL "
        "ORDER BY event_id"
    )
    return [(event["type"], json.loads(event["data"]).get("dev")) for event in found]


async def actor(engine: Engine, name: str = "count") -> definitions.Actor:
    async with engine.database.transaction() as connection:
        return (await definitions.actors(connection))[name]


def test_a_changed_script_stops_new_runs_until_it_is_approved(ground: Ground):
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    ground.write("actors/count.py", OTHER)
    with pytest.raises(ConflictError, match="drifted: count") as refused:
        ground.run()
    assert "wave actors approve count" in refused.value.hint

    async def approve(engine: Engine):
        before = await actor(engine)
        approved = await engine.approve("count"), await engine.approve("count")
        return before, approved, await actor(engine)

    before, approved, after = ground.do(approve)
    assert (before.state, after.state) == ("drifted", "active")
    assert approved == (True, False)
    assert (before.drifted, after.drifted) == (after.approved, None)
    ground.start()
    assert actor_events(ground) == [("actor_registered", None), ("actor_drifted", None), ("actor_approved", False)]


def test_dev_approves_a_change_and_the_log_says_so(ground: Ground):
    ground.project(rows=rows(1))
    ground.start()
    ground.write("actors/count.py", OTHER)
    assert ground.do(lambda engine: engine.sync(dev=True)) == Drift()
    ground.start()
    assert actor_events(ground) == [("actor_registered", None), ("actor_approved", True)]


def test_a_change_that_is_taken_back_lets_the_actor_work_again(ground: Ground):
    ground.project(rows=rows(1))
    ground.start()
    ground.write("actors/count.py", OTHER)
    assert ground.do(lambda engine: engine.sync()) == Drift(actors={"count": Policy.BLOCK})
    ground.write("actors/count.py", COUNT)
    assert ground.do(lambda engine: engine.sync()) == Drift()


def test_a_change_is_recorded_once_however_often_it_is_looked_at(ground: Ground):
    ground.project(rows=rows(1))
    ground.start()
    ground.write("actors/count.py", OTHER)
    for _ in range(3):
        ground.do(lambda engine: engine.sync())
    assert [event for event, _ in actor_events(ground)].count("actor_drifted") == 1


def test_a_script_that_changes_during_a_run_does_no_further_wave_until_approved_and_then_its_old_bytes_run(
    ground: Ground,
):
    ground.project(rows=rows(30), ensures=["record.words == 4"])

    async def change_midway(engine: Engine):
        run_id = await start_run(engine)
        ground.write("actors/count.py", OTHER)
        async with at_work(engine) as runner:

            async def blocked() -> bool:
                return runner.drifted() == ["count"] and not runner.busy

            await until(blocked)
            waiting = ground.states("count")
            await engine.approve("count")
            return waiting, await ended(engine, run_id)

    waiting, state = ground.do(change_midway)
    assert waiting == {"pending": 30}
    assert state == "completed", "the run pinned the bytes it began with"
    assert set(ground.items().values()) == {4}


def test_an_old_run_runs_its_old_bytes_beside_a_new_one(ground: Ground):
    ground.project(rows=rows(3))

    async def both(engine: Engine):
        old = await start_run(engine)
        ground.write("actors/count.py", OTHER)
        await engine.sync(dev=True)
        state = await run_to_end(engine, old)
        [script] = await runs_pinned(engine, old)
        return state, script

    state, script = ground.do(both)
    assert state == "completed"
    assert script == COUNT.encode()
    assert set(ground.items().values()) == {4}


async def runs_pinned(engine: Engine, run_id: int) -> list[bytes]:
    query = (
        "SELECT f.body FROM run_steps rs JOIN steps s USING (step_id) JOIN definitions d USING (definition_id), "
        "definitions m, definitions f WHERE rs.run_id = %s AND s.name = 'count' AND m.kind = 'script' "
        "AND encode(m.sha256, 'hex') = convert_from(d.body, 'UTF8')::json ->> 'script_sha256' "
        "AND f.kind = 'file' AND f.name = 'actors/count.py' "
        "AND encode(f.sha256, 'hex') = convert_from(m.body, 'UTF8')::json -> 'files' ->> 'actors/count.py'"
    )
    async with engine.database.transaction() as connection:
        cursor = await connection.execute(query, [run_id])
        return [bytes(row["body"]) for row in await cursor.fetchall()]


@pytest.mark.parametrize("changed", ["prompts/ask.md", "schemas/answer.json"])
def test_a_changed_prompt_or_schema_stops_the_model_that_uses_it(ground: Ground, tmp_path, changed: str):
    from tests.runner.test_models import GOOD, asking

    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        asking(ground, stub.url, n=2)
        ground.start()
        file = ground.folder / changed
        file.write_text(file.read_text() + "\n")
        with pytest.raises(ConflictError, match="drifted: judge"):
            ground.start()
        assert stub.requests() == []
