"""The steps as a graph: every step is reached, once at a time, and every way ends.

What stands here must hold before anything else about a workflow can be asked; `core.flow` relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wave_runner.core import graph
from wave_runner.core.flow import Flow
from wave_runner.core.lint.finding import At, Finding
from wave_runner.core.loops import Loop, Loops
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.tokens import Tokens
from wave_runner.core.workflow import END, Case, Choose, Each, Fork, RouteOn, Step, Workflow


def check(workflow: Workflow) -> Iterator[Finding]:
    """Yield every mistake in the graph; where names are missing, those alone."""
    unknown = [*_unknown_steps(workflow.steps)]
    if unknown:
        yield from unknown
        return
    circles = [*_circles(workflow.steps)]
    yield from circles
    yield from _islands(workflow)
    yield from _root(workflow)
    for step in workflow.steps.values():
        yield from _once(step, workflow.steps)
    yield from _joins(workflow.steps)
    if not circles:
        yield from _anchors(workflow.steps)
        yield from _loops(workflow)
        yield from _items(workflow.steps)
        yield from _tokens(workflow.steps)


def route_at(step: Step, target: str) -> At:
    """Return where in the file a step names one that follows."""
    at: At = ("steps", step.name)
    for key in ("on_failure", "on_quarantine", "on_timeout"):
        if getattr(step, key) == target and target not in graph.targets(step.route):
            return (*at, key)
    match step.route:
        case RouteOn(cases=cases):
            return (*at, "route", next((value for value, case in cases.items() if _names(case, target)), ""))
        case Choose(cases=ordered) | Fork(cases=ordered):
            key = "when" if isinstance(step.route, Choose) else "all"
            place = next((index for index, case in enumerate(ordered) if _names(case, target)), None)
            return (*at, "next", key, place) if place is not None else (*at, "next", "else")
        case _:
            return (*at, "next")


def _names(case: Case, target: str) -> bool:
    return target in (case.to, case.otherwise)


def _unknown_steps(steps: Mapping[str, Step]) -> Iterator[Finding]:
    for step in steps.values():
        for target in graph.follows(step):
            if target not in steps:
                hint = did_you_mean(target, [*steps, END])
                message = f"there is no step `{target}`"
                yield Finding(rule="unknown_step", at=route_at(step, target), message=message, hint=hint)
        for index, name in enumerate(step.after):
            if name not in steps:
                at: At = ("steps", step.name, "after", index)
                message = f"there is no step `{name}`"
                yield Finding(rule="unknown_step", at=at, message=message, hint=did_you_mean(name, steps))


def _circles(steps: Mapping[str, Step]) -> Iterator[Finding]:
    if circle := graph.cycle(steps):
        message = f"a circle without an end: {' → '.join([*circle, circle[0]])}"
        hint = f"say how often it may go back: {{loop: {circle[0]}, max: 3, else: …}}"
        yield Finding(rule="uncapped_loop", at=route_at(steps[circle[-1]], circle[0]), message=message, hint=hint)


def _islands(workflow: Workflow) -> Iterator[Finding]:
    root = workflow.root.name
    for name in workflow.steps:
        if name not in graph.reachable(workflow.steps, root):
            message = f"no path leads to the step `{name}`; the first step of the file, `{root}`, is the start"
            yield Finding(rule="unreachable_step", at=("steps", name), message=message)


def _root(workflow: Workflow) -> Iterator[Finding]:
    if workflow.select:
        for step in workflow.steps.values():
            if step.once:
                message = f"`{step.name}` runs once per run, and the workflow begins with the records that it selects"
                yield Finding(rule="once_after_records", at=("steps", step.name, "once"), message=message)
    elif not workflow.root.once:
        message = (
            f"the first step, `{workflow.root.name}`, needs `once: true`: records come from an `each` after it, "
            "or from a `select` of the workflow"
        )
        yield Finding(rule="no_records", at=("steps", workflow.root.name), message=message)


def _once(step: Step, steps: Mapping[str, Step]) -> Iterator[Finding]:
    """Steps that run once come first, in one line; from an `each` on everything is per record."""
    fans_out = isinstance(step.route, Each) and step.route.over_records
    at: At = ("steps", step.name, "next")
    if fans_out and not step.once:
        message = f"`each: promoted` can only follow a step with `once: true`, and `{step.name}` has none"
        yield Finding(rule="each_without_once", at=at, message=message)
    if step.once and isinstance(step.route, Each) and not fans_out:
        message = f"`{step.name}` runs once per run, so its `each` can be `promoted` only"
        yield Finding(rule="each_without_record", at=(*at, "each"), message=message)
    if isinstance(step.route, Fork):
        names = [case.to for case in step.route.cases]
        for name in sorted({name for name in names if names.count(name) > 1}):
            message = f"`{step.name}` leads to `{name}` twice at once"
            yield Finding(rule="reached_twice", at=(*at, "all", names.index(name)), message=message)
    if step.once and isinstance(step.route, Fork):
        message = f"`{step.name}` runs once per run; only a record can be at several steps at once"
        yield Finding(rule="fork_without_record", at=(*at, "all"), message=message)
    for target in graph.follows(step):
        if steps[target].once and (fans_out or not step.once):
            message = f"`{target}` runs once per run, so it must come before the records of `{step.name}`"
            yield Finding(rule="once_after_records", at=route_at(step, target), message=message)
        if step.once and not fans_out and not steps[target].once:
            hint = f"next: {{each: promoted, to: {target}}}, or `once: true` on `{target}`"
            message = f"`{target}` works on one record, and `{step.name}` runs once per run"
            yield Finding(rule="record_without_each", at=route_at(step, target), message=message, hint=hint)


def _joins(steps: Mapping[str, Step]) -> Iterator[Finding]:
    """A join names exactly the steps that lead to it."""
    for step in steps.values():
        if not step.after:
            continue
        at: At = ("steps", step.name, "after")
        before = [other.name for other in steps.values() if step.name in graph.follows(other)]
        for index, name in enumerate(step.after):
            if name not in before:
                message = f"`{step.name}` waits for `{name}`, which does not lead to it"
                yield Finding(rule="join_without_way", at=(*at, index), message=message, hint=f"next: {step.name}")
            if name in step.after[:index]:
                yield Finding(rule="join_without_way", at=(*at, index), message=f"`{name}` is named twice")
        for name in before:
            if name not in step.after:
                message = f"`{name}` leads to `{step.name}`, which does not wait for it"
                hint = f"after: [{', '.join([*step.after, name])}]"
                yield Finding(rule="way_without_join", at=route_at(steps[name], step.name), message=message, hint=hint)
        if step.once or any(steps[name].once for name in step.after):
            message = f"`{step.name}` cannot wait for others: steps that run once per run come in one line"
            yield Finding(rule="fork_without_record", at=at, message=message)
        for other in steps.values():
            if isinstance(other.route, Each) and other.route.to == step.name:
                message = f"`each` cannot lead to `{step.name}`, which waits for others"
                yield Finding(rule="each_to_join", at=("steps", other.name, "next", "to"), message=message)


def _anchors(steps: Mapping[str, Step]) -> Iterator[Finding]:
    """Whether a step can still come must be known from one place alone."""
    flow = Flow(steps)
    for join in flow.joins:
        for index, name in enumerate(join.after):
            anchors = flow.anchors_of(name) if not steps[name].after else []
            if len(anchors) > 1:
                before = [other for other in steps if name in graph.follows(steps[other])]
                message = (
                    f"`{join.name}` waits for `{name}`, which can be reached from `{anchors[0]}` and from behind "
                    f"`{anchors[-1]}`: nobody could tell when it no longer comes"
                )
                hint = f"let `{name}` wait itself: after: [{', '.join(before)}], join: any"
                yield Finding(rule="join_unclear", at=("steps", join.name, "after", index), message=message, hint=hint)


def _loops(workflow: Workflow) -> Iterator[Finding]:
    loops = Loops(workflow.steps)
    for step in workflow.steps.values():
        for edge in graph.edges(step):
            if edge.loop:
                yield from _way_back(workflow, step, edge)
    for loop in loops.all:
        for other in loops.all:
            crossed = loop.body & other.body and not (loop.body <= other.body or other.body <= loop.body)
            if crossed and loop.header < other.header:
                message = f"the loops of `{loop.header}` and `{other.header}` cross; one must lie inside the other"
                yield Finding(rule="crossed_loops", at=("steps", other.header), message=message)


def _way_back(workflow: Workflow, step: Step, edge: graph.Edge) -> Iterator[Finding]:
    steps = workflow.steps
    at = route_at(step, edge.to)
    if step.name not in graph.reachable(steps, edge.to):
        message = f"`{edge.to}` does not lie before `{step.name}`, so there is nothing to go back to"
        yield Finding(rule="loop_forward", at=at, message=message, hint=f"to: {edge.to}")
    elif step.name in graph.reachable(steps, workflow.root.name, without=[edge.to]):
        message = f"a path leads to `{step.name}` without passing `{edge.to}`, so the way back is no loop"
        yield Finding(rule="loop_entered_twice", at=at, message=message)
    if steps[edge.to].after:
        message = f"the loop leads back to `{edge.to}`, which waits for others; it must lead to a step behind it"
        yield Finding(rule="loop_to_join", at=at, message=message)
    others = {other.loop for one in steps.values() for other in graph.edges(one) if other.loop and other.to == edge.to}
    if len(others) > 1:
        message = f"several ways lead back to `{edge.to}` with different `max`; a loop has one"
        yield Finding(rule="loop_counted_twice", at=at, message=message)


def _items(steps: Mapping[str, Step]) -> Iterator[Finding]:
    """What is done once per item is reached only through its `each`, and closed by a join or the end."""
    flow = Flow(steps)
    for step in steps.values():
        source = flow.each_of.get(step.name)
        if source is not None and isinstance(step.route, Each):
            message = f"an `each` inside the `each` of `{source}`; let a join close the first one"
            yield Finding(rule="each_in_each", at=("steps", step.name, "next", "each"), message=message)
        for target in graph.follows(step):
            into = flow.each_of.get(target)
            starts = isinstance(step.route, Each) and into == step.name
            if into is not None and not starts and into != source:
                message = f"`{target}` is done for each item of `{into}`, and `{step.name}` leads there without one"
                yield Finding(rule="item_without_each", at=route_at(step, target), message=message)
        yield from _leaves_items(flow, step)


def _leaves_items(flow: Flow, step: Step) -> Iterator[Finding]:
    source = flow.each_of.get(step.name)
    for edge in graph.edges(step):
        if source is not None and edge.loop and flow.each_of.get(edge.to) != source:
            message = f"`{step.name}` is done for each item of `{source}`, so it cannot go back to `{edge.to}`"
            yield Finding(rule="item_without_each", at=route_at(step, edge.to), message=message)


def _tokens(steps: Mapping[str, Step]) -> Iterator[Finding]:
    tokens = Tokens(steps)
    _, meetings = tokens.together(tokens.forks())
    for step, fork in sorted(meetings):
        before = [name for name in steps if step in graph.follows(steps[name])]
        message = f"`{step}` can be reached twice at once, by different branches of `{fork}`"
        hint = f"let it wait for them: after: [{', '.join(before)}]"
        yield Finding(rule="reached_twice", at=("steps", step), message=message, hint=hint)
    for loop in Loops(steps).all:
        yield from _open_branches(steps, tokens, loop)


def _open_branches(steps: Mapping[str, Step], tokens: Tokens, loop: Loop) -> Iterator[Finding]:
    """A loop may only go back when no other branch of its round is still under way."""
    pairs, _ = tokens.together([fork for fork in tokens.forks() if fork in loop.body])
    for step in steps.values():
        if not any(edge.loop and edge.to == loop.header for edge in graph.edges(step)):
            continue
        others = sorted(
            {
                other.step
                for pair in pairs
                for here in pair
                if here.step == step.name and not here.waiting
                for other in pair - {here}
            }
        )
        if others:
            message = f"`{step.name}` goes back to `{loop.header}` while `{others[0]}` may still be under way"
            hint = "let both branches meet in a step with `after` before going back"
            yield Finding(rule="loop_with_open_branch", at=route_at(step, loop.header), message=message, hint=hint)
