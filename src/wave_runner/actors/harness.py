"""What runs inside a worker process: takes calls from the runner, has them done, and sends the results back.

A call is one or more messages of jobs. While it runs, results gather in the board's outbox and leave it when it is
full or the call ends, so that an item costs no round trip of its own; only requests wait for an answer.
"""

from __future__ import annotations

import faulthandler
import fcntl
import io
import logging
import os
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from wave_runner.actors import processes, result
from wave_runner.actors.board import Board
from wave_runner.actors.executable import Executable
from wave_runner.actors.framing import MAX_FRAME, receive, send
from wave_runner.actors.loaded_script import LoadedScript, load
from wave_runner.actors.log import TAKE
from wave_runner.actors.sandbox import SandboxError, Walls
from wave_runner.actors.script_actor import Context, Database, RequestError, Staging
from wave_runner.core.canonical import JsonError, dumps

PROGRESS_S = 0.2
"""At most one message of progress in this time, seconds; the last one (done = total) always goes."""


def serve(channel_fd: int, board_fd: int, control: socket.socket, log_out: int, walls: Walls) -> None:
    """Enter the sandbox, load the script that the first message names, then do calls until the runner hangs up."""
    channel = socket.socket(fileno=channel_fd)
    channel.set_inheritable(False)
    os.set_inheritable(board_fd, False)
    board = Board(board_fd)
    logs = Logs(control, log_out, board)
    with channel, channel.makefile("rb") as stream:
        line = Line(channel, stream)
        script = _load(line, walls)
        if script is not None:
            Harness(line, board, logs, script, walls).serve()
    # Without the interpreter's own ending: a script's exit handlers and threads must not hold the worker up.
    os._exit(0)


class Line:
    """The worker's end of the channel to the runner. Between calls it is closed to the script."""

    def __init__(self, channel: socket.socket, stream: BinaryIO) -> None:
        self._channel = channel
        self._stream = stream
        self._one_at_a_time = threading.Lock()
        self._owner = os.getpid()
        self._in_call = False
        self._told = 0.0

    def receive(self) -> Any:
        """Return the next message, or None when the runner has hung up."""
        data = receive(self._stream)
        return None if data is None else orjson.loads(data)

    def next_call(self) -> list[Any] | None:
        """Wait for all jobs of the next call; None when the runner has hung up."""
        jobs: list[Any] = []
        while (message := self.receive()) is not None:
            jobs += message["jobs"]
            if message["last"]:
                self._in_call = True
                return jobs
        return None

    def end_call(self, data: bytes) -> None:
        # Under the lock, so that no thread of the script waits for an answer when the next call comes in.
        with self._one_at_a_time:
            self._in_call = False
            send(self._channel, data)

    def send(self, data: bytes) -> None:
        with self._one_at_a_time:
            send(self._channel, data)

    def ask(self, index: int, request: str, arguments: dict[str, Any]) -> Any:
        """Send a request for item `index` and wait for its answer."""
        data = _encode_request(index, request, arguments)
        with self._one_at_a_time:
            if os.getpid() != self._owner or not self._in_call:
                raise RequestError(f"{request}: only the worker itself may ask, and only while its items are worked on")
            send(self._channel, data)
            answer = self.receive()
        if answer is None:
            os._exit(0)  # the runner is gone, and with it everything this work was for
        if "refused" in answer:
            raise RequestError(answer["refused"])
        return answer["answer"]

    def tell(self, index: int, done: int, total: int | None, note: str) -> None:
        """Send how far item `index` has come, unless something was told only just now."""
        now = time.monotonic()
        if self._in_call and os.getpid() == self._owner and (now - self._told >= PROGRESS_S or done == total):
            self._told = now
            self.send(
                orjson.dumps(
                    {"progress": [int(done), total and int(total), result.readable(note, 500)], "index": index}
                )
            )


class Logs:
    """What the script prints goes to the warden; here it is fetched back, item by item."""

    def __init__(self, control: socket.socket, log_out: int, board: Board) -> None:
        self._control = control
        self._stream = control.makefile("rb")
        self._log_out = log_out
        self._board = board
        self._seen = board.logged
        self._streams = sys.stdout, sys.stderr = _text(1), _text(2)
        faulthandler.enable(sys.stderr)
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")

    def take(self) -> bytes:
        """Return what was printed since the last time. Costs next to nothing if that is nothing."""
        for stream in self._streams:
            stream.flush()
        # The pipe before the number: what the warden has read in between has changed the number by then.
        if not _waiting(self._log_out) and self._board.logged == self._seen:
            return b""
        self._control.sendall(TAKE)
        log = receive(self._stream) or b""
        self._seen = self._board.logged
        return log


class Harness:
    """Does one call after the other with one loaded script."""

    def __init__(self, line: Line, board: Board, logs: Logs, script: LoadedScript | Executable, walls: Walls) -> None:
        self._line = line
        self._board = board
        self._logs = logs
        self._script = script
        self._walls = walls
        self._pid = os.getpid()
        self._log = logging.getLogger("wave")

    def serve(self) -> None:
        while (jobs := self._line.next_call()) is not None:
            if isinstance(self._script, LoadedScript) and self._script.takes_waves:
                self._do_wave(self._script, jobs)
            else:
                self._do_each(jobs)
            self._board.rest()
            self._flush()
            self._line.end_call(orjson.dumps({"end": True, "children": _children()}))

    def _do_each(self, jobs: list[Any]) -> None:
        for index, job in enumerate(jobs):
            begun = time.monotonic_ns()
            self._board.begin(index, begun)
            self._post(index, self._perform(index, job), begun, 1)

    def _perform(self, index: int, job: Any) -> bytes:
        if isinstance(self._script, Executable):
            return self._script.perform(job["input"], job.get("traceparent", ""))
        return self._script.perform(job["input"], self._context(self._script, index, job))

    def _do_wave(self, script: LoadedScript, jobs: list[Any]) -> None:
        begun = time.monotonic_ns()
        self._board.begin(0, begun)
        contexts = [self._context(script, index, job) for index, job in enumerate(jobs)]
        for index, encoded in enumerate(script.perform_wave([job["input"] for job in jobs], contexts)):
            self._post(index, encoded, begun, len(jobs))

    def _post(self, index: int, encoded: bytes, begun_ns: int, share: int) -> None:
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the script forked and that came back from `process` as if it were the worker
        service_us = (time.monotonic_ns() - begun_ns) // (1000 * share)
        log = self._logs.take()
        wrapped = result.wrap(index, encoded, service_us, log, suspected=self._walls.suspected(log))
        if not self._board.post(wrapped):
            self._flush()
            if not self._board.post(wrapped):
                self._line.send(b'{"results":[%b]}' % wrapped)

    def _flush(self) -> None:
        outbox = self._board.outbox
        if outbox != b"[]":
            self._line.send(b'{"results":%b}' % outbox)
            self._board.empty()

    def _context(self, script: LoadedScript, index: int, job: Any) -> Context:
        actor = script.actor
        ask = self._asking(index) if actor.database or actor.staging else None
        return Context(
            record=job["record"],
            run=job["run"],
            attempt=job["attempt"],
            traceparent=job.get("traceparent", ""),
            log=self._log,
            database=Database(ask) if ask and actor.database else None,
            staging=Staging(ask, job.get("position"), job.get("max_raw_bytes")) if ask and actor.staging else None,
            tell=lambda done, total, note: self._line.tell(index, done, total, note),
        )

    def _asking(self, index: int) -> Callable[[str, dict[str, Any]], Any]:
        return lambda request, arguments: self._line.ask(index, request, arguments)


def _load(line: Line, walls: Walls) -> LoadedScript | Executable | None:
    """Enter the sandbox, load the script and tell the runner how it went."""
    wanted = line.receive()
    if wanted is None:
        return None
    root, entry, cap = Path(wanted["root"]), wanted["entry"], wanted["max_output_bytes"]
    try:
        # First of all: nothing of the script may run outside.
        walls.enter()
        script = Executable(root / entry, cap) if wanted["executable"] else load(root, entry, cap, walls)
    except SandboxError as error:
        line.send(orjson.dumps({"unusable": {"message": str(error), "traceback": ""}}))
        return None
    except BaseException as error:  # noqa: BLE001  # importing runs the script's own code, which may raise anything
        said = result.with_note(result.message(error), walls.refused(error))
        trouble = {"message": said, "traceback": result.script_traceback(error)}
        line.send(orjson.dumps({"unusable": {name: result.readable(text, 8000) for name, text in trouble.items()}}))
        return None
    waves = isinstance(script, LoadedScript) and script.takes_waves
    line.send(orjson.dumps({"ready": {"pid": os.getpid(), "waves": waves}}))
    return script


def _encode_request(index: int, request: str, arguments: dict[str, Any]) -> bytes:
    try:
        data = dumps({"ask": request, "index": index, "arguments": arguments}, default=result.plain)
    except JsonError as error:
        raise ValueError(f"{request}: {error}") from error
    if len(data) > MAX_FRAME:
        raise ValueError(f"{request}: {len(data):,} bytes in one go, {MAX_FRAME:,} are allowed")
    return data


class _KeptOpen(io.BufferedWriter):
    """Stays open whatever a script does: one that closes its stdout must not make the items after it fail."""

    def close(self) -> None:
        self.flush()


def _text(fd: int) -> io.TextIOWrapper:
    # What a script prints must never fail on a character, and must be out when the process dies.
    file = _KeptOpen(io.FileIO(fd, "w", closefd=False))
    return io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _waiting(fd: int) -> int:
    """Return the number of bytes in a pipe that nobody has read yet."""
    count: int = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]
    return count


def _children() -> int:
    """Return how many live processes the script has left: our own, and orphans that fell to the warden."""
    return len(processes.children(os.getpid())) + len(processes.children(os.getppid())) - 1
