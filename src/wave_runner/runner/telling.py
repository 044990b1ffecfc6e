"""From what a runner records of attempts to what OpenTelemetry hears of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from wave_runner.core.interaction import State
from wave_runner.core.outcome import Done, ErrorClass, Outcome
from wave_runner.runner.prepare import Ready
from wave_runner.store import settling
from wave_runner.store.database import Database, Unavailable
from wave_runner.store.interactions import Move
from wave_runner.store.waves import Queue, Wave
from wave_runner.telemetry import (
    Attempt,
    Inference,
    is_on,
    names,
    tell_attempt,
    tell_done_wave,
    tell_flow,
    tell_inference,
    tell_wave,
    traceparent,
)
from wave_runner.telemetry.places import of_wave
from wave_runner.telemetry.tell import now_ns


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """A wave that somebody will be told of when it is over."""

    began_ns: int
    own: dict[str, str | int]
    attempts: list[Attempt] = field(default_factory=list)


_at_work: dict[tuple[UUID | None, int], AtWork] = {}
"""The waves of this process, as long as they last, if somebody listens."""


def parent_of(wave: Wave, ready: Ready) -> str:
    """Return the `traceparent` that an attempt passes on; "" where nobody listens."""
    return traceparent(_attempt(wave, ready)) if is_on() else ""


def tell_attempts(wave: Wave, results: Sequence[tuple[Ready, Outcome]], moves: Sequence[Move]) -> None:
    """Tell of attempts that have just ended, one after the other; `moves` say what becomes of each."""
    if not is_on():
        return
    ended_ns = now_ns()
    at_work = _at_work.get((wave.runner_id, wave.wave_id))
    for (ready, outcome), move in zip(reversed(results), reversed(moves), strict=True):
        if ready.recorded is not None:
            continue  # answered before: nobody was asked
        of = _attempt(wave, ready)
        if at_work is not None:
            at_work.attempts.append(of)
        if ready.calls_model:
            tell_inference(_inference(wave, ready, outcome, move, ended_ns), of)
            continue
        kind = {names.KIND: str(ready.step.pinned.step.kind)}
        service_us = outcome.usage.service_us
        own = _own(wave, ready) | kind
        tell_attempt(of, service_us=service_us, ended_ns=ended_ns, error_type=_error_type(move), own=own)
        ended_ns -= service_us * 1000


def tell_claim(queue: Queue, wave: Wave) -> None:
    """Tell of a wave that has been claimed, and how long its first had been waiting."""
    if not is_on():
        return
    tell_wave(lane=queue.lane, actor=queue.actor, size=len(wave.items), head_wait_s=wave.items[0].age_s)
    own: dict[str, str | int] = {names.WAVE: wave.wave_id, names.LANE: queue.lane, names.ACTOR: queue.actor}
    own[names.SIZE] = len(wave.items)
    _at_work[wave.runner_id, wave.wave_id] = AtWork(began_ns=now_ns(), own=own)


def tell_over(wave: Wave, done: int) -> None:
    """Tell of a wave that is over, if its claim was told."""
    at_work = _at_work.pop((wave.runner_id, wave.wave_id), None)
    if at_work is not None and wave.runner_id is not None:
        place = of_wave(wave.runner_id, wave.wave_id)
        tell_done_wave(place, at_work.attempts, began_ns=at_work.began_ns, own=at_work.own | {names.DONE: done})


async def tell_settled(database: Database, run_id: int, record_ids: Sequence[int]) -> None:
    """Tell of records that have come to their verdict: each is the root of its trace."""
    if is_on():
        await _tell_flows(database, run_id, record_ids)


async def tell_ended(database: Database, run_id: int) -> None:
    """Tell of a run that has ended: the root of the trace of what was done once for it."""
    if is_on():
        await _tell_flows(database, run_id, None)


async def _tell_flows(database: Database, run_id: int, record_ids: Sequence[int] | None) -> None:
    try:
        flows = await settling.flows(database, run_id, record_ids)
    except Unavailable:
        return  # it stands all the same, and nobody has asked to wait for it to be told
    for one in flows:
        own: dict[str, str | int] = {names.RUN: run_id, names.WORKFLOW: one.workflow, names.STATE: one.state}
        if one.record_id is not None:
            own[names.RECORD] = one.record_id
        error_type = "" if one.state == State.COMPLETED else one.state
        tell_flow(one.flow, began_ns=one.began_ns, ended_ns=one.ended_ns, error_type=error_type, own=own)


def _attempt(wave: Wave, ready: Ready) -> Attempt:
    item = ready.item
    return Attempt(
        flow=item.correlation_id,
        interaction_id=item.interaction_id,
        wave_id=wave.wave_id,
        runner_id=wave.runner_id,
    )


def _error_type(move: Move) -> str:
    return "" if move.state is State.COMPLETED else move.error_class or str(move.state)


def _inference(wave: Wave, ready: Ready, outcome: Outcome, move: Move, ended_ns: int) -> Inference:
    step, model = ready.step, ready.step.pinned.model
    assert model is not None, "only attempts of models are told"
    return Inference(
        server=model.server,
        model=model.model,
        endpoint=step.endpoint,
        options=model.options,
        usage=outcome.usage,
        ended_ns=ended_ns,
        error_type=_error_type(move),
        finish=_finish(outcome),
        output_type="json" if step.schema is not None else "text",
        prompt_name=step.pinned.step.prompt,
        prompt_version=step.pinned.prompt_sha256,
        own=_own(wave, ready),
        prompt=ready.prompt,
        answer=outcome.output if isinstance(outcome, Done) else None,
    )


def _finish(outcome: Outcome) -> str:
    if isinstance(outcome, Done):
        return "stop"
    return "length" if outcome.error_class is ErrorClass.TRUNCATED else ""


def _own(wave: Wave, ready: Ready) -> dict[str, str | int]:
    item, step = ready.item, ready.step
    record = {} if item.record_id is None else {names.RECORD: item.record_id}
    return {
        **record,
        names.WAVE: wave.wave_id,
        names.RUN: item.run_id,
        names.WORKFLOW: step.pinned.workflow,
        names.STEP: step.run_step.step,
        names.ACTOR: step.run_step.actor,
        names.INTERACTION: item.interaction_id,
        names.ATTEMPT: ready.attempt,
        names.CORRELATION: str(item.correlation_id),
    }
