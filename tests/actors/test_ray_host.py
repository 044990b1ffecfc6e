"""What stands on a node of a Ray cluster, asked as a runner asks it, without a cluster."""

import asyncio
from pathlib import Path

from tests.support.script_zoo import ZOO, jobs

from wave_runner.actors.ray_host import Answer, Finished, Parcel, RayHost
from wave_runner.core.outcome import ErrorClass


def on_host(zoo, entry, work):
    """Do `work(host)` with a script of which nothing but its bytes is there, and look what is left behind."""

    async def whole():
        script = zoo.script(entry, root=Path("/the/folder/of/another/machine"))
        host = RayHost(Parcel(script=script, files={entry: (ZOO / entry).read_bytes()}))
        try:
            return await work(host)
        finally:
            await host.close()

    found = asyncio.run(whole())
    assert zoo.processes() == []
    return found


def test_the_bytes_that_travelled_are_run_and_nothing_of_them_stays(zoo):
    async def work(host):
        await host.begin(jobs({}), 20.0)
        return await host.next()

    finished = on_host(zoo, "knows_its_world.py", work)
    assert isinstance(finished, Finished)
    assert finished.broken == ""
    home = Path(finished.outcomes[0].output["cwd"])
    assert home.name.startswith("worker-")
    assert not home.parent.parent.exists()


def test_an_answer_that_comes_when_its_script_was_stopped_harms_nobody(zoo):
    async def work(host):
        await host.begin(jobs({"how": "query", "n": 1}), 0.3)
        late, stopped = await host.next(), await host.next()
        await host.answer(late.number, Answer(value=[]))
        await host.begin(jobs({"how": "query", "n": 2}), 20.0)
        asked = await host.next()
        await host.answer(asked.number, Answer(value=[{"n": 2}]))
        return stopped.outcomes + (await host.next()).outcomes

    stopped, done = on_host(zoo, "asks.py", work)
    assert stopped.error_class is ErrorClass.TIMEOUT
    assert done.output == {"rows": [{"n": 2}]}
