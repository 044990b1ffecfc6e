"""One `llama-server` in router mode as a child process: started, asked, ordered, and ended with all it started."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2

from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers import exchange, launcher
from wave_runner.servers.binary import Binary, Probe, free_port

LOG_NAME = "llama-server.log"
POLL_S = 0.01
END_TIMEOUT_S = 10.0
ORDER_TIMEOUT_S = 30.0
# Whoever is asked for a sign of life has a thread for it, which computes nothing: after so long it is frozen.
SILENT_S = 10.0
_MODEL_LOADED = re.compile(rb"^\[\d+\].*: model loaded\s*$", re.MULTILINE)

Status = Mapping[str, Any]  # {"value": "loaded", "args": […], …} as `GET /models` gives it


def count_loads(log: Path) -> int:
    """Return how many model loads the server's own log shows; 0 if there is no log yet."""
    return len(_MODEL_LOADED.findall(log.read_bytes())) if log.exists() else 0


class Router:
    """A started router. It listens on loopback, wants a key that only we know, and ends when our process does."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, key: str, client: httpx2.AsyncClient) -> None:
        self._process = process
        self._client = client
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}

    @classmethod
    async def start(
        cls, spec: ServerSpec, binary: Binary, found: Probe, *, models_dir: Path, state_dir: Path
    ) -> Router:
        """Start one and wait until it answers. Its output is appended to `state_dir`/llama-server.log."""
        state_dir.mkdir(parents=True, exist_ok=True)
        key, url, key_file = secrets.token_urlsafe(32), f"http://127.0.0.1:{free_port()}", _new_key_file(state_dir)
        key_file.write_text(key + "\n", "ascii")
        arguments = _arguments(spec, found, url, key_file, models_dir)
        process = _spawn([str(binary.path), *arguments], binary.environment, key, key_file, state_dir)
        router = cls(process, url, key, exchange.new_client(trust_env=False))
        try:
            await router._wait_until_it_answers(state_dir / LOG_NAME)
        except BaseException:
            await router.end()
            raise
        return router

    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def is_serving(self) -> bool:
        """Return False if nobody answers: the launcher may be alive and clearing up behind a router that has died."""
        return self.is_alive() and await self.is_heard(self.url)

    async def is_heard(self, url: str) -> bool:
        """Say whether the router, or the process of a model, says that it is there, however much it has to do."""
        try:
            await self._client.get(f"{url}/health", timeout=SILENT_S)
        except httpx2.HTTPError:
            return False
        return True

    async def statuses(self) -> dict[str, Status]:
        """Return what the server says of every model in its folder."""
        reply = await self._client.get(f"{self.url}/models", headers=self.headers, timeout=ORDER_TIMEOUT_S)
        return {model["id"]: model["status"] for model in reply.raise_for_status().json()["data"]}

    async def load(self, model: str) -> Status:
        """Order a load, wait until the server is done with it, and return the status it then has."""
        await self._order("load", model)
        while (status := (await self.statuses())[model])["value"] == "loading":  # noqa: ASYNC110 - the news is in another process
            await asyncio.sleep(POLL_S)
        return status

    async def unload(self, model: str) -> None:
        """Order an unload and wait until the model is out of memory."""
        await self._order("unload", model)
        while (await self.statuses())[model]["value"] != "unloaded":  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_S)

    async def end(self) -> None:
        """End the server and everything it started. Safe twice."""
        assert self._process.stdin is not None  # we asked for a pipe
        self._process.stdin.close()  # the launcher sees it and ends the server
        deadline = time.monotonic() + END_TIMEOUT_S
        while self.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_S)
        if self.is_alive():
            self._process.kill()
            self._process.wait()
        await self._client.aclose()

    async def _order(self, verb: str, model: str) -> None:
        """Ask for a load or unload. 400 means "already so": the caller reads the state back in any case."""
        reply = await self._client.post(
            f"{self.url}/models/{verb}", json={"model": model}, headers=self.headers, timeout=ORDER_TIMEOUT_S
        )
        if reply.status_code not in {200, 400}:
            raise httpx2.HTTPError(f"{verb} was answered {reply.status_code}: {exchange.error_text(reply.content)}")

    async def _wait_until_it_answers(self, log: Path) -> None:
        while not await self._answers():
            if not self.is_alive():
                raise ModelServerError(
                    f"the model server ended with status {self._process.returncode} while starting",
                    hint=f"Its log is {log}; the last line: {_last_line(log)}",
                )
            await asyncio.sleep(POLL_S)

    async def _answers(self) -> bool:
        with suppress(httpx2.HTTPError):
            return (await self._client.get(f"{self.url}/health", timeout=ORDER_TIMEOUT_S)).status_code == 200
        return False


def _new_key_file(state_dir: Path) -> Path:
    """Create the file as ours alone before the key is in it. The router's children read it at each load."""
    path = state_dir / f"key-{secrets.token_hex(8)}"
    path.touch(mode=0o600)
    return path


def _arguments(spec: ServerSpec, found: Probe, url: str, key_file: Path, models_dir: Path) -> list[str]:
    if_known = {
        "--no-models-autoload": (),
        "--offline": (),
        "--no-webui": (),
        "--cors-origins": (url,),  # by default any web page may read the answers
    }
    return [
        *("--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--api-key-file", str(key_file)),
        *("--models-dir", str(models_dir), "--models-max", "0"),
        # Any number: whom to unload is decided here, and the server must not do it by itself.
        # The server divides its context among its slots; a project states what one request may use.
        *("-c", str(spec.context * spec.slots), "-np", str(spec.slots), "-t", str(spec.threads)),
        *(word for flag, values in if_known.items() if flag in found.flags for word in (flag, *values)),
    ]


def _spawn(
    command: list[str], environment: Mapping[str, str], key: str, key_file: Path, state_dir: Path
) -> subprocess.Popen[bytes]:
    launch = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(key_file)]
    with (state_dir / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            [*launch, *command],
            # The key in the variable as well: newer routers do not hand the file on to the processes of their models.
            env={**environment, "HOME": str(state_dir), "LLAMA_CACHE": str(state_dir / "cache"), "LLAMA_API_KEY": key},
            cwd=state_dir,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-4000:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "(none)"
