"""What has changed is told to all who watch, by one look for all of them, and says nothing of any record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
from tests.support.projects import Ground
from tests.support.serving import PATIENCE_S, Served

from wave_runner.api.watching import EVERYTHING, MOST_OF_ONE, Watcher, Watching
from wave_runner.store.changes import Change
from wave_runner.store.database import Database


def lines(answer: httpx.Response) -> Iterator[Any]:
    """Return the data of each event, and None for a heartbeat."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
        elif line.startswith(":"):
            yield None


def until_run(heard: Iterator[Any], run_id: str) -> dict[str, Any]:
    return next(one for one in heard if one is not None and run_id in one["run_ids"])


def test_every_stream_is_told_of_a_run_and_that_it_still_lives(served: Served, worked: Ground):
    given: dict[str, Any] = {"headers": {"Authorization": f"Bearer {served.token}"}, "timeout": PATIENCE_S}
    with (
        httpx.stream("GET", f"{served.url}/api/v1/changes", **given) as one,
        httpx.stream("GET", f"{served.url}/api/v1/changes", **given) as other,
    ):
        assert one.headers["content-type"].startswith("text/event-stream")
        heard = [lines(one), lines(other)]
        assert next(heard[0]) == {"schema": "wave.changes.v1", "run_ids": [], "kinds": ["*"]}
        starting = threading.Thread(target=worked.start)
        starting.start()
        found = [until_run(stream, "3") for stream in heard]
        starting.join()
        assert all("run" in change["kinds"] for change in found)
        assert None in heard[0]
        served.process.terminate()
        assert served.process.wait(PATIENCE_S) == 0
    assert served.process.stderr is not None
    assert served.process.stderr.read() == ""


def test_one_look_is_for_all_who_watch(ground: Ground):
    """What nobody has taken yet is merged: one who is slow holds nobody up, and misses nothing."""
    ground.project()

    async def watched() -> list[Change]:
        database = Database(ground.url, schema="wave", size=1)
        await database.open()
        watching = Watching(database)
        try:
            async with watching.watch("ann") as slow, watching.watch("ann") as quick:
                assert (await quick.take(PATIENCE_S)) == EVERYTHING
                found = [await asyncio.to_thread(ground.start), await asyncio.to_thread(ground.start)]
                heard = [await hears(watcher, {*found}) for watcher in (quick, slow)]
            assert watching.full("ann") == ""
            async with contextlib.AsyncExitStack() as streams:
                for _ in range(MOST_OF_ONE):
                    await streams.enter_async_context(watching.watch("ann"))
                assert (watching.full("ann") != "", watching.full("ben")) == (True, "")
            watching.end()
            async with watching.watch("ann") as late:
                assert late.ended
            return heard
        finally:
            await database.close()

    async def hears(watcher: Watcher, of: set[int]) -> Change:
        heard = Change()
        async with asyncio.timeout(PATIENCE_S):
            while not of <= heard.runs:
                heard |= await watcher.take(PATIENCE_S)
        return heard

    quick, slow = asyncio.run(watched())
    assert "run" in quick.kinds
    assert "*" in slow.kinds
    assert quick.runs == slow.runs == {1, 2}
