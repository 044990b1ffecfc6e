"""Fault F19: whoever owns the server changes what is recorded, and `wave audit verify` names the first event."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest
from tests.support import bundles, warm
from tests.support.projects import Ground, Make, rows, script

from wave_runner.audit.wave_verify import Finding, Policy, parse_checkpoint
from wave_runner.engine import Engine
from wave_runner.reports.log import LogStatus, log_status
from wave_runner.reports.verify import Verified, verify_log
from wave_runner.store import log


def many_records(ground: Ground) -> None:
    ground.project(rows=rows(150), ensures=["record.words == 4"])
    assert ground.run() == "completed"


@pytest.fixture
def worked(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(many_records)


def verified(ground: Ground, *, policy: str = "", older: list[str] | None = None, own: bool = False) -> Verified:
    async def act(engine: Engine) -> Verified:
        trusted = None if own else Policy(policy or f"log {await key(engine)}\nquorum none\n")
        return await verify_log(
            engine.database,
            source=engine.source(),
            policy=trusted,
            older=[parse_checkpoint(note.encode()) for note in older or []] + engine.outside_checkpoints(),
            longest_transaction_us=3_600_000_000,
        )

    return ground.do(act)


async def key(engine: Engine) -> str:
    status = await log_status(engine.database)
    assert status is not None
    return status.key


def test_what_was_recorded_holds(worked: Ground):
    found = verified(worked)
    assert found.findings.sorted() == []
    assert found.facts["events"] == worked.one("SELECT count(*) FROM interaction_events")
    assert found.facts["entries"] > 256
    assert found.facts["payloads"] >= 300


# ─── what only the owner of the server can do ────────────────────────────────────────────────────────────────────────

# Of an event in the middle, of which somebody wants to be rid.
CHOSEN = """
    SELECT l.log_index, e.event_id, e.interaction_id, e.seq FROM event_log l JOIN interaction_events e USING (event_id)
    WHERE e.type = 'interaction_completed' ORDER BY l.log_index OFFSET 40 LIMIT 1
"""
EVENT = {
    "data": "data = '{}'",
    "time": "recorded_at = recorded_at - interval '1 day'",
    "database user": "db_user = 'nobody'",
    "step": "step = 'other'",
    "actor": "actor = NULL",
    "type": "type = 'interaction_failed'",
    "wave": "wave_id = wave_id + 1",
    "runner": "runner_id = gen_random_uuid()",
    "definition": "definition = sha256('x')",
    "flow": "correlation_id = gen_random_uuid()",
    "cause": "cause_seq = 7",
    "number": "seq = 7",
}
CHANGES = {
    **{what: f"UPDATE interaction_events SET {change} WHERE event_id = %(event_id)s" for what, change in EVENT.items()},
    "all of it": "DELETE FROM interaction_events WHERE event_id = %(event_id)s",
    "its entry": "UPDATE event_log SET entry = entry || '\\x20' WHERE log_index = %(log_index)s",
    "its entry, all of it": "DELETE FROM event_log WHERE log_index = %(log_index)s",
    "its place": "UPDATE event_log SET log_index = -log_index WHERE log_index = %(log_index)s",
    "its output": "UPDATE interactions SET output = '{\"words\": 5}' WHERE interaction_id = %(interaction_id)s",
    "its nonce": "UPDATE interactions SET output_nonce = sha256('x') WHERE interaction_id = %(interaction_id)s",
    "its order": "UPDATE event_log l SET event_id = o.event_id, run_id = o.run_id, entry = o.entry FROM event_log o "
    "WHERE l.log_index IN (%(log_index)s, %(other)s) AND o.log_index IN (%(log_index)s, %(other)s) "
    "AND o.log_index <> l.log_index",
}  # fmt: skip
TABLES = ["interaction_events", "event_log", "interactions", "log_tiles", "log_checkpoints", "log_state"]


@contextlib.contextmanager
def owner(ground: Ground) -> Iterator[psycopg.Connection]:
    """Give the owner of the server, with everything switched off that stops anybody else, and what `restore` needs."""
    ground.tampered = True
    with ground.superuser() as connection:
        found = connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relnamespace = 'wave'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        for (table,) in found:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE event_log DROP CONSTRAINT IF EXISTS event_log_event_id_key")
        connection.execute("ALTER TABLE event_log DROP CONSTRAINT IF EXISTS event_log_log_index_check")
        for table in TABLES:
            connection.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
        connection.commit()
        yield connection


def restore(connection: psycopg.Connection) -> None:
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
    connection.commit()


def test_whatever_the_owner_changes_of_an_event_is_named(worked: Ground):
    [chosen] = worked.sql(CHOSEN)
    found = {}
    with owner(worked) as connection:
        for what, statement in CHANGES.items():
            done = connection.execute(statement, {**chosen, "other": chosen["log_index"] + 1})
            assert done.rowcount in (1, 2), what
            connection.commit()
            first = verified(worked).findings.sorted()[0]
            found[what] = (first.log_index, first.is_missing)
            restore(connection)
    assert found == dict.fromkeys(CHANGES, (chosen["log_index"], False))
    assert verified(worked).findings.count == 0, "everything is as it was"


def test_whatever_the_owner_does_to_the_log_is_seen(worked: Ground):
    policy = f"log {status(worked).key}\nquorum none\n"
    note = worked.sql("SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1")[0]["note"]
    size = worked.one("SELECT max(size) FROM log_checkpoints")
    with owner(worked) as connection:

        def say(*statements: str) -> Finding:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            found = verified(worked, policy=policy, older=[note]).findings.sorted()[0]
            restore(connection)
            assert not found.is_missing
            return found

        cut = say("DELETE FROM event_log WHERE log_index >= 100")
        assert (cut.log_index, "was cut" in cut.why) == (100, True)
        # The same so well done that nothing within the database shows it.
        smaller = say("DELETE FROM log_checkpoints WHERE size = (SELECT max(size) FROM log_checkpoints)")
        assert f"a checkpoint is of {size} entries" in smaller.why
        tile = say("UPDATE log_tiles SET hashes = overlay(hashes PLACING '\\x00'::bytea FROM 65)")
        assert (tile.log_index, "tile 0 of level 0" in tile.why) == (2, True)
        gone = say("DELETE FROM log_tiles")
        assert "is not there" in gone.why
        # Every hash in it begins with the four bytes of the key's id.
        forged = say("UPDATE log_checkpoints SET note = replace(note, E'\\n" + str(size) + "\\n', E'\\n1\\n')")
        assert "false" in forged.why or "signed by no key" in forged.why
    theirs = bundles.Signer(note.split("\n")[0], bytes(range(32)))
    signed = bundles.resign(note, theirs)
    with owner(worked) as connection:
        public = theirs.public[1:]
        connection.execute("UPDATE log_state SET public_key = %s", (public,))
        connection.execute("UPDATE log_checkpoints SET note = %s WHERE size = %s", (signed, size))
        connection.commit()
        assert verified(worked, older=[note]).findings.count > 0, "an older checkpoint is signed by another key"
        assert "signed by no key" in verified(worked, policy=policy).findings.sorted()[0].why
        restore(connection)


def test_an_event_that_is_written_with_an_older_date_is_named_when_it_is_sealed(worked: Ground):
    with owner(worked) as connection:
        connection.execute(
            "INSERT INTO interaction_events (run_id, form, type, data, sha256, recorded_at) "
            "SELECT 0, 1, 'paused', d, sha256(convert_to(d, 'UTF8')), now() - interval '2 days' "
            'FROM (SELECT \'{"by":"ada","subject":"run"}\' AS d) AS x'
        )
        connection.commit()
    assert worked.run() == "completed"
    index = worked.one("SELECT log_index FROM event_log JOIN interaction_events USING (event_id) WHERE type = 'paused'")
    first = verified(worked).findings.sorted()[0]
    assert (first.log_index, "dated back" in first.why) == (index, True)


BESIDE = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256, xid, recorded_at)
    SELECT run_id, 1, 'paused', d, sha256(convert_to(d, 'UTF8')), {xid}, recorded_at
    FROM interaction_events, (SELECT '{{"by":"ada","subject":"run"}}' AS d) AS x WHERE event_id = %(event_id)s
"""


@pytest.mark.parametrize("xid", ["xid", "'999999999'"], ids=["of long ago", "that is to come"])
def test_an_event_that_is_put_in_beside_the_log_is_named(worked: Ground, xid: str):
    """With the transaction of an older one no seal looks at it: it never gets an entry that could be wrong."""
    [chosen] = worked.sql(CHOSEN)
    with owner(worked) as connection:
        connection.execute(BESIDE.format(xid=xid), chosen)
        connection.commit()
    assert worked.run() == "completed"
    event_id = worked.one("SELECT event_id FROM interaction_events WHERE type = 'paused'")
    [found] = verified(worked).findings.sorted()
    assert (found.event_id, "is not in the log" in found.why, found.is_missing) == (event_id, True, False)


EXCHANGED = """
    UPDATE interactions i SET {what} = o.{what}, {what}_nonce = o.{what}_nonce FROM interactions o
    WHERE i.interaction_id IN (%(interaction_id)s, %(other)s) AND o.interaction_id IN (%(interaction_id)s, %(other)s)
      AND o.interaction_id <> i.interaction_id
"""


def test_two_contents_that_were_exchanged_are_both_named(worked: Ground):
    """Everything that was promised is there still, and each record is shown with what belongs to the other one."""
    first, second = worked.sql(CHOSEN.replace("LIMIT 1", "LIMIT 2"))
    for what, type_ in (("output", "interaction_completed"), ("input", "interaction_started")):
        indexes = worked.sql(
            "SELECT log_index FROM event_log JOIN interaction_events USING (event_id) "
            f"WHERE type = '{type_}' AND interaction_id IN ({first['interaction_id']}, {second['interaction_id']})"
        )
        with owner(worked) as connection:
            done = connection.execute(EXCHANGED.format(what=what), {**first, "other": second["interaction_id"]})
            assert done.rowcount == 2
            connection.commit()
            found = verified(worked).findings.sorted()
            restore(connection)
        assert [one.log_index for one in found] == sorted(one["log_index"] for one in indexes), what
        assert all("is not there as promised" in one.why for one in found)


SWAPS = {
    "swapped": "UPDATE payloads SET content = 'another line' WHERE interaction_id = %(interaction_id)s",
    "swapped with another's": "UPDATE payloads p SET content = o.content, nonce = o.nonce FROM payloads o "
    "WHERE p.interaction_id = %(interaction_id)s AND o.interaction_id = %(other)s",
    "exchanged for another's": "UPDATE payloads SET interaction_id = %(interaction_id)s + %(other)s - interaction_id "
    "WHERE interaction_id IN (%(interaction_id)s, %(other)s)",
    "deleted": "DELETE FROM payloads WHERE interaction_id = %(interaction_id)s",
}


@pytest.mark.parametrize("statement", SWAPS.values(), ids=SWAPS)
def test_a_payload_that_is_not_what_was_promised_is_named_by_its_event(ground: Ground, statement: str):
    says = script("print('a line of', item['text'])\nreturn {'words': 4}")
    ground.project(rows=rows(20), actors={"count": says})
    ground.run()
    [chosen, other] = ground.sql(CHOSEN.replace("OFFSET 40 LIMIT 1", "OFFSET 10 LIMIT 2"))
    assert verified(ground).findings.count == 0
    with owner(ground) as connection:
        done = connection.execute(statement, {**chosen, "other": other["interaction_id"]})
        assert done.rowcount > 0
    first = verified(ground).findings.sorted()[0]
    assert (first.log_index, "is not there as promised" in first.why) == (chosen["log_index"], True)


def test_a_definition_that_is_not_what_its_hash_says_is_named(worked: Ground):
    """Events name a script or a prompt by its hash; with other bytes under it, another one would seem to have run."""
    with owner(worked) as connection:
        connection.execute("ALTER TABLE definitions DROP CONSTRAINT definitions_check")
        connection.execute(
            "UPDATE definitions SET body = '# nothing to see' "
            "WHERE definition_id = (SELECT min(definition_id) FROM definitions WHERE kind = 'script')"
        )
        connection.commit()
    [found] = verified(worked).findings.sorted()
    assert ("the script " in found.why, "what its hash says" in found.why, found.is_missing) == (True, True, False)


def test_a_truncated_table_is_named_by_its_first_event(worked: Ground):
    with owner(worked) as connection:
        connection.execute("TRUNCATE interaction_events")
        connection.commit()
    found = verified(worked).findings.sorted()[0]
    assert (found.log_index, found.why) == (1, "its event is not there")


def test_a_log_that_is_gone_altogether_is_missed_by_what_lies_outside(worked: Ground):
    size = worked.one("SELECT max(size) FROM log_checkpoints")
    with owner(worked) as connection:
        connection.execute("TRUNCATE event_log, log_tiles, log_checkpoints")
        connection.execute("DELETE FROM log_state")
        connection.commit()
    [found] = verified(worked, own=True).findings.sorted()
    assert (f"is of {size} entries" in found.why, found.is_missing) == (True, False)


def test_nothing_is_said_of_what_is_not_signed(worked: Ground):
    done = verified(worked).facts["events"]
    worked.do(lambda engine: log.seal(engine.database, source=engine.source()))
    worked.sql(
        "INSERT INTO interaction_events (run_id, form, type, data, sha256) "
        "SELECT 0, 1, 'wave_closed', '{}', sha256('{}') FROM generate_series(1, 3)"
    )
    found = verified(worked)
    assert (found.findings.count, found.facts["events"], found.facts["unsigned"]) == (0, done, 3)
    worked.do(lambda engine: log.seal(engine.database, source=engine.source()))
    assert verified(worked).facts["unsigned"] == 3
    asked = warm.wave("--project", worked.folder, "audit", "verify")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.splitlines()[-1].startswith("not looked at: 3 events")


def test_checkpoints_signed_by_a_key_that_was_replaced_are_believed_with_it(worked: Ground):
    """Without a policy, the log's own keys are believed: all that it has had under this name."""
    note = worked.sql("SELECT note FROM log_checkpoints ORDER BY size LIMIT 1")[0]["note"]
    worked.do(lambda engine: engine.log_keeper().rotate_key())
    assert verified(worked, older=[note], own=True).findings.sorted() == []
    only_new = f"log {status(worked).key}\nquorum none\n"
    assert "signed by no key" in verified(worked, older=[note], policy=only_new).findings.sorted()[0].why


def test_each_older_checkpoint_is_held_against_the_log(worked: Ground):
    """One that is of another epoch does not keep the next from being looked at."""
    note = worked.sql("SELECT note FROM log_checkpoints ORDER BY size LIMIT 1")[0]["note"]
    worked.do(lambda engine: engine.log_keeper().new_epoch(reason="for a test", approved_by="maria"))
    newest = worked.sql("SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1")[0]["note"]
    with owner(worked) as connection:
        connection.execute("DELETE FROM log_checkpoints WHERE note = %s", [newest])
        connection.execute("UPDATE log_state SET origin = replace(origin, '/e2', '/e1')")
        connection.commit()
        first = verified(worked, older=[newest, note.replace("\n", "\n9", 1)]).findings.sorted()[0]
        assert (first.is_missing, "false" in first.why) == (False, True)


def test_the_command_says_it_and_ends_with_the_code(worked: Ground):
    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["--project", worked.folder, "audit", "verify", *arguments]
        return warm.wave(*command)

    good = ask()
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("WARNING: no --policy was given")
    assert " events, " in good.stdout.splitlines()[-1]
    (worked.folder / "policy").write_text("nonsense")
    assert ask("--policy", str(worked.folder / "policy")).returncode == 3
    assert ask("--policy", str(worked.folder / "nowhere")).returncode == 3
    assert ask("--checkpoint", str(worked.folder / "nowhere")).returncode == 3
    assert ask("--checkpoint", str(worked.folder / "policy")).returncode == 3
    [chosen] = worked.sql(CHOSEN)
    with owner(worked) as connection:
        connection.execute("DELETE FROM interaction_events WHERE event_id = %(event_id)s", chosen)
    bad = ask("--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["findings"][0]["log_index"] == chosen["log_index"]


def status(ground: Ground) -> LogStatus:
    found = ground.do(lambda engine: log_status(engine.database))
    assert found is not None
    return found


BEGUN_AGAIN = """
    WITH again AS (
        UPDATE interactions SET input = 'another', input_nonce = sha256('nonce'), seq = seq + 1
        WHERE interaction_id = (SELECT max(interaction_id) FROM interactions WHERE input IS NOT NULL)
        RETURNING run_id, interaction_id, seq, correlation_id, wave_id
    ), promised AS (
        SELECT format('{"attempt":2,"input":"%s"}', encode(sha256(sha256('nonce') || 'another'), 'hex')) AS data
    )
    INSERT INTO interaction_events (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq,
                                    wave_id, correlation_id, data, sha256)
    SELECT run_id, 1, 'interaction_started', interaction_id, seq, interaction_id, seq - 1, wave_id, correlation_id,
           data, sha256(convert_to(data, 'UTF8'))
    FROM again CROSS JOIN promised
    RETURNING interaction_id
"""


def test_an_input_in_whose_place_another_one_stands_is_missed_only_once_that_is_signed(worked: Ground):
    with owner(worked) as connection:
        connection.execute(BEGUN_AGAIN)
        connection.commit()
    found = verified(worked)
    assert (found.findings.sorted(), found.facts["unsigned"]) == ([], 1)
    refused = warm.wave("--project", worked.folder, "audit", "export", "--out", str(worked.folder / "bundle"))
    assert (refused.returncode, "tried once more" in refused.stderr) == (5, True)
    with owner(worked) as connection:
        connection.execute("UPDATE interactions SET input = 'a third' WHERE input = 'another'")
        connection.execute("DELETE FROM interaction_events WHERE data LIKE '{\"attempt\":2,%'")
        connection.commit()
    assert "is not there as promised" in verified(worked).findings.sorted()[0].why
