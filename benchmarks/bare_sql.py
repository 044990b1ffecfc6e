"""How much of what PostgreSQL can do the engine keeps: `python -m benchmarks.bare_sql`.

    python -m benchmarks.bare_sql --records 2089 --sessions 1 2 --rounds 3

The limit is bare SQL that writes the rows of the engine's own no-op steps into the real schema, with its triggers and
constraints, and with the fences that keep a wave apart from others: waves of a thousand are claimed, begun, and
finished and closed, by one statement each, which commits. All values are made by the server, so that nothing travels,
and nothing is prepared, decided or checked in Python. What the engine does beside the steps, above all settling the
records, is not in the limit. Each round measures the engine and the limit with each number of sessions, on one
database; that both have written the same is looked up each time. The time is the database's, as in
`benchmarks.throughput`. The last line is one JSON object: steps a second, and the engine's in ratio to the best limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from benchmarks.noop import STEPS, Noop, facts, noop
from benchmarks.seeded import seed, start_run
from benchmarks.throughput import RATE
from benchmarks.throughput import measure as measure_engine

SIZE = 1000
WITHIN_S = 600.0
NOTHING_YET_S = 0.001

# A session that is planned as the engine's transactions are: store/sql/session/plan_by_key.sql.
OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "search_path=wave,public",
        "timezone=UTC",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "enable_bitmapscan=off",
        "plan_cache_mode=force_generic_plan",
    )
)

REGISTER = """\
INSERT INTO runners (runner_id, host, pid, version, labels, servers, script_slots)
VALUES (%s, 'benchmark', 0, 'benchmark', '{}', '{}', 0)
"""

CLAIM = """\
WITH front AS MATERIALIZED (
    SELECT ctid, run_id, interaction_id FROM claimable
    WHERE queue_id = %(queue_id)s
      AND EXISTS (SELECT FROM queues q JOIN actors a USING (actor_id)
                  WHERE q.queue_id = %(queue_id)s AND a.state = 'active' AND a.paused_at IS NULL)
      AND run_id <> ALL (ARRAY(SELECT run_id FROM held_runs))
    ORDER BY rank, interaction_id
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), opened AS (
    INSERT INTO waves (runner_id, runner_seq, queue_id, size, lease_expires_at)
    SELECT %(runner_id)s, %(runner_seq)s, %(queue_id)s, count(*), clock_timestamp() + interval '30 s'
    FROM front
    HAVING count(*) > 0
    RETURNING wave_id, size
), taken AS (
    DELETE FROM claimable WHERE ctid = ANY (ARRAY(SELECT ctid FROM front))
), held AS (
    INSERT INTO claimed (wave_id, interaction_id, run_id) SELECT wave_id, interaction_id, run_id FROM opened, front
), logged AS (
    INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
    SELECT 0, 1, 'wave_opened', wave_id, %(runner_id)s, data, sha256(convert_to(data, 'UTF8'))
    FROM opened, concat('{"queue":', %(queue_id)s::bigint, ',"reason":"latest step","seq":', %(runner_seq)s::bigint,
                        ',"size":', size, '}') AS data
)
SELECT wave_id FROM opened
"""

# The steps of a run with what stands on their events, and which step comes next.
STEPS_OF_RUN = """\
steps_of_run AS MATERIALIZED (
    SELECT rs.run_step_id, s.name AS step, a.name AS actor, d.sha256 AS definition, after.run_step_id AS next_id,
           after.queue_id AS next_queue, coalesce(to_step.name, 'end') AS next_step
    FROM run_steps rs
    JOIN steps s USING (step_id)
    JOIN actors a USING (actor_id)
    JOIN definitions d ON d.definition_id = rs.definition_id
    LEFT JOIN run_steps after ON after.run_id = rs.run_id AND after.generation = rs.generation
        AND after.position = rs.position + 1
    LEFT JOIN steps to_step ON to_step.step_id = after.step_id
    WHERE rs.run_id = %(run_id)s
)"""

START = f"""\
WITH {STEPS_OF_RUN}, wave AS MATERIALIZED (
    SELECT wave_id FROM waves WHERE wave_id = %(wave_id)s AND closed_at IS NULL FOR KEY SHARE
), given AS MATERIALIZED (
    SELECT c.run_id, c.interaction_id FROM wave JOIN claimed c USING (wave_id)
), started AS (
    UPDATE interactions i
    SET state = 'running', wave_id = %(wave_id)s, attempt = i.attempt + 1, seq = i.seq + 1,
        input = '{{"name":"' || (SELECT key FROM records r WHERE r.record_id = i.record_id) || '"}}',
        input_nonce = sha256(int8send(i.interaction_id)), started_at = clock_timestamp(),
        error_class = NULL, rule = NULL, error = NULL
    FROM given g
    WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id AND CASE i.state WHEN 'pending' THEN true END
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.seq, i.attempt, i.input,
              i.input_nonce, i.parent_id, i.parent_seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, 'interaction_started', interaction_id, seq,
           CASE WHEN seq = 1 THEN parent_id ELSE interaction_id END, CASE WHEN seq = 1 THEN parent_seq ELSE seq - 1 END,
           %(wave_id)s, correlation_id, %(runner_id)s, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM started JOIN steps_of_run USING (run_step_id), concat('{{"attempt":', attempt, ',"input":"',
        encode(sha256(input_nonce || convert_to(input, 'UTF8')), 'hex'), '"}}') AS data
), read AS (
    UPDATE run_records r SET read_hash = sha256(convert_to(s.input, 'UTF8'))
    FROM started s
    WHERE s.parent_id IS NULL AND r.run_id = s.run_id AND r.record_id = s.record_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, change.state, change.sign * count(*)
    FROM started CROSS JOIN (VALUES ('pending'::interaction_state, -1), ('running', 1)) AS change (state, sign)
    GROUP BY run_id, run_step_id, change.state, change.sign
)
SELECT count(*) FROM started
"""

FINISH = f"""\
WITH {STEPS_OF_RUN}, given AS MATERIALIZED (
    SELECT run_id, interaction_id FROM claimed WHERE wave_id = %(wave_id)s
), moved AS (
    UPDATE interactions i
    SET state = 'completed', seq = i.seq + 1, output = i.input, output_nonce = sha256(i.input_nonce), suspect = NULL,
        error_class = NULL, rule = NULL, error = NULL, tokens_in = 0, tokens_out = 0, service_us = 0,
        finished_at = clock_timestamp()
    FROM given g
    WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id
      AND CASE i.state WHEN 'running' THEN i.wave_id = %(wave_id)s END
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.generation, i.iteration,
              i.item, i.rank, i.attempt, i.seq, i.output, i.output_nonce
), placed AS MATERIALIZED (
    SELECT * FROM moved JOIN steps_of_run USING (run_step_id)
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, 'interaction_completed', interaction_id, seq, interaction_id, seq - 1, %(wave_id)s,
           correlation_id, %(runner_id)s, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM placed, concat('{{"attempt":', attempt, ',"output":"',
        encode(sha256(output_nonce || convert_to(output, 'UTF8')), 'hex'),
        '","route":"input.name != \\"\\"","service_us":0,"to":["', next_step, '"]}}') AS data
), children AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq,
         rank)
    SELECT run_id, next_id, next_queue, record_id, correlation_id, item, iteration, generation, interaction_id, seq,
           rank
    FROM placed
    WHERE next_id IS NOT NULL
    ORDER BY interaction_id
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM children
), over AS (
    UPDATE run_records r SET live = r.live - 1, state = 'ended'
    FROM placed p
    WHERE p.next_id IS NULL AND r.run_id = p.run_id AND r.record_id = p.record_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, change.state, change.sign * count(*)
    FROM moved CROSS JOIN (VALUES ('running'::interaction_state, -1), ('completed', 1)) AS change (state, sign)
    GROUP BY run_id, run_step_id, change.state, change.sign
    UNION ALL
    SELECT run_id, run_step_id, 'pending', count(*) FROM children GROUP BY run_id, run_step_id
), closed AS (
    UPDATE waves SET closed_at = clock_timestamp() WHERE wave_id = %(wave_id)s AND closed_at IS NULL
    RETURNING wave_id, size
), let_go AS (
    DELETE FROM claimed WHERE wave_id = (SELECT wave_id FROM closed)
), noted AS (
    INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
    SELECT 0, 1, 'wave_closed', wave_id, %(runner_id)s, data, sha256(convert_to(data, 'UTF8'))
    FROM closed, concat('{{"done":', size, ',"held":', size, '}}') AS data
)
SELECT count(*) FROM moved
"""

# So that the next run finds nothing left to do.
END = """\
WITH records_of_it AS (
    UPDATE run_records SET state = 'completed', settled_at = clock_timestamp() WHERE run_id = %(run_id)s
)
UPDATE workflow_runs SET state = 'completed', ended_at = clock_timestamp() WHERE run_id = %(run_id)s
"""

LEFT_OVER = """\
SELECT (SELECT count(*) FROM claimable) + (SELECT count(*) FROM claimed)
       + (SELECT count(*) FROM waves WHERE closed_at IS NULL)
"""

# What a run has written: how many values each column has, how long texts are, and how far each step is.
WRITTEN = {
    "interactions": """
        SELECT key, count(*), sum(length(value)) FILTER (WHERE key IN ('input', 'output')) FROM interactions i,
               jsonb_each_text(to_jsonb(i)) WHERE run_id = %s AND value IS NOT NULL GROUP BY key ORDER BY key""",
    "events": """
        SELECT type, step, key, count(*), sum(length(value)) FILTER (WHERE key IN ('data', 'actor', 'definition'))
        FROM interaction_events e, jsonb_each_text(to_jsonb(e))
        WHERE run_id = %s AND interaction_id IS NOT NULL AND value IS NOT NULL GROUP BY type, step, key
        ORDER BY type, step, key""",
    "counts": """
        SELECT position, state, sum(n) FROM (
            SELECT run_id, run_step_id, state, n FROM counts
            UNION ALL SELECT run_id, run_step_id, state, delta FROM count_deltas) AS both_parts
        JOIN run_steps USING (run_id, run_step_id)
        WHERE run_id = %s GROUP BY position, state HAVING sum(n) <> 0 ORDER BY position, state""",
    "records": """
        SELECT state, live, count(*), count(read_hash), count(settled_at) FROM run_records
        WHERE run_id = %s GROUP BY state, live""",
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done by bare SQL: so many steps of one run, whose work waits in one queue."""

    url: str
    run_id: int
    queue_id: int
    steps: int

    def work(self) -> int:
        """Do waves in a session until every step is done, by whomever. Returns how many were done here."""
        runner_id, seq, done = uuid4(), 0, 0
        ends = time.monotonic() + WITHIN_S
        with psycopg.connect(self.url, options=OPTIONS, autocommit=True) as connection:
            connection.execute(REGISTER, [runner_id])
            while time.monotonic() < ends:
                seq += 1
                if wave_done := self._wave(connection, runner_id, seq):
                    done += wave_done
                elif self._all_done(connection):
                    return done
                else:
                    time.sleep(NOTHING_YET_S)
        raise TimeoutError(f"not done within {WITHIN_S} seconds")

    def _wave(self, connection: psycopg.Connection[Any], runner_id: UUID, seq: int) -> int:
        """Do one wave; 0 if nothing can be claimed just now."""
        given = {"runner_id": runner_id, "runner_seq": seq, "queue_id": self.queue_id, "size": SIZE}
        claimed = connection.execute(CLAIM, given, prepare=True).fetchone()
        if claimed is None:
            return 0
        in_hand = {"runner_id": runner_id, "run_id": self.run_id, "wave_id": claimed[0]}
        started = connection.execute(START, in_hand, prepare=True).fetchone()
        finished = connection.execute(FINISH, in_hand, prepare=True).fetchone()
        assert started == finished is not None, f"{started} were begun, and {finished} finished"
        return int(finished[0])

    def _all_done(self, connection: psycopg.Connection[Any]) -> bool:
        query = "SELECT sum(delta) FROM count_deltas WHERE run_id = %s AND state = 'completed'"
        return connection.execute(query, [self.run_id]).fetchone() == (self.steps,)


def measure_limit(project: Noop, records: int, sessions: int) -> float:
    """Return the steps per second of bare SQL with so many sessions."""
    run_id = start_run(project, "engine")
    seed(project, run_id, records)
    queue_id = project.one("SELECT queue_id FROM run_steps WHERE run_id = %s AND position = 1", run_id)
    job = Job(url=project.url, run_id=run_id, queue_id=queue_id, steps=records * STEPS)
    with ThreadPoolExecutor(sessions) as pool:
        done = sum(one.result() for one in [pool.submit(job.work) for _ in range(sessions)])
    assert done == records * STEPS, f"{done} of {records * STEPS} steps were done"
    assert project.one(LEFT_OVER) == 0, "something is still claimed, or can be"
    with project.sql() as connection:
        connection.execute(END, {"run_id": run_id})
    return float(project.one(RATE))


def written(project: Noop) -> dict[str, Any]:
    """Return what the newest run has written."""
    run_id = project.one("SELECT max(run_id) FROM workflow_runs")
    with project.sql() as connection:
        return {name: connection.execute(query, [run_id]).fetchall() for name, query in WRITTEN.items()}


def main() -> None:
    """Measure as told, a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2089)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    engine: list[float] = []
    limits: dict[int, list[float]] = {sessions: [] for sessions in told.sessions}
    with noop() as project:
        for _ in range(told.rounds):
            engine.append(measure_engine(project, "engine", told.records))
            print(f"engine: {engine[-1]:.0f} steps/s", flush=True)
            expected = written(project)
            for sessions, rates in limits.items():
                rates.append(measure_limit(project, told.records, sessions))
                print(f"bare SQL, {sessions} sessions: {rates[-1]:.0f} steps/s", flush=True)
                same = {name: (expected[name], rows) for name, rows in written(project).items()}
                assert all(one == other for one, other in same.values()), same
        seen = facts(project)
    medians = {sessions: round(statistics.median(rates)) for sessions, rates in limits.items()}
    of_engine = round(statistics.median(engine))
    ratio = round(of_engine / max(medians.values()), 3)
    figures = {"engine": of_engine, "bare_sql": medians}
    given = {"records": told.records, "rounds": told.rounds, "wave": SIZE}
    print(json.dumps({"steps_per_s": figures, "engine_to_limit": ratio, **given, **seen}))


if __name__ == "__main__":
    main()
