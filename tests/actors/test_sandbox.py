"""Scripts that try to get out: each is told what would let it, and nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.script_zoo import Staged, Zoo, jobs, without_programs
from tests.support.scripted_http import Answer, scripted_site
from tests.support.waiting import wait_until

from wave_runner.actors import door, host
from wave_runner.core.outcome import Done, ErrorClass, Failure, Outcome
from wave_runner.core.sandbox import Level, Sandbox

HERE = host.look()
SECRET = "canary-4711"
SIGNALS = 6  # the version of Landlock that keeps signals in


def had(level: Level) -> Any:
    """Return a mark that skips where this host cannot have a level, with the reason."""
    return pytest.mark.skipif(bool(HERE.lacks(level)), reason=HERE.lacks(level) or "-")


LEVELS = [pytest.param(level, marks=had(level)) for level in (Level.OWN, Level.STRICT)]


@dataclass(frozen=True, kw_only=True)
class World:
    """What there is around a sandbox: a project, files beside it, and who listens."""

    project: Path
    beside: Path
    tcp: int
    udp: int
    unix: Path
    datagrams: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small world, and a secret in the environment of this process, which stands for the runner."""
    place = tmp_path_factory.mktemp("world")
    project, beside = place / "project", place / "beside"
    for folder in (project / ".wave", project / "data", beside):
        folder.mkdir(parents=True)
    for file in (project / ".env", project / ".wave/log.key", project / "data/rows", beside / "rows"):
        file.write_text("precious")
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(place / "unix"))
        unix.listen()
        datagrams.bind(str(place / "datagrams"))
        with subprocess.Popen(["sleep", "600"], env={"SECRET": SECRET}) as holder:
            yield World(
                project=project,
                beside=beside,
                tcp=tcp.getsockname()[1],
                udp=udp.getsockname()[1],
                unix=place / "unix",
                datagrams=place / "datagrams",
            )
            holder.kill()
        for listener in (udp, datagrams):
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):  # nothing has come
                listener.recv(5)


def tried(zoo: Zoo, world: World, *tries: tuple[str, Any], **declared: Any) -> list[Outcome]:
    """Return what came of each, done in one wave; `zoo.run` sees to it that no process and no folder is left."""
    items = [{"what": what, "where": str(where) if isinstance(where, Path) else where} for what, where in tries]
    before = open_files()
    zoo.place = world.project
    outcomes = zoo.run("tries.py", *items, timeout_s=5.0, sandbox=zoo.sandbox("tries", **declared))
    assert open_files() == before
    return outcomes


def open_files() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("level", LEVELS)
def test_what_nothing_declares_is_refused_and_the_declaration_named(zoo: Zoo, world: World, level: Level) -> None:
    refused = [
        ("writes", world.beside / "new", "may_write"),
        ("writes", world.project / "data/rows", "may_write"),
        ("empties", world.project / "data/rows", "may_write"),
        ("empties", world.beside / "rows", "may_write"),
        ("reads", world.beside / "rows", "may_read"),
        ("reads", world.project / ".env", "may_read"),
        ("reads", world.project / ".wave/log.key", "may_read"),
        ("reads", Path("/etc/passwd"), "may_read"),
        ("reads", Path("/proc/self/root/etc/passwd"), "may_read"),
        ("links", world.beside / "rows", None),  # as if it lay on another disk
        ("makes_a_device", "", None),
        ("is_root_of_its_own", "", None),
        ("is_born_as_root_of_its_own", "", None),
        ("connects", world.tcp, "network = true"),
        ("sends_a_datagram", world.udp, "network = true"),
        ("opens_a_unix_socket", world.unix, "network = true"),
        ("sends_from_a_pair", world.datagrams, "network = true"),
        ("resolves", "", "network = true"),
        ("runs", ["cat", "/etc/passwd"], None),
    ]
    outcomes = tried(zoo, world, *((what, where) for what, where, _ in refused), sandbox=str(level))
    for (what, where, declaration), outcome in zip(refused, outcomes, strict=True):
        assert isinstance(outcome, Failure), (what, where, outcome)
        if declaration:
            assert declaration in outcome.message, (what, where)
            assert "in [scripts.tries] of wave.toml" in outcome.message
            assert outcome.error_class is ErrorClass.PERMANENT, "it would be refused again"
    assert {path.read_text() for path in (world.project / "data/rows", world.beside / "rows")} == {"precious"}
    assert not (world.beside / "new").exists()


@pytest.mark.parametrize("level", LEVELS)
def test_what_it_needs_for_honest_work_is_open(zoo: Zoo, world: World, level: Level) -> None:
    honest = [
        ("reads", world.project / "data/rows"),
        ("lists", world.project / "data"),
        ("writes", "scratch"),
        ("lists", "."),
        ("talks_to_itself", ""),
        ("runs", ["sh", "-c", "echo hello > /dev/null && cat scratch"]),
        ("has_privileges", ""),
        ("starts_threads", ["a", "b"]),
    ]
    outcomes = tried(zoo, world, *honest, sandbox=str(level))
    assert [one.output["got"] for one in outcomes if isinstance(one, Done)] == [
        "precious",
        ["rows"],
        4,
        ["loaded", "scratch"],
        "hello",
        "mine",
        ["1", 0],
        ["A", "B"],
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_declared_is_open_and_no_more(zoo: Zoo, world: World, level: Level) -> None:
    (world.beside / "out").mkdir(exist_ok=True)
    tries = [
        ("reads", world.beside / "rows"),
        ("writes", world.beside / "out/new"),
        ("connects", world.tcp),
        ("writes", world.beside / "rows"),
        ("opens_a_unix_socket", world.unix),
        ("sends_from_a_pair", world.datagrams),
    ]
    declared = {"may_read": ("../beside",), "may_write": ("../beside/out",), "network": True}
    outcomes = tried(zoo, world, *tries, sandbox=str(level), **declared)
    assert [one.output["got"] for one in outcomes if isinstance(one, Done)] == ["precious", 4, "connected"]
    assert "sockets of the internet alone" in outcomes[4].message  # type: ignore[union-attr]


@pytest.mark.parametrize("level", LEVELS)
def test_hosts_that_are_named_are_reached_and_no_others(zoo: Zoo, world: World, level: Level) -> None:
    with scripted_site() as site:
        site.on("/", Answer(b"here"))
        port = int(site.url.rpartition(":")[2])
        opened = [
            ("fetches", f"http://localhost:{port}/"),
            ("fetches", f"http://LOCALHOST:{port}/"),
            ("fetches_what_is_public", f"http://localhost:{port}/"),
        ]
        closed = [
            ("fetches", f"http://127.0.0.1:{port}/", f'network = ["127.0.0.1:{port}"]'),  # by no name of its
            ("connects", world.tcp, f'network = ["127.0.0.1:{world.tcp}"]'),
            ("fetches", f"http://127.0.0.2:{port}/", f'private_hosts = ["127.0.0.2:{port}"]'),
            ("fetches", "http://169.254.169.254/", "which is on no public network"),
            ("leads_a_connection_elsewhere", [port, world.tcp], "it stays where it is"),
            ("sends_a_connection_elsewhere", [port, world.tcp, "sendto"], "it stays where it is"),
            ("sends_a_connection_elsewhere", [port, world.tcp, "sendmsg"], "it stays where it is"),
            ("sends_a_datagram", world.udp, "socket.create_connection alone"),
            ("opens_a_unix_socket", str(world.unix), "socket.create_connection alone"),
            ("resolves", "", "socket.create_connection alone"),
        ]
        declared = {"network": (f"127.0.0.2:{port}",), "private_hosts": (f"localhost:{port}", "169.254.169.254")}
        items = [{"what": what, "where": where} for what, where, *_ in [*opened, *closed]]
        sandbox = zoo.sandbox("tries", sandbox=str(level), **declared)
        outcomes = zoo.run("tries.py", *items, sandbox=sandbox)
    assert [one.output["got"] for one in outcomes if isinstance(one, Done)] == ["here"] * len(opened)
    for (what, where, says), outcome in zip(closed, outcomes[len(opened) :], strict=True):
        assert isinstance(outcome, Failure), (what, where)
        assert says in outcome.message, (what, where)
        assert "in [scripts.tries] of wave.toml" in outcome.message
        assert outcome.error_class is ErrorClass.PERMANENT


@pytest.mark.parametrize("said", [b"", b"no JSON", b"[1, 2]", b'["localhost", "x", 1]', b'["a", 80, -1]', b"[" * 4000])
def test_a_door_outlives_whatever_is_said_to_it(said: bytes) -> None:
    ours, theirs = door.make()
    door.keep(theirs, Sandbox(script="x", level=Level.OWN, private_hosts=(("a", 80),)))
    with ours, Path(os.devnull).open() as no_socket:
        for fds in ([], [no_socket.fileno()], [no_socket.fileno()] * 9):
            socket.send_fds(ours, [said or b" "], fds)
        one, other = socket.socketpair()
        with one, other:
            socket.send_fds(ours, [said or b" "], [other.fileno()])
            other.close()
            assert "errno" in json.loads(one.recv(4096))


@had(Level.OWN)
def test_a_warm_worker_is_not_used_for_a_project_that_has_other_files_since(zoo: Zoo, tmp_path: Path) -> None:
    file, new = tmp_path / "rows.json", tmp_path / "rows.json.new"

    async def work() -> list[Outcome]:
        outcomes = []
        async with zoo.pool() as pool:
            for text in ("one", "two", "two"):
                new.write_text(text)
                if text not in [one.output["got"] for one in outcomes]:
                    new.replace(file)
                script = zoo.script("tries.py", sandbox=zoo.sandbox("tries", sandbox="own"))
                outcomes += await pool.run(script, jobs({"what": "reads", "where": str(file)}), Staged())
        return outcomes

    assert [one.output["got"] for one in asyncio.run(work()) if isinstance(one, Done)] == ["one", "two", "two"]


@pytest.mark.parametrize("level", LEVELS)
def test_no_process_outside_is_seen_into_or_signalled(zoo: Zoo, world: World, level: Level) -> None:
    looked, signalled = tried(zoo, world, ("looks_for_secrets", SECRET), ("signals", os.getpid()), sandbox=str(level))
    assert isinstance(looked, Done)
    assert looked.output == {"got": []}
    if level is Level.STRICT or HERE.landlock >= SIGNALS:
        assert isinstance(signalled, Failure)


@had(Level.STRICT)
def test_what_is_strict_has_no_process_no_network_and_no_file_of_the_host(zoo: Zoo, world: World) -> None:
    tries = [
        ("lists", "/proc"),
        ("runs", ["cat", "/proc/net/dev"]),
        ("runs", ["ls", "-d", str(world.project / "data")]),
        ("runs", ["ls", "-d", str(world.beside)]),
    ]
    processes, interfaces, shown, hidden = tried(zoo, world, *tries, sandbox="strict")
    assert isinstance(processes, Done)
    assert len([name for name in processes.output["got"] if name.isdigit()]) == 2  # bubblewrap's, and its own
    assert isinstance(interfaces, Done)
    assert [line.split(":")[0].strip() for line in interfaces.output["got"].splitlines() if ":" in line] == ["lo"]
    assert isinstance(shown, Done)
    assert isinstance(hidden, Failure)


def test_without_a_sandbox_all_of_that_goes_through(zoo: Zoo, world: World) -> None:
    """Or the tests above would prove nothing."""
    tries = [
        ("writes", world.beside / "new"),
        ("reads", world.project / ".env"),
        ("connects", world.tcp),
        ("opens_a_unix_socket", world.unix),
        ("signals", os.getpid()),
        ("looks_for_secrets", SECRET),
    ]
    outcomes = tried(zoo, world, *tries, sandbox="none")
    (world.beside / "new").unlink()
    assert [type(one) for one in outcomes] == [Done] * len(tries)
    assert outcomes[-1].output["got"]  # type: ignore[union-attr]


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_left_of_what_hides_forks_and_ignores_signals(zoo: Zoo, world: World, level: Level) -> None:
    away, hung = tried(zoo, world, ("leaves_a_child", zoo.mark), ("ignores_signals", ""), sandbox=str(level))
    assert isinstance(away, Done)
    assert isinstance(hung, Failure)
    assert hung.error_class is ErrorClass.TIMEOUT
    assert asleep(zoo) == []


def asleep(zoo: Zoo) -> list[str]:
    """Return the processes that bear the name of the child that was left, which has nothing else about it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if entry.name.isdigit() and zoo.mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
    return found


@pytest.mark.parametrize("level", [Level.NONE, *LEVELS])
def test_nothing_is_left_of_what_forks_and_ends_faster_than_anybody_looks(
    zoo: Zoo, world: World, tmp_path: Path, level: Level
) -> None:
    (held := tmp_path / "held").touch()
    walls = {} if level is Level.NONE else {"may_write": (str(tmp_path),)}
    [outcome] = tried(zoo, world, ("hops_away", held), sandbox=str(level), **walls)
    assert isinstance(outcome, Done)
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("level", [Level.NONE, *LEVELS])
def test_what_eats_memory_gets_no_more_than_is_declared(zoo: Zoo, world: World, level: Level) -> None:
    [ate] = tried(zoo, world, ("eats_memory", ""), sandbox=str(level), memory=256 << 20)
    assert isinstance(ate, Failure)
    assert ate.message == "MemoryError"


@had(Level.OWN)
def test_an_executable_that_is_refused_is_told_what_may_be_the_reason(zoo: Zoo) -> None:
    [outcome] = zoo.run("executables/tries.sh", {}, sandbox=zoo.sandbox("tries", sandbox="own"))
    assert isinstance(outcome, Failure)
    assert "Permission denied (if that was its sandbox: `may_read`, `may_write` or `network`" in outcome.message


@pytest.mark.parametrize(
    ("level", "broken", "says"),
    [
        pytest.param("own", {"landlock": 99}, "has version", marks=had(Level.OWN)),
        pytest.param(
            "own", {"may_write": ("/no/such/folder",)}, "/no/such/folder, which is not there", marks=had(Level.OWN)
        ),
        pytest.param(
            "strict", {"bubblewrap": "/no/such/bwrap"}, "cannot be entered: [Errno 2]", marks=had(Level.STRICT)
        ),
        pytest.param("strict", {"landlock": 99}, "has version", marks=had(Level.STRICT)),
        pytest.param("none", {"missing": "its level is not to be had"}, "not to be had"),
    ],
)
def test_a_script_whose_sandbox_cannot_be_entered_is_not_run(
    zoo: Zoo, tmp_path: Path, level: str, broken: dict[str, Any], says: str
) -> None:
    diary = tmp_path / "diary"
    sandbox = replace(zoo.sandbox("keeps_a_diary", sandbox=level, may_write=(str(tmp_path),)), **broken)
    [outcome] = zoo.run("keeps_a_diary.py", {"diary": str(diary), "n": 1, "die": False}, sandbox=sandbox)
    assert isinstance(outcome, Failure)
    assert says in outcome.message
    assert not diary.exists()


def test_a_host_without_bubblewrap_says_what_to_install(zoo: Zoo) -> None:
    with without_programs(zoo.place):
        sandbox = zoo.sandbox("echo", sandbox="strict")
    assert "does not run here: its sandbox is to be `strict`" in sandbox.missing
    if not HERE.lacks(Level.OWN):
        assert "install it (Debian, Fedora: package bubblewrap)" in sandbox.missing
    [outcome] = zoo.run("echo.py", {}, sandbox=sandbox)
    assert isinstance(outcome, Failure)
    assert outcome.error_class is ErrorClass.PERMANENT


@had(Level.STRICT)
def test_kill_9_of_the_runner_ends_what_has_namespaces_too(zoo: Zoo) -> None:
    program = Path(__file__).parent / "zoo" / "a_runner.py"
    command = [sys.executable, str(program), str(zoo.work_dir), zoo.mark, "strict"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == b"hanging\n"
        assert zoo.processes()
        runner.kill()
    wait_until(lambda: not zoo.processes())
    wait_until(lambda: not zoo.folders())
