"""What folds make of events, one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.histories import FLOWS, HISTORIES, placed, settled

from wave_runner.audit import wave_verify
from wave_runner.core.event import EventType
from wave_runner.core.interaction import LEGAL_MOVES, State
from wave_runner.core.projection import (
    PROJECTIONS,
    STATE_AFTER,
    Folded,
    RecordStates,
    Told,
    fold_interaction,
    refusal,
)
from wave_runner.store.projections import code_sha256

STARTED, COMPLETED, FAILED = "interaction_started", "interaction_completed", "interaction_failed"


def told(type: str, **more: object) -> Told:
    at = {"log_index": 0, "run_id": 1, "form": 1, "interaction_id": 5, "seq": 1, "wave_id": 9, "step": "count"}
    return Told(**{**at, "correlation_id": FLOWS[0], "data": "{}", "recorded_us": 0, "type": type, **more})  # type: ignore[arg-type]


def test_every_state_that_is_reached_by_an_event_can_be_left_for_by_a_legal_move():
    assert set(STATE_AFTER.values()) <= {after for moves in LEGAL_MOVES.values() for after in moves}


def test_the_verifier_which_imports_nothing_of_ours_says_the_same_of_every_event():
    said = {type: after for type, (_, after) in wave_verify.MOVES.items() if after}
    states = {**STATE_AFTER, EventType.INTERACTION_INVALIDATED: State.INVALIDATED}
    assert said == {str(type): getattr(wave_verify, f"_{state.name}") for type, state in states.items()}


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ([], Folded(state=State.PENDING)),
        ([STARTED], Folded(state=State.RUNNING, attempt=1, seq=1, wave_id=9)),
        ([STARTED, COMPLETED], Folded(state=State.COMPLETED, attempt=1, seq=2, wave_id=9)),
        (
            [STARTED, "interaction_retry_scheduled", STARTED, FAILED, "interaction_retried"],
            Folded(state=State.PENDING, attempt=2, seq=5),
        ),
        (["interaction_skipped", "interaction_set_aside"], Folded(state=State.SKIPPED, in_force=False, seq=2)),
        (
            [STARTED, COMPLETED, "interaction_superseded"],
            Folded(state=State.COMPLETED, in_force=False, attempt=1, seq=3, wave_id=9),
        ),
        (
            [STARTED, COMPLETED, "interaction_superseded", "interaction_restored"],
            Folded(state=State.COMPLETED, attempt=1, seq=4, wave_id=9),
        ),
        (
            [STARTED, COMPLETED, "interaction_invalidated"],
            Folded(state=State.INVALIDATED, attempt=1, seq=3, wave_id=9),
        ),
        ([STARTED, "interaction_waiting", "task_claimed"], Folded(state=State.WAITING, attempt=1, seq=3, wave_id=9)),
    ],
)
def test_an_interaction_is_what_its_events_have_made_of_it(types: list[str], says: Folded):
    assert fold_interaction(told(type) for type in types) == says


def after(*events: Told) -> RecordStates:
    states = RecordStates()
    states.apply(event._replace(log_index=n) for n, event in enumerate(events))
    return states


def test_a_record_is_live_until_its_verdict_and_again_when_that_is_taken_back():
    events = [told(STARTED), told(FAILED), told("records_settled", interaction_id=None, data=settled([], [FLOWS[0]]))]
    assert after(*events).counts() == {(1, "incomplete"): 1}
    events.append(told("interaction_retried"))
    assert after(*events).counts() == {(1, "live"): 1}
    events.append(told("records_settled", interaction_id=None, data=settled([FLOWS[0]], [])))
    [row] = after(*events).rows.values()
    assert (row.state, row.step_state, row.attempts, row.troubles, row.events) == ("completed", "pending", 1, 1, 5)


def test_the_run_itself_is_no_record():
    states = after(told("run_started", interaction_id=None), told(STARTED))
    [row] = states.rows.values()
    assert row.whole_run
    assert states.counts() == {}


@given(history=HISTORIES, cut=st.integers(0, 60))
def test_a_prefix_and_then_the_rest_is_the_whole(history: list[dict[str, object]], cut: int):
    events = list(placed(history))
    whole, parts = RecordStates(), RecordStates()
    whole.apply(events)
    parts.apply(events[:cut])
    parts.apply(events[cut:])
    assert parts.rows == whole.rows


@given(history=HISTORIES)
def test_what_a_history_is_made_of_can_be_folded(history: list[dict[str, object]]):
    assert [refusal(event) for event in placed(history)] == [""] * len(history)


def refused() -> Iterator[tuple[Told, str]]:
    yield told(STARTED, form=2), "it has form 2"
    yield told("interaction_teleported"), "its type interaction_teleported is unknown"
    yield told(STARTED, correlation_id=None), "to no flow"
    for data in ("{}", "{", '{"completed":1,"completed_flows":[1],"incomplete":0,"incomplete_flows":[]}'):
        yield told("records_settled", interaction_id=None, data=data), "do not name the flows"


@pytest.mark.parametrize(("event", "because"), list(refused()))
def test_what_cannot_be_folded_says_why(event: Told, because: str):
    assert because in refusal(event)


def test_every_type_of_event_is_known():
    assert not any("unknown" in refusal(told(type)) for type in EventType)


def test_a_fold_that_has_changed_has_a_new_version():
    """Whoever changes a fold gives the projection its next version, and writes the hash down here beside the others."""
    known = {("record_states", 1): "cd3ce84567ac2f20", ("record_states", 2): "131cb4ca589c9a5a"}
    found = {(one.name, one.version): hashlib.sha256(code_sha256(one)).hexdigest()[:16] for one in PROJECTIONS}
    assert found.items() <= known.items()
