"""No secret is anywhere but where it was put: a project with one of each, that works, fails, answers and exports."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg
from psycopg import sql
from tests.support import warm
from tests.support.openai_stub import OpenAIStub
from tests.support.otlp_receiver import OTLPReceiver, starting
from tests.support.projects import Ground, script
from tests.support.receiver import ReceiverProcess
from tests.support.serving import TOLD, Served, serve

from wave_runner.engine import Engine

STEPS = """\
judge: {model: judge, prompt: prompts/judge.md, input: {text: record.text}, output: schemas/word.json, next: tell}
tell: {actor: tell, input: {word: judge.word}, next: show}
show: {actor: show, input: {word: judge.word}, next: save}
save: {actor: save, input: {word: judge.word, text: record.text}, writes: [items.note], next: end}
"""
# Each gives back all that it can see of where it runs.
SEEN = """
import os, pathlib
places = {"environ": "self/environ", "cmdline": "self/cmdline", "parent": f"{os.getppid()}/cmdline"}
seen = {name: pathlib.Path("/proc", place).read_text().split(chr(0)) for name, place in places.items()}
"""
ACTORS = {
    "tell": script(f"{SEEN}\nprint(seen)\nreturn seen"),
    "save": script(
        """
        ctx.log.warning("about to save %s", item)
        if item["text"] == "fails":
            raise ValueError(f"cannot save {item}")
        ctx.write("items", {"note": item["word"]})
        return {}
        """
    ),
}
SHOW = f"#!{sys.executable}\nimport json\n{SEEN}\nprint(json.dumps(seen))\n"
HOOK = '#!/bin/sh\ncat >> "$0.out"\nenv >> "$0.out"\ntr "\\0" "\\n" < /proc/$PPID/cmdline >> "$0.out"\n'
TOML = """\
[servers.stub]
driver = "openai"
url = "{url}"
api_key_env = "KEY_OF_THE_STUB"

[servers.other]
driver = "ollama"
url = "{root}"
api_key_file = ".wave/key-of-the-other"

[models.judge]
server = "stub"
model = "stub"
max_attempts = 1
options = {{api = "chat"}}

[models.other]
server = "other"
model = "other"

[scripts.save]
max_attempts = 1

[scripts.show]
entry = "actors/show"
executable = true

[alerts]
url = "{receiver}"
secret_env = "SECRET_OF_ALERTS"
private = true
"""
FILES = {
    "prompts/judge.md": "Say a word about: {{ text }}",
    "schemas/word.json": json.dumps(
        {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    ),
    "actors/show": SHOW,
    "hook": HOOK,
}


class Canaries:
    """A project that has each secret that there is, and who looks for them where they must not be."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self.ground, self.folder = ground, folder
        made = {name: f"canary-{name}-{secrets.token_hex(12)}" for name in ("key", "other", "token", "access")}
        password = urlsplit(ground.url).password
        assert password
        signed_with = f"canary-alerts-{secrets.token_hex(12)}"
        self.all = {**made, "password": password, "alerts": signed_with}
        held = folder / "secrets"
        held.mkdir()
        (held / "WAVE_DATABASE_URL").write_text(ground.url)
        # The worst that somebody may do: they stand in the environment, which is inherited where nobody takes care.
        self.environ = {
            "PATH": os.environ["PATH"],
            "WAVE_SECRETS": str(held),
            "WAVE_API_TOKEN": made["token"],
            "KEY_OF_THE_STUB": made["key"],
            "SECRET_OF_ALERTS": base64.b64encode(signed_with.encode()).decode(),
        }

    def write(self, *, url: str, receiver: str) -> None:
        """Write the project."""
        texts = [{"name": text, "text": text} for text in ("is good", "fails", "is refused")]
        toml = TOML.format(url=url, root=url.removesuffix("/v1"), receiver=receiver)
        settings = f'checkpoint_command = "{self.ground.folder / "hook"}"'
        self.ground.project(rows=texts, steps=STEPS, actors=ACTORS, files=FILES, toml=toml, settings=settings)
        for name in ("actors/show", "hook"):
            (self.ground.folder / name).chmod(0o755)
        (self.ground.folder / ".env").unlink()
        self.ground.write(".wave/key-of-the-other", self.all["other"])
        (self.ground.folder / ".wave/key-of-the-other").chmod(0o600)

    def found_in(self, what: str, text: str) -> list[str]:
        """Return what was found in a text, as it is or as it would be told in other ways."""
        known = {
            **self.all,
            "log.key": json.loads((self.ground.folder / ".wave/log.key").read_text("utf-8"))["keys"][0]["seed"],
        }
        return [f"{name} in {what}" for name, value in known.items() if any(way in text for way in ways(value))]

    def wave(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm.wave("--project", str(self.ground.folder), *words, env=self.environ)


def ways(value: str) -> list[str]:
    """Return how a value may be written down: as it is, in hexadecimal digits, and in base64."""
    raw = value.encode()
    return [value, raw.hex(), base64.b64encode(raw).decode().rstrip("=")]


COMMANDS = (
    ["doctor"],
    ["check"],
    ["trace", "is refused", "--full"],
    ["explain", "items.note", "--record", "is good", "--full"],
    ["report", "compliance", "integrity"],
    ["actors", "list", "--diff"],
    ["access", "list"],
    ["alerts", "test"],
    ["alerts", "sent"],
    ["audit", "verify"],
    ["nonsense"],
)


def test_no_secret_is_anywhere_but_where_it_was_put(ground: Ground, tmp_path: Path):
    canaries = Canaries(ground, tmp_path)
    refused = {"match": "is refused", "status": 400, "error": f"the key {canaries.all['key']} may not ask this"}
    with (
        OpenAIStub(tmp_path / "stub", [refused, {"json": {"word": "good"}}]) as stub,
        ReceiverProcess(tmp_path / "receiver") as receiver,
        OTLPReceiver(tmp_path / "otlp") as telemetry,
    ):
        canaries.write(url=stub.url, receiver=receiver.url)
        told = telemetry.environment | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span"}
        # It inherits what this process has, and all of the secrets besides.
        with starting(ground.folder, "run", "work", "-v", **canaries.environ, **told) as working:
            said, trouble = working.communicate(timeout=60)
        assert working.returncode == 1, trouble
        assert ground.states("save") == {"completed": 1, "failed": 1, "skipped": 1}
        assert stub.requests()[0]["authorization"] == f"Bearer {canaries.all['key']}"

        granted = json.loads(canaries.wave("access", "grant", "maria", "--role", "viewer", "--json").stdout)["token"]
        canaries.all["access"] = granted.split("_", 2)[2]
        looked_at = {"run": said + trouble, "otlp": json.dumps(telemetry.lines())}
        for words in COMMANDS:
            done = canaries.wave(*words)
            assert done.returncode != 70, done.stderr
            looked_at[f"wave {' '.join(words)}"] = done.stdout + done.stderr
        looked_at |= answered(canaries)
        exported = canaries.wave("audit", "export", "--out", str(tmp_path / "bundle"))
        assert exported.returncode == 0, exported.stderr
    looked_at |= {f"table {name}": text for name, text in tables(ground)}
    looked_at |= files(tmp_path / "bundle") | files(ground.folder, but={".wave/log.key", ".wave/key-of-the-other"})
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    looked_at["as Python prints it"] = ground.do(lambda engine: printed(engine, canaries.environ))
    # What was looked at is what there is: each of them holds something that it must.
    assert "cannot save" in looked_at["table interactions"] + looked_at["table interaction_events"]
    assert "PATH=" in looked_at[str(ground.folder / "hook.out")]
    assert "cmdline" in looked_at["table interactions"]
    assert [found for what, text in looked_at.items() for found in canaries.found_in(what, text)] == []


async def printed(engine: Engine, environ: Mapping[str, str]) -> str:
    """Return what would stand in a message that somebody puts one of these into."""
    engine = replace(engine, environ={**engine.environ, **environ})
    runner, telling = engine.runner(), engine._telling(engine.project())
    assert telling is not None
    return f"{engine!r} {runner!r} {runner.servers!r} {telling!r} {engine.database!r}"


def answered(canaries: Canaries) -> dict[str, str]:
    """Return all that a server answers: each document, what it says of errors, its metrics, and what it prints."""
    found = {}
    with warm.started(*serve(canaries.ground), env=canaries.environ) as process:
        served = Served(process)
        canaries.all["printed token"] = served.token
        with served.client:
            given = {"record": "fails", "value": "items.note", "a": "1", "b": "1", "run": "1", "workflow": "work"}
            for path in served.routes():
                filled = re.sub(r"\{\w+\}", "1", path)
                if not path.endswith("/changes"):
                    found[f"GET {filled}"] = repr(answer(served, "GET", filled, params=given))
                found[f"POST {filled}"] = repr(answer(served, "POST", filled, json={"no": "such"}))
            found["GET /status?run=x"] = repr(answer(served, "GET", "/api/v1/reports/steps", params={"run": "x"}))
            found["GET /metrics"] = repr(answer(served, "GET", "/metrics"))
            found["GET /readyz"] = repr(answer(served, "GET", "/readyz"))
        process.terminate()
        found["serve"] = "".join(process.communicate(timeout=60))
    return found


def answer(served: Served, method: str, path: str, **given: object) -> tuple[int, str, list[tuple[str, str]]]:
    headers = {"Authorization": f"Bearer {served.token}"}
    got = httpx.request(method, served.url + path, headers=headers, **given, **TOLD)  # type: ignore[arg-type]
    assert got.status_code != 500, path
    # A session's cookie holds one of its own, which nobody else is told.
    return got.status_code, got.text, [one for one in got.headers.items() if one[0] != "set-cookie"]


def tables(ground: Ground) -> Iterator[tuple[str, str]]:
    """Yield every table with all that it holds, bytes as they are where they are a text."""
    with psycopg.connect(ground.url, options="-c search_path=wave,public -c bytea_output=escape") as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'wave'").fetchall()
        for (name,) in names:
            rows = connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))).fetchall()
            yield name, "\n".join(text for (text,) in rows)


def files(folder: Path, *, but: frozenset[str] | set[str] = frozenset()) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and str(path.relative_to(folder)) not in but)
    return {str(path): path.read_bytes().decode("latin-1") for path in paths}


def test_what_is_wrong_with_an_address_is_said_without_its_password(tmp_path: Path):
    """Whatever a mistake in it makes of the password: a host, a port, a name, or nothing that can be read."""
    secret = "canary-5ecre7"
    (tmp_path / "wave.toml").write_text('[project]\nid = "5a1c0de0-0000-4000-8000-000000000003"\nname = "x"\n')
    (tmp_path / "workflows").mkdir()
    for url in (
        f"postgresql://wave:{secret}@127.0.0.1:1/x",
        f"postgresql://wave:{secret}@127.0.0.1:port/x",
        f"postgresql://wave:{secret}/more@127.0.0.1/x",
        f"postgresql://wave:more@{secret}@127.0.0.1/x",
        f"postgresql://wave:{secret}@[127.0.0.1/x",
        f"postgresql://wave:%{secret}@127.0.0.1/x",
        f"postgresql://127.0.0.1/x?pasword={secret}",
        f"host=127.0.0.1 password=more {secret}",
        f"mysql://wave:{secret}@127.0.0.1/x",
        secret,
    ):
        is_direct = {"WAVE_DATABASE_URL": "postgresql://127.0.0.1:1/x", "WAVE_DATABASE_DIRECT_URL": url}
        for given, words in (({"WAVE_DATABASE_URL": url}, ["doctor"]), (is_direct, ["db", "migrate"])):
            done = warm.wave("--project", str(tmp_path), *words, env={"PATH": os.environ["PATH"], **given})
            said = done.stdout + done.stderr
            assert done.returncode in {2, 3}, said
            assert secret not in said, url
            assert "Traceback" not in said
