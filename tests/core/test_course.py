"""What of a workflow's models is still ahead, and in which order."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from wave_runner.core import graph
from wave_runner.core.course import Course, course, line, through, unroll
from wave_runner.core.workflow import ActorKind, Case, Choose, Fork, Next, Step
from wave_runner.project.init import init_project
from wave_runner.project.load import load_project


def steps(**ways) -> dict[str, Step]:
    """Steps in this order, each with its route; a step's model is the first letter of its name, `x`: none."""
    return {
        name: Step(name=name, line=1, actor=name[0], kind=ActorKind.AI_MODEL, route=route)
        for name, route in ways.items()
    }


def keys(of: dict[str, Step]) -> dict[str, str]:
    return {name: name[0].upper() for name in of if name[0] != "x"}


def either(*to: str) -> Choose:
    return Choose(cases=tuple(Case(to=one, when="x") for one in to[:-1]), otherwise=to[-1])


def test_equal_neighbours_of_a_line_are_one_step():
    assert line("A", "A", "B", "A") == Course(models=("A", "B", "A"), after=(0b0, 0b1, 0b10))
    assert line() == Course(models=(), after=())


def test_steps_of_scripts_and_people_are_left_out_and_models_around_them_are_neighbours():
    flow = steps(a1=Next(to="x1"), x1=Next(to="a2"), a2=Next(to="x2"), x2=Next(to="b1"), b1=Next(to="end"))
    assert course(flow, keys(flow), {"a1"}) == line("A", "B")


def test_what_lies_behind_all_records_is_not_ahead():
    flow = steps(a1=Next(to="b1"), b1=Next(to="x1"), x1=Next(to="c1"), c1=Next(to="end"))
    assert course(flow, keys(flow), {"x1"}) == line("C")
    assert course(flow, keys(flow), {"x1", "b1"}) == line("B", "C")
    assert course(flow, keys(flow), set()) == line()
    assert course(flow, keys(flow), {"not_of_this_workflow"}) == line()


def test_what_stands_at_a_step_that_nothing_leads_to_is_ahead():
    flow = steps(a1=Next(to="end"), b1=Next(to="c1"), c1=Next(to="end"))
    assert course(flow, keys(flow), {"b1"}) == line("B", "C")
    assert course(flow, keys(flow), {"a1"}) == line("A")


def test_branches_stand_side_by_side_and_what_joins_them_follows_both():
    fork = Fork(cases=(Case(to="b1"), Case(to="c1")))
    flow = steps(a1=fork, b1=Next(to="d1"), c1=Next(to="d1"), d1=Next(to="end"))
    found = course(flow, keys(flow), {"a1"})
    assert (found.models[0], set(found.models[1:3]), found.models[3]) == ("A", {"B", "C"}, "D")
    assert found.after == (0b0, 0b1, 0b1, 0b110)


def test_a_course_through_the_places_that_were_taken_leaves_out_the_others():
    places = {("a", 0): (("b", 0), ("c", 0)), ("b", 0): (("d", 0),), ("c", 0): (("d", 0),), ("d", 0): ()}
    taken = [("a", 0), ("c", 0), ("d", 0)]
    assert through(places, taken, {"a": "A", "b": "B", "c": "C", "d": "D"}) == line("A", "C", "D")


def test_a_loop_is_unrolled_and_no_further_than_two_rounds_beside_the_first():
    def rounds(most: int) -> Course:
        flow = steps(a1=Next(to="b1"), b1=Choose(cases=(Case(to="a1", when="x", loop=most),), otherwise="end"))
        return course(flow, keys(flow), {"a1"})

    assert rounds(1) == line(*"ABAB")
    assert rounds(2) == rounds(50) == line(*"ABABAB")


def test_loops_in_loops_do_not_grow_beyond_measure():
    ways = {f"a{n}": Next(to=f"a{n + 1}") for n in range(1, 6)}
    back = tuple(Case(to=f"a{n}", when="x", loop=9) for n in range(1, 6))
    flow = steps(**ways, a6=Choose(cases=back, otherwise="end"))
    assert len(unroll(flow)) <= 200


def test_the_graded_postings_have_the_models_of_their_workflow_in_its_order(tmp_path: Path):
    init_project(tmp_path / "postings")
    flow = load_project(tmp_path / "postings").workflows["postings_graded"].steps
    models = {name: step.actor for name, step in flow.items() if step.kind is ActorKind.AI_MODEL}
    found = course(flow, models, {"fetch"})
    assert found.models[0] == "summariser"
    assert found.models[-1] == "judge"
    # Two grades, three rounds of improving, format, skills, analyst, skeptic, judge.
    assert len(found.models) == 1 + 2 + 6 + 1 + 1 + 1 + 1, "skills and analyst have one model, and are one step"


def random_flow(dice: random.Random) -> dict[str, Step]:
    names = [f"{dice.choice('abcx')}{n}" for n in range(dice.randint(2, 7))]
    ways = {}
    for number, name in enumerate(names):
        later = names[number + 1 :]
        some = dice.sample(later, min(len(later), dice.randint(1, 2))) or ["end"]
        ways[name] = either(*some) if len(some) > 1 else Next(to=some[0])
    return steps(**ways)


def paths(flow: dict[str, Step], name: str) -> list[tuple[str, ...]]:
    following = graph.follows(flow[name])
    return [(name, *rest) for to in following for rest in paths(flow, to)] or [(name,)]


def holds(sequence: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a record on this path is done by these loads, if each wave is drained."""
    at = 0
    for model in sequence:
        while at < len(path) and path[at] == model:
            at += 1
    return at == len(path)


def goes_through(found: Course, sequence: tuple[str, ...]) -> bool:
    done = 0
    for model in sequence:
        for number, (own, before) in enumerate(zip(found.models, found.after, strict=True)):
            if own == model and not before & ~done:
                done |= 1 << number
    return done == (1 << len(found.models)) - 1


@pytest.mark.timeout(60)
def test_loads_are_enough_for_a_course_exactly_if_they_are_enough_for_every_path():
    dice = random.Random(20)
    for _ in range(300):
        flow = random_flow(dice)
        root = next(iter(flow))
        found = course(flow, keys(flow), {root})
        taken = [tuple(keys(flow)[name] for name in path if name in keys(flow)) for path in paths(flow, root)]
        for length in range(5):
            for sequence in itertools.product("ABC", repeat=length):
                assert goes_through(found, sequence) == all(holds(sequence, path) for path in taken)
