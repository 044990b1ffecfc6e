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
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.listener import Handler, Listener, listen

SECRET = base64.b64encode(bytes(range(32))).decode()


class ReceiverProcess(Listener):
    """Runs the receiver as a process while the block lasts."""

    module, path = "tests.support.receiver", "/hook?of=tests"

    def __init__(self, folder: Path) -> None:
        self._behaviour = folder / "behaviour"
        super().__init__(folder, self._behaviour)
        self.do("ok")

    def do(self, behaviour: str) -> None:
        """Say what becomes of the next requests."""
        new = self._behaviour.with_suffix(".new")
        new.write_text(behaviour, "utf-8")
        new.replace(self._behaviour)

    def requests(self) -> list[dict[str, Any]]:
        """Return what has come so far, oldest first."""
        return self.lines()

    def notices(self) -> list[dict[str, Any]]:
        """Return what the notices say that have come, each checked for its signature."""
        found = self.requests()
        assert all(is_signed(one["headers"], one["body"]) for one in found)
        return [json.loads(one["body"]) for one in found]


def is_signed(headers: Mapping[str, str], body: str) -> bool:
    """Check a signature as Standard Webhooks says that it is made."""
    signs = ".".join([headers["webhook-id"], headers["webhook-timestamp"], body])
    made = hmac.new(base64.b64decode(SECRET), signs.encode(), hashlib.sha256).digest()
    return headers["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"


class _Handler(Handler):
    behaviour: Path

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.note([{"path": self.path, "headers": headers, "body": self.body().decode()}])
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


if __name__ == "__main__":
    _Handler.behaviour = Path(sys.argv[1])
    listen(_Handler, sys.argv[2])
