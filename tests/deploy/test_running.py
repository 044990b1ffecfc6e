"""What the files in deploy/ start, without a container engine: it migrates, works, answers, and ends in time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from tests.deploy.reading import Command, commands, health_check, pods
from tests.support import warm
from tests.support.projects import PATIENCE_S, WAVE, Ground, rows, script, wait_until

TOKEN = "only-for-whoever-reads-metrics"
NEVER_ENDS = script(
    """
    import threading
    threading.Event().wait()
    """
)
STEPS = "wait: {actor: wait, next: end}\n"


@contextlib.contextmanager
def without_settings(ground: Ground) -> Iterator[None]:
    """Let nothing but the secrets say which database is meant."""
    named = (ground.folder / ".env").rename(ground.folder.parent / "put-aside")
    yield
    named.rename(ground.folder / ".env")


def surroundings(command: Command, ground: Ground, folder: Path) -> dict[str, str]:
    """Return the environment that a deployment gives to a command: few variables, and a folder with its secrets."""
    held = {"WAVE_DATABASE_URL": ground.url, "WAVE_API_TOKEN": TOKEN}
    folder.mkdir(exist_ok=True)
    for name in command.secrets:
        (folder / name).write_text(f"{held[name]}\n", encoding="utf-8")
    (folder / "..data").mkdir(exist_ok=True)  # as Kubernetes has it
    # There nobody can write, not even root, who may run these tests.
    given = {name: value.replace("/nowhere/", "/proc/nowhere/") for name, value in command.variables.items()}
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **given, "WAVE_SECRETS": str(folder)}


def words(command: Command) -> list[str]:
    """Return the words with the variables in them filled in, as Kubernetes and systemd do."""
    return [Template(word.replace("(", "{").replace(")", "}")).substitute(command.variables) for word in command.words]


@contextlib.contextmanager
def started(
    command: Command, ground: Ground, folder: Path, *more: str, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    told = {**surroundings(command, ground, folder), **environ}
    line = [WAVE, *words(command), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=ground.folder, env=told, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["compose", "kubernetes", "systemd"])
def test_it_migrates_works_answers_and_gives_its_work_back_in_time(
    kind: str, database: str, ground: Ground, tmp_path: Path
):
    by_what = {one.does: one for one in commands()[kind].values()}
    runner, serve = by_what["runner"], by_what["serve"]
    if kind == "compose":
        ground.url = database  # an empty one
    ground.project(rows=rows(2), steps=STEPS, actors={"wait": NEVER_ENDS})
    if migrate := by_what.get("db"):
        with without_settings(ground):
            told = surroundings(migrate, ground, tmp_path / "migrating")
            done = warm.wave(*migrate.words, env=told, cwd=ground.folder)
            assert done.returncode == 0, done.stderr
    run_id = ground.start()
    with (
        without_settings(ground),
        started(runner, ground, tmp_path / "working", WAVE_GRACE_S="0.2") as working,
        started(serve, ground, tmp_path / "serving", "--port", "0", "--json") as serving,
    ):
        wait_until(lambda: ground.states("wait").get("running") or working.poll() is not None)
        assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") > 0
        assert serving.stdout is not None
        url = json.loads(serving.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")
        check_probes(url)
        assert healthy(url)
        for process, said in ((working, runner), (serving, serve)):
            process.send_signal(signal.SIGTERM)
            printed = "".join(process.communicate(timeout=said.grace_s))
            assert process.returncode == 0, printed
            assert_untold(printed, ground)
        assert not healthy(url)
    assert (ground.folder / ".wave/log.key").exists() == ("WAVE_LOG_KEY" not in runner.variables)
    assert ground.states("wait") == {"pending": 2}
    assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    assert ground.one("SELECT count(*) FROM runners WHERE ended_at IS NULL") == 0
    assert ground.one("SELECT state::text FROM workflow_runs WHERE run_id = %s", run_id) == "running"


def assert_untold(text: str, ground: Ground) -> None:
    """See that a text, and all that the database holds of events and tokens, has none of the secrets."""
    password = urlsplit(ground.url).password
    assert password
    told = [text, *(str(row) for row in ground.sql("SELECT data FROM interaction_events"))]
    told += [str(row) for row in ground.sql("SELECT * FROM access_tokens")]
    assert [one for one in told if password in one or TOKEN in one] == []


def check_probes(url: str) -> None:
    """Ask what Kubernetes asks, and what looks after the work asks."""
    [serve] = pods()["wave-serve"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = serve[probe]["httpGet"]
        headers = {one["name"]: one["value"] for one in asked["httpHeaders"]}
        assert httpx.get(url + asked["path"], headers=headers, timeout=PATIENCE_S).status_code == 200
    assert wait_until(lambda: httpx.get(f"{url}/readyz", timeout=PATIENCE_S).json()["ready"])
    assert httpx.get(f"{url}/metrics", timeout=PATIENCE_S).status_code == 401
    said = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S)
    assert 'wave_runner_interactions{state="running",workflow="work"} ' in said.text


def healthy(url: str) -> bool:
    """Do what the image's HEALTHCHECK does, at another port."""
    program, *given = [word.replace("8787", url.rpartition(":")[2]) for word in health_check()]
    assert program == "python"
    return subprocess.run([sys.executable, *given], capture_output=True).returncode == 0


def test_a_folder_of_secrets_that_is_not_there_or_cannot_be_read_is_named(ground: Ground, tmp_path: Path):
    ground.project()

    def told(folder: Path) -> str:
        refused = warm.wave("actors", "list", env={**os.environ, "WAVE_SECRETS": str(folder)}, cwd=ground.folder)
        assert refused.returncode == 2
        return refused.stderr

    assert f"WAVE_SECRETS: {tmp_path / 'nowhere'} is no folder" in told(tmp_path / "nowhere")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/MODEL_KEY").write_bytes(b"\xff")
    assert f"WAVE_SECRETS: {tmp_path / 'secrets'} cannot be read" in told(tmp_path / "secrets")


def test_the_environment_goes_before_a_secret_that_before_dotenv_and_that_before_the_folder(
    ground: Ground, tmp_path: Path
):
    ground.project(settings="warm_scripts = 5\nconnections = 5")
    (ground.folder / ".env").write_text("WAVE_WARM_SCRIPTS=4\nFAR_KEY=4\n", encoding="utf-8")
    (tmp_path / "WAVE_SCRIPT_SLOTS").write_text("6\n", encoding="utf-8")
    (tmp_path / "WAVE_WARM_SCRIPTS").write_text("6\n", encoding="utf-8")
    code = "import pathlib; from wave_runner.settings import environment, load; s = load(pathlib.Path('.')); "
    code += "e = environment(pathlib.Path('.')); "
    code += "print(s.script_slots, s.warm_scripts, s.connections, e['WAVE_WARM_SCRIPTS'], e['FAR_KEY'])"
    told = {**os.environ, "WAVE_SECRETS": str(tmp_path), "WAVE_SCRIPT_SLOTS": "7"}
    said = subprocess.run([sys.executable, "-c", code], cwd=ground.folder, env=told, capture_output=True, text=True)
    assert said.stdout == "7 6 5 6 4\n", said.stderr
