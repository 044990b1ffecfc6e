"""A process that listens on a port of its own while a test lasts; each thing that it gets is a line of a log."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self


class Listener:
    """Runs a module of `tests/support/` as a process while the block lasts. `url` is where it listens."""

    module: ClassVar[str]
    path: ClassVar[str] = ""

    def __init__(self, folder: Path, *arguments: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log.jsonl"
        self._log.touch()
        self._arguments = arguments

    def lines(self) -> list[dict[str, Any]]:
        """Return what has come so far, oldest first."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", self.module, *map(str, self._arguments), str(self._log)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}{self.path}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Handler(BaseHTTPRequestHandler):
    """What such a process does with a request."""

    log: Path
    lock = threading.Lock()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def note(self, those: Iterable[dict[str, Any]]) -> None:
        with self.lock, self.log.open("a", encoding="utf-8") as log:
            for one in those:
                log.write(json.dumps(one) + "\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def listen(handler: type[Handler], log: str) -> None:
    """Print the port, and serve for ever."""
    handler.log = Path(log)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
