"""The front door: what users import, and nothing else by accident."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import wave_runner

PUBLIC = ["Context", "Promote", "Reject", "Rejection", "ScriptActor", "WaveError", "__version__"]


def test_the_public_names_are_these():
    assert sorted(wave_runner.__all__) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_dir_shows_it(name: str):
    assert getattr(wave_runner, name) is not None
    assert name in dir(wave_runner)


def test_a_name_that_does_not_exist_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="ScriptActr"):
        _ = wave_runner.ScriptActr


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_a_public_class_says_where_its_help_is(name: str):
    assert getattr(wave_runner, name).__doc__


def test_importing_the_package_loads_nothing_that_is_not_asked_for():
    """A command starts in tens of milliseconds only if nothing heavy comes with the first import."""
    program = "import sys, json, wave_runner; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {module.split(".")[0] for module in json.loads(run.stdout)}
    assert loaded & {"pydantic", "psycopg", "httpx2", "asyncio", "click", "rich", "jinja2", "alembic"} == set()
