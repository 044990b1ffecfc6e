"""Which step comes next, decided from the route, the output and the run's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from wave_runner.core.conditions import ConditionError, condition, in_words
from wave_runner.core.outcome import Breach
from wave_runner.core.workflow import Case, Each, Next, Route, RouteOn


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where to go (`end` or a step), by which rule, and the values that decided; `each` names what to fan out over."""

    to: str
    rule: str
    values: Mapping[str, Any] = field(default_factory=dict)
    each: str = ""


def next_step(route: Route, output: Any, params: Mapping[str, Any]) -> Decision | Breach:
    """Decide. A value that the route has no case for breaks the contract: nothing is ever routed by default."""
    match route:
        case Next(to=to):
            return Decision(to=to, rule="next")
        case Each(source=source, to=to):
            return Decision(to=to, rule=f"each {source}", each=source)
        case RouteOn():
            return _by_value(route, output, params)
        case _:
            assert_never(route)


def _by_value(route: RouteOn, output: Any, params: Mapping[str, Any]) -> Decision | Breach:
    value = output.get(route.on) if isinstance(output, Mapping) else None
    if not isinstance(value, str) or value not in route.cases:
        known = ", ".join(route.cases)
        message = f"route on `{route.on}`: {in_words(value)} is none of {known}"
        return Breach(rule="unknown_route", message=message, retry=True)
    case = route.cases[value]
    if not case.when:
        return Decision(to=case.to, rule=f"{route.on} = {value}", values={route.on: value})
    return _by_condition(route.on, value, case, output, params)


def _by_condition(
    on: str, value: str, case: Case, output: Mapping[str, Any], params: Mapping[str, Any]
) -> Decision | Breach:
    try:
        holds = condition(case.when).holds({"params": params, "output": output})
    except ConditionError as error:
        return Breach(rule="condition_error", message=f"route on `{on}`, case {value}: {error}")
    rule = f"{on} = {value}, {case.when} is {'true' if holds else 'false'}"
    return Decision(to=case.to if holds else case.otherwise, rule=rule, values={on: value, "when": holds})
