"""What follows from a server or a model that is of no use: for the record that has tried it, and for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wave_runner.core.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Position, sign_of
from wave_runner.core.outcome import ErrorClass, Failure, Outcome
from wave_runner.errors import ModelServerError, WaveError
from wave_runner.store import waves

# After a breaker has opened so often in a row a person is told; the lane goes on trying.
TRIPS_TO_TELL = 3


def until_after_next_probe_s(queue: waves.Queue) -> float:
    """Return how long a record that was the probe waits, so that another is the next; 0 where it is the only one."""
    if queue.trouble is None or queue.waiting.waiting < 2:
        return 0.0
    return 1.5 * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(queue.trouble.trips, 30))


def spared(outcome: Outcome, wait_s: float) -> Outcome:
    """Return the outcome of a probe as its record is charged with it: not at all where it speaks for the breaker."""
    sign = sign_of(outcome)
    if not isinstance(outcome, Failure) or sign is None or not sign.failed:
        return outcome
    return replace(outcome, outage=sign.of, retry_after_s=max(wait_s, outcome.retry_after_s or 0.0))


def trouble_to_tell(queues: Sequence[waves.Queue]) -> WaveError | None:
    """Return what a person should know: a server or a model that is of no use, or has not been for a while."""
    for queue in queues:
        trouble = queue.trouble
        if trouble is None or trouble.position is Position.CLOSED:
            continue
        if trouble.trips >= TRIPS_TO_TELL or trouble.error_class is ErrorClass.PERMANENT:
            return ModelServerError(
                f"the {trouble.of.kind} {trouble.of.name}: {trouble.reason}",
                hint=f"check [{trouble.of.kind}s.{trouble.of.name}] in wave.toml; the work waits and nothing is lost",
            )
    return None
