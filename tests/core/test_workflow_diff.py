"""What differs between two versions of a workflow: nothing else, and nothing less."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.workflow_diff import Field, StepChange, differences

LEAF = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2))
PINNED = st.fixed_dictionaries(
    {"step": st.dictionaries(st.sampled_from(["prompt", "next", "line"]), LEAF), "prompt_sha256": LEAF}
)
STEPS = st.dictionaries(st.sampled_from(["write", "save", "show"]), PINNED)


def pinned(**more: Any) -> dict[str, Any]:
    return {"form": 1, "workflow": "work", "ensures": ["a"], "step": {"name": "one", "line": 3}, **more}


def test_what_all_steps_share_is_said_once():
    a = {"one": pinned(), "two": pinned()}
    b = {"one": pinned(ensures=["a", "b"]), "two": pinned(ensures=["a", "b"])}
    found = differences(a, b)
    assert (found.shared, found.steps) == ((Field(field="ensures", a=["a"], b=["a", "b"]),), ())


def test_a_field_is_named_by_its_path_and_a_line_of_the_file_is_none():
    model = {"options": {"seed": 1, "stop": ["x"]}, "server": "s"}
    other = {"options": {"stop": ["x", "y"]}, "server": "s"}
    a, b = pinned(model=model), pinned(model=other, step={"name": "one", "line": 9})
    [change] = differences({"one": a}, {"one": b}).steps
    assert change == StepChange(
        step="one",
        what="changed",
        fields=(
            Field(field="model.options.seed", a=1, b=None),
            Field(field="model.options.stop", a=["x"], b=["x", "y"]),
        ),
    )


def test_an_empty_object_and_one_that_says_nothing_are_the_same():
    assert differences({"one": pinned(model={})}, {"one": pinned(model={"seed": None})}).steps == ()


def test_steps_that_came_and_went_are_named():
    found = differences({"old": pinned(), "kept": pinned()}, {"kept": pinned(), "new": pinned()})
    assert [(one.step, one.what, one.fields) for one in found.steps] == [("new", "added", ()), ("old", "removed", ())]


@given(a=STEPS, b=STEPS)
def test_there_and_back_is_the_same_turned_round(a: dict[str, Any], b: dict[str, Any]):
    there, back = differences(a, b), differences(b, a)
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(one.step, one.what) for one in there.steps} == {(one.step, turned[one.what]) for one in back.steps}
    of = {one.step: one.fields for one in back.steps}
    for one in there.steps:
        assert [(f.field, f.a, f.b) for f in one.fields] == [(f.field, f.b, f.a) for f in of[one.step]]
    assert differences(a, a).steps == ()


@given(a=STEPS, b=STEPS)
def test_only_lines_differ_where_nothing_is_said(a: dict[str, Any], b: dict[str, Any]):
    def without_lines(steps: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {
                **one,
                "step": {key: value for key, value in one["step"].items() if key != "line" and value is not None},
            }
            for name, one in steps.items()
        }

    assert (differences(a, b).steps == ()) is (without_lines(a) == without_lines(b))
