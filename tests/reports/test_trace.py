"""A record's way through a run, and what becomes of the proof when somebody changes it."""

import asyncio

import pytest

from wave_runner.errors import NotFoundError
from wave_runner.reports.trace import trace
from wave_runner.store.database import Database

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def follow(run, key, **options):
    async def answer():
        database = Database(run.url, schema="wave", size=2)
        await database.open()
        try:
            return await trace(database, key, collections=["items"], **options)
        finally:
            await database.close()

    return asyncio.run(answer())


def tamper(run, statement):
    """Do as somebody does who may do everything, triggers included."""
    run.as_superuser(
        "ALTER TABLE interaction_events_r1 DISABLE TRIGGER ALL; "
        f"{statement}; ALTER TABLE interaction_events_r1 ENABLE ALWAYS TRIGGER no_change"
    )


def test_a_record_is_followed_from_the_first_fetch_to_its_end(counted):
    found = follow(counted, "haiku")
    assert [(event.step, event.type, event.own) for event in found.events] == [
        ("fetch", "interaction_started", False),
        ("fetch", "staging_written", False),
        ("fetch", "interaction_completed", False),
        ("check", "interaction_started", False),
        ("check", "staging_decided", False),
        ("check", "interaction_completed", False),
        ("check", "interaction_fanned_out", False),
        ("count", "interaction_started", True),
        ("count", "interaction_completed", True),
    ]
    assert found.events[0].cause == ""
    for before, event in zip(found.events, found.events[1:], strict=False):
        assert event.cause == f"{before.interaction_id}.{before.seq}"
    assert found.unbroken
    assert (found.flow.state, found.flow.broken) == ("completed", [])


def test_a_retry_stands_in_the_chain_with_its_attempts(counted):
    found = follow(counted, "bomb")
    own = [(event.type, event.attempt) for event in found.events if event.own]
    assert own == [
        ("interaction_started", 1),
        ("interaction_retry_scheduled", 1),
        ("interaction_started", 2),
        ("interaction_failed", 2),
    ]
    assert found.unbroken
    assert found.flow.state == "incomplete"
    assert "count failed: transient" in found.flow.broken
    assert [(moment.step, moment.state, moment.attempt) for moment in found.timeline] == [("count", "failed", 2)]


def test_what_never_reached_its_actor_has_its_chain_too(counted):
    found = follow(counted, "short")
    assert [event.type for event in found.events if event.own] == ["interaction_quarantined"]
    assert found.unbroken


def test_what_an_ancestor_did_after_it_had_created_the_record_is_no_part_of_its_chain(counted_copy):
    counted_copy.sql("UPDATE interactions SET seq = 5 WHERE interaction_id = 2")
    counted_copy.sql(
        "INSERT INTO interaction_events"
        " (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, data, sha256)"
        " VALUES (1, 1, 'interaction_fanned_out', 2, 5, 2, 4, '{}', sha256('{}'))"
    )
    found = follow(counted_copy, "haiku")
    assert found.unbroken
    assert [event.seq for event in found.events if event.interaction_id == 2] == [1, 2, 3, 4]


def test_changed_data_is_found(counted_copy):
    tamper(counted_copy, "UPDATE interaction_events SET data = '{\"attempt\":7}' WHERE interaction_id = 3 AND seq = 1")
    assert [found.rule for found in follow(counted_copy, "haiku").breaks] == ["altered"]
    assert follow(counted_copy, "proverb").unbroken


def test_an_event_that_was_taken_away_is_found_at_the_end_too(counted_copy):
    tamper(counted_copy, "DELETE FROM interaction_events WHERE interaction_id = 3 AND seq = 2")
    assert [found.rule for found in follow(counted_copy, "haiku").breaks] == ["missing"]


def test_a_break_before_the_record_breaks_every_record_that_came_of_it(counted_copy):
    tamper(counted_copy, "DELETE FROM interaction_events WHERE interaction_id = 1 AND seq = 2")
    for key in ("haiku", "proverb", "bomb"):
        assert {found.rule for found in follow(counted_copy, key).breaks} == {"missing", "missing_cause"}


def test_data_that_is_no_json_any_more_is_reported_and_not_stumbled_over(counted_copy):
    tamper(counted_copy, "UPDATE interaction_events SET data = 'gone' WHERE interaction_id = 3 AND seq = 1")
    found = follow(counted_copy, "haiku")
    assert [found.rule for found in found.breaks] == ["altered"]
    assert [event.attempt for event in found.events if event.own] == [None, 1]


@pytest.mark.parametrize(("key", "run_id", "where"), [("nobody", None, "any run"), ("haiku", 7, "run 7")])
def test_a_record_that_took_no_part_is_an_error(counted, key, run_id, where):
    with pytest.raises(NotFoundError, match=f"no record '{key}' took part in {where}"):
        follow(counted, key, run_id=run_id)
