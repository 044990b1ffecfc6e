"""Landlock: rights over files, connections and signals that a process gives up for itself and all that it starts.

The kernel's own description: https://docs.kernel.org/userspace-api/landlock.html. Nothing here can be taken back.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every kind of machine
_VERSION = 1
_PATH_BENEATH = 1
_TCP = 1 << 0 | 1 << 1  # bind, connect
_SCOPED = 1 << 0 | 1 << 1  # sockets without a path, signals

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL = (1 << bit for bit in (0, 1, 2, 3, 14, 15))
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL

LIST = _READ_DIR
READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = (1 << 16) - 1


def version() -> int:
    """Return the version of the interface that the kernel has, 0 where it has none or has it switched off."""
    return max(0, int(_libc().syscall(_CREATE, None, 0, _VERSION)))


class Ruleset:
    """What is let through; everything else is not. Of the network: nothing, or with `network` everything."""

    def __init__(self, version: int, *, network: bool) -> None:
        # From 2: moving between folders; from 3: truncating; from 5: control of devices.
        self._files = (1 << 13 + sum(version >= newer for newer in (2, 3, 5))) - 1
        tcp = _TCP if version >= 4 and not network else 0
        scoped = _SCOPED if version >= 6 else 0
        size = 24 if version >= 6 else 16 if version >= 4 else 8
        attributes = struct.pack("QQQ", self._files, tcp, scoped)[:size]
        self._fd = _checked(_libc().syscall(_CREATE, attributes, len(attributes), 0), "landlock_create_ruleset")

    def allow(self, path: str, rights: int) -> None:
        """Let a file, or a folder with all below it, be used. Raises `OSError` where it is not there."""
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(beneath).st_mode):
                rights &= _OF_FILES
            rule = struct.pack("=Qi", rights & self._files, beneath)
            _checked(_libc().syscall(_ADD, self._fd, _PATH_BENEATH, rule, 0), f"landlock_add_rule {path}")
        finally:
            os.close(beneath)

    def enforce(self) -> None:
        """Give everything else up. The calling thread must be the only one, and can gain no privileges any more."""
        _checked(_libc().syscall(_RESTRICT, self._fd, 0), "landlock_restrict_self")
        os.close(self._fd)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer
