"""The order of the log: exact, whoever commits late, and nobody waits for them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import psycopg
import pytest
from tests.support import sealed
from tests.support.database import fresh_database
from tests.support.projects import Ground, rows, until
from tests.support.writers import Writers, connect, write_one

from wave_runner.engine import Engine
from wave_runner.runner.loop import Loop
from wave_runner.runner.sealer import PAUSE_S
from wave_runner.store import embedded, log
from wave_runner.store.embedded_binaries import installed

HELD_S = 5


def everything_stands_once(ground: Ground) -> sealed.Log:
    """Each committed event is in the log once, after all that its writer could see."""
    found = sealed.read(ground.url)
    events = {row["event_id"]: row["data"] for row in ground.sql("SELECT event_id, data FROM interaction_events")}
    assert sorted(found.event_ids) == sorted(events)
    place = {event_id: number for number, event_id in enumerate(found.event_ids)}
    seen = {event_id: orjson.loads(data).get("saw") for event_id, data in events.items()}
    early = [event_id for event_id, saw in seen.items() if saw and place[int(saw)] > place[event_id]]
    assert early == [], "an event stands before one that its writer had seen"
    return found


async def seal_all(engine: Engine) -> None:
    await engine.sealer(engine.project()).finish()


@pytest.fixture
def quiet(ground: Ground) -> Ground:
    """A project on which nothing runs but what a test seals by itself."""
    ground.project(rows=rows(1))
    ground.do(seal_all)
    return ground


class Loops:
    """Sealers of their own, at work side by side as in as many runners."""

    def __init__(self, engine: Engine, n: int) -> None:
        self.sealers = [engine.sealer(engine.project()) for _ in range(n)]
        self._loops = [Loop("sealer", sealer.one_pass, pause_s=PAUSE_S / 5) for sealer in self.sealers]

    async def __aenter__(self) -> Loops:
        self._tasks = [asyncio.create_task(loop.run()) for loop in self._loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        for loop in self._loops:
            loop.stop()
        await asyncio.gather(*self._tasks)
        for sealer in self.sealers:
            await sealer.finish()


UNSEALED = """
    SELECT count(*) AS n FROM interaction_events e
    WHERE recorded_at < clock_timestamp() - interval '1 second' AND data NOT LIKE '{"by":held%%'
      AND NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.event_id)
"""


@pytest.mark.parametrize("sealers", [1, 2])
def test_nothing_is_lost_and_nothing_waits_while_one_transaction_stays_open(quiet: Ground, sealers: int):
    async def act(engine: Engine) -> None:
        async with Loops(engine, sealers):
            with connect(quiet.url) as late, Writers(quiet.url), late.transaction():
                write_one(late, '"held"')

                async def held_long_enough() -> bool:
                    age = "SELECT clock_timestamp() - now() > %s * interval '1 second'"
                    return late.execute(age, [HELD_S]).fetchone()[0]

                await until(held_long_enough)

                # Whatever the others have committed more than a second ago is sealed, by the database's clock.
                async def nobody_waits() -> bool:
                    return quiet.one(UNSEALED) == 0 and quiet.one("SELECT next_index FROM log_state") > 100

                await until(nobody_waits)

    quiet.do(act)
    found = everything_stands_once(quiet)
    held = quiet.one("SELECT event_id FROM interaction_events WHERE data LIKE '%%held%%'")
    later = min(event_id for event_id in found.event_ids if event_id > held)
    assert found.event_ids.index(held) > found.event_ids.index(later), "the one that came late is sealed late"
    assert len(found.checkpoints) > 3


def test_what_is_rolled_back_leaves_no_trace_and_no_gap(quiet: Ground):
    with connect(quiet.url) as connection:
        for _ in range(3):
            write_one(connection)
            with connection.transaction():
                write_one(connection)
                raise psycopg.Rollback
    before = len(sealed.read(quiet.url).event_ids)
    quiet.do(seal_all)
    assert len(everything_stands_once(quiet).event_ids) == before + 3


def test_a_log_that_nobody_writes_to_is_not_written_to_either(quiet: Ground):
    before = sealed.read(quiet.url)
    version = quiet.one("SELECT xmin::text || ctid::text FROM log_state")
    quiet.do(seal_all)
    assert sealed.read(quiet.url) == before
    assert quiet.one("SELECT xmin::text || ctid::text FROM log_state") == version


MANY = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256)
    SELECT 0, 1, 'wave_closed', '{}', sha256('{}') FROM generate_series(1, %s)
"""


def test_a_backlog_is_sealed_in_batches_up_to_one_moment(quiet: Ground):
    """More than a transaction takes at once, while others go on writing and one has not made up its mind."""

    async def act(engine: Engine) -> list[log.Sealed | None]:
        with connect(quiet.url) as late:
            with late.transaction():
                quiet.sql(MANY, log.AT_ONCE - 1)
                write_one(late, '"held"')
                quiet.sql(MANY, log.AT_ONCE + 5_002)
                source = f"wave:{engine.project().id}"
                found = [await log.seal(engine.database, source=source)]
                quiet.sql(MANY, 7)
                found.append(await log.seal(engine.database, source=source))
            return [*found, *[await log.seal(engine.database, source=source) for _ in range(2)]]

    sealed_now = [(one.events, one.more) if one else None for one in quiet.do(act)]
    assert sealed_now == [(log.AT_ONCE, True), (log.AT_ONCE, True), (5_001, False), (7 + 1, False)]
    found = everything_stands_once(quiet)
    counts = [said["count"] for said in found.said if said["k"] == 1][-11:]
    assert counts == [*[5000] * 9, 1, 8]


NUMBERS = "SELECT count(nextval('event_ids')) FROM generate_series(1, %s)"


def test_numbers_that_nobody_wrote_under_do_not_end_a_backlog(quiet: Ground):
    async def act(engine: Engine) -> None:
        quiet.sql(MANY, log.AT_ONCE)
        quiet.sql(NUMBERS, 2 * log.AT_ONCE)
        quiet.sql(MANY, 3)
        sealer = engine.sealer(engine.project())
        assert [await sealer.one_pass() for _ in range(4)] == [True, True, True, False]

    quiet.do(act)
    everything_stands_once(quiet)


def test_what_was_written_before_there_was_a_log_is_sealed_window_by_window(ground: Ground):
    ground.project(rows=rows(1))
    ground.sql(MANY, 2 * log.AT_ONCE)
    ground.sql(NUMBERS, log.AT_ONCE)
    ground.sql(MANY, 3)
    ground.do(seal_all)
    assert len(everything_stands_once(ground).event_ids) > 2 * log.AT_ONCE
    ground.sql(MANY, 2)
    ground.do(seal_all)
    everything_stands_once(ground)


def test_of_two_at_once_one_seals_and_the_other_goes_away(quiet: Ground):
    async def act(engine: Engine) -> None:
        quiet.sql(MANY, 10)
        with connect(quiet.url) as other, other.transaction():
            other.execute("SELECT FROM log_state FOR UPDATE")
            assert await log.seal(engine.database, source="wave:x") is None
        sealed_now = await log.seal(engine.database, source=f"wave:{engine.project().id}")
        assert sealed_now == log.Sealed(events=10, more=False)

    quiet.do(act)
    everything_stands_once(quiet)


def test_entries_that_somebody_has_put_in_by_hand_stop_the_sealing_and_not_the_runner(ground: Ground):
    ground.project(rows=rows(3), ensures=["record.words == 4"])
    ground.run()
    ground.tampered = True
    size = ground.one("SELECT next_index FROM log_state")
    ground.sql("INSERT INTO event_log (log_index, kind, entry) VALUES (%s, 1, '{}')", size)
    assert ground.run() == "completed"
    assert ground.one("SELECT next_index FROM log_state") == size
    assert "sealing: the database refuses the next entries: duplicate key" in ground.one(
        "SELECT trouble FROM log_state"
    )


# ─── into another cluster ────────────────────────────────────────────────────────────────────────────


def tool(name: str, *arguments: object) -> None:
    subprocess.run([installed().initdb.with_name(name), *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def elsewhere(tmp_path: Path):
    """A cluster of its own, whose transactions are numbered from the beginning."""
    wave_dir = tmp_path / "elsewhere" / ".wave"
    database = embedded.start(wave_dir)
    yield database.admin_url
    database.release()
    embedded.remove(wave_dir)


def test_a_dump_that_is_restored_into_another_cluster_is_sealed_on(quiet: Ground, elsewhere: str, tmp_path: Path):
    """What was not sealed when it was dumped is sealed there, nothing twice, and what is written there too."""
    with connect(quiet.url) as connection:
        for _ in range(300):
            write_one(connection)
    quiet.do(seal_all)
    quiet.sql(MANY, 20)
    before = sealed.read(quiet.url)
    assert quiet.one("SELECT pg_current_xact_id()::text::bigint") > 1000
    dump = tmp_path / "dump"
    tool("pg_dump", "--format=custom", f"--file={dump}", quiet.url)
    with fresh_database(elsewhere) as url:
        admin = urlsplit(elsewhere)._replace(path=urlsplit(url).path).geturl()
        tool("pg_restore", "--exit-on-error", f"--dbname={admin}", dump)
        there = Ground(folder=quiet.folder, url=url, admin_url=elsewhere)
        there.write(".env", f"WAVE_DATABASE_URL={url}\n")
        assert there.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint") < there.one(
            "SELECT max(xid::text::bigint) FROM interaction_events"
        ), "this cluster has not given out the numbers that the rows carry"

        async def act(engine: Engine) -> None:
            with connect(url) as in_flight, in_flight.transaction():
                write_one(in_flight)
                await seal_all(engine)
            there.sql(MANY, 5)
            await seal_all(engine)

        there.do(act)
        found = everything_stands_once(there)
        assert found.entries[: len(before.entries)] == before.entries
        assert len(found.event_ids) == len(before.event_ids) + 20 + 1 + 5
        assert found.state["floor_event_id"] > 0
        assert there.do(started) == there.one("SELECT max(run_id) FROM workflow_runs")
        there.do(seal_all)
        everything_stands_once(there)


def test_a_copy_of_the_same_image_of_a_cluster_is_another_cluster(quiet: Ground):
    """It has the same identifier, and the snapshot that was kept is ahead of all that it will see for long."""
    quiet.sql("UPDATE log_state SET last_snapshot = '4000000000:4000000000:'")
    quiet.sql(MANY, 5)
    quiet.do(seal_all)
    found = everything_stands_once(quiet)
    assert found.said[-6]["count"] == 5
    quiet.sql(MANY, 3)
    quiet.do(seal_all)
    assert everything_stands_once(quiet).said[-4]["count"] == 3


AHEAD = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256, recorded_at)
    SELECT 0, 1, 'wave_closed', '{}', sha256('{}'), clock_timestamp() + %s * interval '1 hour'
"""


@pytest.mark.parametrize(("hours", "holds"), [(0.5, True), (2, False)])
def test_a_clock_that_is_set_back_makes_no_event_later_than_its_seal(quiet: Ground, hours: float, holds: bool):
    """What was recorded before that has a later time than the clock. Days ahead it is a date that somebody has made."""
    with quiet.superuser() as connection:
        connection.execute(AHEAD, [hours])
    quiet.do(seal_all)
    entries = quiet.sql("SELECT entry FROM event_log ORDER BY log_index DESC LIMIT 2")
    event, header = (orjson.loads(row["entry"]) for row in entries)
    assert (event["r"] <= header["at"]) is holds
    if not holds:
        quiet.tampered = True


async def started(engine: Engine) -> int:
    await engine.sync()
    return await engine.new_runs().start("work", {})
