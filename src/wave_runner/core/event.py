"""Events: what each type means, and the bytes that are hashed.

An event is typed columns plus a small verbatim `data` text. `FORM` is the version of that meaning; it is stored on
every event, and a form never changes once it has been written. In form 1:

- `type` is one of `EventType`, by its label,
- the cause is (interaction, seq): the event before it in the same interaction, or for the first event of an interaction
  the parent's event that created it; NULL for the first event of a run's root and for events of no interaction,
- `step` and `actor` are immutable names, `definition` the SHA-256 of the step's pinned definition,
- `data` is canonical JSON of enums, numbers, booleans, hashes and commitments: no keys, no texts of a record,
- `sha256` covers exactly the UTF-8 bytes of `data`; the other columns are covered by the sealed leaf,
- id, time, database user and transaction are stamped by the database,
- the *body*, whose hash is sealed, is a CloudEvent in canonical JSON: `body` says which attribute is which column, and
  a column that is NULL is no attribute.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from wave_runner.core.canonical import canonical

FORM = 1


class EventType(enum.StrEnum):
    """Every kind of fact, with the move it records."""

    RUN_STARTED = "run_started"
    RUN_COMPLETED = "run_completed"  # all terminal, and every record's `ensures` hold
    RUN_FAILED = "run_failed"  # all terminal, and something is missing: the data says how much
    RUN_CANCELLED = "run_cancelled"  # nothing of it lives, because somebody has said so
    RECORDS_SETTLED = "records_settled"  # `ensures` checked for a chunk of records whose flow has ended
    RECORDS_SELECTED = "records_selected"  # a chunk of what `select` found: begun, or left out with the reason
    SELECTION_FAILED = "selection_failed"  # the database refuses the query of `select`: the run fails
    INTERACTION_STARTED = "interaction_started"  # pending → running: handed to its actor
    INTERACTION_COMPLETED = "interaction_completed"  # running → completed; the cause of its children
    INTERACTION_FAILED = "interaction_failed"  # running → failed: no retry can help, or none is left
    INTERACTION_QUARANTINED = "interaction_quarantined"  # pending, running → quarantined: a contract is broken
    INTERACTION_RETRY_SCHEDULED = "interaction_retry_scheduled"  # running → pending, not before a time
    INTERACTION_RELEASED = "interaction_released"  # running → pending: the runner stopped; nothing is charged
    INTERACTION_LEASE_EXPIRED = "interaction_lease_expired"  # running → pending: the runner, or its host, was lost
    INTERACTION_UNBLOCKED = "interaction_unblocked"  # blocked → pending: what it waits for has settled
    INTERACTION_SKIPPED = "interaction_skipped"  # blocked → skipped, or made so: what it needs did not complete
    INTERACTION_CANCELLED = "interaction_cancelled"  # pending, running, waiting → cancelled: somebody has said so
    INTERACTION_RETRIED = "interaction_retried"  # failed, quarantined → pending: somebody has said so
    INTERACTION_SET_ASIDE = "interaction_set_aside"  # stays skipped, out of force: what skipped it is tried again
    INTERACTION_SUPERSEDED = (
        "interaction_superseded"  # stays what it is, out of force: a rerun redoes it, or was undone
    )
    INTERACTION_RESTORED = "interaction_restored"  # in force again: the rerun that had superseded it was undone
    INTERACTION_INVALIDATED = "interaction_invalidated"  # completed → invalidated: found wrong, or made from what was
    INTERACTION_DOUBTED = "interaction_doubted"  # stays completed; its record is not, because of what came after it
    INTERACTION_WAITING = "interaction_waiting"  # running → waiting: people are asked
    TASK_CLAIMED = "task_claimed"  # a person looks at it; nobody else can decide until the claim expires
    TASK_RELEASED = "task_released"  # the claimer gives it back undecided
    TASK_DECIDED = "task_decided"  # one person's decision
    TASK_SENT_BACK = "task_sent_back"  # to be decided again from the start, with a comment
    TASK_ESCALATED = "task_escalated"  # overdue: it waits in another queue now
    INTERACTION_FANNED_OUT = "interaction_fanned_out"  # a chunk of an `each` became children
    VALUES_WRITTEN = "values_written"  # values of the user's tables were changed: the data commits to each change
    STAGING_WRITTEN = "staging_written"  # raw input was staged
    STAGING_DECIDED = "staging_decided"  # staged rows were promoted or rejected
    STAGING_COMPLETED = "staging_completed"  # its source was read to the end: what is not in the batch has vanished
    RECORDS_VANISHED = "records_vanished"  # their source has them no more
    RECORDS_RETURNED = "records_returned"  # it has them again, or what said that they are gone was taken back
    BATCH_HELD = "batch_held"  # so much has vanished at once that a person has to say so
    BATCH_APPROVED = "batch_approved"  # somebody says that it has vanished
    BATCH_REFUSED = "batch_refused"  # somebody says that it has not
    STAGING_REVALIDATED = "staging_revalidated"  # somebody has staged rows validated once more, in a run of their own
    STAGING_PROMOTED = "staging_promoted"  # somebody promotes staged rows, which a run of their own takes up
    STAGING_REJECTED = "staging_rejected"  # somebody rejects staged rows
    STAGING_ROLLED_BACK = "staging_rolled_back"  # somebody has taken back what became of a batch
    WAVE_OPENED = "wave_opened"  # work was claimed; the data says why this queue
    WAVE_CLOSED = "wave_closed"
    WAVE_EXPIRED = "wave_expired"  # its lease ran out; a sweeper gave its work back
    WAVE_LATE_RESULT = "wave_late_result"  # a result came for work that had been taken back: nothing was changed
    MODEL_LOADED = "model_loaded"
    MODEL_UNLOADED = "model_unloaded"
    MODEL_LOAD_FAILED = "model_load_failed"
    BREAKER_OPENED = "breaker_opened"  # a server or a model is left alone; its work waits
    BREAKER_HALF_OPENED = "breaker_half_opened"  # one runner tries it with one record
    BREAKER_CLOSED = "breaker_closed"  # it works again
    SCHEDULE_FIRED = "schedule_fired"  # a run was started for a time of a schedule
    SCHEDULE_MISSED = "schedule_missed"  # times of a schedule have passed without a run
    SCHEDULE_BLOCKED = "schedule_blocked"  # a schedule is due and cannot be fired; it stays due
    ALERT_RAISED = "alert_raised"  # a run has ended in a way that somebody should look at
    NOTICE_SENT = "notice_sent"  # a receiver outside was told that an alert was raised, or settled
    NOTICE_GIVEN_UP = "notice_given_up"  # it could not be told for a whole day, and is not any more
    PAUSED = "paused"  # somebody lets nothing more be begun: of a run, a workflow or an actor
    RESUMED = "resumed"  # somebody lets it be begun again
    CANCELLED = "cancelled"  # somebody lets a run end: nothing of it is begun any more
    BUDGET_EXCEEDED = "budget_exceeded"  # a run has too little left for its next call, and is paused
    BUDGET_RAISED = "budget_raised"  # somebody lets a run use more than its limits say
    CANARY_JUDGED = "canary_judged"  # the first records of a run are through: what its gates say, and what follows
    BATCH_STOPPED = "batch_stopped"  # too many of the last results of a step look bad, and its run is paused
    RETRIED = "retried"  # somebody lets what has failed be tried again
    RERUN_STARTED = "rerun_started"  # results of a run are redone: the step, how much, and the commitment of the reason
    RERUN_UNDONE = "rerun_undone"  # what a rerun had superseded is in force again, values and all
    INVALIDATED = "invalidated"  # results of a run were found wrong: the step, how much, the commitment of the reason
    TRIAL_ADOPTED = "trial_adopted"  # somebody has put what was tried in the place of what the folder had
    SHADOW_FED = "shadow_fed"  # a shadow was given results of the run that it is beside, or is given none any more
    RUNNER_TOLD = "runner_told"  # somebody has told a runner to pause, to work, to drain, to stop
    ACTOR_REGISTERED = "actor_registered"  # first seen and approved
    ACTOR_DRIFTED = "actor_drifted"  # a folder holds something else than what is approved
    ACTOR_APPROVED = "actor_approved"  # by a person, or by --dev
    ACTOR_TIGHTENED = "actor_tightened"  # the folder has a stricter word about its drift, which holds at once
    ACTOR_RESTORED = "actor_restored"  # the folder holds again what is approved; nobody had to approve it
    WORKFLOW_REGISTERED = "workflow_registered"  # as of actors
    WORKFLOW_DRIFTED = "workflow_drifted"
    WORKFLOW_APPROVED = "workflow_approved"
    WORKFLOW_TIGHTENED = "workflow_tightened"
    WORKFLOW_RESTORED = "workflow_restored"
    LOG_VERIFIED = "log_verified"  # somebody has had the whole log verified, with what came of it
    PROJECTION_VERIFIED = "projection_verified"  # folded anew it is the same, to the bit: the data has the digest
    PROJECTION_DIVERGED = (
        "projection_diverged"  # folded anew it is another: somebody has changed it, or the fold is wrong
    )
    PROJECTION_REBUILT = "projection_rebuilt"  # folded anew beside the one that is read
    PROJECTION_SWAPPED = "projection_swapped"  # what was folded anew is what is read
    PROJECTION_EVENT_SKIPPED = "projection_event_skipped"  # somebody lets a projection leave an event out
    ERASURE_REQUESTED = "erasure_requested"  # somebody wants a record erased
    ERASURE_WITHDRAWN = "erasure_withdrawn"  # somebody takes that back
    RECORD_ERASED = "record_erased"  # somebody else has agreed: what was kept of a record is gone
    PAYLOAD_ERASED = "payload_erased"  # contents are gone; named by their commitments
    HOLD_PLACED = "hold_placed"  # somebody lets nothing of a record be erased
    HOLD_RELEASED = "hold_released"  # somebody lets it be erased again
    RETENTION_APPLIED = "retention_applied"  # somebody has let go what was kept long enough
    DROP_REQUESTED = "drop_requested"  # somebody wants the history of old months dropped
    DROP_WITHDRAWN = "drop_withdrawn"  # somebody takes that back
    DROP_ORDERED = "drop_ordered"  # somebody else has agreed: the events at these indexes of the log are to go
    HISTORY_DROPPED = "history_dropped"  # and they have gone, with all that was kept of their runs
    ACCESS_GRANTED = "access_granted"  # somebody gives a person an access token
    ACCESS_REVOKED = "access_revoked"  # somebody takes it back
    ACCESS_DENIED = "access_denied"  # somebody was not let in by HTTP; the data says why, and how many more were not
    SESSION_OPENED = "session_opened"  # a person's browser is known by a cookie
    SESSION_ENDED = "session_ended"  # and no more: they have said so
    VIEW_SAVED = "view_saved"  # somebody keeps a list of the pages, as it is narrowed, under a name for all
    VIEW_REMOVED = "view_removed"  # somebody lets it be kept no longer


def data_text(data: Mapping[str, Any]) -> str:
    """Return an event's `data` as canonical JSON text. Raises on anything an event must not hold."""
    return canonical(data).decode()


def commitment(nonce: bytes, content: bytes) -> str:
    """Return the salted commitment of `content` in hex: SHA-256 over a 32-byte nonce and the bytes.

    A plain hash of a short text can be guessed; with the nonce erased, a commitment says nothing.
    """
    if len(nonce) != 32:
        raise ValueError(f"a nonce has 32 bytes, not {len(nonce)}")
    return hashlib.sha256(nonce + content).hexdigest()


class Event(NamedTuple):
    """An event as it is stored, texts where the database has numbers of its own; None where a column is NULL."""

    event_id: int
    run_id: int
    form: int
    type: str  # by its label
    interaction_id: int | None
    seq: int | None
    cause_interaction_id: int | None
    cause_seq: int | None
    wave_id: int | None
    correlation_id: str | None
    runner_id: str | None
    step: str | None
    actor: str | None
    definition: str | None  # in hex
    data: str
    recorded_us: int  # microseconds since 1970 UTC
    db_user: str


def body(event: Event, *, source: str) -> bytes:
    """Return an event's canonical body: a CloudEvent without the stamped time and user, which its entry holds.

    Ids of 64 bits are texts, as CloudEvents has no such numbers. `data` goes in as it stands, being canonical itself.
    Raises `ValueError` for a form that is unknown here.
    """
    return "".join(_parts(event, source)).encode()


def line(event: Event, index: int, *, source: str) -> bytes:
    """Return an event as it is exported: its body and what was stamped, with its index in the log, in one line."""
    at = _EPOCH + timedelta(microseconds=event.recorded_us)
    before, middle, after, end = _parts(event, source)
    user, time = f'"dbuser":{json_text(event.db_user)},', f'"time":"{at:%Y-%m-%dT%H:%M:%S.%fZ}",'
    return f'{before}{user}{middle}"sequence":"{index:020}",{after}{time}{end}\n'.encode()


def _parts(event: Event, source: str) -> tuple[str, str, str, str]:
    """Return a body in four parts: between them stands, in a line that is exported, what was stamped."""
    # Taken apart at once, and put together by hand in the order of the keys: there is one for each event.
    (event_id, run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id,
     runner_id, step, actor, definition, data, _, _) = event  # fmt: skip
    if form != FORM:
        raise ValueError(f"event {event_id} has form {form}; this Wave Runner knows {FORM}")
    by, in_force, source_and_step, named = _of_step(type, step, actor, definition, source)
    cause = "" if cause_interaction_id is None else f'"causationid":"{cause_interaction_id}/{cause_seq}",'
    correlation = "" if correlation_id is None else f'"correlationid":"{correlation_id}",'
    interaction = "" if interaction_id is None else f'"interaction":"{interaction_id}",'
    runner = "" if runner_id is None else f'"runner":"{runner_id}",'
    numbered = "" if interaction_id is None else f'"seq":{seq},'
    wave = "" if wave_id is None else f',"wave":"{wave_id}"'
    return (
        f'{{{by}{cause}{correlation}"data":{data},"dataschema":"wave:{named}/{FORM}",',
        f'{in_force}"id":"{event_id}",{interaction}"run":"{run_id}",{runner}{numbered}',
        source_and_step,
        f'"type":"{named}"{wave}}}',
    )


@lru_cache(maxsize=1024)
def _of_step(
    type: str, step: str | None, actor: str | None, definition: str | None, source: str
) -> tuple[str, str, str, str]:
    """Return the parts of a body that many events have in common: actor, definition, source with step, and type."""
    return (
        "" if actor is None else f'"actor":{json_text(actor)},',
        "" if definition is None else f'"definition":"{definition}",',
        f'"source":{json_text(source)},"specversion":"1.0",' + ("" if step is None else f'"step":{json_text(step)},'),
        dotted(type),  # also of one that a newer version writes: it is sealed all the same
    )


def commitments(data: str) -> list[str]:
    """Return the commitments in an event's `data`, in hex, in the order of the text.

    They stand in three places: `input`, `output`, and `c` of each of `payloads`.
    """
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = None
    # Whoever may insert may insert anything, and the log goes on all the same.
    if type(said) is not dict:
        return []
    found = [said.get("input"), said.get("output")]
    if type(payloads := said.get("payloads")) is list:
        found += [one.get("c") for one in payloads if type(one) is dict]
    return [one for one in found if type(one) is str and _COMMITMENT(one) is not None]


@lru_cache(maxsize=1024)
def json_text(value: str) -> str:
    """Return a name as canonical JSON. There are few of them."""
    return canonical(value).decode()


def dotted(type: str) -> str:
    """Return a type as CloudEvents name it: `interaction.retry_scheduled` for `interaction_retry_scheduled`."""
    return type.replace("_", ".", 1)


_COMMITMENT = re.compile("[0-9a-f]{64}").fullmatch
_EPOCH = datetime(1970, 1, 1)  # all times are UTC
