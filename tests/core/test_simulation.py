"""Work on a virtual clock: every record is accounted for, and the figures are those that can be worked out by hand."""

from __future__ import annotations

import math
import random

import pytest

from wave_runner.core.baselines import PerRecord, drain, fifo, path, scaled
from wave_runner.core.residency import Room
from wave_runner.core.simulation import Machine, Outcome, Simulation, Waits, Work, waits_of, waves
from wave_runner.core.walk import Crowd, Flow, Gate, some_of
from wave_runner.core.wave import Model, Policy, longest_wait_s
from wave_runner.core.workflow import ActorKind, Case, Choose, Fork, Next, Step

NO_END = Policy(overdue_s=math.inf)


def flow(shares=None, **routes) -> Flow:
    """Steps in this order, each with its route; names that begin with `x` are scripts, the others models."""
    steps = {
        name: Step(
            name=name,
            line=1,
            actor=name[0],
            kind=ActorKind.SCRIPT if name[0] == "x" else ActorKind.AI_MODEL,
            route=route[0] if isinstance(route, tuple) else route,
            after=route[1] if isinstance(route, tuple) else (),
        )
        for name, route in routes.items()
    }
    return Flow(name="work", steps=steps, shares=shares or {})


def chain(*names: str) -> Flow:
    return flow(**{name: Next(to=to) for name, to in zip(names, (*names[1:], "end"), strict=True)})


def work(of: Flow, records: int, *, seconds: float = 1.0, per_s: float | None = None) -> Work:
    keys = {name: name[0].upper() for name in of.steps if name[0] != "x"}
    return Work(flow=of, records=records, keys=keys, seconds=dict.fromkeys(of.steps, seconds), per_s=per_s)


def machine(**more) -> Machine:
    return Machine(models={key: Model(name=key, load_s=10.0, service_s=1.0) for key in "ABCD"}, **more)


def done(of: list[Work], decide=waves, *, policy: Policy = NO_END, seed: int = 1, **more) -> Outcome:
    return Simulation(of, machine(**more), decide, policy=policy, draw=random.Random(seed).random).run()


def test_a_batch_through_a_chain_takes_its_loads_and_its_work():
    outcome = done([work(chain("a1", "b1", "a2"), 100)])
    assert (outcome.loads, outcome.least_loads, outcome.calls) == (3, 3, 300)
    assert outcome.makespan_s == outcome.load_s + outcome.work_s == 330.0
    assert outcome.first_s == 10 + 100 + 10 + 100 + 10 + 1
    assert outcome.waits.max_s == 10 + 99


def test_slots_share_the_work_and_servers_share_the_records():
    assert done([work(chain("a1"), 100)], slots=4).makespan_s == 35.0
    both = done([work(chain("a1"), 100)], servers=2)
    assert both.makespan_s < 90
    assert both.loads == 2


def test_models_that_fit_are_loaded_once():
    assert done([work(chain("a1", "b1", "a2"), 50)], room=Room(most=2)).loads == 2


def test_workflows_that_want_the_same_models_in_another_order_share_loads():
    mixed = [work(chain("a1", "b1"), 30), work(chain("b1", "c1"), 30)]
    assert done(mixed).loads == done(mixed).least_loads == 3


def test_records_that_come_by_and_by_are_all_done_and_wait_no_longer_than_is_promised():
    policy = Policy(overdue_s=60.0)
    of = [work(chain("a1", "b1"), 500, per_s=0.8), work(chain("c1", "a1"), 200, per_s=0.3)]
    outcome = done(of, policy=policy)
    assert outcome.calls == 1400
    assert outcome.makespan_s > 500 / 0.8
    assert outcome.loads > outcome.least_loads
    assert longest_wait_s(machine().models, list(machine().models), policy, wave_s=60.0) > outcome.waits.p50_s


def test_with_a_bound_on_waiting_a_batch_is_changed_between_and_its_longest_wait_is_shorter():
    of = [work(chain("a1"), 5000), work(chain("b1"), 10)]
    bounded, unbounded = (
        done(of, policy=Policy(overdue_s=100.0, theta=1.0)),
        done(of, drain),
    )
    assert bounded.loads == 3
    assert unbounded.loads == 2
    assert bounded.makespan_s == unbounded.makespan_s + 10


def test_branches_go_by_shares():
    either = Choose(cases=(Case(to="b1", when="x"),), otherwise="c1")
    of = work(flow({"a1": {"b1": 0.9, "c1": 0.1}}, a1=either, b1=Next(to="end"), c1=Next(to="end")), 10_000)
    queues = Simulation([of], machine(), waves, policy=NO_END, draw=random.Random(2).random)
    outcome = queues.run()
    assert outcome.calls == 20_000
    flows = [path(of.flow, random.Random(seed).random) for seed in range(1000)]
    assert 850 < sum(("b1", 0) in places for places in flows) < 950


def test_what_is_done_side_by_side_is_joined_again_record_by_record():
    fork = Fork(cases=(Case(to="b1"), Case(to="c1")))
    of = flow(a1=fork, b1=Next(to="d1"), c1=Next(to="d1"), d1=(Next(to="end"), ("b1", "c1")))
    outcome = done([work(of, 100)])
    assert (outcome.calls, outcome.loads) == (400, 4)
    assert done([work(of, 100)], fails=0.1).calls > 400
    assert [place[0] for place in path(of, random.Random(1).random)] == ["a1", "b1", "c1", "d1"]


def test_a_join_does_not_wait_for_a_branch_that_is_not_taken():
    fork = Fork(cases=(Case(to="b1"), Case(to="c1", when="x")))
    of = flow({"a1": {"c1": 0.5}}, a1=fork, b1=Next(to="d1"), c1=Next(to="d1"), d1=(Next(to="end"), ("b1", "c1")))
    outcome = done([work(of, 1000)])
    assert 3350 < outcome.calls < 3650


def test_a_loop_is_taken_as_often_as_it_may_be_and_no_more():
    back = Choose(cases=(Case(to="a1", when="x", loop=3),), otherwise="end")
    of = work(flow({"b1": {"a1": 1.0, "end": 0.0}}, a1=Next(to="b1"), b1=back), 10)
    outcome = done([of])
    assert (outcome.calls, outcome.loads, outcome.least_loads) == (80, 8, 8)


def test_failures_cost_calls_and_after_so_many_attempts_the_record():
    outcome = done([work(chain("a1", "b1"), 10_000)], fails=0.5)
    assert outcome.failed == pytest.approx(10_000 / 8 + 8750 / 8, rel=0.1)
    assert outcome.calls == pytest.approx(1.75 * 18_750, rel=0.05)


def test_a_model_is_kept_while_scripts_still_feed_it():
    of = work(chain("a1", "x1", "a2"), 10, seconds=3.0)
    other = work(chain("b1"), 1)
    assert done([of, other], script_slots=10).loads == 2
    hasty = Policy(overdue_s=math.inf, linger_s=0.0)
    assert done([of, other], script_slots=10, policy=hasty).loads == 3


def test_the_same_dice_give_the_same_outcome():
    of = [work(chain("a1", "b1"), 300, per_s=1.0)]
    assert done(of, fails=0.2, seed=4) == done(of, fails=0.2, seed=4) != done(of, fails=0.2, seed=5)


def test_record_by_record_every_change_of_model_is_a_load():
    outcome = PerRecord([work(chain("a1", "b1", "a2"), 100)], machine(), draw=random.Random(1).random).run()
    assert outcome.loads == 1 + 2 * 100
    assert outcome.makespan_s == 201 * 10 + 300
    assert outcome.first_s == 33.0


def test_first_come_first_served_goes_back_and_forth_between_workflows():
    mixed = [work(chain("a1"), 100, per_s=1.0), work(chain("b1"), 100, per_s=1.0)]
    assert done(mixed, fifo).loads > 20
    assert done(mixed).loads < 20


@pytest.mark.parametrize("decide", [waves, fifo, drain])
def test_a_million_records_are_all_done(decide):
    outcome = done([work(chain("a1", "x1", "b1", "a2"), 1_000_000, seconds=0.01)], decide)
    assert outcome.calls == 3_000_000


def test_of_a_sample_what_grows_with_the_records_is_scaled_and_the_waits_of_a_stream_are_not():
    outcome = done([work(chain("a1", "b1"), 100)])
    more = scaled(outcome, 10.0, batch=True)
    assert (more.makespan_s, more.calls) == (10 * outcome.makespan_s, 2000)
    assert more.waits.max_s == 10 * outcome.waits.max_s
    assert scaled(outcome, 10.0, batch=False).waits == outcome.waits


def test_percentiles_of_waits_weigh_each_record_once():
    assert waits_of([(99, 1.0, 1.0), (1, 50.0, 50.0)]) == Waits(p50_s=1.0, p95_s=1.0, max_s=50.0)
    assert waits_of([(1000, 0.0, 100.0)]).p50_s == pytest.approx(50, abs=5)
    assert waits_of([]) == Waits(p50_s=0.0, p95_s=0.0, max_s=0.0)


def test_crowds_split_and_know_who_has_come():
    head, rest = Crowd(11, 0.0, 10.0).split(4)
    assert (head, rest) == (Crowd(4, 0.0, 3.0), Crowd(7, 4.0, 10.0))
    assert [Crowd(11, 0.0, 10.0).until(at) for at in (-1.0, 0.0, 4.5, 10.0, 99.0)] == [0, 1, 5, 11, 11]


def test_a_gate_lets_through_what_has_come_from_every_side():
    gate = Gate({"b": [], "c": []})
    assert list(gate.arrive("b", Crowd(5, 0.0, 0.0))) == []
    assert list(gate.arrive("c", Crowd(3, 7.0, 7.0))) == [Crowd(3, 7.0, 7.0)]
    assert [crowd.n for crowd in gate.release()] == [2]


@pytest.mark.parametrize(("n", "share"), [(30, 0.3), (5000, 0.02), (5000, 0.9)])
def test_chances_of_few_and_of_many_come_to_the_same_part(n: int, share: float):
    dice = random.Random(1)
    drawn = [some_of(n, share, dice.random) for _ in range(500)]
    assert all(0 <= one <= n for one in drawn)
    assert sum(drawn) / len(drawn) == pytest.approx(n * share, rel=0.05)
    assert some_of(n, 0.0, dice.random) == 0
    assert some_of(n, 1.0, dice.random) == n
