"""A process that speaks the OpenAI protocol on a real socket and answers by rules.

    python -m tests.support.openai_stub RULES LOG PORT

RULES is a JSON file, read anew at each request: {"models": […], "rules": [rule, …]}. The first rule that fits answers:

- "match": a regular expression searched in the prompt (default: any prompt); "model": fits only requests for it;
  "times": fits only so often
- "beside": members of the completion to replace, such as "usage"
- "text": the answer, in which \\1 and \\g<name> stand for groups of the match; or "json": any JSON value, as its text;
  or "file": a path with such groups, whose bytes are sent as they are, also where they are no UTF-8
- "behaviour": "ok" (default), "length", "no_text", "hang", "drip", "half_json", "garbage", "not_a_completion", "close",
  "huge", "slow"; or "status": a number, with "headers" and "error"

Each request is a line of LOG: {"path", "authorization", "traceparent", "body"}. The port is printed when it listens.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

Rule = Mapping[str, Any]


class OpenAIStub:
    """Runs the stub as a process while the block lasts; `url` ends in /v1."""

    def __init__(
        self, folder: Path, rules: Sequence[Rule] = (), models: Sequence[str] = ("stub",), port: int = 0
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rules, self._log = folder / "rules.json", folder / "requests.jsonl"
        self._models = list(models)
        self._port = port
        self._log.touch()
        self.answer_with(*rules)

    def answer_with(self, *rules: Rule) -> None:
        """Replace the rules, also while the process runs."""
        new = self._rules.with_suffix(".new")
        new.write_text(json.dumps({"models": self._models, "rules": rules}), "utf-8")
        new.replace(self._rules)

    def requests(self) -> list[dict[str, Any]]:
        """Return what has been asked so far, oldest first."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def __enter__(self) -> OpenAIStub:
        command = [sys.executable, "-m", "tests.support.openai_stub", str(self._rules), str(self._log), str(self._port)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class _Handler(BaseHTTPRequestHandler):
    rules: Path
    log: Path
    beside: Mapping[str, Any]
    used: ClassVar[Counter[str]] = Counter()
    lock = threading.Lock()

    def do_GET(self) -> None:
        data = [{"id": name, "object": "model"} for name in json.loads(self.rules.read_text("utf-8"))["models"]]
        self._send(200, {"version": "stub"} if self.path.startswith("/api/") else {"object": "list", "data": data})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = {name: self.headers.get(name) for name in ("authorization", "traceparent")}
        asked = {"path": self.path, **told, "body": body}
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        with self.lock:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asked) + "\n")
            rule, found = self._rule(prompt, body["model"])
        if "status" in rule:
            self._send(rule["status"], {"error": {"message": rule.get("error", "no")}}, rule.get("headers", {}))
        else:
            self.beside = rule.get("beside", {})
            getattr(self, "_" + rule.get("behaviour", "ok"))(_text(rule, found))

    def _rule(self, prompt: str, model: str) -> tuple[Rule, re.Match[str]]:
        for rule in json.loads(self.rules.read_text("utf-8"))["rules"]:
            found = rule.get("model", model) == model and re.search(rule.get("match", ""), prompt)
            key = json.dumps(rule)
            if found and self.used[key] < rule.get("times", sys.maxsize):
                self.used[key] += 1
                return rule, found
        return {"status": 404, "error": "no rule fits this prompt"}, re.search("", "")  # type: ignore[return-value] # fits

    def _ok(self, text: str | None, finish: str = "stop") -> None:
        document = json.dumps(self._completion(text, finish), ensure_ascii=False)
        self._bytes(document.encode(errors="surrogateescape"))

    def _length(self, text: str | None) -> None:
        self._ok(text, "length")

    def _no_text(self, _: str | None) -> None:
        self._ok(None, "tool_calls")

    def _hang(self, _: str | None) -> None:
        threading.Event().wait()

    def _drip(self, text: str | None) -> None:
        """Send a byte now and then: never silent for long, and never done."""
        self._head(200, 10**6)
        for byte in json.dumps(self._completion(text, "stop")).encode().ljust(10**6):
            self.wfile.write(bytes([byte]))
            time.sleep(0.02)

    def _slow(self, text: str | None) -> None:
        """Answer after a while, as a model does: what is in flight at once can be seen."""
        time.sleep(0.15)
        self._ok(text)

    def _half_json(self, text: str | None) -> None:
        self._bytes(json.dumps(self._completion(text, "stop")).encode()[:-20])

    def _garbage(self, _: str | None) -> None:
        self._bytes(b"\x00\xff\xfe<html>\x1b[31m" + os.urandom(64))

    def _not_a_completion(self, _: str | None) -> None:
        self._send(200, {"hello": "there"})

    def _close(self, _: str | None) -> None:
        self._head(200, 1000)
        self.wfile.write(b'{"choices": [')
        self.connection.close()

    def _huge(self, _: str | None) -> None:
        self._head(200, 1 << 30)
        for _block in range(1 << 10):
            self.wfile.write(b" " * (1 << 20))

    def _completion(self, text: str | None, finish: str) -> dict[str, Any]:
        is_chat = self.path.endswith("/chat/completions")
        choice = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3}}
        choices = [{"index": 0, "finish_reason": finish, **choice}]
        return {"choices": choices, "usage": usage, "system_fingerprint": "stub-1", **self.beside}

    def _send(self, status: int, document: object, headers: Mapping[str, str] | None = None) -> None:
        self._bytes(json.dumps(document).encode(), status, headers)

    def _bytes(self, content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, len(content), headers)
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are in the log file."""


def _text(rule: Rule, found: re.Match[str]) -> str:
    if "file" in rule:
        return Path(found.expand(rule["file"])).read_bytes().decode(errors="surrogateescape")
    return json.dumps(rule["json"]) if "json" in rule else found.expand(rule.get("text", "hello"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what the tests do."""


def main(rules: str, log: str, port: str) -> None:
    """Listen on a loopback port (0: any that is free), print it and serve until killed."""
    _Handler.rules, _Handler.log = Path(rules), Path(log)
    with _Server(("127.0.0.1", int(port)), _Handler) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        server.serve_forever()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
