"""`wave workflow`: which versions a workflow has had, and what differs between two."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support import warm
from tests.support.projects import Ground, Make
from tests.support.serving import serving, work_twice

from wave_runner.cli import main


def changed(ground: Ground) -> None:
    """Two runs of one version, and one of another: its script counts anew, and the workflow ensures something else."""
    work_twice(ground)
    script, workflow = ground.folder / "actors/count.py", ground.folder / "workflows/work.yaml"
    script.write_text(script.read_text() + "\nLIMIT = 3\n")
    workflow.write_text("# a comment\n" + workflow.read_text().replace("record.words == 4", "record.words > 0"))
    assert warm.wave("--project", ground.folder, "actors", "approve", "count").returncode == 0
    ground.sql("DELETE FROM items")
    assert ground.run() == "completed"


@pytest.fixture
def ground(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(changed)


def wave(ground: Ground, *words: str) -> int:
    return main.run(["--project", str(ground.folder), *words])


def asked(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert wave(ground, "workflow", *words, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def hashes(ground: Ground, capsys: pytest.CaptureFixture[str]) -> Sequence[str]:
    return [row["version"] for row in asked(ground, capsys, "versions", "work")["rows"]]


def test_a_version_is_what_runs_have_pinned_and_the_diff_says_what_is_another(
    ground: Ground, capsys: pytest.CaptureFixture[str]
):
    rows = asked(ground, capsys, "versions", "work")["rows"]
    assert [(row["first_run_id"], row["last_run_id"], row["runs"]) for row in rows] == [("3", "3", 1), ("1", "2", 2)]
    found = asked(ground, capsys, "diff", "work")
    assert (found["a"], found["b"]) == (rows[1], rows[0])
    assert found["shared"] == [{"field": "ensures", "a": ["record.words == 4"], "b": ["record.words > 0"]}]
    [step] = found["steps"]
    assert (step["step"], step["what"], [one["field"] for one in step["fields"]]) == (
        "count",
        "changed",
        ["script_sha256"],
    )
    assert "--- a/actors/count.py\n+++ b/actors/count.py\n" in found["texts"]
    assert "\n+LIMIT = 3\n" in found["texts"]
    new, old = hashes(ground, capsys)
    there, back = asked(ground, capsys, "diff", "work", old[:8]), asked(ground, capsys, "diff", "work", new, old[:8])
    assert there == found
    assert (back["a"], back["b"], "\n-LIMIT = 3\n" in back["texts"]) == (rows[0], rows[1], True)


def test_it_is_readable_and_by_http_the_same(ground: Ground, capsys: pytest.CaptureFixture[str]):
    assert wave(ground, "workflow", "diff", "work") == 0
    printed = capsys.readouterr().out
    assert '(all)\tensures\t["record.words == 4"]\t["record.words > 0"]\n' in printed
    assert "\n+LIMIT = 3\n" in printed
    assert wave(ground, "workflow", "versions", "work") == 0
    assert [line.split("\t")[1:4] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["1", "3", "3"],
        ["2", "1", "2"],
    ]
    by_command = [asked(ground, capsys, what, "work") for what in ("versions", "diff")]
    with serving(ground) as served:
        by_http = [served.get(f"/api/v1/workflow/{what}?workflow=work").json() for what in ("versions", "diff")]
        oldest = by_command[0]["rows"][1]["version"]
        answer = served.get(f"/api/v1/workflow/diff?workflow=work&b={oldest}")
    assert answer.status_code == 404
    assert "there is none before to compare with" in answer.text
    assert by_http == by_command


def test_what_is_not_there_is_said(ground: Ground, capsys: pytest.CaptureFixture[str]):
    assert wave(ground, "workflow", "versions", "wrk") == 4
    assert "no run has used a workflow wrk" in capsys.readouterr().err
    assert wave(ground, "workflow", "diff", "work", "nothing") == 4
    assert "work has no version that begins with 'nothing'" in capsys.readouterr().err
    assert wave(ground, "workflow", "diff", "work", "1", "2", "3") == 2
