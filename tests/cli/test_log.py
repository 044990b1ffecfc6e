"""`wave audit status|new-epoch|rotate-key`: how the log stands, and what an operator may do with it."""

import json

import pytest

from wave_runner.core.note import Note, VerifierKey

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def status(run):
    said = run.wave("audit", "status", "--json")
    document = json.loads(said.stdout)
    assert document["schema"] == "wave.audit.status.v1"
    return said.returncode, document["log"]


def test_a_log_that_is_well_is_shown_with_its_newest_checkpoint_and_its_key(counted):
    code, found = status(counted)
    assert (code, found["unsealed"], found["stopped"], found["trouble"]) == (0, 0, "", "")
    assert found["size"] == found["signed_size"] > 10
    assert Note.parse(found["checkpoint"]).verified([VerifierKey.parse(found["key"])])
    shown = counted.wave("audit", "status")
    assert shown.returncode == 0
    assert f"sealed      {found['size']:,} entries" in shown.stdout
    assert found["key"] in shown.stdout
    assert found["checkpoint"] in shown.stdout


STOP = (
    "UPDATE log_state SET stopped = 'FORKED', stopped_at = now(), stopped_because = 'a checkpoint outside says so';"
    "UPDATE log_state SET trouble = 'the disk is full', troubled_at = now()"
)


def test_a_log_that_is_stopped_says_why_and_what_to_do_and_a_new_epoch_sets_it_going(counted_copy):
    counted_copy.as_superuser(STOP)
    code, found = status(counted_copy)
    assert (code, found["stopped"]) == (1, "FORKED")
    shown = counted_copy.wave("audit", "status")
    assert shown.returncode == 1
    assert "FORKED      a checkpoint outside says so" in shown.stdout
    assert "trouble     the disk is full" in shown.stdout
    assert "wave audit new-epoch" in shown.stdout
    doctor = counted_copy.wave("doctor", "--json")
    [check] = [check for check in json.loads(doctor.stdout)["checks"] if check["name"] == "log"]
    assert doctor.returncode == 1
    assert check["verdict"] == "failure"
    assert "FORKED: a checkpoint outside says so; the disk is full" in check["found"]
    assert "new-epoch" in check["fix"]
    opened = counted_copy.wave("audit", "new-epoch", "--reason", "looked at it", "--approve", "maria", "--json")
    assert opened.returncode == 0
    assert "/e2+" in json.loads(opened.stdout)["key"]
    code, found = status(counted_copy)
    assert (code, found["stopped"]) == (0, "")
    assert found["signed_size"] == found["size"]


def test_the_key_is_replaced_and_both_are_said(counted_copy):
    first = counted_copy.wave("audit", "new-epoch", "--reason", "a key of this host", "--approve", "maria")
    assert first.returncode == 0
    replaced = counted_copy.wave("audit", "rotate-key", "--json")
    assert replaced.returncode == 0
    said = json.loads(replaced.stdout)
    assert said["old"] in first.stdout
    assert status(counted_copy)[1]["key"] == said["new"]


@pytest.mark.parametrize("arguments", [["--reason", "r"], ["--approve", "maria"]])
def test_an_epoch_wants_a_reason_and_somebody_who_agrees(counted, arguments):
    assert counted.wave("audit", "new-epoch", *arguments).returncode == 2


def test_a_key_that_lies_elsewhere_is_not_replaced(counted_copy):
    refused = counted_copy.wave("audit", "rotate-key")
    assert refused.returncode == 5
    assert "does not lie at" in refused.stderr
