"""What a script takes is read off its text, and only where the text says it plainly."""

from dataclasses import replace

import pytest
from tests.support.small_project import write_project

from wave_runner.core.lint.finding import InputField
from wave_runner.project.load import load_project
from wave_runner.project.script_inputs import script_inputs

SCRIPT = """\
import pydantic
from pydantic import BaseModel
from wave_runner import ScriptActor


class Save(ScriptActor):
    class Input({base}):
        {body}

    def process(self, item, ctx):
        return {{}}
"""


def fields(folder, body: str, base: str = "BaseModel"):
    project = load_project(write_project(folder))
    files = {**project.files, "actors/save.py": SCRIPT.format(base=base, body=body).encode()}
    return script_inputs(replace(project, files=files)).get("save")


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        ("str", {"string"}),
        ("list", {"array"}),
        ("list[str]", {"array"}),
        ("dict[str, int]", {"object"}),
        ("str | None", {"string", "null"}),
        ("bool", {"boolean", "integer", "number", "string"}),
        ("Verdict", None),
        ("Verdict | None", None),
        ("pydantic.HttpUrl", None),
    ],
)
def test_plain_types_are_known_by_what_is_made_into_them(tmp_path, annotation, types):
    expected = {"verdict": InputField(types=frozenset(types) if types else None, required=True)}
    assert fields(tmp_path, f"verdict: {annotation}") == expected


def test_what_has_a_value_may_be_left_out(tmp_path):
    found = fields(tmp_path, "verdict: str = ''; why: list[str] = []; tags: str", base="pydantic.BaseModel")
    assert {name: field.required for name, field in found.items()} == {"verdict": False, "why": False, "tags": True}


@pytest.mark.parametrize(
    "body",
    [
        "verdict: str = pydantic.Field(alias='outcome')",
        "model_config = {'strict': True}",
        "verdict: str; check = pydantic.model_validator(mode='before')(dict)",
    ],
)
def test_what_is_not_said_plainly_is_left_to_the_run(tmp_path, body):
    assert fields(tmp_path, body) is None
    assert fields(tmp_path / "based", "verdict: str", base="Base") is None
