"""Scripts that misbehave: the one record they do it with is given up by name, no other is the worse for it (fault F15).

Each animal of this zoo is a workflow of its own over the same six records. It goes wrong with one of them, after it has
said what it wants saved for it. One real runner has all of them done, by real processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from traceback import format_exception
from typing import Any

import pytest
from tests.support.database import fresh_database
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, at_work, ended, script
from tests.support.waiting import wait_until

from wave_runner.engine import Engine

KEYS = [f"item {number}" for number in range(1, 7)]
CULPRIT = "item 4"
TIMEOUT_S = 2

TOML = """\
[project]
id = "5a1c0de0-0000-4000-8000-000000000004"
name = "zoo"

[collections.items]
table = "items"
key = "name"

[settings]
script_slots = 4
linger_s = 0.1
"""

Fate = tuple[str, str | None, str | None]
"""What becomes of an interaction: its state, the class of its error, and the rule that it broke."""

COMPLETED: Fate = ("completed", None, None)
CRASHED: Fate = ("failed", "crashed", None)
TIMED_OUT: Fate = ("failed", "timeout", None)
TRANSIENT: Fate = ("failed", "transient", None)


def broken(rule: str, error_class: str = "invalid_output") -> Fate:
    """Return the fate of an output that is quarantined."""
    return ("quarantined", error_class, rule)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What becomes of the culprit, after how many attempts (None: as many as it takes), and words of what is said."""

    fate: Fate
    says: str = ""
    attempts: int | None = 1


@dataclass(frozen=True, kw_only=True)
class Animal:
    """What is done with the culprit, and what is to become of it."""

    does: str
    expected: Expected


def animal(does: str, fate: Fate, says: str = "", *, attempts: int = 1) -> Animal:
    """Return an animal that makes so many attempts."""
    return Animal(does=does, expected=Expected(fate=fate, says=says, attempts=attempts))


class RunnerEnded(AssertionError):
    """What happened to one record has ended the runner."""


@dataclass(frozen=True, kw_only=True)
class Zoo:
    """A project with a workflow of each name, and the run of each, which has ended."""

    ground: Ground
    runs: Mapping[str, int]


SCRIPT = """\
import ctypes, os, resource, signal, subprocess, sys, time

from wave_runner import ScriptActor


class Actor(ScriptActor):
    database = True

    def process(self, item, ctx):
        ctx.write("items", {{{name!r}: 4}})
        ctx.db.execute("INSERT INTO effects (animal, name) VALUES (%s, %s)", {name!r}, ctx.record)
        return misbehave(ctx) if ctx.record == {culprit!r} else {{}}


def misbehave(ctx):
{does}
"""
SCRIPT_TOML = """
[scripts.{name}]
timeout_s = {timeout_s}
max_attempts = {attempts}
max_output_bytes = 1_000_000
"""
SCRIPT_STEPS = "  {name}: {{actor: {name}, writes: [items.{name}], next: end}}\n"

# A child that has nothing of ours but its name: no environment, another folder, and a session of its own.
AWAY = 'subprocess.Popen([os.environ["HOME"], "600"], executable="/bin/sleep", env={}, cwd="/", start_new_session=True)'

SCRIPTS = {
    "hangs": animal("time.sleep(600)", TIMED_OUT, f"not done after {TIMEOUT_S} s"),
    "ignores_signals": animal(
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        os.fork()
        while True:
            time.sleep(600)
        """,
        TIMED_OUT,
    ),
    "stops_itself": animal("os.kill(os.getpid(), signal.SIGSTOP)", TIMED_OUT),
    "leaves_children": animal(
        f"""
        if not os.fork():
            os.setsid()
            {AWAY}
            os.execv("/bin/sleep", ["sleep", "600"])
        return {{}}
        """,
        COMPLETED,
    ),
    "leaves_a_child_and_dies": animal(f"{AWAY}\nos.abort()", CRASHED, "killed by SIGABRT"),
    "dies_once": animal(
        "return {} if ctx.attempt == 2 else os.kill(os.getpid(), signal.SIGKILL)", COMPLETED, attempts=2
    ),
    "dies_always": animal(
        "os.kill(os.getpid(), signal.SIGKILL)", CRASHED, "killed by SIGKILL, perhaps for want of memory", attempts=2
    ),
    "exits_137": animal("os._exit(137)", CRASHED, "exited with status 137"),
    "exits_0": animal("os._exit(0)", CRASHED, "exited with status 0"),
    "eats_memory": animal(
        """
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
        eaten = []
        while True:
            eaten.append(bytearray(8 << 20))
        """,
        TRANSIENT,
        "MemoryError",
    ),
    "prints_100_mb": animal('print("x" * (100 << 20))\nreturn {}', COMPLETED),
    "returns_too_much": animal('return {"text": "x" * 2_000_000}', broken("output_too_large"), "1,000,000 are allowed"),
    "returns_nothing": animal("return None", broken("no_output"), "process returned None"),
    "closes_all_pipes": animal("os.closerange(0, 256)\nreturn {}", CRASHED),
    "closes_stdout": animal("sys.stdout.close()\nsys.stderr.close()\nos.close(1)\nos.close(2)\nreturn {}", COMPLETED),
    "raises_system_exit": animal("raise SystemExit(0)", TRANSIENT, "the script called sys.exit(0)"),
    "reads_nowhere": animal("ctypes.string_at(0)", CRASHED, "killed by SIGSEGV"),
}

# Each of these has once ended the runner itself, and with it all work of all runs.
TOO_WILD = {
    "dies_of_a_nameless_signal": animal("os.kill(os.getpid(), signal.SIGRTMIN + 1)", CRASHED),
    "rejects_by_a_number": animal("ctx.reject('no', rule=404)", TRANSIENT),
    "writes_to_a_list": animal("ctx.write(['items'], {'words': 1})\nreturn {}", TRANSIENT),
    "asks_too_deep": animal("ctx.db.query(\"SELECT (repeat('[', 300) || repeat(']', 300))::json AS deep\")", TRANSIENT),
    "digs_deep_and_dies": animal(
        """
        for _ in range(1500):
            os.mkdir("deeper")
            os.chdir("deeper")
        os.abort()
        """,
        CRASHED,
    ),
}

EXECUTABLE = """\
#!/bin/sh
case "$(cat)" in
*'"{culprit}"'*) {does} ;;
*) echo '{{"words": 4}}' ;;
esac
"""
EXECUTABLE_TOML = f'{SCRIPT_TOML}entry = "actors/{{name}}"\nexecutable = true\n'
SAVE = script(
    """
    ctx.write("items", {item["to"]: item["words"]})
    ctx.db.execute("INSERT INTO effects (animal, name) VALUES (%s, %s)", item["to"], ctx.record)
    return {}
    """,
    options="database = True",
)
EXECUTABLE_STEPS = """\
  {name}: {{actor: {name}, input: {{name: record.name}}, next: save}}
  save: {{actor: save, input: {{to: params.to, words: {name}.words}}, writes: [items.{name}], next: end}}
"""

EXECUTABLES = {
    "prints_no_json": animal("""echo 'ready {"words": 4}'""", broken("invalid_json"), "is not JSON"),
    "prints_nan": animal("""echo '{"words": NaN}'""", broken("invalid_json"), "NaN"),
    "prints_a_surrogate": animal(
        r"""printf %s '{"words": 4, "a": "\ud800"}'""", broken("unstorable_text"), "half a surrogate"
    ),
    "prints_a_nul": animal(r"""printf %s '{"words": 4, "a": "\u0000"}'""", broken("unstorable_text"), "holds a NUL"),
    "prints_a_raw_nul": animal(r"""printf '{"words": 4, "a": "\000"}'""", broken("invalid_json"), "control character"),
    "prints_a_list": animal("echo '[4]'", broken("invalid_output"), "a JSON list, not an object"),
    "prints_without_end": animal("yes", broken("output_too_large"), "more than 1,000,000 bytes"),
    "prints_nothing": animal("exit 0", broken("no_output"), "exited with status 0"),
    "prints_and_fails": animal("""echo '{"words": 4}'; exit 137""", TRANSIENT, "exited with status 137"),
    "closes_its_pipes": animal("exec <&- >&- 2>&-; sleep 600", TIMED_OUT),
    "leaves_its_pipe_to_a_child": animal("""setsid sleep 600 & echo '{"words": 4}'""", COMPLETED),
    "kills_its_parent": animal("kill -9 $PPID; sleep 600", CRASHED, "killed by SIGKILL"),
}


@pytest.fixture(scope="module")
def zoo(session_database: str, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    """All animals, after their runs."""
    with zoo_of(SCRIPTS, EXECUTABLES, session_database, migrated, tmp_path_factory.mktemp("zoo")) as opened:
        yield opened


@pytest.mark.parametrize("name", [*SCRIPTS, *EXECUTABLES])
def test_what_misbehaves_costs_no_other_record_anything(zoo: Zoo, name: str) -> None:
    check(zoo, name, (SCRIPTS | EXECUTABLES)[name].expected)


def test_nothing_is_left_of_what_misbehaves(zoo: Zoo) -> None:
    check_the_whole(zoo)


@pytest.mark.parametrize("name", TOO_WILD)
def test_what_is_too_wild_does_not_end_its_runner(
    name: str, session_database: str, migrated: str, tmp_path: Path
) -> None:
    with zoo_of({name: TOO_WILD[name]}, {}, session_database, migrated, tmp_path) as opened:
        check(opened, name, TOO_WILD[name].expected)
        check_the_whole(opened)


def test_what_would_be_left_behind_is_found(tmp_path: Path) -> None:
    with (
        sleeping("sleep", HOME=str(tmp_path / "work")) as in_environment,
        sleeping(str(tmp_path / "work")) as in_command_line,
    ):
        expected = {in_environment: "sleep 600", in_command_line: f"{tmp_path}/work 600"}
        # The system shows the words of a process a moment after it has begun.
        wait_until(lambda: left_behind(tmp_path) == expected)
    assert left_behind(tmp_path) == {}


@contextlib.contextmanager
def sleeping(name: str, **environment: str) -> Iterator[int]:
    """Give the number of a process that has nothing of ours but its name and this environment, and end it."""
    options: dict[str, Any] = {"executable": "/bin/sleep", "env": environment, "cwd": "/", "start_new_session": True}
    with subprocess.Popen([name, "600"], **options) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextlib.contextmanager
def zoo_of(
    scripts: Mapping[str, Animal], executables: Mapping[str, Animal], admin_url: str, template: str, place: Path
) -> Iterator[Zoo]:
    """Give a project with a workflow for each animal, after a run of each."""
    toml, steps, files = "", {}, {"actors/save.py": SAVE}
    for name, one in {**scripts, **executables}.items():
        told = {"name": name, "timeout_s": TIMEOUT_S, "attempts": one.expected.attempts}
        toml += (SCRIPT_TOML if name in scripts else EXECUTABLE_TOML).format(**told)
        steps[name] = (SCRIPT_STEPS if name in scripts else EXECUTABLE_STEPS).format(name=name)
        if name in scripts:
            does = indent(dedent(one.does), "    ")
            files[f"actors/{name}.py"] = SCRIPT.format(name=name, culprit=CULPRIT, does=does)
        else:
            files[f"actors/{name}"] = EXECUTABLE.format(culprit=CULPRIT, does=one.does)
    with after_runs(admin_url, template, place / "project", toml=toml, steps=steps, files=files) as opened:
        yield opened


@contextlib.contextmanager
def after_runs(
    admin_url: str, template: str, folder: Path, *, toml: str, steps: Mapping[str, str], files: Mapping[str, str]
) -> Iterator[Zoo]:
    """Give a project with a workflow of each name, of these steps, after one runner has done a run of each.

    What a workflow writes is the column of its name, and rows of `effects`.
    """
    columns = "".join(f", {name} integer" for name in steps)
    rows = ", ".join(f"('{key}')" for key in KEYS)
    tables = (
        f"CREATE TABLE items (name text PRIMARY KEY{columns});\nINSERT INTO items (name) VALUES {rows};\n"
        "CREATE TABLE effects (animal text NOT NULL, name text NOT NULL);\n"
    )
    with fresh_database(admin_url, template=template) as url:
        ground = Ground(folder=folder, url=url, admin_url=admin_url)
        told = {"wave.toml": TOML + toml, "sql/tables.sql": tables, ".env": f"WAVE_DATABASE_URL={url}\n", **files}
        told |= {f"workflows/{name}.yaml": WORKFLOW.format(name=name, steps=steps[name]) for name in steps}
        for path, text in told.items():
            ground.write(path, text)
            (folder / path).chmod(0o700)
        try:
            yield Zoo(ground=ground, runs=ground.do(lambda engine: to_their_ends(engine, steps)))
        finally:
            # It removes whatever a script may have made, which pytest does not.
            subprocess.run(["rm", "-rf", folder], check=True)


WORKFLOW = """\
workflow: {name}
collection: items
select: all
params: {{to: {{type: string, default: {name}}}}}
steps:
{steps}"""


async def to_their_ends(engine: Engine, workflows: Iterable[str]) -> dict[str, int]:
    """Start a run of each workflow and work until all have ended; what ends the runner is raised at once."""
    await engine.sync()
    runs = {name: await engine.new_runs().start(name, {}) for name in workflows}
    async with at_work(engine) as runner:
        end = asyncio.create_task(all_ended(engine, runs.values()))
        fall = asyncio.create_task(runner.failed())
        over, _ = await asyncio.wait({end, fall}, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        fall.cancel()
        if fall in over and (error := fall.exception()):
            raise RunnerEnded("".join(format_exception(error, limit=-5)))
        await end
        # Not only when the runner ends: what is there now are workers that wait for more to do.
        assert [one for one in left_behind(engine.folder).values() if WORKER not in one] == []
    return runs


async def all_ended(engine: Engine, runs: Iterable[int]) -> None:
    """Wait until each of these runs has ended."""
    for run_id in runs:
        await ended(engine, run_id)


def check(zoo: Zoo, name: str, expected: Expected) -> None:
    """The culprit has met its fate and left nothing; all others are completed and saved, at their first attempt."""
    ground, run_id = zoo.ground, zoo.runs[name]
    good = [key for key in KEYS if key != CULPRIT or expected.fate == COMPLETED]
    found = {row["key"]: row for row in ground.sql(FATES, run_id, name)}
    fates = {key: (row["state"], row["error_class"], row["rule"]) for key, row in found.items()}
    assert fates == dict.fromkeys(KEYS, COMPLETED) | {CULPRIT: expected.fate}
    assert expected.says in (found[CULPRIT]["error"] or ""), found[CULPRIT]["error"]
    attempts = {key: row["attempt"] for key, row in found.items()}
    assert attempts == dict.fromkeys(KEYS, 1) | {CULPRIT: expected.attempts or attempts[CULPRIT]}
    records = {row["key"]: row["state"] for row in ground.sql(RECORDS, run_id)}
    assert records == {key: "completed" if key in good else "incomplete" for key in KEYS}
    saved = {row["name"]: row[name] for row in ground.sql(f"SELECT name, {name} FROM items")}
    assert saved == {key: 4 if key in good else None for key in KEYS}
    effects = ground.sql("SELECT name FROM effects WHERE animal = %s ORDER BY name", name)
    assert [row["name"] for row in effects] == good
    assert ground.one("SELECT count(*) FROM value_writes WHERE run_id = %s", run_id) == len(good)
    longest = ground.one("SELECT coalesce(max(length(content)), 0) FROM payloads WHERE run_id = %s", run_id)
    assert longest < 100_000


def check_the_whole(zoo: Zoo) -> None:
    """Nothing runs any more, no worker has left its folder, and what must always hold does."""
    assert left_behind(zoo.ground.folder) == {}
    assert list(zoo.ground.folder.glob(".wave/work/workers/*")) == []
    assert broken_invariants(zoo.ground.url) == {}


FATES = """
    SELECT key, i.state::text AS state, i.error_class::text AS error_class, i.rule, i.error, i.attempt
    FROM interactions i JOIN records USING (record_id) JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
    WHERE i.run_id = %s AND s.name = %s
"""
RECORDS = "SELECT key, state FROM run_records JOIN records USING (record_id) WHERE run_id = %s"
WORKER = "wave_runner.actors.worker"


def left_behind(folder: Path) -> dict[int, str]:
    """Return the command lines of processes that have a project's folder in them, or in their environment."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if entry.name.isdigit():
                command = (entry / "cmdline").read_bytes()
                if os.fsencode(folder) in command + (entry / "environ").read_bytes():
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found
