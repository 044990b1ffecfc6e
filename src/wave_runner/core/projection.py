"""Projections: tables that are nothing but a fold of the sealed events, and can be folded anew at any time.

A fold takes events in the order of the log, each exactly once, and knows nothing else: no clock, no table but its own.
So it does not matter in how many batches it has come to where it is, nor how often it was killed on the way. What the
fold of `record_states` gives is said here, event by event; the store does the same for thousands at once
(`store/sql/projections/fold_record_states.sql`), and the tests hold the two against each other.

An interaction is a fold of its own events too. It is written with them in one transaction, and verified here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson

from wave_runner.core.event import FORM, EventType
from wave_runner.core.interaction import State

STATE_AFTER: Mapping[str, State] = {
    EventType.INTERACTION_STARTED: State.RUNNING,
    EventType.INTERACTION_COMPLETED: State.COMPLETED,
    EventType.INTERACTION_FAILED: State.FAILED,
    EventType.INTERACTION_QUARANTINED: State.QUARANTINED,
    EventType.INTERACTION_RETRY_SCHEDULED: State.PENDING,
    EventType.INTERACTION_RELEASED: State.PENDING,
    EventType.INTERACTION_LEASE_EXPIRED: State.PENDING,
    EventType.INTERACTION_UNBLOCKED: State.PENDING,
    EventType.INTERACTION_SKIPPED: State.SKIPPED,
    EventType.INTERACTION_CANCELLED: State.CANCELLED,
    EventType.INTERACTION_RETRIED: State.PENDING,
    EventType.INTERACTION_WAITING: State.WAITING,
}
"""Where an event leaves its interaction. Any other event of an interaction leaves it where it is."""

NOT_BEGUN = frozenset({State.PENDING, State.BLOCKED, State.SKIPPED})  # of no wave

LIVE, COMPLETED, INCOMPLETE = "live", "completed", "incomplete"
TAKES_BACK = frozenset(
    {
        EventType.INTERACTION_RETRIED,
        EventType.INTERACTION_DOUBTED,
        EventType.INTERACTION_SUPERSEDED,
        EventType.INTERACTION_RESTORED,
        EventType.INTERACTION_INVALIDATED,
    }
)
IN_FORCE_AFTER: Mapping[str, bool] = {
    EventType.INTERACTION_SET_ASIDE: False,
    EventType.INTERACTION_SUPERSEDED: False,
    EventType.INTERACTION_RESTORED: True,
}
"""Whether its interaction counts after an event. Any other event leaves that as it is."""

TROUBLES = frozenset({EventType.INTERACTION_FAILED, EventType.INTERACTION_QUARANTINED})

_FLOW = '"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"'
_FLOWS = rf"\[(?:{_FLOW}(?:,{_FLOW})*)?\]"
SETTLED_SHAPE = (
    rf'^\{{"completed":[0-9]+,"completed_flows":{_FLOWS},"incomplete":[0-9]+,"incomplete_flows":{_FLOWS}\}}$'
)
"""What the data of `records_settled` looks like, as a regular expression of Python and of PostgreSQL."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """A projection under its name. Its version grows with every change of what its fold gives."""

    name: str
    version: int


RECORD_STATES = Projection(name="record_states", version=2)
PROJECTIONS = (RECORD_STATES,)


class Told(NamedTuple):
    """An event as folds read it; None where a column is NULL."""

    log_index: int
    run_id: int
    form: int
    type: str
    interaction_id: int | None
    seq: int | None
    wave_id: int | None
    correlation_id: str | None
    step: str | None
    data: str
    recorded_us: int


def refusal(event: Told) -> str:
    """Say why an event cannot be folded; "" if it can. Such an event stops a projection until somebody skips it."""
    if event.form != FORM:
        return f"it has form {event.form}, and form {FORM} is known"
    if event.type not in EventType.__members__.values():
        return f"its type {event.type} is unknown here; a runner of a newer version, which has written it, folds it"
    if event.interaction_id is not None and event.correlation_id is None:
        return "it belongs to an interaction and to no flow"
    if event.type == EventType.RECORDS_SETTLED and not re.match(SETTLED_SHAPE, event.data):
        return "its data do not name the flows that were settled"
    return ""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """What the events of an interaction say of it."""

    state: State
    in_force: bool = True
    attempt: int = 0
    seq: int = 0
    wave_id: int | None = None


def fold_interaction(events: Iterable[Told], *, first: State = State.PENDING, in_force: bool = True) -> Folded:
    """Return what an interaction's events, in their order, make of it.

    `first` is where it was made, and `in_force` whether it counted then: what is made for an experiment never does.
    """
    found = Folded(state=first, in_force=in_force)
    for event in events:
        invalidated = event.type == EventType.INTERACTION_INVALIDATED  # it has ended when it ended, by the same wave
        state = State.INVALIDATED if invalidated else STATE_AFTER.get(event.type, found.state)
        moves = event.type in STATE_AFTER
        found = Folded(
            state=state,
            in_force=IN_FORCE_AFTER.get(event.type, found.in_force),
            attempt=found.attempt + (event.type == EventType.INTERACTION_STARTED),
            seq=found.seq + 1,
            wave_id=(None if state in NOT_BEGUN else event.wave_id) if moves else found.wave_id,
        )
    return found


@dataclass(frozen=True, kw_only=True)
class RecordState:
    """How far a record has come in a run, or the run itself (`whole_run`): one row of `record_states`.

    `state` is the verdict, `live` as long as there is none; `step` and `step_state` are of the newest event that moved
    one of its interactions. Times are those of its earliest and its latest event, in microseconds since 1970 UTC.
    """

    whole_run: bool
    state: str
    step: str | None
    step_state: str | None
    attempts: int
    troubles: int
    events: int
    begun_us: int
    changed_us: int
    first_index: int
    last_index: int


class RecordStates:
    """The fold of `record_states`: rows by run and flow."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], RecordState] = {}

    def apply(self, events: Iterable[Told]) -> None:
        """Fold the next events, in the order of the log; none of them may have a `refusal`."""
        for event in events:
            if event.type == EventType.RECORDS_SETTLED:
                said = orjson.loads(event.data)
                for verdict in (COMPLETED, INCOMPLETE):
                    for flow in said[f"{verdict}_flows"]:
                        self._add(event, flow, verdict=verdict)
            elif event.correlation_id is not None and (
                event.interaction_id is not None or event.type == EventType.RUN_STARTED
            ):
                self._add(event, event.correlation_id, verdict=LIVE if event.type in TAKES_BACK else None)

    def counts(self) -> dict[tuple[int, str], int]:
        """Return how many records of each run are in each state."""
        return dict(Counter((run_id, row.state) for (run_id, _), row in self.rows.items() if not row.whole_run))

    def _add(self, event: Told, flow: str, *, verdict: str | None) -> None:
        row = self.rows.get((event.run_id, flow)) or _new(event)
        moved = STATE_AFTER.get(event.type)
        self.rows[event.run_id, flow] = replace(
            row,
            whole_run=row.whole_run or event.type == EventType.RUN_STARTED,
            state=verdict or row.state,
            step=event.step if moved else row.step,
            step_state=str(moved) if moved else row.step_state,
            attempts=row.attempts + (event.type == EventType.INTERACTION_STARTED),
            troubles=row.troubles + (event.type in TROUBLES),
            events=row.events + 1,
            begun_us=min(row.begun_us, event.recorded_us),
            changed_us=max(row.changed_us, event.recorded_us),
            last_index=event.log_index,
        )


def _new(event: Told) -> RecordState:
    return RecordState(
        whole_run=False,
        state=LIVE,
        step=None,
        step_state=None,
        attempts=0,
        troubles=0,
        events=0,
        begun_us=event.recorded_us,
        changed_us=event.recorded_us,
        first_index=event.log_index,
        last_index=event.log_index,
    )
