"""One writer keeps its transaction open while others go on, and one in ten is rolled back: every number is exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.support.by_hand import Hand, by_hand
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, rows, run_to_end, until

from wave_runner.engine import Engine
from wave_runner.reports.overall import overall
from wave_runner.reports.steps import steps
from wave_runner.store import interactions, runs
from wave_runner.store.run_sums import sums
from wave_runner.store.waves import Item, Wave

N = 40
SLOW = 5
LONG_S = 3600.0

COUNT = """\
SELECT i.run_id, s.name AS step, i.state::text AS state, count(*) AS n
FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
GROUP BY 1, 2, 3
"""


class Undone(Exception):
    """Ends a transaction as an error does."""


async def finish(hand: Hand, wave: Wave, item: Item, *, undone: bool) -> None:
    """Finish one item in a transaction of its own; or not, because something fails in it afterwards."""
    async with hand.engine.database.transaction() as connection:
        assert await interactions.finish(connection, wave, [hand.move(item)])
        if undone:
            raise Undone


async def finish_all(hand: Hand, wave: Wave, items: Sequence[Item]) -> None:
    """Finish items one by one, while one in ten transactions is rolled back first."""
    for n, item in enumerate(items):
        if n % 10 == 0:
            try:
                await finish(hand, wave, item, undone=True)
            except Undone:
                await runs.fold_counts(hand.engine.database)
        await finish(hand, wave, item, undone=False)


async def exact(engine: Engine) -> dict[int, dict[str, int]]:
    """Hold what the reports say of every run against a plain count of the same moment; return it, by run and state."""
    said = {}
    async with engine.database.snapshot() as connection:
        cursor = await connection.execute(COUNT)
        counted: dict[int, dict[str, dict[str, int]]] = {}
        for row in await cursor.fetchall():
            counted.setdefault(row["run_id"], {}).setdefault(row["step"], {})[row["state"]] = row["n"]
        for run_id, by_step in counted.items():
            run = await sums(connection, run_id)
            shown = await steps(connection, run_id, run.work)
            found = {step.step: dict(step.states) for step in shown if step.states}
            assert found == by_step
            said[run_id] = dict((await overall(connection, run_id, run)).interactions.by_state)
            assert said[run_id] == dict(sum(map(Counter, by_step.values()), Counter()))
    return said


def test_counts_and_reports_are_exact_beside_a_slow_writer_and_transactions_that_are_rolled_back(ground: Ground):
    ground.project(rows=rows(N))

    async def play(hand: Hand) -> int:
        await hand.seed(N)
        wave = await hand.claim(lease_s=LONG_S)
        await hand.begin(wave)
        slow, others = wave.items[:SLOW], wave.items[SLOW:]
        with ground.process("run", "work") as running:

            async def has_ended() -> bool:
                await exact(hand.engine)
                return running.poll() is not None

            async with hand.engine.database.transaction() as connection:
                # The server would end a transaction of ours that is idle for so long.
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                await interactions.finish(connection, wave, [hand.move(item) for item in slow])
                await finish_all(hand, wave, others)
                await until(has_ended)
                await runs.fold_counts(hand.engine.database)
                said = await exact(hand.engine)
                assert said[hand.run_id]["running"] == SLOW
                # Nothing is wrong but that a transaction is open for so long.
                assert broken_invariants(ground.url).keys() <= {"I11"}
            assert running.returncode == 0, running.stderr.read()
        said = await exact(hand.engine)
        assert "running" not in said[hand.run_id]
        await hand.close(wave)
        return hand.run_id

    run_id = by_hand(ground, play)
    assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"
    assert ground.states("count") == {"completed": 2 * N}
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_completed'") == 2 * N + 4
    ground.do(exact)
    assert broken_invariants(ground.url) == {}
