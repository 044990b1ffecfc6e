"""How far a script is walled in: the levels, what a host can do, and what comes of both for one script.

A level that somebody has asked for is had, or the script does not run. Where nobody has asked, it is `own` on a host
that can, and `none` on another; the event of each attempt says which.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a worker, which starts often, has no other use for it
    from wave_runner.core.workflow import ScriptSpec


_HOST = re.compile(
    r"(?:(?P<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)|\[(?P<address>[0-9a-f.]*:[0-9a-f:.]*)\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)


class Level(enum.StrEnum):
    """By who has written the script: everything may go wrong in it, or it may mean harm."""

    NONE = "none"  # trusted like the runner itself: it may whatever the runner's user may
    OWN = "own"  # one's own, fed with the texts of strangers: files, network, signals only as declared
    STRICT = "strict"  # somebody else's: besides that, it sees no process and no network but its own


Peer = tuple[str, int]
"""Whom a script is connected to: a host, by its name in small letters or by its address, and a port."""

WEB_PORTS = (80, 443)
"""What a host is asked on that is named without a port."""


class Opens(enum.Enum):
    """Where a host may lie that a script asks for."""

    NOWHERE = enum.auto()
    IN_PUBLIC = enum.auto()
    ANYWHERE = enum.auto()  # but for what belongs to a link, which nobody asks


LEAST_LANDLOCK = 3
"""The oldest Landlock that keeps a script from emptying files that it may not write: Linux 6.2."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a host can do. `bubblewrap` is the path of the program, and `no_namespaces` why it is of no use, if so."""

    landlock: int  # the version of its interface, 0 where there is none
    filters: bool  # whether system calls can be filtered on this kind of machine
    bubblewrap: str = ""
    no_namespaces: str = ""

    @property
    def best(self) -> Level:
        """The level of a script that asks for none."""
        return Level.NONE if self.lacks(Level.OWN) else Level.OWN

    def lacks(self, level: Level) -> str:
        """Return what keeps a level from being had here, and what to do about it; "" where nothing does."""
        if level is Level.NONE:
            return ""
        if self.landlock < LEAST_LANDLOCK:
            has = f"has version {self.landlock} of it" if self.landlock else "has it not, or has it switched off"
            return (
                f"it needs Landlock of version {LEAST_LANDLOCK} or newer, and this kernel {has}: "
                "use Linux 6.2 or newer, with `landlock` in its list of security modules (lsm=)"
            )
        if not self.filters:
            return "it filters system calls, which is done on x86_64 and aarch64 alone: use such a machine"
        return self.no_namespaces if level is Level.STRICT else ""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What one script is given on one host. `missing` says why its level is not to be had: then it does not run.

    Paths are absolute. `project` is the folder of which it may read whatever is not hidden, "" where there is none.
    Without `network` its warden opens connections for it to `hosts`, which have to be public, and to `private_hosts`.
    """

    script: str
    level: Level = Level.NONE
    landlock: int = 0
    bubblewrap: str = ""
    missing: str = ""
    project: str = ""
    may_read: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()
    network: bool = False
    hosts: tuple[Peer, ...] = ()
    private_hosts: tuple[Peer, ...] = ()
    memory: int | None = None

    @property
    def has_door(self) -> bool:
        """Whether there is anybody whom its warden may connect it to."""
        return self.level is not Level.NONE and bool(self.hosts or self.private_hosts)

    def opens(self, host: str, port: int) -> Opens:
        """Say where a host may lie that it asks for by this name."""
        peer = (host.lower(), port)
        if peer in self.private_hosts:
            return Opens.ANYWHERE
        return Opens.IN_PUBLIC if peer in self.hosts else Opens.NOWHERE

    @property
    def said(self) -> str:
        """What the event of an attempt says of it: the level, and the version of Landlock that holds it."""
        return f"{self.level}/{self.landlock}" if self.level is not Level.NONE else str(self.level)


def settle(spec: ScriptSpec, default: Level | None, host: Host, *, project: str, home: str) -> Sandbox:
    """Return the sandbox of a script on a host, where scripts that ask for none get `default` (None: what it can)."""
    asked = Level(spec.sandbox) if spec.sandbox else default
    level = asked or host.best
    lacks = host.lacks(level)
    return Sandbox(
        script=spec.name,
        level=level,
        landlock=host.landlock,
        bubblewrap=host.bubblewrap if level is Level.STRICT else "",
        missing=f"{spec.name} does not run here: its sandbox is to be `{level}`. {lacks}. {_less(level, host)}"
        if lacks
        else "",
        project=project,
        may_read=tuple(absolute(path, project=project, home=home) for path in spec.may_read),
        may_write=tuple(absolute(path, project=project, home=home) for path in spec.may_write),
        network=spec.network is True,
        hosts=() if isinstance(spec.network, bool) else _peers(spec.network),
        private_hosts=_peers(spec.private_hosts),
        memory=spec.memory,
    )


def peers(text: str) -> tuple[Peer, ...]:
    """Return what `HOST`, `HOST:PORT` or `[ADDRESS]:PORT` names; without a port it is where the web is.

    Raises `ValueError` where it names nothing of the kind.
    """
    found = _HOST.fullmatch(text)
    if found is None or not (found["port"] is None or 0 < int(found["port"]) < 2**16):
        raise ValueError(text)
    name = (found["name"] or found["address"]).lower()
    return tuple((name, port) for port in ((int(found["port"]),) if found["port"] else WEB_PORTS))


def _peers(texts: tuple[str, ...]) -> tuple[Peer, ...]:
    return tuple(peer for text in texts for peer in peers(text))


def absolute(path: str, *, project: str, home: str) -> str:
    """Return a path as wave.toml has it, from the project's folder or (`~/`) from the home of the runner's user."""
    if path == "~" or path.startswith("~/"):
        return f"{home}{path[1:]}"
    return path if path.startswith("/") else f"{project}/{path}"


def _less(level: Level, host: Host) -> str:
    less = [one for one in (Level.OWN, Level.NONE) if one is not level and not host.lacks(one)]
    told = " or ".join(f'`sandbox = "{one}"`' for one in less)
    return f"To have it run with less: {told} in its table [scripts.NAME] of wave.toml"
