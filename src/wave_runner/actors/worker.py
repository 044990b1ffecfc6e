"""The program behind a warm worker: ``python -m wave_runner.actors.worker CHANNEL BOARD PARENT SANDBOX ROOT``.

It splits in two. The child is the worker proper, which loads the script (`harness`). The parent stays small as its
*warden*: it keeps what is printed within bounds, and when the worker ends, the runner ends, or the runner says so
(SIGTERM), it ends everything the script has started. Orphans fall to the warden, so detaching does not help them.

The worker goes into its sandbox, of which the warden stays outside. Where that has namespaces of its own, bubblewrap
makes them around a second start of this program: ``… inside CHANNEL BOARD CONTROL LOG [DOOR] SANDBOX ROOT``.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from wave_runner.actors import bubblewrap, processes, sandbox
from wave_runner.actors.board import Board
from wave_runner.actors.framing import send
from wave_runner.actors.log import BoundedLog
from wave_runner.actors.place import remove
from wave_runner.actors.sandbox import Walls
from wave_runner.core.sandbox import Level, Sandbox

_PIPE_BYTES = 64 * 1024
_STILL_POLL_S = 0.002


def main(channel_fd: int, board_fd: int, parent: int, walls: Walls) -> None:
    """Become warden and worker. `parent` is the runner, which must still be the parent."""
    processes.die_with_parent(parent, signal.SIGTERM)
    processes.adopt_orphans()
    signals = _listen()
    log_in, log_out = os.pipe()
    control, worker_control = socket.socketpair()
    sides = _door(walls)
    warden_pid = os.getpid()
    # Forking is safe here: this process has just begun, with one thread and no connection.
    worker = os.fork()
    if not worker:
        os.close(log_in)
        control.close()
        _become_worker(warden_pid, log_out)
        fds = [channel_fd, board_fd, worker_control.detach(), log_out]
        if sides is not None:
            sides[0].close()
            fds.append(sides[1].detach())
        if walls.sandbox.level is Level.STRICT:
            bubblewrap.enter(walls, fds)
        work(fds, walls)
        return
    os.close(channel_fd)
    os.close(log_out)
    worker_control.close()
    if sides is not None:
        _keep(sides, walls.sandbox)
    namespaces = walls.sandbox.level is Level.STRICT
    Warden(worker, log_in, control, signals, Board(board_fd), namespaces=namespaces).keep()


def work(fds: Sequence[int], walls: Walls) -> None:
    """Load the script from within its sandbox and do what the runner says, until it hangs up."""
    from wave_runner.actors.harness import serve

    channel_fd, board_fd, control_fd, log_out, *door_fd = fds
    for fd in door_fd:
        _go_through(fd)
    serve(channel_fd, board_fd, socket.socket(fileno=control_fd), log_out, walls)


# Few scripts have a door, and each start of a worker would pay for what it imports.


def _door(walls: Walls) -> tuple[socket.socket, socket.socket] | None:
    """Return the two sides of the door of a sandbox that has one."""
    if not walls.sandbox.has_door:
        return None
    from wave_runner.actors import door

    return door.make()


def _keep(sides: tuple[socket.socket, socket.socket], sandbox: Sandbox) -> None:
    from wave_runner.actors import door

    sides[1].close()
    door.keep(sides[0], sandbox)


def _go_through(fd: int) -> None:
    from wave_runner.actors import door

    os.set_inheritable(fd, False)
    door.use(socket.socket(fileno=fd))


def _listen() -> int:
    """Have SIGCHLD and SIGTERM written to a pipe instead of acted upon, and return its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda number, stack: None)
    return reading


def _become_worker(warden_pid: int, log_out: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    processes.die_with_parent(warden_pid, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, target in ((nothing, 0), (log_out, 1), (log_out, 2)):
        os.dup2(fd, target)
    os.close(nothing)


class Warden:
    """Watches one worker until it ends or must end, then leaves nothing of it but a report on standard output."""

    def __init__(
        self, worker: int, log_in: int, control: socket.socket, signals: int, board: Board, *, namespaces: bool
    ) -> None:
        self._worker = worker
        self._log_in = log_in
        self._control = control
        self._signals = signals
        self._board = board
        self._namespaces = namespaces
        self._log = BoundedLog()
        self._status: int | None = None
        os.set_blocking(log_in, False)

    def keep(self) -> None:
        told = self._watch()
        # What the worker itself did, unless it was this warden that ended it.
        status = None if told and self._status is None else self._status
        self._end_all()
        self._drain()
        log = self._log.take().decode("utf-8", "backslashreplace")
        report = {"status": status, "log": log, "trouble": self._clean_up()}
        os.write(1, json.dumps(report).encode())

    def _watch(self) -> bool:
        """Return when the worker has ended (False) or must end (True)."""
        with selectors.DefaultSelector() as selector:
            for source in (self._log_in, self._control, self._signals):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._log_in in ready and self._pump() == 0:
                    selector.unregister(self._log_in)
                if self._signals in ready:
                    told = signal.SIGTERM in os.read(self._signals, 4096)
                    self._reap()
                    if told or self._status is not None:
                        return told
                if self._control in ready and not self._answer():
                    selector.unregister(self._control)

    def _answer(self) -> bool:
        """Give the worker what it has printed. False when it has hung up."""
        if not self._control.recv(1):
            return False
        self._drain()
        send(self._control, self._log.take())
        return True

    def _drain(self) -> None:
        # A background thread may print faster than we read, so stop after what the pipe can have held.
        for _ in range(4):
            if not self._pump():
                return

    def _pump(self) -> int | None:
        """Move what waits in the pipe to the log. Returns its size: None if nothing waits, 0 at the end."""
        self._board.logged += 1  # odd: being read. Said before reading, so that the worker never misses a piece
        try:
            piece = os.read(self._log_in, _PIPE_BYTES)
        except BlockingIOError:
            return None
        else:
            self._log.add(piece)
            return len(piece)
        finally:
            self._board.logged += 1

    def _reap(self) -> bool:
        """Collect children that have ended. False when none is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return True
                if pid == self._worker:
                    ended = os.waitstatus_to_exitcode(status)
                    self._status = bubblewrap.status(ended) if self._namespaces else ended
        except ChildProcessError:
            return False

    def _end_all(self) -> None:
        # Again and again: one that forks while we look gets its child past us, but not past the next look.
        while self._reap():
            processes.kill(processes.descendants(os.getpid()))
            # One that does nothing but fork and end is mostly over by the time that all have been looked at. What has
            # lost its parent is our own child, and those we know faster than anybody forks twice.
            soon = time.monotonic() + _STILL_POLL_S
            while time.monotonic() < soon and self._reap():
                processes.kill(processes.own_children())

    def _clean_up(self) -> str:
        """Remove the private folder that we stand in, as the runner may be dead already. Return what went wrong."""
        try:
            folder = Path.cwd()
        except FileNotFoundError:
            return ""  # the script has removed it
        os.chdir("/")
        try:
            remove(folder)
        except OSError as error:
            return f"cannot remove {folder}: {error}"
        return ""


if __name__ == "__main__":
    *given, wanted, root = sys.argv[1:]
    around = Walls(sandbox.read(wanted), root)
    if given[0] == bubblewrap.INSIDE:
        work([int(fd) for fd in given[1:]], around)
    else:
        channel, board, parent = map(int, given)
        main(channel, board, parent, around)
