"""What a run has come to is added up once it has ended, and is what a count gives, whatever happens to it later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.support.by_hand import Hand, all_at_once, by_hand
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, Make, rows, run_to_end, script, until, wait_until

from wave_runner.core.control import Subject
from wave_runner.core.interaction import State
from wave_runner.engine import Engine
from wave_runner.reports.dashboard import Dashboard, dashboard, document
from wave_runner.reports.documents import plain
from wave_runner.reports.failures import failures
from wave_runner.runner.repair import Invalidated
from wave_runner.store import run_sums
from wave_runner.store.control import Filter

MOVES = ("as_of", "limits")
# As somebody writes who is slow: a first event, that of another one being committed before it.
LATE = """\
INSERT INTO interaction_events (run_id, form, type, correlation_id, runner_id, data, sha256)
SELECT run_id, form, type, correlation_id, runner_id, data, sha256 FROM interaction_events
WHERE run_id = 1 AND type = 'run_failed'
"""


COUNT = """\
words = len(item["text"].split())
if words == 1:
    raise RuntimeError("too short")
ctx.write("items", {"words": words})
return {"words": words}
"""


def with_one_that_fails(ground: Ground) -> None:
    once = "[scripts.count]\nmax_attempts = 1\n"
    ground.project(rows=[*rows(3), {"name": "bad", "text": "one"}], actors={"count": script(COUNT)}, toml=once)
    assert ground.run() == "failed"


@pytest.fixture
def failed(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(with_one_that_fails)


def said(ground: Ground) -> dict[str, Any]:
    """Return what `wave status` says, without what moves by itself."""

    async def ask(engine: Engine) -> Any:
        return plain(document(await dashboard(engine.database, 1)))

    return {name: value for name, value in ground.do(ask).items() if name not in MOVES}


def keep(ground: Ground, *, least: int = 1) -> bool:
    """Do what the loop does in a pass. False too while a transaction is open that is older, in whatever database."""
    return ground.do(lambda engine: run_sums.keep(engine.database, least=least))


def kept(ground: Ground) -> str | None:
    found = ground.sql("SELECT sums FROM run_sums WHERE run_id = 1")
    return found[0]["sums"] if found else None


def is_read(ground: Ground) -> bool:
    """Whether a report takes what is kept."""

    async def ask(engine: Engine) -> bool:
        async with engine.database.snapshot() as connection:
            return await run_sums._kept(connection, 1) is not None

    return ground.do(ask)


def test_what_is_kept_is_what_was_counted_and_no_report_counts_again(failed: Ground):
    counted = said(failed)
    assert kept(failed) is None
    wait_until(lambda: keep(failed))
    assert is_read(failed)
    assert said(failed) == counted
    assert counted["records"] == {"total": 4, "live": 0, "ended": 0, "completed": 3, "incomplete": 1}
    failed.tampered = True
    failed.sql("UPDATE run_sums SET sums = %s", json.dumps({**json.loads(kept(failed) or ""), "work": []}))
    assert said(failed)["steps"] == []
    assert not keep(failed), "it is added up once"


def test_whatever_happens_to_the_run_ends_what_is_kept_in_the_same_transaction(failed: Ground):
    wait_until(lambda: keep(failed))
    before = said(failed)
    failed.sql("UPDATE items SET text = 'four words of it' WHERE name = 'bad'")
    assert failed.do(lambda engine: engine.orders().retry(Subject.RUN, "1", Filter())) == 1
    assert not is_read(failed)
    under_way = said(failed)
    assert (under_way["records"]["live"], under_way["records"]["incomplete"]) == (1, 0)
    assert not keep(failed), "it is under way"
    assert failed.do(lambda engine: run_to_end(engine, 1)) == "completed"
    counted = said(failed)
    assert counted["records"]["completed"] == 4 != before["records"]["completed"]
    wait_until(lambda: keep(failed))
    assert is_read(failed)
    assert said(failed) == counted

    assert failed.do(wrong).interactions == 1
    assert not is_read(failed)
    assert said(failed)["interactions"]["by_state"]["invalidated"] == 1
    assert failed.do(lambda engine: run_to_end(engine, 1)) == "failed"
    wait_until(lambda: keep(failed))
    added_up = said(failed)
    failed.sql("DELETE FROM run_sums")
    assert said(failed) == added_up


async def wrong(engine: Engine) -> Invalidated:
    return await engine.repair().invalidate(
        engine.redoing().choice("work", "count", where='name:"item 0001"'), reason="wrong"
    )


def test_nothing_is_kept_while_somebody_may_still_write_an_older_event(failed: Ground):
    failed.tampered = True
    options = "-c search_path=wave,public"
    with psycopg.connect(failed.url, options=options) as slow:
        slow.execute(LATE)
        failed.sql(LATE)
        assert not keep(failed)
        assert kept(failed) is None
        slow.execute("UPDATE interactions SET service_us = 77 WHERE run_id = 1")
        assert not keep(failed)
        assert not is_read(failed)
    wait_until(lambda: keep(failed))
    assert is_read(failed)
    assert {step["average_us"] for step in said(failed)["steps"]} == {77.0}


def test_what_is_counted_soon_enough_is_not_kept(failed: Ground):
    assert not keep(failed, least=run_sums.FEW)
    assert failed.sql("SELECT * FROM run_sums") == []


def test_what_is_kept_and_is_not_what_there_is_is_a_broken_invariant(failed: Ground):
    wait_until(lambda: keep(failed))
    assert broken_invariants(failed.url) == {}
    failed.tampered = True
    sums = json.loads(kept(failed) or "")
    sums["records"]["completed"] += 1
    failed.sql("UPDATE run_sums SET sums = %s", json.dumps(sums))
    [[says]] = broken_invariants(failed.url).values()
    assert "4 completed records" in says.partition(", and there are")[0]
    assert "3 completed records" in says.partition(", and there are")[2]


WAVE = 5
END = """\
WITH taken AS (DELETE FROM claimable WHERE run_id = %s)
UPDATE workflow_runs SET state = 'failed', reason = 'step_failed', ended_at = clock_timestamp() WHERE run_id = %s
"""


FAIL = """\
UPDATE interactions SET state = 'failed', error = '-', error_class = 'timeout', finished_at = clock_timestamp()
WHERE state = 'pending'
"""


async def do_a_wave(hand: Hand) -> None:
    wave = await hand.claim(size=WAVE)
    await hand.begin(wave)
    await hand.finish(wave)
    await hand.engine.database.fetch("counts/fold")


def executions(found: Dashboard) -> int:
    return next(actor.executions for actor in found.actors if actor.actor == "count")


def finished(found: Dashboard) -> int:
    return next(step.finished for step in found.steps if step.step == "count")


def test_a_large_run_under_way_is_counted_by_one_runner_from_time_to_time(ground: Ground):
    ground.project()

    async def look(hand: Hand) -> None:
        database = hand.engine.database

        async def asked(*, now: bool = False) -> Dashboard:
            return await dashboard(database, hand.run_id, now=now)

        async def count() -> list[bool]:
            return sorted(await all_at_once([run_sums.keep_interim(database, least=4 * WAVE) for _ in range(2)]))

        await hand.seed(4 * WAVE)
        await do_a_wave(hand)
        assert not await run_sums.keep_interim(database, least=1000), "it is small"
        with psycopg.connect(ground.url, options="-c search_path=wave,public") as other:
            other.execute("LOCK TABLE interactions")
            assert not await run_sums.keep_interim(database, least=1, longest_s=0.1), "it takes too long"
        assert (await asked()).overall.counted_at is None
        await hand.sql("UPDATE interim_sums SET next_at = clock_timestamp()")
        assert await count() == [False, True]
        first = await asked()
        assert first.overall.counted_at is not None
        assert executions(first) == finished(first) == WAVE

        await do_a_wave(hand)
        found = await asked()
        assert found.overall.counted_at == first.overall.counted_at
        assert (executions(found), finished(found)) == (WAVE, 2 * WAVE)
        exact = await asked(now=True)
        assert exact.overall.counted_at is None
        assert executions(exact) == finished(exact) == 2 * WAVE
        assert await count() == [False, False], "it rests"
        await hand.sql("UPDATE interim_sums SET next_at = clock_timestamp()")
        assert await count() == [False, True]
        found = await asked()
        assert found.overall.counted_at is not None
        assert found.overall.counted_at > first.overall.counted_at
        assert executions(found) == 2 * WAVE
        await hand.sql("UPDATE interim_sums SET next_at = clock_timestamp()")
        assert await count() == [False, False], "nothing has happened since"

        wave = await hand.claim(size=WAVE)
        await hand.begin(wave)
        await hand.finish(wave, [hand.move(item, State.FAILED, error_class="timeout") for item in wave.items])
        found = await asked()
        assert found.errors.counted_at is None, "few of them are always of now"
        causes = await failures(database)
        assert (causes.counted_at, [one.n for one in causes.rows]) == (None, [WAVE])
        assert [kind.n for kind in found.errors.patterns] == [len(found.errors.recent)] == [WAVE]
        await hand.seed(run_sums.MANY_WRONG)
        await hand.sql(FAIL)
        assert await count() == [False, True]
        found = await asked()
        assert found.errors.counted_at == found.overall.counted_at is not None
        kinds = found.errors.patterns
        assert sum(kind.n for kind in kinds) > run_sums.MANY_WRONG
        await hand.sql("UPDATE interactions SET error_class = 'transient' WHERE state = 'failed'")
        assert (await asked()).errors.patterns == kinds, "many are as they were counted"
        assert {kind.error_class for kind in (await asked(now=True)).errors.patterns} == {"transient"}
        causes = await failures(database)
        assert causes.counted_at == found.errors.counted_at
        assert [(one.error_class, one.n) for one in causes.rows] == [(kind.error_class, kind.n) for kind in kinds]
        exactly = await failures(database, now=True)
        assert exactly.counted_at is None
        assert {one.error_class for one in exactly.rows} == {"transient"}
        assert sum(one.n for one in exactly.rows) == sum(kind.n for kind in kinds)

        await hand.sql(END, hand.run_id, hand.run_id)
        assert (await asked()).overall.counted_at is None, "it has ended, and is counted"
        await until(lambda: run_sums.keep(database, least=1))
        assert await hand.sql("SELECT * FROM interim_sums") == []

    by_hand(ground, look)
