"""K: thirteen workers want one piece of work. One gets it, and nobody selects again what is finished.

In the first Wave Runner one item was picked thirteen times.
"""

from __future__ import annotations

import asyncio

from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground, rows
from tests.support.selecting import fill, run, selected, selecting

WORKERS = 13
ROUNDS = 200


def test_regression_k_of_thirteen_claims_one_gets_the_work_in_each_of_two_hundred_rounds(ground: Ground):
    ground.project(rows=rows(0), settings="connections = 20")

    async def race(hand: Hand) -> list[int]:
        workers = [await hand.other() for _ in range(WORKERS)]
        winners = []
        for _ in range(ROUNDS):
            await hand.seed(1)
            barrier = asyncio.Barrier(WORKERS)
            waves = await asyncio.gather(*(one_claim(worker, barrier) for worker in workers))
            won = [(worker, wave) for worker, wave in zip(workers, waves, strict=True) if wave is not None]
            winners.append(len(won))
            for worker, wave in won:
                await worker.begin(wave)
                await worker.finish(wave)
                await worker.close(wave)
        return winners

    assert by_hand(ground, race) == [1] * ROUNDS
    assert ground.states("count") == {"completed": ROUNDS}
    assert ground.sql("SELECT DISTINCT attempt FROM interactions WHERE record_id IS NOT NULL") == [{"attempt": 1}]
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_started'") == ROUNDS


async def one_claim(worker: Hand, barrier: asyncio.Barrier):
    await barrier.wait()
    return await worker.claim()


def test_regression_k_what_is_finished_is_not_selected_again(ground: Ground):
    selecting(ground)
    fill(ground, 20)
    assert run(ground) == "completed"
    assert run(ground) == "completed"
    assert selected(ground) == {"unchanged": 20}
    assert ground.states("count") == {"completed": 20}
