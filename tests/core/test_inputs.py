import pytest

from wave_runner.core.inputs import Inputs, resolve
from wave_runner.core.outcome import Breach
from wave_runner.core.workflow import InputRef

SCOPES = {
    "params": {"source": "here"},
    "run": {"id": 7, "limit": None},
    "record": {"title": "Clerk", "description": "x" * 50, "data": {"deep": [1]}},
    "score": {"verdict": "FAKE"},
}


def ref(*sources: str, max_chars: int | None = None) -> InputRef:
    return InputRef(sources=sources, max_chars=max_chars)


def test_every_scope_can_be_read():
    refs = {
        "a": ref("params.source"),
        "b": ref("run.id"),
        "c": ref("record.data.deep"),
        "d": ref("score.verdict"),
        "e": ref("score"),
    }
    found = resolve(refs, SCOPES)
    assert found == Inputs(values={"a": "here", "b": 7, "c": [1], "d": "FAKE", "e": {"verdict": "FAKE"}}, cuts={})


def test_the_first_source_that_exists_wins():
    found = resolve({"ihl": ref("review.verdict", "score.verdict")}, SCOPES)
    assert isinstance(found, Inputs)
    assert found.values == {"ihl": "FAKE"}
    found = resolve({"ihl": ref("review.verdict", "score.verdict")}, SCOPES | {"review": {"verdict": "GENUINE"}})
    assert isinstance(found, Inputs)
    assert found.values == {"ihl": "GENUINE"}


def test_null_exists():
    assert resolve({"limit": ref("run.limit", "params.source")}, SCOPES) == Inputs(values={"limit": None}, cuts={})


def test_a_cut_text_is_recorded_with_its_length():
    found = resolve({"text": ref("record.description", max_chars=10), "all": ref("record.title", max_chars=10)}, SCOPES)
    assert found == Inputs(values={"text": "x" * 10, "all": "Clerk"}, cuts={"text": 50})


@pytest.mark.parametrize("source", ["review.verdict", "score.nothing", "record.title.length", "nobody"])
def test_a_source_that_does_not_exist_stops_the_step_before_it_runs(source):
    breach = resolve({"x": ref("record.title"), "ihl": ref(source)}, SCOPES)
    assert isinstance(breach, Breach)
    assert (breach.rule, breach.retry) == ("unresolved_input", False)
    assert f"input `ihl`: {source} does not exist" in breach.message


def test_only_a_text_can_be_cut():
    breach = resolve({"x": ref("record.data", max_chars=10)}, SCOPES)
    assert isinstance(breach, Breach)
    assert breach.rule == "input_not_a_text"
    assert resolve({"x": ref("run.limit", max_chars=10)}, SCOPES) == Inputs(values={"x": None}, cuts={})
