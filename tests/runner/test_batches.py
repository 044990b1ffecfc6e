"""What a person says of staged rows: validated again, promoted, rejected, rolled back. All of them stay in staging."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tests.support.canary import KEY, WORD, found_in
from tests.support.projects import Ground, at_work, run_to_end, until
from tests.support.refetched import CHECK, give, refetched, run
from tests.support.selecting import begun

from wave_runner.core.control import Subject
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.runner.preflight import read_rows

VANISHED = "SELECT key FROM records WHERE vanished_in IS NOT NULL ORDER BY key"
STATES = "SELECT state, count(*) AS n FROM staged_records WHERE run_id = %s GROUP BY state ORDER BY state"
TABLE = "SELECT name, text, words, note FROM items ORDER BY name"
PERMISSIVE = CHECK.replace('if row["raw"]["text"]', 'if row["raw"]["text"] is not None')
LAZY = CHECK.replace("ctx.staging.decide([", "ctx.staging.decide([] and [")
WHY = "the rule was wrong"


def item(name: str, text: str | None = "some words to count", **more: Any) -> dict[str, Any]:
    return {"name": name, "text": text, **more}


def states(ground: Ground, run_id: int) -> dict[str, int]:
    return {row["state"]: row["n"] for row in ground.sql(STATES, run_id)}


def told(ground: Ground, type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ground.one(f"SELECT data FROM interaction_events WHERE type = '{type}'"))
    return found


def revalidate(ground: Ground, batch: int, where: str = "", **more: Any) -> str:
    async def act(engine: Engine) -> str:
        await engine.approve("check")
        return await run_to_end(
            engine, await engine.taking_up().revalidate(batch, read_rows(where), reason=WHY, **more)
        )

    return ground.do(act)


def promote(ground: Ground, batch: int, where: str = "", **more: Any) -> str:
    async def act(engine: Engine) -> str:
        return await run_to_end(engine, await engine.taking_up().promote(batch, read_rows(where), reason=WHY, **more))

    return ground.do(act)


def roll_back(ground: Ground, batch: int, **more: Any) -> Any:
    async def act(engine: Engine) -> Any:
        done = await engine.taking_up().roll_back(batch, reason="broken", dry=False, **more)
        await settled(engine)
        return done

    return ground.do(act)


async def settled(engine: Engine) -> None:
    """Work until no run is running."""
    async with engine.database.transaction() as connection:
        cursor = await connection.execute("SELECT run_id FROM workflow_runs WHERE state = 'running'")
        running = await cursor.fetchall()
    for row in running:
        await run_to_end(engine, row["run_id"])


def test_rows_that_a_fixed_validator_takes_become_records_and_go_their_way(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b", ""), item("c", ""), item("d", None)])
    assert run(ground) == "completed"
    assert states(ground, 1) == {"promoted": 1, "rejected": 3}
    ground.write("actors/check.py", PERMISSIVE)
    assert revalidate(ground, 1) == "completed"
    assert states(ground, 1) == {"promoted": 1, "revalidated": 3}
    assert states(ground, 2) == {"promoted": 2, "rejected": 1}
    assert ground.items() == {"a": 4, "b": 0, "c": 0}
    assert begun(ground) == ["b", "c"]
    order = ground.sql("SELECT kind, rows, again_in, reason FROM staging_orders")
    assert order == [{"kind": "revalidate", "rows": 3, "again_in": 2, "reason": WHY}]
    event = told(ground, "staging_revalidated")
    assert (event["rows"], event["run"]) == (3, 2)
    assert WHY not in json.dumps(event)


def test_only_the_rows_that_are_chosen_are_taken_up(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b", "", note="x"), item("c", "")])
    run(ground)
    ground.write("actors/check.py", PERMISSIVE)
    with pytest.raises(ConflictError, match="1 rows are chosen, and 2 were expected"):
        revalidate(ground, 1, "raw.note:x", expect=2)
    assert ground.one("SELECT count(*) FROM workflow_runs") == 1, "nothing has changed"
    assert revalidate(ground, 1, "state:rejected rule:empty raw.note:x", expect=1) == "completed"
    assert states(ground, 1) == {"promoted": 1, "rejected": 1, "revalidated": 1}
    with pytest.raises(NotFoundError, match="no row is chosen"):
        revalidate(ground, 1, "raw.note:x")
    with pytest.raises(ProjectError, match="colour is nothing that a staged row has"):
        revalidate(ground, 1, "colour:red")
    with pytest.raises(NotFoundError, match="run 99 has staged nothing"):
        revalidate(ground, 99)


def test_what_a_run_ensures_of_its_fetch_holds_for_the_run_that_takes_up_its_rows(ground: Ground):
    refetched(ground)
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text() + "ensures_run: [fetch.staged == 2]\n")
    give(ground, [item("a"), item("b", "")])
    assert run(ground) == "completed"
    ground.write("actors/check.py", PERMISSIVE)
    assert revalidate(ground, 1) == "completed"


def test_rows_that_nobody_has_decided_on_are_rejected_by_a_person_and_their_run_is_done(ground: Ground):
    refetched(ground)
    ground.write("actors/check.py", LAZY)
    give(ground, [item("a"), item("b")])
    assert run(ground) == "failed"

    async def act(engine: Engine) -> None:
        assert await engine.batches().reject(1, (), reason="not ours", expect=2) == 2
        await settled(engine)

    ground.do(act)
    assert ground.one("SELECT state FROM workflow_runs") == "completed"
    rejected = ground.sql("SELECT errors -> 0 ->> 'message' AS why, decided_by IS NOT NULL AS by FROM staged_records")
    assert rejected == [{"why": "not ours", "by": True}] * 2
    assert told(ground, "staging_rejected")["rows"] == 2


def test_a_person_promotes_what_a_script_has_rejected(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b", "")])
    run(ground)
    assert promote(ground, 1, "key:null rule:empty", values={"text": "said by a person"}) == "completed"
    assert ground.items() == {"a": 4, "b": 4}
    assert ground.sql("SELECT state, decided_by IS NOT NULL AS by FROM staged_records WHERE run_id = 2") == [
        {"state": "promoted", "by": True}
    ]
    assert told(ground, "staging_promoted")["run"] == 2


def test_what_the_table_does_not_take_from_a_person_changes_nothing(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b", "")])
    run(ground)
    with pytest.raises(ConflictError, match="the table refuses it: value too long"):
        promote(ground, 1, values={"note": "x" * 21})
    assert states(ground, 1) == {"promoted": 1, "rejected": 1}
    assert ground.one("SELECT count(*) FROM workflow_runs") == 1


def test_a_batch_is_rolled_back_with_all_that_it_has_made_and_changed(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    give(ground, [item("a", note="one"), item("b"), item("c")])
    assert run(ground) == "completed"
    before = ground.sql(TABLE)
    give(ground, [item("a", "changed", note="two"), item("b"), item("d")])
    assert run(ground) == "completed"
    assert ground.sql(VANISHED) == [{"key": "c"}]
    done = roll_back(ground, 2, expect=3)
    assert (done.rows, done.removed, done.restored, done.values, done.results) == (3, 1, 1, 3, 2)
    assert ground.sql(TABLE) == before
    assert ground.sql(VANISHED) == []
    assert states(ground, 2) == {"rolled_back": 3}
    assert ground.one("SELECT state FROM workflow_runs WHERE run_id = 2") == "failed", "its results count for nothing"
    event = told(ground, "staging_rolled_back")
    assert (event["rows"], event["removed"], event["values"], event["results"]) == (3, 1, 3, 2)
    with pytest.raises(NotFoundError, match="rolled back before"):
        roll_back(ground, 2)
    # And forward again: its rows are still there.
    assert revalidate(ground, 2) == "completed"
    assert states(ground, 3) == {"promoted": 1, "unchanged": 1, "updated": 1}
    assert ground.items() == {"a": 1, "b": 4, "c": 4, "d": 4}


def test_a_batch_on_which_something_newer_stands_is_not_rolled_back_and_its_records_are_named(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b")])
    run(ground)
    give(ground, [item("a", "changed"), item("b"), item("c")])
    run(ground)
    stood = ground.sql(TABLE)
    with pytest.raises(ConflictError, match="2 records of batch 1: a: in_later_batch; b: in_later_batch"):
        roll_back(ground, 1)
    ground.sql("UPDATE items SET text = 'by hand' WHERE name = 'a'")
    with pytest.raises(ConflictError, match="1 records of batch 2: a: changed_outside"):
        roll_back(ground, 2)
    ground.sql("UPDATE items SET text = 'changed' WHERE name = 'a'")
    with pytest.raises(ConflictError, match="3 rows of batch 2 would be rolled back, and 4 were expected"):
        roll_back(ground, 2, expect=4)
    assert ground.sql(TABLE) == stood
    assert ground.one("SELECT count(*) FROM staging_orders") == 0
    roll_back(ground, 2)
    roll_back(ground, 1)
    assert ground.sql(TABLE) == []
    assert ground.one("SELECT count(*) FROM records WHERE seen_in IS NOT NULL") == 0


def test_work_under_way_is_cancelled_with_its_batch(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b")])
    ground.write("actors/count.py", ground.folder.joinpath("actors/count.py").read_text())

    async def act(engine: Engine) -> None:
        await engine.sync()
        run_id = await engine.new_runs().start("work", {})
        await run_until_begun(engine, run_id)
        done = await engine.taking_up().roll_back(run_id, reason="broken", dry=False)
        assert (done.removed, done.results) == (2, 0)
        await settled(engine)

    ground.do(act)
    assert ground.items() == {}
    assert ground.states("count") == {"cancelled": 2}


async def run_until_begun(engine: Engine, run_id: int) -> None:
    """Work until the records of a run wait for their first step, whose actor nobody lets work."""
    await engine.orders().pause(Subject.ACTOR, "count")

    async def fanned_out() -> bool:
        async with engine.database.transaction() as connection:
            cursor = await connection.execute("SELECT count(*) AS n FROM run_records WHERE run_id = %s", [run_id])
            return bool((await cursor.fetchall())[0]["n"])

    async with at_work(engine):
        await until(fanned_out)


def test_a_preview_changes_nothing(ground: Ground):
    refetched(ground)
    give(ground, [item("a")])
    run(ground)
    events = ground.one("SELECT count(*) FROM interaction_events")

    async def act(engine: Engine) -> Any:
        return await engine.taking_up().roll_back(1, reason="", dry=True)

    done = ground.do(act)
    assert (done.rows, done.removed, done.results) == (1, 1, 1)
    assert ground.one("SELECT count(*) FROM interaction_events") == events
    assert ground.items() == {"a": 4}


def test_whatever_a_batch_has_done_a_rollback_gives_the_tables_as_they_were(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    dice = random.Random(46)
    stood: list[list[Any]] = []
    for _ in range(3):
        stood.append(ground.sql(TABLE) if stood else [])
        names = [name for name in "abcdefghij" if dice.random() < 0.7]
        give(ground, [item(name, dice.choice(["", "one", "two words", "three of them"]), note=name) for name in names])
        run(ground)
    for number in (3, 2, 1):
        roll_back(ground, number)
        assert ground.sql(TABLE) == stood[number - 1]


def test_nothing_is_left_of_an_erased_record_that_came_again_and_again(ground: Ground):
    """What stood there before, the row that was rejected first and the one that was validated again: all of it goes."""
    refetched(ground)
    give(ground, [item(KEY, "", note=WORD), item("other")])
    run(ground)
    ground.write("actors/check.py", PERMISSIVE)
    revalidate(ground, 1)
    give(ground, [item(KEY, f"a {WORD} sings", note=WORD), item("other")])
    run(ground)
    give(ground, [item(KEY, "nobody sings", note="quiet"), item("other")])
    run(ground)
    assert set(found_in(ground, [WORD])) >= {"staged_records", "payloads"}

    async def act(engine: Engine) -> None:
        await engine.erasing("ada").request(KEY, collection=None, basis="Art. 17")
        await engine.erasing("ben").approve(KEY, collection=None)

    ground.do(act)
    assert found_in(ground, [WORD, KEY]) == {}
    assert ground.one("SELECT count(*) FROM staged_records WHERE raw IS NULL") == 4
