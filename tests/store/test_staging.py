"""From staged rows to records: only a decision carries a row in, chunk by chunk, whatever is in it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.by_hand import Hand, all_at_once, by_hand
from tests.support.projects import COUNT, COUNT_STEP, FETCH, TABLES, Ground, rows, script, until

from wave_runner.store import run_ends, runs, staging
from wave_runner.store.database import DataRefused

STRANGE = {
    "an empty key": "Promote(row['id'], '', {'name': 'a'})",
    "a column that is not there": "Promote(row['id'], 'a', {'name': 'a', 'colour': 'red'})",
    "a wrong type": "Promote(row['id'], 'a', {'name': 'a', 'words': 'many'})",
    "no reason": "Reject(row['id'], [])",
}
UNSENDABLE = {
    "a key with NUL": "Promote(row['id'], 'a\\0b', {'name': 'a'})",
    "a value with NUL": "Promote(row['id'], 'a', {'name': 'a\\0b'})",
    "a reason with NUL": "Reject(row['id'], [{'rule': 'r', 'field': 'f', 'message': 'a\\0b'}])",
}
ONE_BY_ONE = """\
from wave_runner import Promote, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            for row in batch:
                ctx.staging.decide([Promote(row["id"], row["raw"]["name"], row["raw"])])
        return {}
"""
FIRST_WINS = [
    (1, "promoted", None),
    (1, "rejected", "duplicate"),
    (2, "rejected", "duplicate"),
    (2, "rejected", "duplicate"),
]
ONE_ATTEMPT = "[scripts.check]\nmax_attempts = 1\n"
TABLE_OF_ITEMS = """\
table = "items"
key = "name"
record_column = "item_id"

[collections.items.rows]
tags = "item_id"
"""
DECIDE = """\
import json

from wave_runner import Promote, Reject, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide([
                {bad} if row["raw"]["name"] == "bad" else Promote(row["id"], row["raw"]["name"], row["raw"])
                for row in batch
            ])
        return {{}}
"""


@pytest.mark.parametrize("bad", STRANGE.values(), ids=STRANGE)
def test_a_decision_that_cannot_be_stored_is_a_rejection_with_a_reason_and_harms_no_other(ground: Ground, bad: str):
    items = [*rows(20), {"name": "bad"}, *({"name": f"more {n}", "text": "text here"} for n in range(20))]
    ground.project(rows=items, actors={"check": DECIDE.format(bad=bad)})
    assert ground.run() == "completed"
    assert ground.one("SELECT count(*) FROM items") == 40
    [rejected] = ground.sql("SELECT raw, errors FROM staged_records WHERE state = 'rejected'")
    assert rejected["raw"] == {"name": "bad"}
    assert [error["rule"] for error in rejected["errors"]] == ["not_storable"]
    assert ground.one("SELECT count(*) FROM records") == 40


@pytest.mark.parametrize("bad", UNSENDABLE.values(), ids=UNSENDABLE)
def test_a_decision_that_no_database_can_hold_fails_its_script_with_the_place_and_decides_nothing(
    ground: Ground, bad: str
):
    ground.project(rows=[*rows(3), {"name": "bad"}], actors={"check": DECIDE.format(bad=bad)}, toml=ONE_ATTEMPT)
    assert ground.run() == "failed"
    error = ground.one("SELECT error FROM interactions WHERE state = 'failed'")
    assert "NUL character, which PostgreSQL cannot store" in error
    assert ground.sql("SELECT DISTINCT state FROM staged_records") == [{"state": "waiting"}]
    assert ground.sql("SELECT * FROM items") == []


def test_raw_rows_are_kept_as_they_came(ground: Ground):
    raws = [
        '{"name": "a\\u0000b"}',
        '{"name": "\\ud800"}',
        '{"n":1.50,  "n":2}',
        '"line\\nbreak and \\"quotes\\""',
        "null",
    ]
    fetch = FETCH.replace('{{"raw": row', '{{"raw": row').format(rows=json.dumps(raws))
    check = script("for _ in ():\n    ctx.staging.decide([])\nreturn {}", options="staging = True")
    ground.project(rows=rows(0), actors={"fetch": fetch, "check": check})
    assert ground.run() == "failed"  # nobody has decided on them
    said = ground.one("SELECT data FROM interaction_events WHERE type = 'run_failed'")
    assert json.loads(said)["undecided"] == len(raws)
    assert [row["raw"] for row in ground.sql("SELECT raw::text AS raw FROM staged_records ORDER BY staged_id")] == raws


def test_of_two_rows_with_one_key_the_first_wins_within_a_batch_and_across_runs(ground: Ground):
    ground.project(rows=[{"name": "a", "text": "the first"}, {"name": "a", "text": "the second"}])
    assert ground.run() == "completed"
    ground.run()
    found = ground.sql("SELECT run_id, state, errors -> 0 ->> 'rule' AS rule FROM staged_records ORDER BY staged_id")
    assert [(row["run_id"], row["state"], row["rule"]) for row in found] == FIRST_WINS
    assert ground.sql("SELECT text FROM items") == [{"text": "the first"}]


def test_the_first_wins_also_where_the_table_does_not_say_that_its_keys_are_unique(ground: Ground):
    ground.project(
        rows=[{"name": "a", "text": "the first"}, {"name": "a", "text": "the second"}],
        actors={"check": ONE_BY_ONE},
        tables="CREATE TABLE items (item_id bigint, name text, text text, words integer);"
        "CREATE TABLE tags (item_id bigint)",
    )
    assert ground.run() == "completed"
    ground.run()
    found = ground.sql("SELECT run_id, state, errors -> 0 ->> 'rule' AS rule FROM staged_records ORDER BY staged_id")
    assert [(row["run_id"], row["state"], row["rule"]) for row in found] == FIRST_WINS
    assert ground.sql("SELECT text FROM items") == [{"text": "the first"}]


def test_a_key_is_found_again_however_it_was_written(ground: Ground):
    tables = (
        "CREATE TABLE items (number integer PRIMARY KEY, text text, words int); CREATE TABLE tags (item_id bigint);"
    )
    ground.project(rows=[{"name": "007", "text": "a text of five words"}], tables=tables)
    toml = (
        (ground.folder / "wave.toml").read_text().replace('key = "name"\nrecord_column = "item_id"', 'key = "number"')
    )
    ground.write("wave.toml", toml)
    ground.write("actors/check.py", DECIDE.format(bad="None").replace('row["raw"])', '{"text": row["raw"]["text"]})'))
    assert ground.run() == "completed"
    assert ground.sql("SELECT number, words FROM items") == [{"number": 7, "words": 5}]
    assert ground.one("SELECT key FROM records") == "7"


def test_what_is_staged_is_told_in_events_with_its_count(ground: Ground):
    ground.project(rows=rows(12))
    ground.run()
    said = ground.sql(
        "SELECT type::text AS type, data FROM interaction_events "
        "WHERE type IN ('staging_written', 'staging_decided', 'interaction_fanned_out') ORDER BY event_id"
    )
    assert [(event["type"], json.loads(event["data"])) for event in said] == [
        ("staging_written", {"rows": 12}),
        ("staging_decided", {"promoted": 12, "rejected": 0}),
        ("interaction_fanned_out", {"created": 12, "expected": 12, "skipped": 0}),
    ]


def test_a_fetch_resumes_behind_the_last_row_that_is_safely_staged(ground: Ground):
    fetch = script(
        """
        begin = (ctx.staging.position or 0) + 1
        for n in range(begin, begin + 3):
            ctx.staging.add([{"raw": {"name": f"{n}", "text": "a b"}, "source": "s", "position": n}])
        if begin == 1:
            raise ConnectionError("cut off")
        return {}
        """,
        options="staging = True\n",
    )
    ground.project(actors={"fetch": fetch}, toml="[scripts.fetch]\nmax_attempts = 2\n")
    assert ground.run() == "completed"
    assert [row["raw"]["name"] for row in ground.sql("SELECT raw FROM staged_records ORDER BY staged_id")] == list(
        "123456"
    )
    assert ground.one("SELECT attempt FROM interactions WHERE record_id IS NULL ORDER BY interaction_id LIMIT 1") == 2


async def one_staged(hand: Hand):
    """Stage one row as `check` does; return the wave, its item and the row's id."""
    check = hand.steps["check"]
    await hand.sql("UPDATE interactions SET run_step_id = %s, queue_id = %s", check.run_step_id, check.queue_id)
    await hand.put_in_order()
    wave = await hand.claim("check")
    await hand.begin(wave)
    row = {"raw": {}, "source": "s", "position": 1}
    await hand.transact(lambda connection: staging.add(connection, wave, wave.items[0], "items", [row]))
    [staged] = await hand.sql("SELECT staged_id FROM staged_records")
    return wave, wave.items[0], staged["staged_id"]


def test_a_key_that_another_run_is_just_adding_is_found_when_that_run_is_through(ground: Ground):
    ground.project()

    async def meet(hand: Hand):
        wave, item, staged_id = await one_staged(hand)
        one = {"id": staged_id, "key": "k", "values": {"name": "k"}}
        async with hand.engine.database.transaction() as other:
            await other.execute("INSERT INTO records (collection, key) VALUES ('items', 'k')")
            decide = hand.transact(lambda connection: staging.decide(connection, wave, item, hand.tables, [one]))
            deciding = asyncio.create_task(decide)
            await until(lambda: hand.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
        return await deciding

    assert by_hand(ground, meet)["promoted"] == 1


@pytest.mark.parametrize("wrong", [{"id": "x"}, {"id": None}, {"key": None}, {"key": 1.5}])
def test_a_decision_without_an_id_or_a_key_is_refused_and_a_number_is_a_key(ground: Ground, wrong: dict[str, Any]):
    ground.project()

    async def decide(hand: Hand):
        wave, item, staged_id = await one_staged(hand)
        one = {"id": staged_id, "key": 42, "values": {"name": "k"}}
        with pytest.raises(DataRefused, match="must be"):
            await hand.transact(lambda conn: staging.decide(conn, wave, item, hand.tables, [one | wrong]))
        await hand.transact(lambda conn: staging.decide(conn, wave, item, hand.tables, [one]))

    by_hand(ground, decide)
    assert ground.one("SELECT key FROM records") == "42"


def test_a_column_that_a_row_does_not_name_gets_its_default_whatever_its_neighbours_name(ground: Ground):
    tables = TABLES.replace("note     varchar(20)", "note     varchar(20) NOT NULL DEFAULT 'none'")
    ground.project(rows=[{"name": "a", "text": "t"}, {"name": "b", "text": "t", "note": "said"}], tables=tables)
    assert ground.run() == "completed"
    assert [row["note"] for row in ground.sql("SELECT note FROM items ORDER BY name")] == ["none", "said"]


# ─── large rows ──────────────────────────────────────────────────────────────────────────────────────

TEN_MB = """\
from wave_runner import ScriptActor


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        texts = {"small": "a b", "huge": "x " * 5_000_000, "last": "a b c"}
        rows = ({"raw": {"name": name, "text": text}, "source": "feed", "position": {"page": 7, "row": n}}
                for n, (name, text) in enumerate(texts.items(), 1))
        return {"staged": ctx.staging.add(rows)}
"""
LARGER = 'record_column = "item_id"\nmax_raw_bytes = 12000000\n'
IN_BATCHES = """\
from wave_runner import Promote, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        sizes = []
        for batch in ctx.staging.batches():
            sizes.append(len(batch))
            ctx.staging.decide([Promote(row["id"], row["raw"]["name"], {"name": row["raw"]["name"]}) for row in batch])
        return {"sizes": sizes}
"""


def test_a_row_of_10_mb_is_rejected_with_its_place_its_size_and_the_setting_and_the_run_goes_on(ground: Ground):
    ground.project(actors={"fetch": TEN_MB})
    assert ground.run() == "completed"
    assert ground.items() == {"small": 2, "last": 3}
    [refused] = ground.sql("SELECT * FROM staged_records WHERE state = 'rejected'")
    [error] = refused["errors"]
    assert error == {
        "rule": "too_large",
        "field": "",
        "message": 'the row at {"page": 7, "row": 2} of feed has 10,000,028 bytes, 1,048,576 are allowed; '
        "max_raw_bytes of [collections.items] in wave.toml lets larger ones in",
    }
    assert refused["raw"].startswith('{"name": "huge", "text": "x x')
    assert len(refused["raw"]) == 1000
    written = ground.one("SELECT data FROM interaction_events WHERE type = 'staging_written'")
    assert json.loads(written) == {"rejected": 1, "rows": 3}
    for table in ("interaction_events", "interactions", "payloads", "staged_records"):
        assert ground.one(f"SELECT coalesce(max(length(row_to_json(t)::text)), 0) FROM {table} AS t") < 10_000


def test_a_row_of_10_mb_goes_in_whole_where_the_collection_allows_it(ground: Ground):
    ground.project(actors={"fetch": TEN_MB}, tables=TABLES.replace(" CHECK (words < 1000)", ""))
    toml = (ground.folder / "wave.toml").read_text()
    ground.write("wave.toml", toml.replace('record_column = "item_id"\n', LARGER))
    assert ground.run() == "completed"
    assert ground.items() == {"small": 2, "huge": 5_000_000, "last": 3}


@pytest.mark.parametrize("how", ["compressed tenfold", "not compressed"])
def test_large_rows_are_decided_on_in_small_batches(ground: Ground, how: str):
    text = "'x' * 150_000" if how == "compressed tenfold" else "random.Random(n).randbytes(75_000).hex()"
    fetch = script(
        f"""
        import random
        rows = ({{"raw": {{"name": f"{{n}}", "text": {text}}}, "source": "s", "position": n}} for n in range(100))
        return {{"staged": ctx.staging.add(rows)}}
        """,
        options="staging = True\n",
    )
    ground.project(actors={"fetch": fetch, "check": IN_BATCHES, "count": script("return {}")})
    assert ground.run() == "completed"
    said = ground.sql("SELECT output FROM interactions WHERE record_id IS NULL ORDER BY interaction_id")
    assert json.loads(said[1]["output"])["sizes"] == [28, 28, 28, 16]


# ─── fan-out ─────────────────────────────────────────────────────────────────────────────────────────


async def promoted(hand: Hand, n: int) -> None:
    """Stage and promote `n` rows as `check` does, and complete it: its fan-out is open then."""
    check = hand.steps["check"]
    await hand.sql("UPDATE interactions SET run_step_id = %s, queue_id = %s", check.run_step_id, check.queue_id)
    await hand.put_in_order()
    wave = await hand.claim("check")
    await hand.begin(wave)
    [item] = wave.items
    staged = [{"raw": {}, "source": "s", "position": n} for n in range(n)]
    await hand.transact(lambda connection: staging.add(connection, wave, item, "items", staged))
    waiting = await hand.sql("SELECT staged_id FROM staged_records ORDER BY staged_id")
    decisions = [
        {"id": row["staged_id"], "key": f"k{number}", "values": {"name": f"k{number}", "text": "a b"}}
        for number, row in enumerate(waiting)
    ]
    await hand.transact(lambda connection: staging.decide(connection, wave, item, hand.tables, decisions))
    await hand.finish(wave, [hand.move(item, fan_out_step=hand.steps["count"].run_step_id)])
    await hand.close(wave)


def test_a_fan_out_goes_on_where_it_was_chunk_by_chunk(ground: Ground):
    ground.project()

    async def in_chunks(hand: Hand):
        await promoted(hand, 2 * runs.FAN_OUT_CHUNK + 5)
        made = []
        while await runs.fan_out_chunk(hand.engine.database, runner_id=hand.runner_id):
            [found] = await hand.sql("SELECT count(*) AS n, count(DISTINCT record_id) AS records FROM run_records")
            nothing = {"broken": (), "alerts": (), "targets": {}}
            ended = await run_ends.end(hand.engine.database, hand.run_id, **nothing, runner_id=hand.runner_id)
            made.append((found["n"], found["records"], ended))
            hand = await hand.other()  # whoever did the last chunk is gone
        return made

    made = by_hand(ground, in_chunks)
    assert made == [(1000, 1000, None), (2000, 2000, None), (2005, 2005, None)]
    said = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_fanned_out' ORDER BY seq")
    assert [json.loads(event["data"])["created"] for event in said] == [1000, 1000, 5]
    assert ground.states("count") == {"pending": 2005}
    order = ground.sql("SELECT key FROM interactions JOIN records USING (record_id) ORDER BY interaction_id LIMIT 3")
    assert [row["key"] for row in order] == ["k0", "k1", "k2"]


def test_a_record_with_a_live_flow_in_another_run_is_skipped_and_counted(ground: Ground):
    ground.project()

    async def twice(hand: Hand):
        await promoted(hand, 3)
        await hand.sql(
            "INSERT INTO workflow_runs "
            "(run_id, workflow_id, definition_id, params, priority, correlation_id, started_by) "
            "SELECT new_run_id(), workflow_id, definition_id, params, 0, gen_random_uuid(), 'test' FROM workflow_runs"
        )
        await hand.sql(
            "INSERT INTO run_records (run_id, record_id, workflow_id, live) "
            "SELECT 2, (SELECT min(record_id) FROM records), workflow_id, 1 FROM workflow_runs WHERE run_id = 2"
        )
        await runs.fan_out_chunk(hand.engine.database, runner_id=hand.runner_id)

    by_hand(ground, twice)
    said = ground.one("SELECT data FROM interaction_events WHERE type = 'interaction_fanned_out'")
    assert json.loads(said) == {"created": 2, "expected": 3, "skipped": 1}
    assert ground.states("count") == {"pending": 2}


def test_a_record_that_was_promoted_twice_gets_one_flow(ground: Ground):
    ground.project()

    async def twice(hand: Hand):
        await promoted(hand, 3)
        await hand.sql("UPDATE staged_records SET record_id = (SELECT min(record_id) FROM records)")
        return await runs.fan_out_chunk(hand.engine.database, runner_id=hand.runner_id)

    assert by_hand(ground, twice)
    said = ground.one("SELECT data FROM interaction_events WHERE type = 'interaction_fanned_out'")
    assert json.loads(said) == {"created": 1, "expected": 3, "skipped": 2}
    assert ground.states("count") == {"pending": 1}


def test_two_runners_never_do_one_chunk_twice(ground: Ground):
    ground.project()

    async def race(hand: Hand):
        await promoted(hand, 1500)
        runner = {"runner_id": hand.runner_id}
        return await all_at_once([runs.fan_out_chunk(hand.engine.database, **runner) for _ in range(5)])

    by_hand(ground, race)
    assert ground.one("SELECT count(*) FROM interactions WHERE record_id IS NOT NULL") in (1000, 1500)
    assert ground.one("SELECT max(n) FROM (SELECT count(*) AS n FROM interactions GROUP BY record_id) AS s") == 1


@pytest.mark.parametrize("table", ["Items", "shop.items", "shop.Items"])
def test_a_table_may_lie_in_a_schema_of_its_own_and_have_capitals_in_its_name(ground: Ground, table: str):
    sql_name = ".".join(f'"{part}"' for part in table.split("."))
    tables = f"CREATE SCHEMA shop; CREATE TABLE {sql_name} (name text PRIMARY KEY, text text, words int);"
    count = COUNT.replace('"items"', f'"{table}"')
    step = COUNT_STEP.replace("items.words", f"{table}.words")
    ensures = ["record.words == 4", f"count({table}) == 1"]
    ground.project(rows=rows(2), tables=tables, actors={"count": count}, steps=step, ensures=ensures)
    toml = (ground.folder / "wave.toml").read_text()
    ground.write("wave.toml", toml.replace(TABLE_OF_ITEMS, f'table = "{table}"\nkey = "name"\n'))
    assert ground.run() == "completed"
    assert ground.sql(f"SELECT name, words FROM {sql_name} ORDER BY name")[0] == {"name": "item 0000", "words": 4}
