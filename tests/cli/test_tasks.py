"""`wave tasks`: what a person sees and types, through real processes and a real terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from pathlib import Path
from typing import Any

from tests.runner.test_people import FORM, REVIEW, SAVE, asking
from tests.support import warm
from tests.support.projects import WAVE, Ground, rows
from tests.support.waiting import PATIENCE_S, wait_until


def wave(ground: Ground, *words: str, person: str = "ann") -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *words]
    told = {**os.environ, "WAVE_PERSON": person}
    return warm.wave(*command, env=told)


def document(ground: Ground, *words: str, person: str = "ann") -> dict[str, Any]:
    done = wave(ground, *words, "--json", person=person)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Terminal:
    """`wave tasks next` on a terminal of its own: `says` waits for words, `types` answers."""

    def __init__(self, ground: Ground, person: str) -> None:
        self._screen, inner = pty.openpty()
        told = {**os.environ, "WAVE_PERSON": person}
        command = [WAVE, "--project", ground.folder, "tasks", "next"]
        self.process = subprocess.Popen(
            command, env=told, stdin=inner, stdout=inner, stderr=inner, start_new_session=True, preexec_fn=_own_terminal
        )
        os.close(inner)
        self.seen = ""

    def says(self, words: str) -> None:
        while words not in self.seen:
            assert select.select([self._screen], [], [], PATIENCE_S)[0], f"no {words!r} in {self.seen!r}"
            self.seen += os.read(self._screen, 4096).decode()
        self.seen = self.seen.partition(words)[2]

    def types(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def interrupts(self) -> None:
        """Press Ctrl-C once the question really waits: between its words and the read, input() forgets a signal."""
        wait_until(lambda: _sleeps(self.process.pid), "it never waited for an answer")
        self.types("\x03")

    def ends(self) -> int:
        code = self.process.wait(timeout=60)
        os.close(self._screen)
        return code


def _sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_run_stops_for_people_and_a_stranger_finds_the_way(ground: Ground):
    asking(ground, n=2, more="due: 2h")
    ran = wave(ground, "run", "work", "--json")
    assert ran.returncode == 6
    assert "waits for people: wave tasks next takes the first task; then: wave run work --resume" in ran.stderr
    report = json.loads(ran.stdout)
    assert report["run"]["state"] == "waiting"
    assert [(one["queue"], one["tasks"]) for one in report["people"]] == [("reviewers", 2)]
    listed = document(ground, "tasks", "list", "--queue", "reviewers")
    assert listed["total"] == 2
    number = listed["rows"][0]["task"]
    undecided = wave(ground, "tasks", "decide", str(number), "--set", "verdict=GOOD")
    assert (undecided.returncode, undecided.stderr) == (
        5,
        f"error: task {number} is not claimed by ann\n  do: claim it first: wave tasks claim {number}\n",
    )
    claimed = document(ground, "tasks", "claim", str(number))
    assert claimed["input"] == {"text": "some words to count"}
    assert claimed["token"]
    assert document(ground, "tasks", "show", str(number), person="bob")["token"] is None
    assert [one["task"] for one in document(ground, "tasks", "list", "--mine")["rows"]] == [number]
    wrong = wave(ground, "tasks", "decide", str(number), "--set", "verdict=NO")
    assert wrong.returncode == 2
    assert '$.verdict: the value is not one of "GOOD", "BAD" or "AGAIN"' in wrong.stderr
    done = document(
        ground, "tasks", "decide", str(number), "--set", "verdict=GOOD", "--set", "words=4", "--reason", "fine"
    )
    assert done["state"] == "decided"
    assert done["decisions"][0]["answer"] == {"verdict": "GOOD", "words": 4}
    again = wave(ground, "tasks", "claim", str(number), person="bob")
    assert (again.returncode, again.stderr.splitlines()[0]) == (5, f"error: task {number} is decided already, by ann")


def test_the_form_is_answered_at_the_terminal_and_a_draft_outlives_ctrl_c(ground: Ground):
    asking(ground)
    ground.run()
    first = Terminal(ground, "ann")
    first.says("some words to count")
    first.says("3  AGAIN")
    first.says("verdict:")
    first.types("2\n")
    first.says("words:")
    first.interrupts()
    first.says("kept as a draft")
    assert first.ends() == 130
    assert ground.one("SELECT draft FROM tasks") == '{"verdict":"BAD"}'
    second = Terminal(ground, "ann")
    second.says("verdict [BAD]:")
    second.types("\n")
    second.says("words:")
    second.types("\n")
    second.says("why:")
    second.types("\n")
    second.says("comment:")
    second.types("\n")
    second.says("that does not fit")  # BAD needs a reason
    second.says("verdict [BAD]:")
    second.types("\n")
    second.says("words:")
    second.types("7\n")
    second.says("why:")
    second.types("it is empty\n")
    second.says("comment:")
    second.types("\n")
    second.says("is decided; a runner goes on with it")
    assert second.ends() == 0
    decided = wait_until(lambda: ground.sql("SELECT person, answer FROM decisions"))
    assert decided[0]["person"] == "ann"
    assert json.loads(decided[0]["answer"]) == {"verdict": "BAD", "words": 7, "why": "it is empty"}


def test_a_form_begins_with_what_is_proposed_where_its_step_says_so(ground: Ground):
    steps = REVIEW.format(more="prefill: true").replace("{text: record.text}", "{text: record.text, why: record.name}")
    files = {"schemas/review.json": FORM}
    ground.project(rows=rows(1), steps=steps, actors={"save": SAVE}, files=files)
    ground.run()
    terminal = Terminal(ground, "ann")
    for says, types in [("verdict:", "2"), ("words:", ""), ("why [item 0000]:", ""), ("comment:", "")]:
        terminal.says(says)
        terminal.types(f"{types}\n")
    terminal.says("is decided")
    assert terminal.ends() == 0
    assert json.loads(ground.one("SELECT answer FROM decisions")) == {"verdict": "BAD", "why": "item 0000"}


def test_what_a_record_holds_cannot_steer_the_terminal(ground: Ground):
    asking(ground)
    ground.write(
        "actors/fetch.py",
        (ground.folder / "actors/fetch.py").read_text().replace("some words", "\\\\u001b]0;owned\\\\u0007 words"),
    )
    ground.run()
    shown = wave(ground, "tasks", "claim").stdout + wave(ground, "tasks", "list").stdout
    assert "owned" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
