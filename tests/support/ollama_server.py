"""A process that speaks Ollama's protocol on a real socket: what it has, what it has loaded, and answers by rules.

    python -m tests.support.ollama_server RULES LOG

It is no Ollama and computes nothing. It follows the protocol as Ollama's `docs/api.md`, `server/routes.go` and
`server/sched.go` have it. A name without a tag means `:latest`. A request loads its model by itself, and loads it anew
when another load option differs. An empty prompt only loads, and with `keep_alive` 0 unloads, as soon as nobody is at
work. Times are nanoseconds. A queue that is full is 503, a model that is not there 404. With `truncate` false a prompt
that does not fit is 400, without it is cut.

RULES is a JSON file, read anew at each request:
- "models": name → {"digest", "size", "resident" (bytes in memory; default: "size"), "context" (tokens it can have),
  "load_s", "fails" (the error of a load)}
- "at_once": how many models it holds by itself (default 3); "old": whether it is a version that knows no `truncate`
- "rules": what a prompt is answered with, as in `tests.support.openai_stub`: "match", "model", "times", "text" or
  "json", "behaviour" ("ok", "length", "hang", "stall", "half_json", "garbage", "close", "wrong_model",
  "error_in_stream", "cut_stream"), or "status" with "error" and "headers"

Each request is a line of LOG: {"path", "body"}. Each load and unload is one, too: {"loaded": name}, {"unloaded": name}.
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

LOAD_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap")
GIB = 1024**3
MODELS: Mapping[str, Mapping[str, Any]] = {
    f"test-{letter}:latest": {"digest": letter * 64, "size": GIB, "context": 131072, "load_s": 0.01} for letter in "abc"
}


class OllamaServer:
    """Runs it as a process while the block lasts; `url` has no path."""

    def __init__(
        self, folder: Path, *rules: Mapping[str, Any], models: Mapping[str, Any] = MODELS, **more: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rules, self._log = folder / "rules.json", folder / "requests.jsonl"
        self._told: dict[str, Any] = {"models": dict(models), **more}
        self._log.touch()
        self.answer_with(*rules)

    def answer_with(self, *rules: Mapping[str, Any]) -> None:
        """Replace the rules, also while the process runs."""
        self.tell(rules=rules)

    def tell(self, **told: Any) -> None:
        """Replace anything that it goes by."""
        self._told |= told
        new = self._rules.with_suffix(".new")
        new.write_text(json.dumps(self._told), "utf-8")
        new.replace(self._rules)

    def requests(self, path: str = "/api/chat") -> list[dict[str, Any]]:
        """Return the bodies that were sent to a path, oldest first."""
        return [line["body"] for line in self._lines() if line.get("path") == path]

    def spans(self) -> list[str | None]:
        """Return which span each chat was said to be of, oldest first."""
        return [line["traceparent"] for line in self._lines() if line.get("path") == "/api/chat"]

    def loads(self) -> list[str]:
        """Return what was loaded, as often as it was, oldest first."""
        return [line["loaded"] for line in self._lines() if "loaded" in line]

    def unloads(self) -> list[str]:
        return [line["unloaded"] for line in self._lines() if "unloaded" in line]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]

    def __enter__(self) -> OllamaServer:
        command = [sys.executable, "-m", "tests.support.ollama_server", str(self._rules), str(self._log)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Scheduler:
    """What is in memory, how it was loaded, and how many requests each model is at work with."""

    def __init__(self, log: Path) -> None:
        self.lock = threading.RLock()
        self._idle = threading.Condition(self.lock)
        self._log = log
        self.loaded: dict[str, dict[str, Any]] = {}
        self._working: Counter[str] = Counter()

    def note(self, **line: Any) -> None:
        with self.lock, self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def begin(self, name: str, known: Mapping[str, Any], options: Mapping[str, Any], at_once: int) -> float:
        """Have a model loaded as the options say, and be at work with it; return the seconds that took."""
        started = time.monotonic()
        way = {option: options[option] for option in LOAD_OPTIONS if option in options}
        with self.lock:
            if name in self.loaded and self.loaded[name]["way"] != way:
                self.unload(name)
            while name not in self.loaded and len(self.loaded) >= at_once:
                self.unload(min(self.loaded, key=lambda one: (self._working[one] > 0, one)))
            if name not in self.loaded:
                time.sleep(known.get("load_s", 0.0))
                if "fails" in known:
                    raise RuntimeError(known["fails"])
                context = min(way.get("num_ctx", 4096), known.get("context", 4096))
                self.loaded[name] = {"way": way, "context": context, "digest": known["digest"], "keep_until": 0.0}
                self.note(loaded=name)
            self._working[name] += 1
        return time.monotonic() - started

    def end(self, name: str, keep_alive: float) -> None:
        with self.lock:
            self._working[name] -= 1
            if name in self.loaded:
                self.loaded[name]["keep_until"] = time.time() + keep_alive
            self._idle.notify_all()

    def unload(self, name: str) -> None:
        """Take a model out of memory, as soon as it is not at work any more."""
        with self.lock:
            self._idle.wait_for(lambda: not self._working[name])
            if self.loaded.pop(name, None) is not None:
                self.note(unloaded=name)

    def forget_those_over(self) -> None:
        with self.lock:
            over = [name for name, one in self.loaded.items() if one["keep_until"] < time.time()]
            for name in over:
                if not self._working[name]:
                    self.unload(name)


class _Handler(BaseHTTPRequestHandler):
    rules: Path
    scheduler: Scheduler
    used: ClassVar[Counter[str]] = Counter()
    told: Mapping[str, Any]
    body: Mapping[str, Any]
    name: str

    def do_GET(self) -> None:
        self.told = json.loads(self.rules.read_text("utf-8"))
        self.scheduler.note(path=self.path, body=None)
        self.scheduler.forget_those_over()
        match self.path:
            case "/api/version":
                self._send(200, {"version": "0.99.0"})
            case "/api/tags":
                self._send(200, {"models": [self._listed(name) for name in self.told["models"]]})
            case "/api/ps":
                with self.scheduler.lock:
                    there = [self._running(name, one) for name, one in self.scheduler.loaded.items()]
                self._send(200, {"models": there})
            case _:
                self._send(404, {"error": "404 page not found"})

    def _listed(self, name: str) -> dict[str, Any]:
        known = self.told["models"][name]
        return {"name": name, "model": name, "size": known["size"], "digest": known["digest"], "details": {}}

    def _running(self, name: str, one: Mapping[str, Any]) -> dict[str, Any]:
        known = self.told["models"].get(name, {"size": GIB})
        size = known.get("resident", known["size"])
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one["keep_until"]))
        running = {"name": name, "model": name, "size": size, "size_vram": 0, "digest": one["digest"]}
        return {**running, "details": {}, "expires_at": until, "context_length": one["context"]}

    def do_POST(self) -> None:
        self.told = json.loads(self.rules.read_text("utf-8"))
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = {name: self.headers.get(name) for name in ("authorization", "traceparent")}
        self.scheduler.note(path=self.path, body=self.body, **told)
        self.name = self.body["model"] if ":" in self.body["model"] else f"{self.body['model']}:latest"
        prompt = self._prompt()
        if self.name not in self.told["models"]:
            self._send(404, {"error": f"model '{self.body['model']}' not found"})
        elif not prompt and self.body.get("keep_alive") == 0:
            # The answer comes at once, and the model leaves when it has no work any more.
            threading.Thread(target=self.scheduler.unload, args=(self.name,), daemon=True).start()
            self._send(200, self._line("", done=True, done_reason="unload"))
        else:
            self._work(prompt)

    def _prompt(self) -> str:
        messages = self.body.get("messages")
        return messages[-1]["content"] if messages else self.body.get("prompt", "")

    def _work(self, prompt: str) -> None:
        rule, found = self._rule(prompt) if prompt else ({}, re.search("", ""))
        if rule.get("status"):
            self._send(rule["status"], {"error": rule.get("error", "no")}, rule.get("headers", {}))
            return
        known = self.told["models"][self.name]
        try:
            self.load_s = self.scheduler.begin(
                self.name, known, self.body.get("options", {}), self.told.get("at_once", 3)
            )
        except RuntimeError as error:
            self._send(500, {"error": str(error)})
            return
        try:
            if prompt:
                self._answer(prompt, rule, found)
            else:
                self._send(200, self._line("", done=True, done_reason="load"))
        finally:
            self.scheduler.end(self.name, self.body.get("keep_alive", 300))

    def _rule(self, prompt: str) -> tuple[Mapping[str, Any], Any]:
        for rule in self.told.get("rules", ()):
            found = rule.get("model", self.body["model"]) == self.body["model"] and re.search(
                rule.get("match", ""), prompt
            )
            key = json.dumps(rule)
            if found and self.used[key] < rule.get("times", sys.maxsize):
                self.used[key] += 1
                return rule, found
        return {"text": "hello"}, re.search("", "")

    def _answer(self, prompt: str, rule: Mapping[str, Any], found: re.Match[str]) -> None:
        tokens = len(prompt)  # one for each character
        context = self.scheduler.loaded[self.name]["context"]
        if tokens > context and not self.body.get("truncate", True) and not self.told.get("old"):
            self._send(400, {"error": "the input length exceeds the context length"})
            return
        text = json.dumps(rule["json"]) if "json" in rule else found.expand(rule.get("text", "hello"))
        self.tokens = min(tokens, context)
        getattr(self, "_" + rule.get("behaviour", "ok"))(text)

    def _ok(self, text: str, reason: str = "stop") -> None:
        most = self.body.get("options", {}).get("num_predict", -1)
        if 0 <= most < len(text):
            text, reason = text[:most], "length"
        if not self.body.get("stream", True):
            self._send(200, self._line(text, **self._last(text, reason)))
            return
        self._stream()
        for piece in text:
            self._write_line(self._line(piece, done=False))
        self._write_line(self._line("", **self._last(text, reason)))

    def _length(self, text: str) -> None:
        self._ok(text, "length")

    def _hang(self, _: str) -> None:
        threading.Event().wait()

    def _stall(self, text: str) -> None:
        """Begin an answer, and never go on."""
        self._stream()
        self._write_line(self._line(text, done=False))
        threading.Event().wait()

    def _half_json(self, text: str) -> None:
        self._bytes(json.dumps(self._line(text, **self._last(text, "stop"))).encode()[:-20])

    def _garbage(self, _: str) -> None:
        self._bytes(b"\x00\xff\xfe<html>\x1b[31m" + os.urandom(64))

    def _close(self, _: str) -> None:
        self._head(200, 1000)
        self.wfile.write(b'{"model": ')
        self.connection.close()

    def _wrong_model(self, text: str) -> None:
        self._send(200, {**self._line(text, **self._last(text, "stop")), "model": "another:latest"})

    def _error_in_stream(self, text: str) -> None:
        self._stream()
        self._write_line(self._line(text, done=False))
        self._write_line({"error": "an error was encountered while running the model"})

    def _cut_stream(self, text: str) -> None:
        self._stream()
        self._write_line(self._line(text, done=False))

    def _line(self, text: str, **more: Any) -> dict[str, Any]:
        said: dict[str, Any] = {"response": text}
        if self.path == "/api/chat":
            said = {"message": {"role": "assistant", "content": text}}
        return {"model": self.body["model"], "created_at": "2026-11-30T12:00:00.000000Z", **said, **more}

    def _last(self, text: str, reason: str) -> dict[str, Any]:
        """What the last line says beside the text; a token is a character."""
        return {
            "done": True,
            "done_reason": reason,
            "total_duration": 9_000_000,
            "load_duration": max(1, round(self.load_s * 1e9)),
            "prompt_eval_count": self.tokens,
            "prompt_eval_duration": 3_000_000,
            "eval_count": len(text),
            "eval_duration": 5_000_000,
        }

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

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()  # HTTP/1.0: the end of the connection is the end of the body

    def _write_line(self, line: Mapping[str, Any]) -> None:
        self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are in the log file."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what the tests do."""


def main(arguments: Sequence[str]) -> None:
    """Listen on a free port of the loopback, print it and serve until killed."""
    _Handler.rules, _Handler.scheduler = Path(arguments[0]), Scheduler(Path(arguments[1]))
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        server.serve_forever()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
