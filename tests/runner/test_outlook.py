"""Lanes of one runner that look for work share their looks, and what many runners leave to each other."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground, rows

from wave_runner.core.wave import GATHER_S, LATELY_S, STEP
from wave_runner.errors import ProjectError, WaveError
from wave_runner.runner.courtesy import GIVE_WAY_S, Courtesy
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.script_lane import ScriptLane
from wave_runner.store import control, waves
from wave_runner.store.control import Subject

LANES = ("scripts", "sql", "routes", "people")
SCRIPTS = "scripts"


class Gate:
    """Counts the looks, and holds up each until it is opened."""

    def __init__(self) -> None:
        self.looks = 0
        self.trouble: WaveError | None = None
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def pass_(self) -> WaveError | None:
        self.looks += 1
        self.reached.set()
        await self.open.wait()
        return self.trouble


def outlook_of(hand: Hand, gate: Gate, **looks: float) -> Outlook:
    return Outlook(
        hand.engine.database, runner_id=hand.runner_id, lease_s=30, labels=(), before_look=gate.pass_, **looks
    )


async def queue_of(hand: Hand) -> waves.Queue:
    """Return the queue of the step `count`, as this runner sees it."""
    look = await waves.waiting(hand.engine.database, [SCRIPTS], runner_id=hand.runner_id, lease_s=30)
    [found] = [queue for queue in look.queues if queue.id == hand.steps["count"].queue_id]
    return found


async def just_now(hand: Hand) -> None:
    """Let everything have happened just now, however slow this machine is."""
    await hand.sql("UPDATE waves SET opened_at = clock_timestamp() + interval '1 hour'")
    await hand.sql("UPDATE interactions SET created_at = clock_timestamp() + interval '1 hour'")


async def shared(hand: Hand, *, waiting: int, rank: int = 0) -> waves.Queue:
    """Let so many wait at the step `count`, where another runner has just opened a wave; return the queue."""
    await hand.seed(waiting + 1, rank=rank)
    await (await hand.other()).claim(size=1)
    await just_now(hand)
    return await queue_of(hand)


@contextlib.asynccontextmanager
async def script_lane(hand: Hand) -> AsyncIterator[ScriptLane]:
    """Give a lane of a runner that is known, and does nothing by itself."""
    runner = hand.engine.runner()
    await waves.register_runner(hand.engine.database, runner.runner_id, "test")
    try:
        yield runner.script_lanes[0]
    finally:
        await runner.stop()


async def held_up(outlook: Outlook, gate: Gate) -> asyncio.Task[list[waves.Queue]]:
    """Return a question whose look has begun, and does not go on until the gate is opened."""
    gate.open.clear()
    asked = asyncio.create_task(outlook.of("sql"))
    await gate.reached.wait()
    return asked


def test_all_lanes_that_ask_at_once_cost_one_look(ground: Ground):
    async def ask(hand: Hand) -> None:
        gate = Gate()
        outlook = outlook_of(hand, gate)
        await hand.seed(2)
        found = dict(zip(LANES, await asyncio.gather(*map(outlook.of, LANES)), strict=True))
        assert gate.looks == 1
        assert hand.steps["count"].queue_id in {queue.id for queue in found[SCRIPTS]}
        assert all(not found[lane] for lane in LANES if lane != SCRIPTS)

    by_hand(ground.project(rows=rows(1)), ask)


def test_whoever_asks_while_a_look_is_under_way_sees_what_has_come_since(ground: Ground):
    async def ask(hand: Hand) -> None:
        gate = Gate()
        outlook = outlook_of(hand, gate)
        first = await held_up(outlook, gate)
        await hand.seed(2)
        others = [asyncio.create_task(outlook.of(SCRIPTS)) for _ in range(3)]
        asyncio.get_running_loop().call_soon(gate.open.set)  # after they have asked
        assert await first == []
        for queues in await asyncio.gather(*others):
            assert hand.steps["count"].queue_id in {queue.id for queue in queues}
        assert gate.looks == 2

    by_hand(ground.project(rows=rows(1)), ask)


def test_nobody_sees_work_while_the_folder_cannot_be_compared(ground: Ground):
    async def ask(hand: Hand) -> None:
        gate = Gate()
        outlook = outlook_of(hand, gate)
        gate.trouble = ProjectError("wave.toml is gone")
        assert await outlook.of(SCRIPTS) == []
        assert outlook.trouble is gate.trouble
        gate.trouble = None
        assert await outlook.of(SCRIPTS) != []
        assert outlook.trouble is None

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_run_that_was_paused_or_resumed_since_the_last_look_is_known_by_the_next(ground: Ground):
    async def ask(hand: Hand) -> None:
        outlook = outlook_of(hand, Gate())
        await hand.seed(2)
        run = str(hand.run_id)
        assert {queue.held for queue in await outlook.of(SCRIPTS)} == {()}
        await hand.transact(lambda connection: control.pause(connection, Subject.RUN, run, by="ann"))
        assert await outlook.of(SCRIPTS) == []
        await hand.transact(lambda connection: control.resume(connection, Subject.RUN, run, by="ann"))
        assert {queue.held for queue in await outlook.of(SCRIPTS)} == {()}

    by_hand(ground.project(rows=rows(1)), ask)


def test_only_what_other_runners_did_lately_lets_work_gather(ground: Ground):
    async def ask(hand: Hand) -> None:
        await hand.seed(6)
        await hand.claim(size=1)
        await just_now(hand)
        assert (await queue_of(hand)).waiting.others == 0
        other, third = await hand.other(), await hand.other()
        await other.claim(size=1)
        await other.claim(size=1)
        await just_now(hand)
        assert (await queue_of(hand)).waiting.others == 1
        await third.claim(size=1)
        await just_now(hand)
        assert (await queue_of(hand)).waiting.others == 2
        await hand.sql("UPDATE waves SET opened_at = clock_timestamp() - make_interval(secs => %s)", LATELY_S)
        assert (await queue_of(hand)).waiting.others == 0

    by_hand(ground.project(rows=rows(1)), ask)


def test_what_gathers_is_taken_once_there_is_enough_or_it_has_waited(ground: Ground):
    async def ask(hand: Hand) -> None:
        queue, courtesy = await shared(hand, waiting=4), Courtesy()
        assert courtesy.leaves(queue, enough=5)
        assert not courtesy.leaves(queue, enough=4)
        await hand.sql(
            "UPDATE interactions SET created_at = clock_timestamp() - make_interval(secs => %s)", 2 * GATHER_S
        )
        assert not courtesy.leaves(await queue_of(hand), enough=50)

    by_hand(ground.project(rows=rows(1)), ask)


def test_whoever_comes_too_late_leaves_a_queue_for_longer_each_time(ground: Ground):
    async def ask(hand: Hand) -> None:
        queue, courtesy = await shared(hand, waiting=2), Courtesy()
        left = []
        for _ in range(5):
            courtesy.came_late(queue)
            left.append(courtesy.until[queue.id])
        first, second, *others = [later - sooner for sooner, later in pairwise(left)]  # 0.25, 0.5, 1.0, 1.0, 1.0
        assert GIVE_WAY_S <= first < second
        assert max(others) < second
        assert courtesy.leaves(queue, enough=3)
        assert not courtesy.leaves(queue, enough=2)  # as much as a wave holds
        courtesy.came_first(queue)
        courtesy.came_late(queue)
        assert courtesy.until[queue.id] < left[-1]

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_runner_that_is_alone_gives_way_to_nobody(ground: Ground):
    async def ask(hand: Hand) -> None:
        await hand.seed(2)
        await hand.claim(size=1)
        await just_now(hand)
        queue, courtesy = await queue_of(hand), Courtesy()
        courtesy.came_late(queue)  # its other lane was first
        assert not courtesy.leaves(queue, enough=50)

    by_hand(ground.project(rows=rows(1)), ask)


def test_priority_goes_before_courtesy(ground: Ground):
    async def ask(hand: Hand) -> None:
        queue, courtesy = await shared(hand, waiting=1, rank=-STEP), Courtesy()
        plain = replace(queue, waiting=replace(queue.waiting, queue_id=99, rank=0))
        assert courtesy.leaves(queue, enough=50)
        assert not courtesy.leaves(queue, enough=50, beside=[plain])
        assert courtesy.leaves(plain, enough=50, beside=[queue])

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_lane_leaves_what_gathers_and_takes_it_when_it_has_waited(ground: Ground):
    async def ask(hand: Hand) -> None:
        await shared(hand, waiting=2)
        await hand.sql("UPDATE interactions SET ready_at = 'infinity' WHERE record_id IS NULL AND state = 'pending'")
        await hand.put_in_order()
        async with script_lane(hand) as lane:
            assert not await lane.one_pass()
            assert ground.states("count") == {"pending": 3}
            await hand.sql("UPDATE interactions SET created_at = clock_timestamp() - interval '1 minute'")
            assert await lane.one_pass()
            assert ground.states("count") == {"pending": 1, "completed": 2}

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_pass_over_what_others_have_taken_comes_to_an_end(ground: Ground):
    async def ask(hand: Hand) -> None:
        await shared(hand, waiting=2)
        await hand.sql("UPDATE interactions SET created_at = clock_timestamp() - interval '1 minute'")
        async with script_lane(hand) as lane, hand.engine.database.transaction() as somebody:
            await somebody.execute("SELECT FROM claimable FOR UPDATE")
            assert not await lane.one_pass()
            assert lane.courtesy.late == {hand.steps["count"].queue_id: 1}

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_look_that_is_under_way_when_a_runner_stops_is_ended(ground: Ground):
    async def ask(hand: Hand) -> None:
        gate = Gate()
        outlook = outlook_of(hand, gate)
        first = await held_up(outlook, gate)
        second = asyncio.create_task(outlook.of(SCRIPTS))
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await outlook.close()
        gate.open.set()
        assert gate.looks == 1
        assert [task for task in asyncio.all_tasks() if "_look" in str(task)] == []

    by_hand(ground.project(rows=rows(1)), ask)


def test_looks_begin_at_the_last_heads_and_what_came_before_them_is_found_in_time(ground: Ground):
    async def ask(hand: Hand) -> None:
        look = outlook_of(hand, Gate(), seldom=1e6)  # none from the beginning again soon

        async def front(*, whole: bool = False) -> waves.Front | None:
            queues = {queue.id: queue for queue in await look.of(SCRIPTS, whole=whole)}
            queue = queues.get(hand.steps["count"].queue_id)
            return queue and queue.front

        first, second = await hand.seed(2, rank=5)
        assert await front() == (5, first)
        assert look.whole_in_s(SCRIPTS) == math.inf
        [sooner] = await hand.seed(1, rank=-5)
        assert await front() == (5, first)
        assert 0 < look.whole_in_s(SCRIPTS) < math.inf
        await hand.claim(size=1, front=waves.Front(5, first))
        assert await front() == (5, second)
        await hand.claim(size=1, front=waves.Front(5, second))
        assert await front() is None
        assert 0 < look.whole_in_s(SCRIPTS) < math.inf
        assert await front(whole=True) == (-5, sooner)
        assert look.whole_in_s(SCRIPTS) == math.inf
        await hand.claim(size=1)
        assert await front() is None

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_look_that_is_due_begins_from_the_beginning(ground: Ground):
    async def ask(hand: Hand) -> None:
        look = outlook_of(hand, Gate(), seldom=0.0)
        await hand.seed(1, rank=5)
        await look.of(SCRIPTS)
        [sooner] = await hand.seed(1, rank=-5)
        fronts = [queue.front for queue in await look.of(SCRIPTS)]
        assert waves.Front(-5, sooner) in fronts
        assert look.whole_in_s(SCRIPTS) == math.inf

    by_hand(ground.project(rows=rows(1)), ask)


def test_a_lane_that_looked_in_part_wakes_for_the_look_from_the_beginning(ground: Ground):
    async def ask(hand: Hand) -> None:
        async with script_lane(hand) as lane:
            lane.outlook = outlook_of(hand, Gate(), seldom=1e6)
            await hand.seed(1, rank=5)
            while await lane.one_pass():
                continue
            await hand.seed(1, rank=-5)
            assert not await lane.one_pass()
            assert 0 < lane.soonest_s() < math.inf

    by_hand(ground.project(rows=rows(1)), ask)


def test_nothing_is_relayed_while_looks_from_the_beginning_are_slow(ground: Ground):
    async def ask(hand: Hand) -> None:
        await hand.seed(1)
        for slow_s, is_known in [(60.0, True), (0.0, False)]:
            look = outlook_of(hand, Gate(), slow_s=slow_s)
            await look.of(SCRIPTS)
            assert (look.last_seen(hand.steps["count"].queue_id) is not None) == is_known

    by_hand(ground.project(rows=rows(1)), ask)
