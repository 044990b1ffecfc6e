"""Histories made up for the tests: events in any order that a fold must bear, in the log as if they were sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from hypothesis import strategies as st
from psycopg.rows import dict_row

from wave_runner.core.event import EventType, data_text
from wave_runner.core.projection import STATE_AFTER, RecordState, Told

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGAN_US = 1_790_000_000_000_000
FLOWS = [str(UUID(int=n)) for n in range(1, 6)]
RUNS = (1, 2)
OF_INTERACTIONS = [*STATE_AFTER, EventType.INTERACTION_DOUBTED, EventType.STAGING_WRITTEN, EventType.TASK_CLAIMED]


def settled(completed: Sequence[str], incomplete: Sequence[str]) -> str:
    """Return the data of `records_settled`."""
    return data_text(
        {
            "completed": len(completed),
            "completed_flows": sorted(completed),
            "incomplete": len(incomplete),
            "incomplete_flows": sorted(incomplete),
        }
    )


@st.composite
def tellings(draw: st.DrawFn) -> dict[str, object]:
    """Give one event, but for its place in the log and in its interaction."""
    run_id = draw(st.sampled_from(RUNS))
    at = {"run_id": run_id, "recorded_us": BEGAN_US + draw(st.integers(0, 10**9))}
    kind = draw(st.sampled_from(["moves"] * 6 + ["settles", "begins", "wave"]))
    if kind == "moves":
        flow = draw(st.integers(0, len(FLOWS) - 1))
        step = draw(st.sampled_from(["count", "save"]))
        told = {"type": str(draw(st.sampled_from(OF_INTERACTIONS))), "correlation_id": FLOWS[flow], "step": step}
        return {**at, **told, "interaction_id": run_id * 100 + flow * 10 + (step == "save"), "data": "{}"}
    if kind == "settles":
        flows = draw(st.lists(st.sampled_from(FLOWS), unique=True))
        split = draw(st.integers(0, len(flows)))
        return {**at, "type": "records_settled", "data": settled(flows[:split], flows[split:])}
    if kind == "begins":
        return {**at, "type": "run_started", "correlation_id": FLOWS[run_id], "data": "{}"}
    return {**at, "type": "wave_opened", "data": "{}"}


HISTORIES = st.lists(tellings(), min_size=1, max_size=60)


def placed(history: Sequence[dict[str, object]], *, first: int = 0) -> Iterator[Told]:
    """Give the events of a history where they stand in the log: before every seventh stands a header."""
    seqs: dict[object, int] = {}
    index = first
    for n, told in enumerate(history):
        index += 1 if n % 7 == 0 else 0
        interaction_id = told.get("interaction_id")
        seqs[interaction_id] = seqs.get(interaction_id, 0) + 1
        absent = dict.fromkeys(("interaction_id", "wave_id", "correlation_id", "step"))
        seq = seqs[interaction_id] if interaction_id else None
        yield Told(**{"log_index": index, "form": 1, "seq": seq, **absent, **told})  # type: ignore[arg-type]
        index += 1


def write(connection: psycopg.Connection, events: Sequence[Told]) -> int:
    """Put events into the log, with headers in the gaps before them, as a superuser can; return the log's length."""
    connection.execute("SET session_replication_role = replica")  # interactions and runs are not there
    rows = []
    for event in events:
        moment, digest = EPOCH + timedelta(microseconds=event.recorded_us), hashlib.sha256(event.data.encode()).digest()
        ids = (event.log_index + 1, event.run_id, event.interaction_id, event.wave_id)
        said = (event.type, event.seq, event.form, event.correlation_id, event.step, event.data)
        rows.append((*ids, moment, *said, digest))
    places = "%s, " * 11 + "%s"
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO interaction_events (event_id, run_id, interaction_id, wave_id, recorded_at, type, seq, form, "
            f"correlation_id, step, data, sha256) VALUES ({places})",
            rows,
        )
        by_index = {event.log_index: event for event in events}
        size = max(by_index) + 1
        cursor.executemany(
            "INSERT INTO event_log (log_index, run_id, event_id, kind, entry) VALUES (%s, %s, %s, %s, '{}') "
            "ON CONFLICT DO NOTHING",
            [
                (index, by_index[index].run_id, index + 1, 0) if index in by_index else (index, None, None, 1)
                for index in range(size)
            ],
        )
    connection.execute("INSERT INTO log_state (origin) VALUES ('made/up') ON CONFLICT DO NOTHING")
    connection.execute("UPDATE log_state SET next_index = %s", [size])
    connection.commit()
    return size


def rows(connection: psycopg.Connection, projection_id: int) -> dict[tuple[int, str], RecordState]:
    """Return what a copy of `record_states` holds."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT run_id, correlation_id::text AS flow, whole_run, state, step, step_state::text AS step_state, "
            "attempts, troubles, events, (extract(epoch FROM begun_at) * 1000000)::bigint AS begun_us, "
            "(extract(epoch FROM changed_at) * 1000000)::bigint AS changed_us, first_index, last_index "
            "FROM record_states WHERE projection_id = %s",
            [projection_id],
        ).fetchall()
    return {(row.pop("run_id"), row.pop("flow")): RecordState(**row) for row in found}


def counts(connection: psycopg.Connection, projection_id: int) -> dict[tuple[int, str], int]:
    """Return the counts beside it, but for those of nothing."""
    found = connection.execute(
        "SELECT run_id, state, n FROM record_counts WHERE projection_id = %s AND n <> 0", [projection_id]
    ).fetchall()
    return {(run_id, state): n for run_id, state, n in found}
