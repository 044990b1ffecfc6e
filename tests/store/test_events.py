"""The log of events: nobody changes it or says what the database says itself, and each month has its own range."""

from __future__ import annotations

import hashlib
import threading

import psycopg
import pytest
from psycopg import errors
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground, rows, run_to_end

from wave_runner.core.event import EventType
from wave_runner.store import events

CHANGES = {
    "UPDATE": "UPDATE {table} SET data = '{{}}'",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
}
TABLES = ["interaction_events", "interaction_events_r1"]

STAMPED = {
    "event_id": "1",
    "recorded_at": "now()",
    "db_user": "'somebody else'",
    "xid": "'1'::xid8",
}
INSERT = (
    "INSERT INTO interaction_events (run_id, form, type, data, sha256{name}) "
    "VALUES (0, 1, 'wave_closed', '{{}}', sha256('{{}}'){value})"
)


@pytest.fixture
def with_events(ground: Ground) -> Ground:
    ground.project(rows=rows(1))
    ground.start()
    return ground


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_the_projects_own_role_may_not_change_events(with_events: Ground, change: str, table: str):
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
        with_events.sql(CHANGES[change].format(table=table))


@pytest.mark.parametrize("session", ["origin", "replica"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_superuser_is_stopped_by_triggers_in_every_kind_of_session(
    with_events: Ground, change: str, table: str, session: str
):
    with with_events.superuser() as connection:
        connection.execute(psycopg.sql.SQL("SET session_replication_role = {}").format(session))
        with pytest.raises(errors.InsufficientPrivilege, match=f"append-only: {change}"):
            connection.execute(CHANGES[change].format(table=table))


def test_emptying_what_events_refer_to_does_not_empty_them(with_events: Ground):
    with with_events.superuser() as connection, pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        connection.execute("TRUNCATE interactions CASCADE")


@pytest.mark.parametrize("name", STAMPED)
def test_nobody_says_what_the_database_stamps(with_events: Ground, name: str):
    with_events.sql(INSERT.format(name="", value=""))
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
        with_events.sql(INSERT.format(name=f", {name}", value=f", {STAMPED[name]}"))


def test_an_event_is_stamped_with_time_user_and_transaction(with_events: Ground):
    with_events.sql(INSERT.format(name="", value=""))
    [event] = with_events.sql(
        "SELECT *, recorded_at BETWEEN now() - interval '1 minute' AND clock_timestamp() AS in_time "
        "FROM interaction_events WHERE type = 'wave_closed'"
    )
    assert event["db_user"] == "wave"
    assert event["in_time"]
    assert event["event_id"] == with_events.one("SELECT last_value FROM event_ids")
    assert event["xid"] is not None


def test_the_hash_of_an_event_covers_exactly_its_data(with_events: Ground):
    async def append(hand: Hand):
        data = {"b": 1, "a": "é", "c": None}
        await hand.transact(lambda connection: events.append(connection, EventType.WAVE_CLOSED, data))

    by_hand(with_events, append)
    [event] = with_events.sql("SELECT data, sha256 FROM interaction_events WHERE type = 'wave_closed'")
    assert event["data"] == '{"a":"é","b":1,"c":null}'
    assert event["sha256"] == hashlib.sha256(event["data"].encode()).digest()


def test_an_event_with_a_false_length_of_hash_or_too_much_data_is_refused(with_events: Ground):
    with pytest.raises(errors.CheckViolation):
        with_events.sql(INSERT.format(name="", value="").replace("sha256('{}')", "'short'"))
    with pytest.raises(errors.CheckViolation):
        with_events.sql(INSERT.format(name="", value="").replace("'{}',", "repeat('x', 16385),"))


def test_the_product_can_ask_whether_its_log_refuses_change(with_events: Ground):
    run_id = with_events.one("SELECT max(run_id) FROM workflow_runs")
    assert with_events.do(lambda engine: events.refuses_change(engine.database, run_id))
    with with_events.superuser() as connection:
        connection.execute("ALTER TABLE interaction_events_r1 DISABLE TRIGGER no_change")
        connection.execute("GRANT UPDATE ON interaction_events TO wave")
    before = with_events.sql("SELECT data FROM interaction_events ORDER BY event_id")
    assert not with_events.do(lambda engine: events.refuses_change(engine.database, run_id))
    assert with_events.sql("SELECT data FROM interaction_events ORDER BY event_id") == before


# ─── a new month ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def next_month(ground: Ground) -> Ground:
    """A ground whose newest range was opened in a month that is over."""
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    ground.sql("UPDATE run_ranges SET month = month - interval '1 month'")
    return ground


def test_the_first_run_of_a_month_opens_a_range_of_its_own_and_works_there(next_month: Ground):
    next_month.project(rows=[{"name": "new", "text": "in the new month"}], ensures=["record.words == 4"])
    state = next_month.do(dev_run)
    assert state == "completed"
    assert next_month.one("SELECT max(run_id) FROM workflow_runs") == 100_000
    for table in ("interactions", "interaction_events", "staged_records", "value_writes"):
        assert next_month.one(f"SELECT count(*) FROM {table}_r100000 WHERE run_id = 100000") > 0
    assert next_month.start() == 100_001


def test_a_new_range_has_the_guards_and_checks_of_the_first(next_month: Ground):
    next_month.start()
    parts = "SELECT replace(pg_get_constraintdef(oid), '_r1', '_rN') AS definition FROM pg_constraint"
    mine = f"{parts} WHERE conrelid = %s::regclass AND contype <> 'n' ORDER BY 1"
    for parent in ("interactions", "interaction_inputs", "staged_records", "interaction_events", "payloads"):
        old = next_month.sql(mine, f"{parent}_r1")
        new = next_month.sql(mine.replace("'_r1'", "'_r100000'"), f"{parent}_r100000")
        assert new == old
        triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY 1"
        assert next_month.sql(triggers, f"{parent}_r100000") == next_month.sql(triggers, f"{parent}_r1")
        checked = any("FOREIGN KEY" in row["definition"] for row in new)
        assert checked or {"tgname": "check_references"} in next_month.sql(triggers, f"{parent}_r100000")
    with next_month.superuser() as connection:
        connection.execute("SET session_replication_role = replica")
        for change in ("DELETE", "TRUNCATE"):
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                connection.execute(CHANGES[change].format(table="interaction_events_r100000"))
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
        next_month.sql("UPDATE interaction_events_r100000 SET data = '{}'")


def test_two_runs_that_start_together_in_a_new_month_open_one_range(next_month: Ground):
    at_once = threading.Barrier(2)

    def start() -> None:
        at_once.wait()
        with psycopg.connect(next_month.url, options="-c search_path=wave") as connection:
            given.append(connection.execute("SELECT new_run_id()").fetchone()[0])

    given: list[int] = []
    starters = [threading.Thread(target=start) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert sorted(given) == [100_000, 100_001]
    assert next_month.one("SELECT count(*) FROM run_ranges") == 2


async def dev_run(engine) -> str:
    await engine.sync(dev=True)
    return await run_to_end(engine)
