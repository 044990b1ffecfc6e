"""The reference pages name everything that there is, with its default, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest
from tools import reference

import wave_runner
from wave_runner.actors.script_actor import Context, Database, ScriptActor, Staging
from wave_runner.core.event import EventType
from wave_runner.core.lint import RULES
from wave_runner.core.params import PARAM_TYPES
from wave_runner.core.workflow import (
    MODEL_GUARDS,
    AlertsSpec,
    CollectionSpec,
    Guards,
    ModelSpec,
    ScheduleSpec,
    ScriptSpec,
    ServerSpec,
    Step,
)
from wave_runner.project import workflow_file
from wave_runner.reports.cost import Cost, Line
from wave_runner.reports.events import Events, ListedEvent
from wave_runner.reports.failures import Failure, Failures
from wave_runner.reports.interaction import Attempt, InteractionPage
from wave_runner.reports.interactions import Interactions, ListedInteraction
from wave_runner.reports.matrix import Matrix, RecordRow
from wave_runner.reports.runners import Runner
from wave_runner.reports.servers import Account, Because, Model, Queue, Server
from wave_runner.reports.stale import Stale, StaleInteraction
from wave_runner.reports.waves import Lane, ListedWave, Waves
from wave_runner.servers.options import DRIVERS
from wave_runner.settings import Settings

PAGES = Path(__file__).parent.parent / "docs/reference"


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one; of the page's beginning where the heading is ""."""
    parts = re.split(r"^#+ (.+)$", f"# \n{(PAGES / page).read_text(encoding='utf-8')}", flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found[heading]


def rows(text: str) -> list[list[str]]:
    """The cells of every table in the text, without headings and backticks around a cell."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_of_commands_is_what_the_commands_say():
    """Where this fails: `make reference`. Asked of a process of its own: a command remembers how it was asked first."""
    program = "from tools import reference; print(reference.page(), end='')"
    root = reference.PAGE.parents[2]
    asked = subprocess.run([sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True)
    assert reference.PAGE.read_text(encoding="utf-8") == asked.stdout


def test_the_page_of_rules_is_what_the_rules_say():
    """Where this fails: `make reference`."""
    assert reference.RULES_PAGE.read_text(encoding="utf-8") == reference.rules_page()


def test_the_description_of_the_http_interface_is_what_is_answered():
    """Where this fails: `make reference`."""
    assert reference.INTERFACE.read_text(encoding="utf-8") == reference.openapi()


def test_the_page_of_tables_is_what_schema_and_architecture_say():
    """Where this fails: `make reference`."""
    page = reference.tables_page()
    assert reference.TABLES_PAGE.read_text(encoding="utf-8") == page
    made = re.findall(
        r"^CREATE (?:TABLE|VIEW) wave\.(\w+?)(?:_r\d)? ", reference.SCHEMA.read_text(), flags=re.MULTILINE
    )
    assert sorted(re.findall(r"^## (\w+)", page, flags=re.MULTILINE)) == sorted(set(made) - {"schema_version"})


def test_every_rule_has_a_code_of_its_own_and_is_found_somewhere():
    assert len({rule.code for rule in RULES.values()}) == len(RULES)
    source = Path(wave_runner.__file__).parent
    texts = [file.read_text(encoding="utf-8") for file in source.rglob("*.py") if file.name != "rules.py"]
    unknown = {name for text in texts for name in re.findall(r'Finding\(rule="(\w+)"', text)} - RULES.keys()
    never = {name for name in RULES if not any(f'"{name}"' in text for text in texts)}
    assert (unknown, never) == (set(), set())


def test_every_setting_is_documented_with_its_variable_and_default():
    variables = {"schema_name": "WAVE_SCHEMA"}
    told = {name: (variable, default) for name, variable, default, _ in rows(section("settings.md", "Settings"))}
    assert told == {
        name: (
            variables.get(name, f"WAVE_{name.upper()}"),
            "none" if setting.default in (None, ()) else str(setting.default),
        )
        for name, setting in Settings.model_fields.items()
    }


@pytest.mark.parametrize(
    ("heading", "spec"),
    [
        ("`[collections.NAME]`", CollectionSpec),
        ("`[servers.NAME]`", ServerSpec),
        ("`[models.NAME]`", ModelSpec),
        ("`[scripts.NAME]`", ScriptSpec),
        ("`[schedules.NAME]`", ScheduleSpec),
        ("`[alerts]`", AlertsSpec),
    ],
)
def test_every_key_of_wave_toml_is_documented_with_its_default(heading: str, spec: Any):
    told = {name: default for name, default, _ in rows(section("wave-toml.md", heading))}
    expected = {one.name: default_of(one) for one in fields(spec) if one.name != "name"}
    if spec is ScriptSpec:
        expected["entry"] = "actors/NAME.py"  # what the reader puts where nothing is said
    assert told == expected


def default_of(one: Field[Any]) -> str:
    if one.default is MISSING:
        return "required" if one.default_factory is MISSING else "none"
    return {"": "none", "()": "none", "None": "none", "False": "false"}.get(str(one.default), str(one.default))


def test_every_option_of_a_model_is_documented():
    said = section("wave-toml.md", "`[models.NAME]`")
    assert {option for known in DRIVERS.values() for option in known if f"`{option}`" not in said} == set()


def test_every_key_of_a_workflow_file_is_documented():
    assert [name for name, *_ in rows(section("workflow-file.md", "At the top"))] == list(workflow_file._TOP)
    told = {name for name, *_ in rows(section("workflow-file.md", "A step"))}
    # What a step knows besides its keys: its own name, its line, and the kind of its actor.
    assert told - {"model", "human", "next"} == {one.name for one in fields(Step)} - {"name", "line", "kind", "asking"}
    people = {name for name, *_ in rows(section("workflow-file.md", "Steps that people do"))}
    assert people - {"human", "input"} == set(workflow_file._PEOPLE)
    assert all(f"`{name}`" in section("workflow-file.md", "At the top") for name in PARAM_TYPES)


def test_every_guard_is_documented_with_its_number():
    page = section("workflow-file.md", "Guards")
    assert [name for name, *_ in rows(page)] == [one.name for one in fields(Guards)]
    assert f"{MODEL_GUARDS.too_fast:,} tokens a second" in page
    assert MODEL_GUARDS.same_text == 5
    assert "the same text for five records" in page


@pytest.mark.parametrize(
    ("heading", "parts"),
    [
        ("`wave report runners`", [Runner]),
        ("`wave report interactions`", [Interactions, ListedInteraction]),
        ("`wave report interaction`", [InteractionPage, Attempt]),
        ("`wave report matrix`", [Matrix, RecordRow]),
        ("`wave report events`", [Events, ListedEvent]),
        ("`wave report waves`", [Waves, Lane, ListedWave]),
        ("`wave report failures`", [Failures, Failure]),
        ("`wave report cost`", [Cost, Line]),
        ("`wave report servers`", [Server, Model, Account, Queue]),
        ("`wave report stale`", [Stale, StaleInteraction]),
    ],
)
def test_everything_in_the_document_of_a_report_is_documented(heading: str, parts: list[Any]):
    told = [name for name, _ in rows(section("reports.md", heading))]
    assert told == [one.name for part in parts for one in fields(part)]


def test_every_reason_for_which_nothing_moves_is_documented():
    said = re.findall(r"^- (`.+?`):", section("reports.md", "`wave report servers`"), flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(said))) == {str(one) for one in Because}


def test_every_event_is_documented():
    assert [name for name, *_ in rows(section("events.md", "Events"))] == [str(one) for one in EventType]


# What only the harness reads from a context, to send it along with the result.
INTENTS = {"writes", "effects"}


@pytest.mark.parametrize(
    ("prefix", "thing"),
    [("", ScriptActor()), ("ctx.", Context()), ("ctx.db.", Database(print)), ("ctx.staging.", Staging(print))],
    ids=["actor", "context", "database", "staging"],
)
def test_everything_that_a_script_may_use_is_documented(prefix: str, thing: object):
    page = (PAGES / "script-actors.md").read_text(encoding="utf-8")
    names = {name for name in (*vars(type(thing)), *vars(thing)) if not name.startswith("_")} - INTENTS
    assert len(names) > 1
    assert {name for name in names if not re.search(rf"`{re.escape(prefix + name)}\b", page)} == set()
