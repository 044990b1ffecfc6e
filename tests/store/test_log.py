"""The log that is signed: nothing is lost, nothing is there twice, and causes come before what they led to."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from tests.support import sealed
from tests.support.projects import Ground, rows

CHANGES = {
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
}
TABLES = {"event_log": "kind", "log_tiles": "root", "log_checkpoints": "note"}


def test_a_run_is_sealed_and_signed_to_its_last_event(ground: Ground):
    ground.project(rows=rows(150), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    found = sealed.read(ground.url)
    assert len(found.event_ids) == ground.one("SELECT count(*) FROM interaction_events") > 300
    assert found.checkpoints[-1].size == len(found.entries) > 256
    assert sealed.signers(found, found.notes[-1], [bytes(found.state["public_key"])]) == 1
    [outside] = (ground.folder / ".wave/checkpoints").iterdir()
    assert outside.read_text() == "".join(f"{note}\n" for note in found.notes)
    assert (ground.folder / ".wave/log.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("session", ["origin", "replica"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_the_log(ground: Ground, change: str, table: str, session: str):
    ground.project(rows=rows(150))
    ground.run()
    statement = CHANGES[change].format(table=table, column=TABLES[table])
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
        ground.sql(statement)
    with ground.superuser() as connection:
        connection.execute(psycopg.sql.SQL("SET session_replication_role = {}").format(session))
        with pytest.raises(errors.InsufficientPrivilege, match=f"append-only: {change}"):
            connection.execute(statement)


def test_how_far_the_log_has_come_is_not_forgotten(ground: Ground):
    ground.project()
    ground.start()
    with ground.superuser() as connection, pytest.raises(errors.InsufficientPrivilege, match="append-only: DELETE"):
        connection.execute("DELETE FROM log_state")
