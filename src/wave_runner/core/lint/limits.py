"""Whether the limits of a workflow leave a way through it, and whether what they count is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wave_runner.core import graph
from wave_runner.core.limits import BUDGETS, CHAIN_DEPTH, INTERACTIONS, MODEL_CALLS, MONEY, RECORD, RUN, SCOPES
from wave_runner.core.lint.finding import At, Finding, Surroundings
from wave_runner.core.workflow import END, ActorKind, Step, Workflow


def check(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the limits of a workflow whose flow is right."""
    first = _first_of_records(workflow)
    ways: dict[str, int] = {}
    if first:
        ways[f"{INTERACTIONS}_per_{RECORD}"] = _shortest(workflow, first, lambda step: 1)
        ways[f"{MODEL_CALLS}_per_{RECORD}"] = _shortest(workflow, first, _calls)
        ways[CHAIN_DEPTH] = _shortest(workflow, workflow.root.name, lambda step: 1)
    limits = workflow.limits
    said = {f"{name}_per_{scope}": most for scope in SCOPES for name, most in limits.of(scope).items()}
    said |= {CHAIN_DEPTH: limits.chain_depth} if limits.chain_depth else {}
    for key, needed in ways.items():
        if key in said and said[key] < needed:
            message = f"`{key}: {said[key]}`: the shortest way of a record takes {needed}"
            yield Finding(rule="limit_too_small", at=("limits", key), message=message)
    for scope in SCOPES:
        if MONEY in limits.of(scope):
            yield from _unpriced(workflow, ("limits", f"{MONEY}_per_{scope}"), around)
    for name in BUDGETS:
        if name in limits.run:
            yield from _unbounded(workflow, ("limits", f"{name}_per_{RUN}"), around)
            break
    if MONEY in limits.run:
        yield from _untimed(workflow, ("limits", f"{MONEY}_per_{RUN}"), around)


def _unbounded(workflow: Workflow, at: At, around: Surroundings) -> Iterator[Finding]:
    for model in sorted(_models(workflow) - set(around.bounded)):
        message = (
            f"this is reserved before each call, and nobody knows how long an answer of the model `{model}` may be"
        )
        hint = f"in wave.toml: [models.{model}] options = {{max_tokens = 1000}}, or what its server calls it"
        yield Finding(rule="no_bound", at=at, message=message, hint=hint)


def _untimed(workflow: Workflow, at: At, around: Surroundings) -> Iterator[Finding]:
    untimed = {step.actor for step in workflow.steps.values() if not step.timeout_s}
    for model in sorted((_models(workflow) & untimed) - set(around.timed)):
        message = f"this is reserved before each call, and nobody knows how long one of the model `{model}` may take"
        yield Finding(rule="no_bound", at=at, message=message, hint=f"in wave.toml: [models.{model}] timeout_s = 60")


def _models(workflow: Workflow) -> set[str]:
    return {step.actor for step in workflow.steps.values() if step.kind is ActorKind.AI_MODEL}


def _unpriced(workflow: Workflow, at: At, around: Surroundings) -> Iterator[Finding]:
    for model in sorted(_models(workflow) - set(around.priced)):
        message = f"money is limited, and nobody knows what the model `{model}` costs"
        hint = f"in wave.toml: [models.{model}] price = {{input = 0.15, output = 0.6}}, for a million tokens"
        yield Finding(rule="no_price", at=at, message=message, hint=hint)


def _first_of_records(workflow: Workflow) -> str:
    """Return the step that a record begins with; "" where there is none."""
    return next((step.name for step in workflow.steps.values() if not step.once), "")


def _calls(step: Step) -> int:
    return int(step.kind is ActorKind.AI_MODEL)


def _shortest(workflow: Workflow, start: str, weight: Callable[[Step], int]) -> int:
    """Return the least that a way from a step to the end adds up to: Dijkstra over a few steps."""
    best = {start: weight(workflow.steps[start])}
    waiting = [start]
    while waiting:
        name = waiting.pop(0)
        for to in graph.targets(workflow.steps[name].route):
            cost = best[name] + (weight(workflow.steps[to]) if to != END else 0)
            if cost < best.get(to, cost + 1):
                best[to] = cost
                waiting += [to] if to != END else []
    return best.get(END, 0)
