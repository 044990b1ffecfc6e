"""The roles of a project in its database, and what each of them may do there: nothing besides.

They are named after the project's schema: `wave_runner` where that is `wave`. Whoever connects is a member of one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Literal

Verb = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]


class DatabaseRole(enum.StrEnum):
    """Who somebody may be in the database."""

    OWNER = "owner"  # the schema and all in it are its own; migrations act as it, and nobody logs in as it
    RUNNER = "runner"  # does the work, and whatever a person orders: runners, the pages, commands
    QUERY = "query"  # the queries that a project's files and scripts ask
    READ = "read"  # looks


def role_name(schema: str, role: DatabaseRole) -> str:
    """Return what a role of the project in a schema is called; a schema's name is short enough for that."""
    return f"{schema}_{role}"


# What a runner may do with each of the engine's tables and views, besides reading it. To lock a row takes the right to
# update it, also through a view.
RUNNER: Mapping[str, tuple[Verb, ...]] = {
    "access_tokens": ("INSERT", "UPDATE"),
    "accounts": ("INSERT", "UPDATE"),
    "actors": ("INSERT", "UPDATE"),
    "alerts": ("INSERT", "DELETE"),
    "answers": ("INSERT", "UPDATE", "DELETE"),
    "batches": ("INSERT", "UPDATE"),
    "breakers": ("INSERT", "UPDATE"),
    "calls": (),
    "claimable": ("INSERT", "UPDATE", "DELETE"),
    "claimed": ("INSERT", "UPDATE", "DELETE"),
    "count_deltas": ("INSERT", "UPDATE", "DELETE"),
    "counterparts": ("INSERT", "UPDATE"),
    "counts": ("INSERT", "UPDATE"),
    "decisions": ("INSERT", "UPDATE"),
    "definitions": ("INSERT", "UPDATE"),
    "dropped_ranges": (),
    "drops": ("INSERT", "UPDATE"),
    "durations": ("INSERT", "UPDATE", "DELETE"),
    "erasures": ("INSERT", "UPDATE"),
    "event_log": ("INSERT",),
    "experiments": ("INSERT", "UPDATE"),
    "fan_outs": ("INSERT", "UPDATE"),
    "firings": ("INSERT",),
    "held_interactions": (),
    "held_runs": (),
    "hits": ("INSERT",),
    "http_requests": ("INSERT", "UPDATE", "DELETE"),
    "http_sessions": ("INSERT", "UPDATE", "DELETE"),
    "interaction_events": (),  # and some columns: SAID
    "interaction_inputs": ("INSERT",),
    "interactions": ("INSERT", "UPDATE"),
    "interim_sums": ("INSERT", "UPDATE", "DELETE"),
    "invalidations": ("INSERT",),
    "joins": ("INSERT", "UPDATE"),
    "kept_sums": (),
    "last_results": ("INSERT", "UPDATE"),
    "ledger": ("INSERT", "UPDATE"),
    "legal_holds": ("INSERT", "DELETE"),
    "log_checkpoints": ("INSERT",),
    "log_state": ("INSERT", "UPDATE"),
    "log_tiles": ("INSERT",),
    "notice_looks": ("INSERT", "UPDATE"),
    "notices": ("INSERT", "UPDATE"),
    "payloads": ("INSERT", "UPDATE"),
    "picked": ("INSERT", "DELETE"),
    "picks": ("INSERT", "UPDATE", "DELETE"),
    "project": (),
    "project_files": (),
    "projections": ("INSERT", "UPDATE", "DELETE"),
    "queues": ("INSERT", "UPDATE"),
    "record_counts": ("INSERT", "UPDATE", "DELETE"),
    "record_states": ("INSERT", "UPDATE", "DELETE"),
    "records": ("INSERT", "UPDATE"),
    "reruns": ("INSERT", "UPDATE"),
    "retryable": ("UPDATE",),
    "run_counts": ("INSERT", "UPDATE"),
    "run_ranges": ("UPDATE",),
    "run_records": ("INSERT", "UPDATE"),
    "run_steps": ("INSERT",),
    "run_sums": ("INSERT", "UPDATE"),
    "runners": ("INSERT", "UPDATE"),
    "saved_values": (),
    "saved_views": ("INSERT", "DELETE"),
    "schedules": ("INSERT", "UPDATE"),
    "schema_version": (),
    "server_owners": ("INSERT", "UPDATE", "DELETE"),
    "spending": ("INSERT", "UPDATE"),
    "staged_records": ("INSERT", "UPDATE"),
    "staging_orders": ("INSERT",),
    "steps": ("INSERT",),
    "tasks": ("INSERT", "UPDATE"),
    "value_writes": ("INSERT", "UPDATE"),
    "visits": ("INSERT",),
    "waves": ("INSERT", "UPDATE"),
    "workflow_runs": ("INSERT", "UPDATE"),
    "workflows": ("INSERT", "UPDATE"),
}

# What a runner says of an event. Id, time, user and transaction are the database's to say.
SAID = (
    "run_id", "form", "type", "interaction_id", "seq", "cause_interaction_id", "cause_seq", "wave_id",
    "correlation_id", "runner_id", "step", "actor", "definition", "data", "sha256",
)  # fmt: skip

SEQUENCES = ("event_ids", "interaction_ids", "payload_ids", "rerun_ids", "staged_ids", "value_write_ids")
# They act as the owner.
FUNCTIONS = ("close_run_range", "drop_run_range", "new_run_id")

# What nobody who only looks needs to see: hashes of tokens, sessions, and answers to requests.
NOT_READ = ("access_tokens", "http_requests", "http_sessions")

# The engine's table that a project's query may need, to know its records by their keys.
FOR_QUERIES = ("records",)

# Tables of the project itself.
ON_PROJECTS: Mapping[DatabaseRole, tuple[Verb, ...]] = {
    DatabaseRole.RUNNER: ("SELECT", "INSERT", "UPDATE", "DELETE"),
    DatabaseRole.QUERY: ("SELECT",),
    DatabaseRole.READ: ("SELECT",),
}
