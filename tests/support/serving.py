"""A `wave serve` for tests: a real process on a free port, over a project in which two runs have ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest
from tests.support import warm
from tests.support.projects import Ground, Make, rows

from wave_runner.servers.exchange import certificates

PATIENCE_S = 60
# Whom to trust is read once for all: it takes longer than most questions.
TOLD: dict[str, Any] = {"timeout": PATIENCE_S, "verify": certificates(trust_env=False)}


class Served:
    """A `wave serve` of the test's own, on a free port."""

    def __init__(self, process: subprocess.Popen[str] | warm.Started) -> None:
        self.process = process
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        self.url, self.token, self.opens = said["url"], said["token"], said["open"]
        self.client = httpx.Client(base_url=self.url, **TOLD)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask with the token, unless the headers say otherwise."""
        return self.ask("GET", path, self.token, **headers)

    def ask(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask with a token and with no cookie, with a body where one is given."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, json=body, headers={**given, **headers}, **TOLD)

    def code(self, method: str, path: str, token: str) -> int:
        """Ask, and return the status alone: a stream has no end."""
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.stream(method, self.url + path, headers=headers, **TOLD) as answer:
            return answer.status_code

    def browser(self) -> httpx.Client:
        """Return one that keeps cookies."""
        return httpx.Client(base_url=self.url, **TOLD)

    def routes(self) -> list[str]:
        """Return every path that the document of the interface names."""
        return list(self.get("/api/v1/openapi.json").json()["paths"])


def work_twice(ground: Ground) -> None:
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    ground.run()  # which finds nothing new


@pytest.fixture
def worked(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(work_twice)


@pytest.fixture
def served(worked: Ground) -> Iterator[Served]:
    with serving(worked) as found:
        yield found


@contextlib.contextmanager
def serving(ground: Ground, *options: str) -> Iterator[Served]:
    """Give a `wave serve` that ends with the block."""
    with warm.started(*serve(ground, *options), env=os.environ) as process:
        found = Served(process)
        with found.client:
            yield found


def serve(ground: Ground, *options: str) -> list[str]:
    """Return the words of a `wave serve` on a free port that says in JSON where it is."""
    return ["--project", str(ground.folder), "serve", "--port", "0", "--json", *options]


def grant(ground: Ground, person: str, role: str, *options: str) -> str:
    """Give a person an access token; return its text."""
    command = ["--project", ground.folder, "access", "grant", person, "--role", role, "--json", *options]
    done = warm.wave(*command)
    assert done.returncode == 0, done.stderr
    token: str = json.loads(done.stdout)["token"]
    return token


def told(ground: Ground, type: str) -> list[dict[str, Any]]:
    """Return what the events of a type say, in their order."""
    found = ground.sql("SELECT data FROM interaction_events WHERE type::text = %s ORDER BY event_id", type)
    return [json.loads(row["data"]) for row in found]
