"""What becomes of an interaction after a try: outcome in, verdict out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from wave_runner.core.canonical import dumps
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Breach, Done, ErrorClass, Failure, Outcome
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.retry import delay_before_retry, delay_in_outage
from wave_runner.core.routing import NOTHING, Situation, Way, next_steps
from wave_runner.core.workflow import ON_FAILURE, ON_QUARANTINE, ON_TIMEOUT, Step

# A rule is a name that events may hold; anything else a script says is a text, and texts stay out of events.
RULE = re.compile(r"[a-z0-9_]{1,63}")


class Verdict(NamedTuple):
    """The next state, and where the flow goes from here.

    `ways` are the steps that come next (none for a retry, and where the flow just stops), `each` what to fan out over
    ("" for no fan-out), `items` the length of a list that is fanned out. `route` is the rule that decided, `values` the
    numbers that it went by. A retry has state pending and `delay_s`. `charged` says whether a failure counts against
    the step's budget of attempts.
    """

    state: State
    output: str | None = None
    ways: tuple[Way, ...] = ()
    each: str = ""
    items: int | None = None
    route: str = ""
    values: Mapping[str, Any] = NOTHING
    delay_s: float = 0.0
    charged: bool = False
    error_class: ErrorClass | None = None
    rule: str | None = None
    message: str | None = None


class Try(NamedTuple):
    """One try of an interaction: what it was given, how many charged failures it has behind it, and a random number in
    [0, 1) that spreads retries.
    """

    errors: int
    chance: float
    input: Any = None
    params: Mapping[str, Any] = NOTHING
    rounds: Mapping[str, int] = NOTHING


def decide(step: PinnedStep, outcome: Outcome, *, tried: Try) -> Verdict:
    """Say what follows from an outcome. An answer has been held against its contract (`wave_runner.core.answer`)."""
    match outcome:
        case Done():
            return _completed(step, outcome, tried)
        case Breach():
            return _broken(step, outcome, tried)
        case Failure():
            return _failed(step, outcome, tried)


def when_broken(step: Step, state: State, error_class: ErrorClass | None) -> tuple[tuple[Way, ...], str]:
    """Return the ways that a step takes which did not complete, and the key that says so; none where nothing does."""
    handlers = {ON_FAILURE: step.on_failure, ON_QUARANTINE: step.on_quarantine, ON_TIMEOUT: step.on_timeout}
    asked = [ON_QUARANTINE] if state is State.QUARANTINED else [ON_FAILURE]
    if error_class is ErrorClass.TIMEOUT:
        asked = [ON_TIMEOUT, *asked]
    for key in asked:
        if state in (State.FAILED, State.QUARANTINED) and handlers[key]:
            return (Way(to=handlers[key]),), key
    return (), ""


def _completed(step: PinnedStep, done: Done, tried: Try) -> Verdict:
    situation = Situation(output=done.output, input=tried.input, params=tried.params, rounds=tried.rounds)
    decision = next_steps(step.step.route, situation)
    if isinstance(decision, Breach):
        return _broken(step, decision, tried)
    return Verdict(
        state=State.COMPLETED,
        output=dumps(done.output).decode(),
        ways=decision.ways,
        each=decision.each,
        items=decision.items,
        route=decision.rule,
        values=decision.values,
    )


def _broken(step: PinnedStep, breach: Breach, tried: Try) -> Verdict:
    delay = _delay(step, breach.error_class, tried) if breach.retry else None
    named = RULE.fullmatch(breach.rule) is not None
    verdict = Verdict(
        state=State.QUARANTINED if delay is None else State.PENDING,
        delay_s=delay or 0.0,
        charged=True,
        error_class=breach.error_class,
        rule=breach.rule if named else "rejected",
        message=breach.message if named else f"{breach.rule}: {breach.message}",
    )
    return _handled(step, verdict)


def _failed(step: PinnedStep, failure: Failure, tried: Try) -> Verdict:
    if failure.outage is not None:
        delay = delay_in_outage(chance=tried.chance, asked_s=failure.retry_after_s)
        said = failure.message
        return Verdict(state=State.PENDING, delay_s=delay, error_class=failure.error_class, message=said)
    delay_s = _delay(step, failure.error_class, tried, asked_s=failure.retry_after_s)
    verdict = Verdict(
        state=State.FAILED if delay_s is None else State.PENDING,
        delay_s=delay_s or 0.0,
        charged=True,
        error_class=failure.error_class,
        message=failure.message,
    )
    return _handled(step, verdict)


def _handled(step: PinnedStep, verdict: Verdict) -> Verdict:
    ways, route = when_broken(step.step, verdict.state, verdict.error_class)
    return verdict._replace(ways=ways, route=route)


def _delay(step: PinnedStep, error_class: ErrorClass, tried: Try, *, asked_s: float | None = None) -> float | None:
    return delay_before_retry(
        error_class, errors=tried.errors + 1, max_attempts=step.max_attempts, chance=tried.chance, asked_s=asked_s
    )
