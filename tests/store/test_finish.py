"""Finishing: result, event, children, counts and writes stand together or not at all; a bad row sinks alone."""

from __future__ import annotations

import json

import pytest
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import COUNT, TABLES, Ground, rows, script

from wave_runner.core.flow import Consequences, Place
from wave_runner.core.interaction import LEGAL_MOVES, State
from wave_runner.core.outcome import Write
from wave_runner.store.database import DataRefused

SAVE_STEP = """\
save:
  actor: save
  input: {text: record.text}
  writes: [items, tags]
  next: end
"""


A_SECOND = "[scripts.save]\ntimeout_s = 1\n"


def saving(ground: Ground, body: str, n: int = 100, tables: str | None = None, toml: str = "") -> Ground:
    """A project whose one step writes with `body`, for `n` items of which number 42 has the text `bad`."""
    items = rows(n)
    if n > 42:
        items[42]["text"] = "bad"
    more = {"tables": tables} if tables else {}
    return ground.project(
        toml=toml,
        rows=items,
        steps=SAVE_STEP,
        actors={"save": script(f"bad = item['text'] == 'bad'\n{body}\nreturn {{}}", options="database = True\n")},
        **more,
    )


# ─── one bad row ─────────────────────────────────────────────────────────────────────────────────────

TAGGED = "ctx.replace('tags', [{'tag': 'x'}])\n"

REFUSED = {
    "too long": "ctx.write('items', {'note': 'x' * (21 if bad else 20)})",
    "of the wrong type": "ctx.write('items', {'words': 'many' if bad else 3})",
    "against a check": "ctx.write('items', {'words': 1000 if bad else 3})",
    "null where none may be": "ctx.write('items', {'name': None} if bad else {'words': 3})",
    "in a column that is not there": "ctx.write('items', {'colour': 1} if bad else {'words': 3})",
    "taken by another row": "ctx.write('items', {'name': 'item 0001'} if bad else {'words': 3})",
    "twice in one set of rows": "ctx.replace('tags', [{'tag': 'a'}, {'tag': 'a' if bad else 'b'}])",
    "in an effect": "ctx.db.execute('UPDATE items SET words = %s WHERE name = %s', 5000 if bad else 3, ctx.record)",
    "in an effect that is no SQL": "ctx.db.execute('UPDATE nothing SET words = 1' if bad else 'SELECT 1')",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_of_a_hundred_writes_the_refused_one_is_quarantined_and_the_others_stand(ground: Ground, body: str):
    saving(ground, TAGGED + body if "tags" not in body else body)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0042": "write_refused"}
    assert ground.states("save") == {"completed": 99, "quarantined": 1}
    assert ground.one("SELECT count(DISTINCT item_id) FROM tags") == 99
    assert ground.one("SELECT count(DISTINCT record_id) FROM value_writes WHERE table_name = 'tags'") == 99
    kept = ground.one("SELECT convert_from(content, 'UTF8') FROM payloads WHERE role = 'error'")
    assert kept == ground.one("SELECT error FROM interactions WHERE state = 'quarantined'")


HANGS = "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN new; END';"
ENDLESS = {
    "an effect": ("ctx.db.execute('SELECT pg_sleep(%s)', 600 if bad else 0)", ""),
    "a trigger under a write": (
        "ctx.write('items', {'words': 1 if bad else 2})",
        HANGS + "CREATE TRIGGER hang BEFORE UPDATE ON items FOR EACH ROW WHEN (new.words = 1) EXECUTE FUNCTION hang();",
    ),
}


@pytest.mark.parametrize(("body", "tables"), ENDLESS.values(), ids=ENDLESS)
def test_a_statement_that_never_ends_is_refused_at_the_time_limit_and_holds_up_no_other(ground, body, tables):
    saving(ground, body, n=43, tables=TABLES + tables, toml=A_SECOND)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0042": "write_refused"}
    assert ground.states("save") == {"completed": 42, "quarantined": 1}
    assert "statement timeout" in ground.one("SELECT error FROM interactions WHERE state = 'quarantined'")


def test_a_constraint_that_is_checked_at_commit_quarantines_its_row_and_no_other(ground: Ground):
    tables = (
        "CREATE TABLE items (item_id bigint PRIMARY KEY REFERENCES records, name text, text text, "
        "words int REFERENCES records DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TABLE tags (item_id bigint, tag text);"
    )
    saving(ground, "ctx.write('items', {'words': 999_999 if bad else 1})", tables=tables)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0042": "write_refused"}
    assert ground.one("SELECT count(*) FROM items WHERE words = 1") == 99


def test_a_value_too_large_for_its_index_is_refused_and_not_tried_for_ever(ground: Ground):
    tables = (
        "CREATE TABLE items (item_id bigint PRIMARY KEY REFERENCES records, name text, text text UNIQUE);"
        "CREATE TABLE tags (item_id bigint, tag text);"
    )
    body = "import random\nctx.write('items', {'text': ctx.record + (random.randbytes(20_000).hex() if bad else '')})"
    items = [{"name": f"item {n:04}", "text": "bad" if n == 2 else str(n)} for n in range(5)]
    saving(ground, body, n=0, tables=tables).project(
        rows=items,
        steps=SAVE_STEP,
        actors={"save": script(f"bad = item['text'] == 'bad'\n{body}\nreturn {{}}")},
        tables=tables,
    )
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0002": "write_refused"}


def test_an_error_of_the_users_own_trigger_is_that_rows_error(ground: Ground):
    trigger = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "IF NEW.words = 13 THEN RAISE EXCEPTION 'unlucky'; END IF; RETURN NEW; END$$;"
        "CREATE TRIGGER lucky BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION refuse();"
    )
    saving(ground, "ctx.write('items', {'words': 13 if bad else 3})")
    ground.write("sql/tables-2.sql", trigger)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0042": "write_refused"}
    assert ground.one("SELECT error FROM interactions WHERE state = 'quarantined'") == "unlucky"


def test_a_row_that_was_deleted_meanwhile_is_that_records_error(ground: Ground):
    saving(
        ground,
        "ctx.db.execute('DELETE FROM items WHERE name = %s', ctx.record) if bad else None\n"
        "ctx.write('items', {'words': 3})",
    )
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 0042": "write_refused"}
    assert ground.one("SELECT count(*) FROM items WHERE words = 3") == 99
    assert ground.one("SELECT count(*) FROM items") == 100


# ─── all or nothing ──────────────────────────────────────────────────────────────────────────────────


def test_a_refused_write_takes_result_event_child_and_counts_back_with_it(ground: Ground):
    ground.project(rows=rows(0))
    watched = ["interactions", "interaction_events", "count_deltas", "run_records", "payloads", "value_writes", "items"]

    async def refuse(hand: Hand):
        await hand.seed(3)
        wave = await hand.claim()
        await hand.begin(wave)
        to_check = Consequences(children=(Place(step="check"),))
        before = [await hand.sql(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in watched]
        moves = [hand.move(item, follows=to_check) for item in wave.items[:2]]
        moves.append(hand.move(wave.items[2], writes=(Write(table="items", values={"words": "many"}),)))
        with pytest.raises(DataRefused, match="invalid input syntax for type integer"):
            await hand.finish(wave, moves)
        return before, [await hand.sql(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in watched]

    before, after = by_hand(ground, refuse)
    assert after == before


def test_effects_commit_with_the_result_and_never_without_it(ground: Ground):
    audit = "CREATE TABLE seen (name text);"
    body = (
        "ctx.db.execute('INSERT INTO seen VALUES (%s)', ctx.record)\nreturn {'n': 1 if item['text'] == 'good' else 'x'}"
    )
    ground.project(
        rows=[{"name": "a", "text": "good"}, {"name": "b", "text": "bad"}],
        steps="note: {actor: note, input: {text: record.text}, output: schemas/n.json, next: end}",
        actors={"note": script(body, options="database = True\n")},
        files={
            "schemas/n.json": '{"type": "object", "properties": {"n": {"type": "integer"}}}',
            "sql/tables-2.sql": audit,
        },
    )
    assert ground.run() == "failed"
    assert ground.sql("SELECT name FROM seen") == [{"name": "a"}]
    assert list(ground.troubles()) == ["b"]


def test_values_are_recorded_with_what_was_there_before(ground: Ground):
    saving(ground, "ctx.write('items', {'words': 7})\n" + TAGGED, n=1)
    assert ground.run() == "completed"
    written = ground.sql(
        "SELECT column_name, before_sha256 = sha256('null') AS was_null, after_sha256 = sha256('7') AS is_7, "
        "before_payload_id FROM value_writes ORDER BY column_name"
    )
    assert written == [
        {"column_name": "*", "was_null": True, "is_7": False, "before_payload_id": None},
        {"column_name": "words", "was_null": True, "is_7": True, "before_payload_id": None},
    ]


def test_what_a_write_replaces_is_kept(ground: Ground):
    ground.project(rows=rows(0))

    async def replace(hand: Hand):
        await hand.seed(1)
        await hand.sql("UPDATE items SET words = 5")
        wave = await hand.claim()
        await hand.begin(wave)
        await hand.finish(wave, [hand.move(wave.items[0], writes=(Write(table="items", values={"words": 8}),))])

    by_hand(ground, replace)
    [written] = ground.sql(
        "SELECT convert_from(content, 'UTF8') AS before, before_sha256 = sha256(content) AS is_its_hash, "
        "after_sha256 = sha256('8') AS is_new FROM value_writes JOIN payloads ON payload_id = before_payload_id"
    )
    assert written == {"before": "5", "is_its_hash": True, "is_new": True}


def test_of_two_writes_to_one_value_the_later_stands(ground: Ground):
    body = (
        "ctx.write('items', {'words': 1, 'note': 'first'})\nctx.write('items', {'words': 2})\n"
        "ctx.replace('tags', [{'tag': 'old'}])\nctx.replace('tags', [{'tag': 'new'}])"
    )
    assert saving(ground, body, n=3).run() == "completed"
    assert ground.sql("SELECT DISTINCT words, note FROM items") == [{"words": 2, "note": "first"}]
    assert ground.sql("SELECT DISTINCT tag FROM tags") == [{"tag": "new"}]
    assert ground.one("SELECT count(*) FROM value_writes") == 3 * 3


def test_a_table_may_have_columns_with_names_that_we_use_ourselves(ground: Ground):
    names = ["place", "address", "document", "v", "t", "row", "g"]
    columns = ", ".join(f'"{name}" text' for name in names)
    tables = (
        f"CREATE TABLE items (item_id bigint PRIMARY KEY REFERENCES records, name text, text text, {columns});"
        "CREATE TABLE tags (item_id bigint, tag text);"
    )
    values = {name: f"my {name}" for name in names}
    assert saving(ground, f"ctx.write('items', {values!r})", n=3, tables=tables).run() == "completed"
    quoted = ", ".join(f'"{name}"' for name in names)
    assert ground.sql(f"SELECT DISTINCT {quoted} FROM items") == [values]


def test_a_write_that_the_step_does_not_declare_is_refused_before_anything_is_written(ground: Ground):
    naughty = COUNT.replace('ctx.write("items", {"words": words})', 'ctx.write("items", {"words": 1, "note": "mine"})')
    ground.project(rows=rows(3), actors={"count": naughty})
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"undeclared_write"}
    assert ground.sql("SELECT DISTINCT words, note FROM items") == [{"words": None, "note": None}]


# ─── moves ───────────────────────────────────────────────────────────────────────────────────────────

# What this version's statements may do; the others of LEGAL_MOVES come with people, reruns and cancelling.
MADE = {
    (State.PENDING, State.RUNNING),
    (State.PENDING, State.QUARANTINED),
    *((State.RUNNING, to) for to in (State.COMPLETED, State.FAILED, State.QUARANTINED, State.PENDING)),
}


def test_the_statements_make_exactly_their_moves_from_whatever_state(ground: Ground):
    """Every statement that moves is tried on an interaction in every state, held by the wave that asks."""
    ground.project(rows=rows(0))

    async def try_all(hand: Hand):
        made = set()
        for before in State:
            for act in statements(hand):
                [interaction_id] = await hand.seed(1)
                wave = await hand.claim()
                await put_into(hand, interaction_id, before)
                await act(wave)
                [after] = await hand.sql(
                    "SELECT state::text AS state FROM interactions WHERE interaction_id = %s", interaction_id
                )
                if after["state"] != before:
                    made.add((before, State(after["state"])))
                await hand.sql("DELETE FROM value_writes")
                await hand.close(wave)
                await put_into(hand, interaction_id, State.CANCELLED)
                await hand.put_in_order()
        return made

    made = by_hand(ground, try_all)
    assert made == MADE
    assert all(after in LEGAL_MOVES[before] for before, after in made)


def statements(hand: Hand) -> list:
    async def sweep(wave):
        await hand.die()
        await hand.sweep()

    async def sweep_the_third_time(wave):
        await hand.sql("UPDATE interactions SET crashes = 2 WHERE wave_id = %s", wave.wave_id)
        await sweep(wave)

    def finish(state: State, from_state: State = State.RUNNING):
        return lambda wave: hand.finish(wave, [hand.move(wave.items[0], state)], from_state=from_state)

    ends = [finish(state) for state in (State.COMPLETED, State.FAILED, State.QUARANTINED, State.PENDING)]
    stopped = finish(State.QUARANTINED, State.PENDING)
    return [hand.begin, *ends, stopped, hand.release, hand.close, sweep, sweep_the_third_time]


async def put_into(hand: Hand, interaction_id: int, state: State) -> None:
    await hand.sql(
        "UPDATE interactions SET state = %(state)s::interaction_state, attempt = 9, ready_at = NULL, error = '-', "
        "wave_id = CASE WHEN %(state)s <> 'pending' THEN "
        "(SELECT max(wave_id) FROM claimed WHERE interaction_id = %(id)s) END, "
        "finished_at = CASE WHEN %(state)s IN ('completed', 'failed', 'quarantined', 'skipped', 'cancelled', "
        "'invalidated') THEN clock_timestamp() END, "
        "output = CASE WHEN %(state)s IN ('completed', 'invalidated') THEN '{}' END, "
        "output_nonce = CASE WHEN %(state)s IN ('completed', 'invalidated') THEN ''::bytea END "
        "WHERE interaction_id = %(id)s".replace("%(state)s", f"'{state}'").replace("%(id)s", str(interaction_id))
    )


# ─── retries and ends ────────────────────────────────────────────────────────────────────────────────


def test_a_retry_waits_its_time_keeps_its_attempts_and_then_counts_on(ground: Ground):
    ground.project(rows=rows(0))

    async def retry(hand: Hand):
        [interaction_id] = await hand.seed(1)
        wave = await hand.claim()
        await hand.begin(wave)
        await hand.finish(wave, [hand.move(wave.items[0], State.PENDING, delay_s=60.0, error_class="transient")])
        await hand.close(wave)
        none = await hand.claim()
        await hand.sql("UPDATE interactions SET ready_at = now() - interval '1 s' WHERE ready_at IS NOT NULL")
        await hand.engine.database.fetch("interactions/release_delayed", {"size": 1000})
        return none, (await hand.claim()).items[0].attempt, interaction_id

    none, attempts, _ = by_hand(ground, retry)
    assert none is None
    assert attempts == 1


def test_a_record_ends_where_its_flow_ends_and_a_run_ends_when_nothing_lives(ground: Ground):
    steps = "a: {actor: pass_on, next: b}\nb: {actor: pass_on, next: end}"
    ground.project(rows=rows(4), steps=steps, actors={"pass_on": script("return {}")})
    assert ground.run() == "completed"
    assert ground.sql("SELECT DISTINCT state, live FROM run_records") == [{"state": "completed", "live": 0}]
    [ended] = ground.sql("SELECT data FROM interaction_events WHERE type = 'run_completed'")
    assert json.loads(ended["data"]) == {"broken_once": 0, "completed": 4, "incomplete": 0, "undecided": 0}
