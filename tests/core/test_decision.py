"""What becomes of an interaction after a try: one table of outcomes and verdicts."""

from dataclasses import replace

import pytest

from wave_runner.core.decision import Try, Verdict, decide
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Breach, Done, ErrorClass, Evidence, Failure, Usage
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.routing import Way
from wave_runner.core.workflow import (
    ActorKind,
    Case,
    CollectionSpec,
    Each,
    ModelSpec,
    Next,
    RouteOn,
    ScriptSpec,
    Step,
)

SCRIPT = PinnedStep(
    workflow="work",
    step=Step(
        name="count",
        line=0,
        actor="count",
        kind=ActorKind.SCRIPT,
        writes=("items.words", "tags"),
        route=Next(to="save"),
    ),
    collection=CollectionSpec(name="items", table="items", key="name"),
    params={},
    ensures=(),
    script=ScriptSpec(name="count", entry="actors/count.py", max_attempts=3),
)
MODEL = replace(SCRIPT, script=None, model=ModelSpec(name="judge", server="s", model="m", max_attempts=2))
GOOD = Done(output={"n": 1})
BAD = Breach(rule="output_schema", message="$.n: the value is not of type integer", retry=True)


def verdict(step, outcome, *, attempt=1):
    return decide(step, outcome, tried=Try(errors=attempt - 1, chance=0.5))


def after(route):
    return replace(SCRIPT, step=replace(SCRIPT.step, route=route))


def test_a_good_answer_is_completed_and_goes_on():
    expected = Verdict(state=State.COMPLETED, output='{"n":1}', ways=(Way(to="save"),), route="next")
    assert verdict(SCRIPT, GOOD) == expected


@pytest.mark.parametrize(
    ("route", "output", "to", "each"),
    [
        (Next(to="end"), {"n": 1}, ["end"], ""),
        (Each(source="promoted", to="judge"), {"n": 1}, ["judge"], "promoted"),
        (RouteOn(on="n", cases={"1": Case(to="one")}), {"n": "1"}, ["one"], ""),
    ],
)
def test_a_completed_step_goes_where_its_route_says(route, output, to, each):
    found = verdict(after(route), Done(output=output))
    assert found.state is State.COMPLETED
    assert ([way.to for way in found.ways], found.each) == (to, each)


def test_a_value_that_goes_nowhere_is_tried_again_like_any_wrong_answer_and_never_saved():
    astray = after(RouteOn(on="n", cases={}))
    tries = [verdict(astray, Done(output={"n": "9"}), attempt=attempt) for attempt in (1, 3)]
    assert [(found.state, found.output) for found in tries] == [(State.PENDING, None), (State.QUARANTINED, None)]


def test_a_scripts_wrong_answer_is_quarantined_at_once():
    found = verdict(SCRIPT, replace(BAD, retry=False))
    assert (found.state, found.output, found.error_class) == (State.QUARANTINED, None, ErrorClass.INVALID_OUTPUT)


def test_a_models_wrong_answer_is_asked_for_again_and_then_quarantined():
    first, last = verdict(MODEL, BAD, attempt=1), verdict(MODEL, BAD, attempt=2)
    assert (first.state, first.delay_s, first.output) == (State.PENDING, 0.5, None)
    assert (last.state, last.delay_s, last.rule) == (State.QUARANTINED, 0.0, first.rule)


@pytest.mark.parametrize("error_class", [one for one in ErrorClass if one is not ErrorClass.PERMANENT])
def test_a_failure_is_tried_again_until_the_attempts_are_spent(error_class):
    failure = Failure(error_class=error_class, message="no")
    assert [verdict(SCRIPT, failure, attempt=attempt).state for attempt in (1, 2, 3)] == [
        State.PENDING,
        State.PENDING,
        State.FAILED,
    ]


def test_a_failure_that_no_retry_can_help_fails_at_once():
    found = verdict(SCRIPT, Failure(error_class=ErrorClass.PERMANENT, message="no such model"))
    assert (found.state, found.message) == (State.FAILED, "no such model")


def test_a_server_that_names_a_time_is_left_alone_for_it():
    failure = Failure(error_class=ErrorClass.RATE_LIMITED, message="429", retry_after_s=42.0)
    assert verdict(SCRIPT, failure).delay_s == 42.0


def test_what_an_actor_rejects_is_quarantined_by_its_rule():
    found = verdict(SCRIPT, Breach(rule="not_a_posting", message="it is a test page"))
    assert (found.state, found.rule, found.message) == (State.QUARANTINED, "not_a_posting", "it is a test page")


def test_what_an_attempt_cost_and_left_behind_does_not_change_the_verdict():
    evidence = (Evidence(role="log", media_type="text/plain", content=b"log"),)
    assert verdict(SCRIPT, replace(GOOD, evidence=evidence, usage=Usage(tokens_in=9))) == verdict(SCRIPT, GOOD)
