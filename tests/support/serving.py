"""A `wave serve` for tests: a real process on a free port, over a project in which two runs have ended."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from tests.support.projects import WAVE, Ground, rows

PATIENCE_S = 60


class Served:
    """A `wave serve` of the test's own, on a free port."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        self.url, self.token, self.opens = said["url"], said["token"], said["open"]
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask with the token, unless the headers say otherwise."""
        return self.ask("GET", path, self.token, **headers)

    def ask(self, method: str, path: str, token: str, **headers: str) -> httpx.Response:
        """Ask with a token, and with no cookie."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, headers={**given, **headers}, timeout=PATIENCE_S)

    def browser(self) -> httpx.Client:
        """Return one that keeps cookies."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def routes(self) -> list[str]:
        """Return every path that the document of the interface names."""
        return list(self.get("/api/v1/openapi.json").json()["paths"])


@pytest.fixture
def worked(ground: Ground) -> Ground:
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    ground.run()  # which finds nothing new
    return ground


@pytest.fixture
def served(worked: Ground) -> Iterator[Served]:
    with serving(worked) as found:
        yield found


@contextlib.contextmanager
def serving(ground: Ground, *options: str) -> Iterator[Served]:
    """Give a `wave serve` that ends with the block."""
    command = [WAVE, "--project", ground.folder, "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            found = Served(process)
            with found.client:
                yield found
        finally:
            process.kill()
