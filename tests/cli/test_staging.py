"""`wave staging`: batches and their rows, and orders that say first what they would do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.projects import Ground
from tests.support.refetched import give, refetched, run

from wave_runner.cli import main
from wave_runner.errors import ConflictError, NotFoundError, ProjectError


@pytest.fixture
def staged(ground: Ground) -> Ground:
    refetched(ground)
    give(ground, [{"name": "a", "text": "some words"}, {"name": "b", "text": ""}])
    assert run(ground) == "completed"
    give(ground, [{"name": "c", "text": "others"}])
    assert run(ground) == "completed"
    return ground


def say(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main.run(["staging", *words, "--project", str(ground.folder)]) == code
    said = capsys.readouterr()
    return said.out + said.err


def document(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(say(ground, capsys, *words, "--json"))
    return found


def test_what_was_staged_is_shown_and_orders_are_previewed(staged: Ground, capsys: pytest.CaptureFixture[str]):
    second, first = document(staged, capsys, "list")["rows"]
    assert (first["promoted"], first["rejected"], first["whole"]) == (1, 1, "settled")
    assert (second["whole"], second["known"], second["vanished"]) == ("held", 1, 1)
    [row] = document(staged, capsys, "list", "1", "--where", "rule:empty")["rows"]
    assert (row["state"], row["why"]) == ("rejected", "empty: no text")

    assert "the same command with --reason TEXT --yes --expect 1" in say(staged, capsys, "revalidate", "1")
    assert "1 records lose their rows" in say(staged, capsys, "rollback", "2")
    assert staged.one("SELECT count(*) FROM staging_orders") == 0, "a preview changes nothing"

    assert "say why, with --reason TEXT" in say(staged, capsys, "rollback", "2", "--yes", code=2)
    assert "colour is nothing that a staged row has" in say(
        staged, capsys, "list", "1", "--where", "colour:red", code=ProjectError.exit_code
    )
    assert "run 9 has staged nothing" in say(staged, capsys, "list", "9", code=NotFoundError.exit_code)

    assert document(staged, capsys, "vanished", "2")["rows"] == [{"record": "a"}]
    assert "2 were expected" in say(
        staged, capsys, "approve", "2", "--reason", "it is", "--expect", "2", code=ConflictError.exit_code
    )
    assert "1 records have vanished" in say(staged, capsys, "approve", "2", "--reason", "it is", "--expect", "1")
    assert staged.one("SELECT key FROM records WHERE vanished_in = 2") == "a"
    assert staged.one("SELECT count(*) FROM alerts WHERE kind = 'batch_held'") == 0
    assert "is approved, and not held" in say(
        staged, capsys, "refuse", "2", "--reason", "no", code=ConflictError.exit_code
    )
