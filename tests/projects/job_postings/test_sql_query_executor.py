"""A query is a file of the project, its parameters are named, and its first value is the outcome."""

import pytest

from wave_runner.projects.job_postings.actors.sql_query_executor import (
    QUERIES,
    SqlQueryExecutor,
    answer,
    parameters,
    read_query,
)


def test_a_query_is_found_by_name():
    assert "SELECT CASE" in read_query(QUERIES, "description_seen_before")


@pytest.mark.parametrize("name", ["../wave", "/etc/passwd", "a.b", "a/b", "", "Tables", "x\0"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match="no name of a query"):
        read_query(tmp_path, name)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "outside.sql").write_text("SELECT 1")
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "inside.sql").symlink_to(tmp_path / "outside.sql")
    with pytest.raises(ValueError, match="there is no query"):
        read_query(tmp_path / "sql", "inside")


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="description_seen_before"):
        read_query(QUERIES, "seen_before")


def test_parameters_come_in_the_order_of_the_query():
    statement = "-- Why.\n-- parameters: job_id, posting_type\nSELECT %s, %s"
    assert parameters(statement, {"posting_type": "Internal", "job_id": "42", "other": 1}) == ["42", "Internal"]
    assert parameters("SELECT 1", {"other": 1}) == []


def test_a_missing_parameter_is_named():
    with pytest.raises(ValueError, match="the query needs posting_type: add it"):
        parameters("-- parameters: job_id, posting_type\nSELECT 1", {"job_id": "42"})


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [([{"outcome": "NEW", "n": 2}], "NEW"), ([{"n": 2}, {"n": 3}], "2"), ([], None), ([{"n": None}], None)],
)
def test_the_outcome_is_the_first_value_of_the_first_row(rows, outcome):
    assert answer(rows).model_dump() == {"outcome": outcome, "rows": len(rows)}


def test_every_other_input_is_a_parameter():
    item = SqlQueryExecutor.Input.model_validate({"query": "q", "job_id": "42"}, strict=True)
    assert item.model_extra == {"job_id": "42"}
