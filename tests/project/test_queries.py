"""Queries as actors: which files they are, what they may be called, and what of them is approved."""

from __future__ import annotations

import pytest
from tests.support.small_project import FILES, WORKFLOW, change, write_project

from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import ActorKind, QuerySpec
from wave_runner.errors import ProjectError
from wave_runner.project.definitions import actor_definition, actor_kind, read_actor, step_definition
from wave_runner.project.load import load_project
from wave_runner.project.queries import QueryError, read_query

WITH_A_QUERY = FILES | {
    "workflows/work.yaml": WORKFLOW.replace("actor: note", "sql: sql/look_up.sql"),
    "sql/deeper/look_up.sql": "SELECT 2\n",
    "sql/tables_more.sql": "CREATE TABLE more ();\n",
    "sql/judge.sql": "SELECT 1\n",
    "sql/save.sql": "SELECT 1\n",
    "sql/router.sql": "SELECT 1\n",
    "sql/empty.sql": " \n;\n",
}


def test_a_step_that_is_a_query_pins_its_text_and_its_schema(tmp_path):
    project = load_project(write_project(tmp_path, WITH_A_QUERY))
    assert project.queries == {"look_up": QuerySpec(name="look_up", path="sql/look_up.sql")}
    assert actor_kind(project, "look_up") is ActorKind.SQL
    approved = read_actor(actor_definition(project, "look_up").body)
    assert sorted(approved.files) == ["schemas/note.json", "sql/look_up.sql"]
    workflow = project.workflows["work"]
    pinned = read_step(step_definition(project, workflow, workflow.steps["note"]).body)
    assert (pinned.query, pinned.sql_sha256) == (project.queries["look_up"], approved.files["sql/look_up.sql"])
    assert (pinned.timeout_s, pinned.max_attempts) == (30.0, 3)


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("sql/look_up.sql", "sql/look_upp.sql", "there is no file sql/look_upp.sql", '"sql/look_up.sql"'),
        ("sql/look_up.sql", "sql/judge.sql", "`judge` is a model already", "another name"),
        ("sql/look_up.sql", "sql/save.sql", "`save` is a script already", "another name"),
        ("sql/look_up.sql", "sql/router.sql", "`router` is a word of our own already", "another name"),
        ("sql/look_up.sql", "sql/tables_more.sql", "sql/tables_more.sql makes tables", ""),
        ("sql/look_up.sql", "look_up.sql", "`sql` names a file sql/NAME.sql", ""),
        ("sql/look_up.sql", "sql/../actors/save.py", "`sql` names a file sql/NAME.sql", ""),
        ("sql/look_up.sql", "sql/../look_up.sql", "`sql` names a file sql/NAME.sql", ""),
        ("sql/look_up.sql", "sql/Look-Up.sql", "`sql` names a file sql/NAME.sql", "lower-case letters"),
        ("sql: sql/look_up.sql", "sql: sql/look_up.sql\n    model: judge", "can have one of `model` and `sql`", ""),
        ("    output: schemas/note.json\n", "", "done by a query, so it needs `output`", "JSON Schema"),
        ("schemas/note.json", "schemas/note.json\n    prompt: prompts/judge.md", "which takes no prompt", ""),
    ],
)
def test_a_mistake_about_a_query_is_named_with_its_line(tmp_path, old, new, message, hint):
    folder = write_project(tmp_path, WITH_A_QUERY)
    line = WITH_A_QUERY["workflows/work.yaml"].split(old)[0].count("\n")
    change(folder, "workflows/work.yaml", old, new)
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert line - 2 <= caught.value.line <= line + 2


def test_two_files_of_one_name_cannot_both_be_queries(tmp_path):
    folder = write_project(tmp_path, WITH_A_QUERY)
    change(folder, "workflows/work.yaml", "  save:\n", "  more:\n    sql: sql/deeper/look_up.sql\n  save:\n")
    change(
        folder,
        "workflows/work.yaml",
        "    output: schemas/note.json\n    next: save",
        "    output: schemas/note.json\n    next: more",
    )
    change(
        folder,
        "workflows/work.yaml",
        "sql/deeper/look_up.sql\n",
        "sql/deeper/look_up.sql\n    output: schemas/note.json\n    next: save\n",
    )
    with pytest.raises(ProjectError, match=r"`look_up` is sql/look_up\.sql already"):
        load_project(folder)


def test_a_file_of_a_query_must_hold_one(tmp_path):
    folder = write_project(tmp_path, WITH_A_QUERY)
    change(folder, "workflows/work.yaml", "sql/look_up.sql", "sql/empty.sql")
    with pytest.raises(ProjectError, match=r"sql/empty\.sql:1: the file holds no query"):
        load_project(folder)


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [(b"SELECT 1\n, '\xff'", 2, "not UTF-8"), (b"SELECT 1\n\n, '\0'", 3, "NUL"), (b"", 1, "no query")],
)
def test_what_is_no_text_is_no_query(body, line, message):
    with pytest.raises(QueryError, match=message) as caught:
        read_query(body)
    assert caught.value.line == line


def test_the_semicolon_at_the_end_is_no_part_of_a_query():
    assert read_query(b"SELECT ';' -- ; \n ;\n") == "SELECT ';' -- ; \n "


def test_a_server_cannot_be_called_as_one_of_our_lanes(tmp_path):
    folder = write_project(tmp_path)
    change(folder, "wave.toml", "[servers.local]", "[servers.sql]")
    with pytest.raises(ProjectError, match="`sql` is the name of a lane of our own"):
        load_project(folder)
