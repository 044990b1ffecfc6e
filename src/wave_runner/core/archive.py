"""What an archive of history holds: tables in Parquet, and no content that an erasure would have to reach."""

from __future__ import annotations

from collections.abc import Mapping

RUNS = {
    "run_id": "BIGINT",
    "workflow": "VARCHAR",
    "kind": "VARCHAR",
    "state": "VARCHAR",
    "reason": "VARCHAR",
    "priority": "INTEGER",
    "started_by": "VARCHAR",
    "started_at": "TIMESTAMPTZ",
    "ended_at": "TIMESTAMPTZ",
    "currency": "VARCHAR",
    "correlation_id": "UUID",
}
INTERACTIONS = {
    "run_id": "BIGINT",
    "interaction_id": "BIGINT",
    "step": "VARCHAR",
    "actor": "VARCHAR",
    "record_id": "BIGINT",
    "correlation_id": "UUID",
    "item": "INTEGER",
    "iteration": "INTEGER",
    "parent_id": "BIGINT",
    "state": "VARCHAR",
    "in_force": "BOOLEAN",
    "superseded_by": "BIGINT",
    "attempt": "INTEGER",
    "errors": "INTEGER",
    "crashes": "INTEGER",
    "error_class": "VARCHAR",
    "rule": "VARCHAR",
    "tokens_in": "INTEGER",
    "tokens_out": "INTEGER",
    "service_us": "BIGINT",
    "created_at": "TIMESTAMPTZ",
    "started_at": "TIMESTAMPTZ",
    "finished_at": "TIMESTAMPTZ",
}
EVENTS = {
    "run_id": "BIGINT",
    "event_id": "BIGINT",
    "log_index": "BIGINT",
    "interaction_id": "BIGINT",
    "seq": "INTEGER",
    "type": "VARCHAR",
    "cause_interaction_id": "BIGINT",
    "cause_seq": "INTEGER",
    "correlation_id": "UUID",
    "wave_id": "BIGINT",
    "runner_id": "UUID",
    "step": "VARCHAR",
    "actor": "VARCHAR",
    "definition": "VARCHAR",
    "recorded_at": "TIMESTAMPTZ",
    "db_user": "VARCHAR",
    "data": "VARCHAR",
}
CALLS = {
    "run_id": "BIGINT",
    "interaction_id": "BIGINT",
    "attempt": "INTEGER",
    "step": "VARCHAR",
    "actor": "VARCHAR",
    "record_id": "BIGINT",
    "fate": "VARCHAR",
    "tokens_in": "INTEGER",
    "tokens_cached": "INTEGER",
    "tokens_out": "INTEGER",
    "service_us": "BIGINT",
    "token_money": "BIGINT",
    "machine_money": "BIGINT",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "runs": RUNS,
    "interactions": INTERACTIONS,
    "events": EVENTS,
    "calls": CALLS,
}
"""Of each table its columns, in order, with the types of DuckDB. Times are UTC, `_us` are microseconds."""
