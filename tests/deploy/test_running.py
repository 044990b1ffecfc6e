"""What the files in deploy/ start, without a container engine: it migrates, works, answers, and ends in time."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg
import pytest
from tests.deploy.reading import ROLES, Command, commands, compose, health_check, pods
from tests.support import warm
from tests.support.database import fresh_database
from tests.support.invariants import broken_invariants
from tests.support.parted import PAGE, PASSWORD, Parted, parted_database
from tests.support.projects import PATIENCE_S, WAVE, Ground, rows, script, wait_until

from wave_runner.store.embedded_binaries import installed

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


def surroundings(command: Command, parted: Parted, folder: Path) -> dict[str, str]:
    """Return the environment that a deployment gives to a command: few variables, and a folder with its secrets."""
    held = {
        "WAVE_DATABASE_URL": parted.url("deployer" if command.as_deployer else "worker"),
        "WAVE_DATABASE_QUERY_URL": parted.url("asker"),
        "WAVE_API_TOKEN": TOKEN,
    }
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
    command: Command, parted: Parted, folder: Path, *more: str, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    told = {**surroundings(command, parted, folder), **environ}
    line = [WAVE, *words(command), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=parted.ground.folder, env=told, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["compose", "kubernetes", "systemd"])
def test_it_migrates_works_answers_and_gives_its_work_back_in_time(kind: str, session_database: str, tmp_path: Path):
    by_what = {one.does: one for one in commands()[kind].values()}
    runner, serve, migrate = by_what["runner"], by_what["serve"], by_what["db"]
    with parted_database(session_database, tmp_path / "project") as parted:
        ground = parted.ground
        ground.project(
            rows=rows(2), steps=STEPS, actors={"wait": NEVER_ENDS}, settings=f'schema_name = "{parted.schema}"'
        )
        with without_settings(ground):
            told = surroundings(migrate, parted, tmp_path / "migrating")
            done = warm.wave(*migrate.words, env=told, cwd=ground.folder)
            assert done.returncode == 0, done.stderr
        parted.act_as("worker", asking=True)
        run_id = ground.start()
        work_and_stop(parted, runner, serve, tmp_path)
        assert one(parted, f"SELECT state::text FROM workflow_runs WHERE run_id = {run_id}") == "running"
        assert broken_invariants(parted.superuser(), schema=parted.schema) == {}


def one(parted: Parted, query: str) -> Any:
    """Return the only value of the only row."""
    [row] = parted.sql(query)
    [value] = row.values()
    return value


STATES = (
    "SELECT i.state::text AS state FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)"
)


def states(parted: Parted) -> list[str]:
    return [row["state"] for row in parted.sql(f"{STATES} WHERE s.name = 'wait'")]


def work_and_stop(parted: Parted, runner: Command, serve: Command, folder: Path) -> None:
    """Start both, ask what is asked of them, stop them, and see that nothing is left in hand."""
    ground = parted.ground
    with (
        without_settings(ground),
        started(runner, parted, folder / "working", WAVE_GRACE_S="0.2") as working,
        started(serve, parted, folder / "serving", "--port", "0", "--json") as serving,
    ):
        wait_until(lambda: "running" in states(parted) or working.poll() is not None)
        assert one(parted, "SELECT count(*) FROM waves WHERE closed_at IS NULL") > 0
        assert serving.stdout is not None
        url = json.loads(serving.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")
        check_probes(url)
        assert healthy(url)
        for process, said in ((working, runner), (serving, serve)):
            process.send_signal(signal.SIGTERM)
            printed = "".join(process.communicate(timeout=said.grace_s))
            assert process.returncode == 0, printed
            assert_untold(printed, parted)
        assert not healthy(url)
    assert (ground.folder / ".wave/log.key").exists() == ("WAVE_LOG_KEY" not in runner.variables)
    assert states(parted) == ["pending"] * 2
    assert one(parted, "SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    assert one(parted, "SELECT count(*) FROM runners WHERE ended_at IS NULL") == 0


def assert_untold(text: str, parted: Parted) -> None:
    """See that a text, and all that the database holds of events and tokens, has none of the secrets."""
    told = [text, *(str(row) for row in parted.sql("SELECT data FROM interaction_events"))]
    told += [str(row) for row in parted.sql("SELECT * FROM access_tokens")]
    assert [line for line in told if PASSWORD in line or TOKEN in line] == []


def written_by_the_page(folder: Path) -> dict[str, str]:
    """Do what the page says about the secrets of compose, and return the three addresses."""
    [block] = re.findall(r"^install -d -m 700 deploy/secrets.*?^chmod .*?$", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    subprocess.run(["bash", "-euc", block], cwd=folder, check=True)
    written = {path.name: path.read_text(encoding="utf-8") for path in (folder / "deploy/secrets").iterdir()}
    assert written.keys() == compose()["secrets"].keys()
    return {name: text for name, text in written.items() if name.endswith("_URL")}


def test_the_database_of_compose_lets_each_of_its_users_do_its_part_and_no_more(session_database: str, tmp_path: Path):
    (tmp_path / "deploy").mkdir()
    with fresh_database(session_database) as url:
        schema, server = f"r{token_hex(4)}", urlsplit(url)
        admin = urlsplit(session_database)._replace(path=server.path).geturl()
        there = f"@{server.netloc.rpartition('@')[2]}{server.path}?{server.query}"
        urls = {}
        for name, text in written_by_the_page(tmp_path).items():
            urls[name] = text.replace("wave_", f"{schema}_").replace("@database/wave", there)
            (tmp_path / name).write_text(urls[name], encoding="utf-8")
        told = ROLES.read_text("utf-8").replace("/run/secrets/", f"{tmp_path}/").replace(" wave_", f" {schema}_")
        psql = [installed().initdb.with_name("psql"), "--no-psqlrc", "--dbname", admin]
        subprocess.run(psql, input=told, text=True, check=True, capture_output=True)
        try:
            assert {name: may_create(text) for name, text in urls.items()} == {
                "DEPLOYER_URL": True, "WAVE_DATABASE_URL": False, "WAVE_DATABASE_QUERY_URL": False
            }  # fmt: skip
        finally:
            with psycopg.connect(admin, autocommit=True) as connection:
                users = ("deployer", "worker", "asker", "owner", "runner", "query", "read")
                roles = ", ".join(f"{schema}_{user}" for user in users)
                connection.execute(f"DROP OWNED BY {roles}")
                connection.execute(f"DROP ROLE {roles}")


def may_create(url: str) -> bool:
    """Log in there, and say whether this user may make a schema."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT has_database_privilege(current_database(), 'CREATE')").fetchone()
        assert row is not None
        return bool(row[0])


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
