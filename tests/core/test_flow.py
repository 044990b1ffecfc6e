"""What follows from an interaction's end: on small graphs by hand, and on random ones by what must always hold."""

import itertools
import random

import pytest
from tests.support.workflows import Walk, accepted, findings, step, workflow

from wave_runner.core.flow import Consequences, Flow, JoinInput, Place, Settled
from wave_runner.core.joining import Resolution, resolve
from wave_runner.core.routing import Way
from wave_runner.core.workflow import Case, Choose, Each, Fork, Join, Next, RouteOn


def flow_of(*steps):
    made = workflow(*steps)
    assert findings(made) == []
    return Flow(made.steps)


DIAMOND = (
    step("split", Fork(cases=(Case(to="a"), Case(to="b")))),
    step("a", Next(to="meet")),
    step("b", Next(to="tail")),
    step("tail", Next(to="meet")),
    step("meet", Next(to="save"), after=("a", "tail")),
    step("save", Next(to="end")),
)


def follow(flow, name, outcome=Settled.ARRIVED, *to, **more):
    return flow.follow(Place(step=name), outcome, tuple(Way(to=one) for one in to), **more)


def inputs(found):
    return [(given.join.step, given.outcome) for given in found.inputs]


def test_a_fork_makes_a_child_on_every_way_that_it_takes():
    found = follow(flow_of(*DIAMOND), "split", Settled.ARRIVED, "a", "b")
    assert [place.step for place in found.children] == ["a", "b"]
    assert not found.inputs


def test_a_way_to_a_join_arrives_there_and_makes_no_child():
    found = follow(flow_of(*DIAMOND), "a", Settled.ARRIVED, "meet")
    assert (found.children, inputs(found)) == ((), [("meet", Settled.ARRIVED)])


def test_a_branch_that_is_not_taken_settles_the_join_behind_it():
    found = follow(flow_of(*DIAMOND), "split", Settled.ARRIVED, "a")
    assert inputs(found) == [("meet", Settled.NOT_TAKEN)]


def test_a_branch_that_breaks_skips_its_own_steps_and_settles_its_join():
    found = follow(flow_of(*DIAMOND), "b", Settled.FAILED)
    assert [place.step for place in found.skipped] == ["tail"]
    assert inputs(found) == [("meet", Settled.SKIPPED)]
    assert inputs(follow(flow_of(*DIAMOND), "tail", Settled.FAILED)) == [("meet", Settled.FAILED)]


def test_a_join_that_is_skipped_skips_what_is_behind_it_and_one_that_is_left_out_does_not():
    assert [place.step for place in follow(flow_of(*DIAMOND), "meet", Settled.SKIPPED).skipped] == ["save"]
    assert follow(flow_of(*DIAMOND), "meet", Settled.NOT_TAKEN).skipped == ()


# Two ways to `last` that exclude each other, one of them through a join.
ASIDE = (
    step("sort", RouteOn(on="v", cases={"A": Case(to="a"), "B": Case(to="b"), "C": Case(to="last")})),
    step("a", Next(to="meet")),
    step("b", Next(to="meet")),
    step("meet", Next(to="last"), after=("a", "b")),
    step("last", Next(to="end")),
)


def test_what_stands_behind_a_join_is_skipped_by_the_join_alone():
    """It was skipped twice once, by the step that broke and by the join, and the runner stopped."""
    flow = flow_of(*ASIDE)
    found = follow(flow, "sort", Settled.FAILED)
    assert [place.step for place in found.skipped] == ["a", "b"]
    assert inputs(found) == [("meet", Settled.SKIPPED)] * 2
    assert [place.step for place in follow(flow, "meet", Settled.SKIPPED).skipped] == ["last"]


@pytest.mark.parametrize("outcome", [Settled.FAILED, Settled.SKIPPED])
def test_a_step_before_the_records_breaks_without_a_word_to_their_joins(outcome):
    """Regression: it settled inputs of joins of no record once, and the runner stopped."""
    made = workflow(*DIAMOND)
    before = {"get": step("get", Next(to="fetch"), once=True)}
    flow = Flow(before | dict(made.steps))
    assert follow(flow, "fetch", outcome) == Consequences()
    assert follow(flow, "get", outcome) == Consequences(skipped=(Place(step="fetch"),))


LOOP = (
    step("write", Next(to="grade")),
    step("grade", RouteOn(on="v", cases={"PASS": Case(to="save"), "FAIL": Case(to="write", loop=2, otherwise="ask")})),
    step("ask", Next(to="save")),
    step("save", Next(to="end")),
)


def test_a_loop_counts_its_rounds_and_leaving_it_restores_the_iteration():
    flow = flow_of(*LOOP)
    place = Place(step="grade", iteration=1)
    [back] = flow.follow(place, Settled.ARRIVED, (Way(to="write", back=True),)).children
    assert back == Place(step="write", iteration=2)
    [out] = flow.follow(place, Settled.ARRIVED, (Way(to="save"),)).children
    assert out == Place(step="save", iteration=0)


def test_loops_inside_each_other_count_by_themselves():
    flow = flow_of(
        step("outer", Next(to="inner")),
        step("inner", Choose(cases=(Case(to="inner", loop=2, otherwise="check"),), otherwise="check")),
        step("check", Choose(cases=(Case(to="outer", loop=3, otherwise="save"),), otherwise="save")),
        step("save", Next(to="end")),
    )
    assert [loop.header for loop in flow.loops.all] == ["outer", "inner"]
    inside = Place(step="inner", iteration=2 * 3 + 1)
    assert flow.loops.taken("inner", inside.iteration) == {"outer": 2, "inner": 1}
    assert flow.loops.iteration_at("inner", inside.iteration, "check") == 2
    assert flow.loops.iteration_at("inner", inside.iteration, "inner", back=True) == 2 * 3 + 2
    assert flow.loops.iteration_at("check", 2, "outer", back=True) == 3
    assert flow.loops.iteration_at("check", 2, "save") == 0


def test_a_join_behind_a_loop_waits_for_every_round_that_may_still_lead_there():
    flow = flow_of(
        step("split", Fork(cases=(Case(to="write"), Case(to="other")))),
        step("write", Next(to="grade")),
        step(
            "grade",
            Choose(cases=(Case(to="meet", when="x"), Case(to="write", loop=2, otherwise="end")), otherwise="end"),
        ),
        step("other", Next(to="meet")),
        step("meet", Next(to="end"), after=("grade", "other")),
    )
    again = flow.follow(Place(step="grade"), Settled.ARRIVED, (Way(to="write", back=True),))
    assert inputs(again) == []
    out = flow.follow(Place(step="grade", iteration=2), Settled.ARRIVED, (Way(to="end"),))
    assert out.inputs == (JoinInput(join=Place(step="meet"), outcome=Settled.NOT_TAKEN),)


LIST = (
    step("cut", Each(source="parts", to="read")),
    step("read", Next(to="meet")),
    step("meet", Next(to="end"), after=("read",)),
)


def test_each_item_of_a_list_is_an_interaction_and_its_join_waits_for_all_of_them():
    flow = flow_of(*LIST)
    found = follow(flow, "cut", Settled.ARRIVED, "read", items=3)
    assert [place.item for place in found.children] == [1, 2, 3]
    assert found.inputs == (JoinInput(join=Place(step="meet"), more=2),)
    one = flow.follow(Place(step="read", item=2), Settled.ARRIVED, (Way(to="meet"),))
    assert one.inputs == (JoinInput(join=Place(step="meet"), outcome=Settled.ARRIVED),)
    assert flow.is_gathered("read", "meet")
    assert not flow.is_gathered("read", "read")


def test_an_empty_list_leads_nowhere_and_settles_its_join():
    found = follow(flow_of(*LIST), "cut", Settled.ARRIVED, "read", items=0)
    assert (found.children, inputs(found)) == ((), [("meet", Settled.NOT_TAKEN)])


A, F, S, N = Settled.ARRIVED, Settled.FAILED, Settled.SKIPPED, Settled.NOT_TAKEN


@pytest.mark.parametrize(
    ("join", "expected", "settled", "does"),
    [
        (Join.ALL, 2, {A: 1}, Resolution.WAIT),
        (Join.ALL, 2, {A: 2}, Resolution.GO),
        (Join.ALL, 2, {A: 1, N: 1}, Resolution.GO),
        (Join.ALL, 2, {A: 1, F: 1}, Resolution.SKIP),
        (Join.ALL, 2, {A: 1, S: 1}, Resolution.SKIP),
        (Join.ALL, 2, {N: 2}, Resolution.LEAVE_OUT),
        (Join.ANY, 3, {A: 1}, Resolution.GO),
        (Join.ANY, 3, {F: 2}, Resolution.WAIT),
        (Join.ANY, 2, {F: 1, N: 1}, Resolution.SKIP),
        (Join.ANY, 2, {N: 2}, Resolution.LEAVE_OUT),
        (Join.SETTLED, 2, {F: 1}, Resolution.WAIT),
        (Join.SETTLED, 2, {F: 2}, Resolution.GO),
        (Join.SETTLED, 2, {A: 1, F: 1}, Resolution.GO),
        (Join.SETTLED, 2, {N: 2}, Resolution.LEAVE_OUT),
    ],
)
def test_when_a_join_goes(join, expected, settled, does):
    assert resolve(join, expected, settled) is does


@pytest.mark.parametrize("seed", range(6))
def test_every_way_through_every_accepted_workflow_ends_with_each_step_done_once_and_each_join_settled(seed):
    """Random workflows, five records each, with failures: nothing is reached twice, nothing waits for ever."""
    dice = random.Random(seed)
    for made in itertools.islice(accepted(seed), 40):
        flow = Flow(made.steps)
        for _ in range(5):
            walk = Walk(flow, dice).start("s0")
            for place, counts in walk.joins.items():
                here = made.steps[place.step]
                assert place in walk.resolved, f"{place} waits for ever in {made.steps}"
                total = sum(counts[outcome] for outcome in Settled)
                assert total == len(here.after) + counts["more"], f"{place} has {counts} in {made.steps}"


@pytest.mark.parametrize("seed", range(4))
def test_every_way_ends_too_where_a_limit_stops_it_and_every_join_settles(seed):
    """Whatever the limit cuts off, and wherever `on_quarantine` leads from there, nothing is begun beyond it."""
    dice = random.Random(seed)
    for made in itertools.islice(accepted(seed), 40):
        flow = Flow(made.steps)
        for most in (1, 2, 3, 5, 8):
            walk = Walk(flow, dice, most=most).start("s0")
            assert len(walk.begun) <= most
            assert set(walk.joins) <= set(walk.resolved), f"a join waits for ever in {made.steps}"


def test_the_random_workflows_hold_what_they_are_there_for():
    made = list(itertools.islice(accepted(1), 150))
    routes = [type(one.route).__name__ for flow in made for one in flow.steps.values()]
    assert {"Fork", "Each", "Choose", "RouteOn"} <= set(routes)
    assert sum(bool(one.after) for flow in made for one in flow.steps.values()) > 15
    assert sum(bool(Flow(flow.steps).loops.all) for flow in made) > 15
