"""N: a row of the business may go; what was done for it stays, and verifies.

In the first Wave Runner a posting that was deleted took its interactions and events with it, by cascade.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.audit.test_live import verified
from tests.support.projects import Ground, rows
from tests.support.verifying import told

from wave_runner.engine import Engine
from wave_runner.reports.export import Wanted, export

KEY = "item 0001"
OF_THE_RECORD = "record_id = (SELECT record_id FROM records WHERE key = 'item 0001')"
HISTORY = {
    "its interactions": f"DELETE FROM interactions WHERE {OF_THE_RECORD}",
    "all interactions": "TRUNCATE interactions CASCADE",
    "the record": "DELETE FROM records WHERE key = 'item 0001'",
    "its place in the run": f"DELETE FROM run_records WHERE {OF_THE_RECORD}",
    "the run": "DELETE FROM workflow_runs",
    "the run and all that hangs on it": "TRUNCATE workflow_runs CASCADE",
    "the steps of the run": "DELETE FROM run_steps",
    "its events": f"DELETE FROM interaction_events WHERE interaction_id IN (SELECT interaction_id FROM interactions WHERE {OF_THE_RECORD})",  # noqa: E501
    "a change of its events": "UPDATE interaction_events SET data = '{}'",
    "all events": "TRUNCATE interaction_events",
    "the log": "DELETE FROM event_log",
    "the checkpoints": "DELETE FROM log_checkpoints",
}
REFUSALS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ForeignKeyViolation)
COUNTS = """
    SELECT (SELECT count(*) FROM interaction_events) AS events, (SELECT count(*) FROM interactions) AS interactions,
           (SELECT count(*) FROM event_log) AS entries, (SELECT count(*) FROM workflow_runs) AS runs
"""


@pytest.fixture
def finished(ground: Ground) -> Ground:
    ground.project(rows=rows(3))
    assert ground.run() == "completed"
    return ground


def test_regression_n_a_business_row_may_go_and_everything_that_was_done_for_it_stays(finished: Ground, tmp_path: Path):
    before = finished.sql(COUNTS)
    finished.sql("DELETE FROM items WHERE name = %s", KEY)
    assert finished.one("SELECT count(*) FROM items") == 2

    for what, statement in HISTORY.items():
        with pytest.raises(REFUSALS):
            finished.sql(statement)
        assert finished.sql(COUNTS) == before, what

    assert verified(finished).findings.sorted() == []

    async def dossier(engine: Engine) -> None:
        await export(engine.database, tmp_path / "dossier", Wanted(record=KEY), source=engine.source(), older=[])

    finished.do(dossier)
    code, said = told(str(tmp_path / "dossier"))
    assert code == 0, said
    finished.tampered = True  # its value is gone, and the doctor would say so
