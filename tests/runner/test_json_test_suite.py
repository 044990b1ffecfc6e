"""Every file of JSONTestSuite as a script's output and as a model's answer, through real processes to the database.

Judged at the reader of JSON, before any schema: a document that it takes may still be refused by a rule that is about
something else, and that rule is named here.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.json_cases import FOLDER, parsing, transform
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

CASES = parsing() | transform()
RECORDED = json.loads((FOLDER / "recorded.json").read_text(encoding="utf-8"))

# What was read and is refused for another reason: a script gives an object, a text must be storable, a key stands once.
TAKEN = {None, "invalid_output", "unstorable_text", "duplicate_key"}
# What was not read. A model's server that sends bytes which are no UTF-8 has not answered at all (transient).
REFUSED = {"invalid_json", "no_output", "transient"}

SAY = """\
#!/bin/sh
name=$(sed 's/.*"name":"\\([^"]*\\)".*/\\1/')
exec cat "$(dirname "$0")/../cases/$name"
"""
SCRIPT = """
[scripts.say]
entry = "actors/say"
executable = true
files = ["cases/"]
max_attempts = 1
"""
MODEL = """
[servers.stub]
driver = "openai"
url = "{url}"
slots = 4

[models.say]
server = "stub"
model = "stub"
max_attempts = 1
options = {{api = "chat"}}
"""
ASK_STEP = "say: {model: say, prompt: prompts/say.md, input: {name: record.name}, output: schemas/any.json, next: end}"


Fate = tuple[str | None, str | None]
"""What refused a file (a rule or a class of error; None: nothing did), and its output."""


def write_cases(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in CASES.items():
        (folder / name).write_bytes(content)


def fates(ground: Ground) -> dict[str, Fate]:
    found = ground.sql(
        "SELECT key, coalesce(rule, error_class) AS reason, output FROM interactions JOIN records USING (record_id) "
        "WHERE state IN ('completed', 'quarantined', 'failed')"
    )
    assert {row["key"] for row in found} == set(CASES), "a file was lost on the way"
    return {row["key"]: (row["reason"], row["output"]) for row in found}


def judge(found: dict[str, Fate], recorded: dict[str, list[str | None]]) -> None:
    """Compare with the names of the files and, where the names leave it open, with what is recorded."""
    wrong = {name: reason for name, (reason, _) in found.items() if name[:2] == "y_" and reason not in TAKEN}
    wrong |= {name: reason for name, (reason, _) in found.items() if name[:2] == "n_" and reason not in REFUSED}
    assert wrong == {}
    assert {name: list(fate) for name, fate in found.items() if name[:2] not in {"y_", "n_"}} == recorded


def refused_though_read(found: dict[str, Fate], rule: str) -> set[str]:
    return {name for name, (reason, _) in found.items() if name[:2] == "y_" and reason == rule}


TWICE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
NUL = {"y_object_escaped_null_in_key.json", "y_string_null_escape.json"}
ALL_YES = {name for name in parsing() if name[:2] == "y_"}
OBJECTS = {name for name in ALL_YES if isinstance(json.loads(parsing()[name]), dict)}


def test_the_suite_is_whole():
    assert len(parsing()) == 318
    assert len(transform()) == 22


def test_a_scripts_output_is_read_or_refused_as_the_name_of_the_file_says(ground: Ground):
    write_cases(ground.folder / "cases")
    step = "say: {actor: say, input: {name: record.name}, next: end}"
    ground.project(rows=[{"name": name} for name in CASES], steps=step, toml=SCRIPT, files={"actors/say": SAY})
    (ground.folder / "actors/say").chmod(0o755)
    assert ground.run() == "failed"
    found = fates(ground)
    judge(found, RECORDED["script"])
    assert refused_though_read(found, "duplicate_key") == TWICE
    assert refused_though_read(found, "unstorable_text") == NUL & OBJECTS
    assert refused_though_read(found, "invalid_output") == ALL_YES - OBJECTS


def test_a_models_answer_is_read_or_refused_as_the_name_of_the_file_says(ground: Ground, tmp_path: Path):
    write_cases(ground.folder / "cases")
    rule = {"match": r"^say (\S+)$", "file": str(ground.folder / "cases" / r"\1")}
    with OpenAIStub(tmp_path / "stub", [rule]) as stub:
        files = {"prompts/say.md": "say {{ name }}", "schemas/any.json": "{}"}
        items = [{"name": name} for name in CASES]
        ground.project(rows=items, steps=ASK_STEP, toml=MODEL.format(url=stub.url), files=files)
        assert ground.run() == "failed"
    found = fates(ground)
    judge(found, RECORDED["model"])
    assert refused_though_read(found, "duplicate_key") == TWICE
    assert refused_though_read(found, "unstorable_text") == NUL
    assert refused_though_read(found, "invalid_output") == set()
