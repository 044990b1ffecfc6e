"""What becomes of an interaction after a try: outcome in, verdict out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wave_runner.core.canonical import dumps
from wave_runner.core.contract import OutputContract
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Breach, Done, ErrorClass, Failure, Outcome, Replace, Write
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.retry import delay_before_retry
from wave_runner.core.routing import next_step
from wave_runner.core.workflow import END

# A rule is a name that events may hold; anything else a script says is a text, and texts stay out of events.
RULE = re.compile(r"[a-z0-9_]{1,63}")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The next state, and where the flow goes from here.

    `to` is the next step ("" where there is none), `each` what to fan out over ("" for no fan-out). `route` is the
    rule that decided. A retry has state pending and `delay_s`.
    """

    state: State
    output: str | None = None
    to: str = ""
    each: str = ""
    route: str = ""
    delay_s: float = 0.0
    error_class: ErrorClass | None = None
    rule: str | None = None
    message: str | None = None


def decide(
    step: PinnedStep,
    outcome: Outcome,
    *,
    contract: OutputContract | None,
    params: Mapping[str, Any],
    attempt: int,
    chance: float,
) -> Verdict:
    """Check an outcome against the step's contract and say what follows. `chance` in [0, 1) spreads retries."""
    if isinstance(outcome, Done):
        outcome = _check(step, outcome, contract)
    match outcome:
        case Done():
            return _completed(step, outcome, params, attempt=attempt, chance=chance)
        case Breach():
            return _broken(step, outcome, attempt=attempt, chance=chance)
        case Failure():
            return _failed(step, outcome, attempt=attempt, chance=chance)


def undeclared(step: PinnedStep, writes: tuple[Write | Replace, ...]) -> str | None:
    """Return the first thing a step would write that its `writes` does not name."""
    allowed = set(step.step.writes)
    for write in writes:
        if write.table in allowed:
            continue
        names = [f"{write.table}.{column}" for column in write.values] if isinstance(write, Write) else [write.table]
        for name in names:
            if name not in allowed:
                return name
    return None


def _check(step: PinnedStep, done: Done, contract: OutputContract | None) -> Done | Breach:
    from_model = step.model is not None
    breach = contract.check(done.output, retry=from_model) if contract else None
    if breach is None and (name := undeclared(step, done.writes)):
        message = f"{step.step.actor} would write {name}; the step's `writes` does not name it"
        breach = Breach(rule="undeclared_write", message=message)
    return done if breach is None else replace(breach, evidence=done.evidence, usage=done.usage)


def _completed(step: PinnedStep, done: Done, params: Mapping[str, Any], *, attempt: int, chance: float) -> Verdict:
    decision = next_step(step.step.route, done.output, params)
    if isinstance(decision, Breach):
        return _broken(step, decision, attempt=attempt, chance=chance)
    return Verdict(
        state=State.COMPLETED,
        output=dumps(done.output).decode(),
        to="" if decision.to == END else decision.to,
        each=decision.each,
        route=decision.rule,
    )


def _broken(step: PinnedStep, breach: Breach, *, attempt: int, chance: float) -> Verdict:
    delay = _delay(step, breach.error_class, attempt=attempt, chance=chance) if breach.retry else None
    return Verdict(
        state=State.QUARANTINED if delay is None else State.PENDING,
        delay_s=delay or 0.0,
        error_class=breach.error_class,
        rule=breach.rule if RULE.fullmatch(breach.rule) else "rejected",
        message=breach.message if RULE.fullmatch(breach.rule) else f"{breach.rule}: {breach.message}",
    )


def _failed(step: PinnedStep, failure: Failure, *, attempt: int, chance: float) -> Verdict:
    delay = _delay(step, failure.error_class, attempt=attempt, chance=chance, asked_s=failure.retry_after_s)
    state = State.FAILED if delay is None else State.PENDING
    return Verdict(state=state, delay_s=delay or 0.0, error_class=failure.error_class, message=failure.message)


def _delay(
    step: PinnedStep, error_class: ErrorClass, *, attempt: int, chance: float, asked_s: float | None = None
) -> float | None:
    return delay_before_retry(
        error_class, attempt=attempt, max_attempts=step.max_attempts, chance=chance, asked_s=asked_s
    )
