"""Where a step's inputs come from: every source exists, comes before the step, and is there on every path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from wave_runner.core import graph, shape
from wave_runner.core.flow import Flow
from wave_runner.core.lint.finding import At, Finding, Surroundings
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import ActorKind, Each, Step, Workflow

RUN_FIELDS = ("id", "limit")
SCOPES = ("params", "run", "record", "item")
_SOURCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

Wrong = tuple[str, str, str]
"""Rule, message and hint."""


def check(workflow: Workflow, step: Step, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the inputs of one step of a workflow whose flow is right."""
    before = graph.upstream(workflow.steps, step.name)
    flow = Flow(workflow.steps)
    for name, ref in step.input.items():
        at: At = ("steps", step.name, "input", name)
        wrong = [found for source in ref.sources for found in _source(workflow, flow, step, source, before, around)]
        for rule, message, hint in wrong:
            yield Finding(rule=rule, at=at, message=f"input `{name}`: {message}", hint=hint)
        scopes = {source.partition(".")[0] for source in ref.sources}
        if not wrong and (ref.max_chars or ref.min_chars):
            yield from _no_text(workflow, name, ref.sources, at, around)
        if not wrong:
            yield from _mismatch(workflow, flow, step, name, ref.sources, at, around)
        if not wrong and scopes <= workflow.steps.keys():
            yield from _on_every_path(workflow, flow, step, name, scopes, at)


def missing(step: Step, around: Surroundings) -> Iterator[Finding]:
    """Yield each input that the step's script cannot do without, and that the step does not give."""
    for name, field in around.inputs.get(step.actor, {}).items():
        if field.required and name not in step.input:
            message = f"the `Input` of {step.actor} needs `{name}`, which `{step.name}` does not give"
            yield Finding(rule="missing_input", at=("steps", step.name), message=message, hint=f"input: {{{name}: …}}")


def _mismatch(
    workflow: Workflow, flow: Flow, step: Step, name: str, sources: Collection[str], at: At, around: Surroundings
) -> Iterator[Finding]:
    """What a script would refuse of every record is said before there is one."""
    field = around.inputs.get(step.actor, {}).get(name)
    if field is None or field.types is None:
        return
    for source in sources:
        scope, _, rest = source.partition(".")
        if scope not in workflow.steps or "." in rest:
            continue
        types = shape.types(around.schemas.get(workflow.steps[scope].output), rest)
        if rest and flow.is_gathered(scope, step.name):
            types = frozenset({"array"})
        if types is not None and not types & field.types:
            message = (
                f"input `{name}`: `{source}` is of type {', '.join(sorted(types))}, "
                f"and {step.actor} takes {', '.join(sorted(field.types))}"
            )
            yield Finding(rule="type_mismatch", at=at, message=message)


def _no_text(
    workflow: Workflow, name: str, sources: Collection[str], at: At, around: Surroundings
) -> Iterator[Finding]:
    """Characters are counted of texts; what the schema says is something else would stop every record."""
    for source in sources:
        scope, _, rest = source.partition(".")
        if scope in workflow.steps and "." not in rest:
            types = shape.types(around.schemas.get(workflow.steps[scope].output), rest)
            if types is not None and "string" not in types:
                message = (
                    f"input `{name}`: `{source}` is of type {', '.join(sorted(types))}, and only texts have characters"
                )
                yield Finding(rule="not_a_text", at=at, message=message, hint=f"{name}: {source}")


def _on_every_path(
    workflow: Workflow, flow: Flow, step: Step, name: str, sources: Collection[str], at: At
) -> Iterator[Finding]:
    """An input that only some paths fill would stop the others' records; say so before anything runs."""
    if any(flow.is_gathered(source, step.name) for source in sources):
        return  # a list of what there is, which may be empty
    if step.name in graph.reachable_without_output(workflow.steps, workflow.root.name, sources):
        tried = " or ".join(f"`{source}`" for source in sorted(sources))
        message = f"input `{name}`: a path leads to `{step.name}` without an output of {tried}"
        hint = "name another source that is there on that path, as in [a.x, b.x]"
        yield Finding(rule="not_on_every_path", at=at, message=message, hint=hint)


def _source(
    workflow: Workflow, flow: Flow, step: Step, source: str, before: Collection[str], around: Surroundings
) -> Iterator[Wrong]:
    """Yield what keeps one source from being resolved."""
    scope, _, rest = source.partition(".")
    field = rest.partition(".")[0]
    if not _SOURCE.fullmatch(source):
        yield "bad_source", f"{source!r:.60} is no source", "write scope.name, as in record.title"
    elif scope == "params":
        if field not in workflow.params:
            hint = did_you_mean(field, workflow.params)
            yield "undefined_variable", f"the workflow declares no parameter `{field}`", hint
    elif scope == "run":
        if rest not in RUN_FIELDS:
            known = [f"run.{name}" for name in RUN_FIELDS]
            yield "undefined_variable", f"there is no `{source}`", did_you_mean(source, known)
    elif scope == "record":
        if step.once:
            yield "no_record", f"`{step.name}` runs once per run and has no record", ""
        elif not field:
            yield "bad_source", "`record` needs the name of a column, as in record.title", ""
    elif scope == "item":
        if step.name not in flow.each_of:
            message = f"`{step.name}` is not done for the items of a list"
            yield "undefined_variable", message, "items come from `next: {each: LIST, to: STEP}`"
    elif scope not in workflow.steps:
        yield "undefined_variable", f"there is no `{scope}`", did_you_mean(scope, [*SCOPES, *workflow.steps])
    elif scope not in before:
        yield "not_before", f"`{scope}` does not come before `{step.name}`", ""
    elif flow.is_gathered(scope, step.name) and not field:
        message = f"`{scope}` is done once per item, so its outputs come as lists"
        yield "bad_source", message, f"name a field of it, as in {scope}.text"
    else:
        yield from _output_field(workflow.steps[scope], field, around)


def _output_field(step: Step, field: str, around: Surroundings) -> Iterator[Wrong]:
    if step.kind is ActorKind.ROUTE:
        known: Collection[str] | None = step.input
    else:
        known = shape.fields(around.schemas.get(step.output))
    if field and known is not None and field not in known:
        where = f" ({step.output})" if step.output else ""
        yield "undefined_field", f"the output of `{step.name}`{where} has no `{field}`", did_you_mean(field, known)


def each_list(step: Step, around: Surroundings) -> Iterator[Finding]:
    """Yield what keeps an `each` from finding its list."""
    if not isinstance(step.route, Each) or step.route.over_records:
        return
    at: At = ("steps", step.name, "next", "each")
    if not step.output:
        message = f"`each: {step.route.source}` needs `output`: the schema that says it is a list"
        yield Finding(
            rule="missing_key", at=at, message=message, hint="or `each: promoted`, for the records of the run"
        )
        return
    if step.output not in around.schemas:
        return  # which is said already
    known = shape.fields(around.schemas[step.output]) or {}
    if step.route.source not in known:
        message = f"the output of `{step.name}` ({step.output}) has no `{step.route.source}`"
        hint = did_you_mean(step.route.source, [*known, "promoted"])
        yield Finding(rule="undefined_field", at=at, message=message, hint=hint)
        return
    types = shape.types(around.schemas.get(step.output), step.route.source)
    if types is not None and "array" not in types:
        message = (
            f"`{step.route.source}` in {step.output} is of type {', '.join(sorted(types))}, and `each` takes a list"
        )
        yield Finding(rule="not_a_list", at=at, message=message)
