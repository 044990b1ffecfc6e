"""`wave projection`, and what is read from the log: how they answer and how they end."""

import json

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]

CHANGED = "UPDATE record_states SET attempts = attempts + 1 WHERE NOT whole_run"


def said(run, *arguments):
    done = run.wave(*arguments, "--json")
    return done.returncode, json.loads(done.stdout)


def test_a_projection_that_is_well_says_how_far_it_is(counted):
    code, found = said(counted, "projection", "status")
    [one] = found["projections"]
    assert (code, found["schema"], one["name"], one["state"]) == (
        0,
        "wave.projection.status.v1",
        "record_states",
        "live",
    )
    assert one["behind"] == 0
    assert one["position"] > 10
    shown = counted.wave("projection", "status")
    assert "record_states" in shown.stdout


def test_what_is_verified_is_the_same_and_then_shown_as_verified(counted_copy):
    code, found = said(counted_copy, "projection", "verify")
    [one] = found["projections"]
    assert (code, one["is_same"], one["differences"]) == (0, True, [])
    assert found["interactions"]["wrong"] == 0
    assert said(counted_copy, "projection", "status")[1]["projections"][0]["digest"] == one["digest"]
    shown = counted_copy.wave("projection", "verify", "record_states")
    assert "the same, to the bit" in shown.stdout
    shown = counted_copy.wave("projection", "verify", "interactions")
    assert "each is what its events say" in shown.stdout


def test_what_was_changed_is_named_with_exit_code_1_until_it_is_rebuilt(counted_copy):
    counted_copy.as_superuser(CHANGED)
    done = counted_copy.wave("projection", "verify", "record_states")
    assert done.returncode == 1
    assert "NOT the same" in done.stdout
    assert "the log says" in done.stdout
    assert said(counted_copy, "projection", "status")[0] == 1
    [check] = [one for one in said(counted_copy, "doctor")[1]["checks"] if one["name"] == "projections"]
    assert check["verdict"] == "failure"
    assert said(counted_copy, "projection", "rebuild", "record_states")[0] == 0
    assert said(counted_copy, "projection", "status")[0] == 0
    assert said(counted_copy, "projection", "verify")[0] == 0


def test_an_interaction_that_was_changed_is_named_with_exit_code_1(counted_copy):
    counted_copy.as_superuser("UPDATE interactions SET attempt = 9 WHERE interaction_id = 1")
    done = counted_copy.wave("projection", "verify", "interactions")
    assert done.returncode == 1
    assert "run 1, interaction 1: attempt 9, and its events say 1" in done.stdout


def test_what_is_not_stuck_cannot_be_skipped(counted):
    done = counted.wave("projection", "skip", "record_states", "3")
    assert done.returncode == 5
    assert "is not stuck at entry 3" in done.stderr


def test_records_are_counted_by_workflow_and_say_up_to_where(counted):
    code, found = said(counted, "report", "records")
    assert (code, found["schema"], found["behind"]) == (0, "wave.records.v1", 0)
    [by_state] = found["workflows"].values()
    assert by_state["completed"] > 0
    shown = counted.wave("report", "records")
    assert f"as the first {found['position']:,} entries of the log say, which is all that is sealed" in shown.stdout


def test_a_run_is_shown_as_it_was(counted):
    size = said(counted, "audit", "status")[1]["log"]["size"]
    code, found = said(counted, "status", "--as-of", str(size))
    assert (code, found["schema"], found["index"]) == (0, "wave.status.as_of.v1", size)
    assert found["records"]["completed"] > 0
    shown = counted.wave("status", "--as-of", "2100-01-01")
    assert f"as the first {size:,} entries of the log say" in shown.stdout
    assert counted.wave("status", "--as-of", str(size + 1)).returncode == 4
    assert counted.wave("status", "--as-of", "2000-01-01").returncode == 4
    assert counted.wave("status", "--as-of", "monday").returncode == 2
