"""Actors that are any executable: one process per item, the input as JSON on stdin, the output as JSON on stdout.

Exit code 0 says that stdout is the result; everything on stderr is log. Runs inside a worker process, whose warden
ends what the executable may leave behind.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from wave_runner.actors import result
from wave_runner.core.canonical import JsonError, parse_json
from wave_runner.core.outcome import ErrorClass

_PIECE = 64 * 1024


@dataclass(frozen=True)
class _Answer:
    stdout: bytes
    status: int
    too_large: bool


class Executable:
    """One executable file of a project, run once per item."""

    def __init__(self, path: Path, max_output_bytes: int) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is not there")
        if not os.access(path, os.X_OK):
            raise PermissionError(f"{path.name} is not executable: run `chmod +x` on it")
        self._path = path
        self._cap = max_output_bytes

    def perform(self, item: Mapping[str, Any], traceparent: str = "") -> bytes:
        """Run it on one item and return the encoded result; `traceparent` is in its environment, if there is one."""
        try:
            answer = self._run(orjson.dumps(item), {"TRACEPARENT": traceparent} if traceparent else {})
        except OSError as error:
            return result.failure(ErrorClass.PERMANENT, f"{self._path.name} cannot be started: {error.strerror}")
        if answer.too_large:
            said = f"wrote more than {self._cap:,} bytes to stdout and was ended; {result.MORE_OUTPUT}"
            return result.breach("output_too_large", said)
        if answer.status:
            message = f"{self._path.name} {describe_status(answer.status)}"
            return result.failure(ErrorClass.TRANSIENT, message, quote=True)
        return _read(answer.stdout)

    def _run(self, document: bytes, more: Mapping[str, str]) -> _Answer:
        with subprocess.Popen(
            [self._path],
            env={**os.environ, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        ) as process:
            stdout, too_large = _converse(process, document, self._cap)
            # Whoever is left of its process group would hold the next item up; those who left it, the warden finds.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return _Answer(stdout=stdout, status=process.wait(), too_large=too_large)


def describe_status(status: int) -> str:
    """Say in words how a process ended, from its exit code (negative: the signal that killed it)."""
    if status < 0:
        return f"was killed by {_signal(-status)}"
    return f"exited with status {status}"


def _read(stdout: bytes) -> bytes:
    """Judge what an executable wrote. Another try may be better, except where the value itself cannot be stored."""
    if not stdout.strip():
        return result.breach("no_output", "exited with status 0 but wrote nothing to stdout", retry=True)
    kept = [("answer", "application/json", stdout[: result.KEPT_CHARS].decode("utf-8", "backslashreplace"))]
    try:
        value = parse_json(stdout)
        if isinstance(value, dict):
            return result.done(value)
    except JsonError as error:
        again = error.rule in {"invalid_json", "duplicate_key"}
        return result.breach(error.rule, f"stdout {error}", retry=again, evidence=kept)
    return result.breach("invalid_output", f"stdout is a JSON {type(value).__name__}, not an object", evidence=kept)


def _converse(process: subprocess.Popen[bytes], document: bytes, cap: int) -> tuple[bytes, bool]:
    """Write the document and read stdout until the process ends, or has written more than `cap` bytes.

    Waits for the process and not for the end of stdout: a child it left behind may hold stdout open for ever.
    """
    assert process.stdin
    assert process.stdout
    written, stdout = 0, bytearray()
    with selectors.DefaultSelector() as selector, _ended(process.pid) as ended:
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while len(stdout) <= cap:
            ready = {key.fileobj for key, _ in selector.select()}
            if process.stdin in ready:
                written += _write(process.stdin.fileno(), document[written : written + _PIECE])
                if written >= len(document):
                    selector.unregister(process.stdin)
                    process.stdin.close()
            if process.stdout in ready:
                piece = os.read(process.stdout.fileno(), _PIECE)
                stdout += piece
                if not piece:
                    selector.unregister(process.stdout)
            elif ended in ready:
                break
    return bytes(stdout), len(stdout) > cap


@contextlib.contextmanager
def _ended(pid: int) -> Any:
    """A descriptor that becomes readable when the process ends."""
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def _write(fd: int, piece: bytes) -> int:
    try:
        return os.write(fd, piece)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(piece)  # it does not want its input, which is its own affair


def _signal(number: int) -> str:
    """Return a signal's name; those for real-time use have none."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
