"""Model servers that misbehave: one record is given up by name, no other is the worse for it (fault F16).

Each server of this zoo listens on a port of its own, and answers six records of a workflow of its own. It goes wrong
with one of them. One real runner asks all of the servers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.crash.test_actor_zoo import (
    COMPLETED,
    CULPRIT,
    KEYS,
    SAVE,
    TIMED_OUT,
    TRANSIENT,
    Expected,
    Fate,
    Zoo,
    after_runs,
    broken,
    check,
    check_the_whole,
)

Answer = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What is sent before the connection is closed, or what talks by itself."""

REFUSED: Fate = ("failed", "permanent", None)
UNUSABLE: Fate = ("failed", "invalid_output", None)

SCHEMA = {
    "type": "object",
    "properties": {"words": {"type": "integer"}, "note": {"type": "string"}},
    "required": ["words"],
    "additionalProperties": False,
}
FILES = {
    "actors/save.py": SAVE,
    "prompts/ask.md": "How many words? {{ name }}",
    "schemas/words.json": json.dumps(SCHEMA),
}
STEPS = """\
  {name}:
    {{model: {name}, prompt: prompts/ask.md, input: {{name: record.name}}, output: schemas/words.json, next: save}}
  save: {{actor: save, input: {{to: params.to, words: {name}.words}}, writes: [items.{name}], next: end}}
"""
SERVER = """
[servers.{name}]
driver = "openai"
url = "{url}"
slots = 2

[models.{name}]
server = "{name}"
model = "m"
max_attempts = {attempts}
timeout_s = {timeout_s}
options = {{api = "chat"}}
"""


def http(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> bytes:
    """Return an HTTP answer; `length` is what it says of the body's."""
    told = {"Content-Length": str(len(body) if length is None else length), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode() + body


def chunked(*chunks: bytes, whole: bool) -> bytes:
    """Return an HTTP answer in chunks, with the last of them or without."""
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, *([b""] if whole else [])))
    return b"HTTP/1.1 200 Told\r\nTransfer-Encoding: chunked\r\n\r\n" + sent


def completion(text: str | None, finish: str = "stop", **beside: Any) -> bytes:
    """Return the body of a chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return json.dumps({"model": "m", "choices": [choice], **beside}).encode()


WORDS = completion('{"words": 4}')
GOOD = http(WORDS)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the other side has had enough."""
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then: never silent for long, and never done."""
    writer.write(http(b"", length=10**6))
    while True:
        writer.write(b" ")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.02)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send an answer that has no end."""
    writer.write(b"HTTP/1.1 200 Told\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Break off in the middle, as the kernel does for a process that was killed."""
    writer.write(GOOD[:-20])
    await writer.drain()
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


@dataclass(frozen=True, kw_only=True)
class Server:
    """What the culprit is answered, one answer after the other and the last for good, and what becomes of it."""

    answers: Sequence[Answer]
    expected: Expected
    attempts: int
    timeout_s: float


def server(
    *answers: Answer, fate: Fate, says: str = "", attempts: int = 1, counted: bool = True, timeout_s: float = 30
) -> Server:
    """Return a server that is asked at most so often; where it is not `counted`, what it refuses costs no attempt."""
    expected = Expected(fate=fate, says=says, attempts=attempts if counted else None)
    return Server(answers=answers, expected=expected, attempts=attempts, timeout_s=timeout_s)


SERVERS = {
    "fails_once": server(http(b"no", 500), GOOD, fate=COMPLETED, attempts=2),
    "fails_always": server(http(b"no", 500), fate=TRANSIENT, says="answered 500: no", attempts=2),
    "limits_the_rate": server(
        *2 * [http(b"no", 429, Retry_After="0.1")], GOOD, fate=COMPLETED, attempts=3, counted=False
    ),
    "is_overloaded": server(*2 * [http(b"no", 503)], GOOD, fate=COMPLETED, attempts=3, counted=False),
    "hangs": server(hang, fate=TIMED_OUT, says="within 3 s", timeout_s=3),
    "drips": server(drip, fate=TIMED_OUT, says="within 3 s", timeout_s=3),
    "floods": server(flood, fate=UNUSABLE, says="more than 16,777,216 bytes"),
    "resets": server(reset, fate=TRANSIENT, says="broke"),
    "hangs_up": server(b"", fate=TRANSIENT, says="broke"),
    "stops_short": server(http(WORDS[:-1], length=len(WORDS)), fate=TRANSIENT, says="broke"),
    "stops_in_a_chunk": server(chunked(WORDS, whole=False), fate=TRANSIENT, says="broke"),
    "speaks_no_http": server(b"SSH-2.0-OpenSSH_9.9\r\n", fate=TRANSIENT, says="broke"),
    "sends_half_json": server(http(WORDS[:-20]), fate=TRANSIENT, says="no completion"),
    "sends_no_text": server(http(completion(None, "tool_calls")), fate=UNUSABLE, says="without a text"),
    "sends_no_choices": server(http(b'{"choices": []}'), fate=TRANSIENT, says="no completion"),
    "sends_no_utf_8": server(http(completion("\ud800").replace(b"\\ud800", b"\xe9")), fate=TRANSIENT),
    "sends_an_error": server(http(b'{"error": {"message": "busy"}}'), fate=TRANSIENT, says="busy"),
    "answers_in_words": server(http(completion("Four words.")), fate=broken("invalid_json")),
    "answers_otherwise": server(http(completion('{"words": "four"}')), fate=broken("output_schema"), says="$.words"),
    "answers_a_nul": server(
        http(completion(r'{"words": 4, "note": "\u0000"}')), fate=broken("unstorable_text"), says="NUL"
    ),
    "is_cut_off": server(http(completion('{"words": 4}', "length")), fate=broken("truncated", "truncated")),
    "redirects": server(http(b"", 307, Location="/elsewhere"), fate=REFUSED, says="answered 307"),
    # Not wrong, but seldom: to be understood.
    "sends_bytes": server(chunked(*(bytes([one]) for one in WORDS), whole=True), fate=COMPLETED),
    "hesitates": server(20 * b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, fate=COMPLETED),
    "calls_itself_no_text": server(http(completion('{"words": 4}', system_fingerprint=chr(0xD800))), fate=COMPLETED),
    # Many servers know their model by a longer name than the one they are asked for, so this says nothing.
    "names_another_model": server(http(WORDS.replace(b'"m"', b'"another"')), fate=COMPLETED),
}

# Each of these has once ended the runner itself, and with it all work of all runs.
NO_TIME = "Wed, 21 Oct 2015 07:28:00 +99999999999999999999"
TOO_WILD = {
    "waits_for_no_time": server(http(b"no", 429, Retry_After=NO_TIME), GOOD, fate=COMPLETED, attempts=2, counted=False),
    "answers_at_no_time": server(
        http(WORDS, Date=NO_TIME, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), fate=COMPLETED
    ),
}


@dataclass
class Listening:
    """A server on its port, and how often it was asked for which record; other paths count by themselves."""

    server: Server
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    async def open(self) -> asyncio.Server:
        opened = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{opened.sockets[0].getsockname()[1]}/v1"
        return opened

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"(?i)content-length: (\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            answer = self._answer(head.split()[1], body.decode())
            if callable(answer):
                await answer(reader, writer)
            else:
                writer.write(answer)
                await writer.drain()

    def _answer(self, path: str, body: str) -> Answer:
        if path == "/v1/models":
            return http(b'{"object": "list", "data": [{"id": "m"}]}')
        key = re.search(r"item \d+", body)
        asked = key[0] if key and path == "/v1/chat/completions" else path
        self.asked[asked] += 1
        answers = self.server.answers
        return answers[min(self.asked[asked], len(answers)) - 1] if asked == CULPRIT else GOOD


@contextlib.contextmanager
def listening(servers: Mapping[str, Server]) -> Iterator[Mapping[str, Listening]]:
    """Have servers listen while the block lasts, in a thread of their own."""
    all_of_them = {name: Listening(server=one) for name, one in servers.items()}
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for one in all_of_them.values():
                await stack.enter_async_context(await one.open())
            ended = asyncio.Event()
            ready.set_result((asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    loop, ended = ready.result()
    try:
        yield all_of_them
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The zoo after its runs, and the servers with what they were asked."""

    zoo: Zoo
    servers: Mapping[str, Listening]


@contextlib.contextmanager
def asked(servers: Mapping[str, Server], admin_url: str, template: str, place: Path) -> Iterator[Asked]:
    """Give a project with a workflow for each server, after a run of each."""
    with listening(servers) as all_of_them:
        toml = "".join(
            SERVER.format(name=name, url=all_of_them[name].url, attempts=one.attempts, timeout_s=one.timeout_s)
            for name, one in servers.items()
        )
        steps = {name: STEPS.format(name=name) for name in servers}
        with after_runs(admin_url, template, place / "project", toml=toml, steps=steps, files=FILES) as zoo:
            yield Asked(zoo=zoo, servers=all_of_them)


def check_server(done: Asked, name: str, server: Server) -> None:
    """Records are as they must be, and the server was asked once for each, and for the culprit as often as it may."""
    check(done.zoo, name, server.expected)
    asked = done.servers[name].asked
    assert asked == dict.fromkeys(KEYS, 1) | {CULPRIT: server.expected.attempts or asked[CULPRIT]}


@pytest.fixture(scope="module")
def done(session_database: str, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """All servers, after their runs."""
    with asked(SERVERS, session_database, migrated, tmp_path_factory.mktemp("zoo")) as opened:
        yield opened


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_misbehaves_costs_no_other_record_anything(done: Asked, name: str) -> None:
    check_server(done, name, SERVERS[name])


def test_nothing_is_left_of_what_was_asked(done: Asked) -> None:
    check_the_whole(done.zoo)


@pytest.mark.parametrize("name", TOO_WILD)
def test_a_server_that_is_too_wild_does_not_end_the_runner(
    name: str, session_database: str, migrated: str, tmp_path: Path
) -> None:
    with asked({name: TOO_WILD[name]}, session_database, migrated, tmp_path) as opened:
        check_server(opened, name, TOO_WILD[name])
        check_the_whole(opened.zoo)
