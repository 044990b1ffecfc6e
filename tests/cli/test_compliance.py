"""`wave report compliance`: a dossier that holds, or says where it does not, and how far the log can be relied on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support import warm
from tests.support.projects import Ground, rows

KEY = "item 0001"


@pytest.fixture
def worked(ground: Ground) -> Ground:
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    return ground


def wave(ground: Ground, *words: str | Path) -> tuple[int, str]:
    command = ["--project", ground.folder, *words]
    done = warm.wave(*command)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def report(ground: Ground, *words: str | Path) -> tuple[int, dict[str, Any]]:
    code, said = wave(ground, "report", "compliance", *words, "--json")
    return code, json.loads(said)


def test_a_dossier_holds_every_step_every_value_and_a_proof_that_an_outsider_can_check(worked: Ground, tmp_path: Path):
    out = tmp_path / "dossier"
    code, document = report(worked, "dossier", "--record", KEY, "--out", out)
    found = document["dossier"]
    assert (code, document["holds"], found["verdict"]["result"]) == (0, True, "ok")
    [flow] = found["traces"]
    assert [work["step"] for work in flow["works"]] == ["count"]
    [value] = found["values"]
    assert (value["column"], value["now"], value["writer"]["step"], value["missing"]) == ("words", 4, "count", [])
    own = [one for one in found["events"] if one["step"] == "count"]
    assert [one["type"] for one in own] == ["interaction_started", "interaction_completed"]
    assert [one["log_index"] for one in found["events"]] == sorted(one["log_index"] for one in found["events"])
    assert "records_settled" in [one["type"] for one in found["events"]]
    assert found["unproven"] == 0
    assert any("reasons are not" in one for one in found["cannot_prove"])
    outsider = subprocess.run(
        [sys.executable, "-I", out / "wave_verify.py", out, "--json"], capture_output=True, text=True, check=False
    )
    assert json.loads(outsider.stdout)["result"] == "ok"


def test_a_dossier_names_who_wanted_the_record_erased_who_agreed_and_who_forbade_it(worked: Ground, tmp_path: Path):
    for order in (
        ["hold", "--reason", "a dispute", "--as", "maria"],
        ["hold", "--release", "--as", "maria"],
        ["erase", "--basis", "Art. 17", "--as", "maria"],
        ["erase", "--withdraw", "--as", "maria"],
        ["erase", "--basis", "Art. 17", "--as", "maria"],
        ["erase", "--approve", "--as", "ben"],
    ):
        code, said = wave(worked, "audit", *order, "--record", KEY)
        assert code == 0, said
    assert wave(worked, "audit", "erase", "--record", "item 0002", "--basis", "another's", "--as", "maria")[0] == 0
    erased = worked.one("SELECT key FROM records WHERE key LIKE 'erased-%%'")
    out = tmp_path / "dossier"
    code, document = report(worked, "dossier", "--record", erased, "--out", out)
    assert (code, document["dossier"]["verdict"]["result"]) == (0, "ok")
    orders = [one["type"] for one in document["dossier"]["events"] if one["step"] is None]
    assert orders[-7:] == [
        "hold_placed",
        "hold_released",
        "erasure_requested",
        "erasure_withdrawn",
        "erasure_requested",
        "payload_erased",
        "record_erased",
    ]


def test_a_dossier_for_people_ends_with_what_it_cannot_prove(worked: Ground):
    code, said = wave(worked, "report", "compliance", "dossier", "--record", KEY)
    assert code == 0
    for line in ("count (script count): interaction", "the chain is unbroken", "verifier", "OK"):
        assert line in said
    assert f"not kept: wave audit export --record {KEY}" in " ".join(said.split())
    assert "what this cannot prove" in said.splitlines()


def test_a_dossier_says_what_somebody_has_tampered_with(worked: Ground):
    worked.tampered = True
    with worked.superuser() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE interactions SET output = '{\"words\": 5}' WHERE output = '{\"words\":4}'")
    code, document = report(worked, "dossier", "--record", KEY)
    assert (code, document["holds"]) == (1, False)
    assert document["dossier"]["verdict"]["result"] != "ok"
    assert document["dossier"]["verdict"]["findings"]


def test_a_record_that_is_not_there_exits_with_4(worked: Ground):
    assert wave(worked, "report", "compliance", "dossier", "--record", "nobody")[0] == 4


def test_the_statement_asks_for_a_verification_and_then_says_when_it_was_and_what_came_of_it(worked: Ground):
    code, document = report(worked, "integrity")
    assert code == 1
    assert document["troubles"] == ["the whole log was never verified: wave audit verify"]

    assert wave(worked, "audit", "verify")[0] == 0
    code, document = report(worked, "integrity")
    found = document["integrity"]
    assert (code, document["troubles"]) == (0, [])
    newest = found["last_full_verify"]
    assert (newest["result"], newest["policy"], newest["findings"]) == ("ok", "own", 0)
    assert newest["by"]
    assert newest["entries"] == found["log"]["size"]
    assert (found["holes"], found["since_then"], found["outside"]["says"]) == (0, 0, "same")
    assert found["log"]["unsealed"] == 1, "the verification itself is sealed by the next runner"
    assert (found["witnesses"], found["epochs"], found["rotations"]) == ([], [], [])
    assert any("keeps no checkpoint" in one for one in found["cannot_prove"])
    assert wave(worked, "audit", "verify")[0] == 0, "that it was verified speaks against nothing"


def test_the_statement_names_epochs_keys_gaps_and_what_the_last_verification_has_found(worked: Ground):
    assert wave(worked, "audit", "rotate-key")[0] == 0
    assert wave(worked, "audit", "new-epoch", "--reason", "a test", "--approve", "maria")[0] == 0
    worked.tampered = True
    with worked.superuser() as connection:
        connection.execute("SET session_replication_role = replica")
        for trigger in ("no_change", "no_truncate"):
            connection.execute(f"ALTER TABLE event_log DISABLE TRIGGER {trigger}")
        connection.execute("DELETE FROM event_log WHERE log_index = 3")
    assert wave(worked, "audit", "verify")[0] == 1
    code, document = report(worked, "integrity")
    found = document["integrity"]
    assert code == 1
    assert [(one["reason"], one["approved_by"]) for one in found["epochs"]] == [("a test", "maria")]
    assert len(found["rotations"]) == 1
    assert found["holes"] == 1
    assert (found["last_full_verify"]["result"], found["last_well"]) == ("tampered", None)
    assert document["troubles"][0] == "1 numbers of the log are missing"
    said = wave(worked, "report", "compliance", "integrity")[1]
    assert "LOOK: the last verification said tampered" in said
    assert "what this cannot prove" in said


def test_a_log_that_has_not_begun_has_no_statement(ground: Ground):
    ground.project(rows=rows(1)).start()
    code, document = report(ground, "integrity")
    assert (code, document["integrity"]) == (1, None)
