"""The lifecycle that everything which loops in a runner shares."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.runner.loop import Loop, to_common_moment_s

LONG_S = 3600.0


async def running(loop: Loop) -> asyncio.Task[None]:
    return asyncio.create_task(loop.run())


def test_a_loop_that_is_woken_again_and_again_does_together_what_piles_up():
    async def play() -> tuple[int, int, float]:
        passes, wakes, enough = 0, 0, asyncio.Event()

        async def one_pass() -> bool:
            nonlocal passes
            passes += 1
            if passes == 4:
                enough.set()
            return False

        loop = Loop("gathering", one_pass, pause_s=LONG_S, shortest_pause_s=0.05)
        began = asyncio.get_running_loop().time()
        task = await running(loop)
        waiting = asyncio.create_task(enough.wait())
        while not waiting.done():
            loop.wake()
            wakes += 1
            await asyncio.wait([waiting], timeout=0.001)
        took_s = asyncio.get_running_loop().time() - began
        loop.stop()
        await task
        return passes, wakes, took_s

    passes, wakes, took_s = asyncio.run(play())
    assert took_s >= (passes - 1) * 0.05
    assert wakes > passes


def test_a_pause_ends_when_work_that_was_put_off_is_due():
    async def play() -> int:
        passes, twice = 0, asyncio.Event()

        async def one_pass() -> bool:
            nonlocal passes
            passes += 1
            if passes == 2:
                twice.set()
            return False

        loop = Loop("seeking", one_pass, pause_s=LONG_S, soonest_s=lambda: 0.01)
        task = await running(loop)
        async with asyncio.timeout(30):
            await twice.wait()
        loop.stop()
        await task
        return passes

    assert asyncio.run(play()) >= 2


def test_a_loop_that_is_stopped_or_woken_does_not_wait_for_its_pause_to_end():
    async def play() -> int:
        passes, passed = 0, asyncio.Event()

        async def one_pass() -> bool:
            nonlocal passes
            passes += 1
            passed.set()
            return False

        loop = Loop("seeking", one_pass, pause_s=LONG_S)
        task = await running(loop)
        async with asyncio.timeout(30):
            await passed.wait()
            passed.clear()
            loop.wake()
            await passed.wait()
            loop.stop()
            await task
        return passes

    assert asyncio.run(play()) == 2


def test_a_wake_during_a_pass_is_not_lost():
    async def play() -> int:
        passes = 0

        async def one_pass() -> bool:
            nonlocal passes
            passes += 1
            (loop.wake if passes == 1 else loop.stop)()
            return False

        loop = Loop("seeking", one_pass, pause_s=LONG_S)
        async with asyncio.timeout(30):
            await loop.run()
        return passes

    assert asyncio.run(play()) == 2


EXACT = st.integers(0, 2**30).map(lambda n: n / 1024)  # seconds that floats can say, and add


@given(now=EXACT, later_s=st.integers(0, 1024).map(lambda n: n / 1024), seconds=st.sampled_from([0.25, 0.5, 1.0]))
def test_loops_that_pause_for_equally_long_wake_together(now: float, later_s: float, seconds: float):
    first = now + to_common_moment_s(now, seconds)
    assert 0 < first - now <= seconds
    if now + later_s < first:
        assert now + later_s + to_common_moment_s(now + later_s, seconds) == first
