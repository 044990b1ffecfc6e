"""Claims, leases and the fence: who may do a piece of work, and what becomes of it when its runner is lost."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from psycopg.errors import UniqueViolation
from tests.support.by_hand import Hand, all_at_once, by_hand
from tests.support.projects import Ground, rows

from wave_runner.core.interaction import State
from wave_runner.store import interactions, staging, waves


@pytest.fixture(autouse=True)
def project(ground: Ground) -> None:
    ground.project(rows=rows(0), settings="connections = 20")


def ids(wave: waves.Wave) -> list[int]:
    return [item.interaction_id for item in wave.items]


async def row(hand: Hand, interaction_id: int) -> dict:
    [found] = await hand.sql("SELECT * FROM interactions WHERE interaction_id = %s", interaction_id)
    return found


async def events_of(hand: Hand, interaction_id: int) -> list[str]:
    query = "SELECT type::text AS type FROM interaction_events WHERE interaction_id = %s ORDER BY seq"
    return [event["type"].removeprefix("interaction_") for event in await hand.sql(query, interaction_id)]


# ─── claims ──────────────────────────────────────────────────────────────────────────────────────────


def test_thirteen_claimers_at_once_never_get_the_same_item(ground: Ground):
    async def race(hand: Hand):
        wanted = await hand.seed(400)
        claimers = [await hand.other() for _ in range(13)]
        taken: Counter[int] = Counter()
        while found := [wave for wave in await all_at_once([one.claim(size=7) for one in claimers]) if wave]:
            taken.update(interaction_id for wave in found for interaction_id in ids(wave))
        return wanted, taken

    wanted, taken = by_hand(ground, race)
    assert sorted(taken) == wanted
    assert set(taken.values()) == {1}


def test_a_claim_takes_the_lowest_rank_first_and_then_the_oldest(ground: Ground):
    async def claim(hand: Hand):
        late, early = await hand.seed(3, rank=5), await hand.seed(3, rank=-5)
        return ids(await hand.claim(size=4)), [*early, late[0]]

    claimed, expected = by_hand(ground, claim)
    assert claimed == expected


def test_work_that_is_held_delayed_or_of_a_drifted_actor_is_not_claimed(ground: Ground):
    async def claim(hand: Hand):
        held, delayed, free = await hand.seed(3)
        assert ids(await hand.claim(size=1)) == [held]
        await hand.sql(
            "UPDATE interactions SET ready_at = now() + interval '1 hour' WHERE interaction_id = %s", delayed
        )
        await hand.sql("UPDATE actors SET drifted_to_id = definition_id, drifted_at = now() WHERE name = 'count'")
        while_drifted = await hand.claim()
        await hand.sql("UPDATE actors SET drifted_to_id = NULL, drifted_at = NULL")
        return while_drifted, ids(await hand.claim()), free

    while_drifted, after, free = by_hand(ground, claim)
    assert while_drifted is None
    assert after == [free]


def test_delayed_work_is_claimed_once_its_time_has_come(ground: Ground):
    async def claim(hand: Hand):
        first, second = await hand.seed(2)
        await hand.sql("UPDATE interactions SET ready_at = now() - interval '1 s' WHERE interaction_id = %s", first)
        await hand.sql("UPDATE interactions SET ready_at = now() + interval '1 h' WHERE interaction_id = %s", second)
        assert await hand.claim() is None
        await hand.engine.database.fetch("interactions/release_delayed", {"size": 1000})
        return ids(await hand.claim()), first

    claimed, first = by_hand(ground, claim)
    assert claimed == [first]


def test_a_slot_of_a_server_has_one_open_wave(ground: Ground):
    async def claim(hand: Hand):
        await hand.seed(3)
        other = await hand.other()
        first = await hand.claim(size=1, server="gpu", slot=0)
        same = await other.claim(size=1, server="gpu", slot=0)
        next_to_it = await other.claim(size=1, server="gpu", slot=1)
        await hand.close(first)
        return same, next_to_it, await other.claim(size=1, server="gpu", slot=0)

    same, next_to_it, after = by_hand(ground, claim)
    assert same is None
    assert next_to_it is not None
    assert after is not None


def test_a_runner_that_stops_gives_back_what_it_has_begun_and_what_it_has_not(ground: Ground):
    async def close(hand: Hand):
        seeded = await hand.seed(3)
        wave = await hand.claim()
        await hand.begin(wave, wave.items[:1])
        await hand.close(wave)
        return seeded, ids(await hand.claim())

    seeded, claimed = by_hand(ground, close)
    assert claimed == seeded


# ─── the fence ───────────────────────────────────────────────────────────────────────────────────────


def test_a_result_for_work_that_was_taken_back_changes_nothing_and_is_recorded_as_late(ground: Ground):
    async def late(hand: Hand):
        [interaction_id] = await hand.seed(1)
        lost = await hand.claim()
        await hand.begin(lost)
        await hand.die()
        other = await hand.other()
        await other.sweep()
        kept = await other.claim()
        await other.begin(kept)
        before = await row(hand, interaction_id)
        moved = await hand.finish(lost)
        unchanged = before == await row(hand, interaction_id)
        assert await other.finish(kept) == {interaction_id}
        return moved, unchanged, lost.wave_id, interaction_id, await events_of(hand, interaction_id)

    moved, unchanged, wave_id, interaction_id, events = by_hand(ground, late)
    assert moved == set()
    assert unchanged
    assert events == ["started", "lease_expired", "started", "completed"]
    [noted] = ground.sql("SELECT * FROM interaction_events WHERE type = 'wave_late_result'")
    assert noted["wave_id"] == wave_id
    assert noted["interaction_id"] is None
    assert json.loads(noted["data"]) == {"interaction": str(interaction_id), "state": "completed"}
    assert ground.one("SELECT count(*) FROM value_writes") == 0


def test_a_lost_wave_can_begin_nothing(ground: Ground):
    async def begin(hand: Hand):
        await hand.seed(2)
        lost = await hand.claim()
        await hand.die()
        await hand.sweep()
        before = await hand.begin(lost)
        other = await hand.other()
        await other.claim()
        return before, await hand.begin(lost)

    assert by_hand(ground, begin) == (set(), set())
    assert ground.states("count") == {"pending": 2}


def test_a_lost_wave_can_neither_stage_nor_decide(ground: Ground):
    async def refused(hand: Hand):
        fetch = await hand.claim("fetch")
        await hand.begin(fetch)
        item = fetch.items[0]
        one = [{"raw": {"name": "a"}, "source": "test", "position": 1}]
        await hand.transact(lambda connection: staging.add(connection, fetch, item, "items", one))
        [staged] = await hand.sql("SELECT staged_id FROM staged_records")
        await hand.die()
        await hand.sweep()
        promotion = [{"id": staged["staged_id"], "key": "a", "values": {"name": "a"}}]
        with pytest.raises(staging.LostWave):
            await hand.transact(lambda connection: staging.add(connection, fetch, item, "items", one))
        with pytest.raises(staging.LostWave):
            await hand.transact(lambda connection: staging.decide(connection, fetch, item, hand.tables, promotion))

    by_hand(ground, refused)
    assert ground.sql("SELECT state FROM staged_records") == [{"state": "waiting"}]
    assert ground.sql("SELECT * FROM items") == []
    assert ground.sql("SELECT * FROM records") == []


def test_no_two_events_of_an_interaction_carry_one_number(ground: Ground):
    async def twice(hand: Hand):
        await hand.seed(1)
        wave = await hand.claim()
        await hand.begin(wave)
        again = "UPDATE interactions SET state = 'pending', seq = 0, wave_id = NULL WHERE wave_id = %s"
        await hand.sql(again, wave.wave_id)
        with pytest.raises(UniqueViolation):
            await hand.begin(wave)

    by_hand(ground, twice)


# ─── lost runners ────────────────────────────────────────────────────────────────────────────────────


def test_the_work_of_a_lost_runner_goes_back_and_what_had_not_begun_leaves_no_trace(ground: Ground):
    async def lose(hand: Hand):
        begun, free = await hand.seed(2)
        wave = await hand.claim()
        await hand.begin(wave, wave.items[:1])
        await hand.die()
        await hand.sweep()
        return await row(hand, begun), await row(hand, free), await events_of(hand, begun), await events_of(hand, free)

    begun, free, events, nothing = by_hand(ground, lose)
    assert (begun["state"], begun["wave_id"], begun["errors"], begun["crashes"]) == ("pending", None, 0, 0)
    assert (free["state"], free["wave_id"], free["suspect"]) == ("pending", None, None)
    assert events == ["started", "lease_expired"]
    assert nothing == []


def test_a_wave_whose_lease_runs_is_not_swept(ground: Ground):
    async def sweep(hand: Hand):
        await hand.seed(1)
        await hand.claim()
        return await hand.sweep()

    assert by_hand(ground, sweep) == 0


def test_suspects_of_a_crash_are_claimed_in_halves_and_then_alone(ground: Ground):
    async def crash(hand: Hand):
        await hand.seed(8)
        sizes = []
        while True:
            wave = await hand.claim()
            sizes.append(len(wave.items))
            if len(wave.items) == 1:
                return sizes
            await hand.begin(wave)
            await hand.die()
            await hand.sweep()

    assert by_hand(ground, crash) == [8, 4, 2, 1]


def test_suspects_never_share_a_wave_with_work_that_is_not_suspect(ground: Ground):
    async def crash(hand: Hand):
        *suspects, never_begun = await hand.seed(4)
        wave = await hand.claim()
        await hand.begin(wave, wave.items[:3])
        await hand.die()
        await hand.sweep()
        fresh = await hand.seed(4)
        claimed = [ids(await hand.claim()) for _ in range(3)]
        return claimed, [suspects[:2], suspects[2:], [never_begun, *fresh]]

    claimed, expected = by_hand(ground, crash)
    assert claimed == expected


def test_an_item_that_is_alone_in_three_crashes_is_quarantined_and_its_record_ends(ground: Ground):
    async def crash(hand: Hand):
        [interaction_id] = await hand.seed(1)
        for _ in range(3):
            await hand.begin(await hand.claim())
            await hand.die()
            await hand.sweep()
        assert await hand.claim() is None
        return await row(hand, interaction_id), await events_of(hand, interaction_id)

    found, events = by_hand(ground, crash)
    assert (found["state"], found["rule"], found["crashes"]) == ("quarantined", "kills_its_runner", 3)
    assert events == ["started", "lease_expired"] * 2 + ["started", "quarantined"]
    assert ground.one("SELECT state FROM run_records") == "ended"


def test_a_runner_that_lives_but_lost_its_lease_is_no_crash(ground: Ground):
    async def lose(hand: Hand):
        [interaction_id] = await hand.seed(1)
        await hand.begin(await hand.claim())
        await hand.die(lives=True)
        await hand.sweep()
        return await row(hand, interaction_id)

    found = by_hand(ground, lose)
    assert (found["state"], found["crashes"], found["suspect"], found["errors"]) == ("pending", 0, None, 0)
    assert found["error_class"] is None


def test_work_given_back_by_a_runner_that_stops_is_not_charged(ground: Ground):
    async def stop(hand: Hand):
        [interaction_id] = await hand.seed(1)
        for _ in range(4):
            wave = await hand.claim()
            await hand.begin(wave)
            await hand.release(wave)
            await hand.close(wave)
        return await row(hand, interaction_id), await events_of(hand, interaction_id)

    found, events = by_hand(ground, stop)
    assert (found["state"], found["crashes"], found["suspect"], found["errors"]) == ("pending", 0, None, 0)
    assert events == ["started", "released"] * 4


def test_two_sweepers_take_a_lost_wave_back_once(ground: Ground):
    async def both(hand: Hand):
        await hand.seed(5)
        await hand.begin(await hand.claim())
        await hand.die()
        sweepers = [await hand.other() for _ in range(6)]
        return sum(await all_at_once([one.sweep() for one in sweepers]))

    assert by_hand(ground, both) == 1
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_lease_expired'") == 5


def test_a_lease_is_renewed_only_for_waves_that_are_still_open(ground: Ground):
    async def renew(hand: Hand):
        await hand.seed(2)
        kept, closed = await hand.claim(size=1, lease_s=1), await hand.claim(size=1, lease_s=1)
        await hand.close(closed)
        given = {"wave_ids": [kept.wave_id, closed.wave_id], "runner_id": hand.runner_id, "lease_s": 60}
        return kept.wave_id, await hand.engine.database.fetch("waves/renew", given)

    wave_id, renewed = by_hand(ground, renew)
    assert renewed == [{"wave_id": wave_id}]
    left = "SELECT lease_expires_at - clock_timestamp() > interval '30 s' FROM waves WHERE wave_id = %s"
    assert ground.one(left, wave_id)


def test_a_model_server_of_ours_has_one_owner_until_its_lease_ends(ground: Ground):
    async def own(hand: Hand):
        database, other = hand.engine.database, await hand.other()
        first = await waves.own_server(database, "local", hand.runner_id, lease_s=60)
        refused = await waves.own_server(database, "local", other.runner_id, lease_s=60)
        again = await waves.own_server(database, "local", hand.runner_id, lease_s=0)
        taken = await waves.own_server(database, "local", other.runner_id, lease_s=60)
        await waves.end_runner(database, other.runner_id)
        return first, refused, again, taken, await waves.own_server(database, "local", hand.runner_id, lease_s=60)

    assert by_hand(ground, own) == (True, False, True, True, True)


def test_quarantine_of_a_broken_input_moves_only_what_has_not_begun(ground: Ground):
    async def quarantine(hand: Hand):
        await hand.seed(2)
        wave = await hand.claim()
        await hand.begin(wave, wave.items[:1])
        moves = [hand.move(item, State.QUARANTINED, rule="test") for item in wave.items]
        return await hand.finish(wave, moves, from_state=State.PENDING), wave.items[1].interaction_id

    moved, second = by_hand(ground, quarantine)
    assert moved == {second}


# ─── what a first step has read ──────────────────────────────────────────────────────────────────────

READ = """
    SELECT interaction_id FROM interactions JOIN run_records USING (run_id, record_id) WHERE run_records.read_hash <> ''
"""


def test_what_was_read_counts_only_where_the_wave_has_begun_it(ground: Ground):
    async def begin_both(hand: Hand):
        [mine, lost] = await hand.seed(2)
        wave = await hand.claim()
        await hand.sql("DELETE FROM claimed WHERE interaction_id = %s", lost)
        starts = [hand.start(item)._replace(read_hash=b"x" * 32) for item in wave.items]
        began = await hand.transact(lambda connection: interactions.start(connection, wave, starts, last=True))
        read = await hand.sql(READ)
        return began, [found["interaction_id"] for found in read], mine

    began, read, mine = by_hand(ground, begin_both)
    assert began == {mine}
    assert read == [mine]
