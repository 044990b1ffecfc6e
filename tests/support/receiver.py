"""A process that takes notices of alerts on a real socket, and does with them what the test says.

    python -m tests.support.receiver BEHAVIOUR LOG

BEHAVIOUR is a file, read anew at each request: "ok", "hang", "close", "garbage", "moved", or a status. Each request is
a line of LOG: {"path", "headers", "body"}, with the body as a text. The port is printed when it listens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

SECRET = base64.b64encode(bytes(range(32))).decode()


class ReceiverProcess:
    """Runs the receiver as a process while the block lasts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._behaviour, self._log = folder / "behaviour", folder / "requests.jsonl"
        self._log.touch()
        self.do("ok")

    def do(self, behaviour: str) -> None:
        """Say what becomes of the next requests."""
        new = self._behaviour.with_suffix(".new")
        new.write_text(behaviour, "utf-8")
        new.replace(self._behaviour)

    def requests(self) -> list[dict[str, Any]]:
        """Return what has come so far, oldest first."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def notices(self) -> list[dict[str, Any]]:
        """Return what the notices say that have come, each checked for its signature."""
        found = self.requests()
        assert all(is_signed(one["headers"], one["body"]) for one in found)
        return [json.loads(one["body"]) for one in found]

    def __enter__(self) -> ReceiverProcess:
        command = [sys.executable, "-m", "tests.support.receiver", str(self._behaviour), str(self._log)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/hook?of=tests"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def is_signed(headers: Mapping[str, str], body: str) -> bool:
    """Check a signature as Standard Webhooks says that it is made."""
    signs = ".".join([headers["webhook-id"], headers["webhook-timestamp"], body])
    made = hmac.new(base64.b64decode(SECRET), signs.encode(), hashlib.sha256).digest()
    return headers["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"


class _Handler(BaseHTTPRequestHandler):
    behaviour: Path
    log: Path
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.lock, self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"path": self.path, "headers": headers, "body": body}) + "\n")
        behaviour = self.behaviour.read_text("utf-8")
        if behaviour == "hang":
            self.connection.recv(1)  # until the other side has gone
        elif behaviour == "garbage":
            self.wfile.write(b"what is this" + b"?" * 10_000 + b"\n")
        elif behaviour != "close":
            self.send_response({"ok": 204, "moved": 307}.get(behaviour) or int(behaviour))
            if behaviour == "moved":
                self.send_header("Location", "/elsewhere")
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _main(behaviour: str, log: str) -> None:
    _Handler.behaviour, _Handler.log = Path(behaviour), Path(log)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
