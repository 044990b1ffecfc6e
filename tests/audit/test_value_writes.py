"""What was written to the user's tables is committed to by the log: whoever changes value and record is found out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.projects import COUNT_STEP, WAVE, Ground, rows, script
from tests.support.refetched import give, refetched, run
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.core.canonical import canonical
from wave_runner.core.value_write import AT_ONCE

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
    command = [WAVE, "--project", ground.folder, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def findings(ground: Ground) -> list[dict]:
    """Return what `wave audit verify` finds, the first thing first."""
    command = [WAVE, "--project", ground.folder, "audit", "verify", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
        "UPDATE value_writes SET nonce = NULL, before_sha256 = NULL, after_sha256 = NULL "
        "WHERE value_write_id = %(write)s",
    ],
}  # fmt: skip
CHOSEN = """
    SELECT v.value_write_id AS write, v.before_payload_id AS payload, l.log_index
    FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
    JOIN interaction_events e ON e.type = 'values_written' AND e.wave_id = i.wave_id
    JOIN event_log l USING (event_id)
    WHERE v.before_payload_id IS NOT NULL ORDER BY v.value_write_id LIMIT 1
"""


def test_whatever_the_owner_changes_of_what_was_written_is_named(ground: Ground):
    ground.project(rows=rows(4), steps=TWICE, actors=ACTORS)
    assert ground.run() == "completed"
    [chosen] = ground.sql(CHOSEN)
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
