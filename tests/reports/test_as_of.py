"""How a run stood once, against its events up to there folded one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from tests.support.projects import Ground, rows

from wave_runner.core.projection import RecordStates, Told, fold_interaction
from wave_runner.errors import NotFoundError
from wave_runner.reports.as_of import AsOf, as_of

EVENTS = """
    SELECT l.log_index, e.run_id, e.form, e.type::text, e.interaction_id, e.seq, e.wave_id, e.correlation_id::text,
           e.step, e.data, (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS recorded_us
    FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id ORDER BY l.log_index
"""


def naive(events: list[Told], before: int, run_id: int) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Fold the events of a run that stand before an index."""
    known = [event for event in events if event.log_index < before and event.run_id == run_id]
    by_interaction: dict[int, list[Told]] = defaultdict(list)
    for event in known:
        if event.interaction_id is not None:
            by_interaction[event.interaction_id].append(event)
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for told in by_interaction.values():
        steps[told[0].step or ""][str(fold_interaction(told).state)] += 1
    states = RecordStates()
    states.apply(known)
    return {step: dict(counts) for step, counts in steps.items()}, {
        state: n for (_, state), n in states.counts().items()
    }


def test_it_is_what_the_events_up_to_there_say(ground: Ground):
    ground.project(rows=[*rows(4), {"name": "bad", "text": "one"}], ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert ground.run() == "completed"  # nothing new: a run without records
    events = [Told(**row) for row in ground.sql(EVENTS)]
    began = {run: min(one.log_index for one in events if one.run_id == run) for run in (1, 2)}
    places = sorted({*range(began[1] + 1, began[1] + 20), began[2], began[2] + 1, events[-1].log_index + 1})
    for before in places:
        newest = 2 if before > began[2] else 1
        found = ground.do(lambda engine, before=before: as_of(engine.database, before))
        steps, records = naive(events, before, newest)
        assert (found.index, found.run_id, found.steps, found.records) == (before, newest, steps, records)
    first = ground.do(lambda engine: as_of(engine.database, events[-1].log_index + 1, 1))
    assert (first.state, first.records) == ("failed", {"completed": 4, "incomplete": 1})
    assert ground.do(lambda engine: as_of(engine.database, began[1] + 1)).state == "running"


def test_known_at_a_time_is_what_had_been_sealed_by_then(ground: Ground):
    ground.project(rows=rows(2), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    headers = ground.sql("SELECT log_index, entry FROM event_log WHERE kind = 1 ORDER BY log_index")
    size = ground.one("SELECT next_index FROM log_state")
    ends = [*(row["log_index"] for row in headers[1:]), size]
    for row, end in zip(headers, ends, strict=True):
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=orjson.loads(row["entry"])["at"])
        if end > 2:  # the run had begun
            found = _at(ground, at)
            assert (found.index, found.sealed_at) == (end, at)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=orjson.loads(headers[0]["entry"])["at"])
    with pytest.raises(NotFoundError, match="nothing was sealed by"):
        _at(ground, at - timedelta(microseconds=1))
    assert _at(ground, at + timedelta(days=1)).index == size


def _at(ground: Ground, at: datetime) -> AsOf:
    return ground.do(lambda engine: as_of(engine.database, at))


def test_what_the_log_does_not_reach_is_not_made_up(ground: Ground):
    ground.project(rows=rows(1))
    assert ground.run() == "completed"
    size = ground.one("SELECT next_index FROM log_state")
    with pytest.raises(NotFoundError, match=f"the log has {size} entries, and not {size + 1}"):
        ground.do(lambda engine: as_of(engine.database, size + 1))
    with pytest.raises(NotFoundError, match="run 7 had not begun"):
        ground.do(lambda engine: as_of(engine.database, size, 7))
