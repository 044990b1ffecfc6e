"""Where a step leads to by what it gives: every value has a way to go, every condition can be decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wave_runner.core import shape
from wave_runner.core.lint.finding import At, Finding, Surroundings
from wave_runner.core.lint.inputs import each_list
from wave_runner.core.lint.steps import check_over_output
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Case, Choose, Fork, RouteOn, Step, Workflow


def check(workflow: Workflow, step: Step, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the conditions and values of a step's routes."""
    yield from each_list(step, around)
    match step.route:
        case RouteOn():
            yield from _cases(workflow, step, step.route, around)
        case Choose(cases=cases):
            yield from _ordered(workflow, step, cases, "when", around)
        case Fork(cases=cases):
            yield from _ordered(workflow, step, cases, "all", around)


def _ordered(
    workflow: Workflow, step: Step, cases: tuple[Case, ...], key: str, around: Surroundings
) -> Iterator[Finding]:
    for index, case in enumerate(cases):
        at: At = ("steps", step.name, "next", key, index)
        if case.when:
            yield from check_over_output(workflow, step, case.when, at, around)
        if key == "when" and any(other.when == case.when and not other.loop for other in cases[:index]):
            message = f"`{case.when}` is asked before already, so this case is never taken"
            yield Finding(rule="dead_case", at=at, message=message)


def _cases(workflow: Workflow, step: Step, route: RouteOn, around: Surroundings) -> Iterator[Finding]:
    at: At = ("steps", step.name, "route")
    if not step.output:
        message = f"`route` needs `output`: the schema that names the values of `{route.on}`"
        yield Finding(rule="missing_key", at=at, message=message)
        return
    if step.output not in around.schemas:
        return
    yield from _values(step, route, at, around.schemas[step.output])
    for value, case in route.cases.items():
        if case.when:
            yield from check_over_output(workflow, step, case.when, (*at, value, "when"), around)


def _values(step: Step, route: RouteOn, at: At, schema: Any) -> Iterator[Finding]:
    """The cases must be exactly the values that the schema allows."""
    known = shape.fields(schema) or {}
    if route.on not in known:
        message = f"the output of `{step.name}` ({step.output}) has no `{route.on}`"
        yield Finding(rule="undefined_field", at=(*at, "on"), message=message, hint=did_you_mean(route.on, known))
        return
    allowed = shape.values(schema, route.on)
    if allowed is None or not all(isinstance(value, str) for value in allowed):
        message = f"`{route.on}` in {step.output} must be an `enum` of texts, so that every value has a way to go"
        yield Finding(rule="route_on_open_field", at=(*at, "on"), message=message)
        return
    for value in route.cases.keys() - set(allowed):
        message = f"`{route.on}` can never be `{value}`, says {step.output}"
        yield Finding(rule="impossible_route", at=(*at, value), message=message, hint=did_you_mean(value, allowed))
    if missing := [value for value in allowed if value not in route.cases]:
        message = f"`{route.on}` can be {', '.join(missing)}, and no case says what happens then"
        yield Finding(rule="missing_route", at=at, message=message)
