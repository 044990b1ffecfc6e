"""The servers that every driver is held against: a real llama-server, owned or by URL, and one that speaks Ollama."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.support.ollama_server import OllamaServer
from tests.support.random_gguf import write_random_gguf, write_test_models
from tests.support.waiting import wait_until

from wave_runner.core.outcome import ErrorClass
from wave_runner.core.workflow import ServerSpec
from wave_runner.servers import open_server
from wave_runner.servers.binary import find_binary, free_port
from wave_runner.servers.protocol import ModelServer, Request

CONTEXT = 8192
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "pattern": "^[A-Za-z0-9 .]{1,24}$"},
        "score": {"type": "integer", "minimum": 0, "maximum": 100},
        "verdict": {"enum": ["GENUINE", "FAKE"]},
    },
    "required": ["title", "score", "verdict"],
    "additionalProperties": False,
}
EXACT = {"temperature": 0, "seed": 0}
KEY = "a-key-of-the-tests"


@dataclass(kw_only=True)
class Place:
    """A server, and what its driver is to make of it. `url` is "" where the driver starts the server."""

    folder: Path
    driver: str
    loads: bool  # whether it loads and unloads what it is told
    url: str = ""
    key_env: str = ""
    at_its_death: ErrorClass = ErrorClass.TRANSIENT  # what a request under way comes to
    endless_model: str = "test-a"
    environ: Mapping[str, str] = field(default_factory=dict)

    def open(
        self, *, memory: Mapping[str, int] | None = None, memory_of_server: int | None = None, **fields: Any
    ) -> ModelServer:
        told = {"url": self.url, "api_key_env": self.key_env, "context": CONTEXT, "threads": 1, **fields}
        told["memory"] = memory_of_server
        if not self.url:
            told["models_dir"] = "models"
        spec = ServerSpec(name="held", driver=self.driver, **told)
        environ = {**os.environ, **self.environ}
        state = self.folder / "state"
        return open_server(spec, project_dir=self.folder, state_dir=state, environ=environ, memory=memory)

    def request(self, model: str = "test-a", **fields: Any) -> Request:
        given = {
            "prompt": "Posting: a welder.\nJSON: ",
            "schema": SCHEMA,
            "options": {**EXACT, "max_tokens": 200},
            **fields,
        }
        return Request(model=model, **{"timeout_s": 60.0, **given})

    def endless(self, **fields: Any) -> Request:
        """Return a request that is at work for longer than any test waits."""
        word = {"type": "string", "pattern": "^[a-z]{40}$"}
        text = {"type": "array", "items": word, "minItems": 80, "maxItems": 80}
        given = {"prompt": "x" * 4000, "schema": text, "options": {**EXACT, "max_tokens": 4000}, **fields}
        return self.request(self.endless_model, **given)

    def is_at_work(self) -> bool:
        """Say whether the endless request has reached the server."""
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


class Owned(Place):
    """The router that the driver starts by itself."""

    def is_at_work(self) -> bool:
        return b"processing task" in (self.folder / "state/llama-server.log").read_bytes()

    def kill(self) -> None:
        """Kill the router: the process that has the folder among its arguments, but is no launcher."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            launched = any(word.endswith("launcher.py") for word in words)
            if f"{self.folder}/models" in words and not launched:
                os.kill(int(process.name), signal.SIGKILL)


@dataclass(kw_only=True)
class ByUrl(Place):
    """A llama-server that was there before, with one model."""

    process: subprocess.Popen[bytes]
    log: Path

    def is_at_work(self) -> bool:
        return b"processing task" in self.log.read_bytes()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(kw_only=True)
class Spoken(Place):
    """The process that speaks Ollama's protocol."""

    ollama: OllamaServer

    def is_at_work(self) -> bool:
        return any(body["messages"][-1]["content"].startswith("xxx") for body in self.ollama.requests())

    def kill(self) -> None:
        self.ollama.kill()


@contextmanager
def owned(folder: Path, probe: Path) -> Iterator[Place]:
    write_test_models(folder / "models")
    write_random_gguf(folder / "models/slow.gguf", "slow", layers=4)
    (folder / "state").mkdir()
    shutil.copy(probe, folder / "state/probe.json")
    yield Owned(folder=folder, driver="llama_cpp", loads=True, at_its_death=ErrorClass.CRASHED, endless_model="slow")


@contextmanager
def by_url(folder: Path) -> Iterator[Place]:
    write_random_gguf(folder / "slow.gguf", "slow", layers=4)
    binary, log, port = find_binary(os.environ), folder / "server.log", free_port()
    command = [str(binary.path), "--host", "127.0.0.1", "--port", str(port), "--api-key", KEY, "--alias", "test-a"]
    command += [
        "-m",
        str(folder / "slow.gguf"),
        "-c",
        str(CONTEXT),
        "-np",
        "1",
        "-t",
        "1",
        "--offline",
        "--no-cache-prompt",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=binary.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_healthy(url), "the llama-server does not begin")
        yield ByUrl(
            folder=folder,
            driver="openai",
            loads=False,
            url=f"{url}/v1",
            key_env="HELD_KEY",
            environ={"HELD_KEY": KEY},
            process=process,
            log=log,
        )
    finally:
        process.kill()
        process.wait()


@contextmanager
def spoken(folder: Path) -> Iterator[Place]:
    rules = [
        {"match": "^xxx", "behaviour": "hang"},
        {"match": "Posting", "json": {"title": "Welder", "score": 40, "verdict": "GENUINE"}},
    ]
    with OllamaServer(folder / "ollama", *rules) as ollama:
        yield Spoken(folder=folder, driver="ollama", loads=True, url=ollama.url, ollama=ollama)


def _is_healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False
