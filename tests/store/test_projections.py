"""A projection is the same in whatever batches a history is folded, and wherever that was broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import histories
from tests.support.database import fresh_database
from tests.support.histories import FLOWS, HISTORIES, placed

from wave_runner.core.projection import RECORD_STATES, RecordStates, Told
from wave_runner.store import projections as stored
from wave_runner.store.database import Database

T = TypeVar("T")
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def on(url: str, act: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with a database."""

    async def opened() -> T:
        database = Database(url, schema="wave", size=4)
        await database.open()
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(opened())


def superuser(admin_url: str, url: str) -> psycopg.Connection:
    whole = urlsplit(admin_url)._replace(path=urlsplit(url).path).geturl()
    return psycopg.connect(whole, options="-c search_path=wave,public")


async def copy_of(database: Database, state: str) -> stored.Copy:
    await stored.begin(database, RECORD_STATES, state)
    return next(copy for copy in await stored.copies(database) if copy.state == state)


async def fold(database: Database, copy: stored.Copy, **more: Any) -> stored.Step:
    step = await stored.advance(database, RECORD_STATES, copy.projection_id, **more)
    assert step is not None
    return step


class _BrokenOff(Exception):
    pass


async def break_off(database: Database, copy: stored.Copy, before: int) -> None:
    """Fold, and let it not have been."""
    try:
        async with database.transaction() as connection:
            await stored.advance_in(connection, RECORD_STATES, copy.projection_id, before=before)
            raise _BrokenOff
    except _BrokenOff:
        pass


@SLOW
@given(history=HISTORIES, cuts=st.lists(st.tuples(st.integers(1, 80), st.booleans()), max_size=8))
def test_batches_and_what_was_broken_off_make_no_difference(
    history: list[dict[str, object]], cuts: list[tuple[int, bool]], session_database: str, migrated: str
):
    events = list(placed(history))
    told = RecordStates()
    told.apply(events)
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        size = histories.write(connection, events)

        async def both(database: Database) -> tuple[stored.Copy, stored.Copy, list[stored.Digest]]:
            whole, cut = await copy_of(database, "live"), await copy_of(database, "building")
            assert (await fold(database, whole)).position == size
            for before, breaks_off in sorted(cuts):
                if breaks_off:
                    await break_off(database, cut, before)
                await fold(database, cut, before=before)
            assert (await fold(database, cut)).position == size
            async with database.snapshot() as connection:
                digests = [await stored.digest(connection, copy.projection_id) for copy in (whole, cut)]
            return whole, cut, digests

        whole, cut, digests = on(url, both)
        for copy in (whole, cut):
            assert histories.rows(connection, copy.projection_id) == told.rows
            assert histories.counts(connection, copy.projection_id) == told.counts()
        assert digests[0] == digests[1]


@SLOW
@given(history=HISTORIES, chosen=st.data())
def test_a_row_that_was_changed_is_found_and_named(
    history: list[dict[str, object]], chosen: st.DataObject, session_database: str, migrated: str
):
    events = list(placed(history))
    told = RecordStates()
    told.apply(events)
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        histories.write(connection, events)

        async def folded(database: Database) -> tuple[int, int]:
            live, beside = await copy_of(database, "live"), await copy_of(database, "building")
            await fold(database, live)
            await fold(database, beside)
            return live.projection_id, beside.projection_id

        live, beside = on(url, folded)
        if not told.rows:
            return
        run_id, flow = chosen.draw(st.sampled_from(sorted(told.rows)))
        change = chosen.draw(
            st.sampled_from(
                [
                    "attempts = attempts + 1",
                    "troubles = troubles + 1",
                    "events = events + 1",
                    "state = CASE state WHEN 'live' THEN 'completed' ELSE 'live' END",
                    "step = coalesce(step, '') || 'x'",
                    "changed_at = changed_at + interval '1 microsecond'",
                    "last_index = last_index + 1",
                    "whole_run = NOT whole_run",
                ]
            )
        )
        connection.execute(
            f"UPDATE record_states SET {change} WHERE projection_id = %s AND run_id = %s AND correlation_id = %s",
            [live, run_id, flow],
        )
        connection.commit()

        async def compared(database: Database) -> tuple[stored.Digest, stored.Digest, list[dict[str, Any]]]:
            async with database.snapshot() as inside:
                digests = [await stored.digest(inside, one) for one in (live, beside)]
                return *digests, await stored.differences(inside, live, beside, shown=5)

        stands, anew, apart = on(url, compared)
        assert stands.rows == anew.rows
        assert stands.sha256 != anew.sha256
        assert [(row["run_id"], row["flow"]) for row in apart] == [(run_id, flow)]
        assert apart[0]["stands"] != apart[0]["folded"]


POISONS = {
    "its type": lambda told: told._replace(type="interaction_started", correlation_id=None, interaction_id=7, seq=1),
    "its data": lambda told: told._replace(type="records_settled", data='{"completed":1,"incomplete":0}'),
    "not json": lambda told: told._replace(type="records_settled", data="{"),
}
SAID = {"its type": "to no flow", "its data": "do not name the flows", "not json": "do not name the flows"}


def moved(index: int, flow: str = FLOWS[0], type: str = "interaction_started") -> dict[str, object]:
    return {
        "run_id": 1,
        "recorded_us": histories.BEGAN_US + index,
        "type": type,
        "correlation_id": flow,
        "step": "count",
        "interaction_id": 100 + FLOWS.index(flow),
        "data": "{}",
    }


def poisoned(kind: str, *, at: int = 3) -> list[Told]:
    events = list(placed([moved(n, FLOWS[n % 3]) for n in range(6)]))
    events[at] = POISONS[kind](events[at])
    return events


@pytest.mark.parametrize("kind", POISONS)
def test_an_event_that_cannot_be_folded_stops_it_until_somebody_lets_it_be_skipped(
    kind: str, session_database: str, migrated: str
):
    events = poisoned(kind)
    poison = events[3].log_index
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        size = histories.write(connection, events)

        async def stuck(database: Database) -> stored.Copy:
            live = await copy_of(database, "live")
            step = await fold(database, live)
            assert (step.position, bool(step.stuck_because)) == (poison, True)
            assert (await fold(database, live)).folded == 0
            [found] = await stored.copies(database)
            return found

        found = on(url, stuck)
        assert found.position == poison
        assert f"event {poison + 1}, entry {poison} of the log, cannot be folded" in found.stuck_because
        assert SAID[kind] in found.stuck_because
        assert found.stuck_since is not None
        before = RecordStates()
        before.apply(events[:3])
        assert histories.rows(connection, found.projection_id) == before.rows

        connection.execute("SET session_replication_role = origin")
        data = f'{{"by":"maria","index":{poison},"projection":"record_states"}}'
        connection.execute(
            "INSERT INTO interaction_events (run_id, event_id, form, type, data, sha256) "
            "VALUES (0, 9999, 1, 'projection_event_skipped', %s, sha256(convert_to(%s, 'UTF8')))",
            [data, data],
        )
        connection.commit()

        async def goes_on(database: Database) -> list[stored.Copy]:
            live, beside = await copy_of(database, "live"), await copy_of(database, "building")
            for copy in (live, beside):
                while (step := await fold(database, copy)).folded:
                    assert step.stuck_because == ""
            return await stored.copies(database)

        told = RecordStates()
        told.apply(one for one in events if one.log_index != poison)
        for copy in on(url, goes_on):
            assert (copy.position, copy.stuck_because) == (size, "")
            assert histories.rows(connection, copy.projection_id) == told.rows


def test_an_event_of_an_unknown_form_or_that_is_gone_is_not_skipped_silently(session_database: str, migrated: str):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        events = list(placed([moved(n) for n in range(3)]))
        histories.write(connection, events)
        gone = events[1].log_index + 1
        connection.execute("ALTER TABLE interaction_events_r1 DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM interaction_events WHERE event_id = %s", [gone])
        connection.commit()

        async def stuck(database: Database) -> stored.Step:
            return await fold(database, await copy_of(database, "live"))

        step = on(url, stuck)
        assert step.position == gone - 1
        assert "it is not there" in step.stuck_because


def test_what_the_database_refuses_is_found_among_many_and_all_before_it_is_folded(
    session_database: str, migrated: str
):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        history = [moved(n, FLOWS[n % 3]) for n in range(40)]
        history[29] |= {"step": "poison", "correlation_id": FLOWS[4], "interaction_id": 200}
        events = list(placed(history))
        size = histories.write(connection, events)
        connection.execute("ALTER TABLE record_states ADD CONSTRAINT tasteful CHECK (step <> 'poison')")
        connection.commit()

        async def once(database: Database) -> stored.Step:
            return await fold(database, await copy_of(database, "live"))

        step = on(url, once)
        assert step.position == events[29].log_index
        assert "violates check constraint" in step.stuck_because
        assert on(url, once).stuck_because == step.stuck_because
        connection.execute("ALTER TABLE record_states DROP CONSTRAINT tasteful")
        connection.commit()
        assert on(url, once) == stored.Step(start=step.position, position=size, stuck_because="")


def test_it_stops_at_a_hole_in_the_log_and_goes_on_when_it_is_filled(session_database: str, migrated: str):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        events = list(placed([moved(n) for n in range(6)]))
        size = histories.write(connection, events)
        hole = events[3].log_index
        connection.execute("ALTER TABLE event_log DISABLE TRIGGER ALL")
        [row] = connection.execute("DELETE FROM event_log WHERE log_index = %s RETURNING run_id, event_id", [hole])
        connection.commit()

        async def once(database: Database) -> stored.Step:
            return await fold(database, await copy_of(database, "live"))

        assert on(url, once) == stored.Step(start=0, position=hole, stuck_because="")
        connection.execute("INSERT INTO event_log VALUES (%s, %s, %s, 0, '{}')", [hole, *row])
        connection.commit()
        assert on(url, once) == stored.Step(start=hole, position=size, stuck_because="")


def test_one_folds_at_a_time_and_nobody_waits(session_database: str, migrated: str):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        size = histories.write(connection, list(placed([moved(n) for n in range(6)])))

        async def at_once(database: Database) -> None:
            live = await copy_of(database, "live")
            async with database.transaction() as first:
                assert (await stored.advance_in(first, RECORD_STATES, live.projection_id)) is not None
                assert (await stored.advance(database, RECORD_STATES, live.projection_id)) is None
            steps = await asyncio.gather(
                *(stored.advance(database, RECORD_STATES, live.projection_id) for _ in range(4))
            )
            assert sum(step.folded for step in steps if step is not None) == 0
            [after] = await stored.copies(database)
            assert after.position == size

        on(url, at_once)


def test_a_copy_of_another_fold_is_left_alone(session_database: str, migrated: str):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        histories.write(connection, list(placed([moved(0)])))

        async def other(database: Database) -> None:
            live = await copy_of(database, "live")
            newer = replace(RECORD_STATES, version=RECORD_STATES.version + 1)
            assert stored.is_of(live, RECORD_STATES)
            assert not stored.is_of(live, newer)
            async with database.transaction() as inside:
                await inside.execute("UPDATE projections SET code_sha256 = sha256('another')")
            assert await stored.advance(database, RECORD_STATES, live.projection_id) is None

        on(url, other)
