"""`[drift]` in wave.toml: words that are none, and names that nobody has, are errors where they stand."""

from __future__ import annotations

import pytest
from tests.support.small_project import write_project

from wave_runner.core.drift import Policy
from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project


def with_drift(folder, text: str):
    write_project(folder)
    toml = folder / "wave.toml"
    toml.write_text(f"{toml.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")
    return folder


def test_every_actor_and_every_workflow_may_have_a_word_of_its_own(tmp_path):
    project = load_project(with_drift(tmp_path, '[drift.actors]\n"*" = "pin"\njudge = "warn"\n'))
    assert project.drift.of_actor("judge") is Policy.WARN
    assert project.drift.of_actor("note") is Policy.PIN


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[drift.actors]\njudge = "warm"\n', "a policy is one of warn, pin, approve, block, not 'warm'"),
        ("[drift.actors]\njudge = 3\n", "must be a text"),
        ('[drift.actors]\njugde = "pin"\n', "there is no actor `jugde`"),
        ('[drift.workflows]\nnobody = "pin"\n', "there is no workflow `nobody`"),
        ('[drift.actors]\n"Not A Name" = "pin"\n', "is no name"),
        ('[drift]\nall = "pin"\n', "unknown key `all`"),
    ],
)
def test_what_guards_nothing_is_an_error_with_its_line(tmp_path, text: str, says: str):
    with pytest.raises(ProjectError, match=says) as refused:
        load_project(with_drift(tmp_path, text))
    assert refused.value.line
