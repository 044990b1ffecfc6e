"""A run says completed only where what its workflow ensures stands in the tables, written by this run."""

from __future__ import annotations

import json

from tests.support.by_hand import hand_of
from tests.support.projects import COUNT, Ground, at_work, ended, rows, script, until

from wave_runner.core.outcome import Write


def reasons(ground: Ground) -> dict[str, list[str]]:
    found = ground.sql("SELECT key, broken FROM run_records JOIN records USING (record_id) WHERE broken IS NOT NULL")
    return {row["key"]: json.loads(row["broken"]) for row in found}


def test_a_record_without_what_is_ensured_fails_the_run_and_the_reason_is_listed(ground: Ground):
    lazy = COUNT.replace(
        '        ctx.write("items", {"words": words})',
        '        if ctx.record != "item 0002":\n            ctx.write("items", {"words": words})',
    )
    ground.project(rows=rows(4), actors={"count": lazy}, ensures=["record.words != null"])
    assert ground.run() == "failed"
    assert reasons(ground) == {
        "item 0002": ["record.words != null: does not hold", "items.words: not written by this run"]
    }
    said = ground.one("SELECT data FROM interaction_events WHERE type = 'run_failed'")
    assert json.loads(said) == {
        "broken_once": 0,
        "completed": 3,
        "incomplete": 1,
        "postconditions": 0,
        "reason": "postcondition_failed",
        "undecided": 0,
    }


def test_a_value_that_somebody_changed_meanwhile_is_changed_outside(ground: Ground):
    steps = """\
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: wait}
    wait: {actor: wait, next: end}
    """
    meddle = script(
        "ctx.db.execute('UPDATE items SET words = 99 WHERE name = %s AND name LIKE %s', ctx.record, '%1')\nreturn {}",
        options="database = True\n",
    )
    ground.project(rows=rows(3), steps=steps, actors={"wait": meddle}, ensures=["record.words != null"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0001": ["items.words: changed_outside, it is not what this run wrote"]}


def test_a_value_that_was_there_before_the_run_is_not_this_runs_work(ground: Ground):
    check = (
        "from wave_runner import Promote, ScriptActor\n\n\nclass Check(ScriptActor):\n    staging = True\n\n"
        "    def process(self, item, ctx):\n        for batch in ctx.staging.batches():\n"
        "            ctx.staging.decide([Promote(r['id'], r['raw']['name'], r['raw'] | {'words': 4}) for r in batch])\n"
        "        return {}\n"
    )
    idle = script("return {}")
    ground.project(rows=rows(1), actors={"check": check, "count": idle}, ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0000": ["items.words: not written by this run"]}


def test_a_record_with_a_broken_step_is_not_done_even_if_all_else_holds(ground: Ground):
    steps = """\
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: after}
    after: {actor: after, next: end}
    """
    after = script("ctx.reject('not today', rule='closed')")
    ground.project(rows=rows(1), steps=steps, actors={"after": after}, ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0000": ["after quarantined: closed"]}


def test_a_run_does_not_end_while_one_record_lives(ground: Ground):
    ground.project(rows=rows(0), ensures=["record.words != null"])

    async def held_up(engine):
        hand = await hand_of(engine)
        await hand.seed(2)
        wave = await hand.claim(size=1)
        await hand.begin(wave)
        async with at_work(engine):

            async def other_is_settled() -> bool:
                return bool(await hand.sql("SELECT 1 FROM run_records WHERE state = 'completed'"))

            await until(other_is_settled)
            [run] = await hand.sql("SELECT state FROM workflow_runs")
            await hand.finish(wave, [hand.move(wave.items[0], writes=(Write(table="items", values={"words": 1}),))])
            return run["state"], await ended(engine, hand.run_id)

    assert ground.do(held_up) == ("running", "completed")
