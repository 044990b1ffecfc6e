"""Whether an answer keeps its step's contract: schema, guards, `accept`, declared writes, in this order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wave_runner.core.answer import check, undeclared
from wave_runner.core.contract import OutputContract
from wave_runner.core.guards import Asked
from wave_runner.core.outcome import Breach, Done, Evidence, Replace, Usage, Write
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.workflow import MODEL_GUARDS, ActorKind, CollectionSpec, ModelSpec, Next, ScriptSpec, Step

CONTRACT = OutputContract(
    b'{"type": "object", "properties": {"n": {"type": "integer"}, "why": {"type": "string"}}, "required": ["n"]}'
)
STEP = Step(
    name="count",
    line=0,
    actor="count",
    kind=ActorKind.SCRIPT,
    writes=("items.words", "tags"),
    route=Next(to="save"),
    accept=("output.n >= params.least", "size(input.text) > output.n"),
)
SCRIPT = PinnedStep(
    workflow="work",
    step=STEP,
    collection=CollectionSpec(name="items", table="items", key="name"),
    params={},
    ensures=(),
    script=ScriptSpec(name="count", entry="actors/count.py", max_attempts=3),
)
MODEL = replace(
    SCRIPT,
    step=replace(STEP, kind=ActorKind.AI_MODEL, guards=MODEL_GUARDS),
    script=None,
    model=ModelSpec(name="judge", server="s", model="m", max_attempts=2),
)
ASKED = Asked(input={"text": "four words are here"}, params={"least": 1})
GOOD = Done(output={"n": 4})


def of(step: PinnedStep, output, *, contract: OutputContract | None = CONTRACT, **more) -> Done | Breach:
    return check(step, Done(output=output, **more), contract=contract, asked=ASKED)


def test_an_answer_that_keeps_everything_comes_back_as_it_is():
    assert check(SCRIPT, GOOD, contract=CONTRACT, asked=ASKED) is GOOD
    assert check(MODEL, GOOD, contract=CONTRACT, asked=ASKED) is GOOD


@pytest.mark.parametrize(("step", "retry"), [(SCRIPT, False), (MODEL, True)])
@pytest.mark.parametrize(
    ("output", "rule", "message"),
    [
        ({"n": "4"}, "output_schema", '$.n: the value is not of type "integer" ("4")'),
        ({"n": 4, "status": "ok", "outcome": "FAILED"}, "inconsistent_outcome", "contradict each other"),
        ({"n": 0}, "accept", "accept `output.n >= params.least` does not hold: output.n is 0, params.least is 1"),
        ({"n": 99}, "accept", "input.text is 'four words are here', output.n is 99"),
    ],
)
def test_a_breach_is_named_and_only_a_model_is_asked_again(step, retry, output, rule, message):
    breach = of(step, output)
    assert isinstance(breach, Breach)
    assert (breach.rule, breach.retry) == (rule, retry)
    assert message in breach.message


def test_what_a_model_says_in_place_of_an_answer_is_a_breach_of_its_guard():
    for why, rule in (("Error: rate limit exceeded", "provider_error"), ("I cannot answer this.", "refusal")):
        breach = of(MODEL, {"n": 4, "why": why})
        assert isinstance(breach, Breach)
        assert breach.rule == rule
        assert isinstance(of(SCRIPT, {"n": 4, "why": why}), Done)


def test_an_object_that_only_reports_an_error_is_called_that_and_not_a_breach_of_the_schema():
    error = {"error": {"message": "the model is overloaded", "type": "server_error"}}
    breach = of(MODEL, error)
    assert isinstance(breach, Breach)
    assert breach.rule == "provider_error"
    assert "the model is overloaded" in breach.message
    without = replace(MODEL, step=replace(MODEL.step, guards=replace(MODEL_GUARDS, provider_error=False)))
    assert getattr(of(without, error), "rule", None) == "output_schema"


def test_a_schema_that_asks_for_an_error_gets_one():
    asking = OutputContract(b'{"properties": {"error": {"type": "string"}}, "required": ["error"]}')
    free = replace(MODEL, step=replace(MODEL.step, accept=()))
    assert isinstance(of(free, {"error": "the posting names no salary"}, contract=asking), Done)


def test_a_condition_that_has_no_answer_does_not_hold():
    breach = of(SCRIPT, {"m": 1}, contract=None)
    assert isinstance(breach, Breach)
    assert breach.rule == "accept"
    assert "there is no 'n'" in breach.message


def test_a_breach_keeps_what_the_attempt_cost_and_left_behind():
    evidence, usage = (Evidence(role="log", media_type="text/plain", content=b"log"),), Usage(tokens_in=9)
    breach = of(SCRIPT, {"n": 0}, evidence=evidence, usage=usage)
    assert isinstance(breach, Breach)
    assert (breach.evidence, breach.usage) == (evidence, usage)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (Write(table="items", values={"words": 1}), None),
        (Write(table="items", values={"words": 1, "note": "x"}), "items.note"),
        (Write(table="tags", values={"tag": "x"}), None),
        (Replace(table="tags", rows=[]), None),
        (Replace(table="items", rows=[]), "items"),
        (Write(table="users", values={"words": 1}), "users.words"),
        (Write(table="users", values={}), None),
    ],
)
def test_a_step_writes_what_it_declares_and_nothing_else(write, name):
    assert undeclared(SCRIPT, (write,)) == name
    found = of(SCRIPT, {"n": 4}, writes=(write,))
    assert getattr(found, "rule", None) == ("undeclared_write" if name else None)


def test_an_undeclared_write_is_not_tried_again_even_of_a_model():
    breach = of(MODEL, {"n": 4}, writes=(Write(table="u", values={"a": 1}),))
    assert isinstance(breach, Breach)
    assert not breach.retry
