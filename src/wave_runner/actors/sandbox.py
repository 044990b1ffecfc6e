"""The sandbox of a worker: what it opens, how a worker enters it, and what to say to a script that it has stopped.

A worker enters it by itself, after it has been forked and before it has read a byte of the script, so what holds for
it holds for all that the script starts. Its warden stays outside.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wave_runner.actors import landlock, syscalls
from wave_runner.core.sandbox import Level, Sandbox

# What programs need that do no harm: themselves, their libraries, the names of hosts, certificates, the time.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/proc"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/alternatives", "/etc/fonts"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/locale.conf", "/etc/mime.types"),
    *("/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/os-release"),
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_SCRATCH = ("/tmp", "/dev/shm")  # noqa: S108  in namespaces of their own, where nobody else sees them

_REFUSALS = (errno.EACCES, errno.EPERM)
_SAID = ("Permission denied", "Operation not permitted", "Temporary failure in name resolution")


class SandboxError(Exception):
    """The sandbox cannot be entered as it was asked for, so the script is not run."""


class NotOpenError(PermissionError):
    """A script has asked for a host that it may not ask. `declaration`, if any, in wave.toml would open it."""

    def __init__(self, message: str, *, declaration: str) -> None:
        super().__init__(errno.EACCES, message)
        self.declaration = declaration


@dataclass(frozen=True)
class Openings:
    """What a sandbox lets through: paths to be read, folders to be listed, and paths to be written."""

    read: tuple[str, ...]
    listed: tuple[str, ...]
    written: tuple[str, ...]


def openings(sandbox: Sandbox, *, root: str, folder: str) -> Openings:
    """Return what a worker may use whose script lies below `root` and whose own folder is `folder`."""
    for path in sandbox.may_write:
        if not Path(path).exists():
            raise SandboxError(f"`may_write` of {sandbox.script} names {path}, which is not there: make it")
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path)
    wanted = (*_SYSTEM, *python, *_shown(sandbox.project), root, *sandbox.may_read)
    return Openings(
        read=tuple(path for path in dict.fromkeys(wanted) if Path(path).exists()),
        listed=tuple(path for path in (sandbox.project,) if path),
        written=(folder, *DEVICES, *(_SCRATCH if sandbox.level is Level.STRICT else ()), *sandbox.may_write),
    )


def _shown(project: str) -> list[str]:
    """Return what lies in the project's folder and is not hidden, as .env and .wave with their secrets are."""
    return [f"{project}/{name}" for name, _ in _entries(project)]


def seen(sandbox: Sandbox) -> tuple[tuple[str, int], ...]:
    """Return what a worker that starts now is shown of its project: it is not shown what comes there later."""
    return () if sandbox.level is Level.NONE else _entries(sandbox.project)


def _entries(project: str) -> tuple[tuple[str, int], ...]:
    if not Path(project or "/nowhere").is_dir():
        return ()
    with os.scandir(project) as found:
        return tuple(sorted((one.name, one.inode()) for one in found if not one.name.startswith(".")))


def write(sandbox: Sandbox) -> str:
    """Return a sandbox as a text that `read` understands."""
    return json.dumps(asdict(sandbox))


def read(text: str) -> Sandbox:
    """Return the sandbox that `write` has written."""
    given: dict[str, Any] = json.loads(text)
    paths = {name: tuple(given[name]) for name in ("may_read", "may_write")}
    hosts = {name: tuple((host, port) for host, port in given[name]) for name in ("hosts", "private_hosts")}
    return Sandbox(**{**given, **paths, **hosts, "level": Level(given["level"])})


class Walls:
    """The sandbox of this process, which holds for all that it starts."""

    def __init__(self, sandbox: Sandbox, root: str) -> None:
        self.sandbox = sandbox
        self.root = root
        self._openings = Openings((), (), ())

    def enter(self) -> None:
        """Enter it for good, from a process with one thread. Raises `SandboxError` where any part of it fails."""
        sandbox = self.sandbox
        if sandbox.memory is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (sandbox.memory, sandbox.memory))
        if sandbox.level is Level.NONE:
            return
        if len(list(Path("/proc/self/task").iterdir())) != 1:
            raise SandboxError("the worker has other threads already, which would stay outside its sandbox")
        if (found := landlock.version()) != sandbox.landlock:
            raise SandboxError(f"the kernel has version {found} of Landlock, and the runner found {sandbox.landlock}")
        self._openings = openings(sandbox, root=self.root, folder=str(Path.cwd()))
        try:
            syscalls.gain_nothing()
            syscalls.drop_capabilities()
            self._close_in_files()
            syscalls.filter_calls(network=sandbox.network)
        except OSError as error:
            raise SandboxError(f"the sandbox of {sandbox.script} cannot be entered: {error}") from error

    def _close_in_files(self) -> None:
        ruleset = landlock.Ruleset(self.sandbox.landlock, network=self.sandbox.network)
        for paths, rights in (
            (self._openings.read, landlock.READ),
            (self._openings.listed, landlock.LIST),
            (self._openings.written, landlock.WRITE),
        ):
            for path in paths:
                with contextlib.suppress(FileNotFoundError):  # of a device, or gone meanwhile: then it stays closed
                    ruleset.allow(path, rights)
        ruleset.enforce()

    def refused(self, error: BaseException) -> str:
        """Return what a sandbox has to do with an exception, and which declaration would help; "" for nothing."""
        if self.sandbox.level is Level.NONE:
            return ""
        return next(filter(None, map(self._refused, _chain(error))), "")

    def suspected(self, log: bytes) -> str:
        """Return the same for what a program has printed, of which less is known."""
        if self.sandbox.level is Level.NONE or not any(said.encode() in log for said in _SAID):
            return ""
        return self._told("if that was its sandbox", "`may_read`, `may_write` or `network`", "opens it")

    def _refused(self, error: BaseException) -> str:
        if isinstance(error, NotOpenError):
            if error.declaration:
                return self._told("its sandbox opens the hosts alone that are named", f"`{error.declaration}`")
            return self._told("its sandbox opens nothing that belongs to a link", "`network = true`", "opens all")
        if isinstance(error, socket.gaierror):
            return "" if self.sandbox.network else self._without_network()
        # In a namespace of its own, what is not open to it is not there, and the system is read-only.
        refusals = (*_REFUSALS, errno.ENOENT, errno.EROFS) if self.sandbox.level is Level.STRICT else _REFUSALS
        if not isinstance(error, OSError) or error.errno not in refusals:
            return ""
        if isinstance(error.filename, str | bytes):
            return self._closed(os.path.realpath(os.fsdecode(error.filename)), gone=error.errno == errno.ENOENT)
        if error.errno == errno.EPERM:
            return self._told(
                "its sandbox keeps its signals among its own processes, and lets it be root nowhere",
                '`sandbox = "none"`',
                "lifts that",
            )
        if self.sandbox.network:
            return self._told("its sandbox has sockets of the internet alone", '`sandbox = "none"`', "lifts that")
        return self._without_network()

    def _without_network(self) -> str:
        if self.sandbox.has_door:
            what = "its sandbox connects by socket.create_connection alone, as urllib, http.client and httpx do"
            return self._told(what, "`network = true`", "opens whatever connects otherwise, and to all hosts")
        return self._told("its sandbox has no network", "`network = true`, or the names of hosts,")

    def _closed(self, path: str, *, gone: bool) -> str:
        """Say what closes a path; `gone`: to the script there is nothing there, which may be the plain truth."""
        if path.startswith("/proc/"):
            return self._told(
                "its sandbox lets it look into its own processes alone", '`sandbox = "none"`', "lifts that"
            )
        read, written = _nearest(path, self._openings.read), _nearest(path, self._openings.written)
        own = written > read and not (gone and _nearest(path, _SCRATCH))
        if own or (gone and (read or self._is_shown(path))):
            return ""
        if read:
            return self._told("its sandbox lets it read that, and not write", f'`may_write = ["{path}"]`')
        declared = f'`may_read = ["{path}"]` or `may_write`'
        return self._told("its sandbox keeps it to the project, the system and a folder of its own", declared)

    def _is_shown(self, path: str) -> bool:
        """Say whether a path lies in the project's folder and is not hidden there."""
        project = os.path.realpath(self.sandbox.project or "/nowhere")
        return bool(_nearest(path, (project,))) and not os.path.relpath(path, project).startswith(".")

    def _told(self, what: str, declaration: str, helps: str = "opens it") -> str:
        return f"{what}: {declaration} in [scripts.{self.sandbox.script}] of wave.toml {helps}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what has led to it, the nearest cause first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__context__, one.__cause__, getattr(one, "reason", None)]


def _nearest(path: str, folders: tuple[str, ...]) -> int:
    """Return the length of the longest of these paths that this one is, or lies below; 0 where it is none's."""
    real = map(os.path.realpath, folders)
    return max((len(one) for one in real if path == one or path.startswith(f"{one.rstrip('/')}/")), default=0)
