"""What a workflow says of results that go wrong: `stop` and `canary` name fields and values that there are."""

from __future__ import annotations

from collections.abc import Iterator

from wave_runner.core import shape
from wave_runner.core.canary import Bound, Gate, Measure
from wave_runner.core.lint.finding import At, Finding, Surroundings
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Each, Step, Workflow


def check(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the stops and the canary of a workflow."""
    for step in workflow.steps.values():
        for field, values in step.stop.values.items() if step.stop else ():
            at: At = ("steps", step.name, "stop", "values", field)
            for value in values:
                yield from _value(step, field, value, at, around)
    if workflow.canary is None:
        return
    if not workflow.select and not any(_begins_records(step) for step in workflow.steps.values()):
        message = "no records are begun, so none of them can go first"
        yield Finding(rule="canary_without_records", at=("canary",), message=message)
        return
    for gate in workflow.canary.gates:
        yield from _gate(workflow, gate, around)


def _begins_records(step: Step) -> bool:
    return isinstance(step.route, Each) and step.route.over_records


def _gate(workflow: Workflow, gate: Gate, around: Surroundings) -> Iterator[Finding]:
    if not gate.step:
        return
    name = f"{gate.step}.{gate.field}" if gate.field else gate.step
    at: At = ("canary", "gates", gate.measure, name)
    step = workflow.steps.get(gate.step)
    if step is None:
        hint = did_you_mean(gate.step, workflow.steps)
        yield Finding(rule="unknown_step", at=at, message=f"there is no step `{gate.step}`", hint=hint)
        return
    if step.once:
        message = f"`{gate.step}` runs once per run, before any record"
        yield Finding(rule="key_without_use", at=at, message=message)
        return
    if gate.measure is Measure.LENGTH:
        yield from _text(step, gate.field, at, around)
    elif gate.measure is Measure.SHARES:
        value = gate.value if gate.bound is not Bound.DISTANCE else None
        yield from _value(step, gate.field, value, at, around)


def _known(step: Step, field: str, at: At, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding where the step has no such field, as far as its schema says which there are."""
    if not step.output:
        message = f"step `{step.name}` has no `output`: nobody knows whether it gives `{field}`"
        yield Finding(rule="missing_key", at=at, message=message)
        return
    fields = shape.fields(around.schemas.get(step.output, {})) or {}
    if fields and field not in fields:
        message = f"the output of `{step.name}` ({step.output}) has no `{field}`"
        yield Finding(rule="undefined_field", at=at, message=message, hint=did_you_mean(field, fields))


def _text(step: Step, field: str, at: At, around: Surroundings) -> Iterator[Finding]:
    unknown = [*_known(step, field, at, around)]
    yield from unknown
    types = shape.types(around.schemas.get(step.output, {}), field)
    if not unknown and types is not None and "string" not in types:
        message = f"`{field}` in {step.output} is no text, and has no length"
        yield Finding(rule="gate_on_other_field", at=at, message=message)


def _value(step: Step, field: str, value: str | None, at: At, around: Surroundings) -> Iterator[Finding]:
    unknown = [*_known(step, field, at, around)]
    yield from unknown
    if unknown or step.output not in around.schemas:
        return
    allowed = shape.values(around.schemas[step.output], field)
    if allowed is None or not all(isinstance(one, str) for one in allowed):
        message = f"`{field}` in {step.output} is no `enum` of texts: its values cannot be counted"
        yield Finding(rule="gate_on_other_field", at=at, message=message)
    elif value is not None and value not in allowed:
        message = f"`{field}` can never be `{value}`, says {step.output}"
        yield Finding(rule="impossible_route", at=at, message=message, hint=did_you_mean(value, allowed))
