"""What an experiment pins is the step by itself, and a sample is the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.support.small_project import write_project

from wave_runner.core.experiment import GIVEN, alone, in_order, is_drawn, missing
from wave_runner.core.limits import Limits
from wave_runner.core.pinned import read_step, write_step
from wave_runner.core.workflow import END, Next
from wave_runner.project.definitions import step_definition
from wave_runner.project.load import load_project

KEYS = st.sets(st.text(max_size=4), max_size=20)


@given(KEYS, st.text(max_size=4))
def test_a_sample_depends_on_the_keys_and_the_seed_and_on_nothing_else(keys: set[str], seed: str):
    drawn = in_order(keys, seed)
    assert set(drawn) == keys
    assert in_order(sorted(keys, reverse=True), seed) == drawn
    some = drawn[1:]
    assert in_order(some, seed) == some, "what is taken away does not change the order of the rest"


@given(st.text(max_size=4), st.text(max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_whoever_is_of_a_share_is_of_every_larger_one_and_all_are_of_the_whole(key: str, seed: str, a: float, b: float):
    assert is_drawn(key, seed, 1.0)
    assert not is_drawn(key, seed, 0.0)
    assert is_drawn(key, seed, min(a, b)) <= is_drawn(key, seed, max(a, b))


def test_a_share_is_about_as_large_as_it_says():
    drawn = [is_drawn(str(number), "s", 0.1) for number in range(10_000)]
    assert 900 < sum(drawn) < 1100
    assert drawn != [is_drawn(str(number), "t", 0.1) for number in range(10_000)]


def test_a_step_by_itself_leads_nowhere_reads_only_what_is_given_and_can_be_pinned(tmp_path):
    project = load_project(write_project(tmp_path))
    workflow = project.workflows["work"]
    before = read_step(step_definition(project, workflow, workflow.steps["judge"]).body)
    found = alone(before)
    assert found.step.route == Next(to=END)
    assert {name: ref.sources for name, ref in found.step.input.items()} == {
        "title": (f"{GIVEN}.title",),
        "text": (f"{GIVEN}.text",),
    }
    assert (found.ensures, found.limits.record, found.select) == ((), {}, "")
    budget = replace(before, limits=Limits(record={"tokens": 5}, run={"tokens": 9}))
    assert alone(budget).limits == Limits(run={"tokens": 9}), "it has a budget, as a run has"
    assert (found.prompt_sha256, found.output_sha256, found.model) == (
        before.prompt_sha256,
        before.output_sha256,
        before.model,
    )
    assert read_step(write_step(found)) == found
    assert missing(found.step, {"title": "x"}) == ["text"]
