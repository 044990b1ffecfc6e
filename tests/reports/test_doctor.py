"""`wave doctor`: fine where all is well, and red for each thing that is broken on purpose."""

import json

import pytest
from tests.support.invariants import broken_invariants
from tests.support.projects import wait_until

from wave_runner.store.invariants import INVARIANTS

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]

UNGUARDED = "ALTER TABLE interaction_events_r1 DISABLE TRIGGER no_change;"
ONE = "(SELECT min(interaction_id) FROM interactions WHERE state = 'completed' AND record_id IS NOT NULL)"
A_WAVE = "INSERT INTO waves (runner_id, runner_seq, queue_id, size, lease_expires_at"

BREAK = {
    "I1": f"UPDATE run_records SET state = 'live', live = 1, settled_at = NULL WHERE record_id = "
    f"(SELECT record_id FROM interactions WHERE interaction_id = {ONE})",
    "I2": UNGUARDED + f"UPDATE interaction_events SET wave_id = wave_id + 1000 WHERE interaction_id = {ONE} "
    "AND type = 'interaction_completed'",
    "I3": "INSERT INTO value_writes (run_id, interaction_id, record_id, table_name, column_name, before_sha256, "
    "after_sha256, nonce) SELECT run_id, interaction_id, record_id, table_name, column_name, before_sha256, "
    "after_sha256, nonce FROM value_writes LIMIT 1",
    "I4": UNGUARDED
    + f"UPDATE interaction_events SET event_id = -1 WHERE interaction_id = {ONE} AND type = 'interaction_started'",
    "I5": f"UPDATE interactions SET attempt = attempt + 1 WHERE interaction_id = {ONE}",
    "I6": UNGUARDED + f"DELETE FROM interaction_events WHERE interaction_id = {ONE} AND seq = 1",
    "I7": UNGUARDED + f"UPDATE interaction_events SET cause_seq = 99 WHERE interaction_id = {ONE} AND seq = 2",
    "I8": "ALTER TABLE event_log DISABLE TRIGGER no_change; DELETE FROM event_log WHERE log_index = 3",
    "I10": "INSERT INTO count_deltas (run_id, run_step_id, state, delta) SELECT run_id, run_step_id, 'completed', 1 "
    "FROM run_steps LIMIT 1",
    "I11": "INSERT INTO server_owners (server, runner_id, lease_expires_at) "
    "SELECT 'gone', runner_id, now() FROM runners",
    "I12": f"UPDATE interactions SET attempt = 9, errors = 9 WHERE interaction_id = {ONE}",
    "I13": f"{A_WAVE}, server, slot, opened_at, closed_at) SELECT runner_id, -n, queue_id, 1, now(), 'local', 0, "
    "now() - interval '1 hour', now() FROM waves, generate_series(1, 2) AS n WHERE wave_id = 1",
    "I14": "UPDATE runners SET ended_at = NULL, started_at = now() - interval '1 hour', heartbeat_at = now();"
    f"{A_WAVE}) SELECT runner_id, -1, queue_id, 1, now() - interval '3 seconds' FROM waves WHERE wave_id = 1",
    "I15": f"UPDATE interactions SET output = '{{\"words\":99}}' WHERE interaction_id = {ONE}",
    "I16": "UPDATE record_counts SET n = n + 1 WHERE state = 'completed'",
    "I17": "INSERT INTO erasures (record_id, basis, basis_nonce, requested_by, approved_by, erased_at) "
    "SELECT min(record_id), 'x', sha256('x'), 'ada', 'ben', now() FROM records",
}


# Links without which a value cannot be explained.
UNTRIGGERED = "ALTER TABLE value_writes_r1 DISABLE TRIGGER ALL; ALTER TABLE payloads_r1 DISABLE TRIGGER ALL;"
UNEXPLAINED = {
    "has ended, and no event says so": UNGUARDED
    + f"DELETE FROM interaction_events WHERE interaction_id = {ONE} AND type = 'interaction_completed'",
    "was done as another definition": UNGUARDED
    + f"UPDATE interaction_events SET definition = sha256('x') WHERE interaction_id = {ONE}",
    "another output than its event": f"UPDATE interactions SET output = '{{}}' WHERE interaction_id = {ONE}",
    "another input than its event": f"UPDATE interactions SET input = '{{}}' WHERE interaction_id = {ONE}",
    "what it has pinned is not stored": "ALTER TABLE definitions DROP CONSTRAINT definitions_check; "
    "UPDATE definitions SET sha256 = sha256('x') WHERE kind = 'script' AND name = 'count_words'",
    "what stood there before is not stored": UNTRIGGERED + "UPDATE value_writes SET before_payload_id = -1",
    "what stood there before is not what its hash says": UNTRIGGERED
    + "UPDATE value_writes SET before_payload_id = (SELECT min(payload_id) FROM payloads)",
    "who has written it is not there": UNTRIGGERED + "UPDATE value_writes SET interaction_id = -1",
    "a decision of eve stands here, and no event speaks of it": "INSERT INTO decisions "
    "(run_id, interaction_id, round, person, answer, claim_token, seconds) "
    f"SELECT run_id, interaction_id, 1, 'eve', '{{}}', gen_random_uuid(), 1 FROM interactions "
    f"WHERE interaction_id = {ONE}",
    "who has decided that is not there": "UPDATE staged_records SET decider_id = -1 WHERE state = 'promoted'",
}


# Work that would never be done, and nobody would miss.
UNDONE = f"wave_id = %s, finished_at = NULL, output = NULL, output_nonce = NULL WHERE interaction_id = {ONE}"
LOST = {
    "can be claimed by nobody": f"UPDATE interactions SET state = 'pending', {UNDONE % 'NULL'}",
    "no wave has it in hand": f"UPDATE interactions SET state = 'running', {UNDONE % 'wave_id'}",
    "which is closed": "INSERT INTO claimed SELECT wave_id, interaction_id, run_id FROM interactions WHERE "
    f"interaction_id = {ONE}",
}


def examined(run):
    said = run.wave("doctor", "--json")
    document = json.loads(said.stdout)
    return said.returncode, {check["name"]: check for check in document["checks"]}


def test_a_project_that_is_well_is_found_to_be_well(counted):
    code, checks = examined(counted)
    assert code == 0
    assert {check["verdict"] for check in checks.values()} <= {"ok", "warning"}
    assert {one.code for one in INVARIANTS} <= checks.keys()
    assert checks["runners"]["found"] == "none at work, and nothing waits"
    assert checks["role"]["verdict"] == "ok"
    shown = counted.wave("doctor")
    assert shown.returncode == 0
    assert "I5" in shown.stdout
    assert "0 failures" in shown.stdout + shown.stderr


def test_everything_that_can_be_broken_is():
    assert BREAK.keys() == {one.code for one in INVARIANTS}


@pytest.mark.parametrize("code", BREAK)
def test_what_is_broken_is_found(code, counted_copy):
    assert broken_invariants(counted_copy.url) == {}
    counted_copy.as_superuser(BREAK[code])
    # A server that has just started gives everybody one lease before it takes anything away.
    wait_until(lambda: code in broken_invariants(counted_copy.url, lease_s=0.5))


@pytest.mark.parametrize("said", LOST)
def test_work_that_is_lost_is_found(said, counted_copy):
    counted_copy.as_superuser(LOST[said])
    assert said in str(broken_invariants(counted_copy.url)["I1"])


@pytest.mark.parametrize("said", UNEXPLAINED)
def test_what_a_value_cannot_be_explained_without_is_missed(said, counted_copy):
    counted_copy.as_superuser(UNEXPLAINED[said])
    assert said in str(broken_invariants(counted_copy.url)["I15"])


def test_values_that_somebody_else_has_written_are_counted_and_named(counted_copy):
    assert examined(counted_copy)[1]["values items.words"]["found"] == "3 values stand as they were written"
    counted_copy.sql("UPDATE items SET words = 77 WHERE name = 'haiku'")
    counted_copy.sql("DELETE FROM items WHERE name = 'proverb'")
    code, checks = examined(counted_copy)
    assert code == 0
    found = checks["values items.words"]
    assert found["verdict"] == "warning"
    assert found["found"].startswith(
        "2 of 3 values are not those that were written, 1 of them because the row is gone: "
    )
    assert {"haiku", "proverb"} == set(found["found"].partition(": ")[2].split(", "))
    assert "wave explain items.words --record " in found["fix"]


def test_a_column_that_is_gone_is_a_warning_and_keeps_nobody_from_asking_for_the_rest(counted_copy):
    counted_copy.sql("ALTER TABLE items DROP COLUMN words")
    _, checks = examined(counted_copy)
    assert checks["values items.words"]["verdict"] == "warning"
    assert "cannot be compared" in checks["values items.words"]["found"]
    assert checks["I15"]["verdict"] == "ok"


def test_what_is_broken_is_named_with_its_run_and_makes_the_command_fail(counted_copy):
    counted_copy.as_superuser(BREAK["I5"])
    code, checks = examined(counted_copy)
    assert code == 1
    assert checks["I5"]["verdict"] == "failure"
    assert "run 1, interaction " in checks["I5"]["found"]
    assert "report it" in checks["I5"]["fix"]


def test_a_table_that_is_not_as_it_was_made_keeps_nobody_from_asking_for_the_rest(counted_copy):
    counted_copy.as_superuser("ALTER TABLE value_writes RENAME TO scribbles")
    code, checks = examined(counted_copy)
    assert code == 1
    assert {one.code for one in INVARIANTS} <= checks.keys()
    assert checks["I3"]["verdict"] == "failure"
    assert "value_writes" in checks["I3"]["found"]
    assert "restore it" in checks["I3"]["fix"]
    assert checks["I5"]["verdict"] == "ok"


def test_an_actor_that_has_drifted_and_work_that_nobody_does_are_worth_a_look(counted_copy):
    (counted_copy.folder / "actors/count_words.py").write_text("# nothing\n", encoding="utf-8")
    counted_copy.sql("UPDATE workflow_runs SET state = 'running', ended_at = NULL, reason = NULL")
    code, checks = examined(counted_copy)
    assert checks["drift"]["verdict"] == "warning"
    assert "count_words" in checks["drift"]["found"]
    assert checks["runners"]["verdict"] == "warning"
    assert code == 0


def test_a_model_server_that_nobody_answers_for_is_a_failure(counted_copy):
    with (counted_copy.folder / "wave.toml").open("a", encoding="utf-8") as toml:
        toml.write(
            '[servers.far]\ndriver = "openai"\nurl = "http://127.0.0.1:9/v1"\n[models.m]\nserver = "far"\nmodel = "m"\n'
        )
    code, checks = examined(counted_copy)
    assert code == 1
    assert checks["server far"]["verdict"] == "failure"
    assert "127.0.0.1:9" in checks["server far"]["found"]
