"""Whether a million records go through in one run, and at what cost: `python -m benchmarks.million`.

    python -m benchmarks.million --records 1000000
    python -m benchmarks.million --records 5000 --bytes 160000

The records lie in a file of JSON lines. One run brings them in as a user would: a script stages each line, another one
decides about each row, and each record that comes of it takes three steps of scripts that do nothing. Then every report
is asked for. The figures are the seconds of each phase, its rate in each tenth of its time, the resident memory of the
runner and of the largest of its workers at the same times, the size of the database, and the seconds of each report. A
phase whose last rates are below its first ones would not go on for ever, nor would memory that grows. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

from benchmarks.memory import below, resident_mb
from benchmarks.noop import WAVE, Noop, facts, noop

TENTHS = 10
LOOKS_PER_S = 2

FETCH = """\
from wave_runner import ScriptActor


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        done = ctx.staging.position or 0
        with open(item["file"], encoding="utf-8") as lines:
            rows = ({"raw": line, "source": "lines", "position": n} for n, line in enumerate(lines, 1) if n > done)
            return {"staged": ctx.staging.add(rows)}
"""
CHECK = """\
from wave_runner import Promote, Reject, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide(decide(row["id"], row["raw"]) for row in batch)
        return {}


def decide(row, raw):
    if not raw.get("name"):
        return Reject(row, [{"rule": "missing", "field": "name", "message": "a thing needs a name"}])
    return Promote(row, raw["name"], raw)
"""
WORKFLOW = """\
workflow: million
collection: things
params: {file: string}
steps:
  fetch: {actor: fetch, once: true, input: {file: params.file}, timeout_s: 3600, next: check}
  check: {actor: check, once: true, timeout_s: 3600, next: {each: promoted, to: s1}}
  s1: {actor: script, input: {name: record.name, text: record.note}, next: s2}
  s2: {actor: script, input: {name: record.name, text: record.note}, next: s3}
  s3: {actor: script, input: {name: record.name, text: record.note}, next: end}
"""
TIMES = """
    SELECT extract(epoch FROM r.started_at)::float8 AS started,
           extract(epoch FROM max(e.recorded_at) FILTER (WHERE e.step = 'fetch'))::float8 AS staged,
           extract(epoch FROM max(e.recorded_at) FILTER (WHERE e.step = 'check'
                                                           AND e.type = 'interaction_completed'))::float8 AS promoted,
           extract(epoch FROM max(e.recorded_at) FILTER (WHERE e.step = 's3'))::float8 AS done,
           extract(epoch FROM r.ended_at)::float8 AS ended
    FROM workflow_runs r JOIN interaction_events e USING (run_id)
    WHERE e.type IN ('interaction_completed', 'run_completed')
    GROUP BY r.run_id
"""
PACE = """
    SELECT width_bucket(extract(epoch FROM recorded_at)::float8, %(begun)s, %(ended)s, %(tenths)s) AS tenth,
           sum(CASE type WHEN 'staging_written' THEN (data::json ->> 'rows')::bigint
                         WHEN 'staging_decided' THEN (data::json ->> 'promoted')::bigint ELSE 1 END)::bigint AS n
    FROM interaction_events WHERE type = %(type)s::event_type AND (%(step)s = '' OR step LIKE %(step)s)
    GROUP BY 1
"""
# What is counted in each phase: the type of its events, and of which steps.
COUNTED = {
    "stage": ("staging_written", ""),
    "promote": ("staging_decided", ""),
    "steps": ("interaction_completed", "s_"),
}
DONE = """
    SELECT (SELECT count(*) FROM interactions WHERE state = 'completed' AND record_id IS NOT NULL) AS steps,
           (SELECT count(*) FROM run_records WHERE state = 'completed') AS records, max(state) AS run FROM workflow_runs
"""
SIZE = "SELECT pg_database_size(current_database()) / 1000000.0"


def write_source(path: Path, records: int, size: int) -> None:
    """Write so many records, a line each, with a text of so many bytes that hardly can be compressed."""
    with path.open("w", encoding="utf-8") as lines:
        for n in range(records):
            lines.write(json.dumps({"name": f"thing {n:07}", "note": Random(n).randbytes(size // 2).hex()}) + "\n")


class Watched:
    """The resident memory, in MB, of a runner and of the largest process below it, look by look."""

    def __init__(self, pid: int) -> None:
        self.looks: list[tuple[float, float, float]] = []  # seconds since 1970, runner, worker
        self._pid = pid

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look as long as this lasts."""
        over = Event()
        looking = Thread(target=self._look, args=(over,))
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()

    def most(self, begun: float, ended: float) -> dict[str, float]:
        """Return the most that each has taken between two times."""
        found = [one for one in self.looks if begun <= one[0] <= ended] or [(0.0, 0.0, 0.0)]
        return {"runner": max(one[1] for one in found), "worker": max(one[2] for one in found)}

    def _look(self, over: Event) -> None:
        while not over.wait(1 / LOOKS_PER_S):
            worker = max(map(resident_mb, below(self._pid)), default=0.0)
            self.looks.append((time.time(), round(resident_mb(self._pid), 1), round(worker, 1)))


def run(project: Noop, source: Path) -> Watched:
    """Do the run as a command of its own; return the memory that it took."""
    words = [str(WAVE), "--project", str(project.folder), "run", "million", "--param", f"file={source}", "--force"]
    said = source.with_suffix(".said")
    with said.open("w") as out, subprocess.Popen(words, stdout=out, stderr=out, env=dict(os.environ)) as process:
        watched = Watched(process.pid)
        with watched.watching():
            process.wait()
    assert process.returncode == 0, said.read_text()
    return watched


def phases(project: Noop, records: int, watched: Watched) -> dict[str, dict[str, Any]]:
    """Return what is known of each phase of the run; the last one judges the records that the steps have left."""
    with project.sql() as connection:
        [at] = connection.execute(TIMES).fetchall()
    bounds = itertools.pairwise(at[name] for name in ("started", "staged", "promoted", "done", "ended"))
    work = {"stage": records, "promote": records, "steps": 3 * records, "end": records}
    return {
        name: _phase(project, name, n, begun, ended, watched)
        for (name, n), (begun, ended) in zip(work.items(), bounds, strict=True)
    }


def _phase(project: Noop, name: str, n: int, begun: float, ended: float, watched: Watched) -> dict[str, Any]:
    tenth_s = (ended - begun) / TENTHS
    found: dict[str, Any] = {"seconds": round(ended - begun, 1), "per_s": round(n / (ended - begun))}
    if name in COUNTED:
        found["per_s_by_tenth"] = [round(count / tenth_s) for count in _pace(project, *COUNTED[name], begun, ended)]
        tenths = [begun + n * tenth_s for n in range(TENTHS + 1)]
        most = [watched.most(*pair) for pair in itertools.pairwise(tenths)]
        found["mb_by_tenth"] = {name: [one[name] for one in most] for name in ("runner", "worker")}
    return found


def _pace(project: Noop, type: str, step: str, begun: float, ended: float) -> list[int]:
    given = {"type": type, "step": step, "begun": begun, "ended": ended + 1e-6, "tenths": TENTHS}
    with project.sql() as connection:
        counts = {row["tenth"]: row["n"] for row in connection.execute(PACE, given).fetchall()}
    return [counts.get(tenth, 0) for tenth in range(1, TENTHS + 1)]


def ask(project: Noop, records: int) -> dict[str, float]:
    """Return the seconds that each report takes."""
    names = ("steps", "actors", "errors", "throughput", "delta", "alerts", "stale", "servers", "runners")
    questions: dict[str, Sequence[str]] = {
        "status": ("status", "--json"),
        **{f"report {name}": ("report", name, "--json") for name in names},
        "trace": ("trace", f"thing {records // 2:07}"),
        "doctor": ("doctor", "--json"),
    }
    found = {}
    for name, words in questions.items():
        began = time.perf_counter()
        project.wave(*words)
        found[name] = round(time.perf_counter() - began, 2)
    return found


def measure(records: int, size: int) -> dict[str, Any]:
    """Take so many records through; return what was seen, and on what."""
    with tempfile.TemporaryDirectory(prefix="wave-million-") as place, noop() as project:
        source = Path(place) / "things.jsonl"
        write_source(source, records, size)
        for path, text in {"actors/fetch": FETCH, "actors/check": CHECK}.items():
            (project.folder / f"{path}.py").write_text(text, encoding="utf-8")
        (project.folder / "workflows/million.yaml").write_text(WORKFLOW, encoding="utf-8")
        with (project.folder / "wave.toml").open("a", encoding="utf-8") as toml:
            toml.write(f'\n[scripts.fetch]\nmay_read = "{place}"\n')
        watched = run(project, source)
        with project.sql() as connection:
            [done] = connection.execute(DONE).fetchall()
        assert done == {"steps": 3 * records, "records": records, "run": "completed"}, done
        found: dict[str, Any] = {"phases": phases(project, records, watched)}
        for name, one in found["phases"].items():
            print(f"{name}: {one}", flush=True)
        found["peak_mb"] = watched.most(0, time.time())
        found["database_mb"] = round(project.one(SIZE))
        found["report_s"] = ask(project, records)
        print(f"peak {found['peak_mb']} MB, database {found['database_mb']} MB, {found['report_s']}", flush=True)
        return {**found, "records": records, "bytes": size, **facts(project)}


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=100, help="of the text of each record")
    told = parser.parse_args()
    print(json.dumps(measure(told.records, told.bytes)))


if __name__ == "__main__":
    main()
