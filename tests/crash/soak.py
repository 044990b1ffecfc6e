"""Kill at random for as long as told, and see that nothing is lost and nothing is done twice: `make soak`.

    python -m tests.crash.soak --seed 7 --minutes 10 --report soak.json

Real postings go through the shipped project, on a PostgreSQL of its own, with models that a process answers for on a
socket. Three processes work; what is killed with SIGKILL is one of them, one of their script workers, the model
server, a backend of the database, or its postmaster. The seed repeats the schedule of kills: which kind, and after how
long. Which moment of the work a kill meets is the operating system's doing.

The report says how often what was killed, how many postings went through, what was lost or done twice, and which
invariants are broken. The exit code is 1 if anything is.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from tests.crash.workload import processes_below
from tests.support.invariants import broken_invariants
from tests.support.openai_stub import OpenAIStub, Rule
from tests.support.templates import answered_by

from wave_runner.project.init import init_project
from wave_runner.store import embedded

ROOT = Path(__file__).parents[2]
WAVE = Path(sys.executable).with_name("wave")
SAMPLE = ROOT / "src/wave_runner/projects/job_postings/data/sample.jsonl"
PAGES = Path(os.environ.get("WAVE_TEST_DATA") or "/nowhere") / "nyc-jobs/pages-2016"

RUNNERS = 3
LEASE_S = 1.5
SETTINGS = {"WAVE_LEASE_S": str(LEASE_S), "WAVE_RENEW_S": "0.4", "WAVE_GRACE_S": "1", "WAVE_LINGER_S": "0.1"}
SECONDS_BETWEEN = (0.2, 1.4)  # two kills
QUIET_S = 180  # after the last kill everything must have ended

# Of at most 40 characters: one text for many records is a breach only beyond that.
SUMMARY = r"Posting: ([A-Za-z0-9 ,.;:&/()'-]{1,20})[^\n]*\nJSON:\s*$"
SKILLS = ["reading", "writing"]
RULES: list[dict[str, Any]] = [
    {"model": "summariser", "match": SUMMARY, "text": '{"summary": "This is about \\1."}'},
    {"model": "extractor", "json": {"skills": [{"skill": skill} for skill in SKILLS]}},
    {"model": "judge", "json": {"red_flags": ["one"], "ihl_score": 41, "verdict": "BORDERLINE"}},
]


@dataclass
class Report:
    """What came of a soak."""

    seed: int
    minutes: float
    kills: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    postings: int = 0
    interactions: int = 0
    given_up: dict[str, int] = field(default_factory=dict)  # after three crashes alone, by step: quarantined, not lost
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    broken: dict[str, list[str]] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.twice or self.broken or self.left_behind)


class Crew:
    """Processes that are started again when they are killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = (folder.parent / "runners.log").open("a", encoding="utf-8")
        self._processes: list[subprocess.Popen[bytes]] = []

    def keep(self) -> None:
        """Start those that are missing."""
        self._processes = [one for one in self._processes if one.poll() is None]
        while len(self._processes) < RUNNERS:
            command = [WAVE, "--project", self._folder, "runner"]
            told = {**os.environ, **SETTINGS}
            self._processes.append(subprocess.Popen(command, env=told, stdout=self._log, stderr=self._log))

    def pids(self) -> list[int]:
        return [one.pid for one in self._processes if one.poll() is None]

    def stop(self) -> None:
        """End them in good order."""
        for one in self._processes:
            one.terminate()
        for one in self._processes:
            one.wait(60)
        self._log.close()


class Killer(threading.Thread):
    """Kills by the seed's schedule until told to stop."""

    def __init__(self, seed: int, crew: Crew, folder: Path, stub: Stub, report: Report) -> None:
        super().__init__(daemon=True)
        self._chance = random.Random(seed)
        self._crew, self._folder, self._stub, self._report = crew, folder, stub, report
        self.stopped = threading.Event()

    def run(self) -> None:
        kinds = {"runner": 40, "script worker": 30, "model server": 10, "backend": 15, "postmaster": 5}
        while not self.stopped.wait(self._chance.uniform(*SECONDS_BETWEEN)):
            [kind] = self._chance.choices(list(kinds), list(kinds.values()))
            victims = self._victims(kind)
            if victims and _kill(victims[int(self._chance.random() * len(victims))]):
                self._report.kills[kind] = self._report.kills.get(kind, 0) + 1
                if kind == "model server":
                    self._stub.start()

    def _victims(self, kind: str) -> Sequence[int]:
        match kind:
            case "runner":
                return self._crew.pids()
            case "script worker":
                return sorted(
                    int(one.partition(":")[0]) for one in processes_below(self._folder / ".wave/work/workers")
                )
            case "model server":
                return [self._stub.pid]
        postmaster = _postmaster(self._folder)
        if kind == "postmaster" or postmaster is None:
            return [postmaster] if postmaster else []
        return _backends(postmaster)


class Stub:
    """The model server, started again on the same port."""

    def __init__(self, folder: Path, rules: Sequence[Rule] = RULES) -> None:
        self._folder = folder
        self._rules = rules
        self._port = 0
        self._process: OpenAIStub | None = None
        self.start()

    @property
    def url(self) -> str:
        assert self._process is not None
        return self._process.url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.stop()
        self._process = OpenAIStub(self._folder, self._rules, ["summariser", "extractor", "judge"], port=self._port)
        self._process.__enter__()
        self._port = int(self.url.rpartition(":")[2].partition("/")[0])

    def stop(self) -> None:
        if self._process is not None:
            self._process.__exit__(None, None, None)


def soak(seed: int, minutes: float, *, batch: int) -> Report:
    """Kill for so many minutes, let everything come to its end, and say what stands."""
    report = Report(seed=seed, minutes=minutes)
    with tempfile.TemporaryDirectory(prefix="wave-soak-") as place:
        folder = Path(place) / "project"
        stub = Stub(Path(place) / "stub")
        init_project(folder, "job_postings")
        answered_by(folder, stub.url, ["summariser", "extractor", "judge"])
        try:
            _kill_and_work(report, folder, stub, batch=batch)
            database = embedded.start(folder / ".wave")
            try:
                _judge(report, database.url)
            finally:
                database.release()
        finally:
            stub.stop()
            embedded.remove(folder / ".wave")
    return report


def _kill_and_work(report: Report, folder: Path, stub: Stub, *, batch: int) -> None:
    crew = Crew(folder)
    killer = Killer(report.seed, crew, folder, stub, report)
    batches = _batches(folder.parent, batch)
    with contextlib.closing(_Runs(folder)) as runs:
        runs.start(next(batches))
        crew.keep()
        killer.start()
        ends = time.monotonic() + report.minutes * 60
        while time.monotonic() < ends:
            crew.keep()
            if runs.all_ended() and (source := next(batches, None)) is not None:
                runs.start(source)
            time.sleep(0.2)
        killer.stopped.set()
        killer.join()
        quiet = time.monotonic() + QUIET_S
        while not runs.all_ended() and time.monotonic() < quiet:
            crew.keep()
            time.sleep(0.2)
        if not runs.all_ended():
            report.lost.append(f"a run has not ended {QUIET_S} s after the last kill")
        report.runs = runs.started
    crew.stop()
    report.left_behind = processes_below(folder)


class _Runs:
    """Starts runs one after the other and asks whether they have ended, however often the database is away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = embedded.start(folder / ".wave")
        self.started = 0

    def start(self, source: Path) -> None:
        """Start a run on a batch; a start that is killed or refused is tried again until there is one more run."""
        before = self._count("SELECT count(*) FROM workflow_runs") if self.started else 0
        while True:
            # Killed once its run stands: who works on it are the others.
            with subprocess.Popen(
                [WAVE, "--project", self._folder, "run", "job_postings", "--source", source],
                env={**os.environ, **SETTINGS},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as starter:
                while starter.poll() is None and self._count("SELECT count(*) FROM workflow_runs") in (None, before):
                    time.sleep(0.05)
                starter.kill()
            if (self._count("SELECT count(*) FROM workflow_runs") or 0) > (before or 0):
                self.started += 1
                return

    def all_ended(self) -> bool:
        return self._count("SELECT count(*) FROM workflow_runs WHERE state = 'running'") == 0

    def close(self) -> None:
        self._held.release()

    def _count(self, query: str) -> int | None:
        """Return a number; None while the database is away, or has no tables yet."""
        try:
            with psycopg.connect(self._held.url, options="-c search_path=wave,public", connect_timeout=2) as connection:
                [found] = connection.execute(query).fetchone() or [None]
                return found
        except psycopg.Error:
            return None


GIVEN_UP = """
    SELECT s.name, count(*) AS n FROM interactions JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
    WHERE state IN ('failed', 'quarantined') GROUP BY 1
"""
BROKEN_RECORDS = """
    SELECT count(DISTINCT record_id) AS n FROM interactions
    WHERE state IN ('failed', 'quarantined') AND record_id IS NOT NULL
"""
NOT_WHOLE = """
    SELECT p.posting_key FROM postings p
    JOIN run_records r ON r.record_id = p.posting_id AND r.state = 'completed'
    WHERE p.summary IS NULL OR p.ihl_score IS DISTINCT FROM 41 OR %s IS DISTINCT FROM
        (SELECT array_agg(skill ORDER BY position) FROM job_skills s WHERE s.posting_id = p.posting_id)
"""
WITHOUT_FLOW = "SELECT count(*) AS n FROM postings WHERE posting_id NOT IN (SELECT record_id FROM run_records)"
WRITTEN_TWICE = """
    SELECT record_id, table_name, column_name, count(*) AS n FROM value_writes GROUP BY 1, 2, 3 HAVING count(*) > 1
"""


def _judge(report: Report, url: str) -> None:
    """Compare what stands with what must: each promoted posting has all its values once, or is said to be given up."""
    with psycopg.connect(url, options="-c search_path=wave,public", row_factory=dict_row) as connection:
        ask = connection.execute
        report.interactions = ask("SELECT count(*) AS n FROM interactions").fetchall()[0]["n"]
        report.given_up = {row["name"]: row["n"] for row in ask(GIVEN_UP)}
        states = Counter(row["state"] for row in ask("SELECT state FROM run_records"))
        report.postings = states["completed"]
        if states.total() - states["completed"] != ask(BROKEN_RECORDS).fetchall()[0]["n"]:
            report.lost.append(f"records: {dict(states)}, and given up are {report.given_up}")
        report.lost += [f"{row['posting_key']} is not whole" for row in ask(NOT_WHOLE, [SKILLS])]
        if n := ask(WITHOUT_FLOW).fetchall()[0]["n"]:
            report.lost.append(f"{n} postings have no flow")
        report.twice = [
            f"{row['table_name']}.{row['column_name']} of record {row['record_id']}: {row['n']} times"
            for row in ask(WRITTEN_TWICE)
        ]
    report.broken = broken_invariants(url, lease_s=LEASE_S)


def _batches(folder: Path, size: int) -> Iterator[Path]:
    """Write the real postings in files of `size` rows, as often as there are any."""
    rows = [*real_rows()]
    for number, first in enumerate(range(0, len(rows), size)):
        path = folder / f"batch_{number:03}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows[first : first + size])), encoding="utf-8")
        yield path


def real_rows() -> Iterator[dict[str, Any]]:
    if not PAGES.is_dir():
        for line in SAMPLE.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the sample has a few lines that are none
                yield json.loads(line)
        return
    for path in sorted(PAGES.glob("*.json.gz")):
        yield from json.loads(gzip.decompress(path.read_bytes()))["value"]


def _postmaster(folder: Path) -> int | None:
    try:
        return int((folder / ".wave/postgres/data/postmaster.pid").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _backends(postmaster: int) -> list[int]:
    """Return the server's processes that serve a client."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == postmaster and b"[local]" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return sorted(found)


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def main() -> int:
    """Soak as told, print the report, and write it where told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=150, help="postings of a run")
    parser.add_argument("--report", type=Path, help="write the report here, as JSON")
    told = parser.parse_args()
    report = soak(told.seed, told.minutes, batch=told.batch)
    document = json.dumps({**asdict(report), "holds": report.holds}, indent=2)
    print(document)
    if told.report:
        told.report.write_text(document + "\n", encoding="utf-8")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
