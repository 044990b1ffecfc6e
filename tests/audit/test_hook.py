"""The operator's command: it gets the note, and what goes wrong with it is said."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from wave_runner.audit import hook


def told(*command: str, patience_s: float = 60.0) -> str:
    return asyncio.run(hook.tell(command, "a note\n", environ=os.environ, patience_s=patience_s))


def test_the_command_gets_the_note(tmp_path: Path):
    assert told(sys.executable, "-c", f"import sys; open({str(tmp_path / 'n')!r}, 'w').write(sys.stdin.read())") == ""
    assert (tmp_path / "n").read_text() == "a note\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/command"], "/no/such/command cannot be run: "),
        (["sh", "-c", "echo no room >&2; exit 3"], "sh has ended with 3: no room"),
        (["false"], "false has ended with 1: it said nothing"),
    ],
)
def test_what_goes_wrong_is_said(command: list[str], said: str):
    assert told(*command).startswith(said)


def test_one_that_does_not_end_is_ended_with_what_it_has_started():
    assert told("sh", "-c", "sleep 1000 & sleep 1000", patience_s=0.2) == "sh has not ended within 0.2 s"
