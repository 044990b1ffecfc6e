"""System calls that a process and all that it starts lose: a filter in the kernel (seccomp), and its capabilities.

Landlock knows neither datagrams nor sockets that are files, so it is here that a script without `network` gets no
socket at all, and one with it none but those of the internet. `socketpair`, which leads nowhere, stays, but for
datagrams, which could be sent elsewhere. A connection that was handed in (`door`) stays where it leads: without
`network` nothing is connected, nor by sending, which may connect too (TCP Fast Open). Nor are there namespaces of
users, in which a script would be root before a kernel that is seldom asked so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 38, 22
_MODE_FILTER = 2
_CAPABILITIES_VERSION = 0x20080522
_CAP_DAC_OVERRIDE = 1

_LOAD, _EQUAL, _AT_LEAST, _HAS, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
# Where the kernel puts them: the low halves of the arguments.
_NUMBER, _CONVENTION, _FIRST, _SECOND, _THIRD, _FOURTH = 0, 4, 16, 24, 32, 40
_PASS, _REFUSE = 0x7FFF0000, 0x00050000
_X32 = 0x40000000  # calls of another convention of x86_64, under numbers of their own


@dataclass(frozen=True)
class _Machine:
    convention: int  # AUDIT_ARCH of linux/audit.h: a call under another one would have other numbers
    socket: int
    socketpair: int
    connect: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    clone: int
    unshare: int
    keys: tuple[int, ...]  # add_key, request_key, keyctl: what the runner's user keeps in the kernel


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 41, 53, 42, 44, 46, 307, 56, 272, (248, 249, 250)),
    "aarch64": _Machine(0xC00000B7, 198, 199, 203, 206, 211, 269, 220, 97, (217, 218, 219)),
}
_IO_URING_SETUP = 425  # opens sockets without calling `socket`
_CLONE3 = 435  # says what it wants where a filter cannot look; who has it not uses `clone`
_NEW_USER = 0x10000000
_FAST_OPEN = socket.MSG_FASTOPEN  # among the flags of what is sent: connect first
_INTERNET = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)  # the last says which addresses this host has
_STREAMS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)


def can_be_filtered() -> bool:
    """Say whether the calls of this kind of machine are known here, and its kernel filters."""
    return platform.machine() in _MACHINES and Path("/proc/sys/kernel/seccomp").exists()


def gain_nothing() -> None:
    """See to it that no program that is started from here on has more rights than its caller."""
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def drop_capabilities() -> None:
    """Keep of what root may only to read and write the files of others, which Landlock bounds."""
    head, said = struct.pack("Ii", _CAPABILITIES_VERSION, 0), ctypes.create_string_buffer(24)
    _checked(_libc().capget(head, said), "capget")
    effective, permitted, inheritable, *high = struct.unpack("6I", said.raw)
    kept = 1 << _CAP_DAC_OVERRIDE
    if not (effective | permitted | inheritable) & ~kept and not any(high):
        return  # there is nothing to lose, and a unit of systemd may let nobody ask
    _checked(_libc().capset(head, struct.pack("6I", effective & kept, permitted & kept, 0, 0, 0, 0)), "capset")


def filter_calls(*, network: bool) -> None:
    """Refuse what the module says from here on. Needs `gain_nothing` first."""
    program = b"".join(_program(_MACHINES[platform.machine()], network=network))
    code = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _checked(_libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(filter), 0, 0), "seccomp")


def _program(machine: _Machine, *, network: bool) -> list[bytes]:
    forbid, allow = _return(errno.EPERM), _step(_RETURN, _PASS)
    opens = [_step(_LOAD, _FIRST), *_one_of(_INTERNET if network else ()), allow]
    pairs = [_step(_LOAD, _SECOND), _step(_AND, 0xF), *_one_of(_STREAMS), allow]
    never = [part for number in (_IO_URING_SETUP, *machine.keys) for part in (_step(_EQUAL, number, 0, 1), forbid)]
    stays = [] if network else _stays(machine)
    users = [_step(_LOAD, _FIRST), _step(_HAS, _NEW_USER, 0, 1), forbid, allow]
    return [
        *(_step(_LOAD, _CONVENTION), _step(_EQUAL, machine.convention, 1, 0), forbid),
        *(_step(_LOAD, _NUMBER), _step(_AT_LEAST, _X32, 0, 1), forbid),
        *(*never, *stays),
        *(_step(_EQUAL, _CLONE3, 0, 1), _return(errno.ENOSYS)),
        *(part for call in (machine.clone, machine.unshare) for part in (_step(_EQUAL, call, 0, len(users)), *users)),
        *(_step(_EQUAL, machine.socket, 0, len(opens)), *opens),
        *(_step(_EQUAL, machine.socketpair, 0, len(pairs)), *pairs),
        allow,
    ]


def _stays(machine: _Machine) -> list[bytes]:
    """Return instructions that refuse to connect, whatever it is called."""
    flags = ((machine.sendto, _FOURTH), (machine.sendmmsg, _FOURTH), (machine.sendmsg, _THIRD))
    sends = [
        (call, [_step(_LOAD, where), _step(_HAS, _FAST_OPEN, 0, 1), _return(errno.EACCES), _step(_RETURN, _PASS)])
        for call, where in flags
    ]
    return [
        *(_step(_EQUAL, machine.connect, 0, 1), _return(errno.EACCES)),
        *(part for call, sent in sends for part in (_step(_EQUAL, call, 0, len(sent)), *sent)),
    ]


def _one_of(values: tuple[int, ...]) -> list[bytes]:
    """Return instructions that refuse what is loaded, and lead behind themselves if it is one of these values."""
    # A jump counts the instructions that it passes over.
    tests = [_step(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [*tests, _return(errno.EACCES)]


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, value)


def _return(number: int) -> bytes:
    return _step(_RETURN, _REFUSE | number)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
