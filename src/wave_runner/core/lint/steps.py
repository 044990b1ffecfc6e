"""A step by itself: who does it, its conditions, its prompt, what it may write."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from wave_runner.core import shape
from wave_runner.core.conditions import Condition, ConditionError
from wave_runner.core.lint.finding import At, Finding, Surroundings, tables
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.tally import NUMBERS
from wave_runner.core.workflow import NO_GUARDS, ActorKind, Choose, CollectionSpec, Fork, Step, Workflow

_VARIABLES = ("params", "input", "output")


def check(workflow: Workflow, step: Step, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with one step, its inputs and routes left out."""
    at: At = ("steps", step.name)
    yield from _actor(step, at, around)
    for index, text in enumerate(step.require):
        yield from check_condition(text, (*at, "require", index), step.input, "an input of the step")
    for index, text in enumerate(step.accept):
        yield from check_over_output(workflow, step, text, (*at, "accept", index), around)
    yield from _guards(step, at)
    yield from _prompt(step, at, around)
    yield from _writes(step, at, around.collections[workflow.collection])
    if workflow.select:
        yield from _writes_everything(step, at, around.collections[workflow.collection])


def check_ensures(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the conditions on a finished record."""
    known = tables(around.collections[workflow.collection])
    for index, text in enumerate(workflow.ensures):
        yield from check_condition(text, ("ensures", index), ("record",), "`record`", known)


def check_ensures_run(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the conditions on a finished run."""
    once = {step.name: shape.fields(around.schemas.get(step.output)) for step in workflow.steps.values() if step.once}
    known: dict[str, Collection[str] | None] = {"run": NUMBERS, **once}
    for index, text in enumerate(workflow.ensures_run):
        at: At = ("ensures_run", index)
        wrong = list(check_condition(text, at, known, "`run`, or a step that runs once"))
        yield from wrong
        for variable, names in known.items() if not wrong else ():
            for name in sorted(Condition(text).members(variable) - set(names or ())):
                if names is not None:
                    message = f"`{text}`: there is no `{variable}.{name}`"
                    yield Finding(rule="undefined_variable", at=at, message=message, hint=did_you_mean(name, names))


def check_condition(
    text: str, at: At, names: Collection[str], meaning: str, counted: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield what is wrong with a condition that may read `names` and count rows of `counted`."""
    try:
        condition = Condition(text)
    except ConditionError as error:
        yield Finding(rule="bad_condition", at=at, message=str(error))
        return
    for name in sorted(condition.names - set(names)):
        message = f"`{text}` reads `{name}`, which is not {meaning}"
        yield Finding(rule="undefined_variable", at=at, message=message, hint=did_you_mean(name, names))
    for table in sorted(condition.tables - set(counted)):
        message = f"`{text}` counts rows of `{table}`, which is no table of the collection"
        yield Finding(rule="unknown_table", at=at, message=message, hint=did_you_mean(table, counted))


def check_over_output(workflow: Workflow, step: Step, text: str, at: At, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with a condition over what a step was given and what it gave: an `accept`, or a route's."""
    found = list(check_condition(text, at, _VARIABLES, "`params`, `input` or `output`"))
    yield from found
    if found:
        return
    schema = around.schemas.get(step.output) if step.output else None
    known = {"params": workflow.params, "input": step.input, "output": shape.fields(schema)}
    for variable, names in known.items():
        for name in sorted(Condition(text).members(variable) - (names.keys() if names is not None else set())):
            if names is not None:
                message = f"`{text}`: there is no `{variable}.{name}`"
                yield Finding(rule="undefined_variable", at=at, message=message, hint=did_you_mean(name, names))


def _guards(step: Step, at: At) -> Iterator[Finding]:
    """A guard that compares with something which the step does not have would never say anything."""
    of_models = [name for name in ("injection", "too_fast", "echo") if getattr(step.guards, name)]
    if step.kind is not ActorKind.AI_MODEL and of_models:
        message = f"the guard `{of_models[0]}` is about what a model is asked, and no model does `{step.name}`"
        yield Finding(rule="key_without_use", at=(*at, "guards", of_models[0]), message=message)
    elif step.once and step.guards.same_text and step.kind is not ActorKind.AI_MODEL:
        message = f"the guard `same_text` compares records, and `{step.name}` runs once per run"
        yield Finding(rule="key_without_use", at=(*at, "guards", "same_text"), message=message)


def _actor(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    match step.kind:
        case ActorKind.SCRIPT:
            yield from _script(step, at, around)
        case ActorKind.AI_MODEL:
            yield from _model(step, at, around)
        case ActorKind.SQL:
            yield from _query(step, at)
        case ActorKind.HUMAN:
            yield from _people(step, at, around)
        case ActorKind.ROUTE:
            yield from _router(step, at)


def _script(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    if step.actor not in around.scripts:
        hint = did_you_mean(step.actor, around.scripts)
        message = f"there is no script `{step.actor}`: neither actors/{step.actor}.py nor [scripts.{step.actor}]"
        yield Finding(rule="unknown_actor", at=(*at, "actor"), message=message, hint=hint)
    if step.prompt:
        message = f"step `{step.name}` is done by a script, which takes no prompt"
        yield Finding(rule="key_without_use", at=(*at, "prompt"), message=message)


def _model(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    if step.actor not in around.models:
        hint = did_you_mean(step.actor, around.models)
        message = f"wave.toml declares no model `{step.actor}`"
        yield Finding(rule="unknown_actor", at=(*at, "model"), message=message, hint=hint)
    for key, value in (("prompt", step.prompt), ("output", step.output)):
        if not value:
            message = f"step `{step.name}` is done by a model, so it needs `{key}`"
            yield Finding(rule="missing_key", at=at, message=message)


def _query(step: Step, at: At) -> Iterator[Finding]:
    if not step.output:
        message = f"step `{step.name}` is done by a query, so it needs `output`"
        hint = "a JSON Schema of the columns that the query gives besides interaction_id"
        yield Finding(rule="missing_key", at=at, message=message, hint=hint)
    if step.prompt:
        message = f"step `{step.name}` is done by a query, which takes no prompt"
        yield Finding(rule="key_without_use", at=(*at, "prompt"), message=message)


def _people(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    if not step.output:
        message = f"step `{step.name}` is done by people, so it needs a `form`"
        hint = "a JSON Schema of what they are asked: form: schemas/review.json"
        yield Finding(rule="missing_key", at=at, message=message, hint=hint)
    for name in sorted(set(around.titles.get(step.name, ())) - step.input.keys()):
        message = f"the title uses `{name}`, which is no input of the step"
        yield Finding(
            rule="undefined_variable", at=(*at, "title"), message=message, hint=did_you_mean(name, step.input)
        )


def _router(step: Step, at: At) -> Iterator[Finding]:
    """A step without an actor decides where to go, and nothing else."""
    keys = {"prompt": step.prompt, "output": step.output, "accept": step.accept, "writes": step.writes}
    for key, value in {**keys, "guards": step.guards != NO_GUARDS}.items():
        if value:
            message = f"step `{step.name}` has no actor, so it gives no output and needs no `{key}`"
            hint = f"name an `actor` or a `model`, or take `{key}` away"
            yield Finding(rule="key_without_use", at=(*at, key), message=message, hint=hint)
    if not isinstance(step.route, Choose | Fork):
        message = f"step `{step.name}` has no `actor`, no `model`, no `sql`, no `human`, and no conditions to decide by"
        hint = "name who does it, or give it `next: {when: [{if: …, to: …}], else: …}` over its inputs"
        yield Finding(rule="no_actor", at=at, message=message, hint=hint)


def _prompt(step: Step, at: At, around: Surroundings) -> Iterator[Finding]:
    for name in sorted(set(around.prompts.get(step.prompt, ())) - step.input.keys()):
        message = f"{step.prompt} uses `{name}`, which is no input of the step"
        hint = did_you_mean(name, step.input)
        yield Finding(rule="undefined_variable", at=(*at, "prompt"), message=message, hint=hint)


def _writes(step: Step, at: At, collection: CollectionSpec) -> Iterator[Finding]:
    if step.writes and step.once:
        message = f"`{step.name}` runs once per run, so it has no record to write to"
        yield Finding(rule="write_without_record", at=(*at, "writes"), message=message)
    for index, target in enumerate(step.writes):
        yield from _write(target, (*at, "writes", index), collection)


def _writes_everything(step: Step, at: At, collection: CollectionSpec) -> Iterator[Finding]:
    """What a workflow writes is no reason to select a record again, so it must say which columns these are."""
    if collection.table in step.writes:
        index = step.writes.index(collection.table)
        message = f"`{collection.table}` as a whole: a workflow with `select` names the columns that it writes"
        hint = "with all of them written, no change of a row would be seen"
        yield Finding(rule="write_hides_changes", at=(*at, "writes", index), message=message, hint=hint)


def _write(target: str, at: At, collection: CollectionSpec) -> Iterator[Finding]:
    known = tables(collection)
    table = next((name for name in known if target == name or target.startswith(f"{name}.")), "")
    column = target.removeprefix(table).removeprefix(".")
    if not table:
        message = f"`{target}` is in no table of the collection `{collection.name}`"
        hint = did_you_mean(target.partition(".")[0], known)
        yield Finding(rule="unknown_table", at=at, message=message, hint=hint)
    elif column and not column.isidentifier():
        message = f"`{target}` names no column: write table.column, or the table alone"
        yield Finding(rule="unknown_column", at=at, message=message)
    elif table == collection.table and column and column in (collection.key, collection.record_column):
        message = f"`{target}` says which record a row is; no step may change it"
        yield Finding(rule="write_to_key", at=at, message=message)
