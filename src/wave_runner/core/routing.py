"""Which steps come next, decided from the route, the output, what the step was given and the run's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, assert_never

from wave_runner.core.conditions import ConditionError, condition, in_words
from wave_runner.core.outcome import Breach
from wave_runner.core.workflow import Case, Choose, Each, Fork, Next, Route, RouteOn

NOTHING: Mapping[str, Any] = {}

MAX_ITEMS = 1000
"""Items of one list that an `each` fans out: they become interactions in one transaction."""


class Way(NamedTuple):
    """A way that is taken: to a step or `end`; `back` where it leads back to the header of a loop."""

    to: str
    back: bool = False


class Decision(NamedTuple):
    """Which ways are taken, by which rule, and the values that decided.

    `each` names what is fanned out; `items` is the length of that list, None where it is not a list of the output.
    """

    ways: tuple[Way, ...]
    rule: str
    values: Mapping[str, Any] = NOTHING
    each: str = ""
    items: int | None = None


class Situation(NamedTuple):
    """What a route is decided from. `rounds` is how often each loop, by its header, has been gone back in by now."""

    output: Any
    input: Any = None
    params: Mapping[str, Any] = NOTHING
    rounds: Mapping[str, int] = NOTHING

    def holds(self, text: str) -> bool:
        """Answer a condition; "" always holds."""
        return not text or condition(text).holds(self._variables())

    def values(self, text: str) -> dict[str, Any]:
        """Return the numbers and booleans that a condition reads: what may stand in an event."""
        found: dict[str, Any] = {}
        variables = self._variables()
        for name, member in _members_read(text):
            value = variables[name]
            if isinstance(value, Mapping) and isinstance(value.get(member), bool | int | float):
                found[f"{name}.{member}"] = value[member]
        return found

    def _variables(self) -> dict[str, Any]:
        return {"output": self.output, "input": self.input, "params": self.params}


@lru_cache(maxsize=1024)
def _members_read(text: str) -> tuple[tuple[str, str], ...]:
    """Return what a condition names of each variable of a situation."""
    names = ("output", "input", "params") if text else ()
    return tuple((name, member) for name in names for member in sorted(condition(text).members(name)))


def next_steps(route: Route, at: Situation) -> Decision | Breach:
    """Decide. A value that the route has no case for breaks the contract: nothing is ever routed by default."""
    try:
        match route:
            case Next(to=to):
                return Decision(ways=(Way(to=to),), rule="next")
            case Each():
                return _for_each(route, at)
            case RouteOn():
                return _by_value(route, at)
            case Choose():
                return _first_that_holds(route, at)
            case Fork():
                return _all_that_hold(route, at)
            case _:
                assert_never(route)
    except ConditionError as error:
        return Breach(rule="condition_error", message=f"the route: {error}")


def _for_each(route: Each, at: Situation) -> Decision | Breach:
    ways = (Way(to=route.to),)
    if route.over_records:
        return Decision(ways=ways, rule=f"each {route.source}", each=route.source)
    items = at.output.get(route.source) if isinstance(at.output, Mapping) else None
    if not isinstance(items, Sequence) or isinstance(items, str):
        message = f"each `{route.source}`: the output has {in_words(items)} there, not a list"
        return Breach(rule="no_list", message=message, retry=True)
    if len(items) > MAX_ITEMS:
        message = f"each `{route.source}`: a list of {len(items)}, and {MAX_ITEMS} are the most"
        return Breach(rule="too_many_items", message=message, retry=True)
    values = {"items": len(items)}
    return Decision(ways=ways, rule=f"each {route.source}", values=values, each=route.source, items=len(items))


def _by_value(route: RouteOn, at: Situation) -> Decision | Breach:
    value = at.output.get(route.on) if isinstance(at.output, Mapping) else None
    if not isinstance(value, str) or value not in route.cases:
        known = ", ".join(route.cases)
        message = f"route on `{route.on}`: {in_words(value)} is none of {known}"
        return Breach(rule="unknown_route", message=message, retry=True)
    case = route.cases[value]
    rule = f"{route.on} = {value}"
    values: dict[str, Any] = {route.on: value}
    if case.when:
        holds = at.holds(case.when)
        rule = f"{rule}, {case.when} is {'true' if holds else 'false'}"
        values |= {"when": holds, **at.values(case.when)}
        if not holds:
            return Decision(ways=(Way(to=case.otherwise),), rule=rule, values=values)
    way, in_words_too, counted = _through(case, at)
    return Decision(ways=(way,), rule=f"{rule}{in_words_too}", values=values | counted)


def _first_that_holds(route: Choose, at: Situation) -> Decision:
    seen: dict[str, Any] = {}
    for case in route.cases:
        seen |= at.values(case.when)
        if at.holds(case.when):
            way, in_words_too, counted = _through(case, at)
            return Decision(ways=(way,), rule=f"{case.when or 'always'}{in_words_too}", values=seen | counted)
    return Decision(ways=(Way(to=route.otherwise),), rule="else", values=seen)


def _all_that_hold(route: Fork, at: Situation) -> Decision:
    seen: dict[str, Any] = {}
    for case in route.cases:
        seen |= at.values(case.when)
    ways = tuple(_ways(route.cases, at))
    if not ways:
        return Decision(ways=(Way(to=route.otherwise),), rule="else", values=seen)
    return Decision(ways=ways, rule="all", values=seen)


def _ways(cases: Sequence[Case], at: Situation) -> Iterator[Way]:
    for case in cases:
        if at.holds(case.when):
            yield Way(to=case.to)


def _through(case: Case, at: Situation) -> tuple[Way, str, dict[str, Any]]:
    """Return the way through a case that holds: back in its loop, or out of it when that is used up."""
    if not case.loop:
        return Way(to=case.to), "", {}
    rounds = at.rounds.get(case.to, 0)
    if rounds < case.loop:
        return Way(to=case.to, back=True), f", round {rounds + 1} of {case.loop}", {"round": rounds + 1}
    return Way(to=case.otherwise), f", all {case.loop} rounds used up", {"round": rounds}
