"""What a step and an event take on disk and in the WAL: `python -m benchmarks.bytes`.

    python -m benchmarks.bytes --records 2089 --kinds engine script

Records go through five steps that do nothing, in a database of their own for each kind of step. Counted is what a whole
run has written, from its start to its end: records, selection, waves and verdicts are shared out among the steps. The
WAL begins behind a checkpoint, so that `wal_full_pages` of it are whole pages, which a longer run writes less of for
each step. Heap and indexes are what the tables have grown by, with what updates have left behind in them. The last line
is one JSON object: bytes by kind of step.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks.noop import KINDS, STEPS, Noop, facts, noop
from benchmarks.throughput import DONE

SIZES = """\
SELECT coalesce(whole.relname, part.relname) AS name, sum(pg_relation_size(part.oid))::bigint AS heap,
       sum(pg_indexes_size(part.oid))::bigint AS indexes, sum(pg_total_relation_size(part.oid))::bigint AS total
FROM pg_class part
LEFT JOIN pg_inherits ON inhrelid = part.oid
LEFT JOIN pg_class whole ON whole.oid = inhparent
WHERE part.relnamespace = 'wave'::regnamespace AND part.relkind = 'r'
GROUP BY 1
"""
WAL = """\
SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes, wal_fpi AS full_pages FROM pg_stat_wal
"""
WIDTHS = """\
SELECT (SELECT avg(pg_column_size(i.*)) FROM interactions i)::float8 AS interaction,
       (SELECT avg(pg_column_size(e.*)) FROM interaction_events e WHERE interaction_id IS NOT NULL)::float8 AS event
"""

Sizes = dict[str, dict[str, int]]


def measure(project: Noop, kind: str, records: int) -> dict[str, Any]:
    """Return what one run has written, in bytes for each step and for each event."""
    project.fill(records)
    project.settle()
    sizes, events, wal = _sizes(project), _events(project), _row(project, WAL)
    project.wave("run", kind, "--force")
    done = project.one(DONE)
    assert done == records * STEPS, f"{done} of {records * STEPS} steps were done"
    grown = _grown(sizes, _sizes(project))
    events = _events(project) - events
    wal = {name: int(value - wal[name]) for name, value in _row(project, WAL).items()}
    of_all = {name: sum(one[name] for one in grown.values()) for name in ("heap", "indexes", "total")}
    of_events = grown["interaction_events"]
    largest = sorted(grown, key=lambda name: -grown[name]["total"])[:6]
    return {
        "per_step": {"wal": round(wal["bytes"] / done), **{name: round(n / done) for name, n in of_all.items()}},
        "per_event": {
            "wal": round(wal["bytes"] / events),
            "heap": round(of_events["heap"] / events, 1),
            "indexes": round(of_events["indexes"] / events, 1),
        },
        "events_per_step": round(events / done, 3),
        "wal_full_pages": wal["full_pages"],
        "row_widths": {name: round(width, 1) for name, width in _row(project, WIDTHS).items()},
        "tables_per_step": {name: {part: round(n / done) for part, n in grown[name].items()} for name in largest},
    }


def _sizes(project: Noop) -> Sizes:
    with project.sql() as connection:
        return {row.pop("name"): row for row in connection.execute(SIZES).fetchall()}


def _grown(before: Sizes, after: Sizes) -> Sizes:
    return {name: {part: size - before[name][part] for part, size in sizes.items()} for name, sizes in after.items()}


def _events(project: Noop) -> int:
    return int(project.one("SELECT count(*) FROM interaction_events"))


def _row(project: Noop, query: str) -> dict[str, Any]:
    with project.sql() as connection:
        [row] = connection.execute(query).fetchall()
        return row


def main() -> None:
    """Measure as told, a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2089)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["engine", "script"])
    told = parser.parse_args()
    found: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for kind in told.kinds:
        with noop() as project:
            found[kind] = measure(project, kind, told.records)
            seen = facts(project)
        print(f"{kind}: {found[kind]['per_step']} bytes per step, {found[kind]['per_event']} per event", flush=True)
    print(json.dumps({"bytes": found, "records": told.records, "steps": STEPS, **seen}))


if __name__ == "__main__":
    main()
