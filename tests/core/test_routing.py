import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.outcome import Breach
from wave_runner.core.routing import MAX_ITEMS, Decision, Situation, Way, next_steps
from wave_runner.core.workflow import Case, Choose, Each, Fork, Next, RouteOn

ROUTE = RouteOn(
    on="verdict",
    cases={
        "GENUINE": Case(to="save"),
        "FAKE": Case(to="review", when="params.review", otherwise="save"),
        "WEAK": Case(to="improve", loop=2, otherwise="ticket"),
    },
)


def decide(route, output=None, **more):
    return next_steps(route, Situation(output=output, **more))


def to(name, **more):
    return (Way(to=name, **more),)


def test_next_leads_where_it_says():
    assert decide(Next(to="end")) == Decision(ways=to("end"), rule="next")


def test_each_says_what_to_fan_out_over():
    decision = decide(Each(source="promoted", to="summarise"), {})
    assert decision == Decision(ways=to("summarise"), rule="each promoted", each="promoted")


@pytest.mark.parametrize("n", [0, 1, 3, MAX_ITEMS])
def test_each_over_a_list_of_the_output_counts_its_items(n):
    decision = decide(Each(source="parts", to="check"), {"parts": ["x"] * n})
    assert decision == Decision(ways=to("check"), rule="each parts", values={"items": n}, each="parts", items=n)


@pytest.mark.parametrize(
    ("output", "rule"),
    [
        ({}, "no_list"),
        ({"parts": "abc"}, "no_list"),
        ({"parts": {"a": 1}}, "no_list"),
        (None, "no_list"),
        ({"parts": [0] * (MAX_ITEMS + 1)}, "too_many_items"),
    ],
)
def test_each_over_something_else_breaks_the_contract(output, rule):
    breach = decide(Each(source="parts", to="check"), output)
    assert isinstance(breach, Breach)
    assert breach.rule == rule


def test_a_value_leads_to_its_case():
    decision = decide(ROUTE, {"verdict": "GENUINE"})
    assert decision == Decision(ways=to("save"), rule="verdict = GENUINE", values={"verdict": "GENUINE"})


@pytest.mark.parametrize(("review", "name"), [(True, "review"), (False, "save")])
def test_a_condition_chooses_between_two_steps_and_says_by_what(review, name):
    decision = decide(ROUTE, {"verdict": "FAKE"}, params={"review": review})
    assert isinstance(decision, Decision)
    assert decision.ways == to(name)
    assert decision.values == {"verdict": "FAKE", "when": review, "params.review": review}


@pytest.mark.parametrize("output", [{}, {"verdict": None}, {"verdict": "genuine"}, {"verdict": ["FAKE"]}, None, "FAKE"])
def test_a_value_without_a_case_is_a_breach_and_never_a_default(output):
    breach = decide(ROUTE, output, params={"review": True})
    assert isinstance(breach, Breach)
    assert breach.rule == "unknown_route"
    assert "none of GENUINE, FAKE, WEAK" in breach.message


def test_a_condition_that_cannot_be_decided_is_a_breach():
    breach = decide(ROUTE, {"verdict": "FAKE"})
    assert isinstance(breach, Breach)
    assert breach.rule == "condition_error"


@pytest.mark.parametrize(
    ("rounds", "ways", "said"),
    [
        (0, to("improve", back=True), "round 1 of 2"),
        (1, to("improve", back=True), "round 2 of 2"),
        (2, to("ticket"), "all 2 rounds used up"),
    ],
)
def test_a_loop_goes_back_until_it_is_used_up(rounds, ways, said):
    decision = decide(ROUTE, {"verdict": "WEAK"}, rounds={"improve": rounds})
    assert isinstance(decision, Decision)
    assert decision.ways == ways
    assert said in decision.rule


CHOOSE = Choose(
    cases=(
        Case(to="save", when="output.score >= 80"),
        Case(to="improve", when="output.score >= 40", loop=1, otherwise="ticket"),
        Case(to="note", when="input.again"),
    ),
    otherwise="end",
)


@pytest.mark.parametrize(
    ("score", "rounds", "ways"),
    [
        (90, 0, to("save")),
        (80, 0, to("save")),
        (50, 0, to("improve", back=True)),
        (50, 1, to("ticket")),
        (10, 0, to("end")),
    ],
)
def test_the_first_case_that_holds_is_taken(score, rounds, ways):
    decision = decide(CHOOSE, {"score": score}, input={"again": False}, rounds={"improve": rounds})
    assert isinstance(decision, Decision)
    assert decision.ways == ways
    assert decision.values["output.score"] == score


def test_a_case_may_ask_for_what_the_step_was_given():
    decision = decide(CHOOSE, {"score": 1}, input={"again": True})
    assert isinstance(decision, Decision)
    assert (decision.ways, decision.rule) == (to("note"), "input.again")


FORK = Fork(cases=(Case(to="a"), Case(to="b", when="params.both")), otherwise="end")


@pytest.mark.parametrize(("both", "names"), [(True, ["a", "b"]), (False, ["a"])])
def test_a_fork_takes_every_way_that_holds(both, names):
    decision = decide(FORK, {}, params={"both": both})
    assert isinstance(decision, Decision)
    assert [way.to for way in decision.ways] == names


def test_a_fork_of_which_nothing_holds_goes_its_other_way():
    fork = Fork(cases=(Case(to="a", when="false"),), otherwise="b")
    assert decide(fork, {}) == Decision(ways=to("b"), rule="else")


def test_texts_that_a_condition_reads_stay_out_of_the_values():
    choose = Choose(cases=(Case(to="a", when="output.text == 'x' && output.n > 1.5"),), otherwise="end")
    decision = decide(choose, {"text": "x", "n": 2.0})
    assert isinstance(decision, Decision)
    assert decision.values == {"output.n": 2.0}


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1), st.data())
def test_every_value_with_a_case_goes_to_that_case(cases, data):
    value = data.draw(st.sampled_from(sorted(cases)))
    route = RouteOn(on="field", cases={name: Case(to=name_to) for name, name_to in cases.items()})
    decision = decide(route, {"field": value})
    assert isinstance(decision, Decision)
    assert decision.ways == to(cases[value])
