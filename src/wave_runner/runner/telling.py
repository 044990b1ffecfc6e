"""From what a runner records of attempts to what OpenTelemetry hears of them."""

from __future__ import annotations

from collections.abc import Sequence

from wave_runner.core.interaction import State
from wave_runner.core.outcome import Done, ErrorClass, Outcome
from wave_runner.runner.prepare import Ready
from wave_runner.store.interactions import Move
from wave_runner.store.waves import Queue, Wave
from wave_runner.telemetry import Inference, is_on, names, tell_inference, tell_wave
from wave_runner.telemetry.tell import now_ns


def tell_attempts(wave: Wave, results: Sequence[tuple[Ready, Outcome]], moves: Sequence[Move]) -> None:
    """Tell of attempts of models that have just ended; `moves` say what becomes of each."""
    if not is_on():
        return
    ended_ns = now_ns()
    for (ready, outcome), move in zip(results, moves, strict=True):
        if ready.calls_model:
            tell_inference(_inference(wave, ready, outcome, move, ended_ns))


def tell_claim(queue: Queue, wave: Wave) -> None:
    """Tell of a wave that has been claimed, and how long its first had been waiting."""
    tell_wave(lane=queue.lane, actor=queue.actor, size=len(wave.items), head_wait_s=wave.items[0].age_s)


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
        error_type="" if move.state is State.COMPLETED else move.error_class or str(move.state),
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
