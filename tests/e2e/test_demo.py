"""`wave demo` as a person starts it, on a model server that the environment names: what it checks, keeps and leaves."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.main_job import command, environment, wave
from tests.support.openai_stub import OpenAIStub
from tests.support.waiting import wait_until

from wave_runner.store import embedded

# Short, because one long text for many postings is no answer to the guards.
ANSWERS = [
    {"match": "a summary of it", "json": {"summary": "Somebody works for the city."}},
    {"match": "skills that it asks for", "json": {"skills": [{"skill": "typing"}]}},
    {"match": "is judged", "json": {"red_flags": ["vague duties"], "ihl_score": 55, "verdict": "BORDERLINE"}},
]
RECORDS = ("--records", "2")


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[OpenAIStub]:
    with OpenAIStub(tmp_path / "stub", ANSWERS, models=["far-away"]) as running:
        yield running


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """What the demo takes for the system's folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def variables(stub: OpenAIStub, temporary: Path) -> dict[str, str]:
    return {"WAVE_MODEL_URL": stub.url, "TMPDIR": str(temporary)}


def checks(printed: str) -> list[str]:
    return [line[:4].strip() for line in printed.partition("── Checks")[2].splitlines() if line[4:6] == "  "]


def test_the_demo_asks_the_named_server_and_ends_well_only_if_every_check_holds(
    stub: OpenAIStub, temporary: Path, tmp_path: Path
):
    done = wave(tmp_path, "demo", *RECORDS, **variables(stub, temporary))

    assert done.returncode == 0, done.stdout + done.stderr
    assert checks(done.stdout) == ["ok"] * 5
    assert f"models:   far-away on {stub.url}" in done.stdout
    assert "2 of 2 postings completed" in done.stdout
    assert len(stub.requests()) == 6
    assert list(temporary.iterdir()) == []


def test_the_demo_says_which_check_failed_and_ends_with_1(stub: OpenAIStub, temporary: Path, tmp_path: Path):
    stub.answer_with(*ANSWERS[:2], {"text": "I would rather not say."})

    done = wave(tmp_path, "demo", *RECORDS, **variables(stub, temporary))

    assert done.returncode == 1, done.stdout + done.stderr
    assert checks(done.stdout) == ["FAIL", "ok", "ok", "ok", "ok"]
    assert list(temporary.iterdir()) == []


def test_a_kept_demo_is_a_project_to_play_with(stub: OpenAIStub, temporary: Path, tmp_path: Path):
    kept = tmp_path / "my postings"
    told = variables(stub, temporary)
    done = wave(tmp_path, "demo", "--keep", str(kept), *RECORDS, **told)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        status = wave(kept, "status", **told)
        assert "run 1 of job_postings: completed" in status.stdout
        assert list(temporary.iterdir()) == []
    finally:
        embedded.remove(kept / ".wave")


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, "database:"),
        (signal.SIGINT, "models:"),
        (signal.SIGTERM, "models:"),
        (signal.SIGHUP, "models:"),
    ],
)
def test_a_demo_that_is_stopped_leaves_nothing_behind(
    stub: OpenAIStub, temporary: Path, tmp_path: Path, number: signal.Signals, after: str
):
    with demo(tmp_path, variables(stub, temporary)) as running:
        assert running.stdout is not None
        while after not in (line := running.stdout.readline()):
            assert line, "it ended before it came so far"
        running.send_signal(number)
        running.stdout.read()
        assert running.wait(60) in {128 + number, 130}
    wait_until(lambda: list(temporary.iterdir()) == [])


@contextmanager
def demo(folder: Path, told: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*command("demo"), "--records", "20"],
        cwd=folder,
        env=environment(told) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()
