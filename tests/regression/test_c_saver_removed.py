"""C: the saver is taken out of a workflow. It is refused; and forced, it does not say that it is done.

In the first Wave Runner 50 postings were 100 % completed, and no skill and no score had been saved.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.flow_g import ANSWERS, flow_g
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

from wave_runner.cli import main


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[OpenAIStub]:
    with OpenAIStub(tmp_path / "stub", ANSWERS, models=["m1", "m2"]) as running:
        yield running


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    with contextlib.suppress(SystemExit):  # the exit code of a run that has failed
        main.run([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_regression_c_a_workflow_without_its_saver_is_refused_and_forced_it_is_not_done(
    ground: Ground, stub: OpenAIStub, capsys: pytest.CaptureFixture[str]
):
    flow_g(ground, stub, 50, saver=False)
    project = ("--project", str(ground.folder))

    found = told(capsys, "check", *project)["findings"]
    objections = [one for one in found if one["severity"] == "objection"]
    assert [(one["rule"], one["message"].partition(" reaches")[0]) for one in objections] == [
        ("unsaved_output", "the output of `summarise` (`summary`)"),
        ("unsaved_output", "the output of `improve` (`summary`)"),
    ]
    assert main.run(["run", "work", *project]) == 2
    assert "--force runs it all the same" in capsys.readouterr().err
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0

    status = told(capsys, "run", "work", "--force", *project)
    assert (status["run"]["state"], status["run"]["reason"]) == ("failed", "postcondition_failed")
    assert [(one["kind"], one["message"].partition(":")[0]) for one in status["alerts"]] == [
        ("nothing_saved", "executed 50, saved 0")
    ]
    assert json.loads(ground.one("SELECT data FROM interaction_events WHERE type = 'run_started'"))["overruled"] == [
        "W601"
    ]

    delta = told(capsys, "report", "delta", *project)
    assert (delta["executed"], delta["saved"], delta["savers"]) == (50, 0, [])
    found = told(capsys, "report", "alerts", *project)["rows"]
    assert [one["kind"] for one in found] == ["run_failed", "nothing_saved"]
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'alert_raised'") == 1
