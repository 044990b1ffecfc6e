"""What interactions and events point to is there: a statement that says otherwise is refused, into whichever table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg import errors
from tests.support.projects import Ground, Make, rows

COLUMNS = "run_id, run_step_id, queue_id, record_id, correlation_id, item, parent_id, parent_seq"
# Beside one that is right: a statement is refused for any of its rows.
INSERT = f"""
    INSERT INTO {{table}} ({COLUMNS})
    SELECT run_id, run_step_id, queue_id, record_id, correlation_id, 1, interaction_id, seq FROM interactions
    WHERE record_id IS NOT NULL
    UNION ALL
    SELECT run_id, {{step}}, {{queue}}, {{record}}, correlation_id, 2, {{parent}}, 1 FROM interactions
    WHERE record_id IS NOT NULL
"""
RIGHT = {"step": "run_step_id", "queue": "queue_id", "record": "record_id", "parent": "interaction_id"}
EVENT = """
    INSERT INTO {table} (run_id, form, type, interaction_id, seq, data, sha256)
    SELECT run_id, 1, 'interaction_completed', {interaction}, 99, '{{}}', sha256('{{}}') FROM interactions
"""


def one_record(ground: Ground) -> None:
    ground.project(rows=rows(1), ensures=["record.words == 4"])
    assert ground.run() == "completed"


@pytest.fixture
def done(copy_of: Callable[[Make], Ground]) -> Ground:
    """A run that has done one record."""
    return copy_of(one_record)


@pytest.mark.parametrize("table", ["interactions", "interactions_r1"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "run_step_id + 1000"},
        {"queue": "queue_id + 1000"},
        {"queue": "(SELECT max(queue_id) FROM queues q WHERE q.queue_id <> interactions.queue_id)"},
        {"record": "record_id + 1000"},
        {"parent": "interaction_id + 1000"},
    ],
    ids=["no step", "no queue", "another step's queue", "no record of the run", "no parent"],
)
def test_an_interaction_that_points_to_nothing_is_refused(done: Ground, table: str, wrong: dict[str, str]):
    with pytest.raises(errors.ForeignKeyViolation, match="an interaction points to"):
        done.sql(INSERT.format(table=table, **(RIGHT | wrong)))


def test_an_interaction_that_points_to_what_is_there_is_taken(done: Ground):
    done.sql(INSERT.format(table="interactions", **RIGHT))
    assert done.one("SELECT count(*) FROM interactions WHERE item > 0") == 2
    done.tampered = True


@pytest.mark.parametrize("table", ["interaction_events", "interaction_events_r1"])
def test_an_event_of_an_interaction_that_is_not_there_is_refused(done: Ground, table: str):
    with pytest.raises(errors.ForeignKeyViolation, match="which is not there"):
        done.sql(EVENT.format(table=table, interaction="interaction_id + 1000"))


@pytest.mark.parametrize("table", ["interactions", "interactions_r1"])
def test_interactions_are_never_deleted(done: Ground, table: str):
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        done.sql(f"DELETE FROM {table}")
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        done.sql(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "gone",
    [
        "DELETE FROM records",
        "DELETE FROM run_records",
        "DELETE FROM run_steps",
        "DELETE FROM queues",
        "DELETE FROM workflow_runs",
    ],
)
def test_what_interactions_point_to_cannot_go_away(done: Ground, gone: str):
    with pytest.raises((errors.ForeignKeyViolation, errors.InsufficientPrivilege)):
        done.sql(gone)
