"""Workflows that take their records from the user's own table: what is new, what has changed, and nothing else."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.support.projects import COUNT, Ground, at_work, ended, script, until
from tests.support.selecting import (
    COUNT_STEP,
    TABLES,
    TOML,
    begun,
    fill,
    registered,
    run,
    selected,
    selecting,
    steps_of,
)

from wave_runner.engine import Engine
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.overall import Selected
from wave_runner.reports.trace import trace
from wave_runner.runner.fanner import Fanner
from wave_runner.store.selections import Selection, Source, begin, candidates, open_one


def test_every_row_of_a_table_that_knows_nothing_of_records_becomes_one(ground: Ground):
    selecting(ground, ensures=["record.words == 4"])
    fill(ground, 3)
    assert run(ground) == "completed"
    assert ground.items() == {"item 1": 4, "item 2": 4, "item 3": 4}
    assert begun(ground) == ["item 1", "item 2", "item 3"]
    assert selected(ground) == {"begun": 3}


def test_only_new_and_changed_rows_are_done_again_and_a_new_timestamp_is_no_change(ground: Ground):
    selecting(ground)
    fill(ground, 4)
    assert run(ground) == "completed"
    ground.sql("UPDATE items SET touched = now() + interval '1 h', note = 'x', words = 99 WHERE name = 'item 1'")
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 4}
    assert ground.items()["item 1"] == 99
    ground.sql("UPDATE items SET text = 'other' WHERE name = 'item 2'")
    ground.sql("INSERT INTO items (name, text) VALUES ('item 5', 'new')")
    assert run(ground) == "completed"
    assert begun(ground) == ["item 2", "item 5"]
    assert selected(ground) == {"unchanged": 3, "begun": 2}
    assert run(ground) == "completed"
    assert begun(ground) == []


def test_what_the_workflow_writes_itself_is_no_reason_to_do_it_again(ground: Ground):
    both = COUNT_STEP.replace("{text: record.text}", "{text: record.text, before: record.words}")
    selecting(ground, steps=both)
    fill(ground, 2)
    assert run(ground) == "completed"
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 2}


def test_a_record_that_was_not_completed_is_selected_again_when_something_has_changed(ground: Ground):
    selecting(ground, files={"actors/count.py": script("ctx.write('items', {'name': 'another'})\nreturn {}")})
    fill(ground, 2)
    assert run(ground) == "failed"
    assert run(ground) == "completed"
    assert selected(ground) == {"left_incomplete": 2}, "it would break its contract again, and be paid for again"
    ground.sql("UPDATE items SET text = 'other words' WHERE name = 'item 2'")
    assert run(ground) == "failed"
    assert selected(ground) == {"left_incomplete": 1, "begun": 1, "again": 1}
    ground.write("actors/count.py", COUNT)
    ground.do(lambda engine: engine.approve("count"))
    assert run(ground) == "completed"
    assert selected(ground) == {"begun": 2, "again": 2}
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 2}


@pytest.mark.parametrize("error_class", ["transient", "timeout", "crashed"])
def test_a_record_that_failed_for_a_reason_outside_of_it_is_selected_again(ground: Ground, error_class: str):
    selecting(ground, files={"actors/count.py": script("raise ValueError('not yet')")})
    fill(ground, 1)
    assert run(ground) == "failed"
    ground.sql("UPDATE interactions SET error_class = %s", error_class)
    assert run(ground) == "failed"
    assert selected(ground) == {"begun": 1, "again": 1}


def test_a_record_that_was_not_completed_is_selected_again_when_somebody_says_so(ground: Ground):
    selecting(ground)
    fill(ground, 2)
    ground.sql("UPDATE items SET text = NULL WHERE name = 'item 2'")
    assert run(ground) == "failed"
    assert run(ground, takes_again=True) == "failed"
    assert selected(ground) == {"unchanged": 1, "begun": 1, "again": 1}


def test_a_row_that_changes_after_it_was_selected_is_judged_by_what_was_read(ground: Ground):
    """The hash is taken when the first step reads the row, not when the row is found."""
    selecting(ground)
    fill(ground, 2)

    async def change_between(engine: Engine) -> str:
        run_id = await engine.new_runs().start("work", {})
        fanner = Fanner(engine.database, runner_id=await registered(engine), steps=steps_of(engine), wake_lanes=print)
        while await fanner.one_pass():
            pass
        await asyncio.to_thread(ground.sql, "UPDATE items SET text = 'changed' WHERE name = 'item 1'")
        async with at_work(engine):
            return await ended(engine, run_id)

    assert ground.do(change_between) == "completed"
    assert ground.items() == {"item 1": 1, "item 2": 4}
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 2}


def test_a_row_that_changes_behind_its_first_step_is_done_again(ground: Ground):
    twice = COUNT_STEP.replace("next: end", "next: again") + COUNT_STEP.replace("count:\n", "again:\n", 1)
    hold = script("import pathlib, time\nwhile not pathlib.Path(item['go']).exists():\n    time.sleep(0.01)\nreturn {}")
    held = "hold:\n  actor: hold\n  input: {text: record.text, go: params.go}\n  next: count\n"
    selecting(ground, steps=held + twice, files={"actors/hold.py": hold}, params="{go: string}")
    fill(ground, 1)
    go = ground.folder / "go"

    async def change_while_held(engine: Engine, *, change: bool) -> str:
        await engine.sync()
        run_id = await engine.new_runs().start("work", {"go": str(go)})
        async with at_work(engine):
            if change:
                await until(lambda: asyncio.to_thread(lambda: ground.states("hold") == {"running": 1}))
                await asyncio.to_thread(ground.sql, "UPDATE items SET text = 'changed meanwhile'")
                go.touch()
            return await ended(engine, run_id)

    assert ground.do(lambda engine: change_while_held(engine, change=True)) == "completed"
    assert ground.do(lambda engine: change_while_held(engine, change=False)) == "completed"
    assert selected(ground) == {"begun": 1}
    assert ground.do(lambda engine: change_while_held(engine, change=False)) == "completed"
    assert selected(ground) == {"unchanged": 1}


def test_a_query_says_which_rows(ground: Ground):
    query = """\
        -- those that nobody has counted; 100 % of them
        WITH open AS (SELECT name FROM items WHERE words IS NULL AND name LIKE '%item%')
        SELECT name FROM open -- the end
        ;
    """
    selecting(ground, select="sql/open_items.sql", files={"sql/open_items.sql": query})
    fill(ground, 3)
    ground.sql("UPDATE items SET words = 1 WHERE name = 'item 2'")
    assert run(ground) == "completed"
    assert begun(ground) == ["item 1", "item 3"]
    assert ground.sql("SELECT kind, state FROM actors WHERE name = 'open_items'") == [
        {"kind": "sql", "state": "active"}
    ]


def test_a_query_that_changed_must_be_approved(ground: Ground):
    selecting(ground, select="sql/open_items.sql", files={"sql/open_items.sql": "SELECT name FROM items"})
    ground.write("sql/open_items.sql", "SELECT name FROM items WHERE true")
    with pytest.raises(ConflictError, match="drifted: open_items"):
        run(ground)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT nonsense FROM items", 'column "nonsense" does not exist'),
        ("SELECT name, text FROM items", "subquery has too many columns"),
        ("SELECT 1", "operator does not exist: text = integer"),
        ("DELETE FROM items RETURNING name", "syntax error"),
        ("SELECT name FROM items) AS x; DROP TABLE items; --", 'syntax error at or near ";"'),
    ],
)
def test_a_query_that_the_database_refuses_starts_no_run(ground: Ground, query: str, message: str):
    selecting(ground, select="sql/wrong.sql", files={"sql/wrong.sql": query})
    with pytest.raises(ProjectError, match=message):
        run(ground)
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0


def test_a_query_that_fails_while_it_selects_fails_the_run_with_the_databases_words(ground: Ground):
    query = "SELECT name FROM items WHERE 1 / length(text) > 0"
    selecting(ground, select="sql/wrong.sql", files={"sql/wrong.sql": query})
    ground.sql("INSERT INTO items (name, text) VALUES ('a', '')")
    assert run(ground) == "failed"
    assert ground.one("SELECT error FROM fan_outs") == "division by zero"
    told = ground.one("SELECT data FROM interaction_events WHERE type = 'selection_failed'")
    assert json.loads(told) == {"sqlstate": "22012"}


SHAKY = """\
CREATE TABLE ready (at timestamptz);
CREATE FUNCTION steady() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ready) THEN
        RAISE EXCEPTION 'not now' USING ERRCODE = '%s';
    END IF;
    RETURN true;
END $$;
"""


@pytest.mark.parametrize("code", ["40P01", "53100"], ids=["deadlock", "disk full"])
def test_what_the_database_cannot_select_just_now_is_selected_later(ground: Ground, caplog, code: str):
    query = "SELECT name FROM items WHERE steady()"
    selecting(ground, select="sql/shaky.sql", files={"sql/shaky.sql": query}, tables=TABLES + SHAKY % code)
    fill(ground, 2)

    async def through(engine: Engine) -> str:
        run_id = await engine.new_runs().start("work", {})
        async with at_work(engine):
            await until(has_met_it)
            ground.sql("INSERT INTO ready VALUES (now())")
            return await ended(engine, run_id)

    async def has_met_it() -> bool:
        return "(not now)" in caplog.text

    assert ground.do(through) == "completed"
    assert begun(ground) == ["item 1", "item 2"]


WHERE = [
    ("name:b", ["b"]),
    ("words:>1", ["b", "c"]),
    ("words:>=1 words:<3", ["a", "b"]),
    ("day:<2026-02-01", ["a"]),
    ("text:null", ["c"]),
    ('text:"two words"', ["b"]),
    ("name:a name:b", []),
    ('text:"\'; DROP TABLE items; --"', ["d'; DROP TABLE items; --"]),
    ("name:';DROP", []),
    ("text:%s text:%(size)s", []),
]


@pytest.mark.parametrize(("where", "keys"), WHERE)
def test_a_filter_picks_rows_by_their_columns(ground: Ground, where: str, keys: list[str]):
    selecting(
        ground,
        steps="count: {actor: count, input: {text: record.name}, next: end}",
        files={"actors/count.py": script("return {}")},
    )
    ground.sql(
        "INSERT INTO items (name, text, words, day) VALUES ('a', 'x', 1, '2026-01-01'), ('b', 'two words', 2, NULL), "
        "('c', NULL, 3, '2026-02-01'), ('d''; DROP TABLE items; --', '''; DROP TABLE items; --', NULL, NULL)"
    )
    assert run(ground, where=where) == "completed"
    assert begun(ground) == keys
    assert ground.one("SELECT count(*) FROM items") == 4


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ("nonsense:1", NotFoundError, "the table items has no column nonsense"),
        ("word:1", NotFoundError, "has no column word"),
        ("words:many", ProjectError, 'invalid input syntax for type integer: "many"'),
        ("day:<2026-13-01", ProjectError, "date/time field value out of range"),
        ("name", ProjectError, "is not column:value"),
    ],
)
def test_a_filter_that_says_nothing_starts_no_run(ground: Ground, where: str, error: type[Exception], message: str):
    selecting(ground)
    with pytest.raises(error, match=message):
        run(ground, where=where)
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0


@pytest.mark.parametrize(
    ("where", "code", "keys"), [("name:>b", 0, ["c", "d"]), ("words:many", 2, []), ("nam:a", 4, []), ("name", 2, [])]
)
def test_the_command_takes_a_filter_and_says_what_is_wrong_with_it(
    ground: Ground, where: str, code: int, keys: list[str]
):
    selecting(ground)
    ground.sql("INSERT INTO items (name, text) VALUES ('a', 'x'), ('b', 'x'), ('c', 'x'), ('d', 'x')")
    with ground.process("run", "work", "--where", where) as started:
        assert started.wait(60) == code
    assert begun(ground) == keys


def test_the_chain_of_a_selected_record_begins_with_itself(ground: Ground):
    selecting(ground)
    fill(ground, 2)
    assert run(ground) == "completed"
    found = ground.do(lambda engine: trace(engine.database, "item 2", collections=["items"]))
    assert found.breaks == []
    assert [(event.type, event.cause == "") for event in found.events] == [
        ("interaction_started", True),
        ("interaction_completed", False),
    ]
    board = ground.do(lambda engine: dashboard(engine.database, None, stale_after_s=60))
    assert board.overall.selected == Selected(
        total=2, begun=2, again=0, unchanged=0, left_incomplete=0, under_way=0, vanished=0, erased=0, error=None
    )


def test_a_workflow_that_stages_its_records_takes_no_filter(ground: Ground):
    ground.project()

    async def start(engine: Engine) -> None:
        await engine.sync()
        await engine.new_runs().start("work", {}, where="name:x")

    with pytest.raises(ProjectError, match="takes its records from staging"):
        ground.do(start)


def test_a_limit_counts_the_records_that_are_begun(ground: Ground):
    selecting(ground)
    fill(ground, 5)
    assert run(ground, limit=2) == "completed"
    assert begun(ground) == ["item 1", "item 2"]
    assert run(ground, limit=2) == "completed"
    assert begun(ground) == ["item 3", "item 4"]
    assert selected(ground) == {"unchanged": 2, "begun": 2}


HOSTILE = ["'; DROP TABLE items; --", '"', "%s", "{}", "$1", "a\\b", "\u202e😀", " ", "a\nb"]


def test_keys_of_any_shape_are_found_again(ground: Ground):
    selecting(ground)
    for key in HOSTILE:
        ground.sql("INSERT INTO items (name, text) VALUES (%s, %s)", key, key)
    ground.sql("INSERT INTO items (name, text) VALUES ('', 'a row without a key cannot be a record')")
    assert run(ground) == "completed"
    assert begun(ground) == sorted(HOSTILE)
    assert ground.one("SELECT count(*) FROM items WHERE words IS NULL") == 1
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": len(HOSTILE)}


@pytest.mark.parametrize("key_type", ["bigint", "uuid", "date"])
def test_a_key_of_any_type_works_without_a_column_for_the_record(ground: Ground, key_type: str):
    tables = TABLES.replace("name     text PRIMARY KEY", f"name     {key_type} PRIMARY KEY")
    selecting(ground, tables=tables)
    keys = {
        "bigint": "g",
        "uuid": "md5(g::text)::uuid",
        "date": "'2026-01-01'::date + g",
    }
    ground.sql(f"INSERT INTO items (name, text) SELECT {keys[key_type]}, 'x y' FROM generate_series(1, 12) AS g")
    assert run(ground) == "completed"
    assert ground.one("SELECT count(*) FROM items WHERE words = 2") == 12
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 12}


def referring(ground: Ground) -> None:
    """A table that refers to records, with the rows `a` and `b`."""
    toml = TOML.replace('key = "name"', 'key = "name"\nrecord_column = "item_id"')
    tables = TABLES.replace("CREATE TABLE items (", "CREATE TABLE items (\n    item_id bigint REFERENCES records,")
    selecting(ground, toml=toml, tables=tables)
    ground.sql("INSERT INTO records (collection, key) VALUES ('items', 'a'), ('items', 'b')")
    ground.sql("INSERT INTO items (item_id, name, text) SELECT record_id, key, 'x' FROM records")


def test_a_table_that_refers_to_records_is_selected_by_them(ground: Ground):
    referring(ground)
    ground.sql("INSERT INTO items (name, text) VALUES ('nobody', 'x')")
    assert run(ground) == "completed"
    assert begun(ground) == ["a", "b"]
    assert ground.one("SELECT count(*) FROM records") == 2


async def erased(engine: Engine, key: str) -> None:
    await engine.erasing("ada").request(key, collection=None, basis="Art. 17")
    await engine.erasing("ben").approve(key, collection=None)


def test_a_row_that_refers_to_a_record_which_was_erased_is_left_out_and_counted(ground: Ground):
    referring(ground)
    ground.do(lambda engine: erased(engine, "b"))
    assert run(ground) == "completed"
    assert begun(ground) == ["a"]
    assert selected(ground) == {"begun": 1, "erased": 1}
    board = ground.do(lambda engine: dashboard(engine.database, None, stale_after_s=60))
    assert board.overall.selected == Selected(
        total=2, begun=1, again=0, unchanged=0, left_incomplete=0, under_way=0, vanished=0, erased=1, error=None
    )


def test_what_is_erased_between_being_found_and_being_begun_is_left_out(ground: Ground):
    referring(ground)

    async def act(engine: Engine) -> None:
        await engine.new_runs().start("work", {})
        selection = await open_one(engine.database)
        assert selection is not None
        step = await steps_of(engine).of_run(selection.run_step_id)
        source = Source(tables=step.tables, query=step.selector, columns=step.columns_read)
        chunk = await candidates(engine.database, selection, source, size=10)
        await erased(engine, "b")
        assert await begin(engine.database, selection, source, chunk, last=True, runner_id=await registered(engine))
        async with at_work(engine):
            await ended(engine, 1)

    ground.do(act)
    assert begun(ground) == ["a"]
    assert selected(ground) == {"begun": 1, "erased": 1}


def test_a_record_under_way_in_another_run_is_left_out(ground: Ground):
    selecting(ground)
    fill(ground, 3)

    async def two_runs(engine: Engine) -> list[str]:
        first = await engine.new_runs().start("work", {}, limit=2)
        second = await engine.new_runs().start("work", {})
        fanner = Fanner(engine.database, runner_id=await registered(engine), steps=steps_of(engine), wake_lanes=print)
        while await fanner.one_pass():
            pass
        async with at_work(engine):
            return [await ended(engine, run_id) for run_id in (first, second)]

    assert ground.do(two_runs) == ["completed", "completed"]
    assert begun(ground) == ["item 3"]
    assert selected(ground) == {"begun": 1, "under_way": 2}


def test_a_selection_goes_on_where_it_was_and_begins_nothing_twice(ground: Ground):
    """Two runners take turns; one of them dies in the middle; pages are small, so that the query is asked often."""
    selecting(ground)
    fill(ground, 3500)

    async def in_turns(engine: Engine) -> None:
        await engine.new_runs().start("work", {})
        one, other = [
            Fanner(
                engine.database, runner_id=await registered(engine), steps=steps_of(engine), wake_lanes=print, page=1500
            )
            for _ in range(2)
        ]
        assert await one.one_pass()
        assert await other.one_pass()
        left = await open_one(engine.database)
        assert left is not None
        while await open_one(engine.database) is not None:
            await asyncio.gather(other.one_pass(), one.one_pass())

    ground.do(in_turns)
    assert ground.one("SELECT count(*) FROM interactions") == 3500
    assert ground.one("SELECT count(DISTINCT record_id) FROM run_records") == 3500
    assert selected(ground) == {"begun": 3500}
    sizes = ground.sql("SELECT data FROM interaction_events WHERE type = 'records_selected'")
    assert max(json.loads(event["data"])["begun"] for event in sizes) <= 1000
    assert ground.one("SELECT begun FROM fan_outs WHERE closed_at IS NOT NULL") == 3500


def test_a_runner_that_looked_before_another_one_does_nothing(ground: Ground):
    selecting(ground)
    fill(ground, 3)

    async def late(engine: Engine) -> list[bool]:
        run_id = await engine.new_runs().start("work", {})
        step = await steps_of(engine).of_run((await open_selection(engine)).run_step_id)
        source = Source(tables=step.tables, query=step.selector, columns=step.columns_read)
        seen = await open_selection(engine)
        assert seen.run_id == run_id
        chunk = await candidates(engine.database, seen, source, size=1)
        runner_id = await registered(engine)
        return [await begin(engine.database, seen, source, chunk, last=False, runner_id=runner_id) for _ in range(2)]

    async def open_selection(engine: Engine) -> Selection:
        found = await open_one(engine.database)
        assert found is not None
        return found

    assert ground.do(late) == [True, False]
    assert selected(ground) == {"begun": 1}
    assert ground.sql("SELECT begun, under_way FROM fan_outs") == [{"begun": 1, "under_way": 0}]


def test_a_record_that_has_ended_and_waits_for_its_verdict_is_left_out(ground: Ground):
    selecting(ground)
    fill(ground, 2)
    assert run(ground) == "completed"
    ground.sql(
        "UPDATE run_records SET state = 'ended', settled_at = NULL, read_hash = NULL "
        "WHERE record_id = (SELECT record_id FROM records WHERE key = 'item 1')"
    )

    async def select(engine: Engine) -> None:
        await engine.new_runs().start("work", {})
        fanner = Fanner(engine.database, runner_id=await registered(engine), steps=steps_of(engine), wake_lanes=print)
        while await fanner.one_pass():
            pass

    ground.do(select)
    assert selected(ground) == {"under_way": 1, "unchanged": 1}


def test_a_step_that_runs_once_has_no_place_behind_a_select(ground: Ground):
    with pytest.raises(ProjectError, match="`count` runs once per run, and the workflow begins with the records"):
        selecting(ground, steps=COUNT_STEP.replace("actor: count", "actor: count\n  once: true"))


def test_a_workflow_that_selects_names_the_columns_it_writes(ground: Ground):
    with pytest.raises(ProjectError, match="`items` as a whole"):
        selecting(ground, steps=COUNT_STEP.replace("items.words", "items"))


def test_a_table_may_lie_in_a_schema_of_its_own(ground: Ground):
    tables = "CREATE SCHEMA hr;\n" + TABLES.replace("CREATE TABLE items", "CREATE TABLE hr.items")
    steps = COUNT_STEP.replace("items.words", "hr.items.words")
    actor = COUNT.replace('ctx.write("items"', 'ctx.write("hr.items"')
    toml = TOML.replace('table = "items"', 'table = "hr.items"')
    selecting(
        ground, toml=toml, tables=tables, steps=steps, files={"actors/count.py": actor}, ensures=["record.words == 2"]
    )
    ground.sql("INSERT INTO hr.items (name, text) VALUES ('a', 'two words'), ('b', 'two more')")
    assert run(ground, where="name:>=a") == "completed"
    assert ground.one("SELECT count(*) FROM hr.items WHERE words = 2") == 2
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 2}
