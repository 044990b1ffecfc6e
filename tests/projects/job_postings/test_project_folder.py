"""The folder is a sound project: it loads, and each script takes along every file that it needs."""

import json
import subprocess
import sys

import jsonschema_rs
import pytest

from wave_runner.core.workflow import Each, Next, RouteOn, ScriptSpec
from wave_runner.project.init import init_project
from wave_runner.project.load import load_project
from wave_runner.project.manifest import script_files
from wave_runner.project.materialise import materialise
from wave_runner.projects.job_postings.actors import web

SCRIPTS = [
    "db_job_fetcher",
    "postings_staging_validator",
    "summary_saver",
    "skills_saver",
    "ihl_score_saver",
    "sql_query_executor",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("init") / "job_postings"
    init_project(folder, "job_postings")
    return load_project(folder)


def test_a_new_project_has_its_own_id_and_the_workflow(project):
    assert project.id
    assert list(project.workflows["job_postings"].steps) == [
        "fetch",
        "validate",
        "summarise",
        "save_summary",
        "extract_skills",
        "save_skills",
        "score",
        "save_score",
    ]


def test_every_step_leads_to_the_next_one_in_the_file(project):
    steps = list(project.workflows["job_postings"].steps.values())
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        expected = {following.name if following else "end"}
        match step.route:
            case Next(to=to) | Each(to=to):
                assert {to} == expected
            case RouteOn(cases=cases):
                assert {case.to for case in cases.values()} == expected


def test_three_model_actors_stand_on_two_weight_files(project):
    assert [model.model for model in project.models.values()] == [
        "gemma-3-270m-q4_k_m",
        "gemma-3-270m-q8_0",
        "gemma-3-270m-q8_0",
    ]


def test_the_fetcher_may_wait_for_as_long_as_it_lets_a_source_ask(project):
    longest = web.MOST_WAITS * (web.LONGEST_WAIT_S + web.PAUSE_S)
    assert project.scripts["db_job_fetcher"].timeout_s > longest


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported_where_only_its_own_files_are(project, tmp_path, name):
    script = project.scripts.get(name, ScriptSpec(name=name, entry=f"actors/{name}.py"))
    root = tmp_path / "root"
    materialise(script_files(project.files, script), root)
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import actors.{name} as actor; print(actor.__file__)"
    found = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert found.stdout.strip() == str(root / f"actors/{name}.py")


def test_the_query_executor_takes_its_queries_along_and_its_answers_have_a_schema(project):
    files = script_files(project.files, project.scripts["sql_query_executor"])
    assert "sql/queries/description_seen_before.sql" in files
    schema = json.loads(project.files["schemas/seen_before.json"])
    assert jsonschema_rs.validator_for(schema).is_valid({"outcome": "NEW", "rows": 1})
