"""The projector beside the work, and what an operator may do: verify, rebuild while events flow, skip, deploy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, Make, at_work, ended, rows, start_run

from wave_runner.core.event import EventType
from wave_runner.core.projection import RECORD_STATES
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.reports.alerts import alerts
from wave_runner.reports.record_states import RecordCounts, record_states
from wave_runner.runner.fold_check import verify_interactions
from wave_runner.runner.projector import Projector
from wave_runner.store import events
from wave_runner.store import projections as stored

NAME = RECORD_STATES.name
STATES_AGREE = """
    SELECT count(*) FROM run_records r FULL JOIN (
        SELECT s.* FROM record_states s JOIN projections p USING (projection_id)
        WHERE p.state = 'live' AND NOT s.whole_run
    ) AS s USING (run_id, correlation_id)
    WHERE r.state IS DISTINCT FROM s.state
"""


def three_records(ground: Ground) -> None:
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    assert ground.run() == "completed"


@pytest.fixture
def worked(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(three_records)


def said(ground: Ground) -> list[str]:
    found = ground.sql(
        "SELECT type::text FROM interaction_events WHERE type::text LIKE 'projection%%' ORDER BY event_id"
    )
    return [row["type"].removeprefix("projection_") for row in found]


def kinds(ground: Ground) -> list[str]:
    found = ground.do(lambda engine: alerts(engine.database))
    return [alert.kind for alert in found if alert.kind.startswith("projection")]


async def catch_up(engine: Engine) -> None:
    """Seal and fold all there is."""
    await engine.sealer(engine.project()).finish()
    await Projector(engine.database, busy=lambda: False).finish()


def test_a_runner_that_has_ended_has_sealed_and_folded_what_it_did(worked: Ground):
    assert worked.one(STATES_AGREE) == 0
    found = worked.do(lambda engine: record_states(engine.database))
    size = worked.one("SELECT next_index FROM log_state")
    assert found == RecordCounts(position=size, behind=0, workflows={"work": {"completed": 3}}, dropped=[])


def test_verdicts_that_are_taken_back_are_folded_too(ground: Ground):
    ground.project(rows=[*rows(2), {"name": "bad", "text": "one"}], ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert ground.one(STATES_AGREE) == 0
    found = ground.do(lambda engine: record_states(engine.database))
    assert found.workflows == {"work": {"completed": 2, "incomplete": 1}}


def test_verify_says_that_all_is_the_same_and_the_log_keeps_the_digest(worked: Ground):
    compared = worked.do(lambda engine: engine.projection_keeper(NAME).verify())
    assert (compared.is_same, compared.differences) == (True, ())
    assert compared.rows == 3 + 1 + 1  # records, the run itself, and a count
    data = worked.one("SELECT data::json FROM interaction_events WHERE type = 'projection_verified'")
    assert (data["digest"], data["position"], data["rows"]) == (compared.digest, compared.position, compared.rows)
    checked = worked.do(lambda engine: verify_interactions(engine.database, by="maria"))
    assert (checked.interactions, checked.wrong) == (5, 0)
    assert checked.unsealed == 1, "the event of the first verification"
    assert said(worked) == ["verified", "verified"]
    assert [row["state"] for row in worked.sql("SELECT state FROM projections")] == ["live"]
    assert worked.one("SELECT count(DISTINCT projection_id) FROM record_states") == 1


def test_a_row_that_was_changed_by_hand_is_named_alarmed_and_mended(worked: Ground):
    worked.tampered = True
    flow = worked.one(
        "UPDATE record_states SET state = 'incomplete' WHERE correlation_id = "
        "(SELECT min(correlation_id::text)::uuid FROM run_records) RETURNING correlation_id::text"
    )
    assert list(broken_invariants(worked.url)) == ["I16"]
    compared = worked.do(lambda engine: engine.projection_keeper(NAME).verify())
    assert compared.is_same is False
    [difference] = compared.differences
    assert (difference.run_id, difference.flow) == (1, flow)
    assert difference.stands.startswith("incomplete")
    assert difference.folded.startswith("completed")
    assert kinds(worked) == ["projection_diverged"]
    rebuilt = worked.do(lambda engine: engine.projection_keeper(NAME).rebuild())
    assert rebuilt.is_same is False
    assert rebuilt.digest == compared.digest
    assert kinds(worked) == []
    assert broken_invariants(worked.url) == {}
    assert said(worked) == ["diverged", "diverged", "rebuilt", "swapped"]
    assert worked.do(lambda engine: engine.projection_keeper(NAME).verify()).is_same


MUTATIONS = {
    "state": "state = 'failed', error = '-', output = NULL, output_nonce = NULL",
    "attempt": "attempt = attempt + 1",
    "seq": "seq = seq + 1",
    "wave_id": "wave_id = wave_id + 1",
    "in_force": "in_force = false",
    "flow": "correlation_id = gen_random_uuid()",
    "times": "started_at = started_at - interval '1 hour'",
}


@pytest.mark.parametrize("field", MUTATIONS)
def test_an_interaction_that_was_changed_by_hand_is_named(field: str, worked: Ground):
    worked.tampered = True
    changed = worked.one(
        f"UPDATE interactions SET {MUTATIONS[field]} WHERE interaction_id = "
        "(SELECT max(interaction_id) FROM interactions) RETURNING interaction_id"
    )
    found = worked.do(lambda engine: verify_interactions(engine.database, by="maria"))
    assert found.wrong == 1
    assert found.first[0].startswith(f"run 1, interaction {changed}: ")
    assert (field if field not in {"flow", "times"} else "step, actor, flow or times") in found.first[0]
    assert said(worked) == ["diverged"]


def test_it_is_rebuilt_while_events_flow_and_no_reader_sees_half_of_it(ground: Ground):
    ground.project(rows=rows(400), ensures=["record.words == 4"])

    async def both(engine: Engine) -> tuple[list[int], list[RecordCounts]]:
        run_id = await start_run(engine)
        seen: list[RecordCounts] = []
        async with at_work(engine):

            async def read() -> None:
                while True:
                    seen.append(await record_states(engine.database))

            reader = asyncio.create_task(read())
            positions = []
            while not await _has_ended(engine, run_id):
                positions.append((await engine.projection_keeper(NAME).rebuild()).position)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            assert await ended(engine, run_id) == "completed"
        return positions, seen

    positions, seen = ground.do(both)
    assert len(set(positions)) > 1, "the log has grown between two rebuilds"
    totals = [(one.position, sum(one.workflows.get("work", {}).values())) for one in seen]
    assert all(before <= after for before, after in itertools.pairwise(totals)), "a reader saw less than before"
    assert ground.one(STATES_AGREE) == 0
    assert [row["state"] for row in ground.sql("SELECT state FROM projections")] == ["live"]
    assert set(said(ground)) == {"verified", "rebuilt", "swapped"}


async def _has_ended(engine: Engine, run_id: int) -> bool:
    rows = await engine.database.fetch("runs/state", {"run_id": run_id})
    return rows[0]["state"] != "running"


def test_a_stuck_projection_is_alarmed_and_skipped_only_by_an_operator_in_all_copies(worked: Ground):
    worked.tampered = True

    async def poison(engine: Engine) -> int:
        async with engine.database.transaction() as connection:
            await events.append(connection, EventType.RECORDS_SETTLED, {"completed": 1, "incomplete": 0}, run_id=1)
        await catch_up(engine)
        [copy] = await stored.copies(engine.database)
        return copy.position

    index = worked.do(poison)
    assert kinds(worked) == ["projection_stuck"]
    assert worked.run() == "completed", "the work goes on"
    assert worked.one("SELECT position FROM projections") == index
    with pytest.raises(ConflictError, match=f"not stuck at entry {index + 1}"):
        worked.do(lambda engine: engine.projection_keeper(NAME).skip(index + 1))
    worked.do(lambda engine: engine.projection_keeper(NAME).skip(index))
    worked.do(catch_up)
    assert kinds(worked) == []
    assert worked.one(STATES_AGREE) == 0
    assert worked.do(lambda engine: engine.projection_keeper(NAME).rebuild()).is_same
    assert worked.one(STATES_AGREE) == 0
    assert broken_invariants(worked.url) == {}
    by = worked.one("SELECT data::json ->> 'by' FROM interaction_events WHERE type = 'projection_event_skipped'")
    assert by


def test_a_runner_with_a_newer_fold_builds_its_own_beside_and_takes_the_place(worked: Ground):
    """What an older version has folded: its table is read until the new one has caught up."""
    worked.sql("ALTER TABLE projections DROP CONSTRAINT projections_version_check")
    worked.sql("UPDATE projections SET version = 0, code_sha256 = sha256('older')")
    worked.sql("UPDATE record_states SET attempts = 0")
    old = worked.one("SELECT projection_id FROM projections")
    # A build that an older version had begun is of no use to this one.
    worked.sql(
        "INSERT INTO projections (name, version, code_sha256, state) VALUES (%s, 0, sha256('x'), 'building')", NAME
    )
    assert worked.run() == "completed"
    [copy] = worked.do(lambda engine: stored.copies(engine.database))
    assert stored.is_of(copy, RECORD_STATES)
    assert copy.state == "live"
    assert worked.one("SELECT count(*) FROM record_states WHERE projection_id = %s", old) == 0
    assert said(worked) == ["rebuilt", "swapped"]
    worked.do(catch_up)
    assert worked.one(STATES_AGREE) == 0


def test_an_older_runner_leaves_a_newer_fold_alone(worked: Ground):
    worked.sql("UPDATE projections SET version = 99, code_sha256 = sha256('newer')")
    position = worked.one("SELECT position FROM projections")
    assert worked.run() == "completed"
    assert worked.one("SELECT position FROM projections") == position
    with pytest.raises(ConflictError, match="is of version 99"):
        worked.do(lambda engine: engine.projection_keeper(NAME).rebuild())
    with pytest.raises(ConflictError, match="is of version 99"):
        worked.do(lambda engine: engine.projection_keeper(NAME).verify())
    worked.tampered = True


def test_a_log_that_has_lost_an_entry_cannot_be_folded_anew_and_what_is_read_stays(worked: Ground):
    worked.tampered = True
    with worked.superuser() as connection:
        connection.execute("ALTER TABLE event_log DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM event_log WHERE log_index = 5")
    with pytest.raises(ConflictError, match="cannot be folded anew: the log has no entry 5"):
        worked.do(lambda engine: engine.projection_keeper(NAME).rebuild())
    assert worked.one(STATES_AGREE) == 0


def test_two_who_rebuild_at_once_both_come_to_an_end(worked: Ground):
    async def both(engine: Engine) -> list[object]:
        keeper = engine.projection_keeper(NAME)
        return await asyncio.gather(keeper.rebuild(), keeper.verify(), return_exceptions=True)

    found = worked.do(both)
    assert not [one for one in found if isinstance(one, BaseException) and not isinstance(one, ConflictError)]
    assert [row["state"] for row in worked.sql("SELECT state FROM projections")] == ["live"]
    assert worked.do(lambda engine: engine.projection_keeper(NAME).verify()).is_same
