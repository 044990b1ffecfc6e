"""A source that is fetched again: known records are renewed, changed ones are work, and what is gone may come back."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.support.projects import Ground, run_to_end, script
from tests.support.refetched import give, refetched, run
from tests.support.selecting import begun

VANISHED = "SELECT key FROM records WHERE vanished_in IS NOT NULL ORDER BY key"
STATES = "SELECT state, count(*) AS n FROM staged_records WHERE run_id = %s GROUP BY state ORDER BY state"


def item(name: str, text: str = "some words to count", **more: Any) -> dict[str, Any]:
    return {"name": name, "text": text, **more}


def states(ground: Ground, run_id: int) -> dict[str, int]:
    return {row["state"]: row["n"] for row in ground.sql(STATES, run_id)}


def told(ground: Ground, type: str) -> list[dict[str, Any]]:
    found = ground.sql(f"SELECT data FROM interaction_events WHERE type = '{type}' ORDER BY event_id")
    return [json.loads(row["data"]) for row in found]


def test_what_has_not_changed_is_no_work_and_what_has_is_renewed_and_done_again(ground: Ground):
    refetched(ground)
    give(ground, [item("a"), item("b"), item("c", note="old")])
    assert run(ground) == "completed"
    give(ground, [item("a"), item("b", "other words"), item("c", note="new"), item("d")])
    assert run(ground) == "completed"
    # `note` is read by no step: it is renewed, and nothing is done for it.
    assert states(ground, 2) == {"promoted": 1, "unchanged": 2, "updated": 1}
    assert begun(ground) == ["b", "d"]
    assert ground.items() == {"a": 4, "b": 2, "c": 4, "d": 4}
    assert ground.one("SELECT note FROM items WHERE name = 'c'") == "new"
    assert told(ground, "staging_decided")[1] == {"promoted": 1, "updated": 1, "unchanged": 2, "rejected": 0}
    assert ground.sql("SELECT kind FROM alerts") == []


def test_what_the_source_has_changed_is_explained_with_what_stood_there_before(ground: Ground):
    refetched(ground)
    give(ground, [item("a", "the first text")])
    run(ground)
    give(ground, [item("a", "the second")])
    run(ground)
    assert ground.items() == {"a": 2}
    writes = ground.sql(
        "SELECT column_name, is_intake, convert_from(content, 'UTF8') AS before FROM value_writes v "
        "LEFT JOIN payloads p ON p.payload_id = before_payload_id AND p.run_id = v.run_id ORDER BY value_write_id"
    )
    assert [tuple(row.values()) for row in writes] == [
        ("words", False, None),
        ("text", True, '"the first text"'),
        ("words", False, "3"),
    ]


def test_what_a_step_writes_is_not_taken_from_the_source(ground: Ground):
    refetched(ground)
    give(ground, [item("a", words=99)])
    run(ground)
    assert ground.items() == {"a": 4}
    give(ground, [item("a", words=98)])
    run(ground)
    assert ground.items() == {"a": 4}
    assert states(ground, 2) == {"unchanged": 1}


def test_a_change_that_came_while_a_record_was_at_work_is_taken_up_by_the_next_fetch(ground: Ground):
    refetched(ground)
    give(ground, [item("a")])
    run(ground)
    give(ground, [item("a", "changed meanwhile")])
    ground.sql("UPDATE run_records SET state = 'live', live = 1, settled_at = NULL")
    assert run(ground) == "completed"
    assert begun(ground) == []
    ground.sql("UPDATE run_records SET state = 'completed', live = 0, settled_at = now()")
    assert run(ground) == "completed"
    assert states(ground, 3) == {"updated": 1}
    assert ground.items() == {"a": 2}


def test_a_value_that_the_table_refuses_is_a_rejection_of_a_record_that_is_still_there(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    give(ground, [item("a"), item("b", note="fits"), item("c")])
    run(ground)
    give(ground, [item("a", ""), item("b", note="x" * 21)])
    assert run(ground) == "completed"
    rejected = ground.sql(
        "SELECT errors -> 0 ->> 'rule' AS rule FROM staged_records WHERE state = 'rejected' ORDER BY 1"
    )
    assert [row["rule"] for row in rejected] == ["empty", "not_storable"]
    assert ground.sql(VANISHED) == [{"key": "c"}], "what was rejected is still in the source"
    assert ground.one("SELECT note FROM items WHERE name = 'b'") == "fits"


def test_a_record_that_comes_back_is_there_again_and_is_work_only_if_it_has_changed(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    give(ground, [item("a"), item("b"), item("c")])
    run(ground)
    give(ground, [item("a")])
    run(ground)
    assert ground.sql(VANISHED) == [{"key": "b"}, {"key": "c"}]
    give(ground, [item("a"), item("b"), item("c", "changed")])
    run(ground)
    assert ground.sql(VANISHED) == []
    assert begun(ground) == ["c"]
    [gone], [back] = told(ground, "records_vanished"), told(ground, "records_returned")
    assert gone["records"] == back["records"]


def test_a_limit_lets_nothing_vanish(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    give(ground, range(4))
    run(ground)
    give(ground, range(2))
    run(ground, limit=2)
    assert ground.sql(VANISHED) == []


def test_another_source_of_the_collection_is_left_alone(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text() + "params: {of: {type: string, default: here}}\n")

    def run_of(source: str) -> None:
        async def act(engine: Any) -> None:
            await engine.sync()
            await run_to_end(engine, await engine.new_runs().start("work", {"of": source}))

        ground.do(act)

    give(ground, [item("a"), item("b")])
    run_of("here")
    give(ground, [item("c")])
    run_of("there")
    assert ground.sql(VANISHED) == []
    give(ground, [item("a")])
    run_of("here")
    assert ground.sql(VANISHED) == [{"key": "b"}]


def test_a_selection_leaves_out_what_has_vanished(ground: Ground):
    refetched(ground, toml="hold_above = 1.0")
    ground.write("actors/look.py", script("return {}"))
    ground.write(
        "workflows/later.yaml",
        "workflow: later\ncollection: items\nselect: all\nsteps:\n"
        "  look: {actor: look, input: {text: record.text}, next: end}\n",
    )
    give(ground, [item("a"), item("b")])
    run(ground)
    give(ground, [item("a")])
    run(ground)

    async def later(engine: Any) -> str:
        await engine.sync()
        return await run_to_end(engine, await engine.new_runs().start("later", {}))

    assert ground.do(later) == "completed"
    assert begun(ground) == ["a"]
    assert ground.one("SELECT vanished FROM fan_outs WHERE interaction_id IS NULL") == 1


def test_whatever_a_source_gives_the_table_ends_as_the_source_says_and_work_is_what_has_changed(ground: Ground):
    """A model of three fetches: what each record is, whether it is there, and which records each run takes up."""
    refetched(ground, toml="hold_above = 1.0")
    dice = random.Random(20261130)
    names = [f"r{n}" for n in range(30)]
    table: dict[str, str] = {}
    done: dict[str, str] = {}
    for _ in range(3):
        given = {name: "word " * dice.randint(1, 3) for name in names if dice.random() < 0.8}
        give(ground, [item(name, text.strip()) for name, text in given.items()])
        assert run(ground) == "completed"
        table |= {name: text.strip() for name, text in given.items()}
        expected = sorted(name for name in given if done.get(name) != table[name])
        done |= {name: table[name] for name in given}
        assert begun(ground) == expected
        assert {row["name"]: row["text"] for row in ground.sql("SELECT name, text FROM items")} == table
        assert [row["key"] for row in ground.sql(VANISHED)] == sorted(table.keys() - given.keys())
    assert ground.items() == {name: len(text.split()) for name, text in table.items()}
