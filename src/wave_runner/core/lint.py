"""What is wrong with a workflow whose own shape is right: every name must exist, every value must have a way to go."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wave_runner.core import graph, shape
from wave_runner.core.conditions import Condition, ConditionError
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import END, ActorKind, CollectionSpec, Each, RouteOn, Step, Workflow

RUN_FIELDS = ("id", "limit")
_SOURCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

At = tuple[str | int, ...]
"""Where something stands in the workflow file: ("steps", "fetch", "input")."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake: where it stands in the workflow file, what it is, and what may help."""

    at: At
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a workflow's names are looked up in."""

    collections: Mapping[str, CollectionSpec]
    models: Collection[str]
    scripts: Collection[str]
    schemas: Mapping[str, Any]  # the schema that each path in `output` holds
    prompts: Mapping[str, Collection[str]]  # the variables that each path in `prompt` uses


def lint(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield every mistake, those that others rest on first."""
    if workflow.collection not in around.collections:
        hint = did_you_mean(workflow.collection, around.collections)
        yield Finding(at=("collection",), message=f"there is no collection `{workflow.collection}`", hint=hint)
        return
    broken = [*_flow(workflow)]
    yield from broken
    collection = around.collections[workflow.collection]
    for step in workflow.steps.values():
        at: At = ("steps", step.name)
        yield from _actor(step, at, around)
        if not broken:
            yield from _inputs(workflow, step, at, around)
        yield from _conditions(step, at)
        yield from _prompt(step, at, around)
        yield from _writes(step, at, collection)
        yield from _cases(workflow, step, at, around)
    yield from _ensures(workflow, collection)


def tables(collection: CollectionSpec) -> tuple[str, ...]:
    """Return the tables that hold a record's data."""
    return (collection.table, *collection.rows)


def _flow(workflow: Workflow) -> Iterator[Finding]:
    """Steps that do not exist, loops, islands, and steps that run once mixed up with steps that run per record."""
    steps = workflow.steps
    for step in steps.values():
        for target in graph.follows(step):
            if target not in steps:
                hint = did_you_mean(target, [*steps, END])
                yield Finding(at=_route_at(step, target), message=f"there is no step `{target}`", hint=hint)
    if loop := graph.cycle(steps):
        message = f"a loop: {' → '.join([*loop, loop[0]])}; a workflow may not go back in this version"
        yield Finding(at=_route_at(steps[loop[-1]], loop[0]), message=message)
    for name in steps.keys() - graph.reachable(steps, workflow.root.name):
        message = (
            f"no path leads to the step `{name}`; the first step of the file, `{workflow.root.name}`, is the start"
        )
        yield Finding(at=("steps", name), message=message)
    if not workflow.root.once:
        message = f"the first step, `{workflow.root.name}`, needs `once: true`: records come from an `each` after it"
        yield Finding(at=("steps", workflow.root.name), message=message)
    for step in steps.values():
        yield from _once(step, steps)


def _once(step: Step, steps: Mapping[str, Step]) -> Iterator[Finding]:
    fans_out = isinstance(step.route, Each)
    at: At = ("steps", step.name, "next")
    if isinstance(step.route, Each) and step.route.source != "promoted":
        message = f"`each` can be `promoted` only, not `{step.route.source}`"
        yield Finding(at=(*at, "each"), message=message)
    if fans_out and not step.once:
        yield Finding(at=at, message=f"`each` can only follow a step with `once: true`, and `{step.name}` has none")
    for target in graph.follows(step):
        if target not in steps:
            continue
        if steps[target].once and (fans_out or not step.once):
            message = f"`{target}` runs once per run, so it must come before the records of `{step.name}`"
            yield Finding(at=_route_at(step, target), message=message)
        if step.once and not fans_out and not steps[target].once:
            hint = f"next: {{each: promoted, to: {target}}}, or `once: true` on `{target}`"
            message = f"`{target}` works on one record, and `{step.name}` runs once per run"
            yield Finding(at=_route_at(step, target), message=message, hint=hint)


def _route_at(step: Step, target: str) -> At:
    """Return where in the file a step names the one that follows."""
    if not isinstance(step.route, RouteOn):
        return ("steps", step.name, "next")
    value = next((value for value, case in step.route.cases.items() if target in (case.to, case.otherwise)), "")
    return ("steps", step.name, "route", value)


def _actor(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    if step.kind is ActorKind.SCRIPT:
        if step.actor not in around.scripts:
            hint = did_you_mean(step.actor, around.scripts)
            message = f"there is no script `{step.actor}`: neither actors/{step.actor}.py nor [scripts.{step.actor}]"
            yield Finding(at=(*at, "actor"), message=message, hint=hint)
        if step.prompt:
            yield Finding(at=(*at, "prompt"), message=f"step `{step.name}` is done by a script, which takes no prompt")
        return
    if step.actor not in around.models:
        hint = did_you_mean(step.actor, around.models)
        yield Finding(at=(*at, "model"), message=f"wave.toml declares no model `{step.actor}`", hint=hint)
    for key, value in (("prompt", step.prompt), ("output", step.output)):
        if not value:
            yield Finding(at=at, message=f"step `{step.name}` is done by a model, so it needs `{key}`")


def _inputs(workflow: Workflow, step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    before = graph.upstream(workflow.steps, step.name)
    for name, ref in step.input.items():
        where = (*at, "input", name)
        wrong = [found for source in ref.sources for found in _source(workflow, step, source, before, around)]
        yield from (Finding(at=where, message=f"input `{name}`: {message}", hint=hint) for message, hint in wrong)
        scopes = {source.partition(".")[0] for source in ref.sources}
        if not wrong and scopes <= workflow.steps.keys():
            yield from _on_every_path(workflow, step, name, scopes, where)


def _on_every_path(workflow: Workflow, step: Step, name: str, sources: Collection[str], at: At) -> Iterator[Finding]:
    """An input that only some paths fill would stop the others' records; say so before anything runs."""
    if step.name in graph.reachable(workflow.steps, workflow.root.name, without=sources):
        tried = " or ".join(f"`{source}`" for source in sorted(sources))
        message = f"input `{name}`: a path leads to `{step.name}` without passing {tried}"
        yield Finding(at=at, message=message, hint="name another source that is there on that path, as in [a.x, b.x]")


def _source(
    workflow: Workflow, step: Step, source: str, before: Collection[str], around: Surroundings
) -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for one source that does not resolve."""
    scope, _, rest = source.partition(".")
    field = rest.partition(".")[0]
    if not _SOURCE.fullmatch(source):
        yield f"{source!r:.60} is no source", "write scope.name, as in record.title"
    elif scope == "params":
        if field not in workflow.params:
            yield f"the workflow declares no parameter `{field}`", did_you_mean(field, workflow.params)
    elif scope == "run":
        if rest not in RUN_FIELDS:
            yield f"there is no `{source}`", did_you_mean(source, [f"run.{known}" for known in RUN_FIELDS])
    elif scope == "record":
        if step.once:
            yield f"`{step.name}` runs once per run and has no record", ""
        elif not field:
            yield "`record` needs the name of a column, as in record.title", ""
    elif scope not in workflow.steps:
        yield f"there is no `{scope}`", did_you_mean(scope, ["params", "run", "record", *workflow.steps])
    elif scope not in before:
        yield f"`{scope}` does not come before `{step.name}`", ""
    else:
        yield from _output_field(workflow.steps[scope], field, around)


def _output_field(step: Step, field: str, around: Surroundings) -> Iterator[tuple[str, str]]:
    known = shape.fields(around.schemas.get(step.output))
    if field and known is not None and field not in known:
        yield f"the output of `{step.name}` ({step.output}) has no `{field}`", did_you_mean(field, known)


def _conditions(step: Step, at: At) -> Iterator[Finding]:
    for index, text in enumerate(step.require):
        yield from _condition(text, (*at, "require", index), step.input, "an input of the step")


def _condition(
    text: str, at: At, names: Collection[str], meaning: str, counted: Collection[str] = ()
) -> Iterator[Finding]:
    try:
        condition = Condition(text)
    except ConditionError as error:
        yield Finding(at=at, message=str(error))
        return
    for name in sorted(condition.names - set(names)):
        yield Finding(at=at, message=f"`{text}` reads `{name}`, which is not {meaning}", hint=did_you_mean(name, names))
    for table in sorted(condition.tables - set(counted)):
        message = f"`{text}` counts rows of `{table}`, which is no table of the collection"
        yield Finding(at=at, message=message, hint=did_you_mean(table, counted))


def _prompt(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    for name in sorted(set(around.prompts.get(step.prompt, ())) - step.input.keys()):
        message = f"{step.prompt} uses `{name}`, which is no input of the step"
        yield Finding(at=(*at, "prompt"), message=message, hint=did_you_mean(name, step.input))


def _writes(step: Step, at: At, collection: CollectionSpec) -> Iterator[Finding]:
    if step.writes and step.once:
        yield Finding(at=(*at, "writes"), message=f"`{step.name}` runs once per run, so it has no record to write to")
    for index, target in enumerate(step.writes):
        where = (*at, "writes", index)
        table = next((known for known in tables(collection) if target == known or target.startswith(f"{known}.")), "")
        column = target.removeprefix(table).removeprefix(".")
        if not table:
            message = f"`{target}` is in no table of the collection `{collection.name}`"
            yield Finding(at=where, message=message, hint=did_you_mean(target.partition(".")[0], tables(collection)))
        elif column and not column.isidentifier():
            yield Finding(at=where, message=f"`{target}` names no column: write table.column, or the table alone")
        elif table == collection.table and column and column in (collection.key, collection.record_column):
            yield Finding(at=where, message=f"`{target}` says which record a row is; no step may change it")


def _cases(workflow: Workflow, step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    if not isinstance(step.route, RouteOn):
        return
    where = (*at, "route")
    if not step.output:
        yield Finding(
            at=where, message=f"`route` needs `output`: the schema that names the values of `{step.route.on}`"
        )
        return
    if step.output not in around.schemas:
        return
    yield from _values(step, step.route, where, around.schemas[step.output])
    for value, case in step.route.cases.items():
        if case.when:
            yield from _when(workflow, case.when, (*where, value, "when"))


def _values(step: Step, route: RouteOn, at: At, schema: Any) -> Iterator[Finding]:
    """The cases must be exactly the values that the schema allows."""
    known = shape.fields(schema) or {}
    if route.on not in known:
        message = f"the output of `{step.name}` ({step.output}) has no `{route.on}`"
        yield Finding(at=(*at, "on"), message=message, hint=did_you_mean(route.on, known))
        return
    allowed = shape.values(schema, route.on)
    if allowed is None or not all(isinstance(value, str) for value in allowed):
        message = f"`{route.on}` in {step.output} must be an `enum` of texts, so that every value has a way to go"
        yield Finding(at=(*at, "on"), message=message)
        return
    for value in route.cases.keys() - set(allowed):
        message = f"`{route.on}` can never be `{value}`, says {step.output}"
        yield Finding(at=(*at, value), message=message, hint=did_you_mean(value, allowed))
    if missing := [value for value in allowed if value not in route.cases]:
        yield Finding(at=at, message=f"`{route.on}` can be {', '.join(missing)}, and no case says what happens then")


def _when(workflow: Workflow, text: str, at: At) -> Iterator[Finding]:
    found = list(_condition(text, at, ("params", "output"), "`params` or `output`"))
    yield from found
    if not found:
        for name in sorted(Condition(text).members("params") - workflow.params.keys()):
            message = f"`{text}`: the workflow declares no parameter `{name}`"
            yield Finding(at=at, message=message, hint=did_you_mean(name, workflow.params))


def _ensures(workflow: Workflow, collection: CollectionSpec) -> Iterator[Finding]:
    for index, text in enumerate(workflow.ensures):
        yield from _condition(text, ("ensures", index), ("record",), "`record`", tables(collection))
