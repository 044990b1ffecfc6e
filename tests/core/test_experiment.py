"""What an experiment pins is the step by itself, and a sample is the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.support.small_project import write_project

from wave_runner.core.experiment import GIVEN, alone, in_order, missing
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
