"""A log checked from the beginning by nothing but its rows: naive where the product is clever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row
from tests.core.test_merkle import naive

from wave_runner.core.event import Event, body, commitments
from wave_runner.core.merkle import leaf_hash
from wave_runner.core.note import Checkpoint, Note, VerifierKey

EVENTS = """
    SELECT event_id, run_id, form, type::text, interaction_id, seq, cause_interaction_id, cause_seq, wave_id,
           correlation_id::text, runner_id::text, step, actor, encode(definition, 'hex') AS definition, data,
           (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_us, db_user
    FROM interaction_events
"""


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the database holds of its log."""

    entries: list[bytes]
    said: list[dict[str, Any]]
    event_ids: list[int]
    checkpoints: list[Checkpoint]
    notes: list[str]
    state: dict[str, Any]


def read(url: str) -> Log:
    """Read the log as it stands."""
    with psycopg.connect(url, options="-c search_path=wave,public", row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows = connection.execute("SELECT * FROM event_log ORDER BY log_index").fetchall()
        notes = [row["note"] for row in connection.execute("SELECT note FROM log_checkpoints ORDER BY size").fetchall()]
        state = connection.execute("SELECT * FROM log_state").fetchone() or {}
        events = connection.execute(EVENTS).fetchall()
        tiles = connection.execute("SELECT * FROM log_tiles ORDER BY level, tile_index").fetchall()
        project = connection.execute("SELECT max(project_id) AS id FROM project").fetchone()
    assert [row["log_index"] for row in rows] == list(range(len(rows))), "an index is missing"
    log = Log(
        entries=[bytes(row["entry"]) for row in rows],
        said=[orjson.loads(row["entry"]) for row in rows],
        event_ids=[row["event_id"] for row in rows if row["kind"] == 0],
        checkpoints=[Checkpoint.parse(Note.parse(note).text) for note in notes],
        notes=notes,
        state=state,
    )
    _check_rows(rows, log)
    _check_events(log, {row["event_id"]: Event(**row) for row in events}, f"wave:{project['id']}")
    _check_tree(log, tiles)
    return log


def _check_rows(rows: list[dict[str, Any]], log: Log) -> None:
    for row, said in zip(rows, log.said, strict=True):
        assert (said["n"], said["k"]) == (row["log_index"], row["kind"])
        if said["k"] == 0:
            assert said["i"] == row["event_id"]


def _check_events(log: Log, events: dict[int, Event], source: str) -> None:
    header: dict[str, Any] = {"count": 0}
    left = 0
    for said in log.said:
        if said["k"] == 1:
            assert left == 0, "a header counts more events than follow it"
            assert 0 < said["count"] <= 5000
            assert said["prev_size"] == said["n"]
            header, left = said, said["count"]
        elif said["k"] == 0:
            left -= 1
            event = events[said["i"]]
            assert said["b"] == hashlib.sha256(body(event, source=source)).hexdigest()
            assert said["p"] == commitments(event.data)
            assert (said["r"], said["u"]) == (event.recorded_us, event.db_user)
            assert event.recorded_us <= header["at"]
    assert left == 0
    assert len(set(log.event_ids)) == len(log.event_ids), "an event was sealed twice"
    place = {event_id: n for n, event_id in enumerate(log.event_ids)}
    by_seq = {(one.interaction_id, one.seq): event_id for event_id, one in events.items() if one.interaction_id}
    for event_id, event in events.items():
        cause = by_seq.get((event.cause_interaction_id, event.cause_seq))
        if event_id in place and cause is not None:
            assert place.get(cause, len(place)) < place[event_id], "an event comes before its cause"


def _check_tree(log: Log, tiles: list[dict[str, Any]]) -> None:
    leaves = [leaf_hash(entry) for entry in log.entries]
    for said in log.said:
        if said["k"] == 1 and said["n"] < 2000:
            assert said["prev_root"] == naive(leaves[: said["n"]]).hex()
    for checkpoint in log.checkpoints[-20:]:
        assert checkpoint.root == naive(leaves[: checkpoint.size])
    if log.state:
        assert log.state["next_index"] == len(leaves)
    level_0 = [row for row in tiles if row["level"] == 0]
    assert [row["tile_index"] for row in level_0] == list(range(len(leaves) // 256))
    for row in level_0:
        part = leaves[row["tile_index"] * 256 :][:256]
        assert bytes(row["hashes"]) == b"".join(part)
        assert bytes(row["root"]) == naive(part)
    assert len([row for row in tiles if row["level"] == 1]) == len(leaves) // 65536


def signers(log: Log, note: str, publics: list[bytes]) -> int:
    """Return how many of these keys have signed a note, under its own origin."""
    parsed = Note.parse(note)
    origin = Checkpoint.parse(parsed.text).origin
    return len(parsed.verified([VerifierKey(name=origin, public=public) for public in publics]))
