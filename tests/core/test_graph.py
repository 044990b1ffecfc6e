from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import graph
from wave_runner.core.workflow import ActorKind, Case, Next, RouteOn, Step


def steps(**targets: list[str]) -> dict[str, Step]:
    """Steps by name, each with the steps that may follow it."""
    routes = {name: RouteOn(on="x", cases={to: Case(to=to) for to in names}) for name, names in targets.items()}
    return {
        name: Step(name=name, line=1, actor="a", kind=ActorKind.SCRIPT, route=route) for name, route in routes.items()
    }


DIAMOND = steps(a=["b", "c"], b=["d"], c=["d"], d=["end"])


def test_what_can_be_reached_and_from_where():
    assert graph.reachable(DIAMOND, "b") == {"b", "d"}
    assert graph.reachable(DIAMOND, "a", without=["b", "c"]) == {"a"}
    assert graph.upstream(DIAMOND, "d") == {"a", "b", "c"}
    assert graph.upstream(DIAMOND, "a") == set()


def test_a_diamond_is_no_loop():
    assert graph.cycle(DIAMOND) == []


def test_a_loop_is_named_in_its_order():
    assert graph.cycle(steps(a=["b"], b=["c", "end"], c=["b"])) == ["b", "c"]
    assert graph.cycle({"a": Step(name="a", line=1, actor="a", kind=ActorKind.SCRIPT, route=Next(to="a"))}) == ["a"]


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.lists(names | st.just("end"), min_size=1, max_size=3)))
def test_a_loop_is_found_exactly_where_a_step_can_reach_itself(targets):
    flow = steps(**targets)
    loops = any(name in graph.reachable(flow, to) for name in flow for to in graph.follows(flow[name]))
    found = graph.cycle(flow)
    assert bool(found) == loops
    for here, following in zip(found, [*found[1:], *found[:1]], strict=True):
        assert following in graph.follows(flow[here])
