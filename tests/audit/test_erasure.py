"""What is erased is gone from every place, the log holds all the same, and nobody does it alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support import canary, warm
from tests.support.canary import KEY, OTHER, WORD
from tests.support.invariants import broken_invariants
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import COUNT_STEP, Ground, run_to_end
from tests.support.refetched import give, refetched, run
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.engine import Engine
from wave_runner.store import erasures
from wave_runner.store.statements import statement

PLACES = {"interactions", "payloads", "staged_records", "tasks", "decisions", "value_writes", "records", "run_records"}


@pytest.fixture
def sung(ground: Ground, tmp_path: Path) -> Iterator[Ground]:
    with OpenAIStub(tmp_path / "stub", canary.RULES, ["m"]) as stub:
        canary.write(ground, stub)
        canary.sing(ground)
        yield ground


def wave(ground: Ground, *arguments: str, fails: bool = False) -> str:
    command = ["--project", ground.folder, *arguments]
    done = warm.wave(*command)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr if fails else done.stdout


def erase(ground: Ground, *arguments: str, key: str = KEY, fails: bool = False) -> str:
    return wave(ground, "audit", "erase", "--record", key, *arguments, fails=fails)


def erased(ground: Ground) -> str:
    """Erase the record, and return what it is called now."""
    erase(ground, "--basis", "GDPR Art. 17", "--as", "ada")
    erase(ground, "--approve", "--as", "ben")
    return ground.one("SELECT key FROM records WHERE key <> %s", OTHER)


@needs_node
def test_nothing_is_left_of_what_is_erased_and_the_log_holds(sung: Ground):
    words = [KEY, WORD, f"{WORD}!"]
    assert PLACES - set(canary.found_in(sung, words)) == {"run_records"}, "it is not everywhere yet"
    assert sung.one("SELECT count(*) FROM answers JOIN interactions USING (run_id, interaction_id)") == 2
    key = erased(sung)
    assert canary.found_in(sung, words) == {}
    assert sung.one("SELECT count(*) FROM answers") == 1, "of the other record alone"
    assert sung.states("sure") == {"cancelled": 1, "waiting": 1} or sung.states("sure") == {"cancelled": 1}
    assert sung.one("SELECT note FROM items WHERE name = %s", KEY) == f"{WORD}!", "the project's own table is its own"
    wave(sung, "audit", "verify")

    whole = sung.one("SELECT max(size) FROM log_checkpoints")
    places = {
        "whole": [],
        "run": ["--run", "1"],
        "record": ["--record", key],
        "other": ["--record", OTHER],
        "stretch": ["--from", "0", "--to", str(whole // 2)],
    }
    bundles = [sung.folder / name for name in places]
    for folder, arguments in zip(bundles, places.values(), strict=True):
        wave(sung, "audit", "export", "--out", str(folder), *arguments)
    assert [(folder.name, *told(str(folder), "--json")) for folder in bundles if told(str(folder))[0]] == []
    assert [one.code for one in ask_node(sung.folder, bundles, (bundles[0] / "policy").read_text())] == [0] * len(
        places
    )
    in_bundles = [path for path in sung.folder.glob("*/payloads/*") if WORD in path.read_text()]
    assert in_bundles == []


async def to_erase(engine: Engine, key: str) -> dict[str, int]:
    """Return how much of a record there is to erase, by table."""
    async with engine.database.snapshot() as connection:
        [known] = await erasures.find(connection, key, collection=None)
        return await erasures.counts(connection, known.record_id)


def test_nothing_is_left_of_what_a_batch_gave_that_was_taken_back(ground: Ground):
    refetched(ground, steps=COUNT_STEP)
    give(ground, range(2))
    assert run(ground) == "completed"
    give(ground, [0, {"name": "item 0001", "text": WORD}])
    assert run(ground) == "completed"
    wave(ground, "staging", "rollback", "2", "--reason", "broken", "--yes")
    assert ground.one("SELECT text FROM items WHERE name = 'item 0001'") != WORD
    kept = "SELECT count(*) FROM payloads WHERE content = convert_to(to_json(%s::text)::text, 'UTF8')"
    assert ground.one(kept, WORD) == 1, "what was taken back is kept"
    erase(ground, "--basis", "GDPR Art. 17", "--as", "ada", key="item 0001")
    told = ground.do(lambda engine: to_erase(engine, "item 0001"))
    there = ground.one("SELECT count(*) FROM payloads WHERE content IS NOT NULL")
    erase(ground, "--approve", "--as", "ben", key="item 0001")
    assert canary.found_in(ground, [WORD]) == {}
    assert there - ground.one("SELECT count(*) FROM payloads WHERE content IS NOT NULL") == told["payloads"]
    wave(ground, "audit", "verify")


def test_what_is_erased_is_shown_as_erased(sung: Ground):
    key = erased(sung)
    traced = wave(sung, "trace", key)
    assert "erased" in traced
    assert WORD not in traced
    explained = json.loads(
        warm.wave("--project", sung.folder, "explain", "items.note", "--record", key, "--json").stdout
    )
    assert (explained["value"]["standing"], explained["complete"]) == ("erased", False)
    assert explained["value"]["missing"] == []
    assert "an earlier value" in explained["erased"]
    assert "no record" in wave(sung, "trace", KEY, fails=True)


def test_nobody_erases_alone_or_what_is_not_there_or_held(sung: Ground):
    for arguments, said in [
        (["--approve", "--as", "ben"], "nobody has asked"),
        (["--withdraw", "--as", "ben"], "nobody has asked"),
        (["--basis", " ", "--as", "ada"], "needs a text"),
        (["--basis", "x", "--as", "two people"], "names nobody"),
        (["--basis", "x", "--approve"], "exclude each other"),
        (["--collection", "item"], "no collection item"),
    ]:
        assert said in erase(sung, *arguments, fails=True), arguments
    assert "there is no record 'nobody'" in erase(sung, key="nobody", fails=True)

    assert "would be erased" in erase(sung), "who asks for nothing is told what there is"
    assert "nothing is erased yet" in erase(sung, "--basis", "Art. 17", "--as", "ada")
    assert "ada has asked" in erase(sung, "--basis", "Art. 17", "--as", "ben", fails=True)
    assert "ada has asked for this" in erase(sung)
    for alone in ("ada", "Ada", "ADA"):
        assert "cannot agree to it as well" in erase(sung, "--approve", "--as", alone, fails=True)
    wave(sung, "audit", "hold", "--record", KEY, "--reason", "proceedings", "--as", "eve")
    assert "eve has placed a hold" in erase(sung, "--approve", "--as", "ben", fails=True)
    assert "already" in wave(sung, "audit", "hold", "--record", KEY, "--reason", "x", fails=True)
    assert "proceedings" in wave(sung, "audit", "holds")
    wave(sung, "audit", "hold", "--record", KEY, "--release", "--as", "eve")
    assert "no hold" in wave(sung, "audit", "hold", "--record", KEY, "--release", fails=True)
    assert canary.found_in(sung, [KEY])["records"] == 1, "nothing is erased"

    erase(sung, "--withdraw", "--as", "ada")
    assert "nobody has asked" in erase(sung, "--approve", "--as", "ben", fails=True)
    key = erased(sung)
    assert "there is no record" in erase(sung, "--approve", "--as", "ben", fails=True)
    assert key in wave(sung, "audit", "erasures")
    said = sung.sql(
        "SELECT type::text AS type, data FROM interaction_events WHERE type::text ~ 'eras|hold' ORDER BY event_id"
    )
    assert [one["type"] for one in said if one["type"] != "payload_erased"] == [
        "erasure_requested", "hold_placed", "hold_released", "erasure_withdrawn", "erasure_requested", "record_erased",
    ]  # fmt: skip
    named = [json.loads(one["data"]) for one in said if one["type"] == "payload_erased"]
    assert {(one["requested_by"], one["approved_by"]) for one in named} == {("ada", "ben")}
    assert not any("Art. 17" in one["data"] or KEY in one["data"] for one in said)


def test_work_goes_on_without_what_is_erased(sung: Ground):
    erased(sung)
    sung.sql("DELETE FROM items WHERE name = %s", KEY)
    state = sung.sql("SELECT state, broken FROM run_records JOIN records USING (record_id) WHERE key <> %s", OTHER)
    assert state == [{"state": "incomplete", "broken": '["erased"]'}]
    assert sung.do(lambda engine: run_to_end(engine, 1)) == "waiting", "for what people are asked of the other one"
    wave(sung, "doctor")


def owned(ground: Ground, *statements: str) -> str:
    """Do what only the owner of the server can, with what stops everybody else switched off; return what is found."""
    ground.tampered = True
    with ground.superuser() as connection:
        tables = connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relnamespace = 'wave'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
    return wave(ground, "audit", "verify", fails=True)


def test_what_is_taken_away_without_an_order_is_missed_and_so_is_an_order(sung: Ground):
    erased(sung)
    orders = sung.sql("SELECT log_index FROM event_log JOIN interaction_events USING (event_id) "
                      "WHERE type = 'payload_erased' ORDER BY log_index")  # fmt: skip
    taken = owned(
        sung,
        "UPDATE payloads SET nonce = NULL, content = NULL "
        "WHERE payload_id = (SELECT max(payload_id) FROM payloads WHERE content IS NOT NULL AND role = 'answer')",
    )
    assert "no event says that it was erased" in taken
    gone = owned(sung, "DELETE FROM interaction_events WHERE type = 'payload_erased'")
    assert f"log index {orders[0]['log_index']}: " in gone


def test_doctor_finds_what_is_put_back(sung: Ground):
    erased(sung)
    sung.tampered = True
    for put_back in (
        f"UPDATE records SET key = '{KEY}' WHERE key <> '{OTHER}'",
        "UPDATE payloads SET nonce = sha256('x'), content = 'y' WHERE content IS NULL",
        "UPDATE staged_records SET raw = '{}' WHERE raw IS NULL",
        "UPDATE tasks SET title = 'x' WHERE title = 'erased'",
        "UPDATE decisions SET comment = 'x' WHERE comment = 'erased'",
        "UPDATE value_writes SET nonce = sha256('n'), before_sha256 = sha256('x'), after_sha256 = sha256('y'), "
        "commitment = NULL WHERE nonce IS NULL",
        "UPDATE run_records SET broken = '[]' WHERE broken = '[\"erased\"]'",
        "UPDATE interactions SET error = 'x' WHERE error = 'erased'",
        "INSERT INTO answers SELECT sha256('x'), run_id, interaction_id FROM interactions WHERE erased LIMIT 1",
    ):
        with psycopg.connect(sung.url, options="-c search_path=wave,public") as connection:
            assert connection.execute(put_back).rowcount > 0, put_back
            connection.commit()
            assert "I17" in broken_invariants(sung.url), put_back
        erase_again(sung)


def erase_again(ground: Ground) -> None:
    """Make right again what a test has put back, by the product's own statement."""
    known = ground.one("SELECT record_id FROM erasures WHERE erased_at IS NOT NULL")
    ground.sql("UPDATE records SET key = 'erased-again' WHERE record_id = %s", known)
    ground.sql(
        "UPDATE value_writes SET nonce = NULL, before_sha256 = NULL, after_sha256 = NULL, commitment = sha256('x') "
        "WHERE record_id = %s AND nonce IS NOT NULL",
        known,
    )
    for name in ("contents", "payloads", "rest"):
        with psycopg.connect(ground.url, options="-c search_path=wave,public") as connection:
            connection.execute(
                statement(f"erasures/{name}"), {"record_id": known, "key": KEY, "new_key": "erased-again"}
            )
