"""Whether work slows down with what is done already: `python -m benchmarks.history`.

    python -m benchmarks.history --finished 1000000 5000000 --records 4000 --rounds 5

Runs of no-op steps in a database that is empty, and then beside so many finished interactions, with both events of each
(copied from a run that was done, in bulk, then vacuumed as autovacuum would have done in the time that they take in
earnest). The figure is the median rate beside each history against that of the empty database. The last line is one
JSON object with the rates, the ratios, and how large the database was.
"""

from __future__ import annotations

import argparse
import json
import statistics

import psycopg
from benchmarks.noop import KINDS, STEPS, Noop, facts, noop
from benchmarks.throughput import measure

CHUNK = 50_000  # records
# A finished run like the newest one, which has done one record.
RUN = """
    WITH before AS (SELECT * FROM workflow_runs ORDER BY run_id DESC LIMIT 1), made AS (
        INSERT INTO workflow_runs (run_id, workflow_id, definition_id, params, priority, correlation_id, state,
                                   started_by, ended_at)
        SELECT new_run_id(), workflow_id, definition_id, params, priority, gen_random_uuid(), 'completed', started_by,
               now()
        FROM before RETURNING run_id
    ), generation AS (
        INSERT INTO reruns (run_id, generation) SELECT run_id, 0 FROM made
    )
    SELECT made.run_id, before.run_id AS like_run FROM made, before
"""
STEPS_OF_RUN = """
    INSERT INTO run_steps (run_id, generation, step_id, position, actor_id, definition_id, queue_id)
    SELECT %(run_id)s, generation, step_id, position, actor_id, definition_id, queue_id
    FROM run_steps WHERE run_id = %(like_run)s
"""
RECORDS = """
    WITH made AS (
        INSERT INTO records (collection, key)
        SELECT 'things', format('done %%s %%s', %(run_id)s::bigint, %(first)s + g)
        FROM generate_series(1, %(records)s) AS g
        RETURNING record_id
    )
    INSERT INTO run_records (run_id, record_id, workflow_id, live, state, settled_at)
    SELECT r.run_id, record_id, r.workflow_id, 0, 'completed', now()
    FROM made, workflow_runs r WHERE r.run_id = %(run_id)s
"""
INTERACTIONS = """
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, rank, state, wave_id, attempt, seq, input,
         input_nonce, output, output_nonce, service_us, started_at, finished_at)
    SELECT %(run_id)s, s.run_step_id, s.queue_id, r.record_id, r.correlation_id, i.rank, i.state, i.wave_id, i.attempt,
           i.seq, i.input, i.input_nonce, i.output, i.output_nonce, i.service_us, now(), now()
    FROM (SELECT * FROM run_records WHERE run_id = %(run_id)s ORDER BY record_id DESC LIMIT %(records)s) AS r
    CROSS JOIN interactions i
    JOIN run_steps was USING (run_step_id)
    JOIN run_steps s ON s.run_id = %(run_id)s AND s.step_id = was.step_id
    WHERE i.run_id = %(like_run)s
"""
EVENTS = """
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT i.run_id, e.form, e.type, i.interaction_id, e.seq, i.interaction_id, 0, e.wave_id, i.correlation_id,
           e.runner_id, e.step, e.actor, e.definition, e.data, e.sha256
    FROM (SELECT * FROM interactions WHERE run_id = %(run_id)s ORDER BY interaction_id DESC LIMIT %(interactions)s) AS i
    JOIN run_steps s USING (run_step_id)
    JOIN run_steps was ON was.run_id = %(like_run)s AND was.step_id = s.step_id
    JOIN interaction_events e ON e.run_id = %(like_run)s AND e.interaction_id IS NOT NULL
    JOIN interactions l
      ON l.run_id = e.run_id AND l.interaction_id = e.interaction_id AND l.run_step_id = was.run_step_id
"""
COUNTS = """
    INSERT INTO counts (run_id, run_step_id, state, n)
    SELECT run_id, run_step_id, state, count(*) FROM interactions WHERE run_id = %(run_id)s GROUP BY 1, 2, 3
"""
# A history is sealed, and its sealing is not what is asked here: the log is told that it has seen what was copied.
SEEN = """
    UPDATE log_state
    SET last_snapshot = pg_current_snapshot(), target_snapshot = NULL, after_event_id = NULL, until_event_id = NULL
"""
FINISHED = "SELECT count(*) FROM interactions WHERE state = 'completed'"


def add_history(project: Noop, kind: str, interactions: int) -> None:
    """Put so many finished interactions, and their events, beside what is there."""
    project.fill(1)
    project.wave("run", kind, "--force")
    with psycopg.connect(project.url, options="-c search_path=wave,public", autocommit=True) as connection:
        row = connection.execute(RUN).fetchone()
        assert row is not None
        run_id, like_run = row
        given = {"run_id": run_id, "like_run": like_run}
        connection.execute(STEPS_OF_RUN, given)
        for first in range(0, interactions // STEPS, CHUNK):
            records = min(CHUNK, interactions // STEPS - first)
            chunk = {**given, "first": first, "records": records, "interactions": records * STEPS}
            for statement in (RECORDS, INTERACTIONS, EVENTS):
                connection.execute(statement, chunk)
            print(f"{(first + records) * STEPS} finished", flush=True)
        connection.execute(COUNTS, given)
        connection.execute(SEEN)
        connection.execute("VACUUM (ANALYZE)")


def main() -> None:
    """Measure as told, a line for each history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--finished", type=int, nargs="+", default=[500_000])
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=list(KINDS), default="engine")
    told = parser.parse_args()
    rates: dict[int, float] = {}
    sizes: dict[int, str] = {}
    with noop() as project:
        for finished in [0, *told.finished]:
            if (missing := finished - project.one(FINISHED)) > 0:
                add_history(project, told.kind, missing)
            rates[finished] = statistics.median(measure(project, told.kind, told.records) for _ in range(told.rounds))
            sizes[finished] = project.one("SELECT pg_size_pretty(pg_database_size(current_database()))")
            print(f"{finished} finished, {sizes[finished]}: {rates[finished]:.0f} steps/s", flush=True)
        seen = facts(project)
    figures = {str(finished): round(rate) for finished, rate in rates.items()}
    ratios = {str(finished): round(rate / rates[0], 3) for finished, rate in rates.items()}
    database = {str(finished): size for finished, size in sizes.items()}
    print(json.dumps({"steps_per_s": figures, "ratio_to_empty": ratios, "database": database, **seen}))


if __name__ == "__main__":
    main()
