"""The schema for editors takes what the reader takes, and knows the same keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.support.small_project import WORKFLOW

import wave_runner
from wave_runner.cli import main
from wave_runner.project import workflow_file
from wave_runner.project.workflow_schema import workflow_schema
from wave_runner.project.yaml_text import read_yaml

SHIPPED = sorted(Path(wave_runner.__file__).parent.glob("projects/*/workflows/*.yaml"))
BROKEN = Path(__file__).parents[1] / "data/broken-workflows"
SCHEMA = jsonschema_rs.validator_for(workflow_schema())


def read(file: Path, content: bytes | None = None) -> Any:
    return read_yaml(file, file.read_bytes() if content is None else content).data


def test_the_schema_is_one():
    jsonschema_rs.meta.validate(workflow_schema())


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_workflow_fits(file: Path):
    SCHEMA.validate(read(file))


def test_the_forms_that_the_reader_takes_fit():
    SCHEMA.validate(read(Path("work.yaml"), WORKFLOW.encode()))
    for file in sorted(BROKEN.glob("*.yaml")):
        if not any(
            word in file.stem
            for word in ("unknown-key", "no-yaml", "missing-next", "wrong-type", "without-a-unit", "without-a-bound")
        ):
            SCHEMA.validate(read(file))


@pytest.mark.parametrize("stem", ["unknown-key", "missing-next", "wrong-type", "without-a-unit"])
def test_what_is_wrong_with_the_shape_is_marked(stem: str):
    [file] = BROKEN.glob(f"*-{stem}.yaml")
    assert not SCHEMA.is_valid(read(file))


def test_the_schema_has_exactly_the_keys_of_the_reader():
    step = workflow_schema()["$defs"]["step"]["properties"]
    assert step.keys() == {*workflow_file._STEP, *workflow_file._TIMEOUTS, "max_attempts"}
    assert all("description" in key for key in step.values())


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]):
    assert main.run(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == workflow_schema()
