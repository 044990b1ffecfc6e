"""The project's tables, on the engine's own schema in a real PostgreSQL."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.projects.job_postings.test_checks import GOOD

from wave_runner.projects.job_postings.actors.checks import Accepted, check
from wave_runner.projects.job_postings.actors.documents import parse_lines
from wave_runner.projects.job_postings.actors.sql_query_executor import QUERIES, answer, parameters, read_query
from wave_runner.store import migrate

pytest_plugins = ["tests.support.database"]

PROJECT = Path(__file__).parents[3] / "src/wave_runner/projects/job_postings"
SCHEMA = "wave"


@pytest.fixture
def connection(database):
    migrate.migrate(database, SCHEMA)
    tables = {"sql/tables.sql": (PROJECT / "sql/tables.sql").read_bytes()}
    migrate.adopt_project(database, SCHEMA, project_id="test", name="job_postings", tables=tables)
    with psycopg.connect(database, row_factory=dict_row, options=f"-c search_path={SCHEMA}") as connection:
        yield connection


def insert(connection, values):
    """Promote one posting as the engine does: a record, then its values as JSON."""
    key = f"{values['job_id']}/{values['posting_type']}"
    record = connection.execute(
        "INSERT INTO records (collection, key) VALUES ('postings', %s) RETURNING record_id", [key]
    ).fetchone()
    row = {"posting_id": record["record_id"], "source": "test#1", **values}
    columns = ", ".join(row)
    connection.execute(
        f"INSERT INTO postings ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::postings, %s::jsonb)",
        [json.dumps(row)],
    )
    return record["record_id"]


def good(**changes):
    found = check(GOOD | changes)
    assert isinstance(found, Accepted)
    return found.values


def sample():
    with (PROJECT / "data/sample.jsonl").open("rb") as stream:
        checked = {
            found.key: found.values
            for row in parse_lines(stream, "sample")
            if isinstance(found := check(json.loads(row)), Accepted)
        }
    return checked.values()


def test_every_posting_of_the_sample_that_passes_the_checks_fits_the_table(connection):
    for values in sample():
        insert(connection, values)
    found = connection.execute(
        "SELECT count(*) AS n, min(salary_from)::float AS least, max(posted_at) < now() AS past,"
        " bool_and(posting_key = job_id || '/' || posting_type) AS keyed FROM postings"
    ).fetchone()
    assert found["n"] == 100
    assert found["past"]
    assert found["keyed"]
    assert found["least"] > 0


def test_a_job_is_posted_once_to_each_public(connection):
    insert(connection, good())
    insert(connection, good(posting_type="Internal"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(connection, good())


@pytest.mark.parametrize(
    ("verdict", "score", "fits"),
    [
        ("GENUINE", 0, True),
        ("GENUINE", 39, True),
        ("GENUINE", 40, False),
        ("BORDERLINE", 39, False),
        ("BORDERLINE", 40, True),
        ("COMPLIANCE_THEATER", 89, True),
        ("COMPLIANCE_THEATER", 90, False),
        ("FAKE", 90, True),
        ("FAKE", 101, False),
        ("MAYBE", 50, False),
        (None, 50, False),
        ("GENUINE", None, False),
        (None, None, True),
    ],
)
def test_a_verdict_and_its_score_stand_together_or_not_at_all(connection, verdict, score, fits):
    posting = insert(connection, good())
    update = "UPDATE postings SET ihl_verdict = %s, ihl_score = %s WHERE posting_id = %s"
    if fits:
        assert connection.execute(update, [verdict, score, posting]).rowcount == 1
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(update, [verdict, score, posting])


def test_a_skill_belongs_to_a_posting_that_exists_and_is_named_once(connection):
    posting = insert(connection, good())
    add = "INSERT INTO job_skills (posting_id, skill, position) VALUES (%s, %s, %s)"
    connection.execute(add, [posting, "SQL", 1])
    for wrong, error in (([posting, "SQL", 2], "UniqueViolation"), ([posting + 1, "SQL", 1], "ForeignKeyViolation")):
        with pytest.raises(getattr(psycopg.errors, error)), connection.transaction():
            connection.execute(add, wrong)


def ask(connection, name, **inputs):
    statement = read_query(QUERIES, name)
    return answer(connection.execute(statement, parameters(statement, inputs)).fetchall())


def test_the_query_knows_a_description_that_another_posting_has(connection):
    insert(connection, good())
    insert(connection, good(posting_type="Internal"))
    insert(connection, good(job_id="43", job_description="Something else altogether. " * 10))
    assert ask(connection, "description_seen_before", job_id="42", posting_type="External").outcome == "REPEATED"
    assert ask(connection, "description_seen_before", job_id="43", posting_type="External").outcome == "NEW"


def test_the_staging_view_has_its_columns_and_shows_only_postings(connection):
    shown = connection.execute("SELECT * FROM postings_staging")
    assert [column.name for column in shown.description] == [
        "staged_id",
        "run_id",
        "interaction_id",
        "source",
        "position",
        "raw",
        "state",
        "errors",
        "posting_id",
        "staged_at",
        "decided_at",
    ]
