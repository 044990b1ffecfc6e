import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.outcome import Breach
from wave_runner.core.routing import Decision, next_step
from wave_runner.core.workflow import Case, Each, Next, RouteOn

ROUTE = RouteOn(
    on="verdict",
    cases={"GENUINE": Case(to="save"), "FAKE": Case(to="review", when="params.review", otherwise="save")},
)


def test_next_leads_where_it_says():
    assert next_step(Next(to="end"), {}, {}) == Decision(to="end", rule="next")


def test_each_says_what_to_fan_out_over():
    decision = next_step(Each(source="promoted", to="summarise"), {}, {})
    assert decision == Decision(to="summarise", rule="each promoted", each="promoted")


def test_a_value_leads_to_its_case():
    decision = next_step(ROUTE, {"verdict": "GENUINE"}, {})
    assert decision == Decision(to="save", rule="verdict = GENUINE", values={"verdict": "GENUINE"})


@pytest.mark.parametrize(("review", "to"), [(True, "review"), (False, "save")])
def test_a_condition_chooses_between_two_steps(review, to):
    decision = next_step(ROUTE, {"verdict": "FAKE"}, {"review": review})
    assert isinstance(decision, Decision)
    assert decision.to == to
    assert decision.values == {"verdict": "FAKE", "when": review}


@pytest.mark.parametrize("output", [{}, {"verdict": None}, {"verdict": "genuine"}, {"verdict": ["FAKE"]}, None, "FAKE"])
def test_a_value_without_a_case_is_a_breach_and_never_a_default(output):
    breach = next_step(ROUTE, output, {"review": True})
    assert isinstance(breach, Breach)
    assert breach.rule == "unknown_route"
    assert "none of GENUINE, FAKE" in breach.message


def test_a_condition_that_cannot_be_decided_is_a_breach():
    breach = next_step(ROUTE, {"verdict": "FAKE"}, {})
    assert isinstance(breach, Breach)
    assert breach.rule == "condition_error"


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1), st.data())
def test_every_value_with_a_case_goes_to_that_case(cases, data):
    value = data.draw(st.sampled_from(sorted(cases)))
    route = RouteOn(on="field", cases={name: Case(to=to) for name, to in cases.items()})
    decision = next_step(route, {"field": value}, {})
    assert isinstance(decision, Decision)
    assert decision.to == cases[value]
