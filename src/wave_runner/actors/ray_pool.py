"""Script workers anywhere in a Ray cluster: as many busy at once as there are slots, each on a host with room for it.

State stays where it is: a script's bytes and items travel to a `RayHost`, outcomes and requests come back to the
runner, which holds the lease and alone speaks to the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wave_runner.actors.job import HostLost, Job, RequestRefused, Requests, ScriptVersion
from wave_runner.actors.pool import WARM_S, key_of
from wave_runner.actors.ray_cluster import AUTO, PLACES_TRIED, ROOM_S, Cluster, Host, Resources, in_words
from wave_runner.actors.ray_host import Answer, Finished, Installation, Parcel, RayHost
from wave_runner.core.outcome import Outcome
from wave_runner.errors import ActorError

_log = logging.getLogger(__name__)


class RayPool:
    """Runs scripts on hosts that stay warm between waves, `warm` of them at most. For one event loop.

    `resources` says what one worker of a script needs, by the script's name: `num_cpus`, `num_gpus`, `memory` in
    bytes, and resources that nodes were given names for. Without a word it is one CPU. `wait_s`: how long to wait for
    a place before that is said.
    """

    def __init__(
        self,
        *,
        slots: int,
        address: str = AUTO,
        resources: Mapping[str, Resources] | None = None,
        wait_s: float = 60.0,
        warm: int = 1,
        installation: Installation | None = None,
    ) -> None:
        self._cluster = Cluster(address, gives_way=self._let_all_go)
        self._slots = asyncio.Semaphore(slots)
        self._resources = resources or {}
        self._wait_s = wait_s
        self._warm = warm
        self._installation = installation or Installation.here()
        self._idle: dict[_Host, asyncio.TimerHandle] = {}  # the one used longest ago first
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, script: ScriptVersion, jobs: Sequence[Job], requests: Requests) -> list[Outcome]:
        """Do all jobs on one host and return one outcome for each, in order: see `Pool`."""
        async with self._slots:
            host = await self._take(script)
            reusable = False
            try:
                outcomes = await host.do(jobs, requests, script.timeout_s)
                reusable = not self._closed
            finally:
                if reusable:
                    self._put_by(host)
                else:
                    await asyncio.shield(self._retire(host))
        return outcomes

    async def close(self) -> None:
        """End all hosts and leave the cluster. Safe twice; calls in progress are to be cancelled first."""
        self._closed = True
        self._let_all_go()
        await asyncio.gather(*self._endings)
        self._cluster.leave()

    async def _take(self, script: ScriptVersion) -> _Host:
        """Return an idle host of this version, or start one where the cluster has room."""
        if self._closed:
            raise RuntimeError("the pool is closed")
        if warm := self._warm_one(script):
            return warm
        for _ in range(PLACES_TRIED):
            host = _Host(self._cluster, script, self._resources.get(script.name, {}), self._installation)
            try:
                return await self._placed(host)
            except HostLost as lost:  # nothing of the wave had begun
                _log.warning("a node of the Ray cluster was lost as it was to have %s (%s)", script.name, lost)
                await asyncio.shield(self._retire(host))
            except BaseException:
                await asyncio.shield(self._retire(host))
                raise
        hint = "look at the nodes: their memory, and the logs of their raylets"
        raise ActorError(f"{PLACES_TRIED} hosts for {script.name} were lost as they started", hint=hint)

    def _warm_one(self, script: ScriptVersion) -> _Host | None:
        for host in reversed(self._idle):
            if key_of(host.script) == key_of(script):
                self._idle.pop(host).cancel()
                return host
        return None

    async def _placed(self, host: _Host) -> _Host:
        """Return the host once it stands, or another of its script that became idle first; say what it waits for."""
        ready = asyncio.ensure_future(host.stands())
        now = asyncio.get_running_loop().time
        say_at = now() + self._wait_s
        try:
            while not (await asyncio.wait({ready}, timeout=ROOM_S))[0]:
                if warm := self._warm_one(host.script):
                    self._retire(host)
                    return warm
                self._cluster.make_room()
                if now() >= say_at:
                    self._say_what_is_missing(host)
                    say_at = now() + self._wait_s
            ready.result()
        finally:
            ready.cancel()
        return host

    def _say_what_is_missing(self, host: _Host) -> None:
        host.check_room()
        message = "%s waits for a place in the Ray cluster (%s): all are taken; `ray status` shows by whom"
        _log.warning(message, host.name, in_words(host.needs))

    def _put_by(self, host: _Host) -> None:
        self._idle[host] = asyncio.get_running_loop().call_later(WARM_S, self._let_go, host)
        while len(self._idle) > self._warm:
            self._let_go(next(iter(self._idle)))

    def _let_all_go(self) -> None:
        for host in list(self._idle):
            self._let_go(host)

    def _let_go(self, host: _Host) -> None:
        self._idle.pop(host).cancel()
        self._retire(host)

    def _retire(self, host: _Host) -> asyncio.Task[None]:
        """End a host in a task of its own, so that a cancelled wave cannot leave it half ended."""
        task = asyncio.create_task(host.end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task


class _Host(Host):
    """A `RayHost` as the runner sees it."""

    def __init__(self, cluster: Cluster, script: ScriptVersion, needs: Resources, expected: Installation) -> None:
        parcel = Parcel(script=script, files=_files(script.root))
        # One call of a script at a time; beside it `answer` and `close`.
        super().__init__(
            cluster, RayHost, parcel, name=script.name, needs=needs, setting="ray_resources", expected=expected
        )
        self.script = script

    async def do(self, jobs: Sequence[Job], requests: Requests, timeout_s: float) -> list[Outcome]:
        """Have the jobs done, and requests answered meanwhile."""
        await self.ask("begin", list(jobs), timeout_s)
        while not isinstance(said := await self.ask("next"), Finished):
            await self.ask("answer", said.number, await _answer(requests, said.name, said.arguments))
        if said.broken:
            hint = "look at the node: its disk, its processes, its memory"
            raise ActorError(f"no worker of {self.script.name} can be started on Ray: {said.broken}", hint=hint)
        return list(said.outcomes)


async def _answer(requests: Requests, name: str, arguments: Sequence[Any]) -> Answer:
    try:
        return Answer(value=await getattr(requests, name)(*arguments))
    except RequestRefused as error:
        return Answer(refused=str(error))


def _files(root: Path) -> dict[str, bytes]:
    """Return the files that a local worker would run, which were laid out from the approved bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
