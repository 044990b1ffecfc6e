"""Whether what a workflow makes comes to anything: outputs that nobody saves, fields that nobody reads, staged rows.

A step is *saved* if it writes, or if a step that reads its output is saved. A field is *used* if a saved step reads it,
or if it decides where a record goes. What is read by a step that only judges is not saved by that: its verdict is a
decision, and the text it judged is gone all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wave_runner.core import shape
from wave_runner.core.conditions import Condition, ConditionError
from wave_runner.core.lint.finding import Finding, Surroundings
from wave_runner.core.workflow import ActorKind, Choose, Each, Fork, RouteOn, Step, Workflow

ALL = "*"
"""Stands for every field of an output."""

# Nothing is left of what these do but their output. A script may have done something elsewhere.
_PURE = (ActorKind.AI_MODEL, ActorKind.SQL, ActorKind.HUMAN)


def check(workflow: Workflow, around: Surroundings) -> Iterator[Finding]:
    """Yield the steps that work for nothing, and the fields that nobody reads."""
    steps = workflow.steps
    yield from _undecided(steps, around)
    readers = {name: _readers(workflow, name) for name in steps}
    saved = _saved(steps, readers)
    for step in steps.values():
        if step.writes or step.once or step.kind not in _PURE:
            continue
        known = shape.fields(around.schemas.get(step.output)) or {}
        deciding = _deciding(step) | _routed_by(steps, readers[step.name])
        kept = {field for reader, fields in readers[step.name].items() if reader in saved for field in fields}
        read = {field for fields in readers[step.name].values() for field in fields}
        yield from _findings(step, list(known), used=kept | deciding, read=read | deciding | _accepted(step))
    if any(step.writes for step in steps.values()) and not _ensured(workflow):
        message = "the workflow writes, and says nothing of what must be true when a record is done"
        yield Finding(rule="nothing_ensured", at=("workflow",), message=message, hint=_an_ensures(workflow))


def _undecided(steps: Mapping[str, Step], around: Surroundings) -> Iterator[Finding]:
    """Rows that wait in staging for ever look like a run that found nothing."""
    scripts = {step.name: step.actor for step in steps.values() if step.kind is ActorKind.SCRIPT}
    if any(actor in around.deciding for actor in scripts.values()):
        return
    for name, actor in scripts.items():
        if actor in around.staging:
            message = f"`{name}` stages rows ({actor}), and no step of the workflow decides about them"
            yield Finding(rule="undecided_rows", at=("steps", name), message=message)


def _findings(step: Step, known: list[str], *, used: set[str], read: set[str]) -> Iterator[Finding]:
    if not known or ALL in used:
        return
    if not used & set(known):
        fields = ", ".join(f"`{field}`" for field in known)
        message = f"the output of `{step.name}` ({fields}) reaches no step that writes, and decides nothing"
        hint = f"hand it on: input: {{{known[0]}: {step.name}.{known[0]}}} of a step with `writes`"
        yield Finding(rule="unsaved_output", at=("steps", step.name), message=message, hint=hint)
    elif ALL not in read and (idle := [field for field in known if field not in read | used]):
        message = f"nobody reads {', '.join(f'`{field}`' for field in idle)} of `{step.name}` ({step.output})"
        yield Finding(rule="unread_field", at=("steps", step.name, "output"), message=message)


def _readers(workflow: Workflow, name: str) -> dict[str, set[str]]:
    """Return the steps that read the output of one, each with the fields it reads."""
    found: dict[str, set[str]] = {}
    for reader in workflow.steps.values():
        for ref in reader.input.values():
            for source in ref.sources:
                scope, _, rest = source.partition(".")
                if scope == name:
                    found.setdefault(reader.name, set()).add(rest.partition(".")[0] or ALL)
                elif scope == "item" and _is_item_of(workflow, reader, name):
                    found.setdefault(reader.name, set()).add(ALL)
    return found


def _is_item_of(workflow: Workflow, reader: Step, name: str) -> bool:
    route = workflow.steps[name].route
    return isinstance(route, Each) and route.to == reader.name


def _saved(steps: Mapping[str, Step], readers: Mapping[str, Mapping[str, set[str]]]) -> set[str]:
    """Return the steps that write, and those whose output reaches one."""
    found = {step.name for step in steps.values() if step.writes}
    while more := {name for name in steps if name not in found and readers[name].keys() & found}:
        found |= more
    return found


def _routed_by(steps: Mapping[str, Step], readers: Mapping[str, set[str]]) -> set[str]:
    """Return the fields that a step without an actor decides by."""
    deciders = [name for name in readers if steps[name].kind is ActorKind.ROUTE]
    return {field for name in deciders for field in readers[name]}


def _deciding(step: Step) -> set[str]:
    """Return the fields that the step's own route goes by."""
    match step.route:
        case RouteOn(on=on, cases=cases):
            return {on} | _in_conditions([case.when for case in cases.values()])
        case Choose(cases=ordered) | Fork(cases=ordered):
            return _in_conditions([case.when for case in ordered])
        case Each(source=source):
            return {source}
        case _:
            return set()


def _accepted(step: Step) -> set[str]:
    return _in_conditions(step.accept)


def _in_conditions(texts: list[str] | tuple[str, ...]) -> set[str]:
    """Return the fields of the output that conditions read; all, where one takes the output as a whole."""
    found: set[str] = set()
    for text in filter(None, texts):
        try:
            condition = Condition(text)
        except ConditionError:
            return {ALL}  # it has a finding of its own
        members = condition.members("output")
        found |= members or ({ALL} if "output" in condition.names else set())
    return found


def _ensured(workflow: Workflow) -> bool:
    return bool(workflow.ensures or workflow.ensures_sql or workflow.ensures_run or workflow.ensures_run_sql)


def _an_ensures(workflow: Workflow) -> str:
    target = next(target for step in workflow.steps.values() for target in step.writes)
    _, _, column = target.rpartition(".")
    return f"ensures: [record.{column} != null]" if "." in target else f"ensures: [count({target}) >= 1]"
