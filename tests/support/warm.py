"""`wave` commands without the second that each takes to import what it needs.

They are processes of their own, forked from one that has imported it all. What a command does while it starts is tested
where it is started by its name: `tests/cli/`, `tests/e2e/`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

SERVER = Path(__file__).with_name("warm_server.py")
WAVE = Path(sys.executable).with_name("wave")
CLIENT = Path(__file__).with_name("warm_wave.py")
PATIENCE_S = 280
PRELOADED = "LD_PRELOAD"  # what is to be loaded before all else is of no use to a process that has begun


class Started:
    """A command that is at work: what `subprocess.Popen` says of it and does to it, under the same names."""

    def __init__(self, arguments: Sequence[str], told: socket.socket, stdout: TextIO, stderr: TextIO) -> None:
        self.args = ["wave", *arguments]
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._told = told
        self._told.settimeout(PATIENCE_S)
        self.pid = int(_line(told))

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(int(_line(self._told)))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        return self.stdout.read(), self.stderr.read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def started(*words: str | os.PathLike[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[str] | Started]:
    """Give a `wave` command that is at work, what it says to be read; killed at the end if it still runs."""
    arguments = [os.fspath(word) for word in words]
    if PRELOADED in env:
        command = [WAVE, *arguments]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()
        return
    with (
        _pipe() as (out, to_out),
        _pipe() as (err, to_err),
        _begun(arguments, env, ".", to_out.fileno(), to_err.fileno()) as told,
    ):
        to_out.close()
        to_err.close()
        begun = Started(arguments, told, out, err)
        try:
            yield begun
        finally:
            begun.kill()
            begun.wait(PATIENCE_S)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[TextIO, TextIO]]:
    reads, writes = os.pipe()
    with os.fdopen(reads) as ours, os.fdopen(writes, "w") as theirs:
        yield ours, theirs


def wave(
    *words: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] = ".",
    timeout: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Do one `wave` command and wait for its end, as `subprocess.run` does; it is killed when its time is over."""
    arguments = [os.fspath(word) for word in words]
    env = dict(os.environ if env is None else env)
    if PRELOADED in env:
        command = [WAVE, *arguments]
        return subprocess.run(command, env=env, cwd=cwd, timeout=timeout, capture_output=True, text=True, check=False)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _begun(arguments, env, cwd, out.fileno(), err.fileno()) as told:
            told.settimeout(PATIENCE_S)
            pid = int(_line(told))
            told.settimeout(timeout)
            try:
                status = int(_line(told))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                told.settimeout(PATIENCE_S)
                _line(told)
                raise subprocess.TimeoutExpired(["wave", *arguments], timeout) from None
        texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return subprocess.CompletedProcess(["wave", *arguments], os.waitstatus_to_exitcode(status), *texts)


@contextlib.contextmanager
def _begun(
    arguments: Sequence[str], env: Mapping[str, str], cwd: str | os.PathLike[str], out: int, err: int
) -> Iterator[socket.socket]:
    """Have a command begun; give the socket that tells its number, and then the status that it ends with."""
    command = {"words": arguments, "env": dict(env), "cwd": str(Path(cwd).absolute())}
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open() as nothing:
        descriptors = [nothing.fileno(), out, err, theirs.fileno()]
        socket.send_fds(_server()[0], [json.dumps(command).encode()], descriptors)
        theirs.close()
        yield ours


@contextlib.contextmanager
def command() -> Iterator[Path]:
    """Give a folder for PATH, while the block lasts, with such a `wave` for whatever starts it by its name."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        address, script = f"{folder}/socket", Path(folder) / "wave"
        listening.bind(address)
        listening.listen()
        client = shlex.join([sys.executable, "-IS", str(CLIENT), address])
        script.write_text(f'#!/bin/sh\nexec {client} "$@"\n', encoding="utf-8")
        script.chmod(0o700)
        number = listening.fileno()
        with subprocess.Popen([sys.executable, SERVER, "listen", str(number)], pass_fds=[number]) as server:
            try:
                yield Path(folder)
            finally:
                server.kill()


@functools.cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Return our end of the socket, and the process at the other one: it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, SERVER, "serve", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    atexit.register(_end, ours, process)
    return ours, process


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    process.kill()
    process.wait()


def _line(told: socket.socket) -> bytes:
    """Return one line of what is told, and not a byte of the next."""
    line = b""
    while not line.endswith(b"\n"):
        piece = told.recv(1)
        assert piece, "the process that becomes commands has ended"
        line += piece
    return line
