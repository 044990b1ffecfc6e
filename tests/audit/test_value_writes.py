"""What was written to the user's tables is committed to by the log: whoever changes value and record is found out."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import warm
from tests.support.projects import COUNT_STEP, Ground, rows, script
from tests.support.refetched import give, refetched, run
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.core.canonical import canonical
from wave_runner.core.event import data_text
from wave_runner.core.value_write import AT_ONCE, ValueWrite
from wave_runner.engine import Engine
from wave_runner.store import sealed

SPEAKING = """
    SELECT l.log_index, json_array_elements(e.data::json -> 'payloads') ->> 'c' AS c
    FROM interaction_events e JOIN event_log l USING (event_id) WHERE e.type = 'values_written' ORDER BY l.log_index
"""
TWICE = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: note}
note: {actor: note, input: {words: count.words}, writes: [items.note], next: again}
again: {actor: again, input: {words: count.words}, writes: [items.note], next: end}
"""
ACTORS = {
    "note": script("ctx.write('items', {'note': 'first'})\nreturn {}"),
    "again": script("ctx.write('items', {'note': 'second'})\nreturn {}"),
}


def wave(ground: Ground, *arguments: str, code: int = 0) -> str:
    command = ["--project", ground.folder, *arguments]
    done = warm.wave(*command)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def findings(ground: Ground) -> list[dict]:
    """Return what `wave audit verify` finds, the first thing first."""
    command = ["--project", ground.folder, "audit", "verify", "--json"]
    done = warm.wave(*command)
    return json.loads(done.stdout)["findings"]


def bundles_hold(ground: Ground, places: dict[str, list[str]]) -> None:
    """Export each of these, and have it verified by both verifiers."""
    folders = [ground.folder / name for name in places]
    for folder, arguments in zip(folders, places.values(), strict=True):
        wave(ground, "audit", "export", "--out", str(folder), *arguments)
    assert [(folder.name, *told(str(folder), "--json")) for folder in folders if told(str(folder))[0]] == []
    policy = (folders[0] / "policy").read_text()
    assert [one.code for one in ask_node(ground.folder, folders, policy)] == [0] * len(places)


def written(bundle: Path) -> list[dict]:
    """Return what a bundle shows of values that were written."""
    lines = [json.loads(line) for file in (bundle / "payloads").iterdir() for line in file.read_text().splitlines()]
    found = [json.loads(one["text"]) for one in lines if '"write":' in one.get("text", "")]
    return sorted(found, key=lambda one: one["write"])


def committed(ground: Ground) -> tuple[int, int]:
    """Return how many values were written, and how many commitments to them the log has, each of them counted once."""
    return ground.one("SELECT count(*) FROM value_writes"), len({row["c"] for row in ground.sql(SPEAKING)})


# ─── every way in which a value comes to be written ──────────────────────────────────────────────────────────────────


@needs_node
def test_whoever_writes_a_value_the_log_says_so(ground: Ground):
    """Steps, a rerun and its undo, a source that gives a record again, a batch that is taken back."""
    refetched(ground, steps=COUNT_STEP)
    give(ground, range(3))
    assert run(ground) == "completed"
    wave(ground, "rerun", "-w", "work", "--from", "count", "--reason", "wrong", "--yes", "--expect", "3")
    wave(ground, "run", "work", "--resume")
    wave(ground, "rerun", "undo", "1", "--yes")
    wave(ground, "run", "work", "--resume")
    give(ground, [{"name": "item 0001", "text": "other words"}, 1, 7])
    assert run(ground) == "completed"
    wave(ground, "staging", "rollback", "2", "--reason", "broken", "--yes")
    kinds = ground.sql("SELECT is_undo, is_intake, count(*) AS n FROM value_writes GROUP BY 1, 2 ORDER BY 1, 2")
    assert [(row["is_undo"], row["is_intake"]) for row in kinds] == [(False, False), (False, True), (True, False)]
    assert run(ground) == "completed", "a runner signs what was ordered"
    there, spoken_of = committed(ground)
    assert there == spoken_of > 10

    wave(ground, "audit", "verify")
    size = ground.one("SELECT max(size) FROM log_checkpoints")
    record = ["--record", "item 0001"]
    bundles_hold(
        ground, {"whole": [], "run": ["--run", "2"], "record": record, "part": ["--from", "9", "--to", str(size - 9)]}
    )
    shown = {name: written(ground.folder / name) for name in ("whole", "run", "record")}
    assert len(shown["whole"]) == there
    assert {one["run"] for one in shown["run"]} == {2}
    mine = ground.one("SELECT record_id FROM records WHERE key = 'item 0001'")
    assert shown["record"] == [one for one in shown["whole"] if one["record"] == mine]
    assert len(shown["record"]) > 4
    kept = ground.sql("SELECT encode(after_sha256, 'hex') AS after FROM value_writes ORDER BY value_write_id")
    assert [one["after"] for one in shown["whole"]] == [row["after"] for row in kept]


def test_no_event_speaks_of_too_many_values(ground: Ground):
    steps = "count: {actor: count, input: {text: record.text}, writes: [items.words, items.note], next: end}\n"
    both = script("ctx.write('items', {'words': 4, 'note': 'four'})\nreturn {}")
    ground.project(rows=rows(150), steps=steps, actors={"count": both})
    assert ground.run() == "completed"
    counts = ground.sql(f"SELECT log_index, count(*) AS n FROM ({SPEAKING}) AS x GROUP BY 1")
    assert (sum(row["n"] for row in counts), max(row["n"] for row in counts)) == (300, AT_ONCE)
    wave(ground, "audit", "verify")


# ─── what the owner of the server may do ─────────────────────────────────────────────────────────────────────────────

CHANGES = {
    "what stood before, and its hash": [
        "UPDATE payloads SET content = '\"1st\"' WHERE payload_id = %(payload)s",
        "UPDATE value_writes SET before_sha256 = sha256('\"1st\"') WHERE value_write_id = %(write)s",
    ],
    "the hash of the value": ["UPDATE value_writes SET after_sha256 = sha256('7') WHERE value_write_id = %(write)s"],
    "what stood before": ["UPDATE payloads SET content = '\"1st\"' WHERE payload_id = %(payload)s"],
    "that anything stood": ["UPDATE value_writes SET before_payload_id = NULL WHERE value_write_id = %(write)s"],
    "all of it": ["DELETE FROM value_writes WHERE value_write_id = %(write)s"],
    "its nonce": ["UPDATE value_writes SET nonce = sha256('n') WHERE value_write_id = %(write)s"],
    "its column": ["UPDATE value_writes SET column_name = 'text' WHERE value_write_id = %(write)s"],
    "its record": ["UPDATE value_writes SET record_id = record_id + 1 WHERE value_write_id = %(write)s"],
    "who wrote it": ["UPDATE value_writes SET interaction_id = interaction_id + 1 WHERE value_write_id = %(write)s"],
    "when": ["UPDATE value_writes SET written_at = written_at - interval '1 day' WHERE value_write_id = %(write)s"],
    "what it was": ["UPDATE value_writes SET is_undo = true WHERE value_write_id = %(write)s"],
    "its place": ["UPDATE value_writes SET value_write_id = -value_write_id WHERE value_write_id = %(write)s"],
    "as if it had been erased": [
        "UPDATE value_writes SET nonce = NULL, before_sha256 = NULL, after_sha256 = NULL, commitment = %(commitment)s "
        "WHERE value_write_id = %(write)s",
    ],
    "all of it, its content put elsewhere": [
        "INSERT INTO payloads (run_id, interaction_id, attempt, role, media_type, nonce, content) "
        "SELECT run_id, interaction_id, 1, 'log', 'text/plain', nonce, %(content)s FROM value_writes "
        "WHERE value_write_id = %(write)s",
        "DELETE FROM value_writes WHERE value_write_id = %(write)s",
    ],
    "that what stood before is kept": [
        "UPDATE payloads SET content = NULL, nonce = NULL WHERE payload_id = %(payload)s"
    ],
    "how what stood before is known": [
        "UPDATE value_writes SET before_commitment = sha256('c') WHERE value_write_id = %(write)s"
    ],
    "its place, before any other": [
        "UPDATE value_writes SET value_write_id = -9223372036854775808 WHERE value_write_id = %(write)s"
    ],
    "its place, where no number is exact": [
        "UPDATE value_writes SET value_write_id = 9223372036854775807 WHERE value_write_id = %(write)s"
    ],
    "when, to never": ["UPDATE value_writes SET written_at = 'infinity' WHERE value_write_id = %(write)s"],
}  # fmt: skip
CHOSEN = """
    SELECT v.value_write_id AS write, v.before_payload_id AS payload, l.log_index
    FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
    JOIN interaction_events e ON e.type = 'values_written' AND e.wave_id = i.wave_id
    JOIN event_log l USING (event_id)
    WHERE v.before_payload_id IS NOT NULL ORDER BY v.value_write_id LIMIT 1
"""


def kept(ground: Ground, number: int) -> ValueWrite:
    """Return a value write by its number."""

    async def read(engine: Engine) -> ValueWrite:
        async with engine.database.snapshot() as connection:
            pages = [page async for page in sealed.writes(connection, 1, await sealed.written_runs(connection))]
        return next(one.write for page in pages for one in page if one.write.value_write_id == number)

    return ground.do(read)


def test_whatever_the_owner_changes_of_what_was_written_is_named(ground: Ground):
    ground.project(rows=rows(4), steps=TWICE, actors=ACTORS)
    assert ground.run() == "completed"
    [chosen] = ground.sql(CHOSEN)
    write = kept(ground, chosen["write"])
    chosen |= {"content": write.content(), "commitment": bytes.fromhex(write.commitment())}
    ground.tampered = True
    found = {}
    with ground.superuser() as connection:
        for table in ("value_writes_r1", "payloads_r1"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            connection.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
        for what, statements in CHANGES.items():
            for statement in statements:
                assert connection.execute(statement, chosen).rowcount == 1, what
            connection.commit()
            first = findings(ground)[0]
            found[what] = (first["log_index"], first["is_missing"])
            for table in ("value_writes_r1", "payloads_r1"):
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
            connection.commit()
    assert found == dict.fromkeys(CHANGES, (chosen["log_index"], False))
    assert findings(ground) == [], "everything is as it was"


def test_a_value_that_is_changed_with_all_that_is_kept_of_it_is_found_by_the_log_alone(ground: Ground):
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    ground.tampered = True
    with ground.superuser() as connection:
        connection.execute("UPDATE items SET words = 999 WHERE name = 'item 0000'")
        connection.execute(
            "UPDATE value_writes SET after_sha256 = sha256('999') FROM records r "
            "WHERE r.record_id = value_writes.record_id AND r.key = 'item 0000'"
        )
    assert json.loads(wave(ground, "explain", "items.words", "--record", "item 0000", "--json"))["complete"]
    first = findings(ground)[0]
    assert first["log_index"] in {row["log_index"] for row in ground.sql(SPEAKING)}


def test_what_nobody_has_written_is_named(ground: Ground):
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    ground.tampered = True
    with ground.superuser() as connection:
        connection.execute(
            "INSERT INTO value_writes (run_id, interaction_id, record_id, table_name, column_name, before_sha256, "
            "after_sha256, nonce) SELECT run_id, interaction_id, record_id, table_name, column_name, sha256('null'), "
            "sha256('999'), sha256('n') FROM value_writes ORDER BY value_write_id LIMIT 1"
        )
    [found] = findings(ground)
    assert found["why"].startswith("no event speaks of it: value write 3 of run 1, items.words of record ")


def test_an_erased_write_that_nobody_has_erased_is_named(ground: Ground):
    """It would stand in front of what was written: explained as erased, and undone by nobody."""
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    ground.tampered = True
    with ground.superuser() as connection:
        connection.execute(
            "INSERT INTO value_writes (run_id, interaction_id, record_id, table_name, column_name, commitment) "
            "SELECT run_id, interaction_id, record_id, table_name, column_name, sha256('c') FROM value_writes "
            "ORDER BY value_write_id LIMIT 1"
        )
    [found] = findings(ground)
    assert found["why"].startswith("it is said to be erased, and its record was not")


def test_a_write_that_is_dated_back_is_named(ground: Ground):
    """Whoever may insert can write a row and an event that commits to it."""
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    number = ground.one("SELECT max(value_write_id) FROM value_writes")
    put_in = kept(ground, number)._replace(value_write_id=number + 1000)
    back = put_in._replace(value_write_id=number + 1001, written_us=(put_in.written_us or 0) - 10**6 * 86_400)
    ground.tampered = True
    for write in (put_in, back):
        ground.sql(
            "INSERT INTO value_writes (run_id, value_write_id, interaction_id, record_id, table_name, column_name, "
            "before_sha256, after_sha256, nonce, written_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "timestamptz 'epoch' + %s * interval '1 microsecond')",
            *(write.run_id, write.value_write_id, write.interaction_id, write.record_id, write.table, write.column),
            *(write.before_sha256, write.after_sha256, write.nonce, write.written_us),
        )
        data = data_text({"payloads": [{"c": write.commitment()}]})
        ground.sql(
            "INSERT INTO interaction_events (run_id, form, type, data, sha256) "
            "VALUES (1, 1, 'values_written', %s, sha256(convert_to(%s, 'UTF8')))",
            data,
            data,
        )
    ground.do(lambda engine: engine.seal())
    [found] = findings(ground)
    assert found["why"].startswith("1 of its values are said to be written long before it")


def test_behind_a_hole_in_the_log_nothing_is_said_of_what_was_written(ground: Ground):
    ground.project(rows=rows(3))
    assert ground.run() == "completed"
    ground.tampered = True
    with ground.superuser() as connection:
        connection.execute("ALTER TABLE event_log DISABLE TRIGGER ALL")
        assert connection.execute("DELETE FROM event_log WHERE log_index = 5").rowcount == 1
    why = [one["why"] for one in findings(ground)]
    assert any("has a hole" in one for one in why)
    assert not any("no event speaks of it" in one for one in why)


def test_what_is_shown_of_a_record_leaves_nothing_out_that_was_tampered_with(ground: Ground):
    ground.project(rows=rows(2))
    assert ground.run() == "completed"
    ground.tampered = True
    for number, change in enumerate(("after_sha256 = sha256('999')", "written_at = 'infinity'")):
        with ground.superuser() as connection:
            connection.execute(
                f"UPDATE value_writes SET {change} FROM records r "
                "WHERE r.record_id = value_writes.record_id AND r.key = 'item 0000'"
            )
        out = ["--out", ground.folder / f"bundle {number}"]
        done = warm.wave("--project", ground.folder, "audit", "export", "--record", "item 0000", *out)
        assert done.returncode != 0
        assert "`wave audit verify` says more" in done.stderr, done.stderr
    wave(ground, "audit", "erase", "--record", "item 0000", "--basis", "Art. 17", "--as", "ada")
    command = ["--project", ground.folder, "audit", "erase", "--record", "item 0000", "--approve", "--as", "ben"]
    done = warm.wave(*command)
    assert "so no event can name what would be gone: value write " in done.stderr, done.stderr
    wave(ground, "audit", "export", "--record", "item 0001", "--out", str(ground.folder / "other"))


@needs_node
def test_what_is_erased_is_named_and_what_is_left_holds(ground: Ground):
    ground.project(rows=rows(3), steps=TWICE, actors=ACTORS)
    assert ground.run() == "completed"
    wave(ground, "audit", "erase", "--record", "item 0001", "--basis", "Art. 17", "--as", "ada")
    wave(ground, "audit", "erase", "--record", "item 0001", "--approve", "--as", "ben")
    named = ground.sql(
        "SELECT json_array_elements_text(data::json -> 'commitments') AS c FROM interaction_events "
        "WHERE type = 'payload_erased'"
    )
    assert len({row["c"] for row in ground.sql(SPEAKING)} & {row["c"] for row in named}) == 3
    wave(ground, "run", "work")
    wave(ground, "audit", "verify")
    bundles_hold(ground, {"whole": [], "run": ["--run", "1"], "other": ["--record", "item 0002"]})
    assert len(written(ground.folder / "run")) == 6
    assert len(written(ground.folder / "other")) == 3
    ground.tampered = True
    with ground.superuser() as connection:
        connection.execute(
            "UPDATE value_writes SET record_id = (SELECT record_id FROM records WHERE key = 'item 0002') "
            "WHERE value_write_id = (SELECT max(value_write_id) FROM value_writes WHERE nonce IS NULL)"
        )
    assert any(one["why"].startswith("it is said to be erased, and its record was not") for one in findings(ground))


# ─── one form, made in two places ────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_a_name_has_one_form(session_database: str, name: str):
    """The database writes what is committed to, and Python makes it again: a name of any table must come out alike."""
    global connection
    if connection is None or connection.closed:
        connection = psycopg.connect(session_database, autocommit=True)
    [found] = connection.execute("SELECT to_json(%s::text)::text", [name]).fetchone() or [None]
    assert found is not None
    assert found.encode() == canonical(name)


connection: psycopg.Connection | None = None
