"""The plan of loads, held against searches that are too simple to be wrong."""

from __future__ import annotations

import heapq
import itertools
import random

import pytest

from wave_runner.core.course import Course, line
from wave_runner.core.residency import Plan, Room, evictions, least_loads, plan

ONE = dict.fromkeys("ABCDEFGH", 1.0)


def names(found: Plan) -> str:
    return "".join(found.models)


def test_two_courses_share_the_loads_that_they_have_in_common():
    found = plan([line(*"ABAC"), line(*"BC")], load_s=ONE)
    assert (names(found), found.cost_s, found.exact) == ("ABAC", 4.0, True)


def test_nothing_ahead_needs_nothing():
    assert plan([], load_s=ONE).loads == ()
    assert plan([line()], load_s=ONE).loads == ()


def test_what_is_resident_is_not_loaded_again_at_the_beginning():
    assert names(plan([line(*"ABA")], load_s=ONE, resident={"A"})) == "BA"


def test_the_dearer_load_is_made_less_often():
    both = [line(*"AB"), line(*"BA")]
    assert names(plan(both, load_s={"A": 1.0, "B": 5.0})) == "ABA"
    assert names(plan(both, load_s={"A": 5.0, "B": 1.0})) == "BAB"


def test_models_that_fit_beside_each_other_stay_and_the_one_needed_last_goes():
    found = plan([line(*"ABCDAB")], load_s=ONE, room=Room(most=3))
    assert [(load.model, load.evict) for load in found.loads[:3]] == [("A", ()), ("B", ()), ("C", ())]
    assert (found.loads[3].model, found.loads[3].evict) == ("D", ("C",))
    assert found.cost_s == 4.0


def test_a_budget_of_bytes_counts_what_each_model_takes():
    size = {"A": 5, "B": 3, "C": 2}
    sequence = [line(*"ABCABC")]
    assert plan(sequence, load_s=ONE, size=size, room=Room(most=9, bytes=10)).cost_s == 3.0
    assert plan(sequence, load_s=ONE, size=size, room=Room(most=9, bytes=8)).cost_s == 4.0
    assert plan(sequence, load_s=ONE, size=size, room=Room(most=9, bytes=4)).cost_s == 6.0


def test_a_model_larger_than_the_room_is_loaded_alone():
    found = plan([line(*"BA")], load_s=ONE, size={"A": 99, "B": 1}, room=Room(most=2, bytes=10))
    assert [(load.model, load.evict) for load in found.loads] == [("B", ()), ("A", ("B",))]


def test_a_model_that_somebody_is_at_is_not_evicted_for_the_first_load():
    given = {"load_s": ONE, "resident": {"A", "B"}, "kept": {"B"}, "room": Room(most=2)}
    assert plan([line(*"CBA")], **given).loads[0].evict == ("A",)
    assert plan([line("C")], load_s=ONE, resident={"B"}, kept={"B"}).loads == ()


def test_for_a_model_out_of_turn_what_is_needed_last_is_evicted_and_what_nobody_needs_before_it():
    given = {"courses": [line(*"AB")], "size": {}, "room": Room(most=3)}
    assert evictions("D", resident="AB", **given) == ()
    assert evictions("D", resident="ABC", **given) == ("C",)
    assert evictions("D", resident="ABC", kept="C", **given) == ("B",)
    assert evictions("D", resident="ABC", kept="ABC", **given) is None


SHORT, LONG = 'model:near:A:{"num_ctx":2048}', 'model:near:A:{"num_ctx":8192}'


def test_the_same_weights_in_another_way_are_loaded_anew_however_much_room_there_is():
    load_s, room = {SHORT: 1.0, LONG: 1.0, "B": 1.0, "C": 1.0}, Room(most=3)
    found = plan([line(SHORT, "B", LONG, "B")], load_s=load_s, room=room)
    assert [(load.model, load.evict) for load in found.loads] == [(SHORT, ()), ("B", ()), (LONG, (SHORT,))]
    greedy = plan([line(SHORT, "B", LONG, "B", SHORT)], load_s=load_s, room=room, states=0)
    assert [load.evict for load in greedy.loads] == [(), (), (SHORT,), (LONG,)]
    assert plan([line(LONG)], load_s=load_s, room=room, resident={SHORT, "B"}, kept={SHORT}).loads == ()


def test_out_of_turn_too_it_is_the_other_way_that_leaves_and_not_while_somebody_is_at_it():
    given = {"courses": [line(SHORT, "B")], "size": {}, "resident": {SHORT, "B"}, "room": Room(most=3)}
    assert evictions(LONG, **given) == (SHORT,)
    assert evictions(LONG, kept={SHORT}, **given) is None
    assert evictions("C", **given) == ()


def random_courses(dice: random.Random, *, models: str, most: int, steps: int) -> list[Course]:
    """Lines and branched courses, some of them mixed."""
    found = []
    for _ in range(dice.randint(1, most)):
        length = dice.randint(1, steps)
        chain = [dice.choice(models) for _ in range(length)]
        if dice.random() < 0.5:
            found.append(line(*chain))
        else:
            after = [sum(1 << one for one in range(n) if dice.random() < 2 / (n + 1)) for n in range(length)]
            found.append(Course(models=tuple(chain), after=tuple(after)))
    return found


def cheapest(courses: list[Course], load_s, *, resident=frozenset(), fits=lambda models: len(models) <= 1) -> float:
    """Dijkstra over single steps: do one step that something resident can do, or load a model and evict any others."""
    start = (tuple(0 for _ in courses), frozenset(resident))
    best = {start: 0.0}
    heap = [(0.0, 0, start)]
    tie = itertools.count(1)
    while heap:
        cost, _, (done, there) = heapq.heappop(heap)
        if cost > best[done, there]:
            continue
        if all(one == (1 << len(course.models)) - 1 for one, course in zip(done, courses, strict=True)):
            return cost
        ways = []
        for number, course in enumerate(courses):
            for step, (model, before) in enumerate(zip(course.models, course.after, strict=True)):
                if not done[number] >> step & 1 and not before & ~done[number] and model in there:
                    after = (*done[:number], done[number] | 1 << step, *done[number + 1 :])
                    ways.append((cost, (after, there)))
        for model in {model for course in courses for model in course.models} - there:
            for count in range(len(there) + 1):
                for kept in itertools.combinations(sorted(there), count):
                    if fits({*kept, model}):
                        ways.append((cost + load_s[model], (done, frozenset({*kept, model}))))
        for after_cost, state in ways:
            if after_cost < best.get(state, float("inf")):
                best[state] = after_cost
                heapq.heappush(heap, (after_cost, next(tie), state))
    raise AssertionError("there is no way")


def carried_out(found: Plan, courses: list[Course], *, resident=frozenset(), fits) -> None:
    """Do what a plan says: everything must fit, and every course come to its end."""
    there, done = set(resident), [0] * len(courses)
    for load in [None, *found.loads]:
        if load is not None:
            assert load.model not in there
            assert set(load.evict) <= there
            there = there - set(load.evict) | {load.model}
            assert len(there) == 1 or fits(there)
        for number, course in enumerate(courses):
            for step, (model, before) in enumerate(zip(course.models, course.after, strict=True)):
                if model in there and not before & ~done[number]:
                    done[number] |= 1 << step
    assert done == [(1 << len(course.models)) - 1 for course in courses]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("seed", range(10))
def test_with_one_model_in_memory_no_plan_is_cheaper(seed: int):
    dice = random.Random(seed)
    for _ in range(1000):
        courses = random_courses(dice, models="ABCD"[: dice.randint(2, 4)], most=3, steps=4)
        load_s = {model: float(dice.choice([1, 1, 2, 5])) for model in "ABCD"}
        resident = frozenset(dice.choice(["", "A", "D"]))
        found = plan(courses, load_s=load_s, resident=resident)
        assert found.exact
        assert found.cost_s == sum(load_s[model] for model in found.models)
        assert found.cost_s == cheapest(courses, load_s, resident=resident)
        carried_out(found, courses, resident=resident, fits=lambda models: len(models) <= 1)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("seed", range(5))
def test_with_several_models_in_memory_no_plan_is_cheaper(seed: int):
    dice = random.Random(seed)
    for _ in range(100):
        courses = random_courses(dice, models="ABCD", most=2, steps=5)
        load_s = {model: float(dice.choice([1, 1, 2, 5])) for model in "ABCD"}
        size = {model: dice.randint(1, 5) for model in "ABCD"}
        room = Room(most=dice.randint(1, 3), bytes=dice.choice([None, 4, 6, 8]))
        resident = frozenset(dice.choice(["", "A", "B"]))

        def fits(models, *, size=size, room=room) -> bool:
            together = sum(size[model] for model in models)
            return len(models) == 1 or (len(models) <= room.most and together <= (room.bytes or 99))

        found = plan(courses, load_s=load_s, size=size, room=room, resident=resident)
        assert found.exact
        assert found.cost_s == cheapest(courses, load_s, resident=resident, fits=fits)
        carried_out(found, courses, resident=resident, fits=fits)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("most", [1, 2])
def test_above_its_limit_a_plan_still_reaches_every_end_and_says_that_it_may_not_be_the_cheapest(most: int):
    dice = random.Random(3)
    room = Room(most=most)
    for _ in range(50):
        courses = [line(*(dice.choice("ABCDEFGH") for _ in range(7))) for _ in range(4)]
        found = plan(courses, load_s=ONE, room=room, states=20)
        carried_out(found, courses, fits=lambda models: len(models) <= most)
        assert not found.exact
        assert found.least_s <= plan(courses, load_s=ONE, room=room).cost_s <= found.cost_s
        assert found.cost_s <= 2 * found.least_s


def test_the_least_number_of_loads_does_not_depend_on_what_they_cost():
    assert least_loads([line(*"ABAC"), line(*"BC")]) == 4
    assert least_loads([line(*"ABAC")], room=Room(most=2)) == 3
    assert least_loads([]) == 0
