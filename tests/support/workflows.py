"""Random workflows that the linter accepts, and a record's way through one of them, decided by a given die."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wave_runner.core.flow import Consequences, Flow, Place, Settled
from wave_runner.core.joining import Resolution, resolve
from wave_runner.core.lint import flow as lint_flow
from wave_runner.core.routing import Way
from wave_runner.core.workflow import (
    END,
    ActorKind,
    Case,
    Choose,
    Each,
    Fork,
    Join,
    Next,
    Route,
    RouteOn,
    Step,
    Workflow,
)

# More than any accepted workflow of these sizes can take: what goes on longer does not end.
TOO_LONG = 20_000


def step(name: str, route: Route, **more) -> Step:
    return Step(name=name, line=1, actor="a", kind=ActorKind.SCRIPT, route=route, **more)


def workflow(*steps: Step) -> Workflow:
    """A workflow whose records begin at the first of `steps`."""
    root = step("fetch", Each(source="promoted", to=steps[0].name), once=True)
    named = {one.name: one for one in (root, *steps)}
    return Workflow(name="work", path="w.yaml", collection="items", params={}, steps=named)


def findings(of: Workflow) -> list[str]:
    """The rules that a workflow's graph breaks."""
    return [finding.rule for finding in lint_flow.check(of)]


def random_workflow(dice: random.Random, n: int) -> Workflow:
    """Steps in a row, each with ways to later ones, sometimes back; joins name whoever leads to them."""
    names = [f"s{number}" for number in range(n)]
    steps = [step(name, _route(dice, names, place), **_broken(dice, names, place)) for place, name in enumerate(names)]
    return _with_joins(dice, workflow(*steps))


def _route(dice: random.Random, names: list[str], place: int) -> Route:
    later = [*names[place + 1 : place + 5], END]
    match dice.randrange(6):
        case 0 | 1:
            return Next(to=later[0])
        case 2:
            return RouteOn(on="v", cases={value: _case(dice, names, place, later) for value in "AB"})
        case 3:
            return Choose(cases=(_case(dice, names, place, later),), otherwise=dice.choice(later))
        case 4:
            return Fork(cases=tuple(Case(to=to) for to in dice.sample(later, min(2, len(later)))))
        case _:
            return Each(source="list", to=later[0])


def _case(dice: random.Random, names: list[str], place: int, later: list[str]) -> Case:
    if place and dice.random() < 0.4:
        back = dice.choice(names[: place + 1])
        return Case(to=back, loop=dice.randint(1, 2), otherwise=dice.choice(later))
    return Case(to=dice.choice(later))


def _broken(dice: random.Random, names: list[str], place: int) -> dict[str, str]:
    return {"on_failure": dice.choice([*names[place + 1 :], END])} if dice.random() < 0.2 else {}


def _with_joins(dice: random.Random, of: Workflow) -> Workflow:
    """Give a step that several lead to its `after`, sometimes: the linter says where it must have one."""
    from wave_runner.core import graph

    steps = dict(of.steps)
    for name in list(steps)[2:]:
        before = tuple(other for other in steps if name in graph.forward(steps[other]))
        if len(before) > 1 and dice.random() < 0.8:
            steps[name] = replace(steps[name], after=before, join=dice.choice(list(Join)))
    return replace(of, steps=steps)


@dataclass
class Walk:
    """One record's way through a workflow: what was done, in order, and how each join was resolved."""

    flow: Flow
    dice: random.Random
    most: int = TOO_LONG  # interactions that may be begun: the others are quarantined
    begun: list[Place] = field(default_factory=list)
    done: list[tuple[Place, str]] = field(default_factory=list)
    taken: dict[Place, list[str] | None] = field(default_factory=dict)  # where each led; None: broken, and nowhere
    skipped: list[Place] = field(default_factory=list)
    joins: dict[Place, Counter] = field(default_factory=dict)
    resolved: dict[Place, Resolution] = field(default_factory=dict)
    waiting: list[Place] = field(default_factory=list)

    def start(self, name: str) -> Walk:
        self.waiting.append(Place(step=name))
        while self.waiting:
            assert len(self.done) < TOO_LONG, "the record's way does not end"
            place = self.waiting.pop(self.dice.randrange(len(self.waiting)))
            self.do(place)
        return self

    def do(self, place: Place) -> None:
        """Let the interaction at a place that is not waiting any more end as the die says."""
        assert place not in {done for done, _ in self.done}, f"{place} was reached twice"
        assert place not in self.skipped, f"{place} was skipped before"
        here = self.flow.steps[place.step]
        if len(self.begun) >= self.most:
            self.done.append((place, "limited"))
            self._break(place, here.on_quarantine)
            return
        self.begun.append(place)
        if self.dice.random() < 0.15:
            self.done.append((place, "failed"))
            self._break(place, here.on_failure)
            return
        self.done.append((place, "completed"))
        rounds = self.flow.loops.taken(place.step, place.iteration)
        ways, items = take(here.route, rounds, self.dice)
        self.taken[place] = [] if items == 0 else [way.to for way in ways]
        self._follow(self.flow.follow(place, Settled.ARRIVED, ways, items=items))

    def _break(self, place: Place, handler: str) -> None:
        ways = (Way(to=handler),) if handler else ()
        self.taken[place] = [way.to for way in ways] or None
        self._follow(self.flow.follow(place, Settled.FAILED, ways))

    def _follow(self, what: Consequences) -> None:
        self.waiting += what.children
        self._skip(what.skipped)
        for given in what.inputs:
            counts = self.joins.setdefault(given.join, Counter())
            counts["more"] += given.more
            if given.outcome is not None:
                counts[given.outcome] += 1
        for place in dict.fromkeys(given.join for given in what.inputs):
            self._resolve(place)

    def _skip(self, places: Iterable[Place]) -> None:
        for place in places:
            assert place not in self.skipped, f"{place} was skipped twice"
            assert place not in self.begun, f"{place} is skipped, and was reached"
            self.skipped.append(place)

    def _resolve(self, place: Place) -> None:
        if place in self.resolved:
            return
        here, counts = self.flow.steps[place.step], self.joins[place]
        settled = {outcome: counts[outcome] for outcome in Settled}
        found = resolve(here.join, len(here.after) + counts["more"], settled)
        if found is Resolution.WAIT:
            return
        self.resolved[place] = found
        if found is Resolution.GO:
            self.waiting.append(place)
            return
        if found is Resolution.SKIP:
            self._skip([place])
        outcome = Settled.SKIPPED if found is Resolution.SKIP else Settled.NOT_TAKEN
        self._follow(self.flow.follow(place, outcome))


def take(route: Route, rounds: Mapping[str, int], dice: random.Random) -> tuple[tuple[Way, ...], int | None]:
    """The ways that a die takes, and how many items a list has."""
    match route:
        case Next(to=to):
            return (Way(to=to),), None
        case Each(to=to):
            return (Way(to=to),), dice.randrange(4)
        case RouteOn(cases=cases):
            return (_through(dice.choice(list(cases.values())), rounds),), None
        case Choose(cases=cases, otherwise=otherwise):
            return (_through(cases[0], rounds) if dice.random() < 0.6 else Way(to=otherwise),), None
        case Fork(cases=cases, otherwise=otherwise):
            ways = tuple(Way(to=case.to) for case in cases if dice.random() < 0.8)
            return ways or (Way(to=otherwise),), None


def _through(case: Case, rounds: Mapping[str, int]) -> Way:
    if case.loop:
        return Way(to=case.to, back=True) if rounds.get(case.to, 0) < case.loop else Way(to=case.otherwise)
    return Way(to=case.to)


def accepted(seed: int, n: int = 7, like: Callable[[Workflow], bool] = lambda _: True) -> Iterator[Workflow]:
    """Random workflows that the linter has nothing against."""
    dice = random.Random(seed)
    while True:
        made = random_workflow(dice, n)
        if not findings(made) and like(made):
            yield made
